"""What looks like a mistake, said where the walk comes to it. Hints are few and sure; where there is none nothing is
claimed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Any

from ..backend import FLOATS, is_array, namespace, on_device_of, to_numpy
from ..tensor import Node, Tensor
from ..walk import call_of
from .events import Event, Rule, Seed
from .glance import number
from .ledger import leaves_of
from .nonfinite import suspicions

VIEWS = {"alias", "astype", "broadcast_to", "copy", "expand_dims", "getitem", "identity", "permute_dims", "reshape",
         "squeeze", "unstack"}
# loss -> (what it takes itself, so that it should not be given it, what to do)
TWICE = {
    "cross_entropy": (("softmax",), "cross_entropy takes scores and has the softmax inside: give it what goes into the "
                                    "softmax"),
    "nll_loss": (("softmax",), "nll_loss takes log probabilities: log_softmax gives them, or cross_entropy does both"),
    "binary_cross_entropy_with_logits": (("sigmoid",), "it takes scores and has the sigmoid inside: give it what goes "
                                                       "into the sigmoid, or use binary_cross_entropy"),
}
FLAT = 0.97             # where tanh is so close to its ends it hardly passes a gradient on
MOSTLY = 0.97           # the share of elements there from which on a layer is called saturated
SHRINKS = 0.1           # a gain below it is worth a word


def hints_of(event: Event) -> list[str]:
    """The hints of one event, a line each."""
    if isinstance(event, Seed):
        return list(at_the_start(event))
    if isinstance(event, Rule):
        return [hint for look in LOOKS for hint in look(event)]
    return []


# --- before the first rule ------------------------------------------------------------------------------------

def at_the_start(event: Seed) -> Iterator[str]:
    if not event.value.finite:
        yield f"the loss itself is not finite ({event.value.not_finite}): every gradient below it is in doubt"
    if event.stale:
        has = "has" if len(event.stale) == 1 else "have"
        yield (f"{some(event.stale)} {has} a .grad already, to which this walk adds: zero_grad() first, unless that is "
               "meant")
    missed = unreached(event.order, [leaf for leaf, _ in leaves_of(event.order)])
    if missed:
        yield (f"no path leads from the loss to {some(missed)}: unused, detached or made under no_grad(), "
               f"{'it gets' if len(missed) == 1 else 'they get'} no gradient")


def unreached(order: Iterable[Node], leaves: list[Tensor]) -> list[str]:
    """The trainable parameters of the layers that ran, as far as that was recorded, to which the tape has no path."""
    modules = {id(module): module for node in order if node.note for module in node.note.modules}
    reached = {id(leaf) for leaf in leaves}
    found = {id(p): name for module in modules.values() for name, p in module.named_parameters()
             if p.requires_grad and id(p) not in reached}
    return list(found.values())


def some(names: list[str]) -> str:
    """`a, b, c and 4 more`."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# --- at a call ------------------------------------------------------------------------------------------------

def normalised_twice(event: Rule) -> Iterator[str]:
    """A loss that normalises by itself, after a softmax or sigmoid; views between the two are looked through."""
    first, advice = TWICE.get(event.op, ((), ""))
    edge: Any = event.node.edges[0]
    while edge is not None and not isinstance(edge, Tensor) and call_of(edge).op.name in VIEWS:
        edge = call_of(edge).edges[0]
    if edge is not None and not isinstance(edge, Tensor) and call_of(edge).op.name in first:
        yield f"x comes out of {call_of(edge).op.name} #{call_of(edge).serial}: {advice}"


def dead(event: Rule) -> Iterator[str]:
    """A relu that lets nothing through."""
    seen = event.given.get("x")
    arrived = event.arrived[0]
    if event.op == "relu" and seen and arrived and arrived.norm and seen.zeros == prod(seen.shape):
        yield f"the relu is dead: no element of its input {seen.shape} is positive, no gradient passes"


def saturated(event: Rule) -> Iterator[str]:
    """A tanh or sigmoid at its ends nearly everywhere."""
    y = event.values.get("y") if event.op in ("tanh", "sigmoid") else None
    if y is None or not y.size:
        return
    with on_device_of(y):
        t = y if event.op == "tanh" else 2 * y - 1
        share = int(to_numpy(namespace(t).count_nonzero(abs(t) > FLAT))) / y.size
    if share > MOSTLY:
        ends = "-1 or 1" if event.op == "tanh" else "0 or 1"
        yield f"{event.op} is saturated: {share:.0%} of its outputs are at {ends}, where the slope is nearly 0"


def batch_norm(event: Rule) -> Iterator[str]:
    if event.op in ("batch_norm_eval", "batch_norm_relu_eval"):
        yield ("this BatchNorm normalises by its running statistics, as in evaluation: model.train() makes it use the "
               "batch's, and gives it another rule")
    x = event.values.get("x") if event.op in ("batch_norm_train", "batch_norm_relu_train") else None
    if x is not None and x.shape[0] == 1:
        yield f"a batch of 1: the statistics are those of a single sample {tuple(x.shape)}"


def bad_inputs(event: Rule) -> Iterator[str]:
    """log, sqrt, divide, power where they have no finite gradient."""
    yield from suspicions(event.op, event.values, where=True)


def stretched_both_ways(event: Rule) -> Iterator[str]:
    """(n,) and (n, 1) broadcast to (n, n), which is seldom meant."""
    shapes = [tuple(x.shape) for x in event.values.values() if is_array(x) and x.dtype.kind in FLOATS][:2]
    shapes = shapes if len(shapes) == 2 else [edge.shape for edge in event.node.edges if edge is not None][:2]
    if event.node.outputs or len(shapes) != 2 or event.op == "matmul":
        return
    small, large = sorted(shapes, key=len)
    if len(small) == 1 and small[0] > 1 and large == (small[0], 1) and event.shape == (small[0], small[0]):
        yield (f"{small} and {large} were broadcast to {event.shape}: reshape one of them, if element is to meet "
               "element")


LOOKS: tuple[Callable[[Rule], Iterator[str]], ...] = (
    normalised_twice, dead, saturated, batch_norm, bad_inputs, stretched_both_ways)


# --- at the end -----------------------------------------------------------------------------------------------

def at_the_end(events: Iterable[Any]) -> list[str]:
    """Which call shrinks the gradient most, of those that shrink it much. events: of a walk, or those of a trace."""
    rules = [event for event in events if event.kind == "rule" and event.depth == 0]
    gains = [(max(event.gains.values()), event) for event in rules if event.gains]
    least, event = min([(gain, event) for gain, event in gains if gain == gain], key=lambda pair: pair[0],
                       default=(1.0, None))
    if event is None or least >= SHRINKS:
        return []
    where = f" ({event.layer})" if event.layer else ""
    return [f"{event.op} #{event.serial}{where} shrinks the gradient most: to {number(least)} of what arrives"]
