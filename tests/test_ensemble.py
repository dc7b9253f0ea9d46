"""Ensembles: averages by hand, losses that theory bounds, modes and memory left as they were."""

import numpy as np
import pytest
from halves import HALVES
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed, syncs

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops
from minigrad.graph import Graph, Input
from minigrad.train import Ensemble

RNG = np.random.default_rng(0)


class Fixed(nn.Module):
    """Gives what it was made with, whatever comes."""

    def __init__(self, outputs):
        self.outputs, self.seen = outputs, []

    def forward(self, x=None):
        self.seen.append(self.training)
        return self.outputs


def ensemble(*outputs, average="logits"):
    return Ensemble([Fixed(mg.tensor(y) if isinstance(y, np.ndarray) else y) for y in outputs], average)()


def softmax(y):
    e = np.exp(y - y.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def logits(n=6, classes=4, seed=0, members=3):
    return list(3 * np.random.default_rng(seed).standard_normal((members, n, classes)))


# --- averages -----------------------------------------------------------------------------------------------------

@given(st.integers(0, 2 ** 32 - 1), st.integers(1, 4))
def test_means_of_logits_and_of_probabilities(seed, members):
    ys = logits(seed=seed, members=members)
    np.testing.assert_allclose(ensemble(*ys).numpy(), np.mean(ys, 0), rtol=1e-12)
    found = ensemble(*ys, average="probabilities").numpy()
    np.testing.assert_allclose(np.exp(found), np.mean([softmax(y) for y in ys], 0), rtol=1e-9)
    np.testing.assert_allclose(softmax(found), np.exp(found), rtol=1e-9)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 1, 2, 3)])
def test_one_logit_for_two_classes(shape):
    ys = list(RNG.standard_normal((3, *shape)))
    mean = np.mean([1 / (1 + np.exp(-y)) for y in ys], 0)
    np.testing.assert_allclose(ensemble(*ys, average="probabilities").numpy(), np.log(mean / (1 - mean)), rtol=1e-9)
    np.testing.assert_allclose(ensemble(*ys).numpy(), np.mean(ys, 0), rtol=1e-12)


def test_images_have_their_classes_along_axis_1():
    ys = list(RNG.standard_normal((2, 3, 4, 2, 2)))
    found = ensemble(*ys, average="probabilities")
    np.testing.assert_allclose(ops.exp(found).sum(1).numpy(), np.ones((3, 2, 2)), rtol=1e-9)


def test_certain_members_overflow_nothing():
    found = ensemble(np.array([[2000.0, 0.0]]), np.array([[0.0, 3000.0]]), average="probabilities").numpy()
    np.testing.assert_allclose(found, np.log([[0.5, 0.5]]))
    binary = ensemble(np.array([500.0]), np.array([-600.0]), average="probabilities").numpy()
    np.testing.assert_allclose(binary, [0.0], atol=1e-12)


def test_several_outputs_by_name_and_place():
    a, b = logits(members=2)
    named = ensemble({"main": mg.tensor(a), "aux": mg.tensor(b)}, {"main": mg.tensor(b), "aux": mg.tensor(b)})
    assert list(named) == ["main", "aux"]
    np.testing.assert_allclose(named["main"].numpy(), (a + b) / 2)
    np.testing.assert_allclose(named["aux"].numpy(), b)
    placed = ensemble((mg.tensor(a), (mg.tensor(b),)), (mg.tensor(b), (mg.tensor(a),)), average="probabilities")
    np.testing.assert_array_equal(placed[0].numpy(), placed[1][0].numpy())


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_half_precision_is_averaged_in_single(dtype):
    """Three times 40000 does not fit into float16."""
    found = ensemble(*[mg.full((1, 2), 40000.0).astype(dtype)] * 3)
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy().astype("f4"), np.full((1, 2), 40000.0), rtol=0.01)


# --- better than the worst ----------------------------------------------------------------------------------------

@given(st.integers(0, 2 ** 32 - 1), st.sampled_from(["logits", "probabilities"]))
def test_the_loss_is_at_most_the_mean_of_the_losses(seed, average):
    ys, targets = logits(seed=seed), mg.tensor(np.random.default_rng(seed).integers(0, 4, 6))
    losses = [float(F.cross_entropy(mg.tensor(y), targets)) for y in ys]
    loss = float(F.cross_entropy(ensemble(*ys, average=average), targets))
    assert loss <= np.mean(losses) + 1e-9 <= max(losses) + 2e-9


@given(st.integers(0, 2 ** 32 - 1))
def test_nor_is_that_of_a_single_logit(seed):
    rng = np.random.default_rng(seed)
    ys, targets = list(rng.standard_normal((3, 8, 1)) * 3), mg.tensor(rng.integers(0, 2, (8, 1)).astype("f8"))
    losses = [float(F.binary_cross_entropy_with_logits(mg.tensor(y), targets)) for y in ys]
    for average in "logits", "probabilities":
        found = ensemble(*ys, average=average)
        assert float(F.binary_cross_entropy_with_logits(found, targets)) <= np.mean(losses) + 1e-9


