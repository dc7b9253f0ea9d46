"""Penalties on parameters, to be added to the loss."""

from __future__ import annotations

from collections.abc import Iterable

from .. import ops
from ..tensor import Tensor


def l1_penalty(parameters: Iterable[Tensor], strength: float = 1.0) -> Tensor:
    """strength * (sum of |p| over all elements of all parameters), a scalar: it drives weights to exactly 0.

        loss = F.cross_entropy(model(x), target) + optim.l1_penalty(model.parameters(), 1e-5)

    The gradient is strength * sign(p), 0 at 0. The optimizers' own `weight_decay` is the other one, L2: as strength / 2
    * sum p^2. ValueError if there are no parameters. Source: Tibshirani 1996, Regression shrinkage and selection via
    the lasso.
    """
    sums = [ops.sum(ops.abs(p)) for p in ([parameters] if isinstance(parameters, Tensor) else parameters)]
    if not sums:
        raise ValueError("l1_penalty: there are no parameters")
    return ops.sum(ops.stack(sums)) * strength
