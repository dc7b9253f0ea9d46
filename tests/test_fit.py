"""fit, evaluate and predict: what is learned, how losses find their outputs, and what is said when they do not."""

from __future__ import annotations

import numpy as np
import pytest
from strict_cupy import installed, only_on_the_double, syncs
from trainings import bars, copies, same_bits, small_model

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops, optim
from minigrad.amp import GradScaler
from minigrad.data import Arrays, DataError, Loader
from minigrad.graph import Graph, Input
from minigrad.train import Callback, GradientClipping, evaluate, fit, predict
from minigrad.train.losses import Losses
from minigrad.train.metrics import Accuracy, TopK
from minigrad.train.trainer import READ_EVERY


def sgd(lr=0.05, **options):
    return lambda parameters: optim.SGD(parameters, lr, **options)


def small_fit(model=None, data=None, **options):
    options = {"loss": "cross_entropy", "optimizer": sgd(), "batch_size": 16, **options}
    return fit(model or small_model(), data or bars(90), **options)


def twins():
    """Two inputs, two outputs: sum and product of their numbers, by a graph with an auxiliary head."""
    a, b = Input((3,), name="left"), Input((3,), name="right")
    h = ops.tanh(nn.Linear(6, 8)(ops.concat([a, b], 1), name="h"))
    return Graph([a, b], {"sum": nn.Linear(8, 1)(h, name="fc1"), "kind": nn.Linear(8, 2)(h, name="fc2"),
                          "aux": nn.Linear(8, 2)(h, name="fc3")}, train_only=["aux"])


def twin_data(n=64, seed=0):
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(2, n, 3)).astype("f4")
    kind = (a[:, 0] > b[:, 0]).astype(np.int64)
    inputs, targets = {"right": b, "left": a}, {"sum": (a + b).sum(1, keepdims=True), "kind": kind, "aux": kind}
    return inputs, targets


TWIN_LOSSES = {"sum": "mse", "kind": "cross_entropy", "aux": "cross_entropy"}


class Watch(Callback):
    """Notes what a hook sees."""

    def __init__(self, hook, look):
        self.seen = []
        setattr(self, hook, lambda trainer, *more: self.seen.append(look(trainer, *more)))


# --- learning -------------------------------------------------------------------------------------------------

def test_it_learns():
    history = small_fit(epochs=3, metrics=["accuracy"], validation=bars(30, 1), optimizer=sgd(momentum=0.9))
    assert history["epoch"] == [1, 2, 3] and history["train_loss"][0] > history["train_loss"][-1]
    assert history["validation_accuracy"][-1] == 1 and history["train_accuracy"][-1] > 0.9
    assert list(history[0]) == ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
                                "learning_rate", "samples_per_second", "seconds"]
    assert all([row["seconds"] > 0 and row["samples_per_second"] > 0 for row in history])


def test_an_epoch_is_plain_gradient_descent():
    """One epoch against the update written out: the rate along the cosine, decay of the weights."""
    data, model = bars(90), small_model()
    mine = small_model()
    mine.load_state_dict(model.state_dict())
    order = Loader(data, 45, shuffle=True, seed=3).order(1)
    history = fit(model, data, loss="cross_entropy", optimizer=sgd(0.1, weight_decay=0.01), schedule="cosine",
                  batch_size=45, seed=3)
    losses = []
    for i, rate in enumerate((0.1, 0.05)):
        images, labels = data[order[45 * i:45 * (i + 1)]]
        parameters = list(mine.parameters())
        loss = ops.cross_entropy(mine(mg.tensor(images)), mg.tensor(labels))
        losses.append(float(loss))
        for p, g in zip(parameters, mg.grad(loss, parameters), strict=True):
            p.data[...] -= rate * (g.data + 0.01 * p.data)
    for name, array in mine.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], array, rtol=1e-4, atol=1e-6)
    assert history["train_loss"] == pytest.approx([np.mean(losses)], rel=1e-6)
    assert history["learning_rate"] == [pytest.approx(0.05)]


