"""What a call of an op gives: tensors of its arrays, known to the tape as its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from numpy import ndarray

from .backend import FLOATS, LIBRARIES, Array, namespace
from .tensor import Node, Output, Tensor, derived

if TYPE_CHECKING:
    from .op import Op

new = Tensor.__new__


def wrap(y: Any, x: Tensor, args: Sequence, raw: Sequence, keeps_dtype: bool = True) -> Any:
    """The output of an op, of whose arguments (`raw`: as arrays) `x` is the first tensor, as a tensor.

    A view of an argument shares its date of change. keeps_dtype: bfloat16 arguments give a bfloat16 output.
    """
    if type(y) is tuple:
        return tuple([wrap(part, x, args, raw, keeps_dtype) for part in y])
    source = x.data
    if type(y) is not ndarray and type(y) not in LIBRARIES:
        if isinstance(y, Tensor) and any([isinstance(a, Tensor) for a in raw]):
            raise TypeError("the data of a tensor must be an array, a tensor was set: write x[...] = v inside "
                            "no_grad(), or x.data = v.data")
        y = namespace(source).asarray(y)                # NumPy turns 0-d results into scalars
    if y.dtype is not source.dtype:
        if y.dtype.kind in "OSU":
            raise TypeError(f"expected numbers and arrays of numbers; the result is made of {y.dtype}")
        if source.dtype.kind == "V" and y.dtype == "float32" and keeps_dtype:
            kinds = {a.dtype.kind for a in args if hasattr(a, "dtype")}
            y = y if "f" in kinds else y.astype(source.dtype)   # NumPy has bfloat16 * 2.0 in float32
    t = new(Tensor)
    t.data = y
    t.node = t.grad = t.hooks = None
    base = y.base
    if base is None:
        for a in raw:
            if a is y:
                break
        else:
            t.changed = [0]                             # nobody else's memory: the usual case
            return t
    t.changed = shared_date(y, base, args)
    return t


def shared_date(y: Array, base: Any, args: Sequence) -> list[int]:
    """The date of change of the argument whose memory `y` shows; a new one if there is none."""
    for a in args:
        if isinstance(a, Tensor) and (y is a.data or base is not None and (base is a.data or base is a.data.base)):
            return a.changed
    return [0]


def attach(out: Any, op: Op, edges: list, saved: Any) -> Any:
    """The output(s), known to be made by a call of `op`."""
    if type(out) is not tuple:
        if out.data.dtype.kind in FLOATS:
            out.node = Node(op, edges, saved, out.data.shape, out.data.dtype)
        return out
    places = []
    node = Node(op, edges, saved, [t.data.shape for t in out], [t.data.dtype for t in out])
    for t, shape, dtype in zip(out, node.shape, node.dtype, strict=True):
        place = Output(node, shape, dtype)
        if dtype.kind in FLOATS:
            t.node = place
        places.append(ref(place))
    node.outputs = places
    return out


def zeros(i: int, node: Node, parts: list) -> Any:
    """The gradient of an output that nobody used, made like those of the others."""
    some = next(part for part in parts if part is not None)
    array: Array = some.data if isinstance(some, Tensor) else some
    array = namespace(array).zeros_like(array, shape=node.shape[i], dtype=node.dtype[i])
    return derived(array) if isinstance(some, Tensor) else array
