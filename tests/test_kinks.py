"""Conventions at kinks: values and gradients written down, with and without kernels, and PyTorch's answers."""

from math import atan, exp, inf, log, log1p, nan, sqrt

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


def adaptive(image, size, value, gradient, name):
    """A row of adaptive max pooling."""
    def theirs(x):
        from torch.nn.functional import adaptive_max_pool2d

        return adaptive_max_pool2d(x[None], size)[0]

    return (f"adaptive_max_pool, {name}", lambda x: F.adaptive_max_pool2d(ops.expand_dims(x, 0), size)[0], theirs,
            [image], value, [gradient])


def of_torch(name, *args, **options):
    """PyTorch's function of an array that becomes a batch of one with one channel."""
    def theirs(x):
        import torch

        return getattr(torch.nn.functional, name)(x[None, None], *args, **options)[0, 0]

    return theirs


def ignored(reduction="mean", **options):
    """cross_entropy of a batch in which no target counts; one function for ours, one for PyTorch."""
    def ours(x):
        return F.cross_entropy(x, mg.tensor([-100, -100]), reduction=reduction, **options)

    def theirs(x):
        import torch

        return torch.nn.functional.cross_entropy(x, torch.tensor([-100, -100]), reduction=reduction, **options)

    return ours, theirs


def activation(name, x, value, gradient, *options):
    """A row of a function of one input; the first word is its name."""
    def theirs(x):
        import torch

        return getattr(torch.nn.functional, name.split()[0])(x, *options)

    return name, lambda x: getattr(F, name.split()[0])(x, *options), theirs, [x], value, [gradient]


def loss(name, inputs, value, gradients, target=None, **options):
    """A row of a loss or a distance; the first word is its name. target: an argument without a gradient."""
    function = name.replace(",", "").split()[0]

    def ours(*leaves):
        rest = () if target is None else (mg.tensor(np.array(target, leaves[0].dtype)),)
        return getattr(F, function)(*leaves, *rest, **options)

    def theirs(*leaves):
        import torch

        rest = () if target is None else (torch.tensor(target, dtype=leaves[0].dtype),)
        return getattr(torch.nn.functional, function)(*leaves, *rest, **options)

    return name, ours, theirs, inputs, value, gradients


