"""autocast and GradScaler beside PyTorch's: precisions op by op, values and gradients of a network, scale by scale.

PyTorch casts on CPUs by a shorter list than on GPUs; minigrad has the list for GPUs everywhere. Where the two differ,
the test says so, and holds the op to PyTorch's documented list for CUDA.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import amp, nn, optim
from minigrad.casting import FULL, LOW, WIDEST

pytestmark = pytest.mark.parity
pytest.importorskip("ml_dtypes")

RNG = np.random.default_rng(0)


def unit(*shape):
    return RNG.uniform(0.2, 0.8, shape).astype("f4")


CLASSES = np.array([0, 1, 2])
PLACES = np.zeros((3, 4), int)

# name -> (what to call, given nn.functional and the package of either side; inputs)
CASES = {
    "matmul": (lambda f, o: o.matmul, [unit(3, 4), unit(4, 5)]),
    "linear": (lambda f, o: f.linear, [unit(3, 4), unit(5, 4), unit(5)]),
    "einsum": (lambda f, o: lambda a, b: o.einsum("ij,jk->ik", a, b), [unit(3, 4), unit(4, 5)]),
    "tensordot": (lambda f, o: lambda a, b: o.tensordot(a, b, 1), [unit(3, 4), unit(4, 5)]),
    "outer": (lambda f, o: o.outer, [unit(3), unit(4)]),
    "conv1d": (lambda f, o: f.conv1d, [unit(2, 3, 6), unit(4, 3, 3), unit(4)]),
    "conv2d": (lambda f, o: f.conv2d, [unit(2, 3, 6, 6), unit(4, 3, 3, 3), unit(4)]),
    "conv_transpose1d": (lambda f, o: f.conv_transpose1d, [unit(2, 3, 6), unit(3, 4, 3), unit(4)]),
    "conv_transpose2d": (lambda f, o: f.conv_transpose2d, [unit(2, 3, 6, 6), unit(3, 4, 3, 3), unit(4)]),
    "attention": (lambda f, o: f.scaled_dot_product_attention, [unit(2, 3, 4), unit(2, 5, 4), unit(2, 5, 4)]),
    "prelu": (lambda f, o: f.prelu, [unit(2, 3), unit(3)]),
    "softmax": (lambda f, o: lambda x: f.softmax(x, 1), [unit(3, 4)]),
    "log_softmax": (lambda f, o: lambda x: f.log_softmax(x, 1), [unit(3, 4)]),
    "layer_norm": (lambda f, o: lambda x, w, b: f.layer_norm(x, (4,), w, b), [unit(3, 4), unit(4), unit(4)]),
    "rms_norm": (lambda f, o: lambda x, w: f.rms_norm(x, (4,), w), [unit(3, 4), unit(4)]),
    "group_norm": (lambda f, o: lambda x, w, b: f.group_norm(x, 2, w, b), [unit(3, 4, 5), unit(4), unit(4)]),
    "batch_norm": (lambda f, o: lambda x, w: f.batch_norm(x, None, None, w, training=True), [unit(3, 4), unit(4)]),
    "instance_norm": (lambda f, o: f.instance_norm, [unit(2, 3, 5)]),
    "normalize": (lambda f, o: f.normalize, [unit(3, 4)]),
    "local_response_norm": (lambda f, o: lambda x: f.local_response_norm(x, 2), [unit(1, 2, 4, 4)]),
    "cross_entropy": (lambda f, o: lambda x: f.cross_entropy(x, o.tensor(CLASSES)), [unit(3, 4)]),
    "nll_loss": (lambda f, o: lambda x: f.nll_loss(x, o.tensor(CLASSES)), [unit(3, 4)]),
    "mse_loss": (lambda f, o: f.mse_loss, [unit(3, 4), unit(3, 4)]),
    "l1_loss": (lambda f, o: f.l1_loss, [unit(3, 4), unit(3, 4)]),
    "smooth_l1_loss": (lambda f, o: f.smooth_l1_loss, [unit(3, 4), unit(3, 4)]),
    "huber_loss": (lambda f, o: f.huber_loss, [unit(3, 4), unit(3, 4)]),
    "binary_cross_entropy": (lambda f, o: f.binary_cross_entropy, [unit(3, 4), unit(3, 4)]),
    "bce_with_logits": (lambda f, o: f.binary_cross_entropy_with_logits, [unit(3, 4), unit(3, 4)]),
    "kl_div": (lambda f, o: lambda a, b: f.kl_div(a, b, reduction="batchmean"), [unit(3, 4), unit(3, 4)]),
    "poisson_nll_loss": (lambda f, o: f.poisson_nll_loss, [unit(3, 4), unit(3, 4)]),
    "soft_margin_loss": (lambda f, o: f.soft_margin_loss, [unit(3, 4), unit(3, 4)]),
    "triplet_margin_loss": (lambda f, o: f.triplet_margin_loss, [unit(3, 4), unit(3, 4), unit(3, 4)]),
    "cosine_similarity": (lambda f, o: f.cosine_similarity, [unit(3, 4), unit(3, 4)]),
    "pairwise_distance": (lambda f, o: f.pairwise_distance, [unit(3, 4), unit(3, 4)]),
    "exp": (lambda f, o: o.exp, [unit(3, 4)]),
    "expm1": (lambda f, o: o.expm1, [unit(3, 4)]),
    "log": (lambda f, o: o.log, [unit(3, 4)]),
    "log1p": (lambda f, o: o.log1p, [unit(3, 4)]),
    "rsqrt": (lambda f, o: o.rsqrt, [unit(3, 4)]),
    "reciprocal": (lambda f, o: o.reciprocal, [unit(3, 4)]),
    "tan": (lambda f, o: o.tan, [unit(3, 4)]),
    "pow": (lambda f, o: lambda x: x ** 3, [unit(3, 4)]),
    "number to the power": (lambda f, o: lambda x: 3 ** x, [unit(3, 4)]),
    "square": (lambda f, o: lambda x: x.square(), [unit(3, 4)]),
    "number divided by": (lambda f, o: lambda x: 1 / x, [unit(3, 4)]),
    "sqrt": (lambda f, o: o.sqrt, [unit(3, 4)]),
    "sum": (lambda f, o: lambda x: x.sum(), [unit(3, 4)]),
    "mean": (lambda f, o: lambda x: x.mean(), [unit(3, 4)]),
    "var": (lambda f, o: lambda x: x.var(), [unit(3, 4)]),
    "prod": (lambda f, o: lambda x: x.prod(), [unit(3, 4)]),
    "cumsum": (lambda f, o: lambda x: x.cumsum(0), [unit(3, 4)]),
    "logsumexp": (lambda f, o: lambda x: x.logsumexp(0), [unit(3, 4)]),
    "norm": (lambda f, o: lambda x: x.norm(), [unit(3, 4)]),
    "max": (lambda f, o: lambda x: x.max(), [unit(3, 4)]),
    "relu": (lambda f, o: f.relu, [unit(3, 4)]),
    "gelu": (lambda f, o: f.gelu, [unit(3, 4)]),
    "silu": (lambda f, o: f.silu, [unit(3, 4)]),
    "softplus": (lambda f, o: f.softplus, [unit(3, 4)]),
    "tanh": (lambda f, o: o.tanh, [unit(3, 4)]),
    "sigmoid": (lambda f, o: o.sigmoid, [unit(3, 4)]),
    "add": (lambda f, o: lambda a, b: a + b, [unit(3, 4), unit(3, 4)]),
    "multiply": (lambda f, o: lambda a, b: a * b, [unit(3, 4), unit(3, 4)]),
    "where": (lambda f, o: lambda a, b: o.where(o.tensor(PLACES == 0), a, b), [unit(3, 4), unit(3, 4)]),
    "cat": (lambda f, o: lambda a, b: o.cat([a, b]), [unit(3, 4), unit(3, 4)]),
    "stack": (lambda f, o: lambda a, b: o.stack([a, b]), [unit(3, 4), unit(3, 4)]),
    "scatter_add": (lambda f, o: lambda a, b: a.scatter_add(1, o.tensor(PLACES), b), [unit(3, 4), unit(3, 4)]),
    "embedding": (lambda f, o: lambda w: f.embedding(o.tensor(CLASSES), w), [unit(3, 4)]),
    "max_pool2d": (lambda f, o: lambda x: f.max_pool2d(x, 2), [unit(1, 2, 4, 4)]),
    "avg_pool2d": (lambda f, o: lambda x: f.avg_pool2d(x, 2), [unit(1, 2, 4, 4)]),
    "lp_pool2d": (lambda f, o: lambda x: f.lp_pool2d(x, 2.0, 2), [unit(1, 2, 4, 4)]),
    "interpolate": (lambda f, o: lambda x: f.interpolate(x, scale_factor=2, mode="bilinear"), [unit(1, 2, 4, 4)]),
}
# In half precision these stay half on PyTorch's CPUs, while its GPUs compute them in float32. (normalize, lp_pool2d and
# pairwise_distance are norms and powers there; square is pow.)
ONLY_ON_GPUS = """softmax log_softmax layer_norm rms_norm group_norm normalize cosine_similarity pairwise_distance
    exp expm1 log log1p rsqrt reciprocal tan pow square sum cumsum logsumexp norm softplus lp_pool2d""".split() \
    + ["number to the power"]
# Where PyTorch refuses two precisions, minigrad takes the wider, or (in a product) the lower.
REFUSED = {("tensordot", "10"), ("scatter_add", "10")}


def precisions(kind):
    """"10": which inputs are in half precision."""
    return ["0", "1"] if kind == 1 else ["0" * kind, "1" * kind, "1" + "0" * (kind - 1)]


ROWS = [pytest.param(name, halves, id=f"{name}-{halves}") for name, (_, inputs) in CASES.items()
        for halves in precisions(len(inputs))]


def pytorchs(name, halves):
    import torch

    make, inputs = CASES[name]
    xs = [torch.tensor(x).to(torch.bfloat16 if half == "1" else torch.float32)
          for x, half in zip(inputs, halves, strict=True)]
    with torch.autocast("cpu", torch.bfloat16), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(torch.nn.functional, torch)(*xs)


def ours(name, halves):
    make, inputs = CASES[name]
    xs = [mg.tensor(x).astype("bfloat16" if half == "1" else "f4") for x, half in zip(inputs, halves, strict=True)]
    with amp.autocast("cpu", "bfloat16"):
        return make(F, mg)(*xs)


@pytest.mark.parametrize("name, halves", ROWS)
def test_precision_and_values(name, halves):
    y = ours(name, halves)
    if (name, halves) in REFUSED:
        with pytest.raises(RuntimeError, match="dtype"):
            pytorchs(name, halves)
        return
    theirs = pytorchs(name, halves)
    assert y.shape == tuple(theirs.shape)
    np.testing.assert_allclose(y.numpy().astype("f4"), theirs.float().numpy(), rtol=0.03, atol=0.01)
    if name in ONLY_ON_GPUS and str(theirs.dtype) == "torch.bfloat16":
        assert y.dtype == "float32"
    else:
        assert f"torch.{y.dtype}" == str(theirs.dtype)


@pytest.mark.parametrize("name", ONLY_ON_GPUS)
def test_the_exceptions_are_exceptions(name):
    """Where PyTorch's CPUs and GPUs begin to agree, the list above gets shorter."""
    halves = "1" * len(CASES[name][1])
    assert str(pytorchs(name, halves).dtype) == "torch.bfloat16"


