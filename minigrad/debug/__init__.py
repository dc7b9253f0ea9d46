"""Watching backpropagation: the walk, event by event, at a prompt or in a program; what a forward pass did.

    debug.step(loss)                                    # a prompt, instead of loss.backward()
    for event in debug.walk(loss): ...                  # the same as events
    tr = debug.trace(loss)                              # the same as a record, to keep and compare
    with debug.breaks("nan"): loss.backward()           # an exception where nan appears
    debug.compare(my_rule, "conv2d", x, w)              # a rule of your own beside the engine's
    debug.check(f, x)                                   # gradients beside differences of values
    with debug.record() as recorder: ...                # lines, layers and values of the forward pass
"""

from .breakpoints import BreakpointError, GradientBreak, breaks
from .check import Verdict, check, check_rule
from .compare import Comparison, compare
from .diff import Diff
from .events import Event
from .expressions import ExpressionError
from .health import GradientHealth
from .nonfinite import Origin
from .previews import Preview
from .printed import UnknownOpError, step_model
from .prompt import Quit, step
from .record import Recorder, record
from .trace import Trace, trace
from .traced import TracedEvent
from .walk import walk
from .why import Reason, why

__all__ = ["BreakpointError", "Comparison", "Diff", "Event", "ExpressionError", "GradientBreak", "GradientHealth",
           "Origin", "Preview", "Quit", "Reason", "Recorder", "Trace", "TracedEvent", "UnknownOpError", "Verdict",
           "breaks", "check", "check_rule", "compare", "record", "step", "step_model", "trace", "walk", "why"]
