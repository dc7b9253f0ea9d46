"""A gradient rule of your own beside the engine's: exact, approximate, and by how much they are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from typing import Any

import numpy

from ..backend import FLOATS, is_array, to_numpy
from ..op import OPS, Op
from ..tensor import LEAF, Tensor, bare
from ..variadic import Variadic
from ..walk import route
from .events import Rule
from .formulas import arriving
from .glance import EPS, number
from .ledger import leaves_of
from .record import Recorder, noting
from .values import arguments_of
from .walk import events_of

RuleOfYours = Callable[..., Any] | Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Compared:
    """One argument's gradient at one call. exact: equal to the last bit; approximate: within rtol of the largest
    element; at: the element that differs most, yours and the engine's there."""

    call: str
    argument: str
    exact: bool
    approximate: bool
    difference: float
    at: tuple[int, ...] = ()
    yours: float = 0.0
    engine: float = 0.0
    complaint: str = ""

    def __str__(self) -> str:
        text = (f"{self.call:<20} g{self.argument:<10} exact {self.exact!s:<5}  approximate {self.approximate!s:<5}  "
                f"max diff {self.difference:.1e}")
        if self.complaint:
            return f"{text}\n    {self.complaint}"
        if not self.approximate:
            text += f"\n    at {list(self.at)} yours is {number(self.yours)}, the engine's {number(self.engine)}"
        return text


@dataclass(frozen=True)
class Comparison:
    """All calls and arguments, in backward order."""

    rows: list[Compared]

    @property
    def agrees(self) -> bool:
        return all([row.approximate for row in self.rows])

    @property
    def first(self) -> Compared | None:
        """The first divergence."""
        return next((row for row in self.rows if not row.approximate), None)

    def __bool__(self) -> bool:
        return self.agrees

    def __repr__(self) -> str:
        return "\n".join(map(str, self.rows))


def compare(rule: RuleOfYours, op: Op | str, *inputs: Any, loss: Tensor | None = None, gradient: Any = None,
            rtol: float | None = None, seed: int = 0, **options: Any) -> Comparison:
    """Compare your rule of an op with the engine's.

    rule: a function that names as parameters what it reads, as formulas do: `g`, the arguments, the output `y`, and
    `<argument>_shape`; it gets NumPy arrays. It returns {argument: gradient}, or a tuple in the order of the arguments
    that have gradients. Or a mapping, argument -> such a function of its own.
    op: an op or its name. On `inputs` and `options` (`stride=2`) the op is called anew, in float64, with a random
    gradient arriving unless `gradient` is given. With `loss` instead, every call of the op on its tape is compared, in
    backward order, up to the first divergence; no `.grad` is touched, the tape is kept.
    rtol: what counts as approximate, relative to the largest element; by default the root of the dtype's
    eps: 1.5e-8 in float64.

    >>> import numpy as np
    >>> from minigrad import debug
    >>> debug.compare(lambda g, y: g * y, "exp", np.ones(3)).agrees
    True
    >>> debug.compare(lambda g, x: g * x, "exp", np.ones(3)).first.argument
    'x'
    """
    if not (callable(rule) or isinstance(rule, Mapping)):
        raise TypeError("compare: your rule comes first, a function as lambda g, x: ..., or {argument: function}; "
                        f"{type(rule).__name__} came")
    op = op_named(op)
    if (loss is None) == (not inputs):
        raise TypeError("compare: give inputs to call the op on, or loss= on whose tape its calls are; one of the two")
    ys, gs = ([loss], [gradient]) if loss is not None else called(op, inputs, options, gradient, seed)
    order, _ = route([y.node for y in ys if y.node is not LEAF], None)
    leaves = [leaf for leaf, _ in leaves_of(order)]             # asked for by name, they keep their .grad as it is
    rows: list[Compared] = []
    for event in events_of(ys, gs, leaves, False, True):
        if isinstance(event, Rule) and getattr(event.node.op, "whole", event.node.op) is op:
            rows += beside(rule, event, rtol)
            if not all([row.approximate for row in rows]):
                break
    if not rows:
        raise ValueError(f"compare: no gradient goes through a call of {op.name}")
    return Comparison(rows)


def op_named(op: Any) -> Op:
    """The op itself, or that of a name."""
    found = OPS.get(op) if isinstance(op, str) else op
    if not isinstance(found, Op):
        near = get_close_matches(str(op), OPS, 1)
        raise TypeError(f"compare: expected an op or the name of one, {op!r} came" +
                        (f": did you mean {near[0]}?" if near else ""))
    return found


