"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, averaged, check_betas, check_numbers, descent, move, next_step


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, whose factor grows from beta1 / 2 to beta1. Dozat 2016, algorithm 2.

    g = gradient + weight_decay * p
    mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)         M_t = mu_1 * ... * mu_t
    m = beta1 * m + (1 - beta1) * g                            v = beta2 * v + (1 - beta2) * g^2
    p = p - lr * ((1 - mu_t) * g / (1 - M_t) + mu_(t+1) * m / (1 - M_(t+1))) / (sqrt(v / (1 - beta2^t)) + eps)

    decoupled_weight_decay: decay p itself, as AdamW does. maximize: go up instead of down.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, *, maximize: bool = False, **options: Any):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
                                  "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("NAdam", group, "lr", "eps", "weight_decay", "momentum_decay")
        check_betas("NAdam", group["betas"])

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = float(group["lr"]), map(float, group["betas"])
        g = descent(p, g, group)
        t = next_step(state)
        mu, mu_next = [beta1 * (1 - 0.5 * 0.96 ** (i * float(group["momentum_decay"]))) for i in (t, t + 1)]
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        m = averaged(state, "exp_avg", g, beta1)
        v = averaged(state, "exp_avg_sq", g * g, beta2)
        size = namespace(v).sqrt(v / (1 - beta2 ** t)) + float(group["eps"])
        ahead = g * ((1 - mu) / (1 - product)) + m * (mu_next / (1 - product * mu_next))
        move(p, ahead * lr / size)
