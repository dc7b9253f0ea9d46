"""Does the gradient check bite? Ops whose gradient is tampered with on purpose must be rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backend import namespace
from ..op import Op
from ..tensor import Node, Tensor


def scaled(g: Any) -> Any:
    return g * 1.01


def zeroed(g: Any) -> Any:
    return g * 0


def flipped(g: Any) -> Any:
    return -g


def one_moved(g: Any) -> Any:
    """The middle element moved by 0.01, or by a hundredth of the largest where that is more."""
    g = g.copy()
    if g.size:
        g[np.unravel_index(g.size // 2, g.shape)] += 0.01 * max(1.0, float(abs(g).max()))
    return g


# What a check must notice. A gradient that is zero all over only has the last one.
CHANGES: dict[str, Callable] = {
    "scaled by 1.01": scaled, "zeroed": zeroed, "sign flipped": flipped, "one element moved by 0.01": one_moved,
}


@contextmanager
def corrupted(op: Op, position: int, change: Callable) -> Iterator[None]:
    """Inside this context `op` gives change(gradient) as the gradient of its argument number `position`.

    `change` gets and returns an array. Of a call that gives no gradient for the argument, it is zeros that are changed.
    For an op on any number of arrays (concat) say on how many: `corrupted(concat.of(2), 0, change)`.

    >>> import minigrad as mg
    >>> from minigrad.testing import corrupted
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> with corrupted(mg.ops.exp, 0, lambda g: g * 0):
    ...     mg.exp(x).sum().backward()
    >>> x.grad
    tensor([0., 0.], float32, cpu)
    """
    honest, before = op.backward, dict(vars(op))

    def backward(node: Node, g: Any, edges: list, create_graph: bool) -> list:
        gradients = list(honest(node, g, edges, create_graph))
        if edges[position] is not None:
            gradients[position] = tampered(gradients[position], edges[position], g, change)
        return gradients

    if not op.formulas:         # without one nothing is recorded, so there would be nothing to tamper with
        op.formulas = {}
        op.gradient(**dict.fromkeys(op.names, lambda g: None))
    vars(op)["backward"] = backward
    op.plans.clear()
    try:
        yield
    finally:
        vars(op).clear()
        vars(op).update(before)
        op.plans.clear()


def tampered(gx: Any, place: Any, g: Any, change: Callable) -> Any:
    """change(gx), where gx may be missing, a NumPy scalar, or a tensor of a recorded walk."""
    if isinstance(gx, Tensor):
        return Tensor(change(gx.data))
    if gx is None:
        some = g if not isinstance(g, list) else next(part for part in g if part is not None)
        some = some.data if isinstance(some, Tensor) else some
        gx = namespace(some).zeros_like(some, shape=place.shape, dtype=place.dtype)
    return change(namespace(gx).asarray(gx))
