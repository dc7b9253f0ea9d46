"""Graph: a model as a plain list of nodes.

    x = Input((1, 28, 28), name="image")
    h = nn.Flatten()(x)
    y = nn.Linear(784, 10)(h, name="fc")
    model = Graph(x, y)                 # an nn.Module: model(images), model.parameters(), model.eval() ...
    model.node("fc").shape              # ("n", 10)
    model.run(images, at="flatten_1")   # the value of an inner node
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from inspect import signature
from itertools import count
from typing import Any

from ..backend import Array, is_array
from ..misuse import is_int
from ..nn.module import Module, Parameter
from ..nn.scope import scope, symbol_in
from ..op import Op
from ..tensor import Tensor, observer
from .batch_size import BATCH, NEAR, in_batches, number_for_batch, spell, spell_number
from .length import Length
from .nested import leaves, mapped
from .symbol import Call, Input, Symbol, call_on_symbols, calls_behind


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
    options: dict[str, Any] = field(default_factory=dict)       # arguments that came by keyword alone
    other: Any = None           # where axes are open, the result in the second trial (length.py): it differs in these

    @property
    def kind(self) -> str:
        """What is called: "Conv2d" for a layer, "reshape" for an op, "Input" for an input."""
        if self.what is None:
            return "Input"
        return self.what.name if isinstance(self.what, Op) else type(self.what).__name__

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the nodes whose results it takes, each once."""
        return tuple(dict.fromkeys([ref.node for ref in self.refs]))

    @property
    def refs(self) -> list[Ref]:
        """The results that it takes, in the order of its arguments."""
        return refs_in([self.args, self.options])

    @property
    def shape(self) -> Any:
        """Of its result, the batch size as "n" and None for an open axis: ("n", 6, 28, None); of several, a tuple."""
        return shape_in(self.result, self.other)

    def __repr__(self) -> str:
        shapes = ", ".join(map(shown, single(self.result, self.other)))
        return f"Node({self.name}: {self.kind}({', '.join(map(str, self.refs))}) -> {shapes})"