# The lists of https://docs.pytorch.org/docs/stable/amp.html, "CUDA Op-Specific Behavior", as far as minigrad has such
# an op; behind the colon its name where it has another.
FLOAT16 = """__matmul__:matmul conv1d conv2d conv_transpose1d conv_transpose2d GRUCell:gru_cell linear
    LSTMCell:lstm_cell matmul mm:matmul mv:matmul prelu RNNCell:rnn_cell"""
FLOAT32 = """__pow__:power acos asin binary_cross_entropy_with_logits cosh cosine_embedding_loss cdist:pairwise_distance
    cosine_similarity cross_entropy cumprod:cumulative_prod cumsum:cumulative_sum exp expm1 group_norm
    hinge_embedding_loss kl_div l1_loss layer_norm log log10 log_softmax log1p log2 margin_ranking_loss mse_loss
    multi_margin_loss nll_loss norm normalize poisson_nll_loss pow:power prod reciprocal rsqrt sinh smooth_l1_loss
    soft_margin_loss softmax softmin softplus sum tan triplet_margin_loss"""
PROMOTE = "scatter_add bilinear tensordot"


def test_the_lists_are_those_of_pytorchs_documentation():
    def names(text):
        return {entry.rpartition(":")[2] for entry in text.split()}

    assert names(FLOAT16) <= set(LOW) and names(FLOAT32) <= set(FULL) and names(PROMOTE) <= {*WIDEST, *LOW}


