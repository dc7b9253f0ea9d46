"""ResNet's relatives that torchvision lacks: He et al. 2015; Zagoruyko, Komodakis 2016; Hu et al. 2017, in torch.nn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def conv(a: int, c: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(a, c, kernel, stride, kernel // 2, bias=False)


def branch(kind: str, c: int, stride: int) -> list[tuple[int, int, int]]:
    """(kernel, channels, stride) of a block's convolutions: figure 5 of the 2015 paper."""
    if kind == "basic":
        return [(3, c, stride), (3, c, 1)]
    if kind == "bottleneck, early stride":                      # table 1: "downsampling is performed by conv3_1, ..."
        return [(1, c, stride), (3, c, 1), (1, 4 * c, 1)]
    return [(1, c, 1), (3, c, stride), (1, 4 * c, 1)]


class Gate(nn.Module):
    """Squeeze and excitation, equations 2 to 4, r = 16."""

    def __init__(self, c: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c, c // 16), nn.Linear(c // 16, c)

    def forward(self, u: Any) -> Any:
        s = torch.sigmoid(self.fc2(torch.relu(self.fc1(u.mean((2, 3))))))
        return u * s[:, :, None, None]


class Block(nn.Module):
    """shortcut: "projection" (option B), "zeros" (option A), or None."""

    def __init__(self, a: int, layers: list[tuple[int, int, int]], shortcut: str | None, gated: bool):
        super().__init__()
        self.n, self.shortcut = len(layers), shortcut
        self.stride = max(stride for _, _, stride in layers)
        before = a
        for i, (kernel, c, stride) in enumerate(layers, 1):
            self.add_module(f"conv{i}", conv(before, c, kernel, stride))
            self.add_module(f"bn{i}", nn.BatchNorm2d(c))
            before = c
        self.se = Gate(before) if gated else nn.Identity()
        needed = shortcut == "projection" and (a != before or self.stride > 1)
        self.downsample = nn.Sequential(conv(a, before, 1, self.stride), nn.BatchNorm2d(before)) if needed else None

    def forward(self, x: Any) -> Any:
        h = x
        for i in range(1, self.n + 1):
            h = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(h))
            h = torch.relu(h) if i < self.n else h
        h = self.se(h)
        if self.shortcut == "zeros":
            x = x[:, :, ::self.stride, ::self.stride]
            h = h + F.pad(x, (0, 0, 0, 0, 0, h.shape[1] - x.shape[1]))
        elif self.shortcut is not None:
            h = h + (x if self.downsample is None else self.downsample(x))
        return torch.relu(h)


class ResNet(nn.Module):
    """Table 1 of the 2015 paper."""

    def __init__(self, depths: Sequence[int], kind: str, shortcut: str | None = "projection", gated: bool = False):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 64, 7, 2), nn.BatchNorm2d(64)
        a = 64
        for i, depth in enumerate(depths):
            layers = []
            for j in range(depth):
                shape = branch(kind, 64 * 2**i, 2 if i > 0 and j == 0 else 1)
                layers.append(Block(a, shape, shortcut, gated))
                a = shape[-1][1]
            self.add_module(f"layer{i + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(a, 1000)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.fc(x.mean((2, 3)))


class Cifar(nn.Module):
    """Section 4.2 of the 2015 paper: 6n + 2 layers, of 16, 32 and 64 channels at 32x32, 16x16 and 8x8."""

    def __init__(self, depth: int, shortcut: str | None):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16, 3), nn.BatchNorm2d(16)
        a = 16
        for i, c in enumerate((16, 32, 64), 1):
            layers = []
            for j in range((depth - 2) // 6):
                layers.append(Block(a, branch("basic", c, 2 if i > 1 and j == 0 else 1), shortcut, False))
                a = c
            self.add_module(f"layer{i}", nn.Sequential(*layers))
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class WideBlock(nn.Module):
    """Figure 1 c, without dropout: BatchNorm, ReLU, convolution, twice; a projection reads what is active."""

    def __init__(self, a: int, c: int, stride: int):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(a), conv(a, c, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(c), conv(c, c, 3)
        self.shortcut = conv(a, c, 1, stride) if a != c or stride > 1 else None

    def forward(self, x: Any) -> Any:
        active = torch.relu(self.bn1(x))
        h = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        return h + (x if self.shortcut is None else self.shortcut(active))


class Wide(nn.Module):
    """Table 1 of the 2016 paper: WRN-depth-k, N = (depth - 4) / 6 blocks in a group."""

    def __init__(self, depth: int, k: int):
        super().__init__()
        self.conv1 = conv(3, 16, 3)
        a = 16
        for i, c in enumerate((16 * k, 32 * k, 64 * k), 1):
            layers = []
            for j in range((depth - 4) // 6):
                layers.append(WideBlock(a, c, 2 if i > 1 and j == 0 else 1))
                a = c
            self.add_module(f"layer{i}", nn.Sequential(*layers))
        self.bn, self.fc = nn.BatchNorm2d(a), nn.Linear(a, 10)

    def forward(self, x: Any) -> Any:
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(torch.relu(self.bn(x)).mean((2, 3)))
