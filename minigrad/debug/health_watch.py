"""What is seen of one training step: the norms of gradients, and what activations gave. The step goes on as it would.

A `Watch` listens to the calls that are put on the tape. A call on a parameter and on data is a call of the parameter's
layer; at its output a hook measures the gradient that arrives there. So it sees layers in graphs and modules, ops and
functions alike, and neighbours that run in one pass still do.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..backend import Array, device_of, namespace, on_device_of, to_device, to_numpy, using
from ..op import Op
from ..tensor import HookHandle, Node, Output, Tensor, recording

RELUS = {"relu", "add_relu", "conv2d_relu", "batch_norm_relu_train", "batch_norm_relu_eval"}
CHANNELS_FIRST = ("conv", "batch_norm", "group_norm", "instance_norm")      # in names of ops with units along axis 1
SAFE = 1e-20, 1e30              # between these a sum of squares in float32 has lost nothing of weight, and is finite
FLAT = 0.97                     # |tanh| above it: its slope is below 0.06. A sigmoid, (1 + tanh(x / 2)) / 2, alike


class Numbers:
    """Numbers that lie on devices, added up by name, and read by the host in one small copy of each device."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[tuple[Hashable, Array]]] = {}

    def add(self, name: Hashable, x: Array, device: str) -> None:
        """x: a number in float64."""
        self.waiting.setdefault(device, []).append((name, x))

    def read(self) -> dict[Hashable, float]:
        found: dict[Hashable, float] = {}
        for device, pairs in self.waiting.items():
            with using(device):
                values = to_numpy(namespace(pairs[0][1]).stack([x for _, x in pairs])) if device != "cpu" else \
                    [float(x) for _, x in pairs]
            for (name, _), value in zip(pairs, values, strict=True):
                found[name] = found.get(name, 0.0) + float(value)
        self.waiting = {}
        return found


@dataclass(eq=False)
class Units:
    """The units of the activations of one kind behind one layer: which of them gave anything but 0.

    awake, awake_before: a bool for each unit, of the steps watched lately and of those before.
    """

    layer: str
    kind: str
    awake: Array
    awake_before: Array | None = None
    values: int = 0             # that each unit gave in all these steps

    def wake(self, awake: Array, values: int, device: str) -> None:
        """Add what was seen of them now, on this device."""
        self.awake = to_device(self.awake, device) | awake
        if self.awake_before is not None:
            self.awake_before = to_device(self.awake_before, device)
        self.values += values

    def turn_over(self) -> None:
        """Begin anew, and remember what was lately."""
        self.awake_before, self.awake, self.values = self.awake, namespace(self.awake).zeros_like(self.awake), 0

    def asleep(self) -> Array:
        """How many gave 0 alone, a number on the device."""
        awake = self.awake if self.awake_before is None else self.awake | self.awake_before
        return count(~awake, namespace(awake))


UnitKey = tuple[str, str, int]          # layer, kind, how many units there are


