"""`debug.record()`: what the tape does not keep. Source line, layer, inputs and output of every call put on it.

    with debug.record() as recorder:
        loss = cross_entropy(model(x), target)
    for event in debug.walk(loss): ...              # events now tell layer and line
    recorder.first_nonfinite()                      # the first call that made nan or inf, or None
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from ..backend import Array
from ..fused import Fused
from ..op import Op
from ..tensor import LEAF, Node, Output, Tensor, observer, recording
from .nonfinite import Origin, find_origin

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@dataclass(frozen=True)
class Line:
    """A line of source: `train.py:31`."""

    filename: str
    number: int

    @property
    def text(self) -> str:
        return linecache.getline(self.filename, self.number).strip()

    def __str__(self) -> str:
        return f"{short(self.filename)}:{self.number}"


@dataclass(eq=False)
class Call:
    """What was seen of one call. It hangs on the node, so it holds arrays: the output's tensor would make a cycle."""

    op: Op
    layer: str                          # dotted path of the layer that made the call, "" outside of all
    source: Line | None                 # the line of the user's code
    inside: tuple[str, ...]             # the fused ops in whose definitions it happened, outermost first
    definition: Line | None             # the line of the innermost of these definitions
    arguments: tuple[Any, ...]          # arrays, and what is none
    outputs: tuple[Array, ...]
    leaves: dict[int, str] = field(default_factory=dict)        # position of an argument -> name of the leaf it is
    modules: list[Any] = field(default_factory=list)            # the outermost layers that ran while it was noted

    def __str__(self) -> str:
        places = [f"layer {self.layer}"] * bool(self.layer) + [str(self.source)] * bool(self.source)
        inside = f" inside {' inside '.join(reversed(self.inside))}" if self.inside else ""
        return f"{self.op.name}{inside}" + (f" ({', '.join(places)})" if places else "")


class Recorder:
    """The observer of the calls inside `debug.record()`: `calls`, in the order of the forward pass.

    The calls refer to the arrays themselves, not to copies: ask before the next optimizer step changes the parameters.
    """

    def __init__(self, sources: bool = True, keeps: bool = True):
        self.calls: list[Call] = []
        self.sources, self.keeps = sources, keeps       # keeps: False leaves the calls to the tape, as long as it lives
        self._node = ""                                 # of the graph that is running
        self._layers: list[tuple[str, Any]] = []        # of the layers that are running, outermost first: path, root
        self._names: dict[int, str] = {}                # id of a parameter or layer -> dotted name
        self._kept: list[Any] = []                      # their owners, so that no id is used twice

    # --- what the engine calls ------------------------------------------------------------------------------
    def enter(self, module: Any) -> None:
        """A layer begins its forward."""
        if not self._layers:
            self._kept.append(module)
            inside = {id(m): path for path, m in module.named_modules()}
            if len(inside) == 1:
                inside = {id(module): type(module).__name__.lower()}
            self._names |= inside | {id(p): name for name, p in module.named_parameters()}
        path = self._names.get(id(module))
        if path is None:                                # made on the fly: named after its kind, below its caller
            path = ".".join([part for part in (self._layers[-1][0], type(module).__name__.lower()) if part])
        self._layers.append((path, module))
        self._node = ""

    def leave(self) -> None:
        """The layer that was entered last is done."""
        self._layers.pop()
        self._node = ""

    def within(self, node: str) -> None:
        """The graph that is running comes to this node: an op there goes by its name."""
        self._node = node

    def _where(self) -> str:
        """The path of what is running."""
        return ".".join([part for part in (self._layers[-1][0] if self._layers else "", self._node) if part])

    def note(self, op: Op, args: Sequence, out: Any) -> None:
        """A call was put on the tape."""
        if op.name == "alias":                          # the door of a definition, no call of anybody's
            return
        outputs = out if type(out) is tuple else (out,)
        source, inside, definition = whence(sys._getframe(2))
        call = Call(op, self._where(), source.line if self.sources and source else None,
                    inside, definition, tuple([a.data if isinstance(a, Tensor) else a for a in args]),
                    tuple([y.data for y in outputs]), modules=self._kept)
        for i, a in enumerate(args):
            if isinstance(a, Tensor) and a.node is LEAF:
                call.leaves[i] = self._names.get(id(a)) or (source.name_of(a) if source else "")
        node: Any = next((node_of(y) for y in outputs if y.node is not None), None)
        if node is not None:
            node.note = call
        if self.keeps:
            self.calls.append(call)

    # --- what the user asks ---------------------------------------------------------------------------------
    def first_nonfinite(self) -> Origin | None:
        """The first call that made nan or inf out of finite inputs, or that was given them by the batch or a parameter.

        None if all is finite. str() of the answer is one line, `log (layer f6, train.py:31) made nan: x (64, 10) has
        3 values <= 0`.
        An infinity that was asked for (`where(mask, scores, -inf)`) is not blamed.
        """
        return find_origin(self.calls)

    def __repr__(self) -> str:
        return f"<Recorder: {len(self.calls)} calls>"


@contextmanager
def record(sources: bool = True) -> Iterator[Recorder]:
    """Watch the calls made inside; also those inside `no_grad()`, if it surrounds this.

    sources: note the line of the user's code that made each call. Everything seen stays in memory as long as the tape
    or the recorder does, so this is for looking, not for training.
    """
    with noting(Recorder(sources)) as recorder:
        yield recorder


@contextmanager
def noting(recorder: Recorder, always: bool = True) -> Iterator[Recorder]:
    """Let a recorder see the calls. always: also those inside a `no_grad()` around this, which then records."""
    watching = observer.set(recorder)
    kept = recording.set(recorder) if always or recording.get() else None
    try:
        yield recorder
    finally:
        if kept is not None:
            recording.reset(kept)
        observer.reset(watching)


def node_of(y: Tensor) -> Node:
    return y.node.node if type(y.node) is Output else y.node


# --- where a call was made ------------------------------------------------------------------------------------

class Source:
    """The frame of the user's code that made a call."""

    def __init__(self, frame: FrameType):
        self.frame = frame
        self.line = Line(frame.f_code.co_filename, frame.f_lineno)

    def name_of(self, x: Tensor) -> str:
        """The variable that holds this very tensor there; "" if none does."""
        for scope in (self.frame.f_locals, self.frame.f_globals):
            for name, value in list(scope.items()):
                if value is x and not name.startswith("_"):
                    return name
        return ""


def whence(frame: FrameType | None) -> tuple[Source | None, tuple[str, ...], Line | None]:
    """The user's frame, the fused ops whose definitions are running, and the line of the innermost of these."""
    inside: list[str] = []
    source, definition, below = None, None, None
    while frame is not None:
        if frame.f_code is Fused.enter.__code__ and below is not None:
            inside.insert(0, frame.f_locals["self"].name)
            definition = definition or Line(below.f_code.co_filename, below.f_lineno)
            source = None                               # a definition may be the user's too: the call is further out
        elif source is None and not frame.f_code.co_filename.startswith(PACKAGE):
            source = Source(frame)
        below, frame = frame, frame.f_back
    return source, tuple(inside), definition


def short(filename: str) -> str:
    """The file's own name; of a notebook's cell, `In[3]`."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    cell = shell.compile.format_code_name(filename) if shell else None
    return cell[1].replace(" ", "") if cell else os.path.basename(filename)