def test_means_count_every_example_once():
    """A last batch that is smaller weighs less; against all examples at once, with nothing learned."""
    data, model = bars(50), small_model()
    history = small_fit(model, data, optimizer=sgd(0.0), metrics=["accuracy", loss_again], validation=data)
    once = evaluate(model, data, loss="cross_entropy", metrics=["accuracy"], batch_size=50)
    assert history[0]["train_loss"] == pytest.approx(once["loss"], rel=1e-6)
    assert history[0]["train_loss_again"] == pytest.approx(once["loss"], rel=1e-6)
    assert history[0]["validation_loss"] == pytest.approx(once["loss"], rel=1e-6)
    assert history[0]["train_accuracy"] == history[0]["validation_accuracy"] == once["accuracy"]


def loss_again(outputs, targets):
    return F.cross_entropy(outputs, targets)


def test_one_seed_gives_the_same_bits_and_another_does_not():
    def weights(seed):
        mg.manual_seed(0)
        model = small_model()
        small_fit(model, seed=seed, epochs=2,
                  transform=lambda x, y, generator: (x + generator.normal(0, 0.1, x.shape).astype("f4"), y))
        return copies(model)

    first, again, other = weights(3), weights(3), weights(4)
    assert same_bits(first, again) and not same_bits(first, other)


def test_the_data_may_be_of_many_kinds():
    data = bars(40)
    results = []
    for given in (data, (data.images, data.labels), (mg.tensor(data.images), mg.tensor(data.labels)),
                  Arrays(data.images, data.labels), [data[i] for i in range(40)],
                  (data.images.tolist(), data.labels.tolist()),
                  (data.images.astype("f8"), data.labels), Loader(data, 16, shuffle=True, seed=0)):
        mg.manual_seed(0)
        model = small_model()
        small_fit(model, given)
        results.append(copies(model))
    assert all([same_bits(results[0], other) for other in results[1:]])
    assert results[0]["fc.weight"].dtype == np.float32


def test_an_autoencoders_inputs_are_its_targets():
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("f4")
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    for given in (x, mg.tensor(x), Arrays(x)):
        history = fit(model, given, loss="mse", optimizer="adam", epochs=2)
    assert history["train_loss"][1] < history["train_loss"][0]
    assert evaluate(model, x, loss="mse")["loss"] == pytest.approx(((predict(model, x) - x) ** 2).mean(), rel=1e-5)


def test_a_module_of_ones_own_and_a_loss_of_all_it_gives():
    """A variational autoencoder in small: a tuple of outputs, one function that reads them all."""
    class Model(nn.Module):
        def __init__(self):
            self.encoder, self.decoder = nn.Linear(4, 4), nn.Linear(2, 4)

        def forward(self, x):
            h = self.encoder(x)
            mean, log_variance = h[:, :2], h[:, 2:]
            return self.decoder(mean + mg.randn(*mean.shape) * ops.exp(log_variance / 2)), mean, log_variance

    def elbo(outputs, targets):
        y, mean, log_variance = outputs
        return F.mse_loss(y, targets) - 0.01 * (1 + log_variance - mean * mean - ops.exp(log_variance)).mean()

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("f4")
    model = Model()
    history = fit(model, x, loss=elbo, optimizer=sgd(0.2), epochs=5, validation=x)
    assert history["train_loss"][-1] < history["train_loss"][0]
    y, mean, _ = predict(model, x)
    assert y.shape == (64, 4) and mean.shape == (64, 2)


