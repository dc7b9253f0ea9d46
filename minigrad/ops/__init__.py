"""Every op, one file per family. Array functions have the array API's names; fused ops those of torch.nn.functional."""

from types import ModuleType

from .activations import dropout, elu, leaky_relu, relu, silu, softplus
from .attention import causal_mask, scaled_dot_product_attention
from .conv import conv2d
from .creation import (
    arange,
    empty,
    eye,
    full,
    linspace,
    ones,
    rand,
    randint,
    randn,
    tensor,
    zeros,
)
from .elementwise import (
    abs,
    add,
    astype,
    copy,
    cos,
    divide,
    exp,
    floor_divide,
    full_like,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    ones_like,
    power,
    remainder,
    sigmoid,
    sign,
    sin,
    sqrt,
    square,
    subtract,
    tanh,
    to,
    transfer,
    where,
    zeros_like,
)
from .linalg import contract, einsum, identity, linear, matmul
from .logic import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    equal,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from .methods import Methods
from .norm import batch_norm_eval, batch_norm_train, layer_norm
from .pool import avg_pool2d, max_pool2d
from .reductions import all, any, argmax, argmin, logsumexp, max, mean, min, std, sum, var
from .shape import (
    broadcast_to,
    concat,
    expand_dims,
    flatten,
    getitem,
    moveaxis,
    pad,
    permute_dims,
    put,
    reshape,
    scatter_along_axis,
    split,
    squeeze,
    stack,
    swapaxes,
    take,
    take_along_axis,
)
from .softmax import cross_entropy, log_softmax, softmax
from .windows import fold, unfold

__all__ = [name for name in dir()
           if not name.startswith("_") and name not in ("Methods", "ModuleType")
           and not isinstance(globals()[name], ModuleType)]
