"""Hooks of modules: when they run, what they see and may change; PyTorch's beside them; errors leave no trace."""

import copy
from typing import NamedTuple

import numpy as np
import pytest
from compare import assert_same
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import debug, nn
from minigrad.graph import Graph, Input
from minigrad.tensor import Tensor


def double():
    """y = 2 x, as a layer."""
    layer = nn.Linear(2, 2, bias=False)
    nn.init.eye_(layer.weight)
    layer.weight.data *= 2
    return layer


# --- around forward ---------------------------------------------------------------------------------------------

def test_forward_hooks_see_and_replace():
    layer, x, seen = double(), mg.ones(1, 2), []
    layer.register_forward_pre_hook(lambda module, args: seen.append((module, args)))
    layer.register_forward_pre_hook(lambda module, args: args[0] + 1)            # one value: the only argument
    layer.register_forward_hook(lambda module, args, output: seen.append((args[0].tolist(), output.tolist())))
    layer.register_forward_hook(lambda module, args, output: output * 10)
    assert layer(x).tolist() == [[40, 40]]
    assert seen[0][0] is layer and seen[0][1][0] is x and seen[1] == ([[2, 2]], [[4, 4]])


def test_they_run_in_their_order_and_one_can_be_put_first():
    layer, order = double(), []
    for name in "ab":
        layer.register_forward_hook(lambda *_, name=name: order.append(name))
        layer.register_forward_pre_hook(lambda *_, name=name: order.append(f"pre-{name}"))
    layer.register_forward_hook(lambda *_: order.append("first"), prepend=True)
    layer.register_forward_pre_hook(lambda *_: order.append("pre-first"), prepend=True)
    layer(mg.ones(1, 2))
    assert order == ["pre-first", "pre-a", "pre-b", "first", "a", "b"]


def test_keyword_arguments_are_shown_to_those_that_ask():
    class Scaled(nn.Module):
        def forward(self, x, scale=1.0):
            return x * scale

    layer, seen = Scaled(), []
    layer.register_forward_pre_hook(lambda module, args, kwargs: (args, {"scale": kwargs["scale"] + 1}),
                                    with_kwargs=True)
    layer.register_forward_hook(lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert layer(mg.ones(1), scale=2.0).tolist() == [3] and seen == [{"scale": 3.0}]
    layer.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(TypeError, match=r"must return None or a pair \(args, kwargs\)"):
        layer(mg.ones(1), scale=2.0)


def test_a_handle_removes_its_hook_and_no_other():
    layer, seen = double(), []
    first = layer.register_forward_hook(lambda *_: seen.append("first"))
    with layer.register_forward_hook(lambda *_: seen.append("second")) as second:
        layer(mg.ones(1, 2))
    layer(mg.ones(1, 2))
    assert seen == ["first", "second", "first"] and second.hook is not first.hook
    first.remove(), first.remove()
    layer(mg.ones(1, 2))
    assert len(seen) == 3


def test_a_hook_may_remove_itself_while_it_runs():
    layer, seen = double(), []
    handles = [layer.register_forward_hook(lambda *_: (seen.append(1), handles[0].remove()) and None),
               layer.register_forward_hook(lambda *_: seen.append(2))]
    layer(mg.ones(1, 2)), layer(mg.ones(1, 2))
    assert seen == [1, 2, 2]


def test_after_an_error_those_that_asked_still_run():
    layer, seen = double(), []
    layer.register_forward_hook(lambda *_: seen.append("usual"))
    layer.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    with pytest.raises(ValueError, match="linear"):
        layer(mg.ones(1, 3))
    assert seen == [None]
    layer(mg.ones(1, 2))
    assert seen[1] == "usual" and len(seen) == 3


def test_without_hooks_forward_is_called_alone(monkeypatch):
    def never(*args):
        raise AssertionError("a module without hooks came to the hooks")

    monkeypatch.setattr(nn.hooks.Hooks, "run", never)
    assert double()(mg.ones(1, 2)).tolist() == [[2, 2]] and double()._hooks is None


def test_a_deep_copy_has_hooks_of_its_own():
    layer, seen = double(), []
    handle = layer.register_forward_hook(Seen(seen))
    twin = copy.deepcopy(layer)
    handle.remove()
    layer(mg.ones(1, 2))
    assert seen == []
    twin(mg.ones(1, 2))
    assert len(twin._hooks.forward) == 1 and len(layer._hooks.forward) == 0


class Seen:
    """A hook that is copied with its module."""

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, module, args, output):
        self.calls.append(output)


def test_on_a_graph_a_layers_hooks_run_when_the_graph_does():
    layer, whole, seen = double(), nn.Sequential(nn.ReLU()), []
    layer.register_forward_hook(lambda *_: seen.append("layer"))
    whole.register_forward_hook(lambda *_: seen.append("container"))
    x = Input((2,))
    graph = Graph(x, whole(layer(x)))
    assert seen == []                                                   # nothing ran while it was built
    graph.register_forward_hook(lambda module, args, output: output + 1)
    assert graph(mg.ones(1, 2)).tolist() == [[3, 3]] and seen == ["layer"]


