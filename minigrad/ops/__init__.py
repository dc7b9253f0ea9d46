"""Every op, one file per family. Array functions have the array API's names; fused ops those of torch.nn.functional.

Each family's `__all__` says what it offers; all of it is offered here, and by `minigrad` itself.
"""

from types import ModuleType
from typing import TYPE_CHECKING

from .activations import *
from .attention import *
from .conv import *
from .creation import *
from .elementwise import *
from .linalg import *
from .logic import *
from .methods import Methods
from .normalization import *
from .pool import *
from .reductions import *
from .shape import *
from .softmaxes import *
from .windows import *

if not TYPE_CHECKING:           # type checkers understand literal lists only, and take all names where there is none
    __all__ = [name for name, value in globals().items()
               if not name.startswith("_") and name not in ("Methods", "ModuleType", "TYPE_CHECKING")
               and not isinstance(value, ModuleType)]
