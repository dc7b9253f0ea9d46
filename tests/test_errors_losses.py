"""What is said to somebody who calls a loss wrongly: the loss, what was expected, what came."""

import warnings
from inspect import signature

import numpy as np
import pytest
from strict_cupy import installed, syncs

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.graph import Graph, Input
from minigrad.meta import Meta
from minigrad.nn import distance, loss
from minigrad.nn.functional import distances, losses

LOGITS = np.linspace(-1, 1, 12, dtype="f4").reshape(4, 3)
CLASSES = np.array([0, 1, 2, 1])
LAYERS = [name for module in (loss, distance) for name, value in vars(module).items()
          if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(nn, name)]
REFUSALS = (ValueError, TypeError, IndexError)

CALLS = [
    (lambda x: F.cross_entropy(x, CLASSES + 1), r"cross_entropy: target\[2\] is 3, but there are 3 classes, 0 to 2"),
    (lambda x: F.cross_entropy(x, CLASSES * 1.0), "cross_entropy: target must be integer class .*or prob.*float64"),
    (lambda x: F.cross_entropy(x, CLASSES[:, None]), r"cross_entropy: target must be \(4,\), x's shape without its cl"),
    (lambda x: F.cross_entropy(x[..., None], CLASSES), r"cross_entropy: target must be \(4, 1\).*\(x \(4, 3, 1\)"),
    (lambda x: F.cross_entropy(x, np.zeros((4, 3), int)), "cross_entropy: a target of x's shape .* probabilities"),
    (lambda x: F.cross_entropy(x, x * 0, ignore_index=1), "cross_entropy: ignore_index 1 is for class indices"),
    (lambda x: F.cross_entropy(x, CLASSES, label_smoothing=2), r"label_smoothing must be in \[0, 1\], 2 came"),
    (lambda x: F.cross_entropy(x, CLASSES, np.ones(4)), r"cross_entropy: weight must be \(3,\), one for each class"),
    (lambda x: F.cross_entropy(x, {0: 1}), "cross_entropy: target must be a tensor or an array, dict came"),
    (lambda x: F.cross_entropy(x[0, 0], CLASSES[0]), "cross_entropy: x needs an axis of classes"),
    (lambda x: F.cross_entropy(x, CLASSES, reduction="avg"), "reduction must be 'mean', 'sum' or 'none', 'avg' came"),
    (lambda x: F.nll_loss(x, CLASSES + 1), r"nll_loss: target\[2\] is 3"),
    (lambda x: F.nll_loss(x, x * 0), "nll_loss: target must be integer class indices, it is float32"),
    (lambda x: F.nll_loss(x, CLASSES[:2]), r"nll_loss: target must be \(4,\)"),
    (lambda x: F.multi_margin_loss(x, CLASSES - 1), r"multi_margin_loss: target\[0\] is -1"),
    (lambda x: F.multi_margin_loss(x, CLASSES * 1.0), "multi_margin_loss: target must be integer"),
    (lambda x: F.multi_margin_loss(x[None], CLASSES), r"multi_margin_loss: x must be \(n, c\) or \(c,\)"),
    (lambda x: F.multi_margin_loss(x, CLASSES, p=3), "multi_margin_loss: p must be 1 or 2, 3 came"),
    (lambda x: F.mse_loss(x, x[:, :2]), r"mse_loss: the shapes do not fit together: x \(4, 3\), target \(4, 2\)"),
    (lambda x: F.mse_loss(x, 0.5), "mse_loss: target must be a tensor or an array, float came"),
    (lambda x: F.mse_loss(x.astype(int), x), "mse_loss: x must be of floating point, it is int64"),
    (lambda x: F.l1_loss(x, x, weight=x[0]), r"l1_loss: weight must have the shape of x, \(4, 3\); it has \(3,\)"),
    (lambda x: F.smooth_l1_loss(x, x, beta=-1), "smooth_l1_loss: beta must be >= 0, -1 came"),
    (lambda x: F.huber_loss(x, x, delta=0), "huber_loss: delta must be > 0, 0 came"),
    (lambda x: F.kl_div(x, CLASSES[:, None], reduction="sum"), "kl_div: target must be of floating point, it is"),
    (lambda x: F.kl_div(x, x, reduction="median"), "kl_div: reduction must be 'mean', 'sum', 'none' or 'batchmean'"),
    (lambda x: F.binary_cross_entropy(x, x), r"binary_cross_entropy: x must be probabilities.*; it holds -1"),
    (lambda x: F.binary_cross_entropy(x * 0, x * 3), r"binary_cross_entropy: target must be probabilities.* holds -3"),
    (lambda x: F.binary_cross_entropy(abs(x), x[:, :1]), r"binary_cross_entropy: target must have the shape of x"),
    (lambda x: F.binary_cross_entropy(abs(x), x.astype(int)), "binary_cross_entropy: target must be of floating"),
    (lambda x: F.binary_cross_entropy_with_logits(x, x[0]), r"with_logits: target must have the shape of x, \(4, 3\)"),
    (lambda x: F.binary_cross_entropy_with_logits(x, x, pos_weight=np.ones(4)), r"pos_weight \(4,\) does not broad"),
    (lambda x: F.gaussian_nll_loss(x, x, x), "gaussian_nll_loss: var must not be negative: pass variances"),
    (lambda x: F.gaussian_nll_loss(x, x, -1.0), "gaussian_nll_loss: var must not be negative: pass variances"),
    (lambda x: F.gaussian_nll_loss(x, x, np.ones(3)), r"gaussian_nll_loss: var must have the shape of x, \(4, 3\), or"),
    (lambda x: F.poisson_nll_loss(x, x[:2]), "poisson_nll_loss: the shapes do not fit together"),
    (lambda x: F.multilabel_soft_margin_loss(x[0, 0], x), "multilabel_soft_margin_loss: x needs an axis of classes"),
    (lambda x: F.hinge_embedding_loss(x, x[:2]), "hinge_embedding_loss: the shapes do not fit together"),
    (lambda x: F.margin_ranking_loss(x, x, x[0]), r"margin_ranking_loss: all must have as many axes: x1 \(4, 3\)"),
    (lambda x: F.soft_margin_loss(x[0], x), r"soft_margin_loss: target \(4, 3\) does not broadcast to \(3,\)"),
    (lambda x: F.cosine_similarity(x, x, 2), "cosine_similarity: axis 2 is out of bounds for 2 axes"),
    (lambda x: F.cosine_similarity(x, x.astype(int)), "cosine_similarity: x2 must be of floating point, it is int64"),
    (lambda x: F.pairwise_distance(x, x[:2]), "pairwise_distance: the shapes do not fit together"),
    (lambda x: F.cosine_embedding_loss(x, x, CLASSES[0] + x[0, 0]), r"cosine_embedding_loss: expected x1, x2 \(n, d\)"),
    (lambda x: F.cosine_embedding_loss(x, x, CLASSES[:2]), r"cosine_embedding_loss: target must be \(4,\)"),
    (lambda x: F.triplet_margin_loss(x, x, x[0]), r"triplet_margin_loss: all must have as many axes: anchor \(4, 3\)"),
    (lambda x: F.triplet_margin_loss(x, x, x, margin=0), "triplet_margin_loss: margin must be greater than 0, 0 came"),
    (lambda x: F.triplet_margin_with_distance_loss(x, x, x[0]), "with_distance_loss: all must have as many axes"),
    (lambda x: F.triplet_margin_with_distance_loss(x, x, x, margin=-1), "with_distance_loss: margin must be greater"),
    (lambda x: F.triplet_margin_with_distance_loss(x, x, x, reduction="avg"), "with_distance_loss: reduction must be"),
]


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", CALLS)
def test_wrong_calls(call, message, recorded, kernels):
    with mg.config(kernels=kernels), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(REFUSALS, match=message):
            call(mg.Tensor(LOGITS, recorded))


