"""Tensor, the tape, and the one loop that walks it.

Calling an op on tensors that need gradients puts a `Node` on the tape: the op, the places where its arguments'
gradients are gathered, what its formulas will read, and a serial number. A tensor owns its node; a node never refers
to its output, so there are no cycles and memory dies by reference counts. Descending serial number is reverse
topological order.
`backward_steps` is the only backpropagation there is: run to its end it is `backward()` and `grad()`; iterated it is
the debugger.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy
from numpy import ndarray

from .backend import FLOATS, LIBRARIES, Array, device_of, namespace, on_device_of, read_only, to_numpy

if TYPE_CHECKING:
    from .op import Op
    from .ops.methods import Methods  # at run time the ops give Tensor its methods; grep finds them there
else:
    Methods = object

tick = count(1).__next__        # one clock: it dates the calls on the tape, and the in-place changes of arrays
last_change = [0]               # the date of the newest in-place change of all
LEAF = "leaf"                   # the `node` of a tensor that wants a gradient and was not made by a call

# What happens to calls: True records them on the tape, False does not; an observer records them and is told of each.
recording: ContextVar[Any] = ContextVar("recording", default=True)
observer: ContextVar[Any] = ContextVar("observer", default=None)


@contextmanager
def set_grad_enabled(on: bool) -> Iterator[None]:
    """Record calls on the tape inside this context, or do not."""
    token = recording.set((observer.get() or True) if on else False)
    try:
        yield
    finally:
        recording.reset(token)


def no_grad():
    """Context (or decorator) in which nothing is recorded: results do not require gradients."""
    return set_grad_enabled(False)


def enable_grad():
    """Context (or decorator) that records again inside `no_grad()`."""
    return set_grad_enabled(True)


class Tensor(Methods):
    """An array that remembers which call made it.

    `data` is the array (NumPy's or CuPy's), `grad` the gradient that `backward()` left here: a Tensor of the same
    shape, dtype and device, or None. Make one with `minigrad.tensor`; operators and methods are in `ops/methods.py`.
    """

    __slots__ = ("data", "node", "grad", "hooks", "changed", "__weakref__")
    __array_ufunc__ = None      # numpy_array * tensor is the tensor's business

    data: Array
    node: Any                   # None (a constant), LEAF, the Node of the call that made it, or one Output of that call
    grad: Tensor | None
    hooks: list | None          # of a leaf; those of other tensors hang on their node
    changed: list[int]          # date of the last in-place change; shared with every view of the same memory

    def __init__(self, data: Array, requires_grad: bool = False):
        self.changed = [0]
        if isinstance(data, Tensor):        # the same memory, so the same date of change
            data, self.changed = data.data, data.changed
        self.data = data if type(data) in LIBRARIES else numpy.asarray(data)
        self.node = None
        self.grad = self.hooks = None
        if requires_grad:
            self.requires_grad = True

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> numpy.dtype:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def device(self) -> str:
        return device_of(self.data)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user and not by a recorded call."""
        return self.node is None or self.node is LEAF

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        if not self.is_leaf:
            raise RuntimeError(f"requires_grad of a tensor made by {self.node.op.name} cannot be changed: "
                               "only leaves can, use detach() to get one")
        if on and self.data.dtype.kind not in FLOATS:
            raise TypeError(f"only floating-point tensors can require gradients, this one is {self.data.dtype}: "
                            "convert it first, astype('float32')")
        self.node = LEAF if on else None

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor itself, as PyTorch's method does."""
        self.requires_grad = requires_grad
        return self

    @property
    def place(self) -> Any:
        """Where its gradient is gathered during a walk."""
        return self if self.node is LEAF else self.node

    def __repr__(self) -> str:
        return describe(self)

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add d(self)/d(leaf) to the `.grad` of every leaf that this tensor depends on.

        gradient: like this tensor, what arrives from above; may be left out for a tensor of one element (it is 1 then).
        retain_graph: keep what the tape saved, so that it can be walked again; by default as `create_graph`.
        create_graph: record the walk itself, so that the gradients can be differentiated.

        If anything raises on the way, every `.grad` is as it was before.
        """
        for _ in backward_steps([self], [gradient], None, create_graph, retain_graph):
            pass

    def detach(self) -> Tensor:
        """The same array as a constant: shares memory, has no history."""
        return derived(self.data, self.changed)

    def numpy(self) -> numpy.ndarray:
        """A copy as a NumPy array on the host, C-ordered."""
        return to_numpy(self.data)

    def __setitem__(self, index: Any, value: Any) -> None:
        if recording.get() and (self.requires_grad or isinstance(value, Tensor) and value.requires_grad):
            raise ValueError("x[...] = v on a tensor that requires gradients would change what the tape has seen: "
                             "do it inside no_grad(), or make a new tensor with where(mask, v, x)")
        self.data[bare(index)] = bare(value)
        self.touch()

    def touch(self) -> None:
        """Say that the array was changed in place, so that a walk which still needs the old values can refuse."""
        self.changed[0] = last_change[0] = tick()

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
        """Call `hook(g)` with the whole gradient of this tensor, once a walk has gathered it.

        What the hook returns, if not None, takes the gradient's place. `g` is read-only. Returns a handle with
        `remove()`.
        """
        holder = self.place
        if holder is None:
            raise RuntimeError("register_hook: this tensor does not require gradients, so none will arrive")
        if holder.hooks is None:
            holder.hooks = []
        handle = HookHandle(holder.hooks, hook)
        holder.hooks.append(handle)
        return handle

    def retain_grad(self) -> None:
        """Let backward() leave the gradient of this intermediate tensor in `.grad`, as it does for leaves."""
        if self.node is None:
            raise RuntimeError("retain_grad: this tensor does not require gradients, so none will arrive")
        if self.is_leaf:
            return
        if self.place.hooks is None:
            self.place.hooks = []
        if not any([type(hook) is Retain and hook.tensor() is self for hook in self.place.hooks]):
            self.place.hooks.append(Retain(self))

    def __deepcopy__(self, memo: dict) -> Tensor:
        """A leaf or constant of its own, with a copy of the array; the tape is not copied."""
        if not self.is_leaf:
            raise RuntimeError("deepcopy: only leaves can be copied deeply, this tensor was made by "
                               f"{self.node.op.name}: copy x.detach() instead")
        twin = memo[id(self)] = type(self).__new__(type(self))
        Tensor.__init__(twin, self.data.copy(), self.requires_grad)
        twin.grad = None if self.grad is None else derived(self.grad.data.copy())
        return twin


class HookHandle:
    """One registered hook; `remove()` takes it away again."""

    def __init__(self, hooks: list, hook: Callable):
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        self.hooks[:] = [handle for handle in self.hooks if handle is not self]


class Retain:
    """Among the hooks of a node: this tensor wants its gradient kept. The node may outlive it; then nobody can ask."""

    def __init__(self, tensor: Tensor):
        self.tensor = ref(tensor)


def derived(data: Array, changed: list[int] | None = None, node: Any = None) -> Tensor:
    """A tensor made by the engine: `Tensor(...)` minus the checks."""
    t = Tensor.__new__(Tensor)
    t.data = data
    t.node = node
    t.grad = t.hooks = None
    t.changed = [0] if changed is None else changed
    return t


def bare(x: Any) -> Any:
    """Tensors, also those in an index tuple, as their arrays."""
    if isinstance(x, Tensor):
        return x.data
    return tuple([bare(part) for part in x]) if type(x) is tuple else x


def describe(x: Tensor) -> str:
    """Values, dtype, device, and the op that made it."""
    values = numpy.array2string(x.numpy(), prefix="tensor(", separator=", ", threshold=100, precision=5)
    made = f", made by {x.node.op.name}" if not x.is_leaf else ", requires_grad=True" if x.requires_grad else ""
    return f"tensor({values}, {x.dtype}, {x.device}{made})"


# --- the tape -------------------------------------------------------------------------------------------------

class Node:
    """One call on the tape: the op, where its gradients go, and what its formulas will read."""

    __slots__ = ("op", "edges", "saved", "shape", "dtype", "outputs", "serial", "hooks", "note")

    def __init__(self, op: Op, edges: list, saved: Any, shape: Any, dtype: Any, outputs: list | None = None):
        self.op = op
        self.edges = edges      # per argument: the Node, Output or leaf Tensor that gathers its gradient, or None
        self.saved = saved      # None once it is freed
        self.shape = shape      # of the output; of an op with several, a list
        self.dtype = dtype
        self.outputs = outputs  # of an op with several outputs: weak references to them
        self.serial = tick()
        self.hooks: list | None = None
        self.note = None        # what an observer wrote down about the call


class Output:
    """One of the outputs of a call that has several. It refers to its node, so the node refers to it weakly."""

    __slots__ = ("node", "shape", "dtype", "hooks", "__weakref__")

    def __init__(self, node: Node, shape: tuple[int, ...], dtype: numpy.dtype):
        self.node, self.shape, self.dtype = node, shape, dtype
        self.hooks: list | None = None

    @property
    def op(self) -> Op:
        return self.node.op


Step = tuple[Node, Any, list, list]


def backward_steps(outputs: Sequence[Tensor], seeds: Sequence[Any], inputs: Sequence[Tensor] | None = None,
                   create_graph: bool = False, retain_graph: bool | None = None) -> Generator[Step, None, list]:
    """Walk the tape from `outputs` down, youngest call first, one step a call.

    Yields (node, arrived gradient, gradients of its arguments as the formulas gave them, the same as delivered: summed
    over what was broadcast and cast back). The lists have an entry per argument, None where no gradient is needed.

    Without `inputs` the leaves get their `.grad`, all together after the last step. With `inputs` only the paths to
    them are walked, no `.grad` is touched, and the generator returns their gradients. What a node saved lives until
    the walk goes on from it.
    """
    keep = create_graph if retain_graph is None else retain_graph
    arriving: dict[Any, Any] = {}           # place -> the gradient gathered there so far
    found: dict[Any, Any] = {}              # of the inputs that were made by calls
    retained: list[tuple[Tensor, Any]] = []
    for y, g in zip(outputs, seeds, strict=True):
        with set_grad_enabled(create_graph), on_device_of(y.data):
            deliver([seed(y, g, create_graph)], [y.place], arriving)
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
            raise RuntimeError(f"what {node.op.name} saved on the tape was freed by an earlier backward pass (or by "
                               "one that was not finished): pass retain_graph=True to that one")
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
            return [hooked(x, arriving[x], retained) if x in arriving else found.get(x.place) for x in inputs]
        leaves = [(leaf, g) for leaf, g in arriving.items() if isinstance(leaf, Tensor)]
        settle([(leaf, hooked(leaf, g, retained)) for leaf, g in leaves] + retained, create_graph)
        return []


def grad(outputs: Tensor | Iterable[Tensor], inputs: Tensor | Iterable[Tensor], grad_outputs: Any = None,
         retain_graph: bool | None = None, create_graph: bool = False, allow_unused: bool = False) -> tuple:
    """Gradients of (the sum of) `outputs` at `inputs`, as a tuple of tensors; no `.grad` is touched.

    grad_outputs: per output, what arrives from above; may be None (or a None in the list) for outputs of one element.
    create_graph: record the walk, so that the results can be differentiated again.
    allow_unused: give None for an input that no output depends on, instead of an error.
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
    gradients = exhaust(backward_steps(ys, seeds, xs, create_graph, retain_graph))
    for i, g in enumerate(gradients):
        if g is None and not allow_unused:
            raise ValueError(f"grad: the outputs do not depend on input {i}, of shape {xs[i].shape}: "
                             "pass allow_unused=True to get None for it")
    return tuple([g if g is None or isinstance(g, Tensor) else derived(own(g, x))
                  for g, x in zip(gradients, xs, strict=True)])


