"""The one loop that walks the tape.

`backward_steps` is the only backpropagation there is: run to its end it is `backward()` and `grad()`; iterated it is
the debugger. `run` runs it to its end, or leaves that to somebody who watches. Arriving gradients live in a table that
belongs to the call; leaves, and tensors that asked to retain, get their `.grad` together after the last step.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy
from numpy import ndarray

from .backend import LIBRARIES, Array, copied, device_of, namespace, on_device_of, read_only
from .casting import as_it_is
from .tensor import LEAF, Node, Output, Retain, Tensor, bare, derived, last_change, set_grad_enabled

Step = tuple[Node, Any, list, list]

# Who walks in the place of `backward()` and `grad()`: a function of the arguments of `run` that gives what it gives.
watcher: ContextVar[Any] = ContextVar("watcher", default=None)


def backward_steps(outputs: Sequence[Tensor], seeds: Sequence[Any], inputs: Sequence[Tensor] | None = None,
                   create_graph: bool = False, retain_graph: bool | None = None) -> Generator[Step, None, list]:
    """Walk the tape from `outputs` down, youngest call first, one step a call.

    Yields (node, arrived gradient, gradients of its arguments as the formulas gave them, the same as delivered: summed
    over what was broadcast and cast back). The lists have an entry per argument, None where no gradient is needed.

    Without `inputs` the leaves get their `.grad` after the last step. With `inputs` only the paths to them are walked,
    no `.grad` is touched, and their gradients are returned. What a node saved lives until the walk goes on from it.
    """
    keep = create_graph if retain_graph is None else retain_graph
    arriving = begin(outputs, seeds, create_graph)      # place -> the gradient gathered there so far
    found: dict[Any, Any] = {}              # of the inputs that were made by calls
    retained: list[tuple[Tensor, Any]] = []
    order, leads = route([y.node for y in outputs if y.node is not LEAF], inputs)
    for node in order:
        g, edges = arriving.pop(node, None), node.edges
        if node.hooks or node.outputs:
            with set_grad_enabled(create_graph):
                g = collect(node, g, arriving, retained)
        if g is None:
            continue
        if leads is not None:
            found.update(zip(living(node), g, strict=True) if node.outputs else [(node, g)])
            edges = [edge if edge in leads else None for edge in edges]
            if all([edge is None for edge in edges]):
                continue
        if node.saved is None:
            raise RuntimeError(freed(node))
        if last_change[0] > node.serial:
            node.op.check_unchanged(node)
        if type(g) is ndarray:
            gradients = node.op.backward(node, g, edges, False)
            delivered = deliver(gradients, edges, arriving, node, g)
        else:
            with walking(g, create_graph):          # not around the yield: it would leak into the consumer
                gradients = node.op.backward(node, g, edges, create_graph)
                delivered = deliver(gradients, edges, arriving, node, g)
        yield node, g, gradients, delivered
        if not keep:
            node.saved = None
    with set_grad_enabled(create_graph):
        if inputs is not None:
            found.update([(x, hooked(x, arriving[x], retained)) for x in dict.fromkeys(inputs) if x in arriving])
            return [found.get(x.place) for x in inputs]
        leaves = [(leaf, g) for leaf, g in arriving.items() if isinstance(leaf, Tensor)]
        settle([(leaf, hooked(leaf, g, retained)) for leaf, g in leaves] + retained, create_graph)
        return []


def freed(node: Node) -> str:
    """What to say to somebody who walks a tape twice."""
    return (f"what {node.op.name} saved on the tape was freed by an earlier backward pass (or by one that was not "
            "finished): pass retain_graph=True to that one")


def grad(outputs: Tensor | Iterable[Tensor], inputs: Tensor | Iterable[Tensor], grad_outputs: Any = None,
         retain_graph: bool | None = None, create_graph: bool = False, allow_unused: bool = False) -> tuple:
    """Gradients of (the sum of) `outputs` at `inputs`, as a tuple of tensors; no `.grad` is touched.

    grad_outputs: per output, what arrives from above; may be None (or a None in the list) for outputs of one element.
    create_graph: record the walk, so that the results can be differentiated again.
    allow_unused: give None for an input that no output depends on, instead of an error.

    Raises ValueError for inputs that do not require gradients or are not depended on, and for gradients of another
    shape; RuntimeError where what the tape saved was freed, or changed in place.
    """
    ys = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    xs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None:
        seeds: list = [None] * len(ys)
    else:
        seeds = list(grad_outputs) if isinstance(grad_outputs, (list, tuple)) else [grad_outputs]
    if len(seeds) != len(ys):
        raise ValueError(f"grad: {len(ys)} outputs need as many grad_outputs, {len(seeds)} came")
    for i, x in enumerate(xs):
        if not x.requires_grad:
            raise ValueError(f"grad: input {i}, of shape {x.shape}, does not require gradients")
    gradients = run(ys, seeds, xs, create_graph, retain_graph)
    for i, g in enumerate(gradients):
        if g is None and not allow_unused:
            raise ValueError(f"grad: the outputs do not depend on input {i}, of shape {xs[i].shape}: "
                             "pass allow_unused=True to get None for it")
    given: set[int] = set()                         # who asks twice for one gradient gets two
    return tuple([g if g is None or isinstance(g, Tensor) else derived(own(g, x, given))
                  for g, x in zip(gradients, xs, strict=True)])


def run(outputs: Sequence[Tensor], seeds: Sequence[Any], inputs: Sequence[Tensor] | None, create_graph: bool,
        retain_graph: bool | None) -> list:
    """A whole walk, what `backward_steps` returns at its end; somebody who watches takes the steps himself."""
    watch = watcher.get()
    if watch is not None:
        return watch(outputs, seeds, inputs, create_graph, retain_graph)
    return exhaust(backward_steps(outputs, seeds, inputs, create_graph, retain_graph))


def exhaust(steps: Generator[Any, None, list]) -> list:
    """Run a walk to its end; what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