def test_a_loss_with_parameters_is_trained_and_moved_too():
    class Scaled(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter(mg.ones(1))

        def forward(self, outputs, targets):
            modes.append(self.training)
            return (F.mse_loss(outputs, targets) * self.scale.exp()).sum() + (self.scale * self.scale).sum()

    modes, loss, x = [], Scaled(), np.ones((8, 2), "f4")
    fit(nn.Linear(2, 2), x, loss=loss, optimizer="sgd", validation=x)
    assert loss.scale.item() != 1 and modes == [True, False] and loss.training


def test_it_trains_what_requires_gradients():
    model = small_model()
    model.node("c1").what.requires_grad_(False)
    before = copies(model)
    small_fit(model)
    assert same_bits({"w": before["c1.weight"]}, {"w": copies(model)["c1.weight"]})
    assert (before["fc.weight"] != copies(model)["fc.weight"]).any()


@pytest.mark.parametrize("name", ["sgd", "Adam", "adamw", "rmsprop", "nadam", "radam", "adagrad", "adadelta", "adamax"])
def test_optimizers_by_name(name):
    model = small_model()
    before = copies(model)
    small_fit(model, bars(16), optimizer=name)
    assert not same_bits(before, copies(model))


# --- several outputs ------------------------------------------------------------------------------------------

def test_two_inputs_and_two_weighted_outputs():
    """Losses find outputs by name, whatever the order of any dict; they do not commute, nor do the weights."""
    inputs, targets = twin_data()
    weights = {"aux": 0.5, "kind": 2.0, "sum": 0.25}
    results = []
    for losses in (TWIN_LOSSES, dict(reversed(TWIN_LOSSES.items()))):
        mg.manual_seed(0)
        model = twins()
        history = fit(model, (inputs, targets), loss=losses, weights=weights, optimizer=sgd(0.1), epochs=3,
                      metrics={"kind": ["accuracy"]}, validation=(inputs, targets))
        results.append((copies(model), history))
    (first, history), (second, _) = results
    for name, array in first.items():
        np.testing.assert_allclose(second[name], array, rtol=1e-5, atol=1e-6)
    row = history[-1]
    assert row["train_loss"] == pytest.approx(
        0.25 * row["train_sum_loss"] + 2 * row["train_kind_loss"] + 0.5 * row["train_aux_loss"], rel=1e-5)
    assert row["validation_loss"] == pytest.approx(
        0.25 * row["validation_sum_loss"] + 2 * row["validation_kind_loss"], rel=1e-5)
    assert "validation_aux_loss" not in row and "train_kind_accuracy" in row and "validation_kind_accuracy" in row
    assert history["train_loss"][0] > history["train_loss"][-1]


def test_a_step_on_two_outputs_is_that_of_the_weighted_sum():
    inputs, targets = twin_data(16)
    model, mine = twins(), twins()
    mine.load_state_dict(model.state_dict())
    fit(model, (inputs, targets), loss=TWIN_LOSSES, weights={"sum": 3.0, "kind": 0.5, "aux": 1}, optimizer=sgd(0.1),
        shuffle=False)
    y = mine(mg.tensor(inputs["left"]), mg.tensor(inputs["right"]))
    kind = mg.tensor(targets["kind"])
    loss = 3 * ((y["sum"] - mg.tensor(targets["sum"])) ** 2).mean() + 0.5 * ops.cross_entropy(y["kind"], kind) \
        + ops.cross_entropy(y["aux"], kind)
    parameters = list(mine.parameters())
    for p, g in zip(parameters, mg.grad(loss, parameters), strict=True):
        p.data[...] -= 0.1 * g.data
    for name, array in mine.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], array, rtol=1e-4, atol=1e-6)


def test_one_target_for_all_outputs_and_an_output_without_a_loss():
    x = Input((4,), name="x")
    h = nn.Linear(4, 3)(x, name="h")
    model = Graph(x, {"a": h, "b": nn.Linear(3, 3)(h, name="b"), "features": ops.tanh(h)})
    data = np.random.default_rng(0).normal(size=(12, 4)).astype("f4"), np.arange(12) % 3
    history = fit(model, data, loss={"a": "cross_entropy", "features": None, "b": nn.CrossEntropyLoss()},
                  optimizer="sgd", metrics={"a": "accuracy", "b": ["accuracy", TopK(2)]}, validation=data)
    assert {"train_a_loss", "train_b_loss", "validation_b_top2", "train_a_accuracy"} <= set(history[0])
    assert "train_features_loss" not in history[0]
    assert history[0]["train_loss"] == pytest.approx(history[0]["train_a_loss"] + history[0]["train_b_loss"])


