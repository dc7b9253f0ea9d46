"""Watching backpropagation: the walk, event by event; what a forward pass did, call by call; how gradients fare."""

from .events import Event
from .health import GradientHealth
from .nonfinite import Origin
from .record import Recorder, record
from .step import UnknownOpError, step_model
from .walk import walk

__all__ = ["Event", "GradientHealth", "Origin", "Recorder", "UnknownOpError", "record", "step_model", "walk"]
