"""Every op, one file per family. Array functions have the array API's names; fused ops those of torch.nn.functional.

Each family's `__all__` says what it offers; all of it is offered here, and by `minigrad` itself.
"""

from types import ModuleType
from typing import TYPE_CHECKING

from .activations import *
from .adaptive_pool import *
from .attention import *
from .bilinear import *
from .classification_losses import *
from .conv import *
from .conv_transpose import *
from .creation import *
from .cumulative import *
from .distances import *
from .dropouts import *
from .elementwise import *
from .embedding import *
from .error_function import *
from .exponential import *
from .fused_normalization import *
from .indexing import *
from .interpolate import *
from .joining import *
from .likelihood_losses import *
from .linalg import *
from .local_normalization import *
from .logic import *
from .margin_losses import *
from .methods import Methods
from .normalization import *
from .norms import *
from .padding import *
from .pixels import *
from .pool import *
from .products import *
from .random import *
from .recurrent import *
from .reductions import *
from .regression_losses import *
from .repeating import *
from .rounding import *
from .shape import *
from .smooth_activations import *
from .softmaxes import *
from .sorting import *
from .triangular import *
from .trigonometry import *
from .unpool import *
from .windows import *
from .words import *

if not TYPE_CHECKING:           # type checkers understand literal lists only, and take all names where there is none
    __all__ = [name for name, value in globals().items()
               if not name.startswith("_") and name not in ("Methods", "ModuleType", "TYPE_CHECKING")
               and not isinstance(value, ModuleType)]
