"""Schedules: PyTorch's learning rates and momenta step by step, alone, chained and in sequence; saving; refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import optim
from minigrad.nn import Parameter
from minigrad.optim import lr_scheduler as ours

STEPS = 50
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step")      # PyTorch's, of its own


def optimizers(kind, lrs):
    """One of minigrad and one of PyTorch with a group per learning rate; both have taken a step."""
    import torch

    pair = []
    for library, make in ((optim, lambda: Parameter([1.0])), (torch.optim, lambda: torch.nn.Parameter(torch.ones(1)))):
        pair.append(getattr(library, kind)([{"params": [make()], "lr": lr} for lr in lrs], lr=1.0))
        pair[-1].step()
    return pair


def seen(optimizer):
    """What a schedule can change in the groups."""
    return [value for group in optimizer.param_groups
            for value in (group["lr"], group.get("momentum", 0.0), *group.get("betas", ()))]


def same_rates(make, kind="SGD", lrs=(0.5, 0.03), steps=STEPS, metrics=None):
    """`make(module of schedules, optimizer)` gives minigrad's and PyTorch's schedule."""
    import torch

    mine, theirs = optimizers(kind, lrs)
    a, b = make(ours, mine), make(torch.optim.lr_scheduler, theirs)
    for step in range(steps):
        assert seen(mine) == pytest.approx(seen(theirs), rel=1e-12, abs=1e-300), step
        assert a.get_last_lr() == [group["lr"] for group in mine.param_groups]
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12)
        a.step(*[] if metrics is None else [metrics[step]])
        b.step(*[] if metrics is None else [metrics[step]])
        if hasattr(b, "last_epoch"):
            assert a.last_epoch == b.last_epoch


# --- what to draw -----------------------------------------------------------------------------------------------

few, share = st.integers(1, 12), st.sampled_from([0.1, 0.5, 0.9, 1.0])
low = st.sampled_from([0.0, 0.001, 0.2])
NAMES = {
    "StepLR": st.fixed_dictionaries({"step_size": few, "gamma": share}),
    "MultiStepLR": st.fixed_dictionaries({"milestones": st.lists(st.integers(0, 40), max_size=5), "gamma": share}),
    "ExponentialLR": st.fixed_dictionaries({"gamma": share}),
    "ConstantLR": st.fixed_dictionaries({"factor": share, "total_iters": st.integers(0, 12)}),
    "LinearLR": st.fixed_dictionaries({"start_factor": share, "end_factor": st.sampled_from([0.0, 0.3, 1.0]),
                                       "total_iters": few}),
    "PolynomialLR": st.fixed_dictionaries({"total_iters": few, "power": st.sampled_from([0.5, 1.0, 2.0])}),
    "CosineAnnealingLR": st.fixed_dictionaries({"T_max": few, "eta_min": low}),
    "CosineAnnealingWarmRestarts": st.fixed_dictionaries({"T_0": few, "T_mult": st.integers(1, 3), "eta_min": low}),
    "LambdaLR": st.just({"lr_lambda": lambda t: min((t + 1) ** -0.5, (t + 1) * 10 ** -1.5)}),
    "MultiplicativeLR": st.sampled_from([{"lr_lambda": lambda t: 0.9 + 0.01 * (t % 3)},
                                         {"lr_lambda": [lambda t: 0.95, lambda t: 1 / (t + 1)]}]),
}


@st.composite
def schedules(draw, names=tuple(NAMES)):
    """A function that makes the drawn schedule for either library."""
    name = draw(st.sampled_from(names))
    options = draw(NAMES[name])
    return lambda library, optimizer: getattr(library, name)(optimizer, **options)


@pytest.mark.parity
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_rates_are_pytorchs(name, data):
    same_rates(data.draw(schedules((name,))))


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
@given(options=st.fixed_dictionaries({
    "max_lr": st.sampled_from([0.5, [0.5, 0.1]]), "pct_start": st.sampled_from([0.1, 0.3, 0.5, 0.0]),
    "anneal_strategy": st.sampled_from(["cos", "linear"]), "cycle_momentum": st.booleans(),
    "three_phase": st.booleans(), "div_factor": st.sampled_from([10.0, 25.0]),
    "base_momentum": st.sampled_from([0.85, [0.7, 0.8]])}), steps=st.sampled_from([30, 47]))
def test_one_cycle_is_pytorchs(kind, options, steps):
    if options["pct_start"] == 0.0 and options["three_phase"]:
        options["pct_start"] = 0.4
    for length in ({"total_steps": steps}, {"epochs": 2, "steps_per_epoch": 8}):
        same_rates(lambda library, optimizer, length=length: library.OneCycleLR(optimizer, **length, **options), kind,
                   steps=length.get("total_steps", 16))


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@given(options=st.fixed_dictionaries({
    "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]), "gamma": st.sampled_from([1.0, 0.97]),
    "step_size_up": few, "step_size_down": st.none() | few, "cycle_momentum": st.booleans(),
    "scale_fn": st.sampled_from([None, lambda x: 1 / (1 + x)]),
    "scale_mode": st.sampled_from(["cycle", "iterations"])}))
def test_cyclic_is_pytorchs(kind, options):
    same_rates(lambda library, optimizer: library.CyclicLR(optimizer, [0.01, 0.02], 0.1, **options), kind)


@pytest.mark.parity
@given(options=st.fixed_dictionaries({
    "mode": st.sampled_from(["min", "max"]), "factor": st.sampled_from([0.1, 0.5]), "patience": st.integers(0, 4),
    "threshold": st.sampled_from([1e-4, 0.1]), "threshold_mode": st.sampled_from(["rel", "abs"]),
    "cooldown": st.integers(0, 3), "min_lr": st.sampled_from([0, 0.001, [0.1, 0.0]])}),
    metrics=st.lists(st.integers(-3, 5), min_size=STEPS, max_size=STEPS))
def test_plateau_is_pytorchs(options, metrics):
    same_rates(lambda library, optimizer: library.ReduceLROnPlateau(optimizer, **options), metrics=metrics)


CLOSED = tuple(name for name in NAMES if name != "MultiplicativeLR")


@pytest.mark.parity
@given(makers=st.lists(schedules(CLOSED), min_size=2, max_size=3), gap=st.integers(1, 20))
def test_a_sequence_is_pytorchs(makers, gap):
    same_rates(lambda library, optimizer: library.SequentialLR(
        optimizer, [make(library, optimizer) for make in makers], [gap * i for i in range(1, len(makers))]))


@pytest.mark.parity
@given(makers=st.lists(schedules(("StepLR", "MultiStepLR", "ExponentialLR", "ConstantLR", "LinearLR", "PolynomialLR",
                                  "MultiplicativeLR")), min_size=1, max_size=3))
def test_a_chain_is_pytorchs(makers):
    same_rates(lambda library, optimizer: library.ChainedScheduler([make(library, optimizer) for make in makers]))


@pytest.mark.parity
@given(options=NAMES["CosineAnnealingWarmRestarts"], epochs=st.lists(st.floats(0, 60), max_size=20))
def test_warm_restarts_at_fractions_of_epochs(options, epochs):
    import torch

    mine, theirs = optimizers("SGD", (0.5, 0.1))
    a = ours.CosineAnnealingWarmRestarts(mine, **options)
    b = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, **options)
    for epoch in epochs:
        a.step(epoch), b.step(epoch)
        assert seen(mine) == pytest.approx(seen(theirs), rel=1e-12) and a.last_epoch == b.last_epoch


@pytest.mark.parity
@pytest.mark.parametrize("name", ["StepLR", "ExponentialLR", "LinearLR", "PolynomialLR", "CosineAnnealingLR"])
def test_pytorchs_saved_schedule_goes_on_here(name):
    import torch

    options = {"StepLR": {"step_size": 3}, "ExponentialLR": {"gamma": 0.9}, "CosineAnnealingLR": {"T_max": 9}}
    mine, theirs = optimizers("SGD", (0.5,))
    b = getattr(torch.optim.lr_scheduler, name)(theirs, **options.get(name, {}))
    for _ in range(4):
        b.step()
    a = getattr(ours, name)(mine, **options.get(name, {}))
    a.load_state_dict(b.state_dict())
    mine.load_state_dict(theirs.state_dict())
    for _ in range(10):
        a.step(), b.step()
        assert seen(mine) == pytest.approx(seen(theirs), rel=1e-12)


# --- behaviour --------------------------------------------------------------------------------------------------

def sgd(lr=1.0, **options):
    optimizer = optim.SGD([Parameter([1.0])], lr=lr, **options)
    optimizer.step()
    return optimizer


def test_a_warm_up_and_a_decay_by_hand():
    optimizer = sgd()
    scheduler = ours.SequentialLR(optimizer, [ours.LinearLR(optimizer, 0.25, total_iters=3),
                                              ours.StepLR(optimizer, 2, 0.1)], milestones=[3])
    rates = []
    for _ in range(8):
        rates.append(scheduler.get_last_lr()[0])
        scheduler.step()
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 0.1, 0.1, 0.01])


def test_a_rate_changed_by_hand_stays_changed():
    optimizer = sgd()
    scheduler = ours.StepLR(optimizer, 2)
    optimizer.param_groups[0]["lr"] = 0.5
    scheduler.step(), scheduler.step()
    assert scheduler.get_last_lr() == [0.05]


class Rise:
    """A function with a state."""

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, t):
        return self.slope * (t + 1)


SAVED = [
    lambda o: ours.StepLR(o, 3), lambda o: ours.MultiStepLR(o, [2, 5]), lambda o: ours.CosineAnnealingLR(o, 7),
    lambda o: ours.CosineAnnealingWarmRestarts(o, 3, 2), lambda o: ours.OneCycleLR(o, 0.3, 20),
    lambda o: ours.CyclicLR(o, 0.1, 0.3, 4, scale_fn=lambda x: 1 / x),
    lambda o: ours.LambdaLR(o, lambda t: 1 / (t + 1)),
    lambda o: ours.SequentialLR(o, [ours.LinearLR(o), ours.ExponentialLR(o, 0.9)], [4]),
    lambda o: ours.ChainedScheduler([ours.StepLR(o, 3), ours.ExponentialLR(o, 0.9)]),
]


@pytest.mark.parametrize("make", SAVED)
def test_saving_and_loading_goes_on_as_if_nothing_had_been(make):
    first = sgd(momentum=0.9)
    schedule = make(first)
    for _ in range(6):
        schedule.step()
    second = sgd(momentum=0.9)
    other = make(second)
    state = schedule.state_dict()
    assert not any(callable(value) or isinstance(value, optim.Optimizer) for value in state.values())
    other.load_state_dict(state)
    second.load_state_dict(first.state_dict())
    for _ in range(8):
        schedule.step(), other.step()
        assert seen(first) == seen(second) and schedule.get_last_lr() == other.get_last_lr()


def test_of_a_callable_object_the_state_is_saved():
    schedule, other = ours.LambdaLR(sgd(), Rise(2.0)), ours.LambdaLR(sgd(), Rise(5.0))
    state = schedule.state_dict()
    assert state["lr_lambdas"] == [{"slope": 2.0}]
    other.load_state_dict(state)
    other.step()
    assert other.get_last_lr() == [4.0]


def test_going_on_from_an_epoch():
    first = sgd()
    ours.ExponentialLR(first, 0.5).step()
    second = sgd()
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["initial_lr"] == 1.0 and second.param_groups[0]["lr"] == 0.5
    schedule = ours.ExponentialLR(second, 0.5, last_epoch=1)
    assert schedule.base_lrs == [1.0] and schedule.last_epoch == 2
    with pytest.raises(KeyError, match="group 0 has no initial_lr from which to go on at epoch 3"):
        ours.StepLR(sgd(), 2, last_epoch=3)


def test_a_constant_of_zero_ends():
    schedule = ours.ConstantLR(sgd(), 0.0, 2)
    rates = [schedule.get_last_lr()[0], *[schedule.step() or schedule.get_last_lr()[0] for _ in range(3)]]
    assert rates == [0, 0, 1, 1]


def test_plateau_takes_a_tensor():
    optimizer = sgd()
    schedule = ours.ReduceLROnPlateau(optimizer, patience=0)
    for _ in range(2):
        schedule.step(mg.tensor(1.0))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_a_schedule_that_is_ahead_of_its_optimizer_warns():
    optimizer = optim.SGD([Parameter([1.0])], lr=1.0)
    schedule = ours.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match="came before the first optimizer.step"):
        schedule.step()
    schedule.step()                                             # once is enough


def test_a_schedule_of_ones_own():
    class Halves(ours.LRScheduler):
        def get_lr(self):
            return [lr / 2 ** self.last_epoch for lr in self.base_lrs]

    schedule = Halves(sgd())
    schedule.step()
    assert schedule.get_last_lr() == [0.5]
    with pytest.raises(TypeError, match="LRScheduler does not say which rates follow: it has no method get_lr"):
        ours.LRScheduler(sgd())


@pytest.mark.parametrize(("call", "message"), [
    (lambda o: ours.StepLR(o, 0), "StepLR: step_size must be an int above 0, 0 came"),
    (lambda o: ours.ConstantLR(o, 1.5), r"ConstantLR: factor must be in \[0, 1\], 1.5 came"),
    (lambda o: ours.LinearLR(o, 0.0), r"LinearLR: start_factor must be in \(0, 1\]"),
    (lambda o: ours.LinearLR(o, 0.1, 1.1), "LinearLR: end_factor"),
    (lambda o: ours.CosineAnnealingLR(o, 0), "T_max must be above 0"),
    (lambda o: ours.CosineAnnealingWarmRestarts(o, 2.5), "T_0 must be an int above 0, 2.5 came"),
    (lambda o: ours.CosineAnnealingWarmRestarts(o, 2).step(-1), "epoch must be at least 0"),
    (lambda o: ours.LambdaLR(o, [abs, abs]), "LambdaLR: lr_lambda has 2 values, the optimizer 1 groups"),
    (lambda o: ours.OneCycleLR(o, 0.1), "pass total_steps, or epochs and steps_per_epoch"),
    (lambda o: ours.OneCycleLR(o, 0.1, 10, pct_start=2.0), "pct_start must be a float in"),
    (lambda o: ours.OneCycleLR(o, 0.1, 10, anneal_strategy="exp"), "'cos' or 'linear', 'exp' came"),
    (lambda o: [s.step() for s in [ours.OneCycleLR(o, 0.1, 3)] for _ in range(4)], "step 4 of 3: the cycle is over"),
    (lambda o: ours.CyclicLR(o, 0.1, 0.2, mode="square"), "'square' came"),
    (lambda o: ours.CyclicLR(optim.Adagrad([Parameter([1.0])]), 0.1, 0.2), "Adagrad has no momentum and no betas"),
    (lambda o: ours.ReduceLROnPlateau(o, factor=1.0), "factor must be below 1"),
    (lambda o: ours.ReduceLROnPlateau(o, "low"), "mode must be 'min' or 'max', 'low' came"),
    (lambda o: ours.ReduceLROnPlateau(o, threshold_mode="x"), "'rel' or 'abs'"),
    (lambda o: ours.SequentialLR(o, [], []), "there are no schedules"),
    (lambda o: ours.SequentialLR(o, [ours.StepLR(o, 1)], [3]), "1 schedules have 0 milestones between them, 1 came"),
    (lambda o: ours.SequentialLR(o, [ours.StepLR(sgd(), 1)], []), "schedule 0, a StepLR, belongs to another optimizer"),
    (lambda o: ours.ChainedScheduler([ours.ReduceLROnPlateau(o)]), "whose step needs a metric"),
    (lambda o: ours.SequentialLR(o, [ours.StepLR(o, 1), ours.ChainedScheduler([ours.StepLR(o, 1)])], [3]),
     "schedule 1 is a ChainedScheduler, which cannot be started late"),
])
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call(sgd())


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ours.StepLR([Parameter([1.0])], 3), "StepLR: expected an optimizer, list came"),
    (lambda: ours.LambdaLR(sgd(), 0.5), "lr_lambda must be a function, float came"),
    (lambda: ours.OneCycleLR(Parameter([1.0]), 0.1, 10), "OneCycleLR: expected an optimizer"),
    (lambda: ours.ReduceLROnPlateau(sgd()).step(), "needs the metric that it watches"),
    (lambda: ours.ChainedScheduler([sgd()], sgd()), "schedule 0 must be an LRScheduler, SGD came"),
])
def test_bad_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_a_cycle_whose_rise_is_one_step():
    """0.1 of 10 steps: the first step is at the top already."""
    schedule = ours.OneCycleLR(sgd(momentum=0.9), 0.5, 10, pct_start=0.1)
    assert schedule.get_last_lr() == [0.5]
    schedule.step()
    assert schedule.get_last_lr()[0] < 0.5
