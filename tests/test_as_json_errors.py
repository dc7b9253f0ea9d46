"""What cannot be written to a file, and what a file must not ask for: each gets one clear error, and no memory."""

from __future__ import annotations

import json
import re
import tracemalloc
from functools import partial

import numpy as np
import pytest
from round_trips import round_trip

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input
from minigrad.graph.as_json import to_json
from minigrad.graph.from_json import from_json
from minigrad.graph.json_values import Things, size_of
from minigrad.meta import limited
from minigrad.nn.module import Parameter
from minigrad.op import OPS


@pytest.fixture(autouse=True)
def own_ops():
    """The ops that a test makes are gone after it."""
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


def one_layer(layer, *shape):
    x = Input(shape or (6,), name="x")
    return Graph(x, layer(x, name="own"))


# --- layers and ops of one's own ------------------------------------------------------------------------------

class Gate(nn.Module):
    """Keeps what its constructor was given."""

    one_node = True

    def __init__(self, width, *, kind="tanh", bias=True, inner=None):
        self.width, self.kind, self.inner = width, kind, inner
        self.linear = nn.Linear(width, width)
        self.bias = Parameter(mg.randn(width)) if bias else None

    def forward(self, x, *, scale=1.0):
        y = ops.tanh(self.linear(x)) * scale
        return y if self.bias is None else y + self.bias


class Forgetful(nn.Module):
    def __init__(self, width):
        self.linear = nn.Linear(width, width)
        self.one_node = True

    def forward(self, x):
        return self.linear(x)


class Scale(nn.Module):
    """Says itself what it is made of."""

    def __init__(self, *factors):
        self.product = float(np.prod(factors))

    def get_config(self):
        return {"product": self.product}

    @classmethod
    def from_config(cls, config):
        return cls(config["product"])

    def forward(self, x):
        return x * self.product


def test_layers_and_ops_of_ones_own():
    @mg.op
    def cube(x):
        return x * x * x

    cube.gradient(x=lambda g, x: 3 * x * x * g)
    x = Input((6,))
    h = Gate(6, kind="z", bias=False, inner=nn.Dropout(0.3))(x, scale=2.5, name="gate")
    graph = Graph(x, cube(Scale(2, 3)(h, name="scale")))
    twin = round_trip(graph, layers={"Gate": Gate, "Scale": Scale, "Unused": Forgetful}, ops={"cube": cube})
    a = mg.randn(3, 6)
    np.testing.assert_array_equal(graph.eval()(a).numpy(), twin.eval()(a).numpy())
    gate = twin.node("gate").what
    assert gate.kind == "z" and gate.bias is None and gate.inner.p == 0.3 and twin.node("cube_1").what is cube
    assert twin.node("scale").what.product == 6 and twin.node("gate").options == {"scale": 2.5}
    with pytest.raises(ValueError, match=r"layer gate, Gate: it is none of minigrad's layers: pass its class, "
                                         r"load\(path, layers=\{'Gate': Gate\}\)"):
        round_trip(graph, layers={"Scale": Scale}, ops={"cube": cube})
    with pytest.raises(ValueError, match=r"node cube_1: the op cube is not minigrad's: pass it, "
                                         r"load\(path, ops=\{'cube': cube\}\)"):
        round_trip(graph, layers={"Gate": Gate, "Scale": Scale})


def test_a_layer_that_has_the_name_of_one_of_minigrads():
    class Linear(nn.Module):
        def forward(self, x):
            return ops.tanh(x)

    class ReLU(nn.ReLU):
        """A subclass is another layer."""

    x = Input((6,))
    graph = Graph(x, ReLU(True)(Linear()(x, name="mine"), name="relu"))
    assert isinstance(round_trip(graph, layers={"Linear": Linear, "ReLU": ReLU}).node("mine").what, Linear)
    with pytest.raises(ValueError, match="layer mine, Linear: it is none of minigrad's layers"):
        round_trip(graph)


