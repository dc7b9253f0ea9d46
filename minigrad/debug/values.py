"""The arguments and the output of a call, as far as somebody kept them: a record, the tape itself, or a leaf."""

from __future__ import annotations

from typing import Any

from ..formula import Shape
from ..fused import Call as FusedCall
from ..tensor import Node, Tensor, bare


def values_of(node: Node) -> dict[str, Any]:
    """Name -> array, or number or option. An output is `y`; of an op with several they are `y0`, `y1`."""
    found: dict[str, Any] = {}
    if node.note:
        found = dict(zip(node.op.names, node.note.arguments, strict=True)) | outputs(node, node.note.outputs)
    elif isinstance(node.saved, FusedCall):
        found = dict(zip(node.op.names, map(bare, node.saved.args), strict=True)) | kept_outputs(node, node.saved)
    elif node.saved:
        found = {name: bare(kept) for name, kept in zip((*node.op.names, "y"), node.saved, strict=False)
                 if kept is not None and not isinstance(kept, Shape)}
    leaves = {name: edge.data for name, edge in zip(node.op.names, node.edges, strict=True) if isinstance(edge, Tensor)}
    known = leaves | found
    return {name: known[name] for name in node.op.names if name in known} | known       # as the signature has them


def kept_outputs(node: Node, call: FusedCall) -> dict[str, Any]:
    """What a fused call has of its outputs: its definition's, or, of an only one, the twin that its kernel kept."""
    if call.inside:
        ys = call.inside[1]
        return outputs(node, tuple(map(bare, ys if isinstance(ys, tuple) else (ys,))))
    return outputs(node, tuple(map(bare, call.outputs))) if call.outputs and not node.outputs else {}


def outputs(node: Node, arrays: tuple) -> dict[str, Any]:
    return {f"y{k}": y for k, y in enumerate(arrays)} if node.outputs else {"y": arrays[0]}


def arguments_of(node: Node) -> dict[str, Any] | None:
    """All arguments, in the order of the signature, to call the op again with; None if some are not kept."""
    known = values_of(node)
    found = {}
    for name, edge, default in zip(node.op.names, node.edges, node.op.defaults, strict=True):
        left_out = default is None and edge is None and node.saved      # the tape has it, and has None
        if name not in known and not left_out:
            return None
        found[name] = known.get(name)
    return found


def by_name(arrays: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same under names that an expression can have: of `arrays[0]`, `arrays[1]` a table `arrays` by position."""
    found: dict[str, Any] = {}
    for name, value in arrays.items():
        base, bracket, place = name.partition("[")
        if bracket:
            found.setdefault(prefix + base, {})[int(place.rstrip("]"))] = value
        else:
            found[prefix + name] = value
    return found