@pytest.mark.parametrize("layer, message", [
    (lambda: nn.HuberLoss(delta="1"), "HuberLoss: delta must be a number, str came"),
    (lambda: nn.TripletMarginLoss(0), "TripletMarginLoss: margin must be greater than 0, 0 came"),
    (lambda: nn.TripletMarginWithDistanceLoss(margin=-1), "WithDistanceLoss: margin must be greater than 0, -1 came"),
    (lambda: nn.MultiMarginLoss(p=3), "MultiMarginLoss: p must be 1 or 2, 3 came"),
    (lambda: nn.MultiMarginLoss(weight=LOGITS), r"MultiMarginLoss: weight must be \(c,\), one for each class"),
])
def test_layers_that_cannot_be(layer, message):
    with pytest.raises(REFUSALS, match=message):
        layer()


def test_two_devices():
    with installed(), pytest.raises(TypeError, match="mse_loss: x is on cpu, target is on cuda:0"):
        F.mse_loss(mg.Tensor(LOGITS), mg.Tensor(LOGITS).to("cuda"))


def test_nothing_waits_for_the_device():
    """Targets, probabilities and variances are looked at on the CPU alone."""
    with installed():
        x, classes = mg.Tensor(LOGITS).to("cuda"), mg.Tensor(CLASSES).to("cuda")
        syncs.clear()
        F.cross_entropy(x, classes)
        F.nll_loss(x, classes)
        F.binary_cross_entropy(x * x, x * x)
        F.gaussian_nll_loss(x, x, x * x)
        assert syncs == []


