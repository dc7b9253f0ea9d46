"""What a graph is made of, as a table: shapes, windows, parameters, multiplications, receptive fields, memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from ..files import write_atomically
from ..geometry import each
from ..nn.module import Module, Parameter
from ..op import Op
from . import table
from .arguments import argument_names
from .build import make_node, named
from .cost import Multiplications
from .graph import Graph
from .inside import of_one_example, only_counting
from .length import TRIALS
from .nested import leaves
from .node import Node
from .receptive import ReceptiveField, ReceptiveFields, parts_of
from .symbol import Call, Input, Symbol, calls_behind, noted, symbols_in


class Window(NamedTuple):
    """Where the windows of a convolution or pooling lie, a number for each axis; padding may be "same" or "valid"."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int

    def __str__(self) -> str:
        """5x5 s1 p0; if there is something to say also d2 for the dilation, g4 for the groups."""
        text = f"{table.product(self.kernel_size)} s{table.product(self.stride, once=True)}"
        text += f" {self.padding}" if isinstance(self.padding, str) else f" p{table.product(self.padding, once=True)}"
        text += f" d{table.product(self.dilation, once=True)}" if set(self.dilation) != {1} else ""
        return text + (f" g{self.groups}" if self.groups != 1 else "")


@dataclass(frozen=True)
class Row:
    """What the table says of one node. Shapes have the batch as "n", and None for an axis that is left open."""

    name: str
    kind: str
    inputs: tuple[str, ...]                     # names of nodes
    input_shapes: tuple[tuple, ...]
    output_shapes: tuple[tuple, ...]
    window: Window | None
    parameters: int                             # those that an earlier node has too do not count again
    trainable: int                              # of these
    parameter_bytes: int
    multiplications: int | None                 # of the matrix products, for one example; None where it is not known
    receptive_field: tuple[int | str, ...] | None       # along each axis, or "all"; None where it is not known
    jump: tuple[float, ...] | None              # how far apart in the input the neighbours of the output look
    memory: int | None                          # bytes of the output, for one example


