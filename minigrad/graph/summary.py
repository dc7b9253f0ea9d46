"""What a graph is made of, as a table: shapes, parameters, multiplications."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ..fused import Fused
from ..meta import Meta, counting
from ..nn.module import Module, Parameter
from ..op import Op
from ..tensor import no_grad
from .symbol import BATCH, Call, Symbol, calls_behind, shape_of, spell

if TYPE_CHECKING:
    from .graph import Graph, Node


class Row(NamedTuple):
    """What the table says of one node."""

    name: str
    kind: str
    inputs: str
    shape: str
    parameters: int
    multiplications: int        # for one example


def summary(graph: Graph) -> str:
    """The table of `Graph.summary`, with the totals in its last line."""
    rows = summary_rows(graph)
    total = Row("total", "", "", "", sum([r.parameters for r in rows]), sum([r.multiplications for r in rows]))
    heads = ("node", "kind", "inputs", "output", "parameters", "multiplications")
    cells = [heads, *[(*r[:4], f"{r.parameters:,}", f"{r.multiplications:,}") for r in [*rows, total]]]
    widths = [max([len(row[i]) for row in cells]) for i in range(len(heads))]
    lines = ["  ".join([cell.ljust(w) if i < 4 else cell.rjust(w)
                        for i, (cell, w) in enumerate(zip(row, widths, strict=True))]) for row in cells]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary_rows(graph: Graph) -> list[Row]:
    """A row a node. A parameter that several nodes share counts at the first of them."""
    seen: set[int] = set()
    rows = []
    for node in graph.nodes:
        own = [p for p in parameters_of(node) if id(p) not in seen]
        seen.update([id(p) for p in own])
        shapes = ", ".join([spell(y.shape) for y in results(node.result)])
        rows.append(Row(node.name, node.kind, ", ".join(node.inputs), shapes, sum([p.data.size for p in own]),
                        multiplications(graph, node)))
    return rows


def parameters_of(node: Node) -> list[Parameter]:
    """Of its layer, and among its arguments, each once."""
    from .graph import leaves

    own = list(node.what.parameters()) if isinstance(node.what, Module) else []
    return list({id(p): p for p in [*own, *leaves(node.args)] if isinstance(p, Parameter)}.values())


def results(result: Any) -> list[Meta]:
    return [y for part in result for y in results(part)] if isinstance(result, tuple) else [] if result is None \
        else [result]


def multiplications(graph: Graph, node: Node) -> int:
    """How many multiplications of its matrix products one example takes; elementwise ones are not counted.

    Nothing here knows of convolutions or attention: a layer's forward runs on symbols, which shows its ops; an op's
    definition likewise; and so on down to matrix products, whose shapes tell.
    """
    if node.what is None:
        return 0
    args = with_symbols(node.args, graph)
    token = counting.set(True)
    try:
        with no_grad():
            if isinstance(node.what, Op):
                y = node.what(*args)
            else:
                y = shape_of(node.what, node.what.forward, args)
            return products_behind(y) // BATCH
    finally:
        counting.reset(token)


def with_symbols(x: Any, graph: Graph) -> Any:
    """Arguments with a fresh symbol in place of each reference: what lies behind it is another node's."""
    from .graph import Ref

    if isinstance(x, Ref):
        y = graph.node(x.node).result
        for i in x.path:
            y = y[i]
        return Symbol(y, Call(None, (), y))
    return type(x)([with_symbols(part, graph) for part in x]) if type(x) in (tuple, list) else x


def products_behind(y: Any) -> int:
    """The multiplications of the matrix products that `y`, a symbol or a tuple of them, is computed from."""
    ends = [part for part in y if isinstance(part, Symbol)] if isinstance(y, tuple) else [y]
    return sum([products_in(call) for call in calls_behind(ends) if isinstance(call.what, Op)])


def products_in(call: Call) -> int:
    """The multiplications of one op's call."""
    if isinstance(call.what, Fused):
        return products_behind(call.what.definition(*[fresh(a) for a in call.args]))
    if call.kind == "matmul":                   # (..., m, k) @ (..., k, n): k for each element of the result
        return call.result.size * call.args[0].shape[-1]
    if call.kind == "contract":                 # einsum of several: one for each combination of all letters
        *operands, subscripts = call.args
        terms = subscripts.partition("->")[0].split(",")
        sizes = {letter: n for term, x in zip(terms, operands, strict=True)
                 for letter, n in zip(term, x.shape, strict=True)}
        return prod(sizes.values()) if len(operands) > 1 else 0
    return 0


def fresh(x: Any) -> Any:
    """An argument for a definition: a symbol that begins there."""
    return Symbol(x.data, Call(None, (), x.data)) if isinstance(x, Symbol) else x
