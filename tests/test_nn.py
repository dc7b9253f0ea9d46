"""Modules and layers: what they hold, save, move and show; the same numbers as PyTorch's."""

import copy
from collections import OrderedDict

import numpy as np
import pytest
from compare import assert_same

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.meta import Meta
from minigrad.nn.module import Module, Parameter, scope
from minigrad.tensor import Tensor, observer, recording


class Block(nn.Module):
    """A module with layers inside, a parameter of its own and buffers of both kinds."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.scale = Parameter([1.0, 2.0])
        self.register_buffer("seen", np.zeros(2, "f4"))
        self.register_buffer("scratch", np.zeros(2, "f4"), persistent=False)
        self.bn = nn.BatchNorm2d(2)

    def forward(self, x):
        return self.bn(self.conv(x)) + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(2, 3)
        self.tied = self.head

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))


# --- what is inside -------------------------------------------------------------------------------------------

def test_parameters_come_once_in_the_order_of_the_attributes():
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == ["blocks.0.scale", "blocks.0.conv.weight", "blocks.0.bn.weight", "blocks.0.bn.bias",
                     "blocks.1.scale", "blocks.1.conv.weight", "blocks.1.bn.weight", "blocks.1.bn.bias",
                     "head.weight", "head.bias"]
    assert [p is q for p, (_, q) in zip(net.parameters(), net.named_parameters(), strict=True)] == [True] * 10


def test_modules_and_children():
    net = Net()
    assert [name for name, _ in net.named_children()] == ["blocks", "head"]
    assert list(net.children()) == [net.blocks, net.head]
    assert [name for name, _ in net.named_modules()] == [
        "", "blocks", "blocks.0", "blocks.0.conv", "blocks.0.bn", "blocks.1", "blocks.1.conv", "blocks.1.bn", "head"]
    assert next(net.modules()) is net


def test_buffers_are_raw_arrays_and_attributes():
    block = Block()
    assert type(block.seen) is np.ndarray
    assert [name for name, _ in block.named_buffers()] == [
        "seen", "scratch", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"]
    block.seen = np.ones(2, "f4")                       # set anew it still is the buffer
    assert next(block.buffers()) is block.seen
    with pytest.raises(TypeError, match="pass its .detach"):
        block.register_buffer("wrong", mg.zeros(2, requires_grad=True))


def test_a_plain_tensor_or_none_is_no_parameter():
    layer = nn.Linear(2, 2, bias=False)
    layer.note = mg.zeros(3)
    layer.register_parameter("extra", None)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_a_parameter_shares_the_memory_of_what_it_is_made_of():
    x = mg.ones(3)
    p = Parameter(x)
    assert p.requires_grad and not Parameter(x, requires_grad=False).requires_grad
    y = (p * p).sum()
    with mg.no_grad():
        x[0] = 5.0
    assert p.data[0] == 5
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    assert Parameter([1.0]).dtype == "float32"


def test_a_deep_copy_is_a_module_of_its_own():
    net = Net()
    other = copy.deepcopy(net)
    assert other.tied is other.head and other.head is not net.head
    assert all(p.requires_grad for p in other.parameters())
    x = mg.randn(2, 2, 4, 4)
    assert_same(other(x), net(x))
    before = net.head.weight.numpy()
    nn.init.zeros_(other.head.weight)
    assert_same(net.head.weight, before)


# --- calling ----------------------------------------------------------------------------------------------------

def test_a_module_without_forward_says_so():
    with pytest.raises(TypeError, match="ModuleList cannot be called: it has no forward"):
        nn.ModuleList()(mg.zeros(1))


class Watcher:
    """What the debugger's recorder does, as far as modules are concerned."""

    def __init__(self):
        self.path, self.seen = [], []

    def enter(self, module):
        self.path.append(type(module).__name__)

    def leave(self):
        self.path.pop()

    def note(self, op, args, out):
        self.seen.append((op.name, list(self.path)))


@pytest.fixture
def watcher():
    watcher = Watcher()
    tokens = observer.set(watcher), recording.set(watcher)
    yield watcher
    observer.reset(tokens[0])
    recording.reset(tokens[1])


def test_an_observer_is_told_of_the_path(watcher):
    nn.Sequential(nn.Linear(2, 2), nn.Tanh())(mg.ones(1, 2))
    seen = [(op, path) for op, path in watcher.seen if op in ("linear", "tanh")]      # not what linear is made of
    assert seen == [("linear", ["Sequential", "Linear"]), ("tanh", ["Sequential", "Tanh"])]