# --- on the way back --------------------------------------------------------------------------------------------

def test_backward_hooks_see_what_arrives_and_what_leaves():
    layer, x, seen = double(), mg.tensor([[1.0, 2.0]], requires_grad=True), []
    layer.register_full_backward_pre_hook(lambda module, grad_output: seen.append(("pre", module, grad_output)))
    layer.register_full_backward_hook(lambda module, gx, gy: seen.append(("full", gx, gy)))
    layer(x).sum().backward()
    assert [event[0] for event in seen] == ["pre", "full"] and seen[0][1] is layer
    assert seen[0][2][0].tolist() == seen[1][2][0].tolist() == [[1, 1]] and seen[1][1][0].tolist() == [[2, 2]]
    assert x.grad.tolist() == [[2, 2]] and layer.weight.grad.tolist() == [[1, 2], [1, 2]]


def test_backward_hooks_replace_gradients():
    layer, x = double(), mg.tensor([[1.0, 2.0]], requires_grad=True)
    layer.register_full_backward_pre_hook(lambda module, gy: (gy[0] * 10,))
    layer.register_full_backward_hook(lambda module, gx, gy: gx[0] + 1)          # one gradient: the only one
    layer(x).sum().backward()
    assert x.grad.tolist() == [[21, 21]] and layer.weight.grad.tolist() == [[10, 20], [10, 20]]
    x.grad.data[...] = 0                                                         # it is the leaf's own


def test_where_no_input_requires_a_gradient():
    layer, seen = double(), []
    layer.register_full_backward_hook(lambda module, gx, gy: seen.append((gx, gy[0].tolist())))
    layer(mg.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1, 1]])] and layer.weight.grad is not None
    layer.register_full_backward_hook(lambda module, gx, gy: gy)
    with pytest.raises(ValueError, match="none of which requires one: return None"):
        layer(mg.ones(1, 2)).sum().backward()


def test_nothing_is_recorded_under_no_grad():
    layer, seen = double(), []
    layer.register_full_backward_hook(lambda *_: seen.append(1))
    with mg.no_grad():
        assert not layer(mg.ones(1, 2, requires_grad=True)).requires_grad
    y = double().requires_grad_(False)
    y.register_full_backward_hook(lambda *_: seen.append(1))
    assert not y(mg.ones(1, 2)).requires_grad and seen == []


