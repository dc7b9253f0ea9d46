"""The table: one row an op, the cases from which every proof draws its inputs. A missing row fails a test.

A few rows are of plain functions over ops, not in `minigrad.op.OPS`: einsum, std, swapaxes, moveaxis, flatten.

Inputs lie away from kinks: what is compared (`relu`, `abs`, `max`, pooling) has distinct values with a gap between
them, what is divided by or taken a logarithm of is positive.
"""

import math

import numpy as np
from draws import (
    binary,
    case,
    compared,
    distinct,
    distinct_pair,
    divisible,
    halves,
    integers,
    mask,
    normal,
    one_axis,
    positive,
    quotient,
    reduction,
    unary,
)

from minigrad import ops
from minigrad.op import OPS
from minigrad.testing import Case


def call(name, inputs, params, functions=None):
    """The op or function of this name (or its namesake in `functions`) on the inputs and parameters of a case.

    Ops of any number of arrays take them as a list; einsum has its subscripts in front.
    """
    function = functions[name] if functions else OPS.get(name) or getattr(ops, name)
    if name in ("concat", "stack", "contract"):
        return function(list(inputs), **params)
    if name == "einsum":
        return function(params["subscripts"], *inputs)
    return function(*inputs, **params)


# --- elementwise --------------------------------------------------------------------------------------------------