class Graph(Module):
    """The nodes between `inputs` and `outputs`, in an order in which they can run.

    inputs: a symbol, or a list of them: the positional arguments of a call. An inner symbol cuts the graph there.
    outputs: a symbol, a list of them (a call gives a tuple), or a dict of named ones (a call gives a dict).

    Nodes keep the names given with `name=`, or the path of a layer inside the module that was called; others are named
    by kind and number, `conv2d_1`. Of a layer that is used again the later nodes have a number, and its parameters the
    first one's name. A parameter among the arguments belongs to the graph as `<node>.<argument>`; so do arrays and
    constant tensors, as buffers. Inside a list or tuple it is `<node>.<argument>.<position>`.
    train_only: names of outputs, of a dict, that a call gives in train mode alone, as those of auxiliary heads.
    Raises ValueError for two nodes of one name and for symbols that do not hang together.
    """

    def __init__(self, inputs: Symbol | Sequence[Symbol], outputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol],
                 train_only: Sequence[str] = ()):
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
        self.train_only = checked_train_only(train_only, self.outputs)
        self._by_name = {node.name: node for node in self.nodes}
        self._plans: dict[tuple[str, ...], list[Step]] = {}
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
            self.nodes = [replace(node, args=exchanged(node.args, constants[name], value),
                                  options=exchanged(node.options, constants[name], value)) for node in self.nodes]
            self._by_name = {node.name: node for node in self.nodes}
            self._plans = {}

    def node(self, name: str) -> Node:
        """The node of that name; ValueError, with the nearest names, if there is none."""
        if name not in self._by_name:
            near = get_close_matches(str(name), self._by_name, 3) or list(self._by_name)
            raise ValueError(f"this graph has no node {name!r}; there are {', '.join(near[:12])}")
        return self._by_name[name]

    def forward(self, *xs: Any) -> Any:
        """The outputs for a batch: a value, a tuple or a dict, as the graph was made; of train_only in training alone.

        On symbols of another graph its nodes become nodes there, named `<name of this graph>.<name of the node>`.
        """
        self._check_arguments(xs)
        outputs = self.outputs
        if symbol_in(xs) is not None:
            return with_values(outputs, replayed(self, xs, name_within), BATCH)
        if self.train_only and not self.training:
            outputs = {name: ref for name, ref in outputs.items() if name not in self.train_only}
        return with_values(outputs, self._run(xs, tuple([ref.node for ref in refs_in(outputs)])), 0)

    def run(self, *xs: Any, at: str | Sequence[str] | None = None) -> Any:
        """The outputs, as a call gives them; or the values at inner nodes: of one by name, of several as a dict."""
        if at is None:
            return self(*xs)
        wanted = tuple([self.node(name).name for name in ([at] if isinstance(at, str) else at)])
        self._check_arguments(xs)
        values = self._run(xs, wanted)
        return values[at] if isinstance(at, str) else {name: values[name] for name in wanted}

    def sized(self, *shapes: Sequence[int]) -> Graph:
        """The same graph, its layers and names included, for inputs of these shapes (the batch axis left out).

        So the shapes inside are known where axes are open. Raises the error of the node that cannot work with
        such a size.
        """
        if len(shapes) != len(self.inputs):
            raise TypeError(f"sized: this graph has {len(self.inputs)} inputs ({', '.join(self.inputs)}), "
                            f"{len(shapes)} shapes came")
        inputs = [Input(shape, self.node(name).result.dtype, name)
                  for name, shape in zip(self.inputs, shapes, strict=True)]
        values = replayed(self, inputs, lambda node: node.name)
        graph = Graph(inputs, with_values(self.outputs, values, BATCH), self.train_only)
        return graph.train(self.training)

    def _run(self, xs: Sequence, wanted: tuple[str, ...]) -> dict[str, Any]:
        """Node name -> value, of the wanted ones; what nobody needs any more is dropped on the way."""
        n = xs[0].shape[0]
        values = dict(zip(self.inputs, xs, strict=True))
        if wanted not in self._plans:
            self._plans[wanted] = plan(self._by_name, self.inputs, wanted)
        watcher = observer.get()
        for step in self._plans[wanted]:
            node = step.node
            if node.what is not None and node.name not in values:
                if watcher is not None:
                    watcher.within(node.name)
                if step.is_plain:
                    args = [values[a.node] if type(a) is Ref else a for a in node.args]
                    values[node.name] = node.what(*args)
                else:
                    options = with_values(node.options, values, n)
                    values[node.name] = node.what(*with_values(node.args, values, n), **options)
            for name in step.spent:
                del values[name]
        return values

    def _check_arguments(self, xs: Sequence) -> None:
        nodes = [self._by_name[name] for name in self.inputs]
        if len(xs) != len(nodes):
            raise TypeError(f"this graph takes {len(nodes)} inputs ({', '.join(self.inputs)}), {len(xs)} came")
        n = xs[0].shape[0] if xs[0].shape else None
        for node, x in zip(nodes, xs, strict=True):
            expected = node.shape[1:]
            if len(x.shape) != len(expected) + 1 or x.shape[0] != n or any(
                    [length not in (m, None) for m, length in zip(x.shape[1:], expected, strict=True)]):
                raise ValueError(f"input {node.name} expects {shown(node.shape)}, n alike for all inputs, "
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
                for name, x in [*zip(argument_names(node), node.args, strict=True), *node.options.items()]:
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
        return Node(names[call], None, (), call.result, {}, call.other)
    return Node(names[call], call.what, with_refs(call.args, names), call.result, with_refs(call.options, names),
                call.other)


def checked_train_only(names: Sequence[str], outputs: Any) -> tuple[str, ...]:
    """The names of outputs that are absent in eval mode: some, but not all, of the named ones."""
    wanted = (names,) if isinstance(names, str) else tuple(names)
    known = list(outputs) if isinstance(outputs, dict) else []
    for name in wanted:
        if name not in known:
            raise ValueError(f"Graph: train_only has {name!r}, "
                             + (f"the outputs are {', '.join(known)}" if known else
                                "but the outputs have no names: give a dict of them"))
    if known and len(set(wanted)) == len(known):
        raise ValueError("Graph: all outputs are train_only: none would be left in eval mode")
    return wanted


# --- on symbols -----------------------------------------------------------------------------------------------

def replayed(graph: Graph, xs: Sequence, name_of: Callable[[Node], str | None]) -> dict[str, Any]:
    """Call the nodes of a graph on symbols: node name -> what came out. name_of(node): the name of its new node."""
    values = dict(zip(graph.inputs, xs, strict=True))
    for node in graph.nodes:
        if node.name not in values:
            what: Any = node.what
            forward = what if isinstance(what, Op) else what.forward
            values[node.name] = call_on_symbols(what, forward, with_values(node.args, values, BATCH), name_of(node),
                                                with_values(node.options, values, BATCH))
    return values


def name_within(node: Node) -> str | None:
    """Of a node whose graph is called on symbols: behind the path of that graph; None if its name was made up."""
    made_up = isinstance(node.what, Op) and re.fullmatch(rf"(.*\.)?{re.escape(node.what.name)}_\d+", node.name)
    return None if made_up else scope.prefix + node.name


@dataclass(frozen=True)
class Step:
    """A node to run, and what is known of it beforehand."""

    node: Node
    is_plain: bool              # whether its arguments are results of nodes, whole, and constants
    spent: list[str]            # the nodes whose values nobody needs after it


def plan(nodes: Mapping[str, Node], inputs: Sequence[str], wanted: Iterable[str]) -> list[Step]:
    """The nodes to run for the wanted ones, in order."""
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
    return [Step(node, is_plain(node), spent[node.name]) for node in order]


def is_plain(node: Node) -> bool:
    """Whether arguments need no look inside: no tuples with results in them, no numbers made of lengths or batches."""
    def is_constant(leaf: Any) -> bool:
        return not isinstance(leaf, (Ref, Length)) and not (is_int(leaf) and abs(int(leaf)) >= NEAR)

    return not node.options and all([type(a) is Ref and not a.path or all(map(is_constant, leaves(a)))
                                     for a in node.args])


# --- references -----------------------------------------------------------------------------------------------

def with_refs(x: Any, names: Mapping[Call, str]) -> Any:
    """Arguments or outputs with references in place of symbols."""
    def ref(symbol: Symbol) -> Ref:
        return Ref(names[symbol.call], symbol.path)

    return mapped(x, lambda leaf: ref(leaf) if isinstance(leaf, Symbol) else leaf.placed(ref)
                  if isinstance(leaf, Length) else leaf)


def with_values(x: Any, values: Mapping[str, Any], n: int) -> Any:
    """Arguments or outputs with values in place of references, for a batch of n."""
    def value(ref: Ref) -> Any:
        found = values[ref.node]
        for i in ref.path:
            found = found[i]
        return found

    def one(leaf: Any) -> Any:
        if type(leaf) is Ref:
            return value(leaf)
        if isinstance(leaf, Length):
            return leaf.evaluated(lambda number: number_for_batch(number, n), lambda ref, axis: value(ref).shape[axis])
        return number_for_batch(leaf, n) if is_int(leaf) else leaf

    return mapped(x, one)


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
    def one(leaf: Any) -> Any:
        if isinstance(leaf, Tensor) and leaf.data is old and not isinstance(leaf, Parameter):
            leaf.data = new
            leaf.touch()
        return new if leaf is old else leaf
    return mapped(x, one)


def refs_in(x: Any) -> list[Ref]:
    """All references, also those of the nodes from whose lengths an argument is computed."""
    return [ref for leaf in leaves(x)
            for ref in (leaf.places if isinstance(leaf, Length) else [leaf] if isinstance(leaf, Ref) else [])]


# --- shapes ---------------------------------------------------------------------------------------------------

def shape_in(result: Any, other: Any = None) -> Any:
    """The shape of a result, the batch size as "n" and None for an axis in which the second trial differs."""
    if isinstance(result, tuple):
        return tuple([shape_in(part, other and other[i]) for i, part in enumerate(result)])
    if result is None:
        return None
    others = result.shape if other is None else other.shape
    return tuple([None if a != b else a if in_batches(a)[0] == 0 else spell_number(a)
                  for a, b in zip(result.shape, others, strict=True)])


def shown(shape: tuple | None) -> str:
    """("n", 6, 28, None) -> "(n, 6, 28, None)" """
    return str(shape).replace("'", "")


def single(result: Any, other: Any = None) -> list[tuple]:
    """The shapes of a result, or of each in a tuple."""
    if isinstance(result, tuple):
        return [shape for i, part in enumerate(result) for shape in single(part, other and other[i])]
    return [] if result is None else [shape_in(result, other)]