def called(op: Any, inputs: Sequence, options: Mapping[str, Any], gradient: Any, seed: int) -> tuple[list, list]:
    """The outputs of a call in float64, and what arrives at them."""
    rng = numpy.random.default_rng(seed)
    arrays = [to_numpy(bare(x)) if is_array(bare(x)) else x for x in inputs]
    leaves = [Tensor(x.astype("float64"), requires_grad=True) if is_array(x) and x.dtype.kind in FLOATS else x
              for x in arrays]
    with noting(Recorder(sources=False)):
        y = op(leaves, **options) if isinstance(op, Variadic) else op(*leaves, **options)
    several = isinstance(y, tuple)
    given = [None] * len(y) if several and gradient is None else gradient if several else [gradient]
    pairs = [(part, rng.standard_normal(part.shape) if g is None else g)
             for part, g in zip(y if several else (y,), given, strict=True) if part.requires_grad]
    return [part for part, _ in pairs], [g for _, g in pairs]


def beside(rule: RuleOfYours, event: Rule, rtol: float | None) -> list[Compared]:
    """A row for each argument of a call for which your rule has an answer."""
    known = to_read(event)
    given = {name: to_numpy(gx) for name, gx in event.gradients.items()}
    if isinstance(rule, Mapping):
        answers: Any = {name: answered(function, known, event.op) for name, function in rule.items()}
    else:
        answers = answered(rule, known, event.op)
    if not isinstance(answers, Mapping):
        parts = list(answers) if isinstance(answers, (tuple, list)) else [answers]
        if len(parts) != len(given):
            raise TypeError(f"compare: your rule of {event.op} gave {len(parts)} gradients, {len(given)} are due: "
                            f"{', '.join(given)}")
        answers = dict(zip(given, parts, strict=True))
    strangers = [name for name in answers if name not in event.node.op.names]
    if strangers:
        raise TypeError(f"compare: your rule has a gradient for {strangers[0]!r}; the arguments of {event.op} are "
                        f"{', '.join(event.node.op.names)}")
    place = f"{event.op} #{event.serial}" + (f" {event.layer}" if event.layer else "")
    return [row(place, name, answers[name], given[name], event, rtol) for name in given
            if answers.get(name) is not None]


def to_read(event: Rule) -> dict[str, Any]:
    """What a rule can read, as NumPy arrays: g, arguments, output, shapes."""
    known = {name: to_numpy(x) if is_array(x) else x for name, x in event.values.items()}
    arguments = arguments_of(event.node)
    if arguments is not None and "y" not in known and not event.node.outputs:
        known["y"] = to_numpy(bare(event.node.op(*arguments.values())))
    shapes = {f"{name}_shape": edge.shape for name, edge in zip(event.node.op.names, event.node.edges, strict=True)
              if edge is not None}
    shapes |= {f"{name}_shape": x.shape for name, x in known.items() if is_array(x)}
    return known | shapes | {name: to_numpy(g) for name, g in arriving(event).items()}


def answered(function: Callable, known: Mapping[str, Any], op: str) -> Any:
    """Your rule's answer; TypeError where it asks for what there is not."""
    asked = list(signature(function).parameters)
    missing = [name for name in asked if name not in known]
    if missing:
        raise TypeError(f"compare: your rule of {op} reads {missing[0]!r}; there are {', '.join(sorted(known))}. What "
                        "the tape did not keep is there after a forward pass inside debug.record()")
    return function(**{name: known[name] for name in asked})


def row(place: str, name: str, answer: Any, engine: numpy.ndarray, event: Rule, rtol: float | None) -> Compared:
    """Your gradient of one argument beside the engine's, before or after broadcasting is undone."""
    yours = numpy.asarray(to_numpy(bare(answer)) if is_array(bare(answer)) else answer)
    like: Any = event.node.edges[event.node.op.names.index(name)]
    if yours.shape != engine.shape and yours.shape == like.shape:
        engine = event.node.op.fit(engine, like.shape, engine.dtype)
    if yours.shape != engine.shape:
        return Compared(place, name, False, False, float("nan"),
                        complaint=f"yours has shape {yours.shape}, the engine's {engine.shape}")
    a, b = yours.astype("float64"), engine.astype("float64")
    both = numpy.isnan(a) & numpy.isnan(b) | (a == b)
    with numpy.errstate(invalid="ignore"):
        apart = numpy.where(both, 0.0, abs(a - b))
    worst = numpy.where(numpy.isnan(apart), numpy.inf, apart)
    at = tuple([int(k) for k in numpy.unravel_index(int(worst.argmax()), worst.shape)]) if worst.size else ()
    difference = float(worst.max(initial=0.0))
    allowed = (EPS[str(engine.dtype)] ** 0.5 if rtol is None else rtol) * float(abs(b).max(initial=0.0))
    return Compared(place, name, bool(both.all()), difference <= allowed, difference, at,
                    float(a[at]) if a.size else 0.0, float(b[at]) if b.size else 0.0)
