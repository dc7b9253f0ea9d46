"""Graph: a model as a plain list of nodes.

    x = Input((1, 28, 28), name="image")
    h = nn.Flatten()(x)
    y = nn.Linear(784, 10)(h, name="fc")
    model = Graph(x, y)                 # an nn.Module: model(images), model.parameters(), model.eval() ...
    model.node("fc").shape              # ("n", 10)
    model.run(images, at="flatten_1")   # the value of an inner node
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from inspect import signature
from itertools import count
from typing import Any

from ..backend import Array, is_array
from ..misuse import is_int
from ..nn.module import Module, Parameter
from ..op import Op
from ..tensor import Tensor, observer
from .symbol import BATCH, Call, Symbol, calls_behind, for_batch, in_batches, spell, spell_number


@dataclass(frozen=True)
class Ref:
    """The result of another node; `path` says which, of a node with several."""

    node: str
    path: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.node + "".join([f"[{i}]" for i in self.path])


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a graph: a layer or op (None: an input) on the results of other nodes."""

    name: str
    what: Module | Op | None
    args: tuple                 # as they came, each symbol replaced by the Ref to its node
    result: Any                 # the array without values that comes out, or a tuple of them

    @property
    def kind(self) -> str:
        """What is called: "Conv2d" for a layer, "reshape" for an op, "Input" for an input."""
        if self.what is None:
            return "Input"
        return self.what.name if isinstance(self.what, Op) else type(self.what).__name__

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the nodes whose results it takes, each once."""
        return tuple(dict.fromkeys([ref.node for ref in refs_in(self.args)]))

    @property
    def shape(self) -> Any:
        """Of its result, the batch size as "n": ("n", 6, 28, 28); of several results, a tuple of shapes."""
        return each(self.result, lambda y: tuple([m if in_batches(m)[0] == 0 else spell_number(m) for m in y.shape]))

    def __repr__(self) -> str:
        shapes = each(self.result, lambda y: spell(y.shape))
        shown = shapes if isinstance(shapes, str) else ", ".join(map(str, shapes))
        return f"Node({self.name}: {self.kind}({', '.join(map(str, refs_in(self.args)))}) -> {shown})"


class Graph(Module):
    """The nodes between `inputs` and `outputs`, in an order in which they can run.

    inputs: a symbol, or a list of them: the positional arguments of a call. An inner symbol cuts the graph there.
    outputs: a symbol, a list of them (a call gives a tuple), or a dict of named ones (a call gives a dict).

    Nodes keep the names given with `name=`, or the path of a layer inside the module that was called; others are named
    by kind and number, `conv2d_1`. Of a layer that is used again the later nodes have a number, and its parameters the
    first one's name. A parameter among the arguments belongs to the graph as `<node>.<argument>`; so do arrays and
    constant tensors, as buffers. Inside a list or tuple it is `<node>.<argument>.<position>`.
    Raises ValueError for two nodes of one name and for symbols that do not hang together.
    """

    def __init__(self, inputs: Symbol | Sequence[Symbol], outputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol]):
        starts = [inputs] if isinstance(inputs, Symbol) else list(inputs)
        ends: Any = outputs if isinstance(outputs, Symbol) else dict(outputs) if isinstance(outputs, Mapping) \
            else tuple(outputs)
        check_symbols(starts, leaves(ends))
        first = [x.call for x in starts]
        calls = calls_behind(leaves(ends), first)
        names = dict(zip(calls, named(calls), strict=True))
        check_inputs(starts, calls, names)
        self.nodes: list[Node] = [make_node(call, call in first, names) for call in calls]
        self.inputs = tuple([names[call] for call in first])
        self.outputs = with_refs(ends, names)
        self._by_name = {node.name: node for node in self.nodes}
        self._plans: dict[tuple[str, ...], Plan] = {}
        constants = self._constants()
        self._persistent = dict.fromkeys(constants, True)
        for name, array in constants.items():
            if not getattr(array.flags, "writeable", True):
                setattr(self, name, array.copy())       # load_state_dict writes into it

    def __setattr__(self, name: str, value: Any) -> None:
        """A graph is complete: layers are not added as attributes. A buffer's name sets the argument that it is."""
        if isinstance(value, (Module, Parameter)):
            raise TypeError(f"Graph: {name} = {type(value).__name__} would never run: a graph has what its nodes have; "
                            "call the layer on a symbol and make a new Graph, or put both into an nn.Module")
        constants = self._constants() if "." in name else {}
        if name not in constants:
            super().__setattr__(name, value)
        elif value is not constants[name]:
            self.nodes = [replace(node, args=exchanged(node.args, constants[name], value)) for node in self.nodes]
            self._by_name = {node.name: node for node in self.nodes}
            self._plans = {}

    def node(self, name: str) -> Node:
        """The node of that name; ValueError, with the nearest names, if there is none."""
        if name not in self._by_name:
            near = get_close_matches(str(name), self._by_name, 3) or list(self._by_name)
            raise ValueError(f"this graph has no node {name!r}; there are {', '.join(near[:12])}")
        return self._by_name[name]

    def forward(self, *xs: Any) -> Any:
        """The outputs for a batch: a value, a tuple or a dict, as the graph was made."""
        self._check_arguments(xs)
        values = self._run(xs, tuple([ref.node for ref in refs_in(self.outputs)]))
        return with_values(self.outputs, values, 0)

    def run(self, *xs: Any, at: str | Sequence[str] | None = None) -> Any:
        """The outputs, as a call gives them; or the values at inner nodes: of one by name, of several as a dict."""
        if at is None:
            return self(*xs)
        wanted = tuple([self.node(name).name for name in ([at] if isinstance(at, str) else at)])
        self._check_arguments(xs)
        values = self._run(xs, wanted)
        return values[at] if isinstance(at, str) else {name: values[name] for name in wanted}

    def _run(self, xs: Sequence, wanted: tuple[str, ...]) -> dict[str, Any]:
        """Node name -> value, of the wanted ones; what nobody needs any more is dropped on the way."""
        n = xs[0].shape[0]
        values = dict(zip(self.inputs, xs, strict=True))
        if wanted not in self._plans:
            self._plans[wanted] = plan(self._by_name, self.inputs, wanted)
        order, spent = self._plans[wanted]
        watcher = observer.get()
        for node in order:
            if node.what is not None and node.name not in values:
                if watcher is not None:
                    watcher.within(node.name)
                values[node.name] = node.what(*with_values(node.args, values, n))
            for name in spent[node.name]:
                del values[name]
        return values

    def _check_arguments(self, xs: Sequence) -> None:
        nodes = [self._by_name[name] for name in self.inputs]
        if len(xs) != len(nodes):
            raise TypeError(f"this graph takes {len(nodes)} inputs ({', '.join(self.inputs)}), {len(xs)} came")
        n = xs[0].shape[0] if xs[0].shape else None
        for node, x in zip(nodes, xs, strict=True):
            expected = node.result.shape
            if len(x.shape) != len(expected) or x.shape[0] != n or x.shape[1:] != expected[1:]:
                raise ValueError(f"input {node.name} expects {spell(expected)}, n alike for all inputs, "
                                 f"{spell(x.shape)} came")

    # --- as a module: each layer under the name of its node --------------------------------------------------
    def _children(self) -> dict[str, Module]:
        layers: dict[int, tuple[str, Module]] = {}
        for node in self.nodes:
            if isinstance(node.what, Module):
                layers.setdefault(id(node.what), (node.name, node.what))
        return dict(layers.values())

    def _own_parameters(self) -> dict[str, Parameter]:
        found = {id(p): ("", p) for layer in self._children().values() for p in layer.parameters()}
        for name, x in self._arguments():
            if isinstance(x, Parameter):
                found.setdefault(id(x), (name, x))
        return {name: p for name, p in found.values() if name}

    def _own_buffers(self) -> dict[str, Array]:
        return super()._own_buffers() | self._constants()

    def _constants(self) -> dict[str, Array]:
        """Name -> array, of the arrays and constant tensors among the arguments."""
        found: dict[int, tuple[str, Array]] = {}
        for name, x in self._arguments():
            array = x.data if isinstance(x, Tensor) else x
            if is_array(array) and not isinstance(x, Parameter):
                found.setdefault(id(array), (name, array))
        return dict(found.values())

    def _arguments(self) -> list[tuple[str, Any]]:
        """(name, value) of all arguments of all nodes. A layer's own parameters and buffers keep their names."""
        found: list[tuple[str, Any]] = []
        for node in self.nodes:
            if node.what is not None:
                taken = own_names(node.what) if isinstance(node.what, Module) else set()
                for name, x in zip(argument_names(node), node.args, strict=True):
                    while name in taken:
                        name += "_"
                    found += named_leaves(f"{node.name}.{name}", x)
        return found

    def summary(self) -> str:
        """A table of the nodes: name, kind, inputs, shape of the result, parameters, multiplications for one image."""
        from .summary import summary
        return summary(self)


