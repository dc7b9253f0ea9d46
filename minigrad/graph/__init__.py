"""Models as data: a plain list of named calls, built by calling layers and ops on symbols."""

from .graph import Graph, Node, Ref
from .save import load, save
from .symbol import Input, Symbol

__all__ = ["Graph", "Input", "Node", "Ref", "Symbol", "load", "save"]
