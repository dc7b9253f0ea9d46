"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, namespace
from ..tensor import Tensor
from .optimizer import Optimizer, check_numbers, descent, move


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, Nesterov's too, and weight decay.

    g = gradient + weight_decay * p
    v = momentum * v + (1 - dampening) * g           (v = g at the first step)
    p = p - lr * (g + momentum * v if nesterov else v)

    maximize: go up instead of down. Momentum: Polyak 1964, Nesterov 1983, both in this form: Sutskever et al. 2013.
    """

    is_elementwise = True

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
                 weight_decay: float = 0.0, nesterov: bool = False, *, maximize: bool = False, **options: Any):
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, "maximize": maximize}, options)

    def check(self, group: dict[str, Any]) -> None:
        check_numbers("SGD", group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening, "
                             f"momentum {group['momentum']!r} and dampening {group['dampening']!r} came")

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        momentum = float(group["momentum"])
        g = descent(p, g, group)
        if momentum:
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = namespace(g).array(g)
            else:
                v *= momentum
                v += g * (1 - float(group["dampening"])) if group["dampening"] else g
            g = v * momentum + g if group["nesterov"] else v
        move(p, g * float(group["lr"]))
