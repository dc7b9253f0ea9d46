"""AlexNet (Krizhevsky et al. 2012, figure 2) and GoogLeNet (Szegedy et al. 2014, table 1), in torch.nn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def response_norm(x: Any) -> Any:
    """a / (2 + 1e-4 * the sum of squares of 5 channels)^0.75; PyTorch divides alpha by 5."""
    return F.local_response_norm(x, 5, alpha=5 * 1e-4, beta=0.75, k=2.0)


class AlexNet(nn.Module):
    def __init__(self, gpus: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, 4)
        self.conv2 = nn.Conv2d(96, 256, 5, 1, 2, groups=gpus)
        self.conv3 = nn.Conv2d(256, 384, 3, 1, 1)
        self.conv4 = nn.Conv2d(384, 384, 3, 1, 1, groups=gpus)
        self.conv5 = nn.Conv2d(384, 256, 3, 1, 1, groups=gpus)
        self.fc6, self.fc7, self.fc8 = nn.Linear(256 * 6 * 6, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000)
        self.drop6, self.drop7 = nn.Dropout(0.5), nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(response_norm(torch.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(response_norm(torch.relu(self.conv2(x))), 3, 2)
        x = torch.relu(self.conv4(torch.relu(self.conv3(x))))
        x = F.max_pool2d(torch.relu(self.conv5(x)), 3, 2).flatten(1)
        x = self.drop6(torch.relu(self.fc6(x)))
        return self.fc8(self.drop7(torch.relu(self.fc7(x))))


# Table 1, from "#1x1" to "pool proj".
TABLE = {"3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
         "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
         "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128)}


class Conv(nn.Module):
    """A convolution and ReLU ("all the convolutions use rectified linear activation")."""

    def __init__(self, a: int, c: int, kernel: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(a, c, kernel, stride, kernel // 2)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.conv(x))


class Inception(nn.Module):
    """Figure 2 b."""

    def __init__(self, a: int, one: int, reduce3: int, three: int, reduce5: int, five: int, proj: int):
        super().__init__()
        self.branch1 = Conv(a, one, 1)
        self.branch2 = nn.Sequential(Conv(a, reduce3, 1), Conv(reduce3, three, 3))
        self.branch3 = nn.Sequential(Conv(a, reduce5, 1), Conv(reduce5, five, 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Conv(a, proj, 1))

    def forward(self, x: Any) -> Any:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Auxiliary(nn.Module):
    """Section 5: average pooling 5x5 with stride 3, 1x1 with 128 filters, 1024 units, dropout of 70 %, a linear one."""

    def __init__(self, a: int):
        super().__init__()
        self.conv = Conv(a, 128, 1)
        self.fc1, self.dropout, self.fc2 = nn.Linear(4 * 4 * 128, 1024), nn.Dropout(0.7), nn.Linear(1024, 1000)

    def forward(self, x: Any) -> Any:
        x = self.conv(F.avg_pool2d(x, 5, 3)).flatten(1)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = Conv(3, 64, 7, 2), Conv(64, 64, 1), Conv(64, 192, 3)
        a = 192
        for name, row in TABLE.items():
            self.add_module(f"inception{name}", Inception(a, *row))
            a = row[0] + row[2] + row[4] + row[5]
        self.aux1, self.aux2 = Auxiliary(512), Auxiliary(528)
        self.dropout, self.fc = nn.Dropout(0.4), nn.Linear(1024, 1000)

    def forward(self, x: Any) -> Any:
        def halved(x: Any) -> Any:
            return F.max_pool2d(x, 3, 2, ceil_mode=True)

        x = response_norm(halved(self.conv1(x)))                            # 56x56
        x = halved(response_norm(self.conv3(self.conv2(x))))                # 28x28
        x = halved(self.inception3b(self.inception3a(x)))                   # 14x14
        x = self.inception4a(x)
        heads = [self.aux1(x)] if self.training else []
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        heads += [self.aux2(x)] if self.training else []
        x = self.inception5b(self.inception5a(halved(self.inception4e(x))))                # 7x7
        y = self.fc(self.dropout(F.avg_pool2d(x, 7).flatten(1)))
        return (y, *heads) if self.training else y
