"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, check_numbers, descent, kept, move, next_step


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients: often seen features learn slower.

    g = gradient + weight_decay * p
    s = s + g^2                                (s = initial_accumulator_value at first)
    p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    maximize: go up instead of down. Source: Duchi, Hazan & Singer 2011, figure 1.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
                 initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False,
                 **options: Any):
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "eps": eps,
                                  "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("Adagrad", group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        g = descent(p, g, group)
        t = next_step(state)
        s = kept(state, "sum", g, float(group["initial_accumulator_value"]))
        s += g * g
        lr = float(group["lr"]) / (1 + (t - 1) * float(group["lr_decay"]))
        move(p, g * lr / (namespace(s).sqrt(s) + float(group["eps"])))