ELEMENTWISE = {
    "add": [*binary(), case("python scalar", normal(2, 3), b=2.5)],
    "subtract": [*binary(), case("python scalar", normal(2, 3), b=2)],
    "multiply": [*binary(), case("python scalar", normal(2, 3), b=-1.5)],
    "divide": [
        *binary(lambda a, b: (normal(*a), positive(*b))),
        case("negative divisor", normal(2, 3), -positive(2, 3)),
        case("python scalar", normal(2, 3), b=4),
    ],
    "floor_divide": [case("same shape", *divisible((2, 3), (2, 3))), case("b is 0-d", *divisible((2, 3), ()))],
    "remainder": [
        case("same shape", *divisible((2, 3), (2, 3))),
        case("b lacks an axis", *divisible((2, 3), (3,))),
        case("python scalar", 0.7 * quotient(2, 3), b=0.7),
    ],
    "power": [
        *binary(lambda a, b: (positive(*a), normal(*b))),
        case("whole exponent, negative base", distinct(2, 3), b=3),
        case("square root", positive(2, 3), b=0.5),
        case("reciprocal", distinct(2, 3), b=-1.0),
    ],
    "maximum": [*binary(distinct_pair), case("python scalar", distinct(2, 3), b=0.0)],
    "minimum": [*binary(distinct_pair), case("python scalar", distinct(2, 3), b=0.0)],
    "where": [
        case("same shape", mask(2, 3), normal(2, 3), normal(2, 3)),
        case("all three stretch", mask(3), normal(2, 1), normal()),
        case("condition lacks an axis", mask(3), normal(2, 3), normal(2, 3)),
        case("condition is wider", mask(4, 3), normal(3), normal(4, 1)),
        case("python scalar", mask(2, 3), normal(2, 3), b=0.0),
    ],
    "astype": [
        case("same dtype", normal(2, 3), dtype="float64"),
        case("integers", integers(-5, 6, 4), dtype="float64"),
    ],
    **{name: unary(normal) for name in ("negative", "square", "alias", "copy", "exp", "tanh", "sigmoid", "sin", "cos")},
    **{name: unary(distinct) for name in ("abs", "sign")},
    **{name: unary(positive) for name in ("log", "sqrt")},
    **{name: compared() for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")},
    **{
        name: [case("not a number, infinity", np.array([[1.0, math.nan, -2.0], [math.inf, -math.inf, 0.0]]))]
        for name in ("isnan", "isfinite")
    },
    **{
        name: [case("same shape", mask(3, 4), mask(3, 4)[::-1].copy()), case("stretch", mask(3, 1), mask(4))]
        for name in ("logical_and", "logical_or", "logical_xor")
    },
    "logical_not": [case("matrix", mask(3, 4))],
    **{
        name: [
            case("integers", integers(-20, 20, 3, 4), integers(-20, 20, 4)),
            case("booleans", mask(3, 4), mask(3, 4)[::-1].copy()),
        ]
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    },
    "bitwise_invert": [case("integers", integers(-20, 20, 3, 4)), case("booleans", mask(3, 4))],
    **{
        name: [case("integers", integers(-20, 20, 3, 4), integers(0, 5, 4))]
        for name in ("bitwise_left_shift", "bitwise_right_shift")
    },
}

CREATION = {
    "zeros_like": [case("same dtype", normal(2, 3)), case("other dtype", normal(2, 3), dtype="float32")],
    "ones_like": [case("same dtype", normal(2, 3)), case("other dtype", normal(2, 3), dtype="float32")],
    "full_like": [
        case("same dtype", normal(2, 3), fill_value=0.5),
        case("other dtype", normal(2, 3), fill_value=2, dtype="float32"),
    ],
    "identity": [case("rows", normal(2, 3), axis=0), case("columns", normal(2, 3), axis=-1)],
    "causal_mask": [case("square", normal(3, 3)), case("batch, more keys than queries", normal(2, 2, 4))],
    "transfer": [case("to where it is", normal(2, 3), device="cpu", home="cpu")],
}

ACTIVATIONS = {
    "relu": unary(distinct),
    "leaky_relu": [*unary(distinct), case("steep", distinct(2, 3), negative_slope=0.3)],
    "elu": [*unary(distinct), case("alpha", distinct(2, 3), alpha=0.7)],
    "silu": unary(normal),
    "softplus": unary(normal),
    "dropout": [
        case("matrix", normal(3, 4), mask(3, 4), p=0.25),
        case("whole channels", normal(2, 3, 2, 2), mask(2, 3, 1, 1), p=0.5),
        case("none dropped", normal(2, 3), np.ones((2, 3), dtype=bool), p=0.0),
    ],
}

# --- reductions ---------------------------------------------------------------------------------------------------

REDUCTIONS = {
    **{name: reduction(normal) for name in ("sum", "mean", "logsumexp")},
    **{name: reduction(distinct) for name in ("max", "min")},
    "var": [*reduction(normal)[:6], case("unbiased", normal(3, 4), axis=0, correction=1)],
    "std": [*reduction(normal)[:6], case("unbiased", normal(3, 4), axis=0, correction=1)],
    **{name: [*reduction(mask), case("numbers", halves(3, 2), axis=0)] for name in ("any", "all")},
    **{name: [*one_axis(distinct), case("ties", halves(3, 4), axis=1)] for name in ("argmax", "argmin")},
}

# --- shape and indexing -------------------------------------------------------------------------------------------

# name, shape that is indexed, index: for getitem, and for put the other way round
INDICES = [
    ("integer", (3, 4), 1),
    ("negative integer", (3, 4), (-1, 2)),
    ("slice", (5, 3), slice(1, 4)),
    ("negative step", (5, 3), (slice(None, None, -2), slice(2, 0, -1))),
    ("ellipsis", (2, 3, 4), (..., 1)),
    ("new axes", (3, 4), (None, slice(0, 2), None, 1)),
    ("integer array", (4, 3), np.array([2, 0, -1])),
    ("repeated", (4, 3), np.array([[1, 1], [3, 1]])),
    ("list", (4, 3), [0, 2, 2]),
    ("pairs", (3, 4), (np.array([0, 2, 0, 0]), np.array([1, 3, 1, -1]))),
    ("outer", (3, 4), (np.array([[0], [2]]), np.array([1, 1, 3]))),
    ("slice and array", (4, 5), (slice(1, 3), np.array([0, 2, 2]))),
    ("arrays apart", (2, 3, 4), (np.array([0, 1, 1]), slice(None), np.array([3, 0, 3]))),
    ("integer apart from array", (2, 3, 4), (1, slice(0, 2), np.array([3, 0]))),
    ("mask", (3, 4), np.array([[True, False, True, True], [False] * 4, [True, False, False, True]])),
    ("mask of rows", (4, 3), np.array([True, False, True, True])),
    ("mask beside slice", (2, 3, 4), (slice(None), np.array([True, False, True]), slice(0, 4, 2))),
    ("arrays around an empty ellipsis", (2, 3, 4), (slice(None), np.array([0, 2]), ..., np.array([3, 3]))),
    ("everything", (2, 3, 4, 2), (1, ..., None, np.array([[0, 3], [3, 1]]), slice(None, None, -1))),
]

SHAPES = {
    "reshape": [
        case("merge", normal(2, 3, 4), shape=(6, 4)),
        case("one left open", normal(2, 6), shape=(3, -1)),
        case("int", normal(2, 3), shape=-1),
        case("scalar", normal(), shape=(1, 1)),
        case("to scalar", normal(1, 1), shape=()),
    ],
    "permute_dims": [
        case("cycle", normal(2, 3, 4), axes=(2, 0, 1)),
        case("negative", normal(2, 3, 4), axes=(0, -1, 1)),
        case("channels last", normal(2, 3, 2, 2), axes=(0, 2, 3, 1)),
    ],
    "swapaxes": [case("ends", normal(2, 3, 4), axis1=0, axis2=-1), case("inner", normal(1, 2, 3, 2), axis1=1, axis2=2)],
    "moveaxis": [
        case("one", normal(2, 3, 4), source=0, destination=-1),
        case("two", normal(2, 3, 4), source=(2, 0), destination=(0, 1)),
    ],
    "flatten": [
        case("all", normal(2, 3, 2)),
        case("all but the batch", normal(2, 3, 2, 2), start_dim=1),
        case("between", normal(2, 3, 2, 2), start_dim=-3, end_dim=2),
        case("scalar", normal()),
    ],
    "broadcast_to": [
        case("stretch and grow", normal(3, 1), shape=(2, 3, 4)),
        case("scalar", normal(), shape=(2, 3)),
        case("unchanged", normal(2, 3), shape=(2, 3)),
    ],
    "expand_dims": [
        case("front", normal(2, 3), axis=0),
        case("back", normal(2, 3), axis=-1),
        case("two", normal(2, 3), axis=(0, 2)),
        case("scalar", normal(), axis=0),
    ],
    "squeeze": [
        case("all", normal(1, 3, 1)),
        case("one", normal(1, 3, 1), axis=-1),
        case("two", normal(1, 3, 1, 2), axis=(0, 2)),
    ],
    "pad": [
        case("every side", normal(2, 3), pad_width=1),
        case("one pair", normal(2, 3), pad_width=(0, 2)),
        case("pair an axis", normal(2, 3), pad_width=((1, 0), (2, 1)), constant_values=0.5),
        case("image", normal(1, 2, 2, 3), pad_width=((0, 0), (0, 0), (1, 2), (0, 1)), constant_values=-1.0),
    ],
    "concat": [
        case("axis 0", normal(2, 3), normal(1, 3)),
        case("three", normal(2, 3), normal(2, 1), normal(2, 2), axis=1),
        case("channels", normal(1, 2, 2, 2), normal(1, 1, 2, 2), axis=-3),
        case("one", normal(2, 3), axis=0),
    ],
    "stack": [
        case("front", normal(2, 3), normal(2, 3)),
        case("middle", normal(2, 3), normal(2, 3), normal(2, 3), axis=1),
        case("back", normal(2), normal(2), axis=-1),
        case("scalars", normal(), normal()),
    ],
    "split": [
        case("axis 0", normal(4, 3), n=2),
        case("columns", normal(2, 6), n=3, axis=1),
        case("channels", normal(1, 4, 2, 2), n=2, axis=-3),
        case("one part", normal(2, 3), n=1),
    ],
    "getitem": [case(name, normal(*shape), index=index) for name, shape, index in INDICES],
    "put": [
        case(name, normal(*np.zeros(shape)[index].shape), shape=shape, index=index) for name, shape, index in INDICES
    ],
    "take": [
        case("flat", normal(3, 4), integers(0, 12, 5)),
        case("rows", normal(4, 3), np.array([[1, 3, 1], [0, 1, 2]]), axis=0),
        case("columns, negative", normal(2, 5), np.array([-1, 0, -1]), axis=1),
        case("one row", normal(4, 3), np.array(2), axis=0),
        case("last axis", normal(2, 2, 3), np.array([[2, 0], [2, 2]]), axis=-1),
    ],
    "take_along_axis": [
        case("last axis", normal(3, 4), np.array([[1, 0], [3, 3], [2, -1]])),
        case("rows", normal(3, 4), integers(0, 3, 2, 4), axis=0),
        case("one index for all rows", normal(3, 4), np.array([[2, 0]]), axis=1),
        case("channels", normal(2, 3, 2, 2), integers(0, 3, 2, 1, 2, 2), axis=1),
    ],
    "scatter_along_axis": [
        case("last axis", normal(3, 2), (3, 4), np.array([[1, 0], [3, 3], [2, -1]]), axis=-1),
        case("rows", normal(4, 3), (2, 3), integers(0, 2, 4, 3), axis=0),
        case("one index for all rows", normal(3, 2), (3, 4), np.array([[2, 0]]), axis=1),
    ],
}

# --- products -----------------------------------------------------------------------------------------------------

PRODUCTS = {
    "matmul": [
        case("matrices", normal(2, 3), normal(3, 4)),
        case("vectors", normal(4), normal(4)),
        case("vector, matrix", normal(3), normal(3, 2)),
        case("matrix, vector", normal(2, 3), normal(3)),
        case("batch", normal(2, 2, 3), normal(2, 3, 2)),
        case("batch, matrix", normal(3, 2, 3), normal(3, 2)),
        case("batches stretch", normal(2, 1, 2, 3), normal(3, 3, 2)),
        case("vector, batch", normal(3), normal(2, 3, 2)),
        case("batch, vector", normal(2, 2, 3), normal(3)),
    ],
    "contract": [
        case("matrices", normal(2, 3), normal(3, 4), subscripts="ij,jk->ik"),
        case("permutation", normal(2, 3, 2), subscripts="abc->cab"),
        case("three operands", normal(2, 3), normal(3, 4), normal(4, 2), subscripts="ij,jk,kl->il"),
        case("summed in one alone", normal(2, 3), normal(2, 4), subscripts="ij,ik->k"),
    ],
    "einsum": [
        case("matrices", normal(2, 3), normal(3, 4), subscripts="ij,jk->ik"),
        case("implicit", normal(2, 3), normal(3, 4), subscripts="ij,jk"),
        case("implicit transpose", normal(2, 3), subscripts="ba"),
        case("batch", normal(2, 2, 3), normal(2, 3, 2), subscripts="bij,bjk->bik"),
        case("trace", normal(3, 3), subscripts="ii->"),
        case("diagonal", normal(3, 3), subscripts="ii->i"),
        case("diagonals times", normal(2, 3, 3), normal(3), subscripts="bii,i->bi"),
        case("ellipsis", normal(2, 2, 3), normal(3, 4), subscripts="...i,ij->...j"),
        case("ellipses stretch", normal(2, 1, 3), normal(4, 3), subscripts="...i,...i->..."),
        case("three operands", normal(2, 3), normal(3, 4), normal(4, 2), subscripts="ij,jk,kl->il"),
        case("summed in one alone", normal(2, 3), normal(2, 4), subscripts="ij,ik->k"),
        case("outer", normal(2), normal(3), subscripts="i,j->ij"),
        case("sum of all", normal(2, 3), subscripts="ij->"),
    ],
    "linear": [
        case("bias", normal(2, 3), normal(4, 3), normal(4)),
        case("no bias", normal(2, 3), normal(4, 3)),
        case("vector", normal(3), normal(2, 3), normal(2)),
        case("sequence", normal(2, 3, 3), normal(2, 3), normal(2)),
    ],
    "scaled_dot_product_attention": [
        case("one sequence", normal(2, 3), normal(4, 3), normal(4, 2)),
        case("heads", normal(2, 2, 3, 2), normal(2, 2, 4, 2), normal(2, 2, 4, 3)),
        case("boolean mask", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), mask(3, 4)),
        case("boolean mask a batch", normal(2, 2, 3, 2), normal(2, 2, 3, 2), normal(2, 2, 3, 2), mask(2, 1, 3, 3)),
        case(
            "a query that may see nothing", normal(2, 2), normal(3, 2), normal(3, 2),
            np.array([[True, False, True], [False] * 3]),
        ),
        case("additive mask", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), normal(3, 4)),
        case("causal", normal(2, 4, 2), normal(2, 4, 2), normal(2, 4, 2), is_causal=True),
        case("causal, more keys than queries", normal(2, 2), normal(4, 2), normal(4, 2), is_causal=True),
        case("scale", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), scale=0.3),
        case("dropout", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), None, mask(2, 3, 4), dropout_p=0.4),
    ],
}

