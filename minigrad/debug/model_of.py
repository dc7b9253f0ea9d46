"""The layer graph behind a walk, where there is one: what its summary knows goes into a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import is_array
from ..graph import Graph
from ..tensor import Node
from .record import Call


def summary_of_model(order: Iterable[Node]) -> dict[str, Any] | None:
    """`graph.summary(...).to_dict()` of the one graph that was called in the recorded forward pass, at the size of its
    inputs there; None where no graph was called, or something else too."""
    noted = [node.note for node in order if node.note]
    called = list({id(module): module for note in noted for module in note.modules}.values())
    if len(called) != 1 or not isinstance(called[0], Graph):
        return None
    graph = called[0]
    shapes = [shape_given(graph, name, noted) for name in graph.inputs]
    try:
        return graph.summary(*[shape for shape in shapes if shape is not None]).to_dict()
    except (TypeError, ValueError):         # some shapes are not on the tape
        return graph.summary().to_dict()


def shape_given(graph: Graph, name: str, noted: Iterable[Call]) -> tuple[int, ...] | None:
    """What came as an input, without the batch: the first argument of a call that reads that input alone."""
    readers = {node.name for node in graph.nodes if node.inputs == (name,)}
    return next((tuple(note.arguments[0].shape[1:]) for note in noted
                 if note.layer in readers and not note.inside and is_array(note.arguments[0])), None)