def exhaust(steps: Generator[Any, None, list]) -> list:
    """Run a walk to its end; what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


# --- the parts of the walk ------------------------------------------------------------------------------------

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
        with set_grad_enabled(True):
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
            gx = gx.copy()
        arriving[edge] = gx
    return delivered


def own(g: Array, x: Tensor) -> Array:
    """A gradient that its receiver may change: what was gathered at an intermediate tensor others may hold too."""
    with on_device_of(x.data):
        array = namespace(x.data).asarray(g)            # NumPy turns 0-d results into scalars
        return array if x.node is LEAF else array.copy()


def settle(gradients: list[tuple[Tensor, Any]], create_graph: bool) -> None:
    """Give every leaf, and every tensor that asked to retain, its gradient: all of them or, after an error, none."""
    for x, _ in gradients:
        if x.grad is not None and (x.grad.shape, x.grad.device) != (x.shape, x.device):
            raise ValueError(f"backward: a tensor {x.shape} on {x.device} has a .grad {x.grad.shape} on "
                             f"{x.grad.device}, to which nothing can be added: set .grad to None")
    for x, g in gradients:
        with on_device_of(x.data):
            if create_graph:
                x.grad = g.copy() if x.grad is None else x.grad + g
            elif x.grad is None:
                x.grad = derived(namespace(x.data).asarray(g))
            else:
                x.grad.data += g
                x.grad.touch()
