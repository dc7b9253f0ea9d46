"""Winograd's convolution against the definition, in all its ways; when it runs, and how much it rounds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.graph import Graph, Input
from minigrad.kernels.numpy import winograd
from minigrad.kernels.numpy.winograd_tiles import SIZES, tile
from minigrad.layout import images
from minigrad.ops import conv2d, conv2d_relu

WAYS = list(product((True, False), (1, 2, 3)))          # blocked or staged, threads


def channels_last(x: np.ndarray) -> np.ndarray:
    y = images(x.shape, x.dtype)
    y[...] = x
    return y


def draw(*shape: int, dtype: str = "f8", seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


# --- the tables -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("m, r", SIZES)
def test_tables_filter_one_tile(m, r):
    """y = A^T [(G w G^T) * (B^T x B)] A, written out for one tile."""
    t, x, w = tile(m, r, "d"), draw(m + r - 1, m + r - 1), draw(r, r)
    products = (t.g @ w.reshape(-1)).reshape(t.f, t.f) * (t.b @ x @ t.b.T)
    expected = [[(x[i:i + r, j:j + r] * w).sum() for j in range(m)] for i in range(m)]
    np.testing.assert_allclose(t.a @ products @ t.a.T, expected, atol=1e-12)
    turned = t.g_turned @ w[::-1, ::-1].reshape(-1)
    np.testing.assert_allclose(turned, t.g @ w.reshape(-1), atol=1e-12)


# --- against the definition ----------------------------------------------------------------------------------------

SHAPES = [(1, 3, 2, 5, 7), (2, 4, 5, 8, 8), (3, 2, 1, 4, 3), (5, 1, 2, 13, 6), (1, 2, 3, 1, 9)]        # n, c, k, h, w
PADDINGS = [(0, 0), (1, 1), (2, 2), (1, 0), (0, 2), (4, 3)]
CASES = [(m, r, shape, padding) for m, r in SIZES for shape in SHAPES for padding in PADDINGS
         if max(padding) < r and min(np.add(shape[3:], np.multiply(padding, 2))) >= r]


@pytest.mark.parametrize("op", [conv2d, conv2d_relu], ids=lambda op: op.name)
@pytest.mark.parametrize("m, r, shape, padding", CASES)
def test_values_and_gradients_are_the_definitions(m, r, shape, padding, op, monkeypatch):
    n, c, k, h, w = shape
    x, weight, bias = draw(n, c, h, w), draw(k, c, r, r), draw(k)
    leaves = [mg.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    with mg.config(kernels="definition"):
        y = op(*leaves, 1, padding)
        g = draw(*y.shape, seed=1)
        expected = mg.grad(y, leaves, [mg.tensor(g)])
    p, q = y.shape[2:]
    relu = op is conv2d_relu
    for i, (is_blocked, threads) in enumerate(WAYS):
        monkeypatch.setattr(winograd, "BLOCK", (1, 5000, 1 << 20)[i % 3])          # a row of tiles, a few, all at once
        winograd.plan.cache_clear()
        order = channels_last if i % 2 else np.ascontiguousarray
        with mg.config(threads=threads):
            found = winograd.convolved(order(x), order(weight), bias, padding, relu,
                                       winograd.plan(n, p, q, c, k, r, threads, 8, m, is_blocked))
            np.testing.assert_allclose(found, y.numpy(), rtol=0, atol=1e-10)
            way = winograd.plan(n, h, w, k, c, r, threads, 8, m, is_blocked)
            for needs in ((True, True, True), (True, False, False), (False, True, False), (False, False, True)):
                some = winograd.gradients(needs, order(g), found if relu else None, order(x), order(weight), padding,
                                          way)
                for gradient, needed, e in zip(some, needs, expected, strict=True):
                    assert (gradient is not None) == needed
                    if needed:
                        np.testing.assert_allclose(gradient, e.numpy(), rtol=0, atol=1e-9)
                        assert gradient.flags.owndata
    winograd.plan.cache_clear()


@pytest.mark.parametrize("n, rows, best, threads", [(1, 1, 1, 2), (2, 56, 3, 2), (8, 4, 30, 2), (5, 4, 8, 3),
                                                    (3, 7, 2, 2), (1, 9, 100, 4), (64, 1, 1, 2)])
def test_parts_cover_every_row_of_tiles_once(n, rows, best, threads):
    seen = np.zeros((n, rows), int)
    for n0, n1, t0, t1 in winograd.parts(n, rows, best, threads):
        assert n1 > n0 and t1 > t0
        seen[n0:n1, t0:t1] += 1
    assert (seen == 1).all()


# --- when it runs -----------------------------------------------------------------------------------------------------

def chosen(x, weight, padding=1, stride=1, op=conv2d):
    kernel = op.kernel_for([x, weight, None, stride, padding, 1, 1])
    return kernel is not None and kernel.forward.__module__ == winograd.__name__


def test_it_runs_for_large_convolutions_with_stride_1_in_float32_alone():
    x, weight = draw(2, 32, 16, 16, dtype="f4"), draw(32, 32, 3, 3, dtype="f4")
    assert chosen(x, weight) and chosen(x, weight, op=conv2d_relu) and chosen(x, weight, (2, 0))
    with mg.config(kernels="exact"):
        assert not chosen(x, weight)
    assert not chosen(x.astype("f8"), weight.astype("f8"))
    assert not chosen(x.astype("f2"), weight.astype("f2"))
    assert not chosen(x, weight, stride=2) and not chosen(x, weight, padding=3)
    assert chosen(x, draw(32, 32, 5, 5, dtype="f4"), 2) and not chosen(x, draw(32, 32, 3, 5, dtype="f4"))
    assert not chosen(x, draw(32, 32, 7, 7, dtype="f4")) and not chosen(x[:, :3], weight[:, :3])
    assert not chosen(x[:0], weight) and not chosen(x[:1, :, :4, :4], weight)


# --- how much it rounds --------------------------------------------------------------------------------------------

def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Of a from b, as a part of b's length."""
    return float(np.linalg.norm(a.astype("f8") - b) / np.linalg.norm(b))