@dataclass(frozen=True, repr=False)
class Summary:
    """A row for each node of a graph, and the totals. It prints as a table; `graph.summary()` makes it.

    The multiplications are those of the matrix products that convolutions, linear layers, attention and so on are made
    of, for one example; elementwise ones do not count. A receptive field is how many places of the input an element
    sees along each axis, as `receptive_field` counts, or "all". Memory is that of the outputs of the nodes for one
    example; "-" is said of what is not known.
    """

    rows: list[Row]
    error: str | None = None     # what the layer of the last row raised, if it did

    @property
    def parameters(self) -> int:
        """Of all layers; those that several share count once."""
        return sum([row.parameters for row in self.rows])

    @property
    def trainable(self) -> int:
        """Of the parameters, those that require gradients."""
        return sum([row.trainable for row in self.rows])

    @property
    def multiplications(self) -> int:
        """For one example; where a node's are not known, those of the others."""
        return sum([row.multiplications or 0 for row in self.rows])

    @property
    def memory(self) -> int:
        """Bytes of the outputs of all nodes for one example, inputs included; where one is not known, of the others."""
        return sum([row.memory or 0 for row in self.rows])

    @property
    def parameter_bytes(self) -> int:
        """Bytes of all parameters."""
        return sum([row.parameter_bytes for row in self.rows])

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        """The row of a node."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"the summary has no row {name!r}; it has {', '.join([row.name for row in self.rows][:12])}")

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table.html(self)

    def to_text(self, width: int | None = 80) -> str:
        """A table, as wide as `width` columns if that can be done; None: as wide as it takes to say everything.

        A narrow one has the windows beside the kind, names without the part they share, RF for the receptive field, K
        and M for KiB and MiB, and at last no input shapes.
        """
        return table.text(self, width)

    def to_markdown(self) -> str:
        """A table in Markdown."""
        return table.markdown(self)

    def to_csv(self, path: Any = None) -> str | None:
        """Comma-separated values, plain numbers, a line for each node and the totals at the end.

        Returns the text; with a path it is written to that file, whole or not at all. Raises OSError, naming it, where
        it cannot be written.
        """
        content = table.csv(self)
        if path is None:
            return content
        path = Path(path)
        try:
            write_atomically(path, lambda temporary: temporary.write_text(content, encoding="utf-8", newline=""))
        except OSError as error:
            raise type(error)(f"{path}: the summary cannot be written ({error.strerror or error})") from error
        return None

    def to_dict(self) -> dict[str, Any]:
        """{"nodes": [{"name": ..., "kind": ..., ...}], "total": {"parameters": ..., ...}}: what JSON can hold."""
        return {"nodes": [as_dict(row) for row in self.rows],
                "total": {"parameters": self.parameters, "trainable": self.trainable,
                          "multiplications": self.multiplications, "memory": self.memory,
                          "parameter_bytes": self.parameter_bytes},
                **({"error": self.error} if self.error else {})}


def as_dict(row: Row) -> dict[str, Any]:
    """A row as JSON can hold it."""
    window = row.window._asdict() if row.window else dict.fromkeys(Window._fields)
    values = {"name": row.name, "kind": row.kind, "inputs": row.inputs, "input_shapes": row.input_shapes,
              "output_shapes": row.output_shapes, **window, "parameters": row.parameters, "trainable": row.trainable,
              "parameter_bytes": row.parameter_bytes, "multiplications": row.multiplications,
              "receptive_field": row.receptive_field, "jump": row.jump, "memory": row.memory}
    return {key: as_lists(value) for key, value in values.items()}


def as_lists(x: Any) -> Any:
    return [as_lists(part) for part in x] if isinstance(x, tuple) else x


# --- making one -----------------------------------------------------------------------------------------------

def summary(model: Module, *shapes: Any, dtypes: Any = None) -> Summary:
    """What a model is made of, node by node: a table with shapes, parameters, multiplications, receptive fields.

    model: a Graph, or any Module with a forward, which is called on symbols. shapes: of each input, without the batch
    axis; a graph knows them already, and with shapes is asked about those. dtypes: of the inputs of a module, one or a
    list, by default float32; indices need "int64".

    >>> from minigrad import nn, summary
    >>> summary(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), (3, 32, 32)).multiplications
    194400

    Where a layer raises, so does this, and the error has the table up to that layer: as a note, which a traceback
    shows, and as its attribute `summary`. Raises TypeError for what is no Module, and where shapes are missing.
    """
    if isinstance(model, Graph):
        return summary_of(model, *shapes)
    if not isinstance(model, Module):
        raise TypeError(f"summary: expected a Graph or a Module, {type(model).__name__} came")
    if not shapes:
        raise TypeError(f"summary: the shape of each input of {type(model).__name__} is missing, without the batch: "
                        "summary(model, (3, 224, 224))")
    kinds = list(dtypes) if isinstance(dtypes, (list, tuple)) else [dtypes or "float32"] * len(shapes)
    if len(kinds) != len(shapes):
        raise ValueError(f"summary: {len(shapes)} shapes and {len(kinds)} dtypes came: one for each input is expected, "
                         "or one dtype for all")
    inputs = [Input(shape, dtype) for shape, dtype in zip(shapes, kinds, strict=True)]
    with table_of_what_ran():
        with only_counting():
            y = model(*inputs)
        ends = [x for x in leaves(y) if isinstance(x, Symbol)]
        behind = calls_behind(ends)
        graph = Graph([x for x in inputs if x.call in behind], ends)
    return summarised(graph.nodes)


def summary_of(graph: Graph, *shapes: Any) -> Summary:
    """The summary of a graph; with shapes, of the same graph at another size."""
    if not shapes:
        return summarised(graph.nodes)
    with table_of_what_ran():
        sized = graph.sized(*shapes)
    return summarised(sized.nodes)


def summarised(nodes: Sequence[Node], error: str | None = None) -> Summary:
    """A row a node, in the order in which they run."""
    trials, seen, rows = [Trial() for _ in TRIALS], set(), []
    if all([node.other is None for node in nodes]):
        del trials[1:]
    shapes = {node.name: node.shape for node in nodes}
    for node in nodes:
        own = [p for p in parameters_of(node) if id(p) not in seen]
        seen.update([id(p) for p in own])
        taken, given = input_shapes(node, shapes), tuple([shape for _, shape in shapes_in(node.shape)])
        axes = max([len(shape) for shape in (*taken, *given)], default=0)
        results = (node.result, node.result if node.other is None else node.other)
        found = [trial.of(node, result) for trial, result in zip(trials, results, strict=False)]
        work, view, memory = [first if all([first == other for other in others]) else None      # a size decides
                              for first, *others in zip(*found, strict=True)]
        rows.append(Row(
            node.name, node.kind, node.inputs, taken, given, window_of(node, axes), sum([p.data.size for p in own]),
            sum([p.data.size for p in own if p.requires_grad]), sum([p.data.nbytes for p in own]), work,
            view and view.sizes, tuple([float(n) for n in view.jump]) if view and view.jump else None, memory))
    return Summary(rows, error)


class Trial:
    """What follows from the sizes of one trial: where axes are open, two trials tell what depends on them."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.work, self.fields = Multiplications(), ReceptiveFields()

    def of(self, node: Node, result: Any) -> tuple[int | None, ReceptiveField | None, int | None]:
        """Multiplications, receptive field and memory of a node."""
        found = self.work.of(node, self.results), self.fields.of(node, result), memory_of(result)
        self.results[node.name] = result
        return found


