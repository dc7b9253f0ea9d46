"""Augmentations by name, for the command line."""

from __future__ import annotations

from ..dataset import DataError
from .affine import RandomAffine
from .base import Compose, Transform
from .crops import RandomCrop, RandomHorizontalFlip, RandomQuarterTurn
from .elastic import RandomElastic

AUGMENTATIONS: dict[str, Transform | None] = {
    "none": None,
    "crop-flip": Compose([RandomCrop(padding=4, padding_mode="reflect"), RandomHorizontalFlip()]),
    "affine": RandomAffine(10, translate=(0.05, 0.05), scale=(0.9, 1.1), shear=6, fill="edge"),
    "flip-turn": Compose([RandomHorizontalFlip(), RandomQuarterTurn()]),
    "elastic": Compose([RandomElastic(), RandomHorizontalFlip(), RandomQuarterTurn()]),
}
ABOUT = {
    "none": "the images as they are",
    "crop-flip": "shifted by up to 4 pixels and mirrored: photographs",
    "affine": "turned, moved, stretched and slanted a little: digits, letters",
    "flip-turn": "mirrored, and turned by quarters: what has no up and down, as in microscopes",
    "elastic": "bent a little, mirrored and turned by quarters: cells and tissue",
}


def augmentation(name: str) -> Transform | None:
    """A transform by name: "none" (None), "crop-flip", "elastic" ... Raises DataError for other names."""
    if name not in AUGMENTATIONS:
        raise DataError(f"augmentation: expected one of {', '.join(AUGMENTATIONS)}, {name!r} came")
    return AUGMENTATIONS[name]
