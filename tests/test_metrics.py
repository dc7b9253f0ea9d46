"""Metrics: against scikit-learn and slow loops, over batches of any size, on both devices, and across a stop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import cupy, installed, only_on_the_double, syncs

import minigrad as mg
from minigrad import nn, ops
from minigrad.train import metrics
from minigrad.train.metrics import Accuracy, ConfusionMatrix, IoU, Mean, MeanLoss, Metric, PixelAccuracy, TopK

CLASSES = 4
ALL = [Accuracy, PixelAccuracy, lambda: TopK(2), ConfusionMatrix, IoU]


@st.composite
def seen(draw, places=None, classes=CLASSES):
    """Scores (n, c, *places), of few values so that many are equal, and targets (n, *places)."""
    places = draw(st.sampled_from([(), (3,), (2, 3)])) if places is None else places
    n, seed = draw(st.integers(1, 12)), draw(st.integers(0, 2 ** 32 - 1))
    generator = np.random.default_rng(seed)
    scores = generator.integers(-2, 3, (n, classes, *places)).astype(draw(st.sampled_from(["f2", "f4", "f8"])))
    return scores, generator.integers(0, classes, (n, *places))


def in_batches(metric, scores, targets, size=3):
    for i in range(0, len(scores), size):
        metric.update(mg.tensor(scores[i:i + size]), mg.tensor(targets[i:i + size]))
    return metric.compute()


def rows(scores, targets):
    """(scores of the classes, target) of every place."""
    return list(zip(np.moveaxis(scores, 1, -1).reshape(-1, scores.shape[1]), targets.ravel(), strict=True))


def ranking(row):
    """The classes, the highest score first; of equal ones the lower number."""
    return sorted(range(len(row)), key=lambda i: (-row[i], i))


# --- what they count --------------------------------------------------------------------------------------------

@given(seen())
def test_accuracy_is_the_share_of_hits(batch):
    hits = [ranking(row)[0] == target for row, target in rows(*batch)]
    assert in_batches(Accuracy(), *batch) == sum(hits) / len(hits) == in_batches(PixelAccuracy(), *batch, size=5)


@given(seen(), st.integers(1, CLASSES))
def test_topk_ranks_equal_scores_by_their_number(batch, k):
    hits = [target in ranking(row)[:k] for row, target in rows(*batch)]
    assert in_batches(TopK(k), *batch) == sum(hits) / len(hits)


@given(seen())
def test_the_best_one_is_the_accuracy_and_all_are_certain(batch):
    assert in_batches(TopK(1), *batch) == in_batches(Accuracy(), *batch)
    assert in_batches(TopK(CLASSES), *batch) == 1


@given(seen())
def test_confusion_and_overlap_are_those_of_scikit_learn(batch):
    sklearn = pytest.importorskip("sklearn.metrics")
    predictions, targets = [ranking(row)[0] for row, _ in rows(*batch)], [target for _, target in rows(*batch)]
    matrix = in_batches(ConfusionMatrix(), *batch)
    assert matrix.dtype == "int64"
    np.testing.assert_array_equal(matrix, sklearn.confusion_matrix(targets, predictions, labels=range(CLASSES)))
    overlap = IoU(CLASSES)
    mean = in_batches(overlap, *batch)
    occurring = sorted({*predictions, *targets})
    expected = sklearn.jaccard_score(targets, predictions, labels=occurring, average=None)
    np.testing.assert_allclose(overlap.per_class()[occurring], expected, rtol=1e-15)
    assert np.isnan(np.delete(overlap.per_class(), occurring)).all()
    assert mean == pytest.approx(expected.mean(), rel=1e-12)


@given(seen(), st.integers(0, CLASSES - 1) | st.just(255) | st.just(-100))
def test_what_is_ignored_is_as_if_it_had_not_come(batch, ignored):
    scores, targets = batch
    if ignored >= CLASSES or ignored < 0:
        targets = np.where(np.random.default_rng(0).random(targets.shape) < 0.3, ignored, targets)
    kept = [(row, target) for row, target in rows(scores, targets) if target != ignored]
    for make in Accuracy, lambda **kw: TopK(2, **kw), ConfusionMatrix, IoU:
        metric, without = make(ignore_index=ignored), make()
        found = in_batches(metric, scores, targets)
        if kept:
            expected = in_batches(without, np.array([row for row, _ in kept]), np.array([t for _, t in kept]))
        else:
            expected = np.zeros((CLASSES, CLASSES)) if make is ConfusionMatrix else np.nan
        np.testing.assert_array_equal(found, expected)


@given(st.sampled_from([(), (2, 3)]), st.integers(0, 2 ** 32 - 1))
def test_one_score_for_two_classes(places, seed):
    generator = np.random.default_rng(seed)
    logits, truth = generator.integers(-2, 3, (7, *places)) / 2, generator.integers(0, 2, (7, *places))
    expected = ((logits > 0) == truth).mean()
    forms = [(logits[:, None], form) for form in (truth, truth == 1, truth[:, None], truth[:, None].astype("f4"))]
    forms += [(logits, truth), (logits, truth.astype("f4"))] if not places else []
    for outputs, targets in forms:
        assert in_batches(Accuracy(), outputs, targets) == pytest.approx(expected)
    probabilities = 1 / (1 + np.exp(-logits))
    assert in_batches(Accuracy(threshold=0.5), probabilities[:, None], truth) == pytest.approx(expected)
    matrix = in_batches(ConfusionMatrix(2), logits[:, None], truth)
    assert matrix.trace() / matrix.sum() == pytest.approx(expected)


def test_targets_of_one_score_may_be_smoothed():
    assert in_batches(Accuracy(), np.array([1.0, -1, 1]), np.array([0.9, 0.1, 0.2], "f4")) == pytest.approx(2 / 3)


def test_nan_is_no_hit():
    scores = np.array([[np.nan, 1, 0], [np.nan, 1, 0], [3, np.nan, 0]])
    assert in_batches(TopK(2), scores, np.array([0, 1, 0])) == pytest.approx(2 / 3)
    assert in_batches(TopK(1), scores, np.array([0, 1, 0])) == 0


def test_counts_are_whole_however_many_there_are():
    """In float32 a count stops growing at 2^24."""
    metric = Accuracy()
    metric.load_state_dict({"counts": np.array([2 ** 24, 2 ** 25, 0])})
    metric.update(mg.tensor([[1.0, 0.0]]), mg.tensor([0]))
    assert metric.compute() == (2 ** 24 + 1) / (2 ** 25 + 1)
    matrix = ConfusionMatrix(2)
    matrix.load_state_dict({"counts": np.array([2 ** 53, 0, 0, 0, 0])})
    matrix.update(mg.tensor([[1.0, 0.0]]), np.array([0], "u1"))
    assert matrix.compute()[0, 0] == 2 ** 53 + 1


# --- means ------------------------------------------------------------------------------------------------------

@given(seen(places=()), st.integers(1, 5))
def test_the_mean_loss_weighs_batches_by_their_size(batch, size):
    scores, targets = batch
    scores = scores.astype("f4")
    expected = float(ops.cross_entropy(mg.tensor(scores), mg.tensor(targets)))
    assert in_batches(MeanLoss(nn.CrossEntropyLoss()), scores, targets, size) == pytest.approx(expected, rel=1e-5)


def test_mean_of_numbers_with_weights():
    mean = Mean("seconds")
    for value, weight in (1, 1), (mg.tensor([4.0]), 2), (np.float16(7), 0.5):
        mean.update(value, weight)
    assert mean.compute() == pytest.approx(12.5 / 3.5) and (mean.name, mean.better) == ("seconds", "min")


def test_the_mean_is_gathered_in_double_precision():
    mean = Mean()
    mean.update(np.float32(2 ** 24))
    for _ in range(3):
        mean.update(np.float32(1))
    assert mean.compute() == (2 ** 24 + 3) / 4


def test_losses_record_nothing():
    x = mg.tensor(np.eye(3, dtype="f4"), requires_grad=True)
    loss = MeanLoss(nn.CrossEntropyLoss())
    loss.update(x * 2, mg.tensor([0, 1, 2]))
    assert type(loss.total) is not mg.Tensor and 0 < loss.compute() < 1
    several = MeanLoss(lambda outputs, targets: outputs["a"].sum())
    several.update({"a": mg.ones(2)}, {"a": mg.zeros(2), "b": mg.zeros(2)})
    assert several.weight == 2 and several.compute() == 2


# --- stop and go on ---------------------------------------------------------------------------------------------

@given(seen(places=()), st.integers(0, 12))
def test_a_resumed_epoch_goes_on_exactly(batch, stop):
    scores, targets = batch
    for make in [*ALL, lambda: MeanLoss(nn.CrossEntropyLoss())]:
        whole, first, second = make(), make(), make()
        expected = in_batches(whole, scores, targets, 1)
        in_batches(first, scores[:stop], targets[:stop], 1)
        second.load_state_dict(first.state_dict())
        np.testing.assert_array_equal(in_batches(second, scores[stop:], targets[stop:], 1), expected)
        assert second.state_dict().keys() == whole.state_dict().keys()


def test_what_was_saved_does_not_change():
    metric = Accuracy()
    metric.update(np.eye(2), [0, 1])
    state = metric.state_dict()
    other = Accuracy()
    other.load_state_dict(state)
    metric.update(np.eye(2), [0, 1]), other.update(np.eye(2), [1, 0])
    assert state["counts"].tolist() == [2, 2, 0] and metric.compute() == 1 and other.compute() == 0.5


@pytest.mark.parametrize("make", [*ALL, Mean, lambda: MeanLoss(len)])
def test_nothing_seen(make):
    metric = make()
    assert metric.state_dict() == {}
    for again in range(2):
        found = metric.compute()
        assert found.shape == (0, 0) if isinstance(found, np.ndarray) else np.isnan(found), again
        metric.update(np.eye(4), [0, 1, 2, 3]) if type(metric) not in (Mean, MeanLoss) else metric.add(1, 1)
        assert not np.isnan(metric.compute()).any() and metric.state_dict()
        metric.load_state_dict({}) if again else metric.reset()
    assert ConfusionMatrix(3).compute().tolist() == [[0] * 3] * 3 and np.isnan(IoU(3).compute())


# --- on the device ----------------------------------------------------------------------------------------------

@only_on_the_double
@pytest.mark.parametrize("make", [*ALL, lambda: MeanLoss(nn.CrossEntropyLoss()),
                                  lambda: Accuracy(ignore_index=1)])
def test_updates_never_wait_and_compute_reads_once(make):
    generator = np.random.default_rng(0)
    scores, targets = generator.integers(-2, 3, (9, 4)).astype("f4"), generator.integers(0, 4, 9)
    here = make()
    expected = in_batches(here, scores, targets)
    with installed():
        there = make()
        there.load_state_dict({})
        x, y = mg.tensor(scores, device="cuda:1"), mg.tensor(targets, device="cuda:1")
        syncs.clear()
        for i in range(0, 9, 3):
            there.update(x[i:i + 3], y[i:i + 3])
        assert syncs == []
        state = there.state_dict()
        assert all(type(a) is cupy.ndarray and a.device.id == 1 for a in state.values() if hasattr(a, "shape"))
        np.testing.assert_allclose(there.compute(), expected, rtol=1e-6)
        assert len(syncs) == 1
        saved = {name: a.get() if hasattr(a, "get") else a for name, a in state.items()}
        resumed = make()
        resumed.load_state_dict(saved)                              # from a file, so on the host
        syncs.clear()
        resumed.update(x, targets if type(here) is not MeanLoss else y)     # and NumPy's targets are taken there
        assert syncs == []
        twice = 2 if type(here) is ConfusionMatrix else 1               # the same batches again
        np.testing.assert_allclose(resumed.compute(), twice * expected, rtol=1e-6)


def test_binary_scores_on_the_device():
    with installed():
        x, y = mg.tensor(np.array([[1.0], [-1]]), device="cuda"), mg.tensor([1.0, 1.0], device="cuda")
        accuracy = Accuracy()
        syncs.clear()
        accuracy.update(x, y)
        assert syncs == [] and accuracy.compute() == 0.5


def test_strays_on_a_device_are_told_by_compute():
    with installed():
        x, y = mg.tensor(np.eye(3), device="cuda"), mg.tensor([0, 1, 3], device="cuda")
        for make in Accuracy, ConfusionMatrix, lambda: TopK(2):
            metric = make()
            metric.update(x, y)
            with pytest.raises(ValueError, match="1 target is not among the classes 0 to c - 1; ignore_index=... leav"):
                metric.compute()


def test_two_devices():
    with installed(), pytest.raises(TypeError, match=r"Accuracy: outputs are on cpu, targets on cuda:0; targets.to"):
        Accuracy().update(np.eye(2), mg.tensor([0, 1], device="cuda"))
    with installed():
        accuracy = Accuracy()                                       # a model that moved takes its counts along
        accuracy.update(np.eye(2), [0, 1])
        accuracy.update(mg.tensor(np.eye(2), device="cuda"), mg.tensor([0, 0], device="cuda"))
        assert accuracy.compute() == 0.75


# --- by name ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "kind", "column"), [
    ("accuracy", Accuracy, "accuracy"), ("top5", TopK, "top5"), ("top-3", TopK, "top3"), ("top_1", TopK, "top1"),
    ("iou", IoU, "iou"), ("confusion", ConfusionMatrix, "confusion"), ("pixel_accuracy", PixelAccuracy,
                                                                        "pixel_accuracy")])
def test_by_name(name, kind, column):
    metric = metrics.get(name)
    assert type(metric) is kind and metric.name == column and metrics.get(metric) is metric
    assert metric is not metrics.get(name)
    assert metric.better == (None if name == "confusion" else "max")


def test_they_show_how_they_were_made():
    assert repr(Accuracy(ignore_index=255)) == "Accuracy(ignore_index=255)" and repr(Mean()) == "Mean()"
    assert repr(TopK(3)) == "TopK(k=3)" and repr(IoU(21, threshold=0.5)) == "IoU(num_classes=21, threshold=0.5)"
    assert repr(MeanLoss(ops.cross_entropy)) == "MeanLoss(cross_entropy)"
    assert Accuracy(name="top").name == "top" and Accuracy.name == "accuracy"


def test_a_metric_of_ones_own():
    class Predictions(Metric):
        name, parts, total = "positives", ("total",), None

        def update(self, outputs, targets):
            self.total = (self.total or 0) + int((outputs.data > 0).sum())

        def compute(self):
            return float(self.total)

    metric = metrics.get(Predictions())
    metric.update(mg.tensor([1.0, -1.0]), None)
    other = Predictions()
    other.load_state_dict(metric.state_dict())
    assert other.compute() == 1


# --- errors -----------------------------------------------------------------------------------------------------

EYE = np.eye(3)
WRONG = [
    (lambda: Accuracy().update(EYE, [0, 1]), ValueError, r"Accuracy: targets must be \(3,\), a class for each "
                                                         r"\(outputs \(3, 3\), targets \(2,\)\)"),
    (lambda: Accuracy().update(EYE, np.eye(3, dtype=int)), ValueError, r"targets\.argmax\(1\) makes numbers of one"),
    (lambda: IoU().update(np.zeros((2, 3, 4, 5)), np.zeros((2, 4, 4), int)), ValueError,
     r"IoU: targets must be \(2, 4, 5\).*outputs \(2, 3, 4, 5\), targets \(2, 4, 4\)"),
    (lambda: Accuracy().update(EYE, [0.0, 1.0, 2.0]), TypeError, "the numbers of the classes, ints, float64 came"),
    (lambda: Accuracy().update(EYE.astype(int), [0, 1, 2]), TypeError, "outputs must be scores.*int64 came"),
    (lambda: Accuracy().update([[1.0]], [0]), TypeError, "outputs must be a tensor or an array, list came"),
    (lambda: Accuracy().update(EYE, None), TypeError, "targets must be a tensor or an array, NoneType came"),
    (lambda: Accuracy().update({"main": EYE}, [0]), TypeError, "outputs must be one tensor, a dict came: choose one"),
    (lambda: Accuracy().update(np.array(1.0), np.array(1)), ValueError, r"outputs must be scores \(n, c\)"),
    (lambda: Accuracy().update(np.zeros((2, 0)), [0, 1]), ValueError, r"outputs must be scores \(n, c\)"),
    (lambda: Accuracy().update(EYE, [0, 1, 3]), ValueError, r"Accuracy: 1 target is not among the classes 0 to 2, 3 is "
                                                            r"one \(outputs \(3, 3\), targets \(3,\)\); ignore_index"),
    (lambda: Accuracy().update(EYE, [0, -1, -1]), ValueError, "2 targets are not among the classes 0 to 2, -1 is one"),
    (lambda: Accuracy().update(np.ones(2), [0.0, 2.0]), ValueError, "1 target is not among the classes 0 to 1, 2 is"),
    (lambda: Accuracy().update(np.ones(2), np.array([0, np.nan])), ValueError, "1 target is not among the classes"),
    (lambda: TopK(4).update(EYE, [0, 1, 2]), ValueError, r"TopK: k=4 of 3 classes says nothing"),
    (lambda: TopK(1).update(np.ones(2), [0, 1]), ValueError, r"TopK: k=1 of 1 classes says nothing"),
    (lambda: TopK(0), ValueError, "TopK: k must be an int from 1 on, 0 came"),
    (lambda: TopK("5"), ValueError, "TopK: k must be an int from 1 on, '5' came"),
    (lambda: ConfusionMatrix(1), ValueError, "num_classes must be an int from 2 on, or None"),
    (lambda: IoU(4).update(EYE, [0, 1, 2]), ValueError, "IoU: expected outputs with scores for 4 classes, .* have 3"),
    (lambda: IoU(4).update(np.ones(2), [0, 1]), ValueError, r"these have 2 \(outputs' axis 1\); one score tells two"),
    (lambda: Mean().update(EYE), ValueError, r"Mean: expected one number, float64 of shape \(3, 3\) came"),
    (lambda: Mean().update("a"), ValueError, r"Mean: expected one number"),
    (lambda: MeanLoss("mse"), TypeError, "MeanLoss: loss must be a function of .outputs, targets., 'mse' came"),
    (lambda: Metric().update(EYE, EYE), TypeError, "Metric does not say what it counts"),
    (lambda: Metric().compute(), TypeError, "Metric does not say what its counts mean"),
    (lambda: metrics.get("acuracy"), ValueError, "there is no metric 'acuracy'; there are accuracy"),
    (lambda: metrics.get("top0"), ValueError, "there is no metric 'top0'; there are top5"),
    (lambda: metrics.get("zzz"), ValueError, "there are accuracy, pixel_accuracy, top5, confusion, iou"),
    (lambda: metrics.get(Accuracy), TypeError, "a metric must be a name .accuracy, .* or a Metric such as"),
    (lambda: metrics.get(None), TypeError, "a metric must be a name"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[message[:40] for _, _, message in WRONG])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_refused_batch_counts_nothing():
    accuracy = Accuracy()
    accuracy.update(EYE, [0, 1, 2])
    with pytest.raises(ValueError):
        accuracy.update(EYE, [0, 1, 5])
    assert accuracy.compute() == 1 and accuracy.state_dict()["counts"].tolist() == [3, 3, 0]


@pytest.mark.parametrize(("metric", "state", "message"), [
    (Accuracy(), {"total": 1}, "Accuracy: expected a state of counts, one of total came"),
    (Accuracy(), {"counts": np.zeros(5, int)}, r"Accuracy: int64 \(5,\) cannot be its counts"),
    (Accuracy(), {"counts": np.zeros(3)}, r"Accuracy: float64 \(3,\) cannot be its counts"),
    (IoU(), {"counts": np.zeros(4, int)}, "IoU: int64 .4,. cannot be its counts"),
    (IoU(3), {"counts": np.zeros(17, int)}, "IoU: int64 .17,. cannot be its counts.*another number of classes"),
    (Mean(), {"total": np.zeros(2), "weight": 1}, r"Mean: total must be a number, float64 \(2,\) came"),
    (Mean(), {"total": 1.0}, "Mean: expected a state of total, weight, one of total came"),
])
def test_a_state_of_something_else_leaves_the_metric_as_it_was(metric, state, message):
    metric.add(5, 1) if type(metric) is Mean else metric.update(EYE, [0, 1, 2])
    before = metric.compute()
    with pytest.raises(ValueError, match=message):
        metric.load_state_dict(state)
    assert metric.compute() == before
