"""The backward pass as a story: a generator of events over the engine's own loop, `minigrad.walk`.

    for event in debug.walk(loss):
        print(event)

Running it to its end is `loss.backward()`. Leaving it early leaves every `.grad` as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from typing import Any, cast

from ..fused import Fused
from ..tensor import LEAF, Node, Tensor, bare, observer
from ..walk import Step, backward_steps, call_of, route
from ..walk import seed as starting_gradient
from .events import Accumulate, Enter, Event, Leaf, Leave, Rule, Seed, Unbroadcast
from .glance import glance
from .ledger import Ledger, leaves_of
from .record import Call, Recorder

Telling = Generator[Event, None, list]


def walk(loss: Tensor, gradient: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False) -> Iterator[Event]:
    """Walk the backward pass from `loss`, as `loss.backward(gradient, retain_graph, create_graph)` does, by events.

    Yields, in the order in which things happen: one `seed`; for every call on the tape, youngest first, its `rule`, and
    for each of its arguments `unbroadcast` (what broadcasting and promotion did is undone), `accumulate` (where several
    paths meet) and `leaf` (a leaf has got all there is to get). A rule event of a fused op has `into()`.

    The leaves get their `.grad` when the walk is run to its end, not before. What a call saved is freed when the walk
    goes on from it, unless `retain_graph`: step into it while the walk stands there.
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"walk: expected a Tensor to go backward from, {type(loss).__name__} came")
    return events_of([loss], [gradient], None, create_graph, retain_graph)


def events_of(outputs: Sequence[Tensor], seeds: Sequence[Any], inputs: Sequence[Tensor] | None = None,
              create_graph: bool = False, retain_graph: bool | None = None) -> Telling:
    """The walk that `minigrad.walk.run` takes with these arguments, as events; what it gives is returned at the end."""
    gs = [starting_gradient(y, g, create_graph) for y, g in zip(outputs, seeds, strict=True)]
    steps = backward_steps(outputs, gs, inputs, create_graph, retain_graph)
    order, leads = route([y.node for y in outputs if y.node is not LEAF], inputs)
    ends = {x.place: f"{call_of(x.node).op.name} #{call_of(x.node).serial}" for x in inputs or () if x.node is not LEAF}
    doors = {place: name for place, name in ends.items() if not (leads or set()).intersection(call_of(place).edges)}
    return numbered(outermost(steps, outputs, gs, Ledger(order, leads, doors), order))


def outermost(steps: Generator[Step, None, list], outputs: Sequence[Tensor], gs: list, ledger: Ledger,
              order: list[Node]) -> Telling:
    """The events of a whole backward pass."""
    for y in outputs:
        ledger.begin(y.place)
    stale = [name for leaf, name in leaves_of(order) if leaf.grad is not None and glance(leaf.grad).norm != 0]
    for y, g in zip(outputs, gs, strict=True):
        node = None if y.node is LEAF else call_of(y.node)
        yield Seed(node, 0, None, g=bare(g), arrived=glance(g), value=glance(y), order=tuple(order), stale=stale)
        yield from arrival(ledger, y.place, g, node, 0, None)
    return (yield from narrate(steps, ledger, 0, None))


def numbered(events: Telling, prefix: str = "") -> Telling:
    """Give the events their numbers: `7`, and `7.0`, `7.1` inside of the definition that event 7 leads into."""
    k = 0
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        event.number = f"{prefix}{k}"
        yield event
        k += 1


def stepping(events: Iterable[Event], into: Collection[str]) -> Iterator[Event]:
    """The events of a walk, and after the rule of each op that `into` names those of its definition, however deep."""
    for event in events:
        yield event
        if isinstance(event, Rule) and event.op in into:
            yield from stepping(event.into(), into)


def into(outer: Rule) -> Iterator[Event]:
    """The definition of the fused op that `outer` is about, walked with the same arriving gradient."""
    return numbered(inside(outer), f"{outer.number}.")


def inside(outer: Rule) -> Telling:
    node, op = outer.node, cast(Fused, outer.node.op)
    if node.saved is None:
        raise RuntimeError(f"into: what {op.name} saved is freed, for the walk went on from it: step in while the walk "
                           "stands there, or walk with retain_graph=True")
    node.saved.inside = None                            # definitions are pure: run it anew, to note its lines
    token = observer.set(Recorder())
    try:
        aliases, outputs = op.enter(node.saved)
    finally:
        observer.reset(token)
    ys, gs = (outputs, outer.raw_g) if type(outputs) is tuple else ((outputs,), (outer.raw_g,))
    starts = [(y, g) for y, g in zip(ys, gs, strict=True) if g is not None and y.node is not None]
    doors = {aliases[i].node: name for i, name in enumerate(op.names) if name in outer.gradients}
    ends = [aliases[op.names.index(name)] for name in doors.values()]
    order, leads = route([y.node for y, _ in starts], ends)
    yield Enter(node, outer.depth, outer.parent, doors=doors,
                order=tuple([call for call in order if call not in doors]))
    ledger = Ledger(order, leads, doors)
    for y, g in starts:
        ledger.begin(y.place)
        yield from arrival(ledger, y.place, g, call_of(y.node), outer.depth + 1, outer)
    edges = [edge if name in outer.gradients else None for name, edge in zip(op.names, node.edges, strict=True)]
    found = yield from narrate(op.inner_steps(node, outer.raw_g, edges), ledger, outer.depth + 1, outer)
    yield leaving(outer, found)
    return found


