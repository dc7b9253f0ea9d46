"""One backward pass of a model on a tiny random batch, printed call by call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from textwrap import wrap
from typing import Any

from ..backend import manual_seed
from ..fused import Fused
from ..graph import Graph
from ..op import OPS
from ..ops import cross_entropy, randint, randn
from ..tensor import Tensor
from .events import Leave
from .record import record
from .show import LEFT, SHAPE, WIDTH
from .walk import stepping, walk

HEADING = (f"{'   #  op            layer':<{LEFT}} {'shape of output':<{SHAPE}} what arrives\n"
           f"{'      rule for each argument':<{LEFT}} {'shape':<{SHAPE}} what it gives")


class UnknownOpError(ValueError):
    """There is no op of that name to step into; the message has the nearest."""


def step_model(model: Graph | Callable[[], Graph], into: Collection[str] = (), seed: int = 0,
               out: Callable[[str], Any] = print, batch: int = 4) -> Graph:
    """Print every call of the backward pass of a model: op, layer, shapes, rule, gradient norms before and after.

    model: a graph, or the function that makes one (`models.lenet5`), called after seeding. into: names of fused ops
    whose definitions are stepped into wherever they occur. The batch is random, and so are the classes; the loss is the
    sum of the cross entropies of all outputs. out: what is done with each piece of text. Returns the model, its `.grad`
    set.

    Raises UnknownOpError for a name in `into` that is no fused op.
    """
    check_names(into)
    manual_seed(seed)
    name = "the model" if isinstance(model, Graph) else getattr(model, "__name__", "the model")
    graph = model if isinstance(model, Graph) else model()
    title, loss = random_batch_loss(graph, name, batch)
    tell(title, loss, into, out)
    return graph


def random_batch_loss(graph: Graph, name: str, batch: int) -> tuple[str, Tensor]:
    """What there is to say of a random batch, and the loss of the model on it."""
    xs = [random_input(graph, node, batch) for node in graph.inputs]
    with record(sources=False) as recorder:
        loss = sum_of(random_loss(y) for y in outputs_of(graph(*xs)))
    shapes = ", ".join([f"{node} {x.shape}" for node, x in zip(graph.inputs, xs, strict=True)])
    return (f"{name} on {shapes} at random\n"
            f"loss {float(loss.numpy()):.4g}, {len(recorder.calls)} calls on the tape, the youngest first"), loss


def tell(title: str, loss: Tensor, into: Collection[str], out: Callable[[str], Any]) -> None:
    """The walk from a loss: a title, the heading of the columns, every event, and whether definitions agreed."""
    out(f"{title}\n\n{HEADING}")
    visits = []
    for event in stepping(walk(loss), into):
        out(str(event))
        if isinstance(event, Leave):
            visits.append(event)
    out(summary(visits, into))


def summary(visits: list[Leave], into: Collection[str]) -> str:
    """Whether all definitions agreed, and by how much."""
    lines = ["\nevery leaf has its gradient"]
    missing = [name for name in into if name not in {visit.op for visit in visits}]
    if missing:
        lines.append(f"no gradient went through {' or '.join(missing)}, so nothing was stepped into there")
    compared = [visit for visit in visits if visit.compared]
    if compared:
        verdict = "agrees" if all([visit.agrees for visit in compared]) else "DISAGREES"
        ops = [visit.op for visit in compared]
        where = ", ".join([f"{ops.count(op)} x {op}" for op in dict.fromkeys(ops)])
        worst = max([visit.worst for visit in compared], key=lambda d: (d != d, d))
        lines += wrap(f"stepped into {where}: definition {verdict}: max |diff| {worst:.1e}", WIDTH)
    elif visits:
        lines.append("the definitions were the rules, for no kernel ran: nothing to compare")
    return "\n".join(lines)


def check_names(into: Collection[str]) -> None:
    fused = sorted([name for name, op in OPS.items() if isinstance(op, Fused)])
    for name in into:
        if name not in fused:
            near = get_close_matches(name, fused, 1)
            some = f"conv2d, linear, softmax and {len(fused) - 3} other ops have a definition"
            raise UnknownOpError(f"cannot step into {name!r}: " + (
                f"it is a primitive, its formula is all there is; {some}" if name in OPS else
                f"did you mean {near[0]}?" if near else some))


# --- something to go backward from ----------------------------------------------------------------------------

def random_input(graph: Graph, node: str, batch: int) -> Tensor:
    """For a node that takes numbers, normal ones; for one that takes indices, zeros and ones."""
    like = graph.node(node).result
    shape = (batch, *like.shape[1:])
    return randint(0, 2, shape, dtype=like.dtype) if like.dtype.kind in "iu" else randn(shape, dtype=like.dtype)


def random_loss(y: Tensor) -> Tensor:
    """Cross entropy of the scores y (n, c, ...) with random classes."""
    return cross_entropy(y, randint(0, y.shape[1], (y.shape[0], *y.shape[2:]), device=y.device))


def outputs_of(y: Any) -> list[Tensor]:
    """One output, or those of a tuple or a dict."""
    return list(y.values()) if isinstance(y, dict) else list(y) if isinstance(y, tuple) else [y]


def sum_of(losses: Iterable[Tensor]) -> Tensor:
    first, *rest = losses
    for loss in rest:
        first = first + loss
    return first