# --- windows ------------------------------------------------------------------------------------------------------

WINDOWS = {
    "unfold": [
        case("plain", normal(2, 2, 3, 4), kernel_size=2),
        case("stride and padding", normal(1, 2, 5, 4), kernel_size=(3, 2), stride=2, padding=1),
        case("dilation", normal(1, 2, 5, 5), kernel_size=2, dilation=(2, 3), padding=(0, 1)),
        case("whole image", normal(2, 2, 3, 2), kernel_size=(3, 2)),
        case("gaps", normal(1, 2, 5, 4), kernel_size=1, stride=(2, 3)),
    ],
    "fold": [
        case("overlap", normal(2, 2 * 4, 6), output_size=(3, 4), kernel_size=2),
        case("stride and padding", normal(1, 2 * 6, 9), output_size=(5, 4), kernel_size=(3, 2), stride=2, padding=1),
        case("dilation", normal(1, 4, 12), output_size=5, kernel_size=2, dilation=(2, 3), padding=(0, 1)),
        case("gaps", normal(1, 2, 6), output_size=(5, 4), kernel_size=1, stride=(2, 3)),
    ],
    "conv2d": [
        case("plain", normal(2, 2, 4, 5), normal(3, 2, 3, 3)),
        case("bias, stride, padding", normal(2, 2, 5, 4), normal(3, 2, 3, 3), normal(3), stride=2, padding=1),
        case(
            "nothing square", normal(1, 2, 6, 5), normal(2, 2, 3, 2), normal(2),
            stride=(1, 2), padding=(2, 0), dilation=(2, 1),
        ),
        case("groups", normal(2, 4, 3, 3), normal(6, 2, 2, 2), normal(6), groups=2),
        case("depthwise", normal(1, 3, 4, 4), normal(6, 1, 3, 3), padding=1, groups=3),
        case("1x1", normal(2, 3, 2, 3), normal(2, 3, 1, 1), normal(2)),
        case("whole image", normal(2, 2, 3, 4), normal(3, 2, 3, 4), normal(3)),
        case("gaps", normal(1, 2, 5, 5), normal(2, 2, 1, 2), normal(2), stride=3),
        case("dilation", normal(1, 1, 5, 6), normal(2, 1, 2, 3), normal(2), dilation=2, padding=1),
        case(
            "everything", normal(1, 4, 5, 5), normal(4, 2, 2, 3), normal(4),
            stride=2, padding=2, dilation=2, groups=2,
        ),
    ],
    "max_pool2d": [
        case("plain", distinct(2, 2, 4, 4), kernel_size=2),
        case("overlap", distinct(1, 2, 5, 5), kernel_size=3, stride=2),
        case("padding", distinct(1, 2, 5, 4), kernel_size=3, stride=2, padding=1),
        case("nothing square", distinct(1, 2, 5, 6), kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)),
        case("dilation", distinct(1, 2, 5, 6), kernel_size=2, stride=1, dilation=(2, 3), padding=1),
        case("ceil_mode", distinct(1, 2, 5, 6), kernel_size=2, stride=3, ceil_mode=True),
        case("ceil_mode, padding", distinct(1, 1, 6, 5), kernel_size=3, stride=2, padding=1, ceil_mode=True),
        case("ceil_mode, kernel larger than the image", distinct(1, 2, 1, 3), kernel_size=(3, 2), ceil_mode=True),
        case("one pixel", distinct(1, 2, 3, 3), kernel_size=1),
        case("whole image", distinct(2, 2, 3, 4), kernel_size=(3, 4)),
        case("gaps", distinct(1, 2, 5, 5), kernel_size=1, stride=2),
    ],
    "avg_pool2d": [
        case("plain", normal(2, 2, 4, 4), kernel_size=2),
        case("overlap", normal(1, 2, 5, 5), kernel_size=3, stride=2),
        case("padding", normal(1, 2, 5, 4), kernel_size=3, stride=2, padding=1),
        case("padding left out", normal(1, 2, 5, 4), kernel_size=3, stride=2, padding=1, count_include_pad=False),
        case("nothing square", normal(1, 2, 5, 6), kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)),
        case("ceil_mode", normal(1, 2, 5, 6), kernel_size=2, stride=3, padding=1, ceil_mode=True),
        case(
            "ceil_mode, padding left out", normal(1, 1, 6, 5),
            kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False,
        ),
        case("ceil_mode, kernel larger than the image", normal(1, 2, 1, 3), kernel_size=(3, 2), ceil_mode=True),
        case("divisor", normal(1, 2, 4, 4), kernel_size=2, divisor_override=3),
        case("whole image", normal(2, 2, 3, 4), kernel_size=(3, 4)),
        case("gaps", normal(1, 2, 5, 5), kernel_size=1, stride=2),
    ],
}

