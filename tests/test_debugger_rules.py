"""Why an element is what it is, whether a rule is right, and how your own compares; what looks like a mistake."""

from __future__ import annotations

import numpy as np
import pytest
from cases import CASES
from rows import subject
from strict_cupy import installed

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import debug, nn
from minigrad.debug.check import check_rule
from minigrad.debug.hints import at_the_end
from minigrad.debug.why import asked, why
from minigrad.testing.runs import Run


def leaf(*shape, dtype="float64"):
    return mg.randn(*shape, dtype=dtype, requires_grad=True)


def rules(loss, op=None, **options):
    return [event for event in debug.walk(loss, retain_graph=True, **options)
            if event.kind == "rule" and (op is None or event.op == op)]


# --- of every op ----------------------------------------------------------------------------------------------

def first_rule(name):
    """The rule event of an op of the table, on the first of its cases that has a gradient with elements."""
    for case in CASES[name]:
        with debug.record(sources=False):
            run = Run(subject(name), case, walk=False)
        pairs = [(y, s) for y, s in run.used() if y.data.size]
        if not pairs:
            continue
        loss = sum([(y * mg.tensor(s, dtype=str(y.dtype))).sum() for y, s in pairs], start=mg.tensor(0.0))
        for event in reversed(rules(loss)):             # the first may be of the loss
            if event.op == name and any([gx.size for gx in event.gradients.values()]):
                return event
    return None


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_terms_of_an_element_add_up_and_the_rule_is_right(name):
    event = first_rule(name)
    if event is None:
        pytest.skip("no gradient, or an op that others stand for on the tape")
    for argument, gx in event.gradients.items():
        if gx.size:
            index = np.unravel_index(int(np.abs(gx).argmax()), gx.shape)        # of a number, ()
            found = why(event, argument, tuple(map(int, index)))
            scale = sum([abs(term.value) for term in found.terms]) + abs(found.value)
            assert abs(found.total - found.value) <= 1e-9 * max(scale, 1.0), str(found)
            listed = sum([term.value for term in found.terms])
            assert found.more or abs(listed - found.total) <= 1e-9 * max(scale, 1.0)
    verdict = check_rule(event)
    assert verdict.agrees and str(verdict).isascii(), str(verdict)


# --- why ------------------------------------------------------------------------------------------------------

def test_the_terms_by_hand():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype="float64", requires_grad=True)
    w = mg.tensor([[5.0, 6.0], [7.0, 8.0]], dtype="float64")
    event, = rules((x @ w * mg.tensor([[1.0, 10.0], [100.0, 1000.0]], dtype="float64")).sum(), "matmul")
    found = why(event, "a", (1, 0))
    terms = [(term.place, term.g, term.coefficient) for term in found.terms]
    assert terms == [("g[1, 1]", 1000, 6), ("g[1, 0]", 100, 5)]
    assert found.value == found.total == 6500 and found.more == 0 and found.name == "ga[1, 0]"
    assert why(event, "a", (-1, -2)).value == 6500


def test_many_terms_the_largest_first():
    x = leaf(5, 30)
    event, = rules(mg.linear(leaf(5, 30), leaf(40, 30)).sum(), "linear")
    found = why(event, "x", (2, 3), most=4)
    assert len(found.terms) == 4 and found.more == 36
    sizes = [abs(term.value) for term in found.terms]
    assert sizes == sorted(sizes, reverse=True) and "and 36 more, together" in str(found)
    assert found.total == pytest.approx(found.value) and x.grad is None


def test_an_element_that_nothing_reaches():
    x = mg.tensor([1.0, 5.0, 2.0], dtype="float64", requires_grad=True)
    event, = rules(mg.max(x), "max")
    assert "no element that arrived has a part in it" in str(why(event, "x", (0,)))


def test_several_outputs_are_told_apart():
    event, = rules((mg.split(leaf(4), 2)[1] * 3.0).sum(), "split")
    assert [term.place for term in why(event, "x", (2,)).terms] == ["g1[0]"]


def test_before_and_after_broadcasting_is_undone():
    event, = rules((leaf(4, 3) * leaf(3)).sum(), "multiply")
    assert len(why(event, "b", (1, 2)).terms) == 1 and len(why(event, "b", (2,)).terms) == 4
    with pytest.raises(IndexError, match=r"gb has shape \(4, 3\) and \(3,\), there is no element \[3\]"):
        why(event, "b", (3,))


