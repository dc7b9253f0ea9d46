"""Half precision at large magnitude: what is squared, exponentiated or added up inside an op must not overflow, vanish
or be rounded before the sum. Values and gradients are compared with those of float64."""

import numpy as np
import pytest
from halves import HALVES

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import ops

EPS = {"float16": 2.0 ** -11, "bfloat16": 2.0 ** -8}

RNG = np.random.default_rng(0)
WIDE = 400 * RNG.standard_normal((8, 6))                        # squares do not fit into float16
SHIFTED = 2000 + 40 * RNG.standard_normal((8, 6))               # nor do sums of squares; means are coarse
IMAGES = 400 * RNG.standard_normal((4, 3, 5, 5))
ROW = np.array([300.0, -300, 200, -250])
VECTOR = RNG.standard_normal(6)
THREE = np.array([1.5, -0.5, 2.0])
LOGITS = RNG.standard_normal((3, 5000))
LARGE = 1000 + 4 * RNG.standard_normal((5, 6))
KEYS = 30 + 0.05 * RNG.standard_normal((3, 80))                 # 30 * 30 * 80 does not fit into float16
CLASSES = np.array([0, 5, 1, 2, 2])
MASK = np.array([[0.0, -2, -60000], [-30000, 1, 0], [0, 0, -3]])

# name, function, inputs
CASES = [
    ("layer_norm", lambda x: F.layer_norm(x, 4), [ROW]),
    ("layer_norm, weight and bias", lambda x, w, b: F.layer_norm(x, 6, w, b), [WIDE, VECTOR, VECTOR[::-1].copy()]),
    ("layer_norm, far from 0", lambda x: F.layer_norm(x, (8, 6)), [SHIFTED]),
    ("batch_norm", lambda x: F.batch_norm(x, None, None, training=True), [WIDE]),
    ("batch_norm, images", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [IMAGES, THREE, THREE]),
    ("batch_norm, statistics", lambda x: ops.batch_norm_train(x)[2], [WIDE / 8]),
    ("batch_norm in evaluation", lambda x, m, v, w: ops.batch_norm_eval(x, m, v, w), [WIDE, WIDE[0], WIDE[1] ** 2 / 9,
                                                                                     VECTOR]),
    ("softmax", lambda x: F.softmax(x, 1), [LOGITS]),
    ("softmax, large", lambda x: F.softmax(x, 1), [LARGE]),
    ("log_softmax", lambda x: F.log_softmax(x, 1), [LOGITS]),
    ("log_softmax, large", lambda x: F.log_softmax(x, 0), [LARGE]),
    ("logsumexp", lambda x: ops.logsumexp(x, 1), [LOGITS]),
    ("logsumexp, large", lambda x: ops.logsumexp(x, (0, 1), True), [LARGE]),
    ("cross_entropy", lambda x: F.cross_entropy(x, mg.tensor(CLASSES)), [LARGE]),
    ("cross_entropy, weight", lambda x, w: F.cross_entropy(x, mg.tensor(CLASSES), w, reduction="sum",
                                                           label_smoothing=0.1), [LARGE, VECTOR ** 2]),
    ("cross_entropy, probabilities", F.cross_entropy, [LARGE, np.abs(WIDE[:5]) / 400]),
    ("mse_loss", F.mse_loss, [WIDE / 3, WIDE[::-1] * 0.3]),
    ("huber_loss", lambda x, t: F.huber_loss(x, t, delta=100.0), [WIDE, WIDE[::-1] * 0.9]),
    ("kl_div", lambda x, t: F.kl_div(x, t, reduction="batchmean"), [LARGE / 200, np.exp(VECTOR)]),
    ("binary_cross_entropy", F.binary_cross_entropy, [np.abs(np.cos(WIDE)) * 0.98 + 0.01, np.abs(np.sin(WIDE))]),
    ("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits, [WIDE / 100, np.abs(np.sin(WIDE))]),
    ("gaussian_nll_loss", F.gaussian_nll_loss, [WIDE, WIDE[::-1] * 0.9, np.abs(WIDE) + 1]),
    ("poisson_nll_loss", lambda x, t: F.poisson_nll_loss(x, t, full=True), [LARGE / 200, np.full((5, 6), 150.0)]),
    ("cosine_similarity", F.cosine_similarity, [WIDE, WIDE[::-1] * 0.9]),
    ("pairwise_distance", F.pairwise_distance, [WIDE, WIDE[::-1] * 0.9]),
    ("triplet_margin_loss", lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=2000.0),
     [WIDE, WIDE[::-1] * 0.9, np.abs(WIDE)]),
    ("attention", F.scaled_dot_product_attention, [np.full((2, 80), 30.0), KEYS, WIDE[5:]]),
    ("attention, mask", F.scaled_dot_product_attention, [WIDE[:3] / 150, WIDE[3:6] / 150, WIDE[5:], MASK]),
    ("std", lambda x: ops.std(x, 0), [WIDE]),
    ("std, far from 0", lambda x: ops.std(x, 0, 1), [SHIFTED]),
    ("var, far from 0", lambda x: ops.var(x, 1), [SHIFTED]),
    ("mean", lambda x: ops.mean(x), [np.full(70000, 6e4)]),
    ("max, many ties", lambda x: ops.max(x), [np.full(70000, 2.0)]),
    ("group_norm", lambda x, w, b: F.group_norm(x, 3, w, b), [IMAGES, THREE, THREE]),
    ("instance_norm", lambda x, w, b: F.instance_norm(x, None, None, w, b), [IMAGES, THREE, THREE]),
    ("rms_norm", lambda x, w: F.rms_norm(x, 6, w), [WIDE, VECTOR]),
    ("local_response_norm", lambda x: F.local_response_norm(x, 3), [IMAGES]),
    ("normalize", lambda x: F.normalize(x), [WIDE]),
    ("normalize, p 3", lambda x: F.normalize(x, 3.0, 0), [WIDE]),
    ("adaptive_avg_pool2d, overlap", lambda x: F.adaptive_avg_pool2d(x, 3), [20000 + IMAGES]),
    ("adaptive_avg_pool2d, all", lambda x: F.adaptive_avg_pool2d(x, 1), [20000 + IMAGES]),
    ("lp_pool2d", lambda x: F.lp_pool2d(x, 2, 2), [IMAGES]),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 2), [20000 + IMAGES]),
    ("avg_pool2d, padding", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), [20000 + IMAGES]),
]


