"""Every architecture learns one batch of eight by heart, with few channels, in train mode, heads included."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import SMALL, images, lively, outputs, small, without_dropout

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import models, optim
from minigrad.models.lenet5 import mean_squared_error

# First values with standard deviations that suit the papers' many channels: with few no signal comes through.
FOR_MANY_CHANNELS = ("alexnet_one_tower", "alexnet_paper", "googlenet_paper")
RATES = {"googlenet_paper": 6e-3, "unet": 1e-2, "unet_upsample": 1e-2, "unet_paper": 1e-2}
ENOUGH = 0.2                    # of the first loss


def batch(name: str, n: int = 8):
    """Noise, and a class for each image; for U-Net noise around a bar, and for each pixel whether it is in it."""
    x = images(name, n)
    if not name.startswith("unet"):
        return x, mg.tensor(np.arange(n) % 4)
    height, width = x.shape[2:]
    mask = np.zeros((n, height, width), "int64")
    for i in range(n):
        mask[i, :, width * i // n:width * (i + 3) // n] = 1
    edge = 92 if name == "unet_paper" else 0                # of which its map says nothing
    return x + 2.0 * mask[:, None].astype("float32"), mg.tensor(mask[:, edge:height - edge, edge:width - edge])


def fit(name: str, loss_of, most: int = 40) -> tuple[float, float]:
    """(first loss, last loss), of at most so many steps."""
    mg.manual_seed(1)
    model = small(name, 2 if name.startswith("unet") else 10 if name == "lenet5_paper" else 4).train()
    if name in FOR_MANY_CHANNELS:
        model.load_state_dict(lively(model))
    without_dropout(model)
    x, targets = batch(name)
    optimizer = optim.Adam(model.parameters(), lr=RATES.get(name, 3e-3))
    losses: list[float] = []
    while len(losses) < most and (not losses or losses[-1] >= ENOUGH * losses[0]):
        optimizer.zero_grad()
        loss = loss_of(model(x), targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.numpy()))
    return losses[0], losses[-1]


@pytest.mark.parametrize("name", SMALL)
def test_it_overfits_a_batch_of_eight(name):
    weights = list((models.about(name).loss_weights or {"scores": 1.0}).values())

    def loss_of(y, targets):
        return sum([F.cross_entropy(part, targets) * w for part, w in zip(outputs(y), weights, strict=False)])

    first, last = fit(name, loss_of)
    assert last < ENOUGH * first


def test_lenet5_overfits_with_the_papers_criterion():
    """Equation 8, which starts at about 84, the penalty of a unit whose inputs are 0."""
    first, last = fit("lenet5_paper", mean_squared_error)
    assert 80 < first < 90 and last < ENOUGH * first