@pytest.mark.parametrize("kind", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_an_error_in_a_hook_leaves_every_grad_as_it_was(kind):
    layer, x = double(), mg.ones(1, 2, requires_grad=True)
    x.grad = mg.full((1, 2), 7.0)

    def fail(*_):
        raise KeyError("from the hook")

    getattr(layer, kind)(fail)
    with pytest.raises(KeyError, match="from the hook"):
        layer(x).sum().backward()
    assert x.grad.tolist() == [[7, 7]] and layer.weight.grad is None


@pytest.mark.parametrize(("answer", "message"), [
    (lambda g: (g, g), "as many gradients as grad_input has, 1"), (lambda g: 3.0, "it returned 3.0")])
def test_answers_that_are_none(answer, message):
    layer = double()
    layer.register_full_backward_hook(lambda module, gx, gy: answer(gx[0]))
    with pytest.raises(ValueError, match=message):
        layer(mg.ones(1, 2, requires_grad=True)).sum().backward()


@pytest.mark.parametrize("answer", [mg.ones(3), np.ones((1, 2))])
def test_gradients_of_another_kind(answer):
    layer = double()
    layer.register_full_backward_pre_hook(lambda module, gy: (answer,))
    with pytest.raises(TypeError, match=r"None or tensors like those of output, here \(1, 2\) on cpu"):
        layer(mg.ones(1, 2, requires_grad=True)).sum().backward()


def test_a_gradient_can_be_stopped():
    layer, x = double(), mg.ones(1, 2, requires_grad=True)
    layer.register_full_backward_hook(lambda module, gx, gy: (None,))
    layer(x).sum().backward()
    assert x.grad is None and layer.weight.grad is not None


def test_an_output_that_is_no_tensor_warns():
    class Dict(nn.Module):
        def forward(self, x):
            return {"y": x * 2}

    layer = Dict()
    layer.register_full_backward_hook(lambda *_: None)
    with pytest.warns(UserWarning, match="its forward gave dict"):
        layer(mg.ones(2, requires_grad=True))


def test_a_named_tuple_stays_one():
    class Pair(NamedTuple):
        first: object
        second: object

    class Two(nn.Module):
        def forward(self, x):
            return Pair(x * 2, "note")

    layer, x, seen = Two(), mg.ones(2, requires_grad=True), []
    layer.register_full_backward_hook(lambda module, gx, gy: seen.append((gx[0].tolist(), gy[0].tolist(), gy[1])))
    y = layer(x)
    assert type(y) is Pair and y.second == "note"
    y.first.sum().backward()
    assert seen == [([2, 2], [1, 1], None)]


def test_packed_sequences_go_through_hooks():
    lstm = nn.LSTM(2, 3)
    packed = nn.utils.rnn.pack_sequence([mg.ones(3, 2), mg.ones(1, 2)])
    lstm.register_full_backward_hook(lambda *_: None)
    y, _ = lstm(packed)
    assert type(y) is type(packed)
    y.data.sum().backward()
    assert lstm.weight_ih_l0.grad is not None


def test_the_gradients_shown_are_read_only_and_the_seed_stays_the_callers():
    layer, x, g = double(), mg.ones(1, 2, requires_grad=True), np.ones((1, 2), "f4")
    through = nn.Identity()
    through.register_full_backward_hook(lambda module, gx, gy: shown.append(gx[0].data.flags.writeable))
    shown = []
    through(x).backward(g)
    assert shown == [False] and x.grad.data is not g and x.grad.data.base is not g
    layer(x).sum().backward()


def test_the_debugger_shows_the_doors():
    layer, x = double(), mg.ones(1, 2, requires_grad=True)
    layer.register_full_backward_hook(lambda *_: None)
    with debug.record():
        loss = layer(x).sum()
    text = "\n".join(str(event) for event in debug.walk(loss))
    assert "hooks_at_output" in text and "hooks_at_input" in text
    assert x.grad.tolist() == [[2, 2]]


def test_registering_what_is_no_function():
    with pytest.raises(TypeError, match="register_forward_hook: expected a function, int came"):
        double().register_forward_hook(3)


# --- beside PyTorch's -------------------------------------------------------------------------------------------

def mixed(library, base):
    """A module of several inputs and outputs, one of which nobody uses, in either library."""
    class Mixed(base):
        def forward(self, a, b, n):
            return a * b, b + a * n, a * a

    return Mixed()


@pytest.mark.parity
@given(needs=st.tuples(st.booleans(), st.booleans()), replace=st.sampled_from(["nothing", "inputs", "outputs", "both"]),
       used=st.sets(st.integers(0, 2), min_size=1), twice=st.booleans())
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_hooks_on_several_inputs_and_outputs_are_pytorchs(needs, replace, used, twice):
    import torch

    def run(library, base, tensor):
        module, seen = mixed(library, base), []

        def note(gs):
            return [None if g is None else np.asarray(g.detach().numpy()) for g in gs]

        def full(module, gx, gy):
            seen.append([*note(gx), *note(gy)])
            if any(needs) and replace in ("inputs", "both"):
                return tuple(None if g is None else g * 3 for g in gx)

        def pre(module, gy):
            seen.append(note(gy))
            return tuple(None if g is None else g + 1 for g in gy) if replace in ("outputs", "both") else None

        module.register_full_backward_hook(full)
        module.register_full_backward_pre_hook(pre)
        if twice:
            module.register_full_backward_hook(full, prepend=True)
        a, b = tensor([1.0, -2.0], needs[0]), tensor([3.0, 0.5], needs[1])
        outputs = module(a, b, 2.0)
        total = sum([outputs[i].sum() * (i + 1) for i in used])
        if total.requires_grad:
            total.backward()
        return seen, [None if x.grad is None else np.asarray(x.grad.numpy()) for x in (a, b)]

    mine = run(mg, nn.Module, lambda x, needs: mg.tensor(x, dtype="f8", requires_grad=needs))
    theirs = run(torch, torch.nn.Module, lambda x, needs: torch.tensor(x, dtype=torch.float64, requires_grad=needs))
    for x, y in zip([*mine[0], mine[1]], [*theirs[0], theirs[1]], strict=True):
        assert [part is None for part in x] == [part is None for part in y]
        assert_same([part for part in x if part is not None], [part for part in y if part is not None])


@pytest.mark.parity
def test_second_gradients_through_hooks_are_pytorchs():
    import torch

    def run(library, module, x):
        module.register_full_backward_hook(lambda module, gx, gy: (gx[0] * gx[0],))
        y = (module(x * x) ** 2).sum()
        grad = mg.grad if library is mg else torch.autograd.grad
        (g,) = grad(y, x, create_graph=True)
        (h,) = grad(g.sum(), x)
        return np.asarray(g.detach().numpy()), np.asarray(h.detach().numpy())

    x = np.array([1.0, -2.0])
    assert_same(run(mg, nn.Tanh(), Tensor(x, True)), run(torch, torch.nn.Tanh(), torch.tensor(x, requires_grad=True)))


@pytest.mark.parity
@given(always=st.lists(st.booleans(), max_size=3), fails=st.booleans(), prepend=st.lists(st.booleans(), max_size=3))
def test_the_order_of_hooks_is_pytorchs(always, fails, prepend):
    import torch

    def run(base, one):
        class Picky(base):
            def forward(self, x):
                if fails:
                    raise ValueError("no")
                return x

        module, seen = Picky(), []
        for i, flag in enumerate(always):
            module.register_forward_hook(lambda m, a, y, i=i: seen.append((i, y is None)), always_call=flag)
        for i, flag in enumerate(prepend):
            module.register_forward_pre_hook(lambda m, a, i=i: seen.append(f"pre{i}"), prepend=flag)
        try:
            module(one)
        except ValueError:
            seen.append("raised")
        return seen

    assert run(nn.Module, mg.ones(1)) == run(torch.nn.Module, torch.ones(1))
