"""Random small shapes and options: the forward of the ops with structure against their oracles."""


import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from cases import call
from compare import assert_same
from hypothesis import given
from oracles import ORACLES

import minigrad
from minigrad.testing import Case
from minigrad.testing.cases import map_arrays

sizes = st.integers(1, 3)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def arrays(draw, shape):
    """Standard normal numbers; hypothesis draws the seed, which is all that a failure needs to shrink."""
    return np.asarray(np.random.default_rng(draw(seeds)).standard_normal(shape))


@st.composite
def labels(draw, high, shape):
    """Integers from 0 up to, but without, high."""
    return np.asarray(np.random.default_rng(draw(seeds)).integers(0, high, shape))


@st.composite
def masks(draw, shape):
    """Booleans, the first of every row true."""
    mask = np.asarray(np.random.default_rng(draw(seeds)).random(shape) < 0.5)
    mask[..., 0] = True
    return mask


def maybe(strategy):
    """None, or what the strategy draws."""
    return st.none() | strategy


def pairs(low, high):
    """An int, or one for each axis."""
    return st.integers(low, high) | st.tuples(st.integers(low, high), st.integers(low, high))


def both(value):
    """An int for both axes."""
    return (value, value) if isinstance(value, int) else value


# --- windows ------------------------------------------------------------------------------------------------------