# --- warnings ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_broadcasting_is_warned_of(name):
    x = mg.Tensor(LOGITS)
    with pytest.warns(UserWarning, match=rf"{name}: input \(4, 3\) and target \(4, 1\) differ and are broadcast"):
        getattr(F, name)(x, x[:, :1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(F, name)(x, x)


def test_the_mean_of_a_divergence_is_warned_of():
    x = mg.Tensor(LOGITS)
    with pytest.warns(UserWarning, match="the divergence is reduction='batchmean'"):
        F.kl_div(x, abs(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.kl_div(x, abs(x), reduction="batchmean")


@pytest.mark.parametrize("size_average, reduce, reduction", [
    (None, True, "mean"), (True, None, "mean"), (False, None, "sum"), (False, True, "sum"), (None, False, "none"),
    (True, False, "none"), (False, False, "none"),
])
def test_older_words(size_average, reduce, reduction):
    x = mg.Tensor(LOGITS)
    message = f"cross_entropy: size_average and reduce are deprecated, write reduction='{reduction}'"
    with pytest.warns(UserWarning, match=message) as caught:
        y = F.cross_entropy(x, CLASSES, None, size_average, -100, reduce)
    assert caught[0].filename == __file__
    assert (y.data == F.cross_entropy(x, CLASSES, reduction=reduction).data).all()
    with pytest.warns(UserWarning, match="CrossEntropyLoss: size_average and reduce are deprecated"):
        layer = nn.CrossEntropyLoss(None, size_average, -100, reduce)
    assert layer.reduction == reduction


@pytest.mark.parity
@pytest.mark.parametrize("name", [*losses.__all__, *distances.__all__])
def test_signatures_are_pytorchs(name):
    import torch

    if name in ("cosine_similarity", "pairwise_distance"):              # PyTorch's are written in C++
        expected = {"cosine_similarity": "x1, x2, dim=1, eps=1e-08",
                    "pairwise_distance": "x1, x2, p=2.0, eps=1e-06, keepdim=False"}[name].split(", ")
    else:
        expected = [str(p.replace(annotation=p.empty))
                    for p in signature(getattr(torch.nn.functional, name)).parameters.values()]
    assert [str(p.replace(annotation=p.empty)) for p in signature(getattr(F, name)).parameters.values()] == expected


@pytest.mark.parity
@pytest.mark.parametrize("name", LAYERS)
def test_constructors_are_pytorchs(name):
    import torch

    mine, theirs = [[str(p.replace(annotation=p.empty)) for p in signature(getattr(module, name)).parameters.values()]
                    for module in (nn, torch.nn)]
    assert mine == theirs


# --- what else a loss is asked to do ------------------------------------------------------------------------------

def test_losses_beyond_what_overflows():
    """PyTorch's soft_margin_loss is infinite here, and its gradient no number."""
    x = mg.tensor([1000.0, -1000.0], requires_grad=True)
    y = F.soft_margin_loss(x, mg.tensor([-1.0, -1.0]), reduction="none")
    y.sum().backward()
    assert y.tolist() == [1000, 0] and x.grad.tolist() == [1, 0]


def test_gradients_at_impossible_events_are_finite():
    """Where PyTorch's are NaN."""
    target = mg.tensor([0.0, 1.0], requires_grad=True)
    F.kl_div(mg.tensor([-1.0, -2.0]), target, reduction="sum").backward()
    assert target.grad.tolist() == [1, 3]
    target = mg.tensor([0.0, 1.0], requires_grad=True)
    F.poisson_nll_loss(mg.tensor([-1.0, -2.0]), target, full=True, reduction="sum").backward()
    assert target.grad.tolist() == [1, 2]


def test_integer_targets_leave_the_precision_alone():
    x = mg.Tensor(LOGITS, True)
    whole = mg.Tensor(np.sign(LOGITS).astype(int))
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "hinge_embedding_loss",
                 "soft_margin_loss", "multilabel_soft_margin_loss"):
        assert getattr(F, name)(x, whole).dtype == "float32", name
    heavy = np.array([1, 2, 3])
    assert F.cross_entropy(x, CLASSES, heavy).dtype == F.multi_margin_loss(x, CLASSES, weight=heavy).dtype == "float32"
    assert F.cross_entropy(x, CLASSES, heavy).item() == F.cross_entropy(x, CLASSES, heavy.astype("f4")).item()
    assert F.mse_loss(x, whole, weight=whole * 0 + 2).dtype == "float32"
    assert F.margin_ranking_loss(x, x, whole).dtype == F.gaussian_nll_loss(x, whole, 1.0).dtype == "float32"


def test_weights_are_buffers():
    for layer, names in [(nn.CrossEntropyLoss([1.0, 2, 3]), ["weight"]), (nn.CrossEntropyLoss(), []),
                         (nn.NLLLoss(mg.tensor([1.0, 2])), ["weight"]), (nn.BCELoss(np.ones(3)), ["weight"]),
                         (nn.BCEWithLogitsLoss(pos_weight=[1.0]), ["pos_weight"]),
                         (nn.BCEWithLogitsLoss([2.0], pos_weight=[1.0]), ["weight", "pos_weight"])]:
        assert list(layer.state_dict()) == names and not list(layer.parameters())
        assert all(isinstance(value, np.ndarray) for value in layer.state_dict().values())
        assert repr(layer) == f"{type(layer).__name__}()"


def test_losses_without_values():
    """A layer asked for its output shape."""
    x, labels = Meta((4, 3), "float32"), Meta((4,), "int64")
    assert nn.CrossEntropyLoss()(x, labels).shape == () and nn.CrossEntropyLoss(reduction="none")(x, x).shape == (4,)
    assert nn.MultiMarginLoss(reduction="none")(x, labels).shape == (4,)
    assert nn.BCELoss(reduction="none")(x, x).shape == (4, 3) and nn.GaussianNLLLoss()(x, x, x).shape == ()
    assert nn.CosineSimilarity()(x, x).shape == (4,) and nn.PairwiseDistance(keepdim=True)(x, x).shape == (4, 1)
    assert nn.TripletMarginLoss(swap=True, reduction="none")(x, x, x).shape == (4,)
    assert nn.CosineEmbeddingLoss()(x, x, labels).shape == () and nn.KLDivLoss(reduction="batchmean")(x, x).shape == ()


def test_a_loss_is_a_node_of_a_graph():
    x = Input((3,))
    graph = Graph(x, nn.MSELoss(reduction="none")(x, F.relu(x)))
    data = mg.Tensor(LOGITS)
    assert (graph(data).data == F.mse_loss(data, F.relu(data), reduction="none").data).all()