def run(function, inputs, dtype):
    """The value and the gradients where cosines arrive, of inputs that half precision has exactly."""
    leaves = [mg.tensor(x.astype(dtype), requires_grad=True) for x in inputs]
    y = function(*leaves)
    wave = np.round(16 * np.cos(np.arange(y.data.size))).reshape(y.shape) / 16      # exact in bfloat16 too
    return y, mg.grad(y, leaves, mg.tensor(wave.astype(y.dtype)))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("function, inputs", [pytest.param(*case[1:], id=case[0].replace(" ", "_")) for case in CASES])
def test_as_in_float64(function, inputs, dtype):
    inputs = [x.astype(dtype).astype("float64") for x in inputs]
    (y, gradients), (exact, expected) = run(function, inputs, dtype), run(function, inputs, "float64")
    for actual, wanted in zip([y, *gradients], [exact, *expected], strict=True):
        wanted = wanted.numpy()
        assert np.isfinite(wanted).all() and np.any(wanted)
        tiny = 0 if dtype != "float16" else 2.0 ** -24
        np.testing.assert_allclose(actual.numpy().astype("float64"), wanted, rtol=0,
                                   atol=4 * EPS[str(np.dtype(dtype))] * np.abs(wanted).max() + tiny)
    assert [g.dtype for g in gradients] == [np.dtype(dtype)] * len(inputs)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("function, inputs", [pytest.param(*case[1:], id=case[0].replace(" ", "_")) for case in CASES
                                              if case[0] != "batch_norm, statistics"])
def test_the_dtype_stays(function, inputs, dtype):
    y = function(*[mg.tensor(x.astype(dtype)) for x in inputs])
    assert y.dtype == np.dtype(dtype)


def test_numbers_as_they_are_elsewhere():
    """PyTorch's answers, to their last digit in float16."""
    half = mg.tensor(ROW.astype("float16"))
    np.testing.assert_allclose(F.layer_norm(half, 4).numpy(), np.array([1.177, -1.083, 0.8003, -0.8945]), rtol=1e-3)
    assert F.softmax(mg.zeros(70000, dtype="float16"), 0).numpy()[0] == np.float16(1.4305e-05)
    assert float(half[:3].std()) == pytest.approx(262.5, rel=1e-3)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_running_statistics_do_not_overflow(dtype):
    mean, var = np.zeros(6, "f4"), np.ones(6, "f4")
    x = WIDE.astype(dtype)
    F.batch_norm(mg.tensor(x), mean, var, training=True, momentum=1.0)
    np.testing.assert_allclose(mean, x.astype("f8").mean(0), rtol=1e-5)
    np.testing.assert_allclose(var, x.astype("f8").var(0, ddof=1), rtol=1e-5)
    y = F.batch_norm(mg.tensor(x), mean, var)
    assert y.dtype == np.dtype(dtype) and abs(y.numpy().astype("f8").std(0) - np.sqrt(7 / 8)).max() < 0.01


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "layer_norm", "batch_norm_train", "cross_entropy"])
def test_full_precision_is_not_converted(name):
    """No call of astype is on the tape of a definition in float32: a student who steps into it would wonder."""
    x = mg.tensor(LARGE.astype("f4"), requires_grad=True)
    rest = {"layer_norm": (6,), "cross_entropy": (mg.tensor(CLASSES),)}.get(name, ())
    with mg.config(kernels="definition"):
        y = getattr(ops, name)(x, *rest)
    node = (y[0] if isinstance(y, tuple) else y).node
    node = getattr(node, "node", node)
    steps = node.op.inner_steps(node, (mg.ones_like(y[0]), None, None) if isinstance(y, tuple) else mg.ones_like(y),
                                node.edges)
    assert "astype" not in [step[0].op.name for step in steps]


@pytest.mark.parametrize("back", [lambda x, i: x[i], lambda x, i: mg.take(x, i, 0),
                                  lambda x, i: mg.take_along_axis(x, i, 0)], ids=["getitem", "take", "take_along_axis"])
def test_the_gradients_of_picked_elements_add_up_in_float32(back):
    x = mg.ones(2, dtype="float16", requires_grad=True)
    back(x, np.zeros(4096, "i8")).sum().backward()
    assert x.grad.dtype == "float16" and x.grad.tolist() == [4096, 0]