# --- building -------------------------------------------------------------------------------------------------

def check_symbols(inputs: Sequence, outputs: Sequence) -> None:
    for role, values in ("inputs", inputs), ("outputs", outputs):
        if not values:
            raise ValueError(f"Graph: {role} are empty")
        for x in values:
            if not isinstance(x, Symbol):
                raise TypeError(f"Graph: {role} must be symbols, made of Input by calling layers, "
                                f"{type(x).__name__} came")
    if len({x.call for x in inputs}) < len(inputs):
        raise ValueError(f"Graph: the same symbol comes twice among the inputs, {', '.join(map(str, inputs))}")
    for x in inputs:
        if x.path:
            raise ValueError(f"Graph: {x!r} cannot be an input, it is one of several results of a node")
        if x.shape[:1] != (BATCH,):
            raise ValueError(f"Graph: {x!r} cannot be an input, its first axis is not the batch's n")


def check_inputs(inputs: Sequence[Symbol], calls: Sequence[Call], names: Mapping[Call, str]) -> None:
    """Every input is used, and nothing else is needed."""
    for x in inputs:
        if x.call not in names:
            raise ValueError(f"Graph: the outputs do not depend on input {x!r}: leave it out")
    for call in calls:
        if call.what is None and call not in [x.call for x in inputs]:
            raise ValueError(f"Graph: the outputs depend on input {names[call]}, which is not among the inputs: add it")