# name, ours, PyTorch's (given the module), inputs, value, gradient of each input when ones arrive
KINKS = [
    ("abs", ops.abs, lambda x: x.abs(), [[0.0, -0.0, 2, -2]], [0.0, 0, 2, 2], [[0.0, 0, 1, -1]]),
    ("abs of NaN", ops.abs, lambda x: x.abs(), [[nan, inf]], [nan, inf], [[0.0, 1]]),
    *[(name, getattr(ops, name), lambda x, name=name: getattr(x, name)(), [[0.0, 1.5, -2.5]], value, [[0.0, 0, 0]])
      for name, value in [("sign", [0.0, 1, -1]), ("floor", [0.0, 1, -3]), ("ceil", [0.0, 2, -2]),
                          ("trunc", [0.0, 1, -2]), ("round", [0.0, 2, -2])]],
    ("clip", lambda x: ops.clip(x, 0, 1), lambda x: x.clamp(0, 1), [[0.0, 1, -1, 2, nan]], [0.0, 1, 0, 1, nan],
     [[1.0, 1, 0, 0, 0]]),
    ("clip, bounds that cross", lambda x: ops.clip(x, 2, 1), lambda x: x.clamp(2, 1), [[0.0, 1, 3]], [1.0, 1, 1],
     [[0.0, 0, 0]]),
    ("clip to tensors", ops.clip, lambda x, a, b: x.clamp(a, b), [[0.0, 1, -1, 2, 1], [0.0, 0, 0, 0, 2], [1.0] * 5],
     [0.0, 1, 0, 1, 1], [[1.0, 1, 0, 0, 0], [0.0, 0, 1, 0, 0], [0.0, 0, 0, 1, 1]]),
    ("atan2 at the origin", ops.atan2, lambda a, b: a.atan2(b), [[0.0, 1], [0.0, 0]], [0.0, atan(inf)],
     [[0.0, 0], [0.0, -1]]),
    ("hypot at the origin", ops.hypot, lambda a, b: a.hypot(b), [[0.0, 3], [0.0, 4]], [0.0, 5],
     [[nan, 0.6], [nan, 0.8]]),
    ("rsqrt", ops.rsqrt, lambda x: x.rsqrt(), [[0.0, 4]], [inf, 0.5], [[-inf, -1 / 16]]),
    ("asin", ops.asin, lambda x: x.asin(), [[1.0, -1]], [atan(inf), -atan(inf)], [[inf, inf]]),
    ("norm", lambda x: ops.norm(x, 2, 1), lambda x: x.norm(dim=1), [[[0.0, 0], [3, -4]]], [0.0, 5],
     [[[0.0, 0], [0.6, -0.8]]]),
    *[(f"norm, ord {p}", lambda x, p=p: ops.norm(x, p), lambda x, p=p: x.norm(p), [x], y, [g])
      for p, x, y, g in [(1, [0.0, -2], 2.0, [0.0, -1]), (3, [0.0, -2], 2.0, [0.0, -1]),
                         (0.5, [0.0, -2], 2.0, [0.0, -1]), (-1, [0.0, 1], 0.0, [0.0, 0]),
                         (inf, [2.0, -2], 2.0, [0.5, -0.5]), (-inf, [2.0, -2], 2.0, [0.5, -0.5])]],
    ("prod, one zero", ops.prod, lambda x: x.prod(), [[0.0, 2, 3]], 0.0, [[6.0, 0, 0]]),
    ("prod, two zeros", ops.prod, lambda x: x.prod(), [[0.0, 0, 3]], 0.0, [[0.0, 0, 0]]),
    ("cumprod, zeros", lambda x: ops.cumprod(x, 0), lambda x: x.cumprod(0), [[2.0, 0, 3, 0, 5]], [2.0, 0, 0, 0, 0],
     [[1.0, 8, 0, 0, 0]]),
    ("sort, ties", ops.sort, lambda x: x.sort(stable=True)[0], [[2.0, 1, 2, nan]], [1.0, 2, 2, nan], [[1.0] * 4]),
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
    ("sqrt of relu", lambda x: ops.sqrt(ops.relu(x)), lambda x: x.relu().sqrt(), [[-1.0, 4]], [0.0, 2], [[0, 0.25]]),
    activation("relu of NaN", [nan], [nan], [1.0]),
    activation("relu6", [0.0, -0.0, 6, 7], [0.0, 0, 6, 6], [0.0, 0, 0, 0]),
    activation("hardtanh", [-1.0, 1, 0, 2], [-1.0, 1, 0, 1], [0.0, 0, 1, 0]),
    activation("hardtanh of NaN", [nan], [nan], [1.0]),
    activation("hardsigmoid", [-3.0, 3, 5, nan], [0.0, 1, 1, nan], [0.0, 0, 0, 0]),
    activation("hardswish", [-3.0, 3, 4, 0], [0.0, 3, 4, 0], [0.0, 1, 1, 0.5]),
    activation("hardswish of NaN", [nan], [nan], [1.0]),
    activation("leaky_relu of NaN", [nan, 0], [nan, 0], [0.25, 0.25], 0.25),
    activation("threshold", [0.5, 0.6, nan], [9.0, 0.6, nan], [0.0, 1, 1], 0.5, 9.0),
    activation("softshrink", [0.5, -0.5, 1.5, 0], [0.0, 0, 1, 0], [0.0, 0, 1, 0]),
    activation("softshrink of NaN", [nan], [nan], [1.0]),
    activation("softshrink by nothing", [0.0, 1], [0.0, 1], [0.0, 1], 0.0),
    activation("hardshrink", [0.5, -0.5, 1.5, 0], [0.0, 0, 1.5, 0], [0.0, 0, 1, 0]),
    activation("hardshrink of NaN", [nan], [nan], [1.0]),
    activation("elu of NaN", [nan], [nan], [1.0]),
    activation("selu", [0.0], [0.0], [1.0507009873554805 * 1.6732632423543772]),
    activation("selu of NaN", [nan], [nan], [1.0507009873554805]),
    activation("celu", [0.0, -inf], [0.0, -2], [1.0, 0], 2.0),
    activation("softplus", [2.0, -inf, inf, nan], [2 + log1p(exp(-2)), 0, inf, nan], [1 / (1 + exp(-2)), 0, 1, nan],
               1.0, 2.0),
    activation("logsigmoid", [-inf, inf, nan, -800], [-inf, 0, nan, -800], [1.0, 0, nan, 1]),
    activation("silu", [-800.0, 800, 0], [0.0, 800, 0], [0.0, 1, 0.5]),
    activation("mish", [-800.0, 800, 0], [0.0, 800, 0], [0.0, 1, 0.6]),
    activation("gelu", [-40.0, 40, 0], [0.0, 40, 0], [0.0, 1, 0.5]),
    activation("softsign", [0.0, nan], [0.0, nan], [1.0, nan]),
    activation("tanhshrink", [0.0, -inf, inf, nan], [0.0, -inf, inf, nan], [0.0, 1, 1, nan]),
    ("prelu", F.prelu, lambda x, w: prelu(x, w), [[0.0, -0.0, -1, 1], [0.25]], [0.0, 0, -0.25, 1],
     [[0.25, 0.25, 0.25, 1], [-1.0]]),
    activation("softmax", [-inf, -inf], [nan, nan], [nan, nan], 0),
    activation("softmax of -inf", [-inf, 0], [0.0, 1], [0.0, 0], 0),
    activation("log_softmax of -inf", [-inf, 0], [-inf, 0], [1.0, -1], 0),
    ("max", lambda x: ops.max(x, 1), lambda x: x.amax(1), [TIES], [3.0, 2, 3, 2],
     [[[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, 0], [0, 0, 1]]]),
    ("max of all", ops.max, lambda x: x.amax(), [TIES], 3.0,
     [[[0, 1 / 4, 1 / 4], [0] * 3, [1 / 4, 1 / 4, 0], [0] * 3]]),
    ("min", lambda x: ops.min(x, 0), lambda x: x.amin(0), [[[1.0, 3, 5], [1, 2, 5]]], [1.0, 2, 5],
     [[[1 / 2, 0, 1 / 2], [1 / 2, 1, 1 / 2]]]),
    ("std", lambda x: ops.std(x, 1), lambda x: x.std(1, correction=0), [[[2.0, 2, 2], [1, 2, 3]]], [0.0, sqrt(2 / 3)],
     [[[0, 0, 0], [-SIXTH, 0, SIXTH]]]),
    ("std, unbiased", lambda x: ops.std(x, correction=1), lambda x: x.std(correction=1), [[5.0, 5.0]], 0.0, [[0.0, 0]]),
    loss("l1_loss", [[1.0, 2], [1.0, 3]], [0.0, 1], [[0.0, -1], [0.0, 1]], reduction="none"),
    loss("smooth_l1_loss at beta", [[1.0, -1, 0, inf]] + [[0.0] * 4], [0.5, 0.5, 0, inf],
         [[1.0, -1, 0, 1], [-1.0, 1, 0, -1]], reduction="none"),
    loss("smooth_l1_loss, beta 0", [[1.0, 2], [1.0, 3]], [0.0, 1], [[0.0, -1], [0.0, 1]], reduction="none", beta=0),
    loss("huber_loss at delta", [[2.0, -2, 0, nan]] + [[0.0] * 4], [2.0, 2, 0, nan],
         [[2.0, -2, 0, nan], [-2.0, 2, 0, nan]], reduction="none", delta=2.0),
    loss("binary_cross_entropy, sure and right", [[0.0, 1]], [0.0, 0], [[0.0, 0]], [0.0, 1], reduction="none"),
    loss("hinge_embedding_loss at the margin", [[1.0, 1, 2, 0.5]], [0.0, 1, 0, 1], [[-1.0, 1, 0, 0]], [-1.0, 1, -1, 0],
         reduction="none"),
    loss("margin_ranking_loss at the margin", [[1.0, 1], [1.0, 2]], [0.0, 1], [[1.0, -1], [-1.0, 1]], [-1.0, 1],
         reduction="none"),
    loss("cosine_similarity of nothing", [[0.0, 0], [1.0, 0]], 0.0, [[1e8, 0], [0.0, 0]], dim=0),
    loss("cosine_similarity below eps", [[0.5, 0], [3.0, 4]], 0.15, [[0.225, 0.4], [0.032, -0.024]], dim=0, eps=2.0),
    loss("pairwise_distance of what is equal", [[1.0, 2], [1.0, 2]], 0.0, [[0.0, 0], [0.0, 0]], eps=0.0),
    loss("pairwise_distance, several largest", [[1.0, 2, 3], [2.0, 3, 3]], 1.0, [[-0.5, -0.5, 0], [0.5, 0.5, 0]],
         p=inf, eps=0.0),
    loss("triplet_margin_loss at the margin", [[0.0], [1.0], [2.0]], 0.0, [[0.0], [1.0], [-1.0]], eps=0.0),
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
    adaptive(NINE, 2, [[3.0, 3], [3, 3]], [[0.0, 2, 0], [1, 0, 1], [0, 0, 0]], "ties"),
    adaptive(NINE, (1, 2), [[3.0, 3]], [[0.0, 2, 0], [0, 0, 0], [0, 0, 0]], "ties of two rows"),
    adaptive([[-inf] * 3] * 3, 2, [[-inf] * 2] * 2, [[1.0, 1, 0], [1, 1, 0], [0] * 3], "-inf"),
    adaptive([[1.0, nan, 3], [3, 4, 5], [nan, 0, 0]], 2, [[nan, nan], [nan, 5]], [[0.0, 2, 0], [0, 0, 1], [1, 0, 0]],
             "NaN"),
    adaptive([[nan, nan, 3], [3, nan, 5], [nan, 0, 0]], 1, [[nan]], [[0.0, 0, 0], [0, 0, 0], [1, 0, 0]], "four NaN"),
    ("adaptive_avg_pool, NaN and infinity", lambda x: F.adaptive_avg_pool2d(ops.reshape(x, (1, 1, 2, 3)), 2)[0, 0],
     of_torch("adaptive_avg_pool2d", 2), [[[nan, 1.0, 3], [2, 4, inf]]], [[nan, 2], [3, inf]],
     [[[0.5, 1, 0.5], [0.5, 1, 0.5]]]),
    ("lp_pool of zeros", lambda x: F.lp_pool1d(ops.reshape(x, (1, 1, 4)), 2, 2)[0, 0], of_torch("lp_pool1d", 2, 2),
     [[0.0, 0, 3, 4]], [0.0, 5], [[0.0, 0, 0.6, 0.8]]),
    ("max_unpool, two of one place", lambda x: ops.max_unpool1d(x[None, None], np.array([[[1, 1]]]), 3)[0, 0],
     lambda x: unpooled(x), [[5.0, 7]], [0.0, 7, 0], [[1.0, 1]]),
    ("normalize", F.normalize, lambda x: x / x.norm(2, 1, True).clamp_min(1e-12), [[[0.0, 0], [3, 4]]],
     [[0.0, 0], [0.6, 0.8]], [[[1e12, 1e12], [0.032, -0.024]]]),
    ("normalize, ties of the largest", lambda x: F.normalize(x, inf, 0), lambda x: x / x.norm(inf, 0, True),
     [[2.0, -2, 1]], [1.0, -1, 0.5], [[0.375, 0.625, 0.5]]),
]


def unpooled(x):
    import torch

    return torch._C._nn.max_unpool2d(x[None, None], torch.tensor([[[1, 1]]]), (1, 3))[0, 0]


def leaky(x):
    from torch.nn.functional import leaky_relu

    return leaky_relu(x, 0.25)


def prelu(x, weight):
    from torch.nn.functional import prelu

    return prelu(x, weight)


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