def test_an_observer_is_told_when_a_forward_raises(watcher):
    with pytest.raises(ValueError, match="linear"):
        nn.Sequential(nn.Linear(2, 2))(mg.ones(1, 3))
    assert watcher.path == []


class Symbol(Tensor):
    """What the graph's symbols are to a module."""

    def __init__(self, shape, seen):
        super().__init__(Meta(shape, "float32"))
        self.seen = seen

    def add_layer(self, module, args, name, options=None):
        out = module.forward(*[a.data if isinstance(a, Symbol) else a for a in args])
        self.seen.append((name, out.shape))
        return Symbol(out.shape, self.seen)

    def add_op(self, op, args):
        self.seen.append((scope.prefix + op.name, self.shape))
        return self


def test_on_symbols_every_layer_is_a_named_node():
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(1, 2, 3, padding="same")
            self.body = nn.ModuleList([Block()])
            self.head = nn.Sequential(OrderedDict(flat=nn.Flatten(), fc=nn.Linear(32, 5)))

        def forward(self, x):
            x = self.stem(input=x)                          # by keyword
            for block in self.body:
                x = block(x)
            return self.head(F.dropout(x, 0.5))

    seen = []
    assert Whole()(Symbol((3, 1, 4, 4), seen)).shape == (3, 5)
    assert seen == [("stem", (3, 2, 4, 4)), ("body.0.conv", (3, 2, 4, 4)), ("body.0.bn", (3, 2, 4, 4)),
                    ("body.0.add", (3, 2, 4, 4)), (None, (3, 2, 4, 4)), ("head.flat", (3, 32)), ("head.fc", (3, 5))]
    seen.clear()
    Block()(Symbol((1, 2, 4, 4), seen), name="b")
    nn.Tanh()(Symbol((1, 2), seen), name="t")
    assert [name for name, _ in seen] == ["b.conv", "b.bn", "b.add", "t"]
    assert scope.prefix == ""