# --- normalisation, softmax, loss ---------------------------------------------------------------------------------

NORMALIZATION = {
    "batch_norm_train": [
        case("images", normal(3, 2, 2, 3), normal(2), normal(2)),
        case("rows", normal(5, 3), normal(3), normal(3)),
        case("no weight", normal(3, 2, 2, 2)),
        case("sequence", normal(2, 3, 4), normal(3), normal(3), eps=0.1),
        case("one image", normal(1, 2, 2, 3), normal(2), normal(2)),
    ],
    "batch_norm_eval": [
        case("images", normal(2, 3, 2, 2), normal(3), positive(3), normal(3), normal(3)),
        case("rows", normal(4, 3), normal(3), positive(3), normal(3), normal(3)),
        case("no weight", normal(2, 3, 2), normal(3), positive(3), eps=0.1),
    ],
    "layer_norm": [
        case("last axis", normal(2, 3, 4), 4, normal(4), normal(4)),
        case("two axes", normal(2, 3, 2), (3, 2), normal(3, 2), normal(3, 2)),
        case("no weight", normal(2, 5), (5,), eps=0.1),
        case("weight alone", normal(2, 5), (5,), normal(5)),
        case("image", normal(2, 2, 3, 2), (2, 3, 2), normal(2, 3, 2), normal(2, 3, 2)),
    ],
    **{
        name: [
            case("rows", normal(3, 4)),
            case("channels", normal(2, 3, 2, 2), axis=1),
            case("axis 0", normal(3, 2), axis=0),
            case("vector", normal(5)),
        ]
        for name in ("softmax", "log_softmax")
    },
    "cross_entropy": [
        case("rows", normal(4, 3), np.array([0, 2, 1, 2])),
        case("one row", normal(4), np.array(2)),
        case("sum", normal(4, 3), integers(0, 3, 4), reduction="sum"),
        case("none", normal(4, 3), integers(0, 3, 4), reduction="none"),
        case("weight", normal(4, 3), np.array([0, 2, 1, 2]), positive(3)),
        case("ignored", normal(4, 3), np.array([0, -100, 1, 2])),
        case(
            "ignored class, weight, none", normal(4, 3), np.array([0, 2, 1, 2]), positive(3),
            ignore_index=1, reduction="none",
        ),
        case("smooth", normal(4, 3), np.array([0, 2, 1, 2]), label_smoothing=0.2),
        case(
            "smooth, weight, ignored", normal(4, 3), np.array([0, -1, 1, 2]), positive(3),
            ignore_index=-1, label_smoothing=0.3,
        ),
        case("smooth, weight, sum", normal(4, 3), integers(0, 3, 4), positive(3), reduction="sum", label_smoothing=0.3),
        case("images", normal(2, 3, 2, 2), integers(0, 3, 2, 2, 2)),
        case(
            "images, everything", normal(2, 3, 2, 2), np.array([[[0, 1], [2, -100]], [[1, 1], [-100, 0]]]), positive(3),
            label_smoothing=0.1,
        ),
        case("images, none", normal(2, 3, 4), integers(0, 3, 2, 4), reduction="none"),
    ],
}

CASES: dict[str, list[Case]] = (
    ELEMENTWISE | CREATION | ACTIVATIONS | REDUCTIONS | SHAPES | PRODUCTS | WINDOWS | NORMALIZATION
)