def leaving(outer: Rule, found: list) -> Leave:
    """Compare the gradients that the definition gave with those of the rule."""
    differences, largest = {}, {}
    for name, gx in zip(outer.node.op.names, found, strict=True):
        if name in outer.gradients and gx is not None:
            differences[name] = extreme(bare(gx) - outer.gradients[name])
            largest[name] = extreme(gx)
    call = outer.node.saved
    return Leave(outer.node, outer.depth, outer.parent, differences=differences, largest=largest,
                 compared=call is not None and call.kernel is not None and not outer.recorded, arrived=outer.arrived)


def extreme(x: Any) -> float:
    """The largest magnitude in an array; nan if not all of it is finite."""
    seen = glance(x)
    return max(abs(seen.low), abs(seen.high)) if seen.finite else float("nan")


# --- steps into events ----------------------------------------------------------------------------------------

def narrate(steps: Generator[Step, None, list], ledger: Ledger, depth: int, parent: Rule | None) -> Telling:
    """Tell the steps of one tape; what the walk returns at its end is returned."""
    while True:
        try:
            node, g, gradients, delivered = next(steps)
        except StopIteration as end:
            return end.value
        ledger.visit(node)
        asked = [i for i, edge in enumerate(node.edges) if ledger.leads_on(edge)]
        wanted = [i for i in asked if gradients[i] is not None]
        without = [node.edges[i] for i in asked if gradients[i] is None]
        ledger.give_up(without)
        yield rule(node, g, gradients, wanted, ledger, depth, parent)
        for i in wanted:
            if delivered[i] is not gradients[i]:
                yield Unbroadcast(node, depth, parent, argument=node.op.names[i], before=glance(gradients[i]),
                                  after=glance(delivered[i]), delivered=bare(delivered[i]))
            yield from arrival(ledger, node.edges[i], delivered[i], node, depth, parent, i)
        for place in filter(ledger.complete, without + ledger.pass_over()):
            yield leaf(ledger, place, node, depth, parent)


def rule(node: Node, g: Any, gradients: list, wanted: list[int], ledger: Ledger, depth: int,
         parent: Rule | None) -> Rule:
    names = [node.op.names[i] for i in wanted]
    parts = g if type(g) is list else [g]
    return Rule(
        node, depth, parent, raw_g=g, g=[bare(part) for part in g] if type(g) is list else bare(g),
        arrived=[None if part is None else glance(part) for part in parts],
        gradients={name: bare(gradients[i]) for name, i in zip(names, wanted, strict=True)},
        given={name: glance(gradients[i]) for name, i in zip(names, wanted, strict=True)},
        operands=operands(node, ledger), recorded=any([isinstance(gx, Tensor) for gx in gradients]))


def operands(node: Node, ledger: Ledger) -> dict[str, str]:
    """What a call was called with: argument -> leaf or younger call; if it was recorded also constants and options."""
    found: dict[str, str] = {}
    seen: Call | None = node.note
    noted = seen.arguments if seen else (None,) * len(node.edges)
    for i, (name, edge) in enumerate(zip(node.op.names, node.edges, strict=True)):
        if edge is None:
            text = constant(noted[i], node.op.defaults[i])
        elif isinstance(edge, Tensor):
            text = (seen.leaves.get(i) if seen else "") or f"a leaf {edge.shape}"
        else:
            text = f"the argument {ledger.doors[edge]}" if edge in ledger.doors else ledger.label(edge)
        found |= {name: text} if text else {}
    return found


def constant(value: Any, default: Any) -> str:
    """How to call an argument that no gradient goes to; "" for one left at its default."""
    if value is None or value is default:
        return ""
    if isinstance(value, (bool, int, float, str, tuple)):
        parts = value if isinstance(value, tuple) else (value,)         # stride (1, 1) is stride 1
        usual = isinstance(default, (bool, int, float, str)) and all([part == default for part in parts])
        return "" if usual else repr(value)
    return f"a constant {value.shape}" if hasattr(value, "shape") else ""


def arrival(ledger: Ledger, place: Any, gx: Any, node: Node | None, depth: int, parent: Rule | None,
            i: int | None = None) -> Iterator[Event]:
    """A gradient reached the place where it is gathered: tell so where paths meet, and when a leaf has all."""
    was, now, k, m = ledger.receive(place, gx, leaf_name(node, i))
    if m > 1:
        yield Accumulate(node, depth, parent, place=ledger.label(place), k=k, m=m, part=bare(gx), plus=glance(gx),
                         was=None if was is None else glance(was), now=glance(now))
    if ledger.complete(place):
        yield leaf(ledger, place, node, depth, parent)


def leaf(ledger: Ledger, place: Any, node: Node | None, depth: int, parent: Rule | None) -> Leaf:
    gathered = ledger.gathered[place]
    tensor = place if isinstance(place, Tensor) else None
    before = glance(tensor.grad) if tensor is not None and tensor.grad is not None else None
    return Leaf(node, depth, parent, name=ledger.label(place), tensor=tensor, gradient=gathered, final=glance(gathered),
                before=before, hooked=tensor is not None and bool(tensor.hooks))


def leaf_name(node: Node | None, i: int | None) -> str:
    """A leaf's own name, where it was recorded, else the argument that it was."""
    if node is None or i is None:
        return ""
    noted = node.note.leaves.get(i) if node.note else None
    return noted or f"{node.op.names[i]} of {node.op.name} #{node.serial}"
