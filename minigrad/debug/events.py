"""The events of a walk. `print(event)` shows one; `event.kind` names it; the numbers are attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import hypot
from typing import Any, ClassVar

from ..backend import Array
from ..fused import Fused
from ..tensor import Node, Tensor
from . import show
from .glance import EPS, Glance
from .record import Call, Line
from .rules import rule_text
from .values import values_of


@dataclass(eq=False, repr=False)
class Event:
    """Something that happened on the way back. `str(event)` is one or a few lines of at most 80 columns.

    node: the call on the tape (None where a leaf itself is the loss); depth: how many definitions it is inside of;
    parent: the rule event whose definition this one belongs to. number: `7` is the eighth event of the walk, `7.2` the
    third inside of the definition that event 7 leads into.
    """

    kind: ClassVar[str]

    node: Node | None
    depth: int
    parent: Rule | None
    number: str = field(init=False, default="")

    @property
    def op(self) -> str:
        """The name of the op."""
        return self.node.op.name if self.node else "leaf"

    @property
    def serial(self) -> int:
        """The call's number on the tape: the walk goes from high to low."""
        return self.node.serial if self.node else 0

    @property
    def seen(self) -> Call | None:
        """What `debug.record()` noted about the call, if it was on during the forward pass."""
        return self.node.note if self.node else None

    @property
    def layer(self) -> str:
        """Dotted path of the layer that made the call; "" if unknown."""
        return (self.seen.layer if self.seen else "") or (self.parent.layer if self.parent else "")

    @property
    def source(self) -> Line | None:
        """The line of the forward call: inside a definition its own line, else the user's; None if unknown."""
        if self.parent is not None:
            return self.seen.definition if self.seen else None
        return self.seen.source if self.seen else None

    @property
    def shape(self) -> Any:
        """Of the call's output; of an op with several, a list."""
        return self.node.shape if self.node else ()

    @property
    def dtype(self) -> Any:
        """Of the call's output; of an op with several, a list."""
        return self.node.dtype if self.node else None

    @property
    def values(self) -> dict[str, Any]:
        """Arguments and output of the call by name, `y` or `y0`, `y1`: arrays and options, as far as they are kept.

        All are where `debug.record()` was on during the forward pass, and inside definitions; else what formulas read.
        """
        return values_of(self.node) if self.node else {}

    @property
    def hints(self) -> list[str]:
        """What looks like a mistake here, a line each. None is no praise: only what is certain to be seen is said."""
        from .hints import hints_of  # not above: it knows all kinds of events, so it imports this file
        return hints_of(self)

    def __str__(self) -> str:
        return show.text(self)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.op} #{self.serial}>"


@dataclass(eq=False, repr=False)
class Seed(Event):
    """The walk starts with this gradient at the loss. value: of the loss; order: the calls to visit; stale: the leaves
    that had a gradient already, which is not zero."""

    kind = "seed"

    g: Array
    arrived: Glance
    value: Glance
    order: tuple[Node, ...]
    stale: list[str]