def test_a_network_and_its_gradients():
    import torch

    layers = [("Conv2d", 1, 4, 3), ("BatchNorm2d", 4), ("ReLU",), ("MaxPool2d", 2), ("Flatten",), ("Linear", 36, 8),
              ("LayerNorm", 8), ("Tanh",), ("Linear", 8, 3)]
    mine, theirs = [module.Sequential(*[getattr(module, kind)(*args) for kind, *args in layers])
                    for module in (nn, torch.nn)]
    theirs.load_state_dict({name: torch.tensor(a) for name, a in mine.state_dict().items()})
    x, t = RNG.standard_normal((6, 1, 8, 8)).astype("f4"), np.arange(6) % 3
    with amp.autocast("cpu", "bfloat16"):
        y = mine(mg.tensor(x))
        loss = F.cross_entropy(y, mg.tensor(t))
    with torch.autocast("cpu", torch.bfloat16):
        z = theirs(torch.tensor(x))
        other = torch.nn.functional.cross_entropy(z, torch.tensor(t))
    loss.backward()
    other.backward()
    assert (str(y.dtype), str(loss.dtype)) == ("bfloat16", "float32") and z.dtype == torch.bfloat16
    np.testing.assert_allclose(y.numpy().astype("f4"), z.detach().float().numpy(), atol=0.05)
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert f"torch.{p.grad.dtype}" == str(q.grad.dtype) == "torch.float32"
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=0.1, atol=0.05)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_networks(kind):
    import torch

    mine, theirs = getattr(nn, kind)(3, 4), getattr(torch.nn, kind)(3, 4)
    theirs.load_state_dict({name: torch.tensor(a) for name, a in mine.state_dict().items()})
    x = RNG.standard_normal((5, 2, 3)).astype("f4")
    with amp.autocast("cpu", "bfloat16"):
        y = mine(mg.tensor(x))[0]
    with torch.autocast("cpu", torch.bfloat16):
        z = theirs(torch.tensor(x))[0]
    assert y.dtype == "bfloat16" and (kind == "GRU" or z.dtype == torch.bfloat16)   # there a GRU adds its float32 state
    np.testing.assert_allclose(y.numpy().astype("f4"), z.detach().float().numpy(), atol=0.03)


