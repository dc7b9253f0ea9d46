"""Conventions at kinks: values and gradients written down, with and without kernels, and PyTorch's answers."""

from math import inf, log, nan, sqrt

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import ops

BASES = [0.0, 0, 0, 0, 0, 0, 0, 2]
EXPONENTS = [0.0, 1, 2, 0.5, -1, -0.5, nan, 3]
POWERS = [1.0, 0, 0, 0, inf, inf, nan, 8]
EXPONENT_GRADIENTS = [0.0, 0, 0, 0, -inf, -inf, nan, 8 * log(2)]
TIES = [[1.0, 3, 3], [2, 2, 2], [3, 3, 1], [0, 1, 2]]
SIXTH = 1 / sqrt(6)
NINE = [[2.0, 3, 3], [3, 1, 3], [2, 3, 0]]


def pool(kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return lambda x: ops.max_pool2d(x.reshape(1, 1, *x.shape), kernel_size, stride, padding, dilation, ceil_mode)[0, 0]


def torch_pool(kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    def pooled(x):
        from torch.nn.functional import max_pool2d

        return max_pool2d(x[None, None], kernel_size, stride, padding, dilation, ceil_mode)[0, 0]

    return pooled


def pooled(name, image, value, gradient, *geometry, **options):
    return (name, pool(*geometry, **options), torch_pool(*geometry, **options), [image], value, [gradient])


def ignored(reduction="mean", **options):
    """cross_entropy of a batch in which no target counts; one function for ours, one for PyTorch."""
    def ours(x):
        return F.cross_entropy(x, mg.tensor([-100, -100]), reduction=reduction, **options)

    def theirs(x):
        import torch

        return torch.nn.functional.cross_entropy(x, torch.tensor([-100, -100]), reduction=reduction, **options)

    return ours, theirs


# name, ours, PyTorch's (given the module), inputs, value, gradient of each input when ones arrive
KINKS = [
    ("abs", ops.abs, lambda x: x.abs(), [[0.0, -0.0, 2, -2]], [0.0, 0, 2, 2], [[0.0, 0, 1, -1]]),
    ("maximum", ops.maximum, lambda a, b: a.maximum(b), [[2.0, 3, 1], [2.0, 1, 3]], [2.0, 3, 3],
     [[0.5, 1, 0], [0.5, 0, 1]]),
    ("minimum", ops.minimum, lambda a, b: a.minimum(b), [[2.0, 3, 1], [2.0, 1, 3]], [2.0, 1, 1],
     [[0.5, 0, 1], [0.5, 1, 0]]),
    ("maximum of NaN", ops.maximum, lambda a, b: a.maximum(b), [[nan, 1, nan], [1.0, nan, nan]], [nan] * 3,
     [[1.0, 1, 1], [1.0, 1, 1]]),
    ("minimum of NaN", ops.minimum, lambda a, b: a.minimum(b), [[nan, 1, nan], [1.0, nan, nan]], [nan] * 3,
     [[1.0, 1, 1], [1.0, 1, 1]]),
    ("power", ops.power, lambda a, b: a.pow(b), [BASES, EXPONENTS], POWERS,
     [[0.0, 1, 0, inf, -inf, -inf, nan, 12], EXPONENT_GRADIENTS]),
    *[(f"power, exponent {b}", lambda x, b=b: ops.power(x, b), lambda x, b=b: x ** b, [[0.0, 2]], [y, 2.0 ** b],
       [[g, b * 2.0 ** (b - 1)]])
      for b, y, g in [(0, 1.0, 0.0), (0.0, 1, 0), (1, 0, 1), (2, 0, 0), (0.5, 0, inf), (-1, inf, -inf)]],
    ("power, base 0", lambda x: ops.power(0.0, x), lambda x: 0.0 ** x, [EXPONENTS[:7]], POWERS[:7],
     [EXPONENT_GRADIENTS[:7]]),
    ("sqrt", ops.sqrt, lambda x: x.sqrt(), [[0.0, 4]], [0.0, 2], [[inf, 0.25]]),
    ("relu", ops.relu, lambda x: x.relu(), [[0.0, -0.0, 1, -1]], [0.0, 0, 1, 0], [[0.0, 0, 1, 0]]),
    ("leaky_relu", lambda x: F.leaky_relu(x, 0.25), lambda x: leaky(x), [[0.0, -0.0, 1, -1]], [0.0, 0, 1, -0.25],
     [[0.25, 0.25, 1, 0.25]]),
    ("elu", lambda x: F.elu(x, 2.0), lambda x: elu(x), [[0.0, -0.0, 1]], [0.0, 0, 1], [[2.0, 2, 1]]),
    ("max", lambda x: ops.max(x, 1), lambda x: x.amax(1), [TIES], [3.0, 2, 3, 2],
     [[[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, 0], [0, 0, 1]]]),
    ("max of all", ops.max, lambda x: x.amax(), [TIES], 3.0,
     [[[0, 1 / 4, 1 / 4], [0] * 3, [1 / 4, 1 / 4, 0], [0] * 3]]),
    ("min", lambda x: ops.min(x, 0), lambda x: x.amin(0), [[[1.0, 3, 5], [1, 2, 5]]], [1.0, 2, 5],
     [[[1 / 2, 0, 1 / 2], [1 / 2, 1, 1 / 2]]]),
    ("std", lambda x: ops.std(x, 1), lambda x: x.std(1, correction=0), [[[2.0, 2, 2], [1, 2, 3]]], [0.0, sqrt(2 / 3)],
     [[[0, 0, 0], [-SIXTH, 0, SIXTH]]]),
    ("std, unbiased", lambda x: ops.std(x, correction=1), lambda x: x.std(correction=1), [[5.0, 5.0]], 0.0, [[0.0, 0]]),
    ("cross_entropy, all ignored", *ignored(), [[[1.0, 2], [3, 4]]], nan, [[[0.0, 0], [0, 0]]]),
    ("cross_entropy, all ignored, smooth", *ignored(label_smoothing=0.1), [[[1.0, 2], [3, 4]]], nan,
     [[[0.0, 0], [0, 0]]]),
    ("cross_entropy, all ignored, sum", *ignored("sum"), [[[1.0, 2], [3, 4]]], 0.0, [[[0.0, 0], [0, 0]]]),
    pooled("max_pool", [[5.0, 5, 1, 2], [5, 5, 2, 2]], [[5.0, 2]], [[1, 0, 0, 1], [0, 0, 0, 0]], 2),
    pooled("max_pool, overlap", NINE, [[3.0, 3], [3, 3]], [[0.0, 2, 0], [1, 0, 1], [0, 0, 0]], 2, 1),
    pooled("max_pool, padding", [[0.0] * 3] * 3, [[0.0, 0], [0, 0]], [[1.0, 1, 0], [1, 1, 0], [0] * 3], 3, 2, 1),
    pooled("max_pool, negative image with padding", [[-1.0, -2], [-3, -4]], [[-1.0, -2], [-3, -4]], [[1.0, 1], [1, 1]],
           2, 2, 1),
    pooled("max_pool, -inf", [[-inf] * 2] * 2, [[-inf]], [[1.0, 0], [0, 0]], 2),
    pooled("max_pool, -inf with padding", [[-inf] * 2] * 2, [[-inf] * 2] * 2, [[1.0, 1], [1, 1]], 2, 2, 1),
    pooled("max_pool, -inf with overlap", [[-inf] * 3] * 3, [[-inf] * 2] * 2, [[1.0, 1, 0], [1, 1, 0], [0] * 3],
           3, 2, 1),
    pooled("max_pool, -inf with dilation", [[-inf] * 3] * 3, [[-inf] * 2] * 2, [[0.0] * 3, [0, 4, 0], [0] * 3],
           2, 2, 1, 2),
    pooled("max_pool, -inf with ceil_mode", [[-inf] * 3] * 3, [[-inf] * 2] * 2, [[1.0, 0, 1], [0] * 3, [1, 0, 1]],
           2, 2, ceil_mode=True),
    pooled("max_pool, NaN", [[1.0, nan], [3, 4]], [[nan]], [[0.0, 1], [0, 0]], 2),
    pooled("max_pool, two NaN", [[nan, 1.0], [nan, 4]], [[nan]], [[0.0, 0], [1, 0]], 2),
    pooled("max_pool, NaN with overlap", [[1.0, nan, 3], [3, 4, 5], [nan, 0, 0]], [[nan, nan], [nan, 5]],
           [[0.0, 2, 0], [0, 0, 1], [1, 0, 0]], 2, 1),
    pooled("max_pool, NaN with padding", [[1.0, 2], [3, nan]], [[1.0, 2], [3, nan]], [[1.0, 1], [1, 1]], 2, 2, 1),
]


def leaky(x):
    from torch.nn.functional import leaky_relu

    return leaky_relu(x, 0.25)


def elu(x):
    from torch.nn.functional import elu

    return elu(x, 2.0)


def kinks(*parts):
    return pytest.mark.parametrize(", ".join(parts), [
        pytest.param(*[dict(zip(("ours", "theirs", "inputs", "value", "gradients"), kink[1:], strict=True))[part]
                       for part in parts], id=kink[0].replace(" ", "_")) for kink in KINKS])


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@kinks("ours", "inputs", "value", "gradients")
def test_convention(ours, inputs, value, gradients, dtype, kernels):
    leaves = [mg.tensor(np.array(x, dtype), requires_grad=True) for x in inputs]
    with np.errstate(all="ignore"), mg.config(kernels=kernels):
        y = ours(*leaves)
        found = mg.grad(y, leaves, mg.ones_like(y))
    np.testing.assert_allclose(y.numpy(), value, rtol=1e-6)
    for g, expected in zip(found, gradients, strict=True):
        np.testing.assert_allclose(g.numpy(), expected, rtol=1e-6)


@pytest.mark.parity
@kinks("theirs", "inputs", "value", "gradients")
def test_convention_is_pytorchs(theirs, inputs, value, gradients):
    torch = pytest.importorskip("torch")
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
    y = theirs(*leaves)
    found = torch.autograd.grad(y, leaves, torch.ones_like(y))
    np.testing.assert_allclose(y.detach().numpy(), value, rtol=1e-12)
    for g, expected in zip(found, gradients, strict=True):
        np.testing.assert_allclose(g.numpy(), expected, rtol=1e-12, atol=1e-15)


def test_equal_elements_have_no_variance_at_all():
    """Three times 0.1 is not 0.3: a mean that was rounded would leave some."""
    x = mg.tensor(np.array([0.1] * 3), requires_grad=True)
    y = ops.std(x)
    assert y.item() == 0 and mg.grad(y, x)[0].tolist() == [0, 0, 0]


def test_at_the_kinks_of_order_two():
    """Gradients of gradients are numbers where the gradient is one."""
    for f, values in [(ops.std, [2.0, 2, 2]), (lambda x: ops.power(x, 3), [0.0, 1]), (ops.abs, [0.0, 1]),
                      (lambda x: ops.power(ops.zeros_like(x), x), [1.0, 2])]:
        x = mg.tensor(np.array(values), requires_grad=True)
        (g,) = mg.grad(f(x).sum(), x, create_graph=True)
        (again,) = mg.grad((g * g).sum(), x, allow_unused=True) if g.requires_grad else (None,)
        assert again is None or np.isfinite(again.numpy()).all()


def test_what_wins_gets_an_infinite_gradient_and_what_loses_none_of_it():
    a, b = [mg.tensor(np.array(x), requires_grad=True) for x in ([1.0, 2], [2.0, 1])]
    ga, gb = mg.grad(ops.maximum(a, b), [a, b], mg.tensor(np.array([inf, inf])))
    assert ga.tolist() == [0, inf] and gb.tolist() == [inf, 0]