def parameters_of(node: Node) -> list[Parameter]:
    """Of its layer, and among its arguments, each once."""
    own = list(node.what.parameters()) if isinstance(node.what, Module) else []
    every = [*own, *leaves([node.args, node.options])]
    return list({id(p): p for p in every if isinstance(p, Parameter)}.values())


def shapes_in(shape: Any) -> list[tuple[tuple, tuple]]:
    """(path, shape) of a node's shape: of one result, or of those in a tuple."""
    if shape is None:
        return []
    if any([isinstance(part, tuple) for part in shape]):
        return [((i, *path), found) for i, part in enumerate(shape) for path, found in shapes_in(part)]
    return [((), shape)]


def input_shapes(node: Node, shapes: Mapping[str, Any]) -> tuple[tuple, ...]:
    """Of the results of other nodes that it takes, each once."""
    return tuple([dict(shapes_in(shapes[ref.node]))[ref.path] for ref in dict.fromkeys(node.refs)])


def memory_of(result: Any) -> int | None:
    """Bytes of the arrays that come out, for one example."""
    if result is None:
        return None
    try:
        return sum([prod(of_one_example(y.shape)) * y.dtype.itemsize for _, y in parts_of(result)])
    except ValueError:                  # an axis whose length is made of the batch size in a way that is not known
        return None


def window_of(node: Node, axes: int) -> Window | None:
    """The window of a layer, or of an op, that has one. axes: how many its input or output has, whichever has more."""
    given = vars(node.what) if isinstance(node.what, Module) else \
        dict(zip(argument_names(node), node.args, strict=True)) if node.what else {}
    kernel = given.get("kernel_size")
    if kernel is None and isinstance(node.what, Op) and node.what.name.startswith("conv"):
        kernel = tuple(getattr(given["weight"], "shape", ())[2:]) or None
    if kernel is None:
        return None
    n = len(kernel) if isinstance(kernel, (tuple, list)) else max(1, axes - 2)
    stride, padding = given.get("stride"), given.get("padding", 0)
    try:
        return Window(each(kernel, n, "kernel_size"), each(kernel if stride is None else stride, n, "stride"),
                      padding if isinstance(padding, str) else each(padding, n, "padding"),
                      each(given.get("dilation", 1), n, "dilation"), int(given.get("groups", 1)))
    except (ValueError, TypeError):     # somebody's own layer means something else by these names
        return None


# --- of a module that may raise -------------------------------------------------------------------------------

@contextmanager
def table_of_what_ran() -> Iterator[None]:
    """Inside, an error gets the table of the nodes that were built before, the one that raised as the last.

    The error is the same one: its message stays, the table is its note and its attribute `summary`.
    """
    calls: list[Call] = []
    token = noted.set(calls)
    try:
        yield
    except Exception as error:
        noted.set(None)
        with suppress(ValueError):          # two nodes of one name, which may be the very error
            if calls:
                found = partial(calls, error)
                error.summary = found                               # type: ignore[attr-defined]
                error.add_note(f"what was built before:\n{found}")
        raise
    finally:
        noted.reset(token)


def partial(calls: list[Call], error: Exception) -> Summary:
    """The summary of calls, the last of which may have failed."""
    inputs = {x.call for call in calls for x in symbols_in([call.args, call.options]) if x.call.what is None}
    everything = sorted([*inputs, *calls], key=lambda call: call.date)
    names = dict(zip(everything, named(everything), strict=True))
    nodes = [make_node(call, call.what is None, names) for call in everything]
    last = nodes[-1]
    where = f"{last.name} ({last.kind})" if last.result is None else f"behind {last.name}, the forward"
    return summarised(nodes, f"{where} raised {type(error).__name__}: {error}")