@pytest.mark.parametrize("m, r, bound", [(2, 3, 1e-6), (4, 3, 2e-6), (2, 5, 4e-6)])
def test_rounding_of_one_convolution(m, r, bound):
    x, weight, g = draw(2, 64, 14, 14), draw(64, 64, r, r) / 24, draw(2, 64, 14, 14, seed=1)
    low = [a.astype("f4") for a in (x, weight, g)]
    exact = [a.astype("f8") for a in low]

    def results(x, weight, g):
        way = winograd.plan(2, 14, 14, 64, 64, r, 1, 4, m, True)
        return [winograd.convolved(x, weight, None, (r // 2, r // 2), False, way),
                *winograd.gradients((True, True, False), g, None, x, weight, (r // 2, r // 2), way)[:2]]

    errors = [distance(a, b) for a, b in zip(results(*low), results(*exact), strict=True)]
    assert max(errors) < bound and min(errors) > 1e-8


def network() -> Graph:
    mg.manual_seed(3)
    x = Input((3, 16, 16), name="x")
    y = x
    for i, (c, k) in enumerate(((3, 32), (32, 32), (32, 64), (64, 64))):
        y = nn.ReLU()(nn.BatchNorm2d(k)(nn.Conv2d(c, k, 3, padding=1, bias=False)(y, name=f"conv{i}")))
    return Graph(x, nn.Linear(64, 10)(nn.Flatten()(nn.AvgPool2d(16)(y)), name="fc"))


def step_gradients(dtype: str, mode: str) -> dict[str, np.ndarray]:
    model, x = network().to(dtype), draw(4, 3, 16, 16).astype("f4").astype(dtype)
    with mg.config(kernels=mode):
        nn.functional.cross_entropy(model(mg.tensor(x)), mg.tensor(np.arange(4))).backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters()}


def test_over_a_whole_network_auto_rounds_at_most_five_times_as_much_as_exact():
    exact = step_gradients("float64", "exact")
    errors = {mode: {name: distance(g, exact[name]) for name, g in step_gradients("float32", mode).items()}
              for mode in ("auto", "exact")}
    assert errors["auto"] != errors["exact"]
    typical = {mode: float(np.median(list(found.values()))) for mode, found in errors.items()}
    assert typical["exact"] < 1e-2 and typical["auto"] <= 5 * typical["exact"], typical


def training_curve(mode: str) -> list[float]:
    model, losses = network(), []
    optimizer = mg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    x, labels = mg.tensor(draw(8, 3, 16, 16, dtype="f4")), mg.tensor(np.arange(8) % 4)
    with mg.config(kernels=mode):
        for _ in range(12):
            loss = nn.functional.cross_entropy(model(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def test_training_curves_cannot_be_told_apart():
    auto, exact = training_curve("auto"), training_curve("exact")
    assert exact[-1] < exact[0] / 2
    np.testing.assert_allclose(auto, exact, rtol=0.02, atol=0.01)


def test_a_nan_reaches_what_its_window_reaches_and_at_most_its_tiles():
    x, weight = draw(1, 32, 24, 24, dtype="f4"), draw(32, 32, 3, 3, dtype="f4")
    x[0, 5, 12, 12] = np.nan
    y = conv2d(mg.tensor(x), mg.tensor(weight), None, 1, 1).numpy()
    assert np.isnan(y[:, :, 11:14, 11:14]).all()
    assert np.isfinite(y[:, :, :8]).all() and np.isfinite(y[:, :, 18:]).all()
