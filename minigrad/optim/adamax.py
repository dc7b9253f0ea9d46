"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, averaged, check_betas, check_numbers, descent, kept, move, next_step


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the mean square. Kingma & Ba 2014, algorithm 2.

    g = gradient + weight_decay * p
    m = beta1 * m + (1 - beta1) * g            u = max(beta2 * u, |g| + eps)
    p = p - lr / (1 - beta1^t) * m / u

    maximize: go up instead of down.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, *, maximize: bool = False, **options: Any):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("Adamax", group, "lr", "eps", "weight_decay")
        check_betas("Adamax", group["betas"])

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp, (beta1, beta2) = namespace(g), map(float, group["betas"])
        g = descent(p, g, group)
        t = next_step(state)
        m = averaged(state, "exp_avg", g, beta1)
        u = kept(state, "exp_inf", g)
        u *= beta2
        xp.maximum(u, xp.abs(g) + float(group["eps"]), out=u)
        move(p, m / u * (float(group["lr"]) / (1 - beta1 ** t)))