def test_named_tuples_have_names():
    from typing import NamedTuple

    class Out(NamedTuple):
        main: mg.Tensor
        aux: mg.Tensor

    class Model(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return Out(self.a(x), self.b(x))

    data = np.ones((6, 4), "f4"), np.arange(6) % 3
    history = fit(Model(), data, loss={"main": "cross_entropy", "aux": "cross_entropy"}, optimizer="sgd",
                  metrics={"main": "accuracy"})
    assert "train_aux_loss" in history[0]


def test_an_output_that_is_none_in_evaluation_is_none_of_it():
    from typing import NamedTuple

    class Out(NamedTuple):
        main: mg.Tensor
        aux: mg.Tensor | None

    class Model(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return Out(self.a(x), self.b(x) if self.training else None)

    data = np.ones((6, 4), "f4"), np.arange(6) % 3
    losses, metrics = {"main": "cross_entropy", "aux": "cross_entropy"}, {"main": "accuracy", "aux": "accuracy"}
    row = fit(Model(), data, loss=losses, metrics=metrics, optimizer="sgd", validation=data)[0]
    assert {"train_aux_loss", "train_aux_accuracy", "validation_main_accuracy"} <= set(row)
    assert row["validation_loss"] == row["validation_main_loss"] and not any("validation_aux" in name for name in row)
    with pytest.raises(ValueError, match="no output aux"):
        fit(Model().eval(), data, loss=losses, optimizer="sgd", callbacks=[Watch("on_step_begin", lambda trainer, *_:
            trainer.model.eval())])


INPUTS, TARGETS = twin_data(8)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"loss": {"sum": "mse", "kind": "cross_entropy"}}, ValueError,
     "losses came for sum, kind, the model's outputs are sum, kind, aux; no loss for aux"),
    ({"loss": {**TWIN_LOSSES, "mian": "mse"}}, ValueError,
     "losses came for sum, kind, aux, mian, the model's outputs are sum, kind, aux; no output mian"),
    ({"loss": "mse"}, TypeError, r"mse_loss is of one output, the model gives a dict of 3 \(sum, kind, aux\)"),
    ({"weights": {"sum": 1.0, "kind": 1.0}}, ValueError,
     "weights came for sum, kind, the outputs with a loss are sum, kind, aux"),
    ({"weights": {"sum": 1.0, "kind": 1.0, "aux": 1, "main": 1}}, ValueError, "weights came for sum, kind, aux, main"),
    ({"weights": {"sum": 1.0, "kind": float("nan"), "aux": "1"}}, ValueError,
     "must be finite numbers, kind: nan, aux: '1' came"),
    ({"weights": [1.0, 2.0, 3.0]}, TypeError, r"weights are a dict, output name -> number"),
    ({"loss": F.mse_loss, "weights": {"sum": 1.0}}, TypeError, "beside one loss"),
    ({"metrics": ["accuracy"]}, TypeError, "the model's outputs are sum, kind, aux: say of which the metrics are"),
    ({"metrics": {"knid": "accuracy"}}, ValueError, "metrics came for knid, the model's outputs are sum, kind, aux"),
    ({"metrics": {"kind": ["accuracy", Accuracy()]}}, ValueError, "two metrics are called kind_accuracy"),
    ({"data": (INPUTS, {"sum": TARGETS["sum"], "kind": TARGETS["kind"]})}, ValueError,
     "the targets are called sum, kind, the outputs with a loss sum, kind, aux; no target aux"),
    ({"data": (INPUTS, {**TARGETS, "other": TARGETS["sum"]})}, ValueError,
     "the targets are called sum, kind, aux, other, .*; no output other"),
    ({"data": ({"left": INPUTS["left"], "rihgt": INPUTS["left"]}, TARGETS)}, ValueError,
     "inputs of the data are called left, rihgt, those of the graph left, right"),
    ({"loss": dict.fromkeys(TWIN_LOSSES)}, ValueError, "expected a loss for one output at least"),
    ({"loss": {**TWIN_LOSSES, "aux": "cross_entorpy"}}, ValueError,
     "the loss of aux 'cross_entorpy' is unknown: did you mean cross_entropy"),
])
def test_names_that_do_not_match(options, error, message):
    options = {"data": (INPUTS, TARGETS), "loss": TWIN_LOSSES, "optimizer": "sgd", **options}
    with pytest.raises(error, match=message):
        fit(twins(), options.pop("data"), **options)


def test_losses_by_name_need_outputs_with_names():
    for model in (small_model(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3))):
        with pytest.raises(TypeError, match=r"losses came for the outputs a, but the model gives a Tensor \(16, 3\), "
                                            "without names"):
            small_fit(model, loss={"a": "cross_entropy"})
    with pytest.raises(TypeError, match=r"metrics came for the outputs a, but the model gives a Tensor \(16, 3\)"):
        small_fit(metrics={"a": "accuracy"})


