"""The attention kernel, cut into few and many blocks, against the definition."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import config
from minigrad.backend import peak_memory
from minigrad.kernels.numpy import attention as kernel
from minigrad.ops import scaled_dot_product_attention as op

RNG = np.random.default_rng(0)


def mask_of(kind, n, h, rows, s):
    """A mask, with a row that hides all keys from its query."""
    if kind == "bool":
        mask = RNG.random((n, 1, rows, s)) < 0.6
        mask[0, 0, 2] = False
        return mask
    if kind == "added":
        mask = RNG.standard_normal((h, rows, s))
        mask[1, :, 3:] = -np.inf
        mask[0, 1] = -np.inf
        return mask
    if kind == "far below":                             # uniform over all keys, whatever was added
        return np.full((rows, s), -1e4)
    return None


def both(arrays, kwargs):
    """Value and gradients by the kernel and by the definition."""
    found = []
    for mode in ("auto", "definition"):
        tensors = [mg.tensor(a, requires_grad=True) for a in arrays]
        with config(kernels=mode):
            y = op(*tensors, **kwargs)
            g = np.random.default_rng(1).standard_normal(y.shape)
            found.append([y.numpy(), *[t.numpy() for t in mg.grad(y, tensors, mg.tensor(g.astype(y.dtype)))]])
    return found


def blocks_of(monkeypatch, size):
    monkeypatch.setattr(kernel, "BLOCK", size)
    monkeypatch.setattr(kernel, "ROWS", 1)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 30, 100, 1 << 18])     # of a block: a row, rows, heads, samples
@pytest.mark.parametrize("mask", ["none", "causal", "bool", "added", "far below", "dropout"])
def test_is_the_definition(monkeypatch, mask, size, threads):
    blocks_of(monkeypatch, size)
    n, h, rows, s, d, e = 3, 2, 5, 7, 4, 3
    arrays = [RNG.standard_normal(shape) for shape in ((n, h, rows, d), (n, h, s, d), (n, h, s, e))]
    kwargs = {"attn_mask": mask_of(mask, n, h, rows, s), "is_causal": mask == "causal"}
    if mask == "dropout":
        kwargs |= {"dropout_mask": RNG.random((n, h, rows, s)) < 0.7, "dropout_p": 0.3, "is_causal": True}
    with config(threads=threads):
        for a, b in zip(*both(arrays, kwargs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("size", [1, 60, 1 << 18])
@pytest.mark.parametrize("layout", ["plain", "heads inside", "five axes", "three axes", "two axes"])
def test_layouts_and_ranks(monkeypatch, layout, size):
    blocks_of(monkeypatch, size)
    shape = {"five axes": (2, 3, 2, 5, 4), "three axes": (3, 5, 4), "two axes": (5, 4)}.get(layout, (2, 3, 5, 4))
    arrays = [RNG.standard_normal(shape) for _ in range(3)]
    if layout == "heads inside":
        arrays = [np.ascontiguousarray(a.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3) for a in arrays]
    elif layout == "five axes":
        arrays = [np.asfortranarray(a) for a in arrays]
    for a, b in zip(*both(arrays, {"is_causal": True, "scale": -0.7}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("size", [1, 100, 1 << 18])
def test_shared_heads(monkeypatch, size):
    blocks_of(monkeypatch, size)
    arrays = [RNG.standard_normal(shape) for shape in ((2, 6, 5, 4), (2, 2, 7, 4), (2, 2, 7, 3))]
    mask = RNG.random((6, 5, 7)) < 0.7
    for a, b in zip(*both(arrays, {"enable_gqa": True, "attn_mask": mask}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("size", [20, 1 << 18])
@pytest.mark.parametrize("loud", [1, 30, 1e4])
def test_large_scores_do_not_overflow(monkeypatch, loud, size):
    blocks_of(monkeypatch, size)
    arrays = [loud * RNG.standard_normal((2, 3, 6, 4)), *[RNG.standard_normal((2, 3, 6, 4)) for _ in range(2)]]
    for a, b in zip(*both(arrays, {}), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9 * max(1, loud))


def test_float32_is_accurate():
    arrays = [3 * RNG.standard_normal((2, 4, 100, 16)) for _ in range(3)]
    exact = both(arrays, {"is_causal": True})[1]
    for a, b in zip(both([x.astype("f4") for x in arrays], {"is_causal": True})[0], exact, strict=True):
        assert a.dtype == "f4"
        np.testing.assert_allclose(a, b, atol=3e-5 * np.abs(b).max())


def test_what_a_mask_hides_may_be_nan_but_what_is_seen_may_not():
    q, k, v = [RNG.standard_normal((1, 1, 4, 3)) for _ in range(3)]
    k[0, 0, 3] = np.nan
    mask = np.array([True, True, True, False])
    with config(kernels="auto"):
        assert np.isfinite(op(q, k, v, mask)).all()
        assert np.isnan(op(q, k, v)).all()


def test_long_sequences_hold_no_matrix_of_scores():
    q, k, v = [mg.tensor(RNG.standard_normal((1, 2, 3000, 8)).astype("f4"), requires_grad=True) for _ in range(3)]
    with peak_memory("cpu") as peak:
        op(q, k, v, is_causal=True).sum().backward()
        assert peak() < 2 * 3000 * 3000 * 4 / 3
