"""Pictures of where a model errs: the confusions, its most wrong answers, and these images as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_atomically
from ..train import pictures
from ..train.parts import Pictures
from .data_argument import Chosen
from .errors import Ended

CONFUSION, WRONG, IMAGES = "confusion_matrix.png", "most_wrong.png", "images"
SHOWN = 20


def leave(folder: Path, title: str, probabilities: np.ndarray, data: Chosen) -> None:
    """Write them all; probabilities (n, k)."""
    images: Any = Pictures(data.parts, data.part)
    classes = [*data.parts.classes, *map(str, range(len(data.parts.classes), probabilities.shape[1]))]
    counts = pictures.count_confusions(data.labels, probabilities.argmax(1), len(classes))
    try:
        pictures.confusion_matrix(counts, classes, folder / CONFUSION, title)
        pictures.most_wrong(images, data.labels, probabilities, classes, folder / WRONG, SHOWN, title)
        write_images(folder / IMAGES, images, data.labels, probabilities, classes)
    except OSError as error:
        raise Ended(f"{folder}: cannot be written ({error.strerror or error}): name another folder") from error


def write_images(folder: Path, images: Any, labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> None:
    """The hardest images as PNG files."""
    from .images import pillow

    image = pillow()
    folder.mkdir(exist_ok=True)
    for old in folder.glob("[0-9][0-9]_is_*_read_as_*.png"):
        old.unlink()
    for rank, index in enumerate(hardest(labels, probabilities)):
        is_, read = classes[labels[index]], classes[probabilities[index].argmax()]
        pixels = np.rint(images[index] * 255).astype(np.uint8)
        picture = image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        write_atomically(folder / f"{rank + 1:02}_is_{as_name(is_)}_read_as_{as_name(read)}.png", picture.save)


def hardest(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Indices, the hardest first: the surest of the wrong answers, and after these the least sure of the right ones."""
    sure, wrong = probabilities.max(1), probabilities.argmax(1) != labels
    return np.argsort(np.where(wrong, -1 - sure, sure), kind="stable")[:SHOWN]


def as_name(text: str) -> str:
    """A class's name as part of a file's."""
    return re.sub(r"[^\w.-]+", "-", text)