# --- validation -----------------------------------------------------------------------------------------------

def test_validation_restores_every_layers_mode():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model[2].eval()
    modes = [layer.training for layer in model.modules()]
    before, data = copies(model), bars(20)
    evaluate(model, data, loss="cross_entropy", metrics=["accuracy"])
    predict(model, data)
    assert [layer.training for layer in model.modules()] == modes and same_bits(before, copies(model))
    watch = Watch("on_epoch_end", lambda trainer: trainer.model[3].training)
    history = small_fit(model, validation=data, callbacks=[watch])
    assert watch.seen == [True] and history[0]["validation_loss"] == evaluate(model, data, loss="cross_entropy",
                                                                             batch_size=16)["loss"]


def test_modes_are_restored_after_an_error_too():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(ValueError):
        evaluate(model, bars(20), loss=lambda outputs, targets: outputs)
    assert model.training and model[1].training


def test_evaluate_without_a_loss_and_with_arrays_among_the_metrics():
    model, data = small_model(), bars(20)
    found = evaluate(model, data, metrics=["accuracy", "confusion"])
    assert set(found) == {"accuracy", "confusion"} and found["confusion"].shape == (3, 3)
    history = small_fit(model, data, metrics=["accuracy", "confusion"])
    assert "train_confusion" not in history[0] and "train_accuracy" in history[0]
    model, data = twins(), twin_data(10)
    found = evaluate(model, data, loss=TWIN_LOSSES, metrics={"kind": "accuracy"})
    assert set(found) == {"loss", "sum_loss", "kind_loss", "kind_accuracy"} and model.training
    with pytest.raises(ValueError, match="metrics came for aux, the model's outputs are sum, kind"):
        evaluate(model, data, metrics={"aux": "accuracy"})
    with pytest.raises(ValueError, match="none of the outputs with a loss, aux, is there in evaluation"):
        evaluate(model, (data[0], data[1]["aux"]), loss={"aux": "cross_entropy", "sum": None, "kind": None})


def test_predict_gives_what_the_model_gives():
    data = bars(20)
    model = small_model()
    scores = predict(model, data.images, batch_size=7)
    with mg.no_grad():
        np.testing.assert_allclose(scores, model.eval()(mg.tensor(data.images)).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(scores, predict(model, data, batch_size=7))
    y = predict(twins(), twin_data(10)[0], batch_size=4)
    assert {name: x.shape for name, x in y.items()} == {"sum": (10, 1), "kind": (10, 2)}


def test_the_host_reads_the_loss_every_so_many_steps():
    watch = Watch("on_log", lambda trainer: (trainer.batch, trainer.logs["loss"]))
    small_fit(batch_size=2, callbacks=[watch])
    assert [batch for batch, _ in watch.seen] == [10, 20, 30, 40, 45] and READ_EVERY == 10


# --- on a GPU, played by the strict double of CuPy ------------------------------------------------------------

@only_on_the_double
def test_a_step_does_not_wait_for_the_device():
    with installed():
        before = Watch("on_step_begin", lambda trainer, inputs, targets: syncs.clear())
        after = Watch("on_step_end", lambda trainer: list(syncs))
        logs = Watch("on_log", lambda trainer: None)
        model = small_model()
        history = small_fit(model, device="cuda", metrics=["accuracy"], callbacks=[before, after, logs],
                            optimizer=sgd(momentum=0.9), schedule="cosine", epochs=2, validation=bars(30, 1))
        assert {p.device for p in model.parameters()} == {"cuda:0"} and len(history) == 2
        waits = [len(seen) for seen in after.seen]
        assert waits == [0] * 5 + [2] + [0] * 5 + [2]       # loss and hits, when they are read


def test_both_devices_learn_alike():
    histories = []
    with installed():
        for device in ("cpu", "cuda"):
            mg.manual_seed(0)
            model = twins()
            histories.append(fit(model, twin_data(), loss=TWIN_LOSSES, optimizer="adam", epochs=2, device=device,
                                 metrics={"kind": "accuracy"}, validation=twin_data(16, 1)))
            assert predict(model, twin_data(4)[0])["sum"].shape == (4, 1)
    for name in histories[0].columns:
        if name not in ("seconds", "samples_per_second"):
            assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-3), name