@st.composite
def images_and_windows(draw, pooling=False, dilated=True):
    """Height and width of an image, and a kernel with options that fits into it at least once.

    Padding of a pooling is at most half of the kernel.
    """
    kernel, dilation = draw(pairs(1, 3)), draw(pairs(1, 2) if dilated else st.just(1))
    spans = [d * (k - 1) + 1 for k, d in zip(both(kernel), both(dilation), strict=True)]
    padding = tuple(draw(st.integers(0, k // 2)) for k in both(kernel)) if pooling else draw(pairs(0, 2))
    least = [max(1, span - 2 * p) for span, p in zip(spans, both(padding), strict=True)]
    image = tuple(size + draw(st.integers(0, 3)) for size in least)
    return image, kernel, {"stride": draw(pairs(1, 3)), "padding": padding, "dilation": dilation}


@st.composite
def convolutions(draw):
    image, kernel, options = draw(images_and_windows())
    groups, c, k = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    x = draw(arrays((draw(st.integers(1, 2)), groups * c, *image)))
    weight = draw(arrays((groups * k, c, *both(kernel))))
    return Case((x, weight, draw(maybe(arrays((groups * k,))))), options | {"groups": groups})


@st.composite
def unfolds(draw):
    image, kernel, options = draw(images_and_windows())
    return Case((draw(arrays((draw(sizes), draw(sizes), *image))),), options | {"kernel_size": kernel})


@st.composite
def folds(draw):
    image, kernel, options = draw(images_and_windows())
    n, c = draw(sizes), draw(sizes)
    columns = ORACLES["unfold"](np.zeros((n, c, *image)), kernel, **options).shape
    return Case((draw(arrays(columns)),), options | {"kernel_size": kernel, "output_size": image})


@st.composite
def max_pools(draw, dilated=True):
    image, kernel, options = draw(images_and_windows(pooling=True, dilated=dilated))
    options |= {"kernel_size": kernel, "ceil_mode": draw(st.booleans()), "stride": draw(maybe(pairs(1, 3)))}
    return Case((draw(arrays((draw(sizes), draw(sizes), *image))),), options)


@st.composite
def avg_pools(draw):
    case = draw(max_pools(dilated=False))
    del case.params["dilation"]
    case.params["count_include_pad"] = draw(st.booleans())
    case.params["divisor_override"] = draw(maybe(sizes))
    return case


# --- products -----------------------------------------------------------------------------------------------------


@st.composite
def matmuls(draw):
    """1-D operands, batches that broadcast, and axes of length 0."""
    shapes = hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=3)
    a, b = draw(shapes).input_shapes
    return Case((draw(arrays(a)), draw(arrays(b))))


@st.composite
def einsums(draw):
    """One to three operands with letters of their own choice, repeated ones included, and perhaps an ellipsis."""
    length = {letter: draw(sizes) for letter in "abc"}
    terms = draw(st.lists(st.text("abc", max_size=3), min_size=1, max_size=3))
    used = "".join(sorted(set("".join(terms))))
    dots = draw(st.booleans())
    batches = [draw(st.sampled_from([(), (2,), (1,), (3, 1)])) if dots else () for _ in terms]
    inputs = [
        draw(arrays(batch + tuple(length[letter] for letter in term)))
        for batch, term in zip(batches, terms, strict=True)
    ]
    subscripts = ",".join("..." * dots + term for term in terms)
    if draw(st.booleans()):
        kept = draw(st.permutations(used).map("".join))[: draw(st.integers(0, len(used)))]
        subscripts += "->" + "..." * dots + kept
    return Case(tuple(inputs), {"subscripts": subscripts})


@st.composite
def attentions(draw):
    t, s, d = draw(sizes), draw(sizes), draw(sizes)
    leading = draw(st.sampled_from([(), (2,), (2, 2)]))
    query, key, value = (draw(arrays((*leading, *shape))) for shape in ((t, d), (s, d), (s, draw(sizes))))
    hidden = masks((t, s)).map(lambda seen: np.where(seen, 0.0, -np.inf))
    mask = draw(maybe(masks((t, s)) | arrays((t, s)) | masks((*leading, t, s)) | hidden))
    causal = draw(st.booleans()) if mask is None else False
    return Case((query, key, value, mask), {"is_causal": causal, "scale": draw(st.sampled_from([None, 0.7]))})


# --- reductions and indexing --------------------------------------------------------------------------------------


@st.composite
def reductions(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, max_side=3))
    one = st.integers(-len(shape), len(shape) - 1) if shape else st.none()
    axis = draw(maybe(one | hnp.valid_tuple_axes(len(shape))))
    return Case((draw(arrays(shape)),), {"axis": axis, "keepdims": draw(st.booleans())})


@st.composite
def index_parts(draw, size):
    """An index for one axis. The arrays among these broadcast with one another."""
    kind = draw(st.sampled_from(["integer", "slice", "array", "list", "mask"]))
    if kind == "slice":
        return draw(st.slices(size))
    if kind == "integer":
        return draw(st.integers(-size, size - 1))
    if kind == "mask":
        chosen = draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=2))
        return np.isin(np.arange(size), list(chosen))
    indices = draw(labels(size, draw(st.sampled_from([(2,), (1,), (3, 1)])))) - draw(st.sampled_from([0, size]))
    return indices.tolist() if kind == "list" else indices


