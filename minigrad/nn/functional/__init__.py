"""Functions with PyTorch's signatures, thin over the pure ops: they draw the masks and update running statistics.

`dim` is what the ops call `axis`. Inputs are tensors; a layer asked for its output shape passes arrays without values.
Each family's `__all__` says what it offers; all of it is offered here.
"""

from types import FunctionType
from typing import TYPE_CHECKING

from ...misuse import named as _named
from .activations import *
from .attention import *
from .conv import *
from .distances import *
from .dropouts import *
from .embedding import *
from .images import *
from .linear import *
from .losses import *
from .normalization import *
from .padding import *
from .pooling import *

for _name, _function in list(globals().items()):
    if isinstance(_function, FunctionType) and _function.__module__.startswith(__name__):
        globals()[_name] = _function = _named(_function)
        _function.__module__ = __name__         # where it is found by its name, as for copies in other processes
del _name, _function

if not TYPE_CHECKING:           # type checkers understand literal lists only, and take all names where there is none
    __all__ = sorted([name for name, value in globals().items()
                      if isinstance(value, FunctionType) and not name.startswith("_")])
