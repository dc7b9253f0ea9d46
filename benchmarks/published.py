"""What is published of the architectures that torchvision lacks: parameters, multiplications, and where it stands.

Where a paper rounds, so do these figures. Of torchvision's models the figures are in its own source.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """parameters and giga (10^9 multiplications for one image): as they are printed, None where nobody says."""

    parameters: str | None
    giga: str | None
    where: str


RESNET, CIFAR, WRN = "table 1", "table 6", "table 4"
PUBLISHED = {
    "lenet5": Published("61,706", None, "lectures"),
    "lenet5_modern": Published("61,706", None, "lectures"),
    "lenet5_paper": Published("60,000", None, "section II.B"),
    "alexnet_one_tower": Published("62,378,344", "1.135", "lectures"),
    "alexnet_paper": Published("60,965,224", "0.724", "Caffe"),                     # the paper says 60 million
    "googlenet_paper": Published("6,998,552 without heads", "1.5", "Caffe; section 1"),
    "resnet50_paper": Published(None, "3.8", RESNET),
    "resnet101_paper": Published(None, "7.6", RESNET),
    "resnet152_paper": Published(None, "11.3", RESNET),
    "plain18": Published(None, "1.8", RESNET),
    "plain34": Published(None, "3.6", RESNET),
    **{f"{kind}{depth}_cifar": Published(f"{millions} M", None, CIFAR) for kind in ("resnet", "plain")
       for depth, millions in ((20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7))},
    "wrn_16_8": Published("11.0 M", None, WRN),
    "wrn_28_10": Published("36.5 M", None, WRN),
    "wrn_40_4": Published("8.9 M", None, WRN),
    "densenet40_cifar": Published("1.0 M", None, "table 2"),
    "se_resnet18": Published("11,778,592", None, "timm"),
    "se_resnet34": Published("21,958,868", None, "timm"),
    "se_resnet50": Published("28,088,024", "3.87", "timm; table 2"),                # with the stride in the 1x1
    "se_resnet101": Published("49,326,872", "7.60", "timm; table 2"),
    "se_resnet152": Published("66,821,848", "11.32", "timm; table 2"),
    "unet": Published(None, None, "-"),
    "unet_upsample": Published(None, None, "-"),
    "unet_paper": Published(None, None, "-"),
}
