"""Watching backpropagation: the walk, event by event; what a forward pass did, call by call."""

from .events import Event
from .nonfinite import Origin
from .record import Recorder, record
from .step import UnknownOpError, step_model
from .walk import walk

__all__ = ["Event", "Origin", "Recorder", "UnknownOpError", "record", "step_model", "walk"]