LAYERS = [
    (nn.Linear(6, 3), (2, 6)), (nn.Conv2d(4, 6, (2, 3), 2, 1, 1, 2), (2, 4, 7, 8)),
    (nn.MaxPool2d(3, 2, 1), (2, 3, 8, 8)), (nn.AvgPool2d((2, 1)), (2, 3, 8, 8)), (nn.BatchNorm1d(5), (4, 5)),
    (nn.BatchNorm2d(5), (4, 5, 2, 2)),
    (nn.LayerNorm((3, 2)), (4, 3, 2)), (nn.Dropout(0.3), (4, 3)), (nn.ReLU(True), (2, 3)), (nn.LeakyReLU(0.1), (2, 3)),
    (nn.ELU(0.5), (2, 3)), (nn.SiLU(), (2, 3)), (nn.Softplus(2.0, 1.0), (2, 3)), (nn.Tanh(), (2, 3)),
    (nn.Sigmoid(), (2, 3)), (nn.Softmax(-1), (2, 3)), (nn.LogSoftmax(1), (2, 3)), (nn.Flatten(), (2, 3, 4)),
    (nn.Identity(3, x=1), (2, 3)), (nn.Conv2d(2, 2, 2, padding="same"), (1, 2, 5, 5)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: type(value).__name__)
def test_the_output_shape_is_found_without_values(layer, shape):
    layer = copy.deepcopy(layer)
    state = copy.deepcopy(layer.state_dict())
    out = layer(mg.randn(*shape))
    assert layer.forward(Meta(shape, "float32")).shape == out.shape
    other = copy.deepcopy(layer)
    other.load_state_dict(state)
    other.forward(Meta(shape, "float32"))
    for name, array in other.state_dict().items():          # no statistics are made of no values
        assert_same(array, state[name])


# --- saving and loading -----------------------------------------------------------------------------------------

def test_a_state_dict_has_every_name_and_no_scratch():
    assert list(Block().state_dict()) == ["scale", "seen", "conv.weight", "bn.weight", "bn.bias", "bn.running_mean",
                                          "bn.running_var", "bn.num_batches_tracked"]
    assert "tied.weight" in Net().state_dict() and "head.weight" in Net().state_dict()


def test_loading_keeps_identity_dtype_and_says_so_to_the_tape():
    net, other = Net(), Net()
    weight, buffer = net.head.weight, net.blocks[0].bn.running_var
    other(mg.randn(4, 2, 3, 3))
    y = net.head(mg.randn(1, 2, requires_grad=True)).sum()
    assert net.load_state_dict({name: a.astype("f8") for name, a in other.state_dict().items()}) == ([], [])
    assert net.head.weight is weight and net.blocks[0].bn.running_var is buffer
    for name, array in net.state_dict().items():
        assert array.dtype == other.state_dict()[name].dtype
        assert_same(array, other.state_dict()[name])
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_state_that_does_not_fit_is_one_error_that_lists_all():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = copy.deepcopy(net.state_dict())
    state = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(4), "1.weight": "words", "1.running_mean": np.ones(3),
             "1.running_var": np.ones(3), "2.weight": np.ones(1), "head": np.ones(1)}
    with pytest.raises(ValueError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert "wrong: 0.bias is float64 (4,), expected (3,), 1.weight is" in text
    assert "missing: 1.bias\n" in text and "unexpected: 2.weight, head" in text
    with pytest.raises(ValueError, match="0.bias is") as caught:
        net.load_state_dict(state, strict=False)
    assert "missing" not in str(caught.value)
    for name, array in net.state_dict().items():
        assert_same(array, before[name])


def test_loading_loosely_tells_what_was_left():
    net = nn.Linear(2, 3)
    result = net.load_state_dict({"weight": mg.ones(3, 2), "extra": np.ones(1)}, strict=False)
    assert result.missing_keys == ["bias"] and result.unexpected_keys == ["extra"]
    assert (net.weight.data == 1).all()


# --- changing all that is inside --------------------------------------------------------------------------------

def test_train_and_eval_reach_everything():
    net = Net()
    assert net.eval() is net and not any(module.training for module in net.modules())
    net.blocks[1].train()
    assert [block.bn.training for block in net.blocks] == [False, True]
    assert all(module.training for module in net.train().modules())


def test_requires_grad_zero_grad_apply():
    net, seen = Net(), []
    net(mg.randn(2, 2, 3, 3)).sum().backward()
    grad = net.head.bias.grad
    net.zero_grad(set_to_none=False)
    assert net.head.bias.grad is grad and not grad.data.any()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.blocks.requires_grad_(False)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    assert net.apply(seen.append) is net and seen[-1] is net and seen[0] is net.blocks[0].conv


def test_to_a_dtype_converts_floats_in_place():
    net = Net()
    weight = net.head.weight
    net(mg.randn(2, 2, 3, 3)).sum().backward()
    assert net.to("float64") is net and net.head.weight is weight
    assert {p.dtype.name for p in net.parameters()} == {"float64"}
    assert weight.grad.dtype == "float64" and weight.requires_grad
    assert {b.dtype.name for b in net.buffers()} == {"float64", "int64"}
    assert net(mg.randn(2, 2, 3, 3, dtype="f8")).dtype == "float64"
    assert net.half().head.bias.dtype == net.to(dtype=np.float16).head.bias.dtype == "float16"
    assert net.float().to("cpu", "float64").head.bias.dtype == "float64" and net.double().cpu() is net
    with pytest.raises(TypeError, match="cannot become int64"):
        net.to("int64")
    with pytest.raises(TypeError):
        net.to("nowhere")


# --- showing ----------------------------------------------------------------------------------------------------

def test_repr_reads_like_the_constructor_calls():
    net = nn.Sequential(OrderedDict(c1=nn.Conv2d(1, 6, 5, padding=2, bias=False), act=nn.Tanh(),
                                    tail=nn.Sequential(nn.Dropout(), nn.Linear(4, 2))))
    assert repr(nn.Conv2d(3, 3, 1, padding="same")) == \
        "Conv2d(3, 3, kernel_size=(1, 1), stride=(1, 1), padding='same')"
    assert repr(net) == """Sequential(
  (c1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2), bias=False)
  (act): Tanh()
  (tail): Sequential(
    (0): Dropout(p=0.5, inplace=False)
    (1): Linear(in_features=4, out_features=2, bias=True)
  )
)"""


SHOWN = ["Linear(3, 4, bias=False)", "Conv2d(4, 6, (2, 3), 2, 1, 2, 2)",
         "MaxPool2d(2)", "MaxPool2d(3, stride=2, padding=1, ceil_mode=True)", "AvgPool2d((2, 1))",
         "BatchNorm1d(5, momentum=None)", "BatchNorm2d(5, affine=False, track_running_stats=False)",
         "BatchNorm2d(5, bias=False)", "LayerNorm(3)", "LayerNorm((3, 2), bias=False)", "ReLU()",
         "ReLU(inplace=True)", "LeakyReLU()", "LeakyReLU(0.2, True)", "ELU(2.0)", "SiLU()", "Softplus(2.0)", "Tanh()",
         "Sigmoid()", "Softmax(1)", "LogSoftmax(dim=-1)", "Flatten()", "Identity(3)", "Dropout(0.3)", "Dropout()",
         "Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))", "CrossEntropyLoss()", "MSELoss()", "Sequential()"]


@pytest.mark.parity
@pytest.mark.parametrize("call", SHOWN)
def test_repr_is_pytorchs(call):
    import torch
    assert repr(eval(f"nn.{call}", {"nn": nn})) == repr(eval(f"nn.{call}", {"nn": torch.nn}))


# --- containers -------------------------------------------------------------------------------------------------

def test_sequential_is_a_list_with_names():
    a, b, c = nn.ReLU(), nn.Linear(2, 2), nn.Tanh()
    net = nn.Sequential(a, b, a)                                        # one module may come twice
    assert len(net) == 3 and list(net) == [a, b, a] and net[-2] is b and net[0] is net[2]
    assert net.append(c) is net and net[3] is c
    part = net[1:3]
    assert type(part) is nn.Sequential and list(part) == [b, a] and list(part.state_dict()) == ["1.weight", "1.bias"]
    assert list(part.append(c)) == [b, a, c]                            # "2" is taken by the slice's own
    net[0] = c
    assert list(net) == [c, b, a, c]
    x = mg.randn(3, 2)
    assert_same(nn.Sequential(a, b, a)(x), F.relu(b(F.relu(x))))
    named = nn.Sequential({"first": b})
    assert named.first is b and list(named.state_dict()) == ["first.weight", "first.bias"]
    with pytest.raises(IndexError, match="index 4, but it holds 4"):
        net[4]
    with pytest.raises(TypeError, match="must be a Module, function came"):
        nn.Sequential(b, F.relu)
    for name in ("", "a.b", "forward"):
        with pytest.raises(ValueError, match="cannot name a module"):
            nn.Sequential({name: b})


def test_module_list_holds_what_its_owner_runs():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert len(layers) == 3 and len(list(layers.parameters())) == 6
    assert list(layers.extend([nn.ReLU()])[2:].state_dict()) == ["0.weight", "0.bias"]
    assert isinstance(layers[-1], nn.ReLU)


# --- layers -----------------------------------------------------------------------------------------------------

def test_parameters_start_as_pytorchs_do():
    layer = nn.Conv2d(8, 64, 5, groups=2)
    bound = 1 / np.sqrt(4 * 25)
    for p in layer.parameters():
        assert np.abs(p.data).max() <= bound
    assert layer.weight.data.std() == pytest.approx(bound / np.sqrt(3), rel=0.03)
    assert np.abs(nn.Linear(400, 300).bias.data).max() == pytest.approx(1 / 20, rel=0.02)
    mg.manual_seed(3)
    first = nn.Linear(3, 3).weight.numpy()
    mg.manual_seed(3)
    assert_same(nn.Linear(3, 3).weight, first)


def test_layers_can_be_made_in_another_dtype():
    for layer in (nn.Linear(2, 2, dtype="float64"), nn.Conv2d(1, 1, 1, dtype="float64"),
                  nn.LayerNorm(3, dtype="float64"), nn.BatchNorm1d(3, dtype="float64")):
        assert {p.dtype.name for p in layer.parameters()} == {"float64"}


BAD = [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "multiples of groups 2"),
    (lambda: nn.Conv2d(3, 4, 3, padding="full"), "'same' or 'valid', 'full' came"),
    (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), "needs stride 1"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "Conv2d: kernel_size must be an int or a pair"),
    (lambda: nn.Dropout(1.5), r"in \[0, 1\], 1.5 came"),
    (lambda: nn.BatchNorm2d(3)(mg.zeros(2, 3)), r"BatchNorm2d: expected \(n, c, h, w\), input has shape \(2, 3\)"),
    (lambda: nn.BatchNorm1d(3)(mg.zeros(2, 3, 1, 1)), "BatchNorm1d: expected"),
    (lambda: nn.BatchNorm1d(3)(mg.zeros(1, 3)), r"more than one value per channel, input is \(1, 3\)"),
    (lambda: nn.BatchNorm1d(3)(mg.zeros(2, 4)), r"weight must be \(4,\)"),
    (lambda: nn.Linear(3, 4)(mg.zeros(2, 4)), "expects 3 input features"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_dropout_drops_in_training_alone():
    layer, x = nn.Dropout(0.25), mg.ones(20_000)
    y = layer(x).data
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)} and (y == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert layer.eval()(x) is x


def test_batch_norm_at_momentum_none_averages_all_batches():
    layer, batches = nn.BatchNorm1d(2, momentum=None), np.random.default_rng(0).standard_normal((3, 5, 2)).astype("f4")
    for batch in batches:
        layer(Tensor(batch))
    assert int(layer.num_batches_tracked) == 3
    assert_same(layer.running_mean, batches.mean((0, 1)), 1e-5, 1e-6)
    assert_same(layer.running_var, batches.var(1, ddof=1).mean(0), 1e-5)
    layer.reset_running_stats()
    assert layer.num_batches_tracked == 0 and (layer.running_var == 1).all() and not layer.running_mean.any()


def test_training_between_an_evaluation_and_its_backward_does_no_harm():
    layer = nn.BatchNorm1d(2).eval()
    x = mg.randn(4, 2, requires_grad=True)
    y = layer(x).sum()
    layer.train()(mg.randn(4, 2) * 100)                         # changes the statistics that y was made with
    y.backward()
    assert_same(x.grad, np.full((4, 2), 1 / np.sqrt(1 + 1e-5)), 1e-5)


# --- the same numbers as PyTorch's --------------------------------------------------------------------------------

PAIRS = [("Linear(6, 3)", (2, 5, 6)), ("Linear(6, 3, False)", (6,)), ("Conv2d(4, 6, (2, 3), 2, 1, 2, 2)", (2, 4, 7, 8)),
         ("Conv2d(2, 3, (2, 4), padding='same', dilation=(1, 3))", (2, 2, 9, 9)), ("Conv2d(2, 3, 3)", (2, 5, 5)),
         ("Conv2d(2, 3, 3, padding='valid')", (2, 2, 5, 5)),
         ("MaxPool2d(3, 2, 1)", (2, 3, 8, 8)), ("MaxPool2d((2, 3), ceil_mode=True, dilation=2)", (3, 8, 9)),
         ("AvgPool2d(3, 2, 1, True, False)", (2, 3, 8, 8)), ("AvgPool2d((2, 1), divisor_override=3)", (3, 8, 9)),
         ("BatchNorm1d(5)", (4, 5)), ("BatchNorm1d(5, 1e-3, 0.3)", (4, 5, 3)),
         ("BatchNorm2d(5, momentum=None)", (4, 5, 2, 2)),
         ("BatchNorm2d(5, bias=False)", (4, 5, 2, 2)), ("BatchNorm2d(5, affine=False)", (4, 5, 2, 2)),
         ("BatchNorm2d(5, track_running_stats=False)", (4, 5, 2, 2)),
         ("LayerNorm(6)", (4, 6)), ("LayerNorm((3, 2), 1e-2)", (4, 3, 2)), ("LayerNorm([2], bias=False)", (4, 2)),
         ("LayerNorm(2, elementwise_affine=False)", (4, 2)), ("ReLU()", (9,)), ("LeakyReLU(0.2)", (9,)),
         ("ELU(1.5)", (9,)), ("SiLU()", (9,)), ("Softplus()", (9,)), ("Softplus(3.0, 1.5)", (9,)), ("Tanh()", (9,)),
         ("Sigmoid()", (9,)), ("Softmax(0)", (3, 4)), ("LogSoftmax(-1)", (3, 4)), ("Flatten()", (2, 3, 4)),
         ("Flatten(0, 1)", (2, 3, 4)), ("Identity()", (2, 3)), ("Dropout(1.0)", (2, 3))]


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("call", "shape"), PAIRS, ids=lambda value: str(value))
def test_a_layer_computes_what_pytorchs_does(call, shape):
    """Forward, gradients and statistics over three steps of training, then in evaluation; the state is PyTorch's."""
    import torch
    theirs = eval(f"nn.{call}", {"nn": torch.nn}).double()
    ours = eval(f"nn.{call}", {"nn": nn}).double()
    for p in theirs.parameters():
        torch.nn.init.normal_(p)
    assert [(name, a.shape) for name, a in ours.state_dict().items()] == [
        (name, tuple(a.shape)) for name, a in theirs.state_dict().items()]
    ours.load_state_dict(theirs.state_dict())
    rng = np.random.default_rng(0)
    for step in range(4):
        if step == 3:
            ours.eval(), theirs.eval()
        x = rng.standard_normal(shape)
        a, b = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(a), theirs(b)
        assert_same(y, z.detach(), 1e-9, 1e-11)
        g = rng.standard_normal(y.shape)
        ours.zero_grad(), theirs.zero_grad()
        y.backward(g), z.backward(torch.tensor(g))
        assert_same(a.grad, b.grad, 1e-8, 1e-10)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert_same(p.grad, q.grad, 1e-8, 1e-10)
        for name, array in ours.state_dict().items():
            assert_same(array, theirs.state_dict()[name], 1e-10, 1e-12)