@st.composite
def getitems(draw):
    """Any mixture of integers, slices, arrays, masks, new axes and an ellipsis."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=4))
    parts = [draw(index_parts(size)) for size in shape]
    if draw(st.booleans()):
        start = draw(st.integers(0, len(parts)))
        parts[start : draw(st.integers(start, len(parts)))] = [...]
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    index = parts[0] if len(parts) == 1 else tuple(parts)
    return Case((draw(arrays(shape)),), {"index": index})


@st.composite
def puts(draw):
    """The transpose of getitem: what was picked is added at the same index."""
    case = draw(getitems())
    x, index = case.inputs[0], case.params["index"]
    return Case((draw(arrays(x[index].shape)),), {"shape": x.shape, "index": index})


# --- normalisation, softmax, loss ---------------------------------------------------------------------------------


@st.composite
def softmaxes(draw):
    shape = draw(hnp.array_shapes(max_dims=4, max_side=3))
    return Case((draw(arrays(shape)),), {"axis": draw(st.integers(-len(shape), len(shape) - 1))})


@st.composite
def cross_entropies(draw):
    c = draw(st.integers(1, 4))
    rest = draw(st.sampled_from([None, (), (2,), (2, 3)]))      # None: no batch axis either
    shape = () if rest is None else (draw(sizes), *rest)
    x = draw(arrays((c,) if rest is None else (shape[0], c, *rest)))
    target = draw(labels(c, shape))
    ignored = draw(st.sampled_from([-100, -1, 0]))
    if target.ndim and draw(st.booleans()):
        target[np.random.default_rng(draw(seeds)).random(shape) < 0.3] = ignored
    if (target == ignored).all():                               # 0 / 0 otherwise
        ignored = -7
        target[...] = c - 1
    weight = draw(maybe(arrays((c,)).map(lambda w: np.abs(w) + 0.1)))
    return Case((x, target, weight), {
        "ignore_index": ignored,
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    })


@st.composite
def layer_norms(draw):
    shape = draw(hnp.array_shapes(max_dims=4, max_side=3))
    inner = shape[-draw(st.integers(1, len(shape))) :]
    normalized = inner[0] if len(inner) == 1 and draw(st.booleans()) else inner
    weight, bias = draw(maybe(arrays(inner))), draw(maybe(arrays(inner)))
    return Case((draw(arrays(shape)), normalized, weight, bias), {"eps": draw(st.sampled_from([1e-5, 0.1]))})


@st.composite
def batch_norms(draw, training):
    n, c, rest = draw(st.integers(2, 4)), draw(sizes), draw(st.sampled_from([(), (3,), (2, 3)]))
    x, weight, bias = draw(arrays((n, c, *rest))), draw(maybe(arrays((c,)))), draw(maybe(arrays((c,))))
    statistics = () if training else (draw(arrays((c,))), draw(arrays((c,))) ** 2)
    return Case((x, *statistics, weight, bias), {"eps": draw(st.sampled_from([1e-5, 0.1]))})


RANDOM = {
    "conv2d": convolutions(),
    "unfold": unfolds(),
    "fold": folds(),
    "max_pool2d": max_pools(),
    "avg_pool2d": avg_pools(),
    "matmul": matmuls(),
    "einsum": einsums(),
    "scaled_dot_product_attention": attentions(),
    **{name: reductions() for name in ("sum", "mean", "max", "min", "var", "logsumexp", "any", "all")},
    "getitem": getitems(),
    "put": puts(),
    "softmax": softmaxes(),
    "log_softmax": softmaxes(),
    "cross_entropy": cross_entropies(),
    "layer_norm": layer_norms(),
    "batch_norm_train": batch_norms(training=True),
    "batch_norm_eval": batch_norms(training=False),
}


@pytest.mark.parametrize("op", RANDOM)
@given(data=st.data())
def test_forward_is_the_oracles(op, data):
    case = data.draw(RANDOM[op])
    tensors = case.map(minigrad.tensor)
    result = call(op, tensors.inputs, tensors.params)
    assert_same(result, call(op, case.inputs, case.params, ORACLES), rtol=1e-10, atol=1e-12)


@given(case=getitems())
def test_the_oracle_of_indexing_is_numpys(case):
    assert_same(ORACLES["getitem"](*case.inputs, **case.params), case.inputs[0][case.params["index"]])


@pytest.mark.parity
@pytest.mark.parametrize("op", RANDOM)
@given(data=st.data())
def test_oracle_is_pytorchs_answer(op, data):
    torch = pytest.importorskip("torch")
    from torch_reference import TORCH

    case = data.draw(RANDOM[op])
    params = dict(case.params)
    if params.get("axis") == ():
        return      # no axis: PyTorch takes it for all of them, NumPy and the engine for none
    inputs = tuple(map_arrays(torch.from_numpy, x) for x in case.inputs)
    assert_same(call(op, case.inputs, params, ORACLES), call(op, inputs, params, TORCH), rtol=1e-10, atol=1e-12)