# --- the parts of the walk ------------------------------------------------------------------------------------

def begin(outputs: Sequence[Tensor], seeds: Sequence[Any], create_graph: bool) -> dict[Any, Any]:
    """The table of arriving gradients when the walk starts."""
    arriving: dict[Any, Any] = {}
    for y, g in zip(outputs, seeds, strict=True):
        with set_grad_enabled(create_graph), on_device_of(y.data):
            deliver([seed(y, g, create_graph)], [y.place], arriving)
    return arriving


def seed(y: Tensor, g: Any, create_graph: bool) -> Any:
    """The gradient with which the walk starts at `y`: an array, or a tensor when the walk is recorded."""
    if y.node is None:
        raise ValueError(f"backward: the output of shape {y.shape} does not depend on any tensor that requires "
                         "gradients")
    if g is None:
        if y.data.size != 1:
            raise ValueError(f"backward: an output of shape {y.shape} needs the gradient that arrives at it, "
                             "backward(gradient) or grad(..., grad_outputs); only for one element is it taken as 1")
        g = namespace(y.data).ones_like(y.data)
    array = g.data if isinstance(g, Tensor) else g if type(g) in LIBRARIES else numpy.asarray(g)
    if array.shape != y.shape:
        raise ValueError(f"backward: the gradient has shape {array.shape}, the output {y.shape}")
    if device_of(array) != y.device:
        raise TypeError(f"backward: the gradient is on {device_of(array)}, the output on {y.device}; "
                        f"gradient.to({y.device!r}) mends it")
    if create_graph:
        return (g if isinstance(g, Tensor) else derived(array)).astype(y.dtype)
    return array.astype(y.dtype, copy=False)


@contextmanager
def walking(g: Any, create_graph: bool) -> Iterator[None]:
    """One step that needs more than arrays on the host: tensors that record, or another device than the current one."""
    some = next(part for part in g if part is not None) if isinstance(g, list) else g
    with on_device_of(bare(some)):
        if not create_graph:
            yield
            return
        with set_grad_enabled(True), as_it_is():
            yield


def route(starts: list, inputs: Sequence[Tensor] | None) -> tuple[list[Node], set | None]:
    """The calls to visit, youngest first, and (given `inputs`) the places that lead to them.

    A call is always younger than what it was computed from, so nothing older than the oldest input leads to one.
    """
    oldest = 0 if inputs is None else min([0 if x.node is LEAF else call_of(x.node).serial for x in inputs], default=0)
    stack = [call_of(start) for start in starts]
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            node = edge if type(edge) is Node else edge.node if type(edge) is Output else None     # a leaf: None
            if node is not None and node not in seen and node.serial >= oldest:
                seen.add(node)
                stack.append(node)
    order = sorted(seen, key=serial, reverse=True)
    if inputs is None:
        return order, None
    leads = {x.place for x in inputs}
    for node in reversed(order):
        if any([edge in leads for edge in node.edges]):
            leads.update(living(node) if node.outputs else [node])
    return order, leads - {None}


