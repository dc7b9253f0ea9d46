"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, averaged, check_number, check_numbers, descent, kept, move, next_step


class Adadelta(Optimizer):
    """Steps as long as recent steps were, in the unit of the parameter. Zeiler 2012, algorithm 1.

    g = gradient + weight_decay * p
    s = rho * s + (1 - rho) * g^2
    d = sqrt(u + eps) / sqrt(s + eps) * g      u = rho * u + (1 - rho) * d^2
    p = p - lr * d

    maximize: go up instead of down.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0.0, *, maximize: bool = False, **options: Any):
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("Adadelta", group, "lr", "eps", "weight_decay")
        check_number("Adadelta", "rho", group["rho"])
        if group["rho"] > 1:
            raise ValueError(f"Adadelta: rho must be in [0, 1], {group['rho']!r} came")

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp, rho, eps = namespace(g), float(group["rho"]), float(group["eps"])
        g = descent(p, g, group)
        next_step(state)
        s = averaged(state, "square_avg", g * g, rho)
        step = xp.sqrt(kept(state, "acc_delta", g) + eps) / xp.sqrt(s + eps) * g
        averaged(state, "acc_delta", step * step, rho)
        move(p, step * float(group["lr"]))
