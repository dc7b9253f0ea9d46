"""Models as data: a plain list of named calls, built by calling layers and ops on symbols."""

from .cost import bottleneck_cost, conv_cost, stack_weights
from .graph import Graph
from .node import Node, Ref
from .receptive import receptive_field
from .save import load, load_weights, save
from .summary import Summary, summary
from .symbol import Input, Symbol

__all__ = [
    "Graph", "Input", "Node", "Ref", "Summary", "Symbol", "bottleneck_cost", "conv_cost", "load", "load_weights",
    "receptive_field", "save", "stack_weights", "summary",
]
