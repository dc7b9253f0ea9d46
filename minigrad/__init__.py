"""minigrad: a deep-learning engine from scratch on NumPy (CPU) and CuPy (GPU).

    import minigrad as mg
    x = mg.tensor([[1., 2.], [3., 4.]], requires_grad=True)
    (x @ x.T).sum().backward()
    x.grad

Layers are in `minigrad.nn`, optimizers in `minigrad.optim`, layer graphs in `minigrad.graph`, ready models in
`minigrad.models`, the debugger in `minigrad.debug`, gradient checks in `minigrad.testing`.
"""

from numpy import bool, float16, float32, float64, int8, int16, int32, int64, uint8

from . import debug, graph, models, nn, ops, optim
from .backend import DeviceError, cuda_available, default_generator, make_generator, manual_seed
from .fused import config, fused
from .graph import load, save
from .op import op
from .ops import (
    abs,
    add,
    all,
    any,
    arange,
    argmax,
    argmin,
    astype,
    avg_pool2d,
    batch_norm_eval,
    batch_norm_train,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    broadcast_to,
    concat,
    conv2d,
    copy,
    cos,
    cross_entropy,
    divide,
    dropout,
    einsum,
    elu,
    empty,
    equal,
    exp,
    expand_dims,
    eye,
    flatten,
    floor_divide,
    fold,
    full,
    full_like,
    getitem,
    greater,
    greater_equal,
    isfinite,
    isnan,
    layer_norm,
    leaky_relu,
    less,
    less_equal,
    linear,
    linspace,
    log,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logsumexp,
    matmul,
    max,
    max_pool2d,
    maximum,
    mean,
    min,
    minimum,
    moveaxis,
    multiply,
    negative,
    not_equal,
    ones,
    ones_like,
    pad,
    permute_dims,
    power,
    rand,
    randint,
    randn,
    relu,
    remainder,
    reshape,
    scaled_dot_product_attention,
    scatter_along_axis,
    sigmoid,
    sign,
    silu,
    sin,
    softmax,
    softplus,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    subtract,
    sum,
    swapaxes,
    take,
    take_along_axis,
    tanh,
    tensor,
    unfold,
    var,
    where,
    zeros,
    zeros_like,
)
from .tensor import Tensor, enable_grad, no_grad, set_grad_enabled
from .walk import grad

cat = concat            # PyTorch's word

__version__ = "0.1.0"

__all__ = [
    "DeviceError", "Tensor", "abs", "add", "all", "any", "arange", "argmax", "argmin", "astype", "avg_pool2d",
    "batch_norm_eval", "batch_norm_train", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "bool", "broadcast_to", "cat", "concat", "config", "conv2d", "copy", "cos",
    "cross_entropy", "cuda_available", "debug", "default_generator", "divide", "dropout", "einsum", "elu", "empty",
    "enable_grad", "equal", "exp", "expand_dims", "eye", "flatten", "float16", "float32", "float64", "floor_divide",
    "fold", "full", "full_like", "fused", "getitem", "grad", "graph", "greater", "greater_equal", "int16", "int32",
    "int64", "int8", "isfinite", "isnan", "layer_norm", "leaky_relu", "less", "less_equal", "linear", "linspace",
    "load", "log", "log_softmax", "logical_and", "logical_not", "logical_or", "logical_xor", "logsumexp",
    "make_generator", "manual_seed", "matmul", "max", "max_pool2d", "maximum", "mean", "min", "minimum", "models",
    "moveaxis", "multiply", "negative", "nn", "no_grad", "not_equal", "ones", "ones_like", "op", "ops", "optim",
    "pad", "permute_dims", "power", "rand", "randint", "randn", "relu", "remainder", "reshape", "save",
    "scaled_dot_product_attention", "scatter_along_axis", "set_grad_enabled", "sigmoid", "sign", "silu", "sin",
    "softmax", "softplus", "split", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum", "swapaxes",
    "take", "take_along_axis", "tanh", "tensor", "uint8", "unfold", "var", "where", "zeros", "zeros_like",
]