# --- bad input ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("options", "error", "message"), [
    ({"model": small_model}, TypeError, "fit: expected a model, a Graph or another Module, function came"),
    ({"model": nn.Flatten}, TypeError, r"type came: make one, Flatten\(\)"),
    ({"epochs": 0}, ValueError, "epochs must be a whole number from 1 on, 0 came"),
    ({"epochs": 2.5}, ValueError, "epochs must be a whole number from 1 on, 2.5 came"),
    ({"epochs": True}, ValueError, "True came"),
    ({"batch_size": 0}, DataError, "expected batch_size, a whole number from 1 on, 0 came"),
    ({"loss": None}, TypeError, "expected a loss, None came"),
    ({"loss": "crossentropy"}, ValueError, "loss 'crossentropy' is unknown: did you mean cross_entropy"),
    ({"loss": "xyz"}, ValueError, "loss 'xyz' is unknown: there are bce, "),
    ({"loss": nn.CrossEntropyLoss}, TypeError,
     r"is the class CrossEntropyLoss, expected one of it: CrossEntropyLoss\(\)"),
    ({"loss": 3}, TypeError, "must be a name, a module or a function .*, int came"),
    ({"loss": nn.CrossEntropyLoss(reduction="none")}, ValueError,
     r"loss must be one number, \(16,\) came: take its mean"),
    ({"loss": lambda y, t: 1.0}, TypeError, "loss must be a tensor of one number, float came"),
    ({"optimizer": "adm"}, ValueError, "optimizer 'adm' is unknown: did you mean adam"),
    ({"optimizer": "xyz"}, ValueError, "optimizer 'xyz' is unknown: there are adadelta"),
    ({"optimizer": 0.1}, TypeError, "expected an optimizer, a name or a function parameters -> optimizer, float came"),
    ({"optimizer": lambda ps: None}, TypeError, "NoneType came"),
    ({"optimizer": optim.SGD(nn.Linear(2, 2).parameters())}, ValueError, "this SGD has no parameter of the model"),
    ({"model": small_model().requires_grad_(False)}, ValueError, "no parameter of the model requires gradients"),
    ({"metrics": ["acuracy"]}, ValueError, "there is no metric 'acuracy'"),
    ({"metrics": [3]}, TypeError, "a metric must be a name"),
    ({"callbacks": [3]}, TypeError, "callbacks must be a list of Callbacks, 3 is a int"),
    ({"callbacks": [Callback]}, TypeError, r"is a type: make one, Callback\(\)"),
    ({"data": (1, 2, 3)}, TypeError, r"expected a pair \(inputs, targets\), a tuple of 3 came"),
    ({"data": (np.ones((4, 2), "f4"), np.ones(3))}, DataError, "expected arrays of one length"),
    ({"data": "digits"}, DataError, "fit: expected a data set"),
    ({"data": [np.ones((4, 2), "f4"), np.ones(4)]}, TypeError, r"a list of 2 arrays came: a pair is a tuple"),
    ({"callbacks": 3}, TypeError, "callbacks must be a list of Callbacks, 3 is a int"),
    ({"data": (np.ones((0, 2), "f4"), np.ones(0))}, DataError, "no examples"),
    ({"data": Loader(bars(9)), "transform": lambda x, y, g: (x, y)}, TypeError, "a Loader came, which has a transform"),
    ({"validation": 3}, DataError, "fit: validation: expected a data set"),
    ({"validation": []}, DataError, "fit: validation: Loader: list has no examples"),
    ({"schedule_per": "step"}, ValueError, "schedule_per='step' came without a schedule"),
    ({"schedule": "cosine", "schedule_per": "day"}, ValueError, 'per must be "epoch" or "step", \'day\' came'),
    ({"schedule": "cosin"}, ValueError, "'cosin' is unknown: there are cosine, linear"),
    ({"schedule": 3}, TypeError, "expected a scheduler of optim.lr_scheduler, a function optimizer -> scheduler"),
    ({"schedule": lambda optimizer: 3}, TypeError, "expected the function to return a scheduler .*, int came"),
    ({"resume": True}, ValueError, "resume=True goes on from the folder of a ModelCheckpoint, there is none"),
    ({"device": "tpu"}, ValueError, "unknown device 'tpu'"),
])
def test_bad_input(options, error, message):
    options = {"model": small_model(), "data": bars(32), "loss": "cross_entropy", "optimizer": "sgd", "batch_size": 16,
               **options}
    with pytest.raises(error, match=message):
        fit(options.pop("model"), options.pop("data"), **options)


