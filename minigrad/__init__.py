"""minigrad: a deep-learning engine from scratch on NumPy (CPU) and CuPy (GPU)."""

from . import ops
from .backend import DeviceError, cuda_available, manual_seed
from .fused import config, fused
from .op import op
from .ops import *  # noqa: F403
from .tensor import Tensor, enable_grad, grad, no_grad, set_grad_enabled

__version__ = "0.1.0"
