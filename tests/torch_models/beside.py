"""A model here beside PyTorch's with the same values: scores, gradients, and how far they are apart."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from small_models import outputs

import minigrad as mg

from . import to_numpy

Gradients = dict[str, np.ndarray]


def their_outputs(y: Any) -> list[Any]:
    """The scores, and in training those of the auxiliary heads, in the order of the paper."""
    if hasattr(y, "aux_logits1"):                       # torchvision's GoogLeNet, whose second head comes first
        return [y.logits, y.aux_logits1, y.aux_logits2]
    return list(y) if isinstance(y, tuple) else [y]


def settle(mine: Any, theirs: Any, x: np.ndarray) -> None:
    """Give BatchNorm in both the running statistics of this batch.

    For SE-ResNet: with others its signals grow from block to block until the gates see means of hundreds, and PyTorch's
    own float32 scores are 1e-3 away from those in float64. Of plain nets the reverse is true: there it makes them so.
    """
    import torch

    norms = [layer for layer in theirs.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    if norms:
        for layer in norms:
            layer.momentum = 1.0
        with torch.no_grad():
            theirs.train()(torch.from_numpy(x))
        for layer in norms:
            layer.momentum = 0.1
        mine.load_state_dict(to_numpy(theirs))


def scores_apart(mine: Any, theirs: Any, x: np.ndarray) -> float:
    """The largest difference of the scores in evaluation, as part of the largest score."""
    import torch

    with torch.no_grad(), mg.no_grad():
        wanted, (found,) = theirs.eval()(torch.from_numpy(x)).numpy(), outputs(mine.eval()(mg.tensor(x)))
    if not wanted.std() > 0.05:
        raise ValueError(f"the scores' standard deviation is {wanted.std():.1e}: only the last biases came through")
    return float(abs(found.numpy() - wanted).max() / abs(wanted).max())


def arriving(ys: list[Any], seed: int = 0) -> list[np.ndarray]:
    """What comes to the outputs in the backward pass: numbers at random."""
    rng = np.random.default_rng(seed + 1)
    return [rng.normal(size=tuple(y.shape)) for y in ys]


def my_gradients(model: Any, x: np.ndarray, dtype: str, seed: int = 0) -> Gradients:
    """Of the images and of all parameters, by name, in training."""
    model = copy.deepcopy(model).to(dtype).train()
    x = mg.tensor(x.astype(dtype), requires_grad=True)
    ys = outputs(model(x))
    sum([(y * mg.tensor(g.astype(dtype))).sum() for y, g in zip(ys, arriving(ys, seed), strict=True)]).backward()
    return {"image": x.grad.numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


def their_gradients(model: Any, x: np.ndarray, dtype: str, seed: int = 0) -> Gradients:
    import torch

    model = copy.deepcopy(model).to(getattr(torch, dtype)).train()
    x = torch.from_numpy(x.astype(dtype)).requires_grad_()
    ys = their_outputs(model(x))
    sum([(y * torch.from_numpy(g.astype(dtype))).sum() for y, g in zip(ys, arriving(ys, seed), strict=True)]).backward()
    return {"image": x.grad.numpy(), **{name: p.grad.numpy() for name, p in model.named_parameters()}}


def gradients_apart(found: Gradients, wanted: Gradients) -> tuple[float, str]:
    """The largest difference as part of the largest element of the same gradient, and whose it is.

    In front of BatchNorm a bias has no gradient, and all that comes is noise: a gradient counts as no smaller than 1e-6
    of the largest of all.
    """
    if set(found) != set(wanted):
        raise ValueError(f"gradients of {sorted(set(found) ^ set(wanted))} are on one side alone")
    largest = max(abs(g).max() for g in wanted.values())
    return max((float(abs(found[name] - g).max() / max(abs(g).max(), 1e-6 * largest)), name)
               for name, g in wanted.items())