@pytest.mark.parity
@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"label_smoothing": 0.1, "ignore_index": 2},
                                     {"weight": [0.5, 1.0, 2.0, 1.5], "reduction": "none"}])
def test_cross_entropy_loss_is_pytorchs(options):
    import torch
    x, t = np.random.default_rng(0).standard_normal((5, 4)), np.array([0, 3, 2, 1, 1])
    weight = options.get("weight")
    ours = nn.CrossEntropyLoss(**options).double()
    options = {**options, "weight": None if weight is None else torch.tensor(weight)}
    theirs = torch.nn.CrossEntropyLoss(**options).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_same(ours(mg.tensor(x), mg.tensor(t)), theirs(torch.tensor(x), torch.tensor(t)), 1e-7)
    assert_same(nn.MSELoss(reduction="sum")(mg.tensor(x), mg.tensor(x + 1)), np.array(20.0), 1e-9)


# --- PyTorch's listings run ---------------------------------------------------------------------------------------

class LeNet5(nn.Module):
    """As PyTorch's tutorials write it."""

    def __init__(self):
        super(LeNet5, self).__init__()  # noqa: UP008
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        x = F.dropout(F.relu(self.fc1(x)), p=0.1, training=self.training)
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)

    def num_flat_features(self, x):
        size = x.size()[1:]
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


