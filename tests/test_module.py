"""Module's methods and the containers: PyTorch's names, orders and reprs; moving, copying, finding."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from compare import assert_same
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim
from minigrad.graph import Graph, Input
from minigrad.nn import Module, Parameter
from minigrad.tensor import Tensor


def tree(nn, make, array):
    """A tree with a shared layer, parameters at several levels and buffers of both kinds, in either library."""
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)
            self.scale = nn.Parameter(make([1.0, 2.0]))
            self.register_buffer("seen", array([0.0, 0.0]))
            self.register_buffer("scratch", array([0.0]), persistent=False)
            self.register_parameter("none", None)

    class Tree(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Parameter(make([3.0]))
            self.blocks = nn.ModuleList([Block(), Block()])
            self.table = nn.ModuleDict({"relu": nn.ReLU(), "norm": nn.LayerNorm(2)})
            self.weights = nn.ParameterList([make([1.0]), make([2.0, 3.0])])
            self.named = nn.ParameterDict({"b": make([1.0]), "a": make([2.0])})
            self.tied = self.blocks[0].fc
            self.register_buffer("count", array([0.0]))
            self.add_module("late", nn.Sequential(OrderedDict(x=nn.Linear(2, 1), y=nn.Identity())))

    return Tree()


def pair():
    import torch

    return (tree(nn, mg.tensor, lambda x: np.array(x, "f4")),
            tree(torch.nn, torch.tensor, torch.tensor))


# --- what is inside, beside PyTorch -------------------------------------------------------------------------------

@pytest.mark.parity
@given(prefix=st.sampled_from(["", "net", "a.b"]), recurse=st.booleans(), once=st.booleans(),
       what=st.sampled_from(["named_parameters", "named_buffers", "named_modules", "named_children", "parameters",
                             "buffers", "modules", "children"]))
def test_the_names_and_their_order_are_pytorchs(prefix, recurse, once, what):
    options = {"named_parameters": {"prefix": prefix, "recurse": recurse, "remove_duplicate": once},
               "named_buffers": {"prefix": prefix, "recurse": recurse, "remove_duplicate": once},
               "named_modules": {"prefix": prefix, "remove_duplicate": once},
               "parameters": {"recurse": recurse}, "buffers": {"recurse": recurse}}.get(what, {})

    def seen(module):
        found = list(getattr(module, what)(**options))
        return [(x[0], type(x[1]).__name__) if what == "named_modules" else x[0] if what.startswith("named") else
                getattr(x, "shape", type(x).__name__) for x in found]

    mine, theirs = map(seen, pair())
    assert mine == theirs and mine


@pytest.mark.parity
def test_state_dicts_are_pytorchs():
    mine, theirs = pair()
    assert list(mine.state_dict()) == list(theirs.state_dict())
    assert list(mine.state_dict(prefix="net.")) == list(theirs.state_dict(prefix="net."))
    mine.load_state_dict(theirs.state_dict())
    for a, b in zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert_same(a, b)


@pytest.mark.parity
def test_a_state_of_bfloat16_is_loaded_from_pytorch():
    torch = pytest.importorskip("torch")
    theirs, mine = torch.nn.LSTM(2, 3).bfloat16(), nn.LSTM(2, 3)
    mine.load_state_dict(theirs.state_dict())
    assert_same(mine.weight_hh_l0.data, theirs.weight_hh_l0.detach().float().numpy())


@pytest.mark.parity
def test_reprs_are_pytorchs():
    mine, theirs = pair()
    expected = repr(theirs).replace("torch.FloatTensor", "float32").replace("torch.float32", "float32")
    assert repr(mine) == expected and "(0-1): 2 x Block(" in repr(mine)


REPRS = [
    lambda nn: nn.ModuleList([nn.Linear(2, 2) for _ in range(3)]),
    lambda nn: nn.ModuleList([nn.ReLU(), nn.Linear(1, 2), nn.Linear(1, 2), nn.Linear(1, 3)]),
    lambda nn: nn.ModuleList([nn.Sequential(nn.ReLU(), nn.ModuleList([nn.Tanh(), nn.Tanh()])) for _ in range(2)]),
    lambda nn: nn.ModuleList(), lambda nn: nn.ModuleDict(), lambda nn: nn.ParameterList(),
    lambda nn: nn.ParameterDict(), lambda nn: nn.ParameterList([1, "two"]), lambda nn: nn.Sequential(),
    lambda nn: nn.ModuleDict({"one": nn.Sequential(nn.ReLU()), "two": nn.Flatten(0)}), lambda nn: nn.Module(),
    lambda nn: nn.Unflatten(1, (2, 3)), lambda nn: nn.Sequential(nn.ReLU(), nn.ReLU())[1:],
]


@pytest.mark.parity
@pytest.mark.parametrize("make", REPRS)
def test_reprs_of_containers_are_pytorchs(make):
    import torch

    assert repr(make(nn)) == repr(make(torch.nn))


def test_an_extra_repr_of_several_lines():
    class Told(Module):
        def extra_repr(self):
            return "first,\nsecond"

    told = Told()
    assert repr(told) == "Told(\n  first,\n  second\n)"
    told.child = nn.ReLU()
    assert repr(told) == "Told(\n  first,\n  second\n  (child): ReLU()\n)"
    assert repr(Parameter([1.0])) == "Parameter containing:\ntensor([1.], float32, cpu, requires_grad=True)"


# --- containers, beside PyTorch -----------------------------------------------------------------------------------

index, cut = st.integers(-4, 4), st.slices(4)
EDITS = st.one_of(st.tuples(st.just("append")), st.tuples(st.just("insert"), index), st.tuples(st.just("pop"), index),
                  st.tuples(st.just("set"), index), st.tuples(st.just("del"), index | cut),
                  st.tuples(st.just("extend"), st.integers(0, 2)), st.tuples(st.just("slice"), cut),
                  st.tuples(st.just("add"), st.integers(0, 2)), st.tuples(st.just("iadd"), st.integers(0, 2)))


def edited(kind, nn, edits):
    """The names, reprs and errors that a list of modules has while it is edited. The i-th layer is Linear(1, i)."""
    made = iter(range(1, 1000))

    def new():
        return nn.Linear(1, next(made))

    def several(n):
        layers = [new() for _ in range(n)]
        return nn.Sequential(*layers) if kind == "Sequential" else layers

    held = getattr(nn, kind)(*several(3)) if kind == "Sequential" else getattr(nn, kind)(several(3))
    for what, *args in edits:
        try:
            if what in ("append", "insert"):
                getattr(held, what)(*args, new())
            elif what in ("extend", "add", "iadd"):
                other = several(*args)
                if what == "extend":
                    held.extend(other)
                elif what == "add":
                    held = held + other
                else:
                    held += other
            elif what == "pop":
                held.pop(*args)
            elif what == "set":
                held[args[0]] = new()
            elif what == "del":
                del held[args[0]]
            else:
                yield [repr(x) for x in held[args[0]]]
        except (IndexError, ValueError) as error:
            yield type(error).__name__
        yield list(held.state_dict()), repr(held), len(held), [repr(x) for x in held]


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
@given(edits=st.lists(EDITS, max_size=6))
def test_lists_are_edited_as_pytorchs_are(kind, edits):
    import torch

    if kind == "ModuleList":            # PyTorch's inserts anywhere, and makes gaps in the names
        edits = [edit for edit in edits if edit[0] != "insert" or edit[1] == 0]
    for mine, theirs in zip(edited(kind, nn, edits), edited(kind, torch.nn, edits), strict=True):
        assert mine == theirs


def test_sequential_times_a_number_shares_its_layers():
    a, b = nn.Linear(2, 2), nn.ReLU()
    net = 2 * nn.Sequential(a, b)
    assert list(net) == [a, b, a, b] and len(list(net.parameters())) == 2
    net *= 2
    assert list(net) == [a, b] * 4
    both = nn.Sequential(a)
    both += nn.Sequential(b)
    assert list(both + both) == [a, b, a, b]


def test_a_module_dict_is_a_dict():
    relu, fc = nn.ReLU(), nn.Linear(2, 2)
    d = nn.ModuleDict([("relu", relu), ("fc", fc)])
    assert list(d) == list(d.keys()) == ["relu", "fc"] and list(d.values()) == [relu, fc] and d["fc"] is d.fc is fc
    assert list(d.items()) == [("relu", relu), ("fc", fc)] and "fc" in d and "x" not in d and len(d) == 2
    d.update({"relu": nn.Tanh(), "z": nn.Identity()})
    assert list(d) == ["relu", "fc", "z"] and isinstance(d["relu"], nn.Tanh)
    assert d.pop("fc") is fc and not list(d.parameters())
    del d["z"]
    d.update(nn.ModuleDict({"w": fc}))
    assert list(d.state_dict()) == ["w.weight", "w.bias"]
    d.clear()
    assert len(d) == 0
    with pytest.raises(KeyError, match="ModuleDict has no 'fc'"):
        d["fc"]


@pytest.mark.parity
def test_a_parameter_list_is_pytorchs():
    import torch

    def steps(nn, tensor):
        held = nn.ParameterList([tensor([1.0]), nn.Parameter(tensor([2.0, 3.0]))])
        held.append(tensor([4.0])).extend([tensor([5.0]), "note"])
        held += [tensor([6.0])]
        held[1] = tensor([9.0])
        part = held[1:4:2]
        return [[name for name, _ in held.named_parameters()], len(held), [type(x).__name__ for x in held], repr(held),
                [x.tolist() for x in part], held[-1].requires_grad, list(part.state_dict())]

    theirs = [x.replace("torch.", "") if isinstance(x, str) else x for x in steps(torch.nn, torch.tensor)]
    assert steps(nn, mg.tensor) == theirs


@pytest.mark.parity
def test_a_parameter_dict_is_pytorchs():
    import torch

    def steps(nn, tensor):
        held = nn.ParameterDict({"b": tensor([1.0]), "a": nn.Parameter(tensor([2.0]))})
        held.update(OrderedDict(z=tensor([3.0]), y=tensor([4.0])))
        held["c"] = tensor([5.0])
        seen = [list(held), list(held.keys()), [x.tolist() for x in held.values()], "z" in held, len(held)]
        seen += [held.pop("z").tolist(), held.popitem()[0], held.get("q"), held.setdefault("q", tensor([7.0])).tolist()]
        both = held | {"n": tensor([8.0]), "m": tensor([9.0])}
        held |= {"k": tensor([1.5])}
        del held["b"]
        return [*seen, list(both), list(held.copy()), list(reversed(held)), list(held.fromkeys("uv", 1)),
                [name for name, _ in held.named_parameters()], repr(held)]

    theirs = steps(torch.nn, torch.tensor)
    theirs[-1] = theirs[-1].replace("torch.FloatTensor", "float32")
    assert steps(nn, mg.tensor) == theirs


def test_parameters_held_in_containers_learn():
    held = nn.ParameterList([mg.tensor([1.0]), mg.tensor([2.0])])
    table = nn.ParameterDict({"a": mg.tensor([3.0])})
    (held[0] * held[1] * table["a"]).sum().backward()
    assert [p.grad.tolist() for p in (*held.parameters(), *table.parameters())] == [[6], [3], [2]]
    table.clear()
    assert not list(table.parameters()) and len(table) == 0


# --- finding ------------------------------------------------------------------------------------------------------

def test_parts_are_found_by_their_path():
    net, _ = tree(nn, mg.tensor, lambda x: np.array(x)), None
    assert net.get_submodule("") is net and net.get_submodule("blocks.1.fc") is net.blocks[1].fc
    assert net.get_parameter("tied.weight") is net.blocks[0].fc.weight and net.get_buffer("count") is net.count
    x = Input((2,))
    graph = Graph(x, nn.Sequential(OrderedDict(a=nn.Linear(2, 2)))(x, name="net"))
    assert graph.get_submodule("net.a").weight is graph.get_parameter("net.a.weight")
    for call, message in (
            (lambda: net.get_submodule("blocks.5"), "get_submodule: this Tree has no submodule 'blocks.5'; there are"),
            (lambda: net.get_parameter("own.x"), "no parameter 'own.x'; there are 'own'"),
            (lambda: nn.ReLU().get_buffer("x"), "this ReLU has no buffer 'x'; it has none")):
        with pytest.raises(AttributeError, match=message):
            call()


def test_a_memo_leaves_out_what_is_known():
    net = nn.Sequential(nn.ReLU(), nn.Tanh())
    memo = {net[0]}
    assert [name for name, _ in net.named_modules(memo)] == ["", "1"] and memo == {net, *net}


def test_a_train_that_is_overridden_is_called():
    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(Frozen(2), nn.ReLU()).train()
    assert not net[0].training and net[1].training
    with pytest.raises(ValueError, match="mode must be True or False, 1 came"):
        net.train(1)


# --- moving and copying -------------------------------------------------------------------------------------------

def test_to_takes_what_pytorchs_takes():
    net = nn.Linear(2, 2)
    assert net.to(mg.zeros(1, dtype="f8")).weight.dtype == "float64"
    assert net.to("cpu", "float32", non_blocking=True).to("float16", True).weight.dtype == "float16"
    assert net.to(device="cpu", dtype=np.float32).type("float64").weight.dtype == "float64"
    with pytest.raises(TypeError, match="expected a device and then a dtype, 'float32' and 'cpu' came"):
        net.to("float32", "cpu")
    with pytest.raises(TypeError, match="cannot become int32"):
        net.type("int32")


def test_bfloat16():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    net = nn.Linear(2, 2).bfloat16()
    assert net.weight.dtype == bfloat16 and net.float().to("bfloat16").bias.dtype == bfloat16


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "Adadelta", "RMSprop", "NAdam", "RAdam", "Adamax"])
def test_a_moved_modules_optimizer_moves_along(name):
    net = nn.Linear(2, 2)
    optimizer = getattr(optim, name)(net.parameters(), **({"momentum": 0.9} if name in ("SGD", "RMSprop") else {}))
    net(mg.ones(1, 2)).sum().backward()
    optimizer.step()
    net.double()
    arrays = [x for state in optimizer.state_dict()["state"].values() for x in state.values() if hasattr(x, "dtype")]
    assert arrays and {x.dtype.name for x in arrays} == {"float64"}


def test_a_deep_copy_copies_parameters_and_no_tape():
    net = tree(nn, mg.tensor, lambda x: np.array(x, "f4"))
    y = (net.blocks[0].fc(mg.ones(1, 2)) ** 2).sum()
    y.backward()
    twin = copy.deepcopy(net)
    assert twin.tied is twin.blocks[0].fc and list(twin.state_dict()) == list(net.state_dict())
    for (name, p), (other, q) in zip(net.named_parameters(), twin.named_parameters(), strict=True):
        assert name == other and p is not q and type(q) is Parameter and q.is_leaf and q.requires_grad
        assert not np.shares_memory(p.data, q.data) and (p.data == q.data).all()
        assert (p.grad is None) == (q.grad is None) and (p.grad is None or p.grad is not q.grad)
    twin.blocks[0].seen[...] = 5
    assert not net.blocks[0].seen.any()


def test_a_part_that_is_deleted_is_gone():
    net = tree(nn, mg.tensor, lambda x: np.array(x, "f4"))
    del net.tied, net.own, net.count
    assert not {"tied.weight", "own", "count"} & set(net.state_dict())


# --- shapes -------------------------------------------------------------------------------------------------------

@pytest.mark.parity
@given(shape=st.lists(st.integers(0, 3), max_size=4), start=st.integers(-5, 4), end=st.integers(-5, 4))
def test_flatten_and_identity_are_pytorchs(shape, start, end):
    import torch

    x = np.random.default_rng(0).standard_normal(shape)
    assert nn.Identity(3, a=1)(x) is x
    try:
        expected = torch.nn.Flatten(start, end)(torch.tensor(x))
    except (RuntimeError, IndexError):
        with pytest.raises((ValueError, IndexError), match="flatten"):
            nn.Flatten(start, end)(mg.tensor(x))
        return
    assert_same(nn.Flatten(start, end)(mg.tensor(x)), expected)


@pytest.mark.parity
@given(shape=st.lists(st.sampled_from([0, 1, 2, 6]), min_size=1, max_size=3), dim=st.integers(-4, 3),
       size=st.sampled_from([(6,), (2, 3), (-1, 2), (3, -1), (1, 6), (0, 2), (-1,), (2,)]))
def test_unflatten_is_pytorchs(shape, dim, size):
    import torch

    x = np.random.default_rng(0).standard_normal(shape)
    try:
        expected = torch.nn.Unflatten(dim, size)(torch.tensor(x))
    except (RuntimeError, IndexError):
        with pytest.raises((ValueError, IndexError), match="Unflatten"):
            nn.Unflatten(dim, size)(mg.tensor(x))
        return
    a = mg.tensor(x, requires_grad=True)
    y = nn.Unflatten(dim, size)(a)
    assert_same(y, expected)
    (y * y).sum().backward()
    assert_same(a.grad, 2 * x)


def test_unflatten_on_symbols_and_identity():
    x = Input((6,))
    graph = Graph(x, nn.Unflatten(-1, (2, 3))(nn.Identity(1, two=2)(x)))
    assert graph(mg.ones(4, 6)).shape == (4, 2, 3)
    assert nn.Unflatten(1, [2, 3])(mg.ones(4, 6)).shape == (4, 2, 3)
    for wrong in ((1, {2, 3}), (1, 6), ("1", (2,)), (True, (2,)), (1, (2.0,))):
        with pytest.raises(TypeError, match="Unflatten: expected an int and a tuple of ints"):
            nn.Unflatten(*wrong)
    assert isinstance(nn.Identity()(Tensor(np.ones(2))), Tensor)


def test_ops_in_modules_are_copied_and_pickled_by_name():
    layer = nn.TransformerEncoderLayer(4, 2, 8, activation=mg.tanh)
    assert copy.deepcopy(layer).activation is mg.tanh
    assert pickle.loads(pickle.dumps(mg.relu)) is mg.relu and pickle.loads(pickle.dumps(mg.concat)) is mg.concat