# --- scales -------------------------------------------------------------------------------------------------------

OPTIONS = {"init_scale": st.sampled_from([2.0 ** 16, 1.0, 1000.0, 2.0 ** 126]),
           "growth_factor": st.sampled_from([2.0, 1.5]), "backoff_factor": st.sampled_from([0.5, 0.75]),
           "growth_interval": st.integers(1, 3)}


@given(st.lists(st.sampled_from([0.25, 1.0, float("inf"), float("nan")]), min_size=1, max_size=8),
       st.booleans(), st.fixed_dictionaries(OPTIONS))
def test_scales_and_steps(gradients, look, options):
    """The same finite and infinite gradients: the same scales, the same steps, the same state."""
    import torch

    p = nn.Parameter(np.ones(2, "f4"))
    q = torch.nn.Parameter(torch.ones(2))
    sides = [(p, optim.SGD([p], lr=0.1, momentum=0.5), amp.GradScaler("cpu", **options)),
             (q, torch.optim.SGD([q], lr=0.1, momentum=0.5), torch.amp.GradScaler("cpu", **options))]
    for value in gradients:
        for tensor, optimizer, scaler in sides:
            module = mg if tensor is p else torch
            scaler.scale(module.ones(1))
            with np.errstate(over="ignore"):
                arrived = np.array([value, 1], "f4") * np.float32(scaler.get_scale())
            tensor.grad = module.tensor(arrived)
            if look:
                scaler.unscale_(optimizer)
                tensor.grad *= 0.5
            scaler.step(optimizer)
            scaler.update()
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-5)
        assert sides[0][2].get_scale() == pytest.approx(sides[1][2].get_scale(), rel=1e-6)
    mine, theirs = [scaler.state_dict() for _, _, scaler in sides]
    assert mine == pytest.approx(theirs, rel=1e-6)
    sides[0][2].load_state_dict(theirs)                     # and PyTorch's state is taken
    sides[1][2].load_state_dict(mine)


@pytest.mark.parametrize("calls", [["unscale_", "unscale_"], ["step", "unscale_"], ["step", "step"]])
def test_both_refuse_the_same_calls(calls):
    import torch

    def run(module, p, scaler):
        optimizer = module.optim.SGD([p], lr=0.1)
        scaler.scale(p.sum()).backward()
        for call in calls:
            getattr(scaler, call)(optimizer)

    for module, p in (mg, nn.Parameter(np.ones(2, "f4"))), (torch, torch.nn.Parameter(torch.ones(2))):
        with pytest.raises(RuntimeError):
            run(module, p, module.amp.GradScaler("cpu"))