def test_what_cannot_be_asked():
    x = leaf(3)
    *_, event = [event for event in debug.walk(mg.exp(x * 2).sum()) if event.kind == "rule"]
    with pytest.raises(RuntimeError, match="what multiply saved is freed"):
        why(event, "a", (0,))
    with pytest.raises(TypeError, match="multiply gave no gradient for 'b'; it did for a"):
        why(event, "b", ())
    assert asked(event, "ga[ 1 ]") == ("a", (1,)) and asked(event, "ga") == ("a", ())


# --- check ----------------------------------------------------------------------------------------------------

@mg.op
def crooked(x):
    return x * x * x


crooked.gradient(x=lambda g, x: g * 3.03 * x * x)


def test_a_wrong_rule_is_found_out():
    event, = rules(crooked(leaf(4)).sum(), "crooked")
    verdict = check_rule(event)
    assert not verdict and "WRONG (rtol 1e-06, atol 0)" in str(verdict) and "analytic / numeric = 1.01" in str(verdict)
    verdict = debug.check(crooked, np.ones(3))
    assert not verdict and "crooked: the gradient of input x is wrong" in str(verdict)


def test_kinks_are_skipped_and_counted():
    verdict = debug.check(lambda x: mg.relu(x), np.array([0.0, 1.0, -2.0]))
    assert verdict and verdict.skipped > 0 and f"{verdict.skipped} skipped at kinks" in str(verdict)
    assert "rtol 1e-06, atol 0" in str(verdict) and debug.check(mg.exp, np.zeros((0, 2))).checked == 0
    assert "nothing was checked" in str(debug.check(mg.exp, np.zeros(0)))


def test_a_walk_that_rounds_badly_is_told_from_rounding():
    @mg.fused
    def cubed(x):
        return x * x * x

    cubed.kernel("numpy", lambda needs, x: (x ** 3, None),
                 lambda needs, g, kept, x: [g * 3 * x * x * (1.01 if x.dtype == np.float32 else 1)])
    event, = rules(cubed(leaf(4, dtype="float32")).sum(), "cubed")
    verdict = check_rule(event)
    assert not verdict and verdict.verdict and "THIS IS NOT ROUNDING" in str(verdict)


def test_what_was_not_kept_is_said():
    event, = rules(mg.tanh(leaf(3)).sum(), "tanh")
    assert check_rule(event)                            # the argument is a leaf, the tape has it
    event, = rules(mg.exp(leaf(3) * 2).sum(), "exp")
    with pytest.raises(ValueError, match="not all arguments of exp were kept.*debug.record"):
        check_rule(event)


# --- compare --------------------------------------------------------------------------------------------------