def make_layers(cfg):
    """VGG's, as torchvision writes it, narrower."""
    layers = []
    in_channels = 3
    for v in cfg:
        if v == "M":
            layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
        else:
            conv2d = nn.Conv2d(in_channels, v, kernel_size=3, padding=1)
            layers += [conv2d, nn.BatchNorm2d(v), nn.ReLU(inplace=True)]
            in_channels = v
    return nn.Sequential(*layers)


class VGG(nn.Module):
    def __init__(self, features, num_classes=10, init_weights=True):
        super().__init__()
        self.features = features
        self.classifier = nn.Sequential(nn.Linear(16 * 4 * 4, 32), nn.ReLU(True), nn.Dropout(p=0.5),
                                        nn.Linear(32, num_classes))
        if init_weights:
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                    if m.bias is not None:
                        nn.init.constant_(m.bias, 0)
                elif isinstance(m, nn.Linear):
                    nn.init.normal_(m.weight, 0, 0.01)

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        return self.classifier(x)


@pytest.mark.parametrize(("make", "shape"), [(LeNet5, (8, 1, 32, 32)),
                                             (lambda: VGG(make_layers([8, "M", 16, "M", 16, "M"])), (8, 3, 32, 32))])
def test_a_pytorch_listing_learns(make, shape):
    from minigrad import optim
    model = make()
    optimizer, criterion = optim.Adam(model.parameters(), lr=0.003), nn.CrossEntropyLoss()
    x, target = mg.randn(*shape), mg.randint(0, 10, (8,))
    losses = []
    model.train()
    for _ in range(40):
        optimizer.zero_grad()
        loss = criterion(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    model.eval()
    with mg.no_grad():
        assert_same(model(x), model(x))
        assert not model(x).requires_grad


def test_names_that_clash_with_nothing():
    """`Module` gives layers room: an attribute may be called as any method of PyTorch's that is none of ours."""
    layer = Module()
    layer.share_memory = layer.T_destination = 3
    assert list(layer.named_parameters()) == []
