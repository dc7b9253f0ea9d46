"""Changes of whole batches, under torchvision's names, for a Loader: transform(inputs, targets, generator).

    Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), ColorJitter(0.2, 0.2, 0.2), ToFloat()])
"""

from .affine import RandomAffine, RandomRotation
from .base import Compose, Transform
from .color import ColorJitter
from .crops import CenterCrop, RandomCrop, RandomHorizontalFlip, RandomQuarterTurn, RandomShift, RandomVerticalFlip
from .elastic import RandomElastic
from .presets import AUGMENTATIONS, augmentation
from .values import Normalize, Resize, ToFloat

__all__ = ["AUGMENTATIONS", "CenterCrop", "ColorJitter", "Compose", "Normalize", "RandomAffine", "RandomCrop",
           "RandomElastic", "RandomHorizontalFlip", "RandomQuarterTurn", "RandomRotation", "RandomShift",
           "RandomVerticalFlip", "Resize", "ToFloat", "Transform", "augmentation"]