@dataclass(eq=False, repr=False)
class Rule(Event):
    """A call got the gradient of its output, and its rule gave those of its arguments.

    g: what arrived, an array; of an op with several outputs a list, None where nothing came. gradients: argument
    name -> array, as the formulas gave them. arrived, given: glances at these.
    """

    kind = "rule"

    node: Node
    raw_g: Any                          # g as the walk has it: a tensor if the walk itself is recorded
    g: Any
    arrived: list[Glance | None]
    gradients: dict[str, Array]
    given: dict[str, Glance]
    operands: dict[str, str]            # argument name -> the leaf, call or constant that it is, as far as known
    recorded: bool                      # with create_graph: the definition was walked, whether or not there is a kernel

    @property
    def rules(self) -> dict[str, str]:
        """Argument name -> its gradient rule, one line."""
        return {name: rule_text(self.node.op, self.node.op.names.index(name)) for name in self.gradients}

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Argument name -> shape, of the arguments that need gradients."""
        edges = dict(zip(self.node.op.names, self.node.edges, strict=True))
        return {name: edges[name].shape for name in self.gradients}

    @property
    def gains(self) -> dict[str, float]:
        """Argument name -> norm of its gradient, relative to that of all that arrived; nan where nothing did."""
        arrived = hypot(*[seen.norm for seen in self.arrived if seen])
        return {name: seen.norm / arrived if arrived else float("nan") for name, seen in self.given.items()}

    @property
    def can_enter(self) -> bool:
        """Whether the op has a definition to step into."""
        return isinstance(self.node.op, Fused)

    def into(self) -> Iterator[Event]:
        """Step into the definition of a fused op: its own events, with the same arriving gradient.

        The first is `enter`, the last `leave`, which tells how far the definition's gradients are from the rule's.
        Nothing outside is changed, and it can be done again as long as the walk stands at this event.
        """
        if not self.can_enter:
            raise TypeError(f"into: {self.op} is a primitive, its formula is all there is; only fused ops have "
                            "a definition")
        from .walk import into  # not above: walk makes events, so it imports this file
        return into(self)


@dataclass(eq=False, repr=False)
class Unbroadcast(Event):
    """Broadcasting had stretched an argument, or promotion changed its dtype: its gradient is brought back to both."""

    kind = "unbroadcast"

    argument: str
    before: Glance
    after: Glance
    delivered: Array

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes summed over, of the gradient as it was before."""
        old, new = self.before.shape, self.after.shape
        extra = len(old) - len(new)
        return tuple(range(extra)) + tuple([extra + i for i, n in enumerate(new) if n != old[extra + i]])


@dataclass(eq=False, repr=False)
class Accumulate(Event):
    """Several paths lead to one tensor: the k-th of m brought its part, and parts add."""

    kind = "accumulate"

    place: str                  # the call or leaf in which the parts are gathered
    k: int
    m: int
    part: Array
    was: Glance | None
    plus: Glance
    now: Glance


@dataclass(eq=False, repr=False)
class Leaf(Event):
    """A leaf has got its whole gradient; inside a definition, an argument has.

    before: what its `.grad` held already, which this will be added to when the walk ends.
    """

    kind = "leaf"

    name: str
    tensor: Tensor | None               # None for the argument of a definition
    gradient: Array
    final: Glance
    before: Glance | None
    hooked: bool                        # hooks of the tensor will yet see the gradient, and may replace it


@dataclass(eq=False, repr=False)
class Enter(Event):
    """Into the definition of a fused op, with the gradient that arrived at the op. order: its calls to visit; doors:
    the calls that stand for its arguments, with their names."""

    kind = "enter"

    order: tuple[Node, ...]
    doors: dict[Any, str]


@dataclass(eq=False, repr=False)
class Leave(Event):
    """Out of a definition again.

    differences: argument name -> max |gradient by the rule - by the definition|. largest: argument name -> the largest
    magnitude of the definition's gradient. compared: False where no kernel ran, so that the definition was the rule.
    """

    kind = "leave"

    differences: dict[str, float]
    largest: dict[str, float]
    compared: bool
    arrived: list[Glance | None]

    @property
    def worst(self) -> float:
        """The largest of the differences; nan if one is."""
        return max(self.differences.values(), key=lambda d: (d != d, d), default=0.0)

    @property
    def agrees(self) -> bool:
        """Whether the differences are no more than rounding: sqrt(eps) of the gradient, or 1000 eps of what arrived."""
        eps = EPS[next(seen.dtype for seen in self.arrived if seen)]
        incoming = max([max(abs(seen.low), abs(seen.high)) for seen in self.arrived if seen], default=0.0)
        return all([d <= max(eps ** 0.5 * self.largest[name], 1000 * eps * incoming)
                    for name, d in self.differences.items()])