def my_conv(g, x, weight, stride, padding):
    """The gradients of a convolution without groups by its loops."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    gx, gweight = np.zeros_like(x), np.zeros_like(weight)
    i, j = weight.shape[2:]
    for p in range(g.shape[2]):
        for q in range(g.shape[3]):
            window = np.s_[:, :, p * stride:p * stride + i, q * stride:q * stride + j]
            gx[window] += np.tensordot(g[:, :, p, q], weight, 1)
            gweight += np.tensordot(g[:, :, p, q].T, x[window], 1)
    inner = np.s_[:, :, padding:x.shape[2] - padding, padding:x.shape[3] - padding]
    return {"x": gx[inner], "weight": gweight, "bias": g.sum((0, 2, 3))}


def images():
    rng = np.random.default_rng(0)
    return rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(4)


def test_a_right_rule_of_conv2d():
    found = debug.compare(my_conv, "conv2d", *images(), stride=2, padding=1)
    assert found.agrees and found.first is None and [row.argument for row in found.rows] == ["x", "weight", "bias"]
    assert all(row.approximate and row.difference < 1e-12 for row in found.rows)
    assert repr(found).count("approximate True") == 3


WRONG = {
    "a missing sum": ("bias", lambda gx, gweight, gbias: gbias[:1].repeat(4)),
    "a kernel reversed": ("x", lambda gx, gweight, gbias: gx[:, :, ::-1]),
    "transposed": ("weight", lambda gx, gweight, gbias: gweight.swapaxes(0, 1)),
    "an off by one": ("weight", lambda gx, gweight, gbias: gweight * 1.0001),
    "a nan": ("x", lambda gx, gweight, gbias: gx * np.nan),
    "one element": ("x", lambda gx, gweight, gbias: gx + 1e-3 * (np.arange(gx.size) == 77).reshape(gx.shape)),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_rules_are_told(mistake):
    argument, wrong = WRONG[mistake]

    def rule(g, x, weight, stride, padding):
        right = my_conv(g, x, weight, stride, padding)
        return right | {argument: wrong(*right.values())}

    found = debug.compare(rule, mg.conv2d, *images(), stride=2, padding=1)
    assert not found and found.first.argument == argument and f"g{argument}" in str(found.first)
    assert sum([not row.approximate for row in found.rows]) == 1
    if mistake == "transposed":
        assert "yours has shape (3, 4, 3, 2), the engine's (4, 3, 3, 2)" in str(found)
    if mistake == "one element":
        at = np.unravel_index(77, (2, 3, 7, 6))
        assert found.first.at == at and found.first.difference == pytest.approx(1e-3)
        assert f"at {list(map(int, at))}" in str(found)


def test_rules_as_formulas_and_tuples():
    a, b = np.ones((4, 3)), np.arange(3.0)
    formulas = {"a": lambda g, b: g * b, "b": lambda g, a: (g * a).sum(0)}
    assert debug.compare(formulas, "multiply", a, b).agrees
    assert debug.compare({"b": lambda g, a, b_shape: g * a}, "multiply", a, b).agrees       # before it is summed, too
    assert debug.compare(lambda g, a, b: (g * b, g * a), "multiply", a, b).agrees
    assert debug.compare(lambda g, y: g * y, "exp", b, gradient=np.ones(3)).rows[0].exact
    assert not debug.compare(lambda g, y: y, "exp", b)


def test_on_the_tape_of_a_loss_up_to_the_first_divergence():
    x, w = leaf(4, 3), [leaf(3, 3) for _ in range(3)]
    h = x
    for each in w:
        h = mg.tanh(h @ each)
    calls = []

    def rule(g, y):
        calls.append(1)
        return g * (1 - y * y) * (2.0 if len(calls) == 2 else 1.0)

    found = debug.compare(rule, "tanh", loss=h.sum())
    assert len(calls) == len(found.rows) == 2 and found.rows[0].approximate and found.first is found.rows[1]
    assert x.grad is None and w[0].grad is None
    calls.append(1)
    assert debug.compare(lambda g, y: g * (1 - y * y), "tanh", loss=h.sum()).agrees
    h.sum().backward()


@pytest.mark.parametrize(("args", "options", "error", "message"), [
    (["exp"], {}, TypeError, "give inputs to call the op on, or loss="),
    (["exq", np.ones(3)], {}, TypeError, "'exq' came: did you mean exp"),
    ([3, np.ones(3)], {}, TypeError, "expected an op"),
    (["add", np.ones(3), np.ones(3)], {}, TypeError, "gave 1 gradients, 2 are due: a, b"),
    (["isnan", np.ones(3)], {}, ValueError, "no gradient goes through a call of isnan"),
])
def test_misuse_of_compare(args, options, error, message):
    with pytest.raises(error, match=message):
        debug.compare(lambda g: g, *args, **options)


def test_what_is_no_rule_and_no_function():
    with pytest.raises(TypeError, match="your rule comes first, a function .*; str came"):
        debug.compare("tanh", "tanh", np.ones(3))
    with pytest.raises(TypeError, match="expected a function and its inputs.*int came"):
        debug.check(3, np.ones(3))
    with pytest.raises(TypeError, match="expected an array of floating point.*int64 came"):
        debug.check(mg.tanh, np.ones(3, "int64"))


def test_rules_that_ask_for_what_there_is_not():
    with pytest.raises(TypeError, match="reads 'z'; there are g, x, x_shape, y"):
        debug.compare(lambda g, z: g, "exp", np.ones(3))
    with pytest.raises(TypeError, match="has a gradient for 'z'"):
        debug.compare(lambda g: {"z": g}, "exp", np.ones(3))
    with pytest.raises(ValueError, match="no gradient goes through a call of exp"):
        debug.compare(lambda g: g, "exp", loss=leaf(3).sum())


# --- hints ----------------------------------------------------------------------------------------------------

def hints(loss, op=None):
    events = list(debug.walk(loss, retain_graph=True))
    return [hint for event in events if op is None or event.op == op for hint in event.hints]


def test_nothing_is_claimed_of_what_is_well():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    with debug.record():
        loss = mg.cross_entropy(model(mg.randn(6, 4)), mg.tensor([0, 1, 0, 1, 0, 1]))
    assert hints(loss) == []


def test_softmax_before_cross_entropy_through_views():
    x, target = leaf(2, 3, 2), mg.tensor([[0, 1], [2, 0]])
    found, = hints(mg.cross_entropy(mg.softmax(x, 1)[:, :, :2].reshape(2, 3, 2), target))
    assert "comes out of softmax #" in found and "has the softmax inside" in found
    found, = hints(F.binary_cross_entropy_with_logits(mg.sigmoid(leaf(3)), mg.ones(3, dtype="float64")))
    assert "comes out of sigmoid" in found
    x.grad = None
    assert hints(mg.cross_entropy(mg.softmax(x, 1) * 3.0, target)) == []


def test_stale_gradients_and_leaves_out_of_reach():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with debug.record():
        model(mg.ones(1, 2)).sum().backward()
        whole = model(mg.ones(1, 2))
        loss = model[1](whole.detach()).sum()
    found = hints(loss)
    assert any("weight, bias have a .grad already" in hint for hint in found)
    assert any("no path leads from the loss to 0.weight, 0.bias" in hint for hint in found)
    model.zero_grad()
    assert not any(".grad already" in hint for hint in hints(whole.sum()))


def test_dead_relus_and_saturated_ends():
    x = mg.tensor([-1.0, -2.0, 0.0], dtype="float64", requires_grad=True)
    found, = hints(mg.relu(x).sum())
    assert found.startswith("the relu is dead")
    big = mg.tensor(np.full(100, 9.0), requires_grad=True)
    assert "saturated: 100%" in hints(mg.tanh(big).sum(), "tanh")[0]
    assert "0 or 1" in hints(mg.sigmoid(big).sum(), "sigmoid")[0]
    part = mg.tensor(np.where(np.arange(100) < 96, 9.0, 0.0), requires_grad=True)
    for y, op in [(mg.tanh(part), "tanh"), (mg.sigmoid(-part), "sigmoid"), (mg.relu(-x), "relu")]:
        assert hints(y.sum(), op) == []


def test_batch_norm_in_evaluation_and_a_batch_of_one():
    layer = nn.BatchNorm2d(2)
    with debug.record():
        assert "a batch of 1" in hints(layer(leaf(1, 2, 3, 3, dtype="float32")).sum(), "batch_norm_train")[0]
        layer.eval()
        assert "running statistics" in hints(layer(leaf(4, 2, 3, 3, dtype="float32")).sum(), "batch_norm_eval")[0]


def test_inputs_without_a_finite_gradient():
    x = mg.tensor([[4.0, 0.0], [1.0, -1.0]], dtype="float64", requires_grad=True)
    with np.errstate(all="ignore"):
        for function, words in [(mg.log, "2 values <= 0, the first at [0, 1]"),
                                (mg.sqrt, "1 value < 0, the first at [1, 1]"),
                                (lambda x: 1.0 / x, "b (2, 2) has 1 zero, the first at [0, 1]")]:
            assert any(words in hint for hint in hints(function(x).sum()))


def test_shapes_stretched_both_ways():
    found, = hints((leaf(4) - leaf(4, 1)).sum())
    assert found.startswith("(4,) and (4, 1) were broadcast to (4, 4)")
    for a, b in [(leaf(4), leaf(4)), (leaf(3, 4), leaf(3, 1)), (leaf(1), leaf(1, 1))]:
        assert hints((a - b).sum()) == []


def test_what_shrinks_the_gradient_most():
    x = leaf(3)
    assert "multiply" in at_the_end(debug.walk((mg.tanh(x * 1e-3)).sum()))[0]
    assert at_the_end(debug.walk((leaf(3) * 2).sum())) == []


def test_hints_and_why_on_a_device():
    with installed():
        x = mg.tensor(np.full((4, 5), 9.0), device="cuda", requires_grad=True)
        event, = rules(mg.tanh(x).sum(), "tanh")
        assert "saturated" in event.hints[0] and len(why(event, "x", (1, 2)).terms) == 1 and check_rule(event)
        x = mg.zeros(2, 3, device="cuda", requires_grad=True)
        with np.errstate(all="ignore"):
            assert "the first at [0, 0]" in hints(mg.log(x).sum(), "log")[0]