serial = vars(Node)["serial"].__get__           # faster in a sort than attrgetter


def call_of(place: Any) -> Node:
    return place.node if type(place) is Output else place


def living(node: Node) -> list:
    """The outputs of a call, None for those that nobody refers to any more."""
    return [reference() for reference in node.outputs or ()]


def collect(node: Node, g: Any, arriving: dict, retained: list) -> Any:
    """What has arrived at a node that has hooks, or several outputs (then a list, None where nothing came)."""
    if not node.outputs:
        return hooked(node, g, retained)
    gs = [None if place is None else hooked(place, arriving.pop(place, None), retained) for place in living(node)]
    return None if all([g is None for g in gs]) else gs


def hooked(place: Any, g: Any, retained: list) -> Any:
    """The gradient gathered at a place after its hooks have seen it."""
    if g is None or not place.hooks:
        return g
    hooks = list(place.hooks)               # one may remove itself while it runs
    for handle in hooks:
        if type(handle) is Retain:
            continue
        answer = handle.hook(g if isinstance(g, Tensor) else derived(read_only(g)))
        if answer is None:
            continue
        if not isinstance(answer, Tensor) or answer.shape != g.shape or answer.device != device_of(bare(g)):
            raise TypeError("a hook must return None or a Tensor like the gradient, "
                            f"{g.shape} on {device_of(bare(g))}; it returned {answer!r}")
        g = answer.astype(g.dtype) if isinstance(g, Tensor) else answer.data.astype(g.dtype)
    for handle in hooks:
        if type(handle) is Retain and handle.tensor() is not None:
            retained.append((handle.tensor(), g.copy()))
    return g


def deliver(gradients: list, edges: list, arriving: dict, node: Node | None = None, g: Any = None) -> list:
    """Send the gradients of a call's arguments where they are gathered. Where two paths meet, they add.

    A leaf will own what it gets, so what is not fresh (the arriving gradient itself, or a view) is copied. Returns the
    gradients with broadcasting and promotion undone.
    """
    delivered = gradients
    for i, edge in enumerate(edges):
        if edge is None:
            continue
        gx = gradients[i]
        if gx is None:
            continue
        leaf = isinstance(edge, Tensor)
        like = edge.data if leaf else edge
        if node is not None and (gx.shape != like.shape or gx.dtype is not like.dtype):
            gx = node.op.fit(gx, like.shape, like.dtype)
            delivered = list(gradients) if delivered is gradients else delivered
            delivered[i] = gx
        if edge in arriving:
            gx = arriving[edge] + gx
        elif leaf and type(gx) is not Tensor and (gx is g or gx.base is not None or node is None):
            gx = copied(gx)
        arriving[edge] = gx
    return delivered


def own(g: Array, x: Tensor, given: set[int]) -> Array:
    """A gradient that its receiver may change: what was gathered at an intermediate tensor others may hold too."""
    with on_device_of(x.data):
        array = namespace(x.data).asarray(g)            # NumPy turns 0-d results into scalars
        fresh = x.node is LEAF and id(array) not in given
        given.add(id(array))
        return array if fresh else array.copy()


def settle(gradients: list[tuple[Tensor, Any]], create_graph: bool) -> None:
    """Give every leaf, and every tensor that asked to retain, its gradient: all of them or, after an error, none."""
    for x, _ in gradients:
        old = x.grad
        if old is not None and (old.shape, old.dtype, old.device) != (x.shape, x.dtype, x.device):
            raise ValueError(f"backward: a tensor {x.shape} {x.dtype} on {x.device} has a .grad {old.shape} "
                             f"{old.dtype} on {old.device}, to which nothing can be added: set .grad to None")
    for x, g in gradients:
        with on_device_of(x.data):
            if create_graph:
                x.grad = g.copy() if x.grad is None else x.grad + g
            elif x.grad is None:
                x.grad = derived(namespace(x.data).asarray(g))
            else:
                x.grad.data += g
                x.grad.touch()
