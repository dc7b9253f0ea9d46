"""minigrad: a deep-learning engine from scratch on NumPy (CPU) and CuPy (GPU).

    import minigrad as mg
    x = mg.tensor([[1., 2.], [3., 4.]], requires_grad=True)
    (x @ x.T).sum().backward()
    x.grad

Layers are in `minigrad.nn`, optimizers in `minigrad.optim`, layer graphs in `minigrad.graph`, ready models in
`minigrad.models`, the debugger in `minigrad.debug`, gradient checks in `minigrad.testing`.
"""

from numpy import bool, float16, float32, float64, inf, int8, int16, int32, int64, nan, pi, uint8

from . import amp, autograd, cuda, debug, graph, models, nn, ops, optim, scratch
from .amp import autocast
from .backend import DeviceError, cuda_available, default_generator, make_generator, manual_seed
from .fused import fused
from .graph import load, save, summary
from .op import op
from .ops import *
from .settings import config, get_num_threads, set_num_threads
from .tensor import Tensor, enable_grad, no_grad, set_grad_enabled
from .walk import grad

cat = concat            # PyTorch's words
concatenate = concat    # NumPy's older one
half, double, int, long = float16, float64, int32, int64
float = float32

__version__ = "0.1.0"

__all__ = [
    "DeviceError", "Tensor", "amp", "autocast", "autograd", "bool", "cat", "concatenate", "config", "cuda",
    "cuda_available", "debug", "default_generator", "double", "enable_grad", "float16", "float32", "float64",
    "fused", "get_num_threads", "grad", "graph", "half", "inf", "int16", "int32", "int64", "int8", "load", "long",
    "make_generator", "manual_seed", "models", "nan", "nn", "no_grad", "op", "ops", "optim", "pi", "save",
    "scratch", "set_grad_enabled", "set_num_threads", "summary", "uint8",
]
__all__ = sorted([*__all__, *vars(ops)["__all__"]])
