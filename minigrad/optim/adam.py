"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, check_number, state_dtype


class Adam(Optimizer):
    """Adaptive moments: every element has its own step, about lr long. Kingma & Ba 2014, algorithm 1.

    g = gradient + weight_decay * p
    m = beta1 * m + (1 - beta1) * g            v = beta2 * v + (1 - beta2) * g^2
    p = p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    amsgrad: use the largest v so far (Reddi et al. 2018). maximize: go up instead of down.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, *, maximize: bool = False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check_number("Adam", name, group[name])
        if len(group["betas"]) != 2:
            raise ValueError(f"Adam: betas must be a pair of numbers, {group['betas']!r} came")
        for i, beta in enumerate(group["betas"]):
            check_number("Adam", f"betas[{i}]", beta, below=1.0)

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        x, xp = p.data, namespace(p.data)
        decay, (beta1, beta2) = float(group["weight_decay"]), map(float, group["betas"])
        if group["maximize"]:
            g = -g
        if decay:
            g = x * decay + g
        g = g.astype(state_dtype(p), copy=False)
        for name in ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * group["amsgrad"]):
            if name not in state:
                state[name] = xp.zeros_like(g)
        state["step"] = state.get("step", 0) + 1
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += g * (1 - beta1)
        v *= beta2
        square = g * g
        square *= 1 - beta2
        v += square
        if group["amsgrad"]:
            v = xp.maximum(v, state["max_exp_avg_sq"], out=state["max_exp_avg_sq"])
        step = xp.sqrt(v, out=xp.empty_like(v))                 # the update is gathered here
        step *= 1 / sqrt(1 - beta2 ** state["step"])
        step += float(group["eps"])
        xp.divide(m, step, out=step)
        step *= float(group["lr"]) / (1 - beta1 ** state["step"])
        x -= step.astype(x.dtype, copy=False)
