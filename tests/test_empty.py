"""Axes of length zero, axes that are not there, and reductions over fewer elements than they want: what PyTorch (or
NumPy, for array functions) answers. Forward, and a backward whose gradients have the shapes of their inputs."""

import warnings

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import ops

INF, NAN = np.inf, np.nan
MASK = mg.tensor(np.ones((2, 0), dtype=bool))


def attention(**options):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options)


def batch_norm(channels):
    return lambda x: F.batch_norm(x, np.zeros(channels, "f4"), np.ones(channels, "f4"))


def whiten(x):
    return F.batch_norm(x, None, None, training=True)


# name, function, shapes of the inputs (filled with ones), shape and value of the output
CALLS = [
    ("matmul, no inner axis", ops.matmul, [(2, 2, 0), (0, 3)], (2, 2, 3), 0),
    ("matmul, no columns", ops.matmul, [(2, 2, 3), (3, 0)], (2, 2, 0), None),
    ("matmul, no batch", ops.matmul, [(0, 2, 3), (3, 4)], (0, 2, 4), None),
    ("matmul, vectors", ops.matmul, [(0,), (0,)], (), 0),
    ("linear, no features", F.linear, [(2, 3, 0), (4, 0), (4,)], (2, 3, 4), 1),
    ("linear, no outputs", F.linear, [(2, 3, 4), (0, 4), (0,)], (2, 3, 0), None),
    ("softmax", lambda x: F.softmax(x, 1), [(2, 0)], (2, 0), None),
    ("softmax, no rows", lambda x: F.softmax(x, 1), [(0, 2)], (0, 2), None),
    ("softmax of a number", lambda x: F.softmax(x, 0), [()], (), 1),
    ("log_softmax", lambda x: F.log_softmax(x, 1), [(2, 0)], (2, 0), None),
    ("log_softmax of a number", lambda x: F.log_softmax(x, -1), [()], (), 0),
    ("logsumexp", lambda x: ops.logsumexp(x, 1), [(2, 0)], (2,), -INF),
    ("logsumexp, no rows", lambda x: ops.logsumexp(x, 1), [(0, 2)], (0,), None),
    ("logsumexp of a number", lambda x: ops.logsumexp(x, 0), [()], (), 1),
    ("attention, no keys", attention(), [(2, 3), (0, 3), (0, 2)], (2, 2), 0),
    ("attention, no keys, mask", attention(attn_mask=MASK), [(2, 3), (0, 3), (0, 2)], (2, 2), 0),
    ("attention, no keys, causal", attention(is_causal=True), [(2, 3), (0, 3), (0, 2)], (2, 2), 0),
    ("attention, no queries", attention(), [(0, 2), (2, 2), (2, 2)], (0, 2), None),
    ("attention, no width", attention(), [(2, 0), (2, 0), (2, 2)], (2, 2), 1),
    ("batch_norm, no channels", whiten, [(3, 0)], (3, 0), None),
    ("batch_norm, images without channels", whiten, [(3, 0, 2, 2)], (3, 0, 2, 2), None),
    ("batch_norm in evaluation, no rows", batch_norm(3), [(0, 3)], (0, 3), None),
    ("batch_norm in evaluation, no images", batch_norm(3), [(0, 3, 2, 2)], (0, 3, 2, 2), None),
    ("batch_norm in evaluation, no channels", batch_norm(0), [(3, 0)], (3, 0), None),
    ("layer_norm", lambda x: F.layer_norm(x, 3), [(0, 3)], (0, 3), None),
    ("pad", lambda x: F.pad(x, (1, 1)), [(0, 3)], (0, 5), None),
    ("pad, where it is empty", lambda x: F.pad(x, (0, 0, 1, 1)), [(0, 3)], (2, 3), 0),
    ("pad, all of it away", lambda x: F.pad(x, (0, 0, -1, 0)), [(1, 3)], (0, 3), None),
    ("concat, flattened", lambda a, b: ops.concat([a, b], None), [(2, 3), (2,)], (8,), 1),
    ("concat, nothing to it", lambda a, b: ops.concat([a, b]), [(0, 3), (2, 3)], (2, 3), 1),
    ("max_pool2d, no images", lambda x: F.max_pool2d(x, 3, 2, 1), [(0, 2, 4, 4)], (0, 2, 2, 2), None),
    ("avg_pool2d, no images", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), [(0, 2, 4, 4)],
     (0, 2, 2, 2), None),
    ("batch_norm in training, no images", whiten, [(0, 3, 2, 2)], (0, 3, 2, 2), None),
    ("instance_norm, no images", F.instance_norm, [(0, 3, 4)], (0, 3, 4), None),
    ("instance_norm, no places", F.instance_norm, [(2, 3, 0)], (2, 3, 0), None),
    ("group_norm, no images", lambda x, w: F.group_norm(x, 2, w), [(0, 4, 2), (4,)], (0, 4, 2), None),
    ("rms_norm", lambda x, w: F.rms_norm(x, (3,), w), [(0, 3), (3,)], (0, 3), None),
    ("local_response_norm, no images", lambda x: F.local_response_norm(x, 3), [(0, 3, 4)], (0, 3, 4), None),
    ("normalize, no columns", F.normalize, [(2, 0)], (2, 0), None),
    ("adaptive_avg_pool2d, no images", lambda x: F.adaptive_avg_pool2d(x, 3), [(0, 2, 4, 4)], (0, 2, 3, 3), None),
    ("adaptive_avg_pool2d, no channels", lambda x: F.adaptive_avg_pool2d(x, 2), [(2, 0, 4, 4)], (2, 0, 2, 2), None),
    ("adaptive_avg_pool2d to nothing", lambda x: F.adaptive_avg_pool2d(x, (0, 3)), [(2, 3, 4, 4)], (2, 3, 0, 3), None),
    ("adaptive_avg_pool2d, the mean of nothing", lambda x: F.adaptive_avg_pool2d(x, 1), [(2, 3, 0, 4)], (2, 3, 1, 1),
     NAN),
    ("adaptive_max_pool2d, no images", lambda x: F.adaptive_max_pool2d(x, 3), [(0, 2, 4, 4)], (0, 2, 3, 3), None),
    ("adaptive_max_pool1d to nothing", lambda x: F.adaptive_max_pool1d(x, 0), [(2, 3, 4)], (2, 3, 0), None),
    ("max_unpool2d, no images", lambda x: F.max_unpool2d(x, mg.tensor(np.zeros((0, 2, 2, 2), int)), 2), [(0, 2, 2, 2)],
     (0, 2, 4, 4), None),
    ("cross_entropy", lambda x: F.cross_entropy(x, mg.tensor(np.zeros(0, int))), [(0, 3)], (), NAN),
    ("cross_entropy of probabilities", F.cross_entropy, [(0, 3), (0, 3)], (), NAN),
    ("cross_entropy without classes", F.cross_entropy, [(3, 0), (3, 0)], (), NAN),
    ("nll_loss", lambda x: F.nll_loss(x, mg.tensor(np.zeros(0, int)), reduction="sum"), [(0, 3)], (), 0),
    *[(name, getattr(F, name), [(0, 3), (0, 3)], (), NAN)
      for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
                   "binary_cross_entropy_with_logits", "poisson_nll_loss", "hinge_embedding_loss", "soft_margin_loss",
                   "multilabel_soft_margin_loss")],
    ("kl_div", ops.kl_div, [(0, 3), (0, 3)], (), NAN),
    ("gaussian_nll_loss", F.gaussian_nll_loss, [(0, 3)] * 3, (), NAN),
    ("margin_ranking_loss", F.margin_ranking_loss, [(0, 3)] * 3, (), NAN),
    ("triplet_margin_loss", F.triplet_margin_loss, [(0, 3)] * 3, (), NAN),
    ("triplet_margin_loss of vectors without length", F.triplet_margin_loss, [(2, 0)] * 3, (), 1),
    ("cosine_similarity of vectors without length", F.cosine_similarity, [(2, 0), (2, 0)], (2,), 0),
    ("pairwise_distance of vectors without length", F.pairwise_distance, [(2, 0), (2, 0)], (2,), 0),
    ("var of nothing", ops.var, [(0,)], (), NAN),
    ("var of one, unbiased", lambda x: ops.var(x, None, 1), [(1,)], (), NAN),
    ("std of one, unbiased", lambda x: ops.std(x, None, 1), [(1,)], (), NAN),
]


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("function, shapes, shape, value",
                         [pytest.param(*row[1:], id=row[0].replace(" ", "_")) for row in CALLS])
