"""Layers, with PyTorch's names, arguments, defaults and names of parameters.

Each family's `__all__` says what it offers; all of it is offered here.
"""

from typing import TYPE_CHECKING

from . import functional, init, utils
from .activation import *
from .attention import *
from .containers import *
from .conv import *
from .distance import *
from .dropout import *
from .embedding import *
from .images import *
from .input_normalization import *
from .linear import *
from .loss import *
from .module import *
from .normalization import *
from .padding import *
from .parameter_containers import *
from .pooling import *
from .recurrent import *
from .recurrent_cells import *
from .transformer import *

if not TYPE_CHECKING:           # type checkers understand literal lists only, and take all names where there is none
    __all__ = sorted([name for name, value in globals().items()
                      if isinstance(value, type) or name in ("functional", "init", "utils")])
