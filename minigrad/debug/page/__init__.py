"""The page of a trace: one HTML file that shows a walk event by event, offline, with a graph, a timeline and tables."""

from .page import inline, page

__all__ = ["inline", "page"]
