"""What is on the tape behind a tensor."""

from __future__ import annotations

from minigrad.tensor import Node, Output, Tensor


def calls_on_tape(y: Tensor) -> list[Node]:
    """The recorded calls that a tensor was computed by, oldest first. What is inside a fused op counts as its call."""
    found: dict[int, Node] = {}
    stack = [y.node]
    while stack:
        place = stack.pop()
        node = place.node if isinstance(place, Output) else place
        if isinstance(node, Node) and node.serial not in found:
            found[node.serial] = node
            stack += node.edges
    return [found[serial] for serial in sorted(found)]


def names_on_tape(y: Tensor) -> list[str]:
    return [call.op.name for call in calls_on_tape(y)]