def named(calls: Sequence[Call]) -> list[str]:
    """A name for every call, none twice: the one it was given, else its kind and a number."""
    owners: dict[str, Call] = {}
    for call in calls:
        if call.name and owners.setdefault(call.name, call).what is not call.what:
            raise ValueError(f"Graph: two nodes are called {call.name!r}, {owners[call.name].kind} and {call.kind}: "
                             "names must differ")
    used: set[str] = set()
    names: list[str] = []
    for call in calls:
        stem = call.name or call.prefix + call.kind
        numbered = (f"{stem}_{i}" for i in count(2 if call.name else 1))
        name = call.name if call.name and call.name not in used else \
            next(name for name in numbered if name not in used and name not in owners)
        used.add(name)
        names.append(name)
    return names


def make_node(call: Call, is_input: bool, names: Mapping[Call, str]) -> Node:
    if is_input:
        return Node(names[call], None, (), call.result)
    return Node(names[call], call.what, with_refs(call.args, names), call.result)


Plan = tuple[list[Node], dict[str, list[str]]]


def plan(nodes: Mapping[str, Node], inputs: Sequence[str], wanted: Iterable[str]) -> Plan:
    """The nodes to run for the wanted ones, in order; and which values are spent after each."""
    needed, stack = set(), list(wanted)
    kept = set(stack)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [] if name in inputs else nodes[name].inputs
    order = [node for node in nodes.values() if node.name in needed]
    last: dict[str, str] = {}           # name -> the last node that takes its value
    for node in order:
        last.update(dict.fromkeys(() if node.name in inputs else node.inputs, node.name))
    spent: dict[str, list[str]] = {node.name: [] for node in order}
    for name, user in last.items():
        if name not in kept:
            spent[user].append(name)
    return order, spent


# --- references -----------------------------------------------------------------------------------------------

def with_refs(x: Any, names: Mapping[Call, str]) -> Any:
    """Arguments or outputs with references in place of symbols."""
    if isinstance(x, Symbol):
        return Ref(names[x.call], x.path)
    if isinstance(x, dict):
        return {key: with_refs(part, names) for key, part in x.items()}
    return type(x)([with_refs(part, names) for part in x]) if type(x) in (tuple, list) else x


def with_values(x: Any, values: Mapping[str, Any], n: int) -> Any:
    """Arguments or outputs with values in place of references, for a batch of n."""
    if isinstance(x, Ref):
        value = values[x.node]
        for i in x.path:
            value = value[i]
        return value
    if isinstance(x, dict):
        return {key: with_values(part, values, n) for key, part in x.items()}
    if type(x) in (tuple, list):
        return type(x)([with_values(part, values, n) for part in x])
    return for_batch(x, n) if is_int(x) or type(x) is slice else x


def leaves(x: Any) -> list:
    """The single ones of a value, a tuple or a dict."""
    return [leaf for part in (x.values() if isinstance(x, dict) else x) for leaf in leaves(part)] \
        if isinstance(x, (tuple, list, dict)) else [x]


def named_leaves(name: str, x: Any) -> list[tuple[str, Any]]:
    """(name, value) of an argument; of those in a list or tuple, each with its position."""
    if isinstance(x, (tuple, list)):
        return [leaf for i, part in enumerate(x) for leaf in named_leaves(f"{name}.{i}", part)]
    return [(name, x)]


def argument_names(node: Node) -> list[str]:
    """Of an op or of a layer's forward, one for each of the node's arguments."""
    if isinstance(node.what, Op):
        return list(node.what.names)
    names: list[str] = []
    for name, parameter in signature(node.what.forward).parameters.items() if node.what else ():
        several = parameter.kind is parameter.VAR_POSITIONAL
        names += [f"{name}.{i}" for i in range(len(node.args) - len(names))] if several else [name]
    return names[:len(node.args)]


def own_names(layer: Module) -> set[str]:
    return {name for name, _ in layer.named_parameters()} | {name for name, _ in layer.named_buffers()}


def exchanged(x: Any, old: Array, new: Array) -> Any:
    """Arguments with another array in place of `old`; a tensor stays the same one."""
    if isinstance(x, Tensor) and x.data is old and not isinstance(x, Parameter):
        x.data = new
        x.touch()
    if type(x) in (tuple, list):
        return type(x)([exchanged(part, old, new) for part in x])
    return new if x is old else x


def refs_in(x: Any) -> list[Ref]:
    return [leaf for leaf in leaves(x) if isinstance(leaf, Ref)]


def each(result: Any, f: Any) -> Any:
    """f of an array, or of every one in a tuple; None stays None."""
    if isinstance(result, tuple):
        return tuple([each(part, f) for part in result])
    return None if result is None else f(result)
