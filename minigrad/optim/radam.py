"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, averaged, check_betas, check_numbers, descent, move, next_step


class RAdam(Optimizer):
    """Adam that warms up by itself: as long as v has seen too few gradients, it is plain momentum.

    g = gradient + weight_decay * p
    m = beta1 * m + (1 - beta1) * g            v = beta2 * v + (1 - beta2) * g^2
    rho_inf = 2 / (1 - beta2) - 1              rho_t = rho_inf - 2 * t * beta2^t / (1 - beta2^t)
    r_t = sqrt((rho_t - 4) * (rho_t - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho_t))
    p = p - lr * m / (1 - beta1^t) * (r_t * sqrt(1 - beta2^t) / (sqrt(v) + eps) if rho_t > 5 else 1)

    decoupled_weight_decay: decay p itself, as AdamW does. maximize: go up instead of down.
    Source: Liu et al. 2020, On the variance of the adaptive learning rate and beyond, algorithm 2.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *,
                 maximize: bool = False, **options: Any):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("RAdam", group, "lr", "eps", "weight_decay")
        check_betas("RAdam", group["betas"])

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = map(float, group["betas"])
        g = descent(p, g, group)
        t = next_step(state)
        m = averaged(state, "exp_avg", g, beta1)
        v = averaged(state, "exp_avg_sq", g * g, beta2)
        step = m * (float(group["lr"]) / (1 - beta1 ** t))
        full = 2 / (1 - beta2) - 1
        rho = full - 2 * t * beta2 ** t / (1 - beta2 ** t)
        if rho > 5:
            rectifier = sqrt((rho - 4) * (rho - 2) * full / ((full - 4) * (full - 2) * rho))
            step = step * (rectifier * sqrt(1 - beta2 ** t)) / (namespace(v).sqrt(v) + float(group["eps"]))
        move(p, step)