@pytest.mark.parametrize(("given", "message"), [
    ({"layers": Gate}, "layers must be a dict, name -> class, .*Gate.* came"),
    ({"layers": {"Gate": "Gate"}}, "layers must be a dict, name -> class"),
    ({"ops": [ops.tanh]}, "ops must be a dict, name -> op"), ({"ops": {"f": abs}}, "ops must be a dict, name -> op"),
])
def test_what_is_given_must_be_named(given, message):
    with pytest.raises(TypeError, match=f"load: {message}"):
        round_trip(one_layer(nn.Tanh()), **given)


# --- what cannot be written -----------------------------------------------------------------------------------

def twin_classes():
    first, second = [type("Twin", (nn.Module,), {"forward": lambda self, x: ops.tanh(x)}) for _ in range(2)]
    x = Input((6,))
    return Graph(x, second()(first()(x, name="a"), name="b"))


def stale():
    layer = nn.Linear(6, 4)
    layer.weight = Parameter(mg.randn(3, 6))
    layer.bias = None
    return one_layer(layer)


def with_attribute(**values):
    layer = Gate(6)
    for name, value in values.items():
        setattr(layer, name, value)
    return one_layer(layer)


def encoder(activation):
    layer = nn.TransformerEncoderLayer(6, 2, 8, activation=activation, batch_first=True)
    layer.one_node = True
    return one_layer(layer, 4, 6)


def generator_argument():
    @mg.op
    def noisy(x, generator):
        return x * 2

    x = Input((6,))
    return Graph(x, noisy(x, np.random.default_rng(0)))


