"""The backward pass as a story: a generator of events over the engine's own loop, `minigrad.walk`.

    for event in debug.walk(loss):
        print(event)

Running it to its end is `loss.backward()`. Leaving it early leaves every `.grad` as it was.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, cast

from ..fused import Fused
from ..tensor import LEAF, Node, Tensor, bare, observer
from ..walk import Step, backward_steps, call_of, living, route
from ..walk import seed as starting_gradient
from .events import Accumulate, Enter, Event, Leaf, Leave, Rule, Seed, Unbroadcast
from .glance import glance
from .record import Call, Recorder


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
    g = starting_gradient(loss, gradient, create_graph)
    steps = backward_steps([loss], [g], None, create_graph, retain_graph)
    ledger = Ledger(*route([] if loss.node is LEAF else [loss.node], None))
    return outermost(steps, loss, g, ledger)


def outermost(steps: Generator[Step, None, list], loss: Tensor, g: Any, ledger: Ledger) -> Iterator[Event]:
    """The events of a whole backward pass."""
    node = None if loss.node is LEAF else call_of(loss.node)
    yield Seed(node, 0, None, g=bare(g), arrived=glance(g))
    ledger.begin(loss.place)
    yield from arrival(ledger, loss.place, g, node, 0, None)
    yield from narrate(steps, ledger, 0, None)


def into(outer: Rule) -> Iterator[Event]:
    """The definition of the fused op that `outer` is about, walked with the same arriving gradient."""
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
    yield Enter(node, outer.depth, outer.parent)
    ys, gs = (outputs, outer.raw_g) if type(outputs) is tuple else ((outputs,), (outer.raw_g,))
    starts = [(y, g) for y, g in zip(ys, gs, strict=True) if g is not None and y.node is not None]
    doors = {aliases[i].node: name for i, name in enumerate(op.names) if name in outer.gradients}
    ends = [aliases[op.names.index(name)] for name in doors.values()]
    ledger = Ledger(*route([y.node for y, _ in starts], ends), doors)
    for y, g in starts:
        ledger.begin(y.place)
        yield from arrival(ledger, y.place, g, call_of(y.node), outer.depth + 1, outer)
    edges = [edge if name in outer.gradients else None for name, edge in zip(op.names, node.edges, strict=True)]
    found = yield from narrate(op.inner_steps(node, outer.raw_g, edges), ledger, outer.depth + 1, outer)
    yield leaving(outer, found)


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

def narrate(steps: Generator[Step, None, list], ledger: Ledger, depth: int, parent: Rule | None,
            ) -> Generator[Event, None, list]:
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
                                  after=glance(delivered[i]))
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
        yield Accumulate(node, depth, parent, place=ledger.label(place), k=k, m=m, plus=glance(gx),
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


class Ledger:
    """How many paths lead to each place of a tape, how many of them were walked, and what they brought.

    order: the calls to visit; leads: the places that count, None for all; doors: of a definition's tape, the calls at
    its ends, with the names of the arguments that they stand for.
    """

    def __init__(self, order: list[Node], leads: set | None, doors: dict[Any, str] | None = None):
        self.leads, self.doors = leads, doors or {}
        self.ahead = [node for node in reversed(order) if node not in self.doors]      # the next call at the end
        self.paths: dict[Any, int] = {}
        self.walked: dict[Any, int] = {}
        self.gathered: dict[Any, Any] = {}
        self.names: dict[Any, str] = {}
        self.told: set = set()          # the ends that have been said to be complete
        for node in order:
            if node not in self.doors:
                for edge in filter(self.leads_on, node.edges):
                    self.begin(edge)

    def begin(self, place: Any) -> None:
        """One more path leads to `place`."""
        self.paths[place] = self.paths.get(place, 0) + 1

    def leads_on(self, edge: Any) -> bool:
        return edge is not None and (self.leads is None or edge in self.leads)

    def receive(self, place: Any, gx: Any, name: str) -> tuple[Any, Any, int, int]:
        """What was at the place, what is there now, and that this was path k of m."""
        was, gx = self.gathered.get(place), bare(gx)
        now = self.gathered[place] = gx if was is None else was + gx
        k = self.walked[place] = self.walked.get(place, 0) + 1
        self.names.setdefault(place, name)
        return was, now, k, self.paths[place]

    def complete(self, place: Any) -> bool:
        """Whether it is an end of the tape to which all paths are walked; True only when first asked after that."""
        end = (isinstance(place, Tensor) or place in self.doors) and place not in self.told
        if not (end and place in self.gathered and self.walked[place] == self.paths[place]):
            return False
        self.told.add(place)
        return True

    def give_up(self, edges: list) -> None:
        """Paths along which, it turns out, nothing will come."""
        for edge in edges:
            self.paths[edge] -= 1

    def visit(self, node: Node) -> None:
        """The walk has come to this call, passing over those before it."""
        while self.ahead and self.ahead.pop() is not node:
            pass
        for place in places(node):
            self.gathered.pop(place, None)

    def pass_over(self) -> list:
        """Drop the next calls if they got nothing, for nobody is left to send them any. To where did they lead?"""
        places_ahead = []
        while self.ahead and not any([place in self.gathered for place in places(self.ahead[-1])]):
            places_ahead += [edge for edge in self.ahead.pop().edges if self.leads_on(edge)]
        self.give_up(places_ahead)
        return places_ahead

    def label(self, place: Any) -> str:
        """What to call it: a leaf's or argument's name, or the call whose output it is."""
        if place in self.doors:
            return self.doors[place]
        if isinstance(place, Tensor):
            return self.names.get(place) or "the loss itself"
        return f"{place.op.name} #{call_of(place).serial}"


def places(node: Node) -> list:
    """Where the gradient of a call's output, or outputs, is gathered."""
    return [place for place in living(node) if place is not None] if node.outputs else [node]
