"""DenseNet for CIFAR (Huang et al. 2016, section 4.2) and U-Net (Ronneberger et al. 2015, figure 1), in torch.nn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

# --- DenseNet, L = 40, k = 12 -------------------------------------------------------------------------------------

class Dense(nn.Module):
    """[x, H(x)], H = BatchNorm, ReLU, 3x3 convolution."""

    def __init__(self, a: int, k: int):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(a), nn.Conv2d(a, k, 3, padding=1, bias=False)

    def forward(self, x: Any) -> Any:
        return torch.cat([x, self.conv1(torch.relu(self.norm1(x)))], 1)


class Transition(nn.Module):
    def __init__(self, a: int):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(a), nn.Conv2d(a, a, 1, bias=False)

    def forward(self, x: Any) -> Any:
        return F.avg_pool2d(self.conv(torch.relu(self.norm(x))), 2)


class DenseNetCifar(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 16, 3, padding=1, bias=False))
        a = 16
        for block in (1, 2, 3):
            layers = nn.Sequential()
            for i in range(1, 13):
                layers.add_module(f"denselayer{i}", Dense(a, 12))
                a += 12
            self.features.add_module(f"denseblock{block}", layers)
            if block < 3:
                self.features.add_module(f"transition{block}", Transition(a))
        self.features.add_module("norm3", nn.BatchNorm2d(a))
        self.classifier = nn.Linear(a, 10)

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.relu(self.features(x)).mean((2, 3)))


# --- U-Net --------------------------------------------------------------------------------------------------------

class Level(nn.Module):
    """3x3, ReLU, 3x3, ReLU; on the way up `up` comes before, which halves the channels and doubles the size."""

    def __init__(self, a: int, c: int, padding: int, up: nn.Module | None = None):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(a, c, 3, padding=padding), nn.Conv2d(c, c, 3, padding=padding)
        self.up = up

    def forward(self, x: Any) -> Any:
        return torch.relu(self.conv2(torch.relu(self.conv1(x))))


class UNet(nn.Module):
    """padding 0 is the figure; upsample: by nearest neighbours and a 2x2 convolution, which pads below and right."""

    def __init__(self, padding: int = 1, upsample: bool = False):
        super().__init__()
        self.upsample = upsample
        a = 1
        for i, c in enumerate((64, 128, 256, 512), 1):
            self.add_module(f"down{i}", Level(a, c, padding))
            a = c
        self.bottom = Level(512, 1024, padding)
        for i, c in ((4, 512), (3, 256), (2, 128), (1, 64)):
            up = nn.Conv2d(2 * c, c, 2) if upsample else nn.ConvTranspose2d(2 * c, c, 2, 2)
            self.add_module(f"up{i}", Level(2 * c, c, padding, up))
        self.drop4, self.drop5, self.out = nn.Dropout(0.5), nn.Dropout(0.5), nn.Conv2d(64, 2, 1)

    def forward(self, x: Any) -> Any:
        skips = []
        for level in (self.down1, self.down2, self.down3, self.down4):
            skips.append(level(x))
            x = F.max_pool2d(self.drop4(skips[-1]) if level is self.down4 else skips[-1], 2)
        x = self.drop5(self.bottom(x))
        for level in (self.up4, self.up3, self.up2, self.up1):
            if self.upsample:
                x = F.pad(x.repeat_interleave(2, 2).repeat_interleave(2, 3), (0, 1, 0, 1))
            x, skip = level.up(x), skips.pop()
            edge = (skip.shape[2] - x.shape[2]) // 2
            skip = skip[:, :, edge:edge + x.shape[2], edge:edge + x.shape[3]]
            x = level(torch.cat([skip, x], 1))
        return self.out(x)