def test_nothing_may_be_none():
    assert len(small_fit(metrics=None, callbacks=None)) == 1
    assert evaluate(small_model(), bars(9), metrics=None) == {}


def test_one_example_that_is_left_over_is_told():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    data = np.ones((9, 4), "f4"), np.arange(9) % 3
    with pytest.raises(ValueError, match="more than one value per channel") as caught:
        fit(model, data, loss="cross_entropy", optimizer="sgd", batch_size=4)
    assert caught.value.__notes__ == ["fit: one example was left for the last batch: Loader(..., drop_last=True) "
                                      "leaves it out"]
    fit(model, Loader(data, 4, drop_last=True), loss="cross_entropy", optimizer="sgd")


def test_an_optimizer_of_ones_own_trains_what_it_was_made_for():
    model = small_model()
    optimizer = optim.SGD([model.node("fc").what.weight], 0.1)
    before = copies(model)
    small_fit(model, optimizer=optimizer)
    changed = [name for name, array in copies(model).items() if (array != before[name]).any()]
    assert changed == ["fc.weight"] and optimizer.has_stepped


def test_losses_are_told():
    losses = Losses({"a": "mse", "b": nn.CrossEntropyLoss(), "c": None}, {"a": 1, "b": 0.5})
    assert repr(losses).startswith("a: mse_loss, b: CrossEntropyLoss(") and repr(losses).endswith("c: None")
    assert losses.described()["weights"] == {"a": 1.0, "b": 0.5} and len(losses.modules) == 1


# --- mixed precision ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("amp", [True, "float16", "bfloat16", "scaler"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_mixed_precision_learns(amp, device):
    pytest.importorskip("ml_dtypes")
    dtypes: list = []
    watch = Watch("on_step_end", lambda trainer: trainer.loss.dtype)
    scaler = GradScaler(init_scale=2.0 ** 4, growth_interval=5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
    model[1].register_forward_hook(lambda layer, args, y: dtypes.append(str(y.dtype)))
    with installed():
        history = small_fit(model, epochs=4, optimizer=sgd(0.1, momentum=0.9), amp=scaler if amp == "scaler" else amp,
                            device=device, metrics=["accuracy"], validation=bars(30, 1), callbacks=[watch])
    expected = {True: "bfloat16" if device == "cpu" else "float16", "scaler": "float16"}.get(amp, amp)
    assert set(dtypes) == {expected} and set(watch.seen) == {np.dtype("float32")}
    assert history["validation_accuracy"][-1] > 0.9 and {str(p.dtype) for p in model.parameters()} == {"float32"}
    assert amp != "scaler" or scaler.get_scale() == 2.0 ** 8            # 24 steps, a growth every five


def test_gradients_are_clipped_at_their_own_size():
    """Not at that of the scaled loss; and a step whose gradients overflow is left out, and no fault."""
    scaler = GradScaler(init_scale=2.0 ** 126, backoff_factor=2.0 ** -125)
    model = small_model()
    before = copies(model)
    seen = Watch("on_step_end", lambda trainer: same_bits(before, copies(trainer.model)))
    norms = Watch("on_step_end", lambda trainer: np.sqrt(sum([(p.grad.numpy() ** 2).sum()
                                                              for p in trainer.model.parameters()])))
    history = small_fit(model, amp=scaler, callbacks=[GradientClipping(norm=0.01), seen, norms])
    assert seen.seen == [True] + [False] * 5 and scaler.get_scale() == 2.0
    assert max(norms.seen[1:]) == pytest.approx(0.01, rel=1e-3) and np.isfinite(history[0]["train_loss"])


@pytest.mark.parametrize(("amp", "error", "message"), [
    (3, TypeError, 'amp must be True, "float16", "bfloat16" or an amp.GradScaler, int came'),
    ("float32", (TypeError, ValueError), "float32")])
def test_precisions_that_there_are_not(amp, error, message):
    with pytest.raises(error, match=message):
        small_fit(amp=amp)