class Watch:
    """The listener of one step, from its making to `stop()`."""

    def __init__(self, owners: Mapping[int, str], units: dict[UnitKey, Units]):
        self.owners, self.units = owners, units
        self.numbers = Numbers()
        self.calls: dict[str, int] = {}                 # layer -> how often it was called, in the order of first calls
        self.sizes: dict[UnitKey, int] = {}             # how many values they gave in this step
        self.weights: dict[Node, str] = {}              # calls on parameters alone: the layer they are a weight of
        self.fed: dict[Node, tuple[str, str]] = {}      # calls on data: the layer before them, and the op of its call
        self.handles: list[HookHandle] = []
        self.before = recording.get()                   # another listener, perhaps
        if self.before:
            recording.set(self)

    def stop(self) -> None:
        """Listen no more."""
        if recording.get() is self:
            recording.set(self.before)
        for handle in self.handles:
            handle.remove()
        self.weights, self.fed, self.handles = {}, {}, []

    # --- what the engine calls --------------------------------------------------------------------------------
    def note(self, op: Op, args: Sequence, out: Any) -> None:
        """A call was put on the tape."""
        if self.before is not True:
            self.before.note(op, args, out)
        outputs = [y for y in (out if type(out) is tuple else (out,)) if y.node is not None]
        if not outputs:
            return
        owner, feeding, on_data = "", None, False
        for a in args:
            if isinstance(a, Tensor):
                node = node_of(a)
                found = self.owners.get(id(a)) or self.weights.get(node, "")
                owner, on_data = found or owner, on_data or not found
                if node in self.fed and (feeding is None or node.serial > feeding.serial):
                    feeding = node
        made = node_of(outputs[0])
        if owner and not on_data:
            self.weights[made] = owner
            return
        if owner and outputs[0].ndim:                   # a penalty in the loss is no layer
            self.fed[made] = owner, op.name
            self.calls[owner] = self.calls.get(owner, 0) + 1
            self.handles += [y.register_hook(lambda g: self.measure((owner, "output"), g.data)) for y in outputs]
        elif feeding is not None:
            self.fed[made] = self.fed[feeding]
        self.look_at_units(op, args, outputs[0].data, *self.fed.get(made, ("input", "")))

    def measure(self, name: tuple[str, str], x: Array) -> None:
        """Add the squares of x under this name, and how many of its elements are nan or inf under "not_finite"."""
        device = device_of(x)
        with on_device_of(x), numpy.errstate(all="ignore"):
            squares = quick_squares(x)
            if squares is not None:
                self.numbers.add(name, squares, device)
                return
            xp = namespace(x)
            wide = x.astype("float64")                  # the squares of 1e-30 and of 1e30 both count
            xp.multiply(wide, wide, out=wide)
            self.numbers.add(name, xp.sum(wide), device)
            self.numbers.add((name[0], "not_finite"), count(~xp.isfinite(wide), xp), device)

    def look_at_units(self, op: Op, args: Sequence, y: Array, layer: str, call: str) -> None:
        """What an activation gave, if the call is one: zeros, saturated values, units that are awake."""
        kind = "relu" if op.name in RELUS else op.name
        if kind not in TESTS or not y.size:
            return
        axis = 1 if y.ndim > 2 and any([name in call for name in CHANNELS_FIRST]) else max(y.ndim - 1, 0)
        n = y.shape[axis] if y.ndim else 1
        device, key = device_of(y), (layer, kind, n)
        with on_device_of(y):
            xp = namespace(y)
            zeros, flat = TESTS[kind](y, xp, args)
            if zeros is not None:
                others = tuple([i for i in range(y.ndim) if i != axis])
                awake = ~(xp.all(zeros, axis=others) if others else zeros).reshape(n)
                units = self.units.get(key)
                if units is None:
                    units = self.units[key] = Units(layer, kind, xp.zeros_like(awake))
                units.wake(awake, y.size // n, device)
                self.numbers.add((key, "zeros"), count(zeros, xp), device)
            else:
                self.units.setdefault(key, Units(layer, kind, xp.ones(n, bool)))
            if flat is not None:
                self.numbers.add((key, "saturated"), count(flat, xp), device)
        self.sizes[key] = self.sizes.get(key, 0) + y.size


def quick_squares(x: Array) -> Any:
    """The sum of the squares of an array of the host in one pass in its own precision, where that loses nothing: not
    below or above, nor where it is nan; None elsewhere."""
    if type(x) is not numpy.ndarray or x.dtype not in ("float32", "float64"):
        return None
    flat = x.ravel(order="K")
    squares = numpy.dot(flat, flat)
    return squares if SAFE[0] < squares < SAFE[1] else None


def count(mask: Array, xp: Any) -> Array:
    """In how many places it holds, a number on its device, in float64."""
    return xp.asarray(xp.count_nonzero(mask)).astype("float64")


# --- activations ------------------------------------------------------------------------------------------------

def at_limits(y: Array, xp: Any, args: Sequence) -> tuple[Any, Any]:
    """hardtanh(x, low, high), flat at both limits; with low = 0 it is a ReLU6, which is off there."""
    low, high = args[1:3]
    return (y == 0, y >= high) if low == 0 else (None, (y <= low) | (y >= high))


# Op -> (y, array library, arguments) -> where y is 0 because the unit is off; where the slope is nearly 0 otherwise.
TESTS: dict[str, Any] = {
    "relu": lambda y, xp, args: (y == 0, None),
    "hardtanh": at_limits,
    "tanh": lambda y, xp, args: (None, xp.abs(y) > FLAT),
    "sigmoid": lambda y, xp, args: (None, xp.abs(2 * y - 1) > FLAT),
    "hardsigmoid": lambda y, xp, args: (None, (y <= 0) | (y >= 1)),
}


def node_of(x: Tensor) -> Any:
    """The call that made it; of a leaf or a constant something that is no key."""
    return x.node.node if type(x.node) is Output else x.node
