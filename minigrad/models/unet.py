"""U-Net: Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image segmentation, 2015, figure 1.

`unet_paper` is figure 1: convolutions without padding, so that its map of 388x388 says nothing of the border of the
572x572 that it has seen. `unet` pads each convolution, and its map is as large as the image. Both enlarge by transposed
convolutions, as the authors' network does; `unet_upsample` by what the paper's text says, an upsampling and a 2x2
convolution.

First values are the paper's (section 3): weights normal with variance 2 / N, where N numbers reach an output; biases 0.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from .. import nn, ops
from ..graph import Graph, Input
from .parts import kaiming, scaled


def double_conv(x: Any, c: int, padding: int, name: str) -> Any:
    """Twice a 3x3 convolution and ReLU: (n, a, h, w) -> (n, c, h, w), or (n, c, h - 4, w - 4) without padding."""
    h = ops.relu(nn.Conv2d(x.shape[1], c, 3, padding=padding)(x, name=f"{name}.conv1"), name=f"{name}.relu1")
    return ops.relu(nn.Conv2d(c, c, 3, padding=padding)(h, name=f"{name}.conv2"), name=f"{name}.relu2")


def transposed(x: Any, c: int, name: str) -> Any:
    """Each pixel paints 2x2: (n, 2c, h, w) -> (n, c, 2h, 2w)."""
    return nn.ConvTranspose2d(x.shape[1], c, 2, stride=2)(x, name=f"{name}.up")


def upsampled(x: Any, c: int, name: str) -> Any:
    """Each pixel shown 2x2 times, and a 2x2 convolution over it: (n, 2c, h, w) -> (n, c, 2h, 2w)."""
    h = nn.Upsample(scale_factor=2)(x, name=f"{name}.upsample")
    return nn.Conv2d(x.shape[1], c, 2, padding="same")(h, name=f"{name}.up")


def crop(x: Any, like: Any, name: str) -> Any:
    """The middle of x, as high and wide as `like`."""
    top, left = [(a - b) // 2 for a, b in zip(x.shape[2:], like.shape[2:], strict=True)]
    rows, columns = slice(top, top + like.shape[2]), slice(left, left + like.shape[3])
    return ops.getitem(x, (slice(None), slice(None), rows, columns), name=f"{name}.crop")


def u_net(x: Any, padding: int, enlarge: Any, num_classes: int, width: float) -> Graph:
    """Figure 1. Shapes are of 572x572 without padding."""
    channels = [scaled(64, width) * 2**i for i in range(5)]
    h, skips = x, []                                                        # (n, 1, 572, 572)
    for i, c in enumerate(channels[:-1], start=1):
        h = double_conv(h, c, padding, f"down{i}")                          # (n, 64, 568, 568) to (n, 512, 64, 64)
        skips.append(h)
        h = nn.Dropout(0.5)(h, name="drop4") if i == 4 else h               # "at the end of the contracting path"
        h = nn.MaxPool2d(2)(h, name=f"pool{i}")                             # (n, 64, 284, 284) to (n, 512, 32, 32)
    h = double_conv(h, channels[-1], padding, "bottom")                     # (n, 1024, 28, 28)
    h = nn.Dropout(0.5)(h, name="drop5")
    for i, c in reversed([*enumerate(channels[:-1], start=1)]):
        h = enlarge(h, c, f"up{i}")                                         # (n, 512, 56, 56) to (n, 64, 392, 392)
        skip = skips[i - 1] if padding else crop(skips[i - 1], h, f"up{i}")
        h = ops.concat([skip, h], 1, name=f"up{i}.concat")
        h = double_conv(h, c, padding, f"up{i}")                            # (n, 512, 52, 52) to (n, 64, 388, 388)
    model = Graph(x, nn.Conv2d(h.shape[1], num_classes, 1)(h, name="out"))  # (n, 2, 388, 388)
    initialize(model)
    return model


def initialize(model: Graph) -> None:
    kaiming(model)
    for layer in model.modules():
        if isinstance(layer, nn.ConvTranspose2d) and layer.bias is not None:
            nn.init.normal_(layer.weight, 0, sqrt(2 / layer.weight.shape[0]))       # one pixel reaches an output
            nn.init.zeros_(layer.bias)


def unet(num_classes: int = 2, in_channels: int = 1, width: float = 1.0) -> Graph:
    """Images (n, in_channels, h, w), h and w multiples of 16, -> scores of each pixel (n, num_classes, h, w).

    31,030,658 parameters, 192.4 G multiplications at 512x512.
    """
    x = Input((in_channels, None, None), name="image")
    return u_net(x, 1, transposed, num_classes, width)


def unet_upsample(num_classes: int = 2, in_channels: int = 1, width: float = 1.0) -> Graph:
    """`unet` that enlarges by repeating pixels, which leaves no checkerboard: as many parameters."""
    x = Input((in_channels, None, None), name="image")
    return u_net(x, 1, upsampled, num_classes, width)


def unet_paper(num_classes: int = 2, in_channels: int = 1, width: float = 1.0, size: int = 572) -> Graph:
    """Images (n, in_channels, size, size) -> scores of their middle's pixels (n, num_classes, size - 184, size - 184).

    size: of the tiles; 16m + 12 and at least 188, so that each pooling finds even sizes (section 2, end). 31,030,658
    parameters, 150.4 G multiplications. Raises ValueError for another size.
    """
    if size % 16 != 12 or size < 188:
        near = max(188, (size - 4) // 16 * 16 + 12)
        raise ValueError(f"unet_paper: every pooling must find an even size, so size is 188, 204, ..., 572, 588, ...; "
                         f"{size} came, {near} is near")
    x = Input((in_channels, size, size), name="image")
    return u_net(x, 0, transposed, num_classes, width)