def test_members_that_err_in_different_places_are_right_together():
    """Each of three is wrong about another third, and not sure of it; together they make no mistake."""
    truth = np.arange(9) % 3
    ys = [np.eye(3)[truth] * 2.0 for _ in range(3)]
    for i, y in enumerate(ys):
        for row in range(i, 9, 3):
            y[row] = np.eye(3)[(truth[row] + 1) % 3]
    assert [(y.argmax(1) == truth).mean() for y in ys] == [pytest.approx(2 / 3)] * 3
    for average in "logits", "probabilities":
        assert (ensemble(*ys, average=average).numpy().argmax(1) == truth).all()


# --- what is left as it was ---------------------------------------------------------------------------------------

def network():
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 4))


def test_members_answer_in_eval_mode_and_keep_theirs():
    models = [network() for _ in range(2)]
    together = Ensemble(models).train()
    models[0].train(), models[1].eval()
    models[0][1].eval()
    modes = [[m.training for m in model.modules()] for model in models]
    before = [{name: a.copy() for name, a in model.state_dict().items()} for model in models]
    x = mg.tensor(RNG.standard_normal((5, 3)).astype("f4"), requires_grad=True)
    y = together(x)
    assert not y.requires_grad and [[m.training for m in model.modules()] for model in models] == modes
    np.testing.assert_array_equal(y.numpy(), together(x).numpy())
    for model, state in zip(models, before, strict=True):
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, state[name])
    expected = sum(model.eval()(x).detach().numpy() for model in models) / 2
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)


def test_modes_are_kept_when_a_member_fails():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("mine")

    broken = Broken().train()
    with pytest.raises(KeyError, match="mine"):
        Ensemble([broken])(mg.ones(1))
    assert broken.training


def test_it_is_a_module():
    together = Ensemble([nn.Linear(2, 3), nn.Linear(2, 3)], "probabilities")
    assert list(together.state_dict()) == ["models.0.weight", "models.0.bias", "models.1.weight", "models.1.bias"]
    assert "average='probabilities'" in repr(together)
    with installed():
        there = Ensemble([nn.Linear(2, 3), nn.Linear(2, 3)], "probabilities").to("cuda")
        there.load_state_dict(together.state_dict())
        x = mg.tensor([[1.0, 2.0]])
        syncs.clear()
        y = there(x.to("cuda"))
        assert syncs == [] and y.device == "cuda:0"
        np.testing.assert_allclose(y.numpy(), together(x).numpy(), rtol=1e-5)


def test_of_runs(tmp_path):
    def graph():
        x = Input((3,), name="x")
        return Graph(x, nn.Linear(3, 2)(x, name="fc"))

    graphs, paths = [graph(), graph()], [tmp_path / "a.safetensors", tmp_path / "b"]
    for model, path in zip(graphs, paths, strict=True):
        mg.save(model, path)
    x = mg.ones(4, 3)
    np.testing.assert_array_equal(Ensemble.of_runs(paths)(x).numpy(), Ensemble(graphs)(x).numpy())
    np.testing.assert_array_equal(Ensemble.of_runs(paths[0], "probabilities")(x).numpy(),
                                  Ensemble(graphs[:1], "probabilities")(x).numpy())
    mg.save(nn.Linear(3, 2), tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="weights.safetensors has weights alone, of which no model can be built"):
        Ensemble.of_runs([*paths, tmp_path / "weights.safetensors"])
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Ensemble.of_runs([tmp_path / "nowhere.safetensors"])


# --- errors -------------------------------------------------------------------------------------------------------

A = mg.ones(4, 3)
ERRORS = [
    (lambda: Ensemble([]), ValueError, "Ensemble: there are no models"),
    (lambda: Ensemble([nn.Linear(1, 1), "b"]), TypeError, "Ensemble: model 1 must be a Module, str came"),
    (lambda: Ensemble([nn.Linear(1, 1)], "mean"), ValueError, "must be 'logits' or 'probabilities', 'mean' came"),
    (lambda: ensemble(A, mg.ones(4, 2)), ValueError, r"like outputs; model 1 gives \(4, 2\), model 0 \(4, 3\)"),
    (lambda: ensemble({"a": A}, {"b": A}), ValueError, r"model 1 gives \['b'\] \(4, 3\), model 0 \['a'\] \(4, 3\)"),
    (lambda: ensemble(A, A, (A, A)), ValueError, r"model 2 gives \[0\] \(4, 3\), \[1\] \(4, 3\), model 1 \(4, 3\)"),
    (lambda: ensemble(mg.tensor([1])), TypeError, "outputs must be floating-point numbers to be averaged, int64 came"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[message[:30] for _, _, message in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
