"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, averaged, check_numbers, descent, kept, move, next_step


class RMSprop(Optimizer):
    """Steps divided by the root of the mean square of recent gradients.

    g = gradient + weight_decay * p
    s = alpha * s + (1 - alpha) * g^2          centered: a = alpha * a + (1 - alpha) * g, and s - a^2 in place of s
    d = g / (sqrt(s) + eps)                    momentum: b = momentum * b + d, and b in place of d
    p = p - lr * d

    maximize: go up instead of down. Source: Hinton 2012, Neural networks for machine learning, lecture 6e; centered:
    Graves 2013, Generating sequences with recurrent neural networks, equations 38 to 45.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False, *, maximize: bool = False,
                 **options: Any):
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
                                  "momentum": momentum, "centered": centered, "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("RMSprop", group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        alpha = float(group["alpha"])
        g = descent(p, g, group)
        next_step(state)
        s = averaged(state, "square_avg", g * g, alpha)
        if group["centered"]:
            a = averaged(state, "grad_avg", g, alpha)
            s = s - a * a
        step = g / (namespace(s).sqrt(s) + float(group["eps"]))
        if group["momentum"] > 0:
            b = kept(state, "momentum_buffer", g)
            b *= float(group["momentum"])
            b += step
            step = b
        move(p, step * float(group["lr"]))
