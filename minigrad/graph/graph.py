"""Graph: a model as a plain list of nodes.

    x = Input((1, 28, 28), name="image")
    h = nn.Flatten()(x)
    y = nn.Linear(784, 10)(h, name="fc")
    model = Graph(x, y)                 # an nn.Module: model(images), model.parameters(), model.eval() ...
    model.node("fc").shape              # ("n", 10)
    model.run(images, at="flatten_1")   # the value of an inner node
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..backend import Array, is_array
from ..misuse import REFUSALS
from ..nn.module import Module, Parameter
from ..nn.scope import symbol_in
from ..settings import fusing
from ..tensor import Tensor, observer
from .arguments import argument_names, exchanged, named_leaves, names_in_modules, own_names, takes_values
from .batch_size import BATCH, spell
from .build import check_inputs, check_symbols, checked_train_only, make_node, named, several
from .check import check_state_names, checked
from .near_sizes import say_near
from .nested import leaves
from .node import Node, called, refs_in, say_where, shown, with_refs, with_values
from .plan import Plan, plan
from .replay import name_within, replayed
from .symbol import Input, Symbol, calls_behind

if TYPE_CHECKING:
    from .draw import Drawing
    from .summary import Summary


class Graph(Module):
    """The nodes between `inputs` and `outputs`, in an order in which they can run.

    inputs: a symbol, or a list of them: the positional arguments of a call. An inner symbol cuts the graph there.
    outputs: a symbol, a list of them (a call gives a tuple), or a dict of named ones (a call gives a dict).

    Nodes keep the names given with `name=`, or the path of a layer inside the module that was called; others are named
    by kind and number, `conv2d_1`. Of a layer that is used again the later nodes have a number, and its parameters the
    first one's name. A parameter among the arguments belongs to the graph under its path in the module that was called,
    else as `<node>.<argument>`; so do arrays and constant tensors, as buffers. Inside a list or tuple it is
    `<node>.<argument>.<position>`.
    train_only: names of outputs, of a dict, that a call gives in train mode alone, as those of auxiliary heads.
    Raises ValueError for two nodes of one name and for symbols that do not hang together.
    """

    folded: tuple[tuple[str, str], ...] = ()        # what fold_batch_norm made one: names of (layer, BatchNorm)

    def __init__(self, inputs: Symbol | Sequence[Symbol], outputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol],
                 train_only: Sequence[str] = ()):
        starts = list(several(inputs, "inputs"))
        ends: Any = outputs if isinstance(outputs, Symbol) else dict(outputs) if isinstance(outputs, Mapping) \
            else several(outputs, "outputs")
        last = [x for x in leaves(ends) if x is not None]           # what attention gives may have a None in it
        check_symbols(starts, last)
        first = [x.call for x in starts]
        calls = calls_behind(last, first)
        names = dict(zip(calls, named(calls), strict=True))
        check_inputs(starts, calls, names)
        self._take([make_node(call, call in first, names) for call in calls], tuple([names[call] for call in first]),
                   with_refs(ends, names), train_only)
        paths = names_in_modules(self, calls)
        if paths:
            self._take(self.nodes, self.inputs, self.outputs, train_only, paths)
        check_state_names(self)

    @classmethod
    def of_nodes(cls, nodes: Sequence[Node], inputs: Sequence[str], outputs: Any, train_only: Sequence[str] = (),
                 state_names: Mapping[str, str] | None = None) -> Graph:
        """A graph of a list of nodes, each after those whose results it takes. All of it is checked (check.py).

        inputs: names of nodes that call nothing. outputs: a Ref, or a name for it, or a tuple, list or dict of them.
        state_names: where a layer, or an argument, has another name in the state dict than that of its first node.
        Raises TypeError or ValueError, naming the node, for names that are missing or come twice, for circles and a
        wrong order, for nodes that no output depends on, and for results that are not there.
        """
        graph = cls.__new__(cls)
        graph._take(*checked(nodes, inputs, outputs), train_only, state_names)
        check_state_names(graph)
        return graph

    def _take(self, nodes: list[Node], inputs: tuple[str, ...], outputs: Any, train_only: Sequence[str],
              state_names: Mapping[str, str] | None = None) -> None:
        """Be the graph of these nodes."""
        self.nodes, self.inputs, self.outputs = nodes, inputs, outputs
        self.train_only = checked_train_only(train_only, outputs)
        self.state_names = dict(state_names or {})
        self._by_name = {node.name: node for node in self.nodes}
        self._plans: dict[tuple, Plan] = {}        # (names of what is wanted, whether neighbours may run as one)
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
        constants = self._constants() if "." in name or name in vars(self).get("state_names", {}).values() else {}
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
        if symbol_in(xs) is not None:
            return with_values(self.outputs, replayed(self, xs, name_within), BATCH)
        outputs = self._outputs_now()
        return with_values(outputs, self._run(xs, tuple([ref.node for ref in refs_in(outputs)])), 0)

    def _outputs_now(self) -> Any:
        """The outputs that a call gives: in evaluation without those of training alone."""
        if self.train_only and not self.training:
            return {name: ref for name, ref in self.outputs.items() if name not in self.train_only}
        return self.outputs

    def run(self, *xs: Any, at: str | Sequence[str] | None = None) -> Any:
        """The outputs, as a call gives them; or the values at inner nodes: of one by name, of several as a dict.

        The name of a block stands for the node in it whose result is read outside, as in `cut`.
        """
        if at is None:
            return self(*xs)
        from . import surgery
        nodes = {name: surgery.exit_of(self, "run", name) for name in surgery.named(at, "run")}
        self._check_arguments(xs)
        values = self._run(xs, tuple(nodes.values()))
        return values[nodes[at]] if isinstance(at, str) else {name: values[node] for name, node in nodes.items()}

    def sized(self, *shapes: Sequence[int]) -> Graph:
        """The same graph, its layers and names included, for inputs of these shapes (the batch axis left out).

        So the shapes inside are known where axes are open. Raises the error of the node that cannot work with
        such a size.
        """
        if len(shapes) != len(self.inputs):
            raise TypeError(f"sized: this graph has {len(self.inputs)} inputs ({', '.join(self.inputs)}), "
                            f"{len(shapes)} shapes came")
        for name, shape in zip(self.inputs, shapes, strict=True):
            known = self.node(name).shape[1:]
            if (len(shape) if hasattr(shape, "__len__") else 1) != len(known):
                raise ValueError(f"sized: input {name} has the axes {shown(known)} without the batch, {shape} came")
        inputs = [Input(shape, self.node(name).result.dtype, name)
                  for name, shape in zip(self.inputs, shapes, strict=True)]
        try:
            values = replayed(self, inputs, lambda node: node.name)
        except REFUSALS as error:
            say_near(error, self, tuple(shapes[0]))
            raise
        graph = Graph(inputs, with_values(self.outputs, values, BATCH), self.train_only)
        graph = Graph.of_nodes(graph.nodes, graph.inputs, graph.outputs, self.train_only, self.state_names)
        return graph.train(self.training)

    def _run(self, xs: Sequence, wanted: tuple[str, ...]) -> dict[str, Any]:
        """Node name -> value, of the wanted ones; what nobody needs any more is dropped on the way."""
        n = xs[0].shape[0]
        values = dict(zip(self.inputs, xs, strict=True))
        watcher = observer.get()
        for step in self._plan(wanted, fusing.get() and watcher is None):
            node = step.nodes[0]
            try:
                if step.fusion is None or not step.fusion.ran(values):
                    for node, plain in zip(step.nodes, step.are_plain, strict=True):
                        if node.what is not None and node.name not in values:
                            if watcher is not None:
                                watcher.within(node.name)
                            values[node.name] = called(node, plain, values, n)
            except REFUSALS as error:
                say_where(error, node.name, dict(zip(self.inputs, xs, strict=True)))
                if len(node.inputs) > 1:
                    say_near(error, self, xs[0].shape[1:])
                raise
            for name in step.spent:
                values.pop(name, None)
        return values

    def _plan(self, wanted: tuple[str, ...], fuse: bool) -> Plan:
        if (wanted, fuse) not in self._plans:
            self._plans[wanted, fuse] = plan(self._by_name, self.inputs, wanted, fuse)
        return self._plans[wanted, fuse]

    def plan(self) -> Plan:
        """The steps in which a call runs the nodes: a list that prints as a table, and says what runs in one pass.

        Neighbours run in one pass inside `config(fuse=True)`, the default, with float32 or float64 arrays on the CPU,
        where no hook or debugger looks at them one by one. See fuse.py for which.
        """
        return self._plan(tuple([ref.node for ref in refs_in(self._outputs_now())]), fusing.get())

    def _check_arguments(self, xs: Sequence) -> None:
        nodes = [self._by_name[name] for name in self.inputs]
        if len(xs) != len(nodes):
            raise TypeError(f"this graph takes {len(nodes)} inputs ({', '.join(self.inputs)}), {len(xs)} came")
        for node, x in zip(nodes, xs, strict=True):
            if not hasattr(x, "shape"):
                raise TypeError(f"input {node.name} expects a tensor of shape {shown(node.shape)}, {type(x).__name__} "
                                "came: minigrad.tensor(...) makes one")
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
                layers.setdefault(id(node.what), (self.state_names.get(node.name, node.name), node.what))
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
        """(name, value) of the arguments of the nodes that take arrays or tensors. A layer's own parameters and
        buffers keep their names."""
        found: list[tuple[str, Any]] = []
        for node in self.nodes:
            if node.what is not None and takes_values(node):
                taken = own_names(node.what) if isinstance(node.what, Module) else set()
                for name, x in [*zip(argument_names(node), node.args, strict=True), *node.options.items()]:
                    while name in taken:
                        name += "_"
                    found += named_leaves(f"{node.name}.{name}", x)
        return [(self.state_names.get(name, name), x) for name, x in found] if self.state_names else found

    def summary(self, *shapes: Any) -> Summary:
        """A table of the nodes: shapes, windows, parameters, multiplications, receptive fields, memory; and totals.

        shapes: of each input, without the batch axis: what it is at another size, or where axes are left open. It
        prints as a table; see `minigrad.graph.Summary` for what else it gives.
        """
        from .summary import summary_of
        return summary_of(self, *shapes)

    def draw(self, path: str | PathLike[str] | None = None, **options: Any) -> Drawing:
        """A picture of it, which a notebook shows and `path` keeps: .svg, .html (blocks open on a click), .png.

        Options of draw.draw: collapse=["layer2.*"], depth=1, direction="right", shapes="all", title="LeNet-5".
        """
        from .draw import draw
        return draw(self, path, **options)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the whole graph to a file, or a folder, from which `minigrad.load` rebuilds it. See save.save."""
        from .save import save
        save(self, path)

    # --- surgery: other graphs of the same layers -------------------------------------------------------------
    def cut(self, at: str | Sequence[str] | None = None, start: str | Sequence[str] | None = None, *,
            copy: bool = False) -> Graph:
        """The graph up to the node `at` (of several names, a dict), or what comes after `start`. See surgery.cut."""
        from .surgery import cut
        return cut(self, at, start, copy)

    def features(self, names: Sequence[str], *, copy: bool = False) -> Graph:
        """The graph that gives a dict, name -> the value of that node or block. See surgery.features."""
        from .surgery import features
        return features(self, names, copy)

    def replace_head(self, head: Any = None, *, num_classes: int | None = None, at: str | None = None,
                     output: Any = None, name: str | None = None, copy: bool = False) -> Graph:
        """The graph with another last layer, or all after `at` exchanged. See head.replace_head."""
        from .head import replace_head
        return replace_head(self, head, num_classes, at, output, name, copy)

    def freeze(self, until: str | Sequence[str] | None = None) -> Graph:
        """Freeze the layers that `until` depends on, itself included; without it all. See surgery.set_trainable."""
        from .surgery import set_trainable
        return set_trainable(self, "freeze", until, False)

    def unfreeze(self, until: str | Sequence[str] | None = None) -> Graph:
        """Let those layers learn again. See surgery.set_trainable."""
        from .surgery import set_trainable
        return set_trainable(self, "unfreeze", until, True)

    def fold_batch_norm(self) -> Graph:
        """A copy for inference, each BatchNorm after a convolution or Linear made part of it. See fold.py."""
        from .fold import fold_batch_norm
        return fold_batch_norm(self)