def test_forward_and_backward(function, shapes, shape, value, kernels):
    leaves = [mg.ones(shape, requires_grad=True) for shape in shapes]
    with mg.config(kernels=kernels), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)                     # NumPy's, of 0 / 0 and log(0)
        y = function(*leaves)
        gradients = mg.grad(y, leaves, mg.ones_like(y), allow_unused=True)
    assert y.shape == shape
    if value is not None:
        np.testing.assert_array_equal(y.numpy(), np.full(shape, value))
    assert [None if g is None else g.shape for g in gradients] == [None if g is None else shape
                                                                  for g, shape in zip(gradients, shapes, strict=True)]


def test_concat_flattened_sends_everything_home():
    a, b = mg.tensor([[1.0, 2], [3, 4]], requires_grad=True), mg.tensor([5.0, 6], requires_grad=True)
    y = ops.concat([a, b], None)
    assert y.tolist() == [1, 2, 3, 4, 5, 6]
    ga, gb = mg.grad(y, [a, b], mg.tensor([1.0, 2, 3, 4, 5, 6]))
    assert ga.tolist() == [[1, 2], [3, 4]] and gb.tolist() == [5, 6]


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool"])
def test_variance_of_integers_is_no_integer(dtype):
    x = np.array([[1, 0, 1, 1], [0, 0, 1, 0]]) if dtype == "bool" else np.array([[1, 2, 3, 4], [120, 5, 0, 9]])
    x = x.astype(dtype)
    for ours, numpys in ((ops.var, np.var), (ops.std, np.std)):
        y = ours(mg.tensor(x), 1, 1)
        assert y.dtype == "float64"
        np.testing.assert_allclose(y.numpy(), numpys(x, 1, ddof=1), rtol=1e-14)
    assert ops.var(mg.tensor(np.array([1, 2, 3, 4]))).item() == 1.25


def test_a_query_that_meets_not_a_number_says_so():
    """Where a mask hides nothing, NaN among the scores is not taken for "sees nothing"."""
    scores = mg.tensor(np.array([[np.nan, -np.inf], [0.0, 0.0]], "f4"))
    y = F.scaled_dot_product_attention(mg.ones(2, 2), mg.ones(2, 2), mg.ones(2, 2), attn_mask=scores)
    assert np.isnan(y.numpy()[0]).all() and y.numpy()[1].tolist() == [1, 1]
