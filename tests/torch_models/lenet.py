"""LeNet-5: LeCun et al. 1998, figure 2 and section II.B, in torch.nn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class LeNet5(nn.Module):
    """What is called so today."""

    def __init__(self, activation: Any = nn.Tanh, pool: Any = nn.AvgPool2d):
        super().__init__()
        self.c1, self.c3, self.c5 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.f6, self.f7 = nn.Linear(120, 84), nn.Linear(84, 10)
        self.active, self.pool = activation(), pool(2)

    def forward(self, x: Any) -> Any:
        x = self.pool(self.active(self.c1(x)))
        x = self.pool(self.active(self.c3(x)))
        x = self.active(self.c5(x)).flatten(1)
        return self.f7(self.active(self.f6(x)))


class LeNet5Paper(nn.Module):
    """Section II.B, layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.s2, self.c3, self.s4 = nn.Conv2d(1, 6, 5), Subsampling(6), PartlyConnected(), Subsampling(16)
        self.c5, self.f6 = nn.Conv2d(16, 120, 5), nn.Linear(120, 84)
        self.f7 = nn.ModuleDict({"difference": nn.Module()})
        self.f7["difference"].register_buffer("b", torch.ones(10, 84))

    def forward(self, x: Any) -> Any:
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = 1.7159 * torch.tanh(2 / 3 * layer(x))
        x = 1.7159 * torch.tanh(2 / 3 * self.f6(x[:, :, 0, 0]))
        return -torch.stack([(x - code).square().sum(1) for code in self.f7["difference"].b], 1)      # equation 7


class Subsampling(nn.Module):
    """Four neighbours are added, times a coefficient, plus a bias."""

    def __init__(self, maps: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(maps, 1, 1)), nn.Parameter(torch.ones(maps, 1, 1))

    def forward(self, x: Any) -> Any:
        four = x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]
        return four * self.weight + self.bias


class PartlyConnected(nn.Module):
    """C3. Table I: maps 0 to 5 read three maps in a row, 6 to 11 four, 12 to 14 two pairs, 15 all."""

    def __init__(self) -> None:
        super().__init__()
        self.of3, self.of4, self.of6 = nn.Conv2d(3, 6, 5), nn.Conv2d(4, 9, 5), nn.Conv2d(6, 1, 5)

    def forward(self, x: Any) -> Any:
        three = [[(j + i) % 6 for i in range(3)] for j in range(6)]
        four = [[(j + i) % 6 for i in range(4)] for j in range(6)] + [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5]]
        maps = []
        for part, table in ((self.of3, three), (self.of4, four), (self.of6, [list(range(6))])):
            maps += [F.conv2d(x[:, read], part.weight[i:i + 1], part.bias[i:i + 1]) for i, read in enumerate(table)]
        return torch.cat(maps, 1)
