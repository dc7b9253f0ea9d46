"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, averaged, check_betas, check_numbers, descent, kept, move, next_step


class Adam(Optimizer):
    """Adaptive moments: every element has its own step, about lr long. Kingma & Ba 2014, algorithm 1.

    g = gradient + weight_decay * p
    m = beta1 * m + (1 - beta1) * g            v = beta2 * v + (1 - beta2) * g^2
    p = p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    amsgrad: use the largest v so far (Reddi et al. 2018). maximize: go up instead of down. decoupled_weight_decay:
    decay p itself, as AdamW does.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, *, maximize: bool = False,
                 decoupled_weight_decay: bool = False, **options: Any):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay}, options)

    def check(self, group: dict[str, Any]) -> None:
        who = type(self).__name__
        check_numbers(who, group, "lr", "eps", "weight_decay")
        check_betas(who, group["betas"])

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = map(float, group["betas"])
        g = descent(p, g, group)
        t = next_step(state)
        m = averaged(state, "exp_avg", g, beta1)
        v = averaged(state, "exp_avg_sq", g * g, beta2)
        xp = namespace(v)
        if group["amsgrad"]:
            v = xp.maximum(v, kept(state, "max_exp_avg_sq", v), out=state["max_exp_avg_sq"])
        step = xp.sqrt(v, out=xp.empty_like(v))                 # the update is gathered here
        step *= 1 / sqrt(1 - beta2 ** t)
        step += float(group["eps"])
        xp.divide(m, step, out=step)
        step *= float(group["lr"]) / (1 - beta1 ** t)
        move(p, step)


class AdamW(Adam):
    """Adam whose weight decay is decoupled from the gradient: it shrinks all weights alike.

    p = (1 - lr * weight_decay) * p, then Adam's update by the bare gradient.

    Source: Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
                 **options: Any):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=True, **options)
