"""Layouts of directed acyclic graphs in rows, blocks within blocks: sizes and edges in, coordinates and routes out.

After Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System Structures, 1981: rows, order
within the rows, coordinates, wires. Nothing here knows what is drawn.

    picture = layout({"a": (80, 30), "b": (80, 30)}, [Edge("a", "b")])
    picture.boxes["b"]              # Box(x=..., y=..., width=80, height=30)
    picture.routes[0]               # [(x, y), ...] from a's border to b's, horizontal and vertical by turns
"""

from .blocks import Layout, layout
from .parts import Box, Edge, Spacing

__all__ = ["Box", "Edge", "Layout", "Spacing", "layout"]
