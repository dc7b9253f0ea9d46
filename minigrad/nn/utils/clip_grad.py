"""Clipping of gradients between backward() and the optimizer's step. Nothing waits for a GPU, unless it is asked for.

    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from ...backend import Array, device_of, namespace, on_device_of, to_device
from ...tensor import Tensor, derived

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: bool | None = None) -> Tensor:
    """Shorten all gradients together, in place, so that their norm as one vector is at most `max_norm`.

    g = g * min(1, max_norm / (norm + 1e-6)); returns the norm from before. norm_type: the p of the norm, also inf.
    A norm that is nan or infinite makes gradients nan or 0; error_if_nonfinite: RuntimeError instead, for which the
    host waits for a GPU. Half-precision gradients have their norm in float32. foreach has no effect.
    Source: Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, algorithm 1.
    """
    chosen = listed(parameters)
    total = get_total_norm([p.grad for p in chosen if p.grad is not None], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(chosen, max_norm, total)
    return total


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Bring every element of all gradients into [-clip_value, clip_value], in place. foreach has no effect."""
    bound = float(clip_value)
    for g in gradients(parameters):
        with on_device_of(g.data):
            namespace(g.data).clip(g.data, -bound, bound, out=g.data)
        g.touch()


def get_total_norm(tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """The norm of all tensors together, as one vector; of none, 0. On the first one's device."""
    arrays = [x.data for x in listed(tensors)]
    if not arrays:
        return derived(namespace(None).zeros((), "float32"))
    home, p = arrays[0], float(norm_type)
    norms = []
    for x in arrays:
        with on_device_of(x):
            norms.append(to_device(norm(x, p).reshape(1), device_of(home)))
    with on_device_of(home):
        xp = namespace(home)
        total = derived(xp.asarray(norm(xp.concatenate(norms), p)))
        if error_if_nonfinite and not bool(xp.isfinite(total.data)):
            raise RuntimeError(f"clip_grad_norm_: the gradients' norm of order {p:g} is {total.item()}: look for its "
                               "origin with debug.record(), or let error_if_nonfinite be False")
    return total


def clip_grads_with_norm_(parameters: Tensors, max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Multiply all gradients, in place, by min(1, max_norm / (total_norm + 1e-6)). foreach has no effect."""
    norm_now = total_norm.data
    with on_device_of(norm_now):
        scale = namespace(norm_now).minimum(float(max_norm) / (norm_now + 1e-6), 1.0)
    for g in gradients(parameters):
        with on_device_of(g.data):
            g.data[...] = g.data * to_device(scale, g.device).astype(g.dtype)
        g.touch()


def norm(x: Array, p: float) -> Array:
    """(sum |x|^p)^(1/p) over all elements, in float32 at least; p = inf: the largest |x|, 0: how many are not 0."""
    xp = namespace(x)
    size = xp.abs(x if x.dtype.itemsize > 2 else x.astype("float32"))
    if abs(p) == inf and not size.size:
        return xp.full((), 0 if p > 0 else inf, size.dtype)
    if abs(p) == inf:
        return xp.max(size) if p > 0 else xp.min(size)
    if p == 0:
        return xp.sum(size != 0).astype(size.dtype)
    if p == 2:
        return xp.sqrt(xp.sum(size * size))
    return xp.sum(size if p == 1 else size ** p) ** (1 / p)


def gradients(parameters: Tensors) -> list[Any]:
    """Those that are there."""
    return [p.grad for p in listed(parameters) if p.grad is not None]


def listed(tensors: Tensors) -> list[Tensor]:
    """One tensor or several as a list; TypeError for anything else."""
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    for x in found:
        if not isinstance(x, Tensor):
            raise TypeError(f"expected tensors, such as model.parameters(), {type(x).__name__} came")
    return found
