"""Tensor and the tape.

Calling an op on tensors that need gradients puts a `Node` on the tape: the op, the places where its arguments'
gradients are gathered, what its formulas will read, and a serial number. A tensor owns its node; a node never refers
to its output, so there are no cycles and memory dies by reference counts. Descending serial number is reverse
topological order. `walk.py` goes down it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy

from .backend import FLOATS, LIBRARIES, Array, copied, device_of, is_array, on_device_of, to_device, to_numpy

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
        if not isinstance(requires_grad, (bool, numpy.bool_)):
            raise TypeError(f"Tensor: requires_grad must be True or False, {requires_grad!r} came; "
                            "minigrad.empty(2, 3) makes a tensor of a shape")
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

    def detach(self) -> Tensor:
        """The same array as a constant: shares memory, has no history."""
        return derived(self.data, self.changed)

    def numpy(self) -> numpy.ndarray:
        """A copy as a NumPy array on the host, C-ordered."""
        return to_numpy(self.data)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write in place, what is not recorded: v is converted to the dtype of x, and broadcast to x[...]."""
        if recording.get() and (self.requires_grad or isinstance(value, Tensor) and value.requires_grad):
            raise ValueError("x[...] = v on a tensor that requires gradients would change what the tape has seen: do "
                             "it inside no_grad(), or make a new tensor: where(mask, v, x), scatter_add(x, axis, i, v)")
        x = self.data
        if 0 not in x.shape and any([step == 0 and n > 1 for step, n in zip(x.strides, x.shape, strict=True)]):
            raise ValueError("x[...] = v: several elements of x are one in memory, as broadcast_to makes them: "
                             f"x.copy() has its own (x {x.shape})")
        if type(x) is numpy.ndarray and not x.flags.writeable:
            raise ValueError("x[...] = v: x is read-only, as is a reshape of images or filters, whose memory lies "
                             "otherwise: write into the tensor that was reshaped, or into x.copy(), which is on its "
                             f"own (x {x.shape})")
        try:
            with on_device_of(x):
                x[beside(x, index)] = beside(x, list(value) if isinstance(value, tuple) else value)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            shapes = f"x {x.shape}, v {value.shape}" if hasattr(value, "shape") else f"x {x.shape}"
            raise type(error)(f"x[...] = v: {error} ({shapes})") from None
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
        Tensor.__init__(twin, copied(self.data), self.requires_grad)
        twin.grad = None if self.grad is None else derived(copied(self.grad.data))
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


def beside(x: Array, part: Any) -> Any:
    """An index, or a value to write, as the library of x takes it; arrays must live where x does, lists are copied."""
    if type(part) is tuple:
        return tuple([beside(x, one) for one in part])
    part = bare(part)
    if is_array(part) and device_of(part) != device_of(x):
        raise TypeError(f"x is on {device_of(x)}, v or an index on {device_of(part)}; .to({device_of(x)!r}) mends it")
    return to_device(numpy.asarray(part), device_of(x)) if isinstance(part, list) and part else part


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
        self.note: Any = None   # what an observer wrote down about the call


class Output:
    """One of the outputs of a call that has several. It refers to its node, so the node refers to it weakly."""

    __slots__ = ("node", "shape", "dtype", "hooks", "__weakref__")

    def __init__(self, node: Node, shape: tuple[int, ...], dtype: numpy.dtype):
        self.node, self.shape, self.dtype = node, shape, dtype
        self.hooks: list | None = None

    @property
    def op(self) -> Op:
        return self.node.op