UNWRITABLE = {
    "no attribute": (lambda: one_layer(Forgetful(6)), "layer own, a Forgetful: Forgetful: its constructor's argument "
                     "width is not kept: set self.width there, or write get_config"),
    "two classes of one name": (twin_classes, "two classes are called Twin, .*: in a file they would be one"),
    "attributes that are not so": (stale, r"layer own, a Linear: weight is \(3, 6\), but in_features=6, out_features=4"
                                   r", bias=False makes one of \(4, 6\): set these attributes to what is so"),
    "a lambda": (lambda: encoder(lambda x: x), "layer own, a TransformerEncoderLayer: the function <lambda> cannot be "
                 "written: a file names functions of minigrad.nn.functional, ops"),
    "a partial": (lambda: encoder(partial(ops.softmax, axis=-1)), "the function functools.partial.* cannot be written"),
    "a loose array": (lambda: with_attribute(kind=np.ones(3)), r"layer own, a Gate: an array of shape \(3,\) cannot be "
                      "written: it is neither a parameter nor a buffer"),
    "a set": (lambda: with_attribute(kind={1, 2}), r"\{1, 2\} cannot be written: expected numbers.* set came"),
    "keys": (lambda: with_attribute(kind={1: 2}), r"\{1: 2\} cannot be written: .* dict came"),
    "complex": (lambda: with_attribute(kind=2j), "2j cannot be written: .* complex came"),
    "a complex scalar": (lambda: with_attribute(kind=np.complex64(1)), r"the number \(1\+0j\) cannot be written"),
    "a dtype": (lambda: with_attribute(kind=np.dtype(">f4")), "the dtype >f4 .float32. cannot be written; there are"),
    "text as a dtype": (lambda: with_attribute(kind=np.dtype("U3")), "the dtype <U3 .* cannot be written"),
    "an outside layer": (lambda: with_attribute(kind=[nn.Tanh()]), "the layer Tanh.* is in no attribute of its own"),
    "a generator": (generator_argument, "node noisy_1: Generator.* cannot be written: .* Generator came"),
    "half of the batch": (lambda: (lambda x: Graph(x, x[:x.shape[0] // 2]))(Input((6,))),
                          r"node getitem_1: a number was computed from the batch size n other than as a\*n \+ b"),
}


@pytest.mark.parametrize("what", UNWRITABLE)
def test_what_cannot_be_written(what, tmp_path):
    build, message = UNWRITABLE[what]
    with pytest.raises((TypeError, ValueError), match=f"save: .*{message}"):
        mg.save(build(), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


# --- what a document must not say -----------------------------------------------------------------------------

def plain():
    """A graph of a few nodes, its document and arrays."""
    x = Input((1, 6, 6), name="x")
    h = nn.Conv2d(1, 2, 3)(x, name="c1")
    h = ops.reshape(h * mg.tensor([1.0, 2.0, 3.0, 4.0]), (x.shape[0], 32))
    stack = nn.LSTM(4, 4, batch_first=True)(ops.reshape(h, (-1, 8, 4)), name="lstm")[0]
    document, arrays = to_json(Graph(x, {"y": nn.Linear(4, 3)(stack, name="fc"), "h": h}))
    return json.loads(json.dumps(document)), arrays


def put(*path_and_value):
    *path, key, value = path_and_value

    def change(document):
        holder = document
        for part in path:
            holder = holder[part]
        holder[key] = value
    return change


def drop(*path_and_key):
    *path, key = path_and_key

    def change(document):
        holder = document
        for part in path:
            holder = holder[part]
        del holder[key]
    return change


def argument(value, node=1, i=0):
    return put("nodes", node, "args", i, value)


def layer_that_holds_itself(document):
    document["layers"]["c1"]["modules"] = {"inner": "c1"}


def many_inside_each_other(document):
    layers = {"l0": {"kind": "Tanh", "config": {"inplace": False}}}
    for i in range(60):
        inside = {"0": f"l{i}", "1": f"l{i}"}
        layers[f"l{i + 1}"] = {"kind": "ModuleList", "config": {"modules": {"list": [{"layer": f"l{i}"}] * 2}},
                               "modules": inside}
    document["layers"] |= layers


def many_that_do_nothing(document):
    """2^60 calls of layers that make no arrays, and are not among the modules that an entry admits to."""
    layers = {"l0": {"kind": "Identity", "config": {}}}
    for i in range(30):
        layers[f"l{i + 1}"] = {"kind": "Sequential", "config": {"modules": {"dict": {
            name: {"layer": f"l{i}"} for name in "abcd"}}}}
    document["layers"] |= layers


def deep(levels):
    text = '{"list": [' * levels + "]}" * levels
    return json.loads(text)


WRONG = {
    "another format": (put("format", "x"), "expected a graph of minigrad's, an object whose format is "
                                           "'minigrad.graph'"),
    "no object": (lambda document: document.clear(), "expected a graph of minigrad's"),
    "a later version": (put("version", 2), "this graph has version 2 of the format, written by minigrad .*; this "
                        "minigrad reads version 1: update it"),
    "an unknown key": (put("colour", 1), "the graph has 'colour'; its keys are format, version"),
    "a missing key": (drop("nodes"), "the graph lacks nodes; its keys are"),
    "nodes of another kind": (put("nodes", {}), r"nodes must be an array, \{\} came"),
    "a node without a name": (drop("nodes", 1, "name"), "the name of a node must be a string, None came"),
    "an unknown key of a node": (put("nodes", 1, "x", 1), "node c1: it has 'x'; its keys are name, layer, op"),
    "a name twice": (put("nodes", 1, "name", "x"), "two nodes are called x"),
    "an unknown layer": (put("nodes", 1, "layer", "c9"), "node c1: there is no layer c9: a layer holds those that "
                                                         "come"),
    "a layer and an op": (put("nodes", 1, "op", "tanh"), "node c1: expected an object with one of the keys"),
    "an unknown op": (put("nodes", 2, "op", "system"), "node multiply_1: there is no op system: minigrad has none of"),
    "another op": (put("nodes", 2, "op", "matmul"), "node multiply_1: its result must be"),
    "an op with other arguments": (put("nodes", 2, "op", "tanh"), "node multiply_1: "),
    "no arguments": (drop("nodes", 1, "args"), "node c1: args must be an array, None came"),
    "a node that comes later": (argument({"node": "fc"}), "node c1: there is no node fc: a node takes what comes "
                                "before it"),
    "itself": (argument({"node": "c1"}), "node c1: there is no node c1"),
    "a part of a whole": (argument({"node": "x", "path": [0]}), r"node c1: node x has no result \[0\]"),
    "a negative part": (put("nodes", -1, "args", 0, {"node": "lstm", "path": [-1]}),
                        r"node fc: node lstm has no result \[-1\]"),
    "a path of another kind": (argument({"node": "x", "path": "0"}), "node c1: path must be an array, '0' came"),
    "another shape": (put("nodes", 1, "result", "shape", ["n", 2, 4, 5]), "node c1: its result must be .*4, 5.*, from "
                      "its arguments comes .*4, 4.*"),
    "another dtype": (put("nodes", 1, "result", "dtype", "float64"), "node c1: its result must be .*float64"),
    "no result": (drop("nodes", 1, "result"), "node c1: its result must be None"),
    "a result of another kind": (put("nodes", 1, "result", 3), "node c1: result must be an object, 3 came"),
    "a negative length": (put("nodes", 1, "result", "shape", ["n", -2]), "node c1: a length must be from 0 to"),
    "a length that is none": (put("nodes", 1, "result", "shape", ["n", 2.5]), "node c1: a length must be from 0 to"),
    "a size that is none": (put("nodes", 1, "result", "shape", ["m"]), r"node c1: a size is a\*n \+ b, as '2n\+1'; "
                                                                       r"'m'"),
    "an input without a batch": (put("nodes", 0, "shape", [1, 6, 6]), "node x: the shape of an input begins with 'n'"),
    "an input of another shape": (put("nodes", 0, "shape", ["n", 2, 6, 6]), "node c1: .*expects 1 input channels, x "
                                  "has 2"),
    "an input of an unknown dtype": (put("nodes", 0, "dtype", "object"), "node x: dtype must be one of 'bool', 'int8'"),
    "trials that are none": (put("nodes", 0, "trials", [[1, 6, 6], [1, 6, 7]]), "node x: its trials must be two"),
    "trials of a longer input": (put("nodes", 0, "trials", [[1, 6, 6, 6]]), "node x: its trials must be two"),
    "an unknown input": (put("inputs", ["y"]), "the inputs have 'y', which is no node"),
    "an unused node": (put("outputs", {"node": "c1"}), "(?s).*outputs.*"),
    "an unknown output": (put("outputs", {"node": "y"}), "there is no node y"),
    "an output that is a number": (put("outputs", 3), ".+"),
    "train_only of nothing": (put("train_only", ["z"]), "train_only has 'z', the outputs are y, h"),
    "state names of nothing": (put("state_names", {"z": "a"}), ".+"),
    "folded": (put("folded", [["a"]]), "folded must have pairs of names"),
    "an unknown kind": (put("layers", "c1", "kind", "System"), "layer c1, System: minigrad has no such layer$"),
    "a misspelt kind": (put("layers", "c1", "kind", "Conv2D"), "layer c1, Conv2D: minigrad has no such layer; there "
                                                               "are "
                        "Conv2d, Conv1d"),
    "no kind": (drop("layers", "c1", "kind"), "layer c1 lacks kind; its keys are"),
    "a kind that is a number": (put("layers", "c1", "kind", 3), "layer c1, 3: kind must be a string, 3 came"),
    "an unknown key of a layer": (put("layers", "c1", "x", 3), "layer c1 has 'x'; its keys are kind, custom"),
    "an unknown option": (put("layers", "c1", "config", "x", 3), "layer c1, Conv2d: .*unexpected keyword argument 'x'"),
    "a missing option": (drop("layers", "c1", "config", "kernel_size"), "layer c1, Conv2d: .*missing.*kernel_size"),
    "an option of another kind": (put("layers", "c1", "config", "groups", "a"), "layer c1, Conv2d: "),
    "an option that does not fit": (put("layers", "c1", "config", "groups", 2), "layer c1, Conv2d: .*multiples of "
                                                                                "groups"),
    "another stride": (put("layers", "c1", "config", "stride", [2, 2]), "node c1: its result must be"),
    "a layer in itself": (layer_that_holds_itself, "layer c1, Conv2d: there is no layer c1: a layer holds those that"),
    "more channels": (put("layers", "c1", "config", "out_channels", 3), r"layer c1, Conv2d: .*an array of shape "
                      r"\(3, 1, 3, 3\), of which there is none in the weights"),
    "another weight": (put("layers", "c1", "parameters", "weight", "fc.weight"), r"layer c1, Conv2d: weight must be "
                       r"\(2, 1, 3, 3\), it is \(3, 4\) in the weights"),
    "a weight that is not there": (put("layers", "c1", "parameters", "weight", "x"), "layer c1, Conv2d: there is no "
                                   "parameter x"),
    "a parameter in place of an option": (put("layers", "c1", "parameters", "stride", "fc.bias"), "layer c1, Conv2d: "
                                          "stride cannot be one of its parameters"),
    "a parameter in place of a method": (put("layers", "c1", "parameters", "forward", "fc.bias"), "'forward' cannot "
                                                                                                  "name"),
    "a flag": (put("layers", "c1", "training", 1), "layer c1, Conv2d: training must be true or false, 1 came"),
    "a flag of the graph": (put("training", "no"), "training must be true or false, 'no' came"),
    "a tensor that is not there": (put("tensors", "x", {"dtype": "float32", "shape": []}), "the graph has 10 tensors, "
                                   "the weights 9; not in both are x"),
    "a tensor that is not said": (drop("tensors", "fc.bias"), "the graph has 8 tensors, the weights 9; not in both are "
                                  "fc.bias"),
    "a tensor of another shape": (put("tensors", "fc.bias", "shape", [4]), r"tensor fc.bias must be 'float32' \[4\], "
                                                                           r"in "
                                  r"the weights it is float32 \[3\]"),
    "a tensor of another dtype": (put("tensors", "fc.bias", "dtype", "int32"), "tensor fc.bias must be 'int32'"),
    "a tensor that is no object": (put("tensors", "fc.bias", 3), "tensor fc.bias must be an object, 3 came"),
    "an unknown key of a tensor": (put("tensors", "fc.bias", "x", 3), "tensor fc.bias has 'x'; its keys are dtype"),
    "a flag of a tensor": (put("tensors", "fc.bias", "requires_grad", 3), "tensor fc.bias: requires_grad must be true"),
    "a tensor like another": (put("tensors", "fc.bias", {"same_as": "c1.bias"}), "tensor fc.bias must be the same as "
                              "c1.bias, and is not"),
    "a tensor like itself": (put("tensors", "fc.bias", {"same_as": "fc.bias"}), "tensor fc.bias must be the same as"),
    "a tensor without a place": (drop("layers", "fc", "parameters", "bias"), "the tensors fc.bias have no place in the "
                                 "graph, or another's"),
    "not persistent": (put("tensors", "fc.bias", "persistent", False), "the tensors fc.bias have no place"),
    # values
    "two kinds of value": (argument({"node": "x", "layer": "c1"}), "node c1: expected an object with one of the keys "
                                                                   "list"),
    "no kind of value": (argument({}), "node c1: expected an object with one of the keys .*; one with none came"),
    "an unknown kind of value": (argument({"eval": "1"}), "node c1: expected an object with one of the keys .*'eval' "
                                                          "came"),
    "a slice": (argument({"slice": [1]}), "node c1: slice must have three parts, 1 came"),
    "a float": (argument({"float": "1e5"}), "node c1: float must be one of 'inf', '-inf', 'nan', '1e5' came"),
    "a type": (argument({"type": "object"}), "node c1: type must be one of 'bool', 'float', 'int'"),
    "a function": (argument({"function": "system"}), "node c1: there is no function system: minigrad.nn.functional "
                                                     "has"),
    "an array": (argument({"array": "x"}), "node c1: there is no tensor x"),
    "a length that is not open": (argument({"length": 1, "of": {"node": "x"}}), "node c1: length must be the number "
                                                                                "of an "
                                  "axis, of a node's result, that is open"),
    "a length of nothing": (argument({"length": 1}), "node c1: of must be an object, None came"),
    "an unknown operator": (argument({"computed": "exec", "from": [1, 2]}), "node c1: computed must be one of"),
    "a computed number": (argument({"computed": "+", "from": ["a", 2]}), "node c1: computed '\\+' expects one or two"),
    "a large exponent": (argument({"computed": "**", "from": [10, 10 ** 9]}), "node c1: computed .. expects an "
                                                                              "exponent "
                         "from -64 to 64"),
    "powers of powers": (argument({"computed": "**", "from": [{"computed": "**", "from": [64, 64]}, 64]}),
                         "node c1: computed .. gives a number that is no length"),
    "a division by 0": (argument({"computed": "/", "from": [1, 0]}), "node c1: .*zero"),
    # what would take memory, or time
    "a giant layer": (put("layers", "fc", "config", "in_features", 10 ** 9), r"layer fc, Linear: .*an array of shape "
                      r"\(3, 1000000000\), of which there is none"),
    "a giant input": (put("nodes", 0, "shape", ["n", 10 ** 12, 6, 6]), "node x: a length must be from 0 to"),
    "many layers of a kind": (put("layers", "lstm", "config", "num_layers", 10 ** 9), "layer lstm, LSTM: .*of which "
                                                                                      "there "
                              "is none in the weights, or not so many"),
    "a pool with many windows": (lambda document: document["layers"].update(c1={
        "kind": "AdaptiveAvgPool2d", "config": {"output_size": 10 ** 9}}), "node c1: .*takes too much work"),
    "many times the size": (lambda document: document["layers"].update(c1={
        "kind": "Upsample", "config": {"scale_factor": 1e9, "mode": "bilinear"}}), "node c1: .*takes too much work"),
    "much padding": (lambda document: document["layers"].update(c1={
        "kind": "ReplicationPad2d", "config": {"padding": [2 ** 23, 0, 0, 0]}}), "node c1: .*takes too much work"),
    "many outputs": (lambda document: document["nodes"].__setitem__(1, {
        "name": "c1", "op": "split", "args": [{"node": "x"}, {"size": "n"}, 0], "result": []}),
        "node c1: .*takes too much work"),
    "layers inside layers": (many_inside_each_other, "layer l1[67] has 131071 layers inside, 17 deep|layer l1.* has .* "
                             "layers inside, .* deep: at most 100000 and 50 are read"),
    "calls that do nothing": (many_that_do_nothing, "layer l9 has 349525 layers inside, 10 deep: at most 100000 and"),
    "lists in lists": (argument(deep(300)), "node c1: .*"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_document_must_not_say(what):
    change, message = WRONG[what]
    document, arrays = plain()
    change(document)
    tracemalloc.start()
    with pytest.raises(ValueError) as raised:
        from_json(document, arrays)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert re.search(message, str(raised.value)), raised.value
    assert peak < 30e6 and len(str(raised.value)) < 2000


def test_the_document_is_right_as_it_is():
    from_json(*plain())


def test_sizes_are_read_as_they_are_spelled():
    from minigrad.graph.batch_size import BATCH
    assert [size_of(text) for text in ("n", "2n", "-1n", "3n-1", "n+20")] == \
           [BATCH, 2 * BATCH, -BATCH, 3 * BATCH - 1, BATCH + 20]
    for text in ("", "-n", "2", "n*n", "n+", "n+1234567", "1.5n", "n1", "٢n"):
        with pytest.raises(ValueError, match=r"a size is a\*n \+ b"):
            size_of(text)


def test_the_limit_holds_inside_alone():
    with limited(100), pytest.raises(ValueError, match="takes too much work"):
        for _ in range(10):
            ops.tanh(Input((3,)))
    ops.tanh(Input((3,)))


def test_values_of_a_file_are_data():
    """Nothing that it says is looked up elsewhere than among minigrad's own."""
    things = Things({}, {})
    for value in ({"op": "os.system"}, {"function": "eval"}, {"layer": "os"}, {"type": "type"}, {"dtype": "O"}):
        with pytest.raises(ValueError, match="must be one of|there is no"):
            things.decoded(value)
