"""What transforms share: a whole batch at once, images and their masks alike, nothing drawn but from the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from math import isfinite
from typing import Any

import numpy as np

from ..dataset import DataError
from ..nested import leaves, mapped

Drawn = tuple[Any, ...]
Draws = np.random.Generator | None


class Transform:
    """A change of a batch: `transform(inputs, targets, generator) -> (inputs, targets)`.

    inputs: images (n, c, h, w), uint8 or floats, or a tuple or dict with such in it; all of them are changed alike, and
    what is no image stays. targets: where the change moves pixels, masks move with them, integers or booleans (n, h, w)
    or (n, c, h, w), each pixel taking the nearest (bytes (n, c, h, w) are images), and so do images (n, c, h, w) and
    maps of floats (n, h, w) of the same size; other targets stay. generator: what is drawn is drawn from it, for each
    image anew. Dtypes stay, and what comes in is never written to.

    A subclass writes `draw`, once a batch, and what becomes of images and, if it moves pixels, of masks.
    Raises DataError where there are no images, and where masks have another size.
    """

    random = True                   # whether it draws anything
    moves = False                   # whether it moves pixels, so that masks must follow

    def draw(self, n: int, h: int, w: int, generator: np.random.Generator) -> Drawn:
        """What is random about n images of h x w pixels."""
        return ()

    def change(self, images: np.ndarray, *drawn: Any) -> np.ndarray:
        """images (n, c, h, w) -> the same, changed, in new memory."""
        raise TypeError(f"{type(self).__name__} changes nothing: write change(images, *drawn)")

    def change_mask(self, masks: np.ndarray, *drawn: Any) -> np.ndarray:
        """masks (n, 1, h, w) -> the same, moved as the images are."""
        return self.change(masks, *drawn)

    def __call__(self, inputs: Any, targets: Any = None, generator: Draws = None) -> tuple[Any, Any]:
        who = type(self).__name__
        n, h, w = size_of(inputs, who)
        if self.random and not isinstance(generator, np.random.Generator):
            raise DataError(f"{who}: expected a numpy.random.Generator to draw from, as a Loader gives, "
                            f"{type(generator).__name__} came")
        drawn = self.draw(n, h, w, generator) if generator is not None else ()

        def target(x: Any) -> Any:
            if not is_mask(x) and not is_picture(x):
                return x
            if x.shape[:1] + x.shape[-2:] != (n, h, w):
                if is_mask(x):
                    raise DataError(f"{who}: expected masks ({n}, {h}, {w}), as the images are, {x.shape} came")
                return x
            change = self.change_mask if is_mask(x) else self.change
            return change(x, *drawn) if x.ndim == 4 else change(x[:, None], *drawn)[:, 0]

        inputs = mapped(inputs, lambda x: self.change(x, *drawn) if is_image(x) else x)
        return inputs, mapped(targets, target) if self.moves else targets

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(arguments_of(self))})"


class Compose(Transform):
    """One transform after the other: `Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), ToFloat()])`."""

    def __init__(self, transforms: Sequence[Callable]):
        self.transforms = list(transforms)
        for transform in self.transforms:
            if not callable(transform):
                raise DataError(f"Compose: expected transforms, {type(transform).__name__} came")

    def __call__(self, inputs: Any, targets: Any = None, generator: Draws = None) -> tuple[Any, Any]:
        for transform in self.transforms:
            inputs, targets = transform(inputs, targets, generator)
        return inputs, targets


def is_image(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim == 4 and (x.dtype == np.uint8 or x.dtype.kind == "f")


def is_mask(x: Any) -> bool:
    """The class of every pixel: integers or booleans (n, h, w) or (n, c, h, w)."""
    return isinstance(x, np.ndarray) and x.ndim in (3, 4) and x.dtype.kind in "iub" and not is_image(x)


def is_picture(x: Any) -> bool:
    """A value of every pixel: images, or floats (n, h, w)."""
    return is_image(x) or isinstance(x, np.ndarray) and x.ndim == 3 and x.dtype.kind == "f"


def size_of(inputs: Any, who: str) -> tuple[int, int, int]:
    """n, h, w of the images among the inputs. DataError where there are none, or of several sizes."""
    arrays = [x for _, x in leaves(inputs)]
    shapes = [x.shape for x in arrays if is_image(x)]
    if not shapes:
        came = ", ".join([f"{x.shape} of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__ for x in arrays])
        raise DataError(f"{who}: expected images (n, c, h, w) of uint8 or floats, {came or 'nothing'} came")
    if len({(n, h, w) for n, _, h, w in shapes}) > 1:
        raise DataError(f"{who}: expected images of one size among the inputs, {', '.join(map(str, shapes))} came")
    n, _, h, w = shapes[0]
    return n, h, w


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Floats as an array of `dtype`: uint8 takes the nearest from 0 to 255."""
    return np.rint(values).clip(0, 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype, copy=False)


# --- arguments of constructors --------------------------------------------------------------------------------

def arguments_of(transform: Any) -> list[str]:
    """The arguments of its constructor that are not the defaults, as one would write them."""
    found, by_name = [], False
    for name, parameter in signature(type(transform)).parameters.items():
        value = getattr(transform, name, parameter.default)
        if parameter.default is not Parameter.empty and repr(value) == repr(parameter.default):
            by_name = True
        else:
            found.append(f"{name}={value!r}" if by_name or parameter.kind is Parameter.KEYWORD_ONLY else repr(value))
    return found


def as_number(x: Any, who: str, what: str, least: float, most: float) -> float:
    """A number within bounds."""
    number = float(x) if isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool) else None
    if number is None or not isfinite(number) or not least <= number <= most:
        raise DataError(f"{who}: expected {what} from {least:g} to {most:g}, {x!r} came")
    return number


def as_range(x: Any, who: str, what: str, least: float, most: float, about: float = 0.0) -> tuple[float, float]:
    """(low, high): a pair as it is, a number x as about - x to about + x, but not below `least`."""
    if isinstance(x, (tuple, list)) and len(x) == 2:
        low, high = [as_number(end, who, what, least, most) for end in x]
        if low > high:
            raise DataError(f"{who}: expected {what} as (low, high), {x!r} came")
        return low, high
    number = as_number(x, who, f"{what}, a number or (low, high)", 0, most - about)
    return max(about - number, least), about + number


def as_choice(x: Any, who: str, what: str, choices: Sequence[str]) -> str:
    if x not in choices:
        raise DataError(f"{who}: expected {what} to be one of {', '.join(choices)}, {x!r} came")
    return x
