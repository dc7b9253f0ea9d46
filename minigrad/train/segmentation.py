"""Runs on images with masks, which have a class for every pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..backend import manual_seed
from ..data import DataError, Loader, TrainTest, source
from ..data.tiles import BEYOND, Tiles, Tiling, middle
from ..data.transforms import Compose, RandomCrop
from ..graph import Graph
from ..graph.near_sizes import Sides, multiple_of
from ..graph.node import Ref
from ..nn import Module
from .batch import call, device_of_model, dtype_of_model, evaluating, to_arrays, to_tensors
from .metrics import ForegroundIoU, PixelAccuracy
from .metrics.confusion import ious, summed_up
from .overlays import overlays
from .parts import Parts, Pictures, Prepare, image_shape, load_data, one_blas_thread, parts_of, shape_of, spell
from .recipes import mask_augmentation
from .run_folder import OVERLAYS, RunFolder
from .task import Say, Task, changes

if TYPE_CHECKING:
    from .job import Job

FOREGROUND = 1                  # of two classes, the one that intersection over union is told of
TILE = 128                      # the side that a tile's map has at least, if the images are as large
AT_ONCE = 512                   # the side of the largest image that goes through a network of any size in one piece
AROUND = 96                     # what a network sees around a tile of a larger one
SHOWN = 4                       # images of the test part that are drawn


class Tested(NamedTuple):
    """What a model makes of images with masks: mean loss of a pixel, counts (k, k) [truth, answer], and the answers
    (h, w) for the first images."""

    loss: float
    counts: np.ndarray
    answers: list[np.ndarray]


class Segmentation(Task):
    """A class for every pixel: cross-entropy, the share of the pixels that get their class, and how far the areas
    overlap. It is learnt from tiles at random places, images are answered whole."""

    measure = "iou"

    def model_and_parts(self, job: Job, found: TrainTest, say: Say) -> tuple[Module, Parts]:
        """The model, for as many classes and channels as the data have; and the data, whose `prepare.reads` is the
        shape of the tiles that it learns from."""
        channels, h, w = shape_of(found.train)
        if channels == 1 and source(job.data).name == "masks":          # read anew, in grey
            found = load_data(job.data, job.root, False, (1, None, None), job.choice)
        check_masks(found)
        sides = job.tiles or Sides()
        side = job.tile or sides.covering(min(TILE, h or TILE, w or TILE))
        manual_seed(job.seed)
        model = job.make_model(len(found.train.classes), channels or 1, **({"size": side} if sides.fixed else {}))
        return model, parts_of(found, job.data, (channels, side, side), job.seed, job.held_out)

    def metrics(self) -> list[Any]:
        return [PixelAccuracy(ignore_index=BEYOND, name="accuracy"), ForegroundIoU(ignore_index=BEYOND)]

    def loaders(self, job: Job, model: Module, parts: Parts) -> tuple[Loader, Loader]:
        """Tiles from the grid, each moved by up to a quarter of its side; of the validation part every pixel once."""
        settings, reads, whole = job.settings, parts.prepare.reads, unsized(parts)
        side, border = side_of(reads), border_of(model, reads)
        around = side // 4
        augment = Compose([*mask_augmentation(settings.augment), RandomCrop(side)])
        train = Loader(Tiles(parts.train, Tiling(side - 2 * border, border + around)), settings.batch_size,
                       shuffle=True, seed=job.seed, workers=job.workers,
                       transform=trimmed(border, changes(augment, whole), settings.augment))
        tiles = Tiles(parts.validation, tiling_of(model, reads), once=True)
        return train, Loader(tiles, 1, workers=job.workers, transform=trimmed(border, whole, "prepare"))

    def tested(self, job: Job, model: Module, parts: Parts) -> Tested:
        return examine(model, parts.test, unsized(parts), tiling_of(model, parts.prepare.reads), job.device,
                       job.views)

    def results(self, best: Mapping[str, Any], tested: Tested, parts: Parts) -> dict[str, Any]:
        """The baseline always answers the class that most pixels of the training masks have."""
        names = parts.classes
        often = int(pixel_counts(parts.train, len(names)).argmax())
        found, trivial = figures(tested.counts, names), figures(always(often, tested.counts), names)
        return {**{f"test_{name}": x for name, x in found.items()}, "test_loss": tested.loss,
                "test_images": len(parts.test), "test_pixels": int(tested.counts.sum()),
                **{f"baseline_{name}": trivial[name] for name in ("accuracy", "iou")}, "baseline_class": names[often],
                "chosen_epoch": best["epoch"],
                **{f"validation_{name}": best[f"validation_{name}"] for name in ("accuracy", "iou", "loss")}}

    def draw(self, folder: RunFolder, title: str, model: Module, tested: Tested, parts: Parts) -> None:
        """The first images of the test part beside truth and answer."""
        images: Any = Pictures(parts, parts.test)
        rows = [(images[i], parts.test[i][1], answer) for i, answer in enumerate(tested.answers)]
        folder.write(OVERLAYS, lambda path: overlays(rows, parts.classes, path, title))


def check_masks(found: TrainTest) -> None:
    """Read every image and mask: what is wrong with one is told before the training, not after it. DataError, also for
    masks that have but one class."""
    if len(found.train.classes) < 2:
        raise DataError(f"{found.train.name}: expected masks with two classes or more, all pixels have one number")
    for part in (found.train, found.validation, found.test):
        for i in range(0 if part is None else len(part)):
            part[i]


# --- images whole ---------------------------------------------------------------------------------------------

def unsized(parts: Parts) -> Prepare:
    """What images of any size go through."""
    reads = parts.prepare.reads
    return Prepare(parts.mean, parts.std, None if reads is None else (reads[0], None, None))


def trimmed(border: int, transform: Callable[..., Any], called: str) -> Callable[..., Any]:
    """A transform whose masks then lose the pixels that a network says nothing of. called: what a checkpoint compares.
    """
    def trim(images: np.ndarray, masks: np.ndarray, generator: Any) -> tuple[Any, Any]:
        images, masks = transform(images, masks, generator)
        return images, middle(masks, masks.shape[1] - 2 * border, masks.shape[2] - 2 * border)
    trim.__name__ = called
    return trim


def side_of(reads: Any) -> int:
    """The side of the tiles that a model has learnt from, of the shape (c, side, side)."""
    return int((reads and reads[1]) or TILE)


def border_of(model: Module, reads: Any) -> int:
    """Of how many pixels along each edge of what it sees a model says nothing. Raises DataError for one that gives no
    maps."""
    takes = image_shape(model)
    if not isinstance(model, Graph) or takes is None or len(takes) != 3 or not isinstance(model.outputs, Ref):
        raise DataError("images with masks are for a model that reads an image and gives scores for every pixel")
    side = takes[1] or side_of(reads)
    graph = model if None not in takes else model.sized((takes[0] or 1, side, side))
    shape = graph.node(graph.outputs.node).shape
    if len(shape) != 4:
        raise DataError("images with masks are for a model that gives scores for every pixel, this one gives "
                        f"{spell(shape[1:])} for an image: one that gives a class for each image learns from class "
                        "folders")
    return (side - shape[2]) // 2


def tiling_of(model: Module, reads: Any) -> Tiling:
    """How whole images go through a model: in its own tiles; or in one piece where it takes any size and they are not
    too large."""
    takes, border = image_shape(model), border_of(model, reads)
    if takes is not None and takes[1] is not None:
        return Tiling(takes[1] - 2 * border, border)
    return Tiling(AT_ONCE - 2 * AROUND, AROUND, (multiple_of(model) if isinstance(model, Graph) else None) or 1)


def maps(model: Module, image: np.ndarray, tiling: Tiling) -> np.ndarray:
    """image (c, h, w), prepared -> the scores (k, h, w) that a model, which is in eval mode, gives its pixels."""
    device, dtype = device_of_model(model), dtype_of_model(model)
    h, w = image.shape[1:]
    tiles = (to_arrays(call(model, to_tensors(tiling.cut(image, i)[None], device, dtype)))[0]
             for i in range(tiling.count(h, w)))
    return tiling.joined(tiles, h, w)


def averaged(model: Module, image: np.ndarray, tiling: Tiling, views: int) -> np.ndarray:
    """The same; or, of 8 views, the logarithms of probabilities (k, h, w) that are the means over the image turned by
    quarters and mirrored, as the paper's over 7 turns (section 4)."""
    if views == 1:
        return maps(model, image, tiling)
    total: Any = 0.0
    for turns in range(4):
        for mirror in (1, -1):
            scores = maps(model, np.rot90(image, turns, (1, 2))[:, :, ::mirror], tiling)
            chances = ops.softmax(ops.tensor(scores), 0).numpy()
            total = total + np.rot90(chances[:, :, ::mirror], -turns, (1, 2))
    return np.log(np.maximum(total / views, 1e-30))


def examine(model: Module, data: Any, prepare: Prepare, tiling: Tiling, device: str = "cpu", views: int = 1,
            keep: int = SHOWN, shown: Callable[[Any], Any] = iter) -> Tested:
    """What a model makes of images with masks. views: see `averaged`. keep: of how many it keeps the answers. shown:
    shows how far it is."""
    k = len(data.classes)
    counts, loss = np.zeros((k, k), np.int64), 0.0
    answers: list[np.ndarray] = []
    model.to(device)
    with evaluating(model), one_blas_thread():
        for i in shown(range(len(data))):
            image, mask = data[i]
            scores = averaged(model, prepare(image[None])[0][0], tiling, views)             # (k, h, w)
            known = mask != BEYOND
            loss += float(ops.cross_entropy(ops.tensor(scores[None]), ops.tensor(mask[None]), reduction="sum"))
            answer = scores.argmax(0)
            np.add.at(counts, (mask[known], answer[known]), 1)
            answers += [answer] * (len(answers) < keep)
    return Tested(loss / max(int(counts.sum()), 1), counts, answers)


# --- figures --------------------------------------------------------------------------------------------------

def figures(counts: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Of counts (k, k) [truth, answer]: the share of right pixels; the IoU of the foreground, of more than two classes
    their mean; and that of each class."""
    each = ious(counts)
    return {"accuracy": float(counts.trace() / max(counts.sum(), 1)), "iou": summed_up(each),
            "class_iou": {name: float(x) for name, x in zip(names, each, strict=False)}}


def always(often: int, counts: np.ndarray) -> np.ndarray:
    """The counts of a model that always answers one class."""
    constant = np.zeros_like(counts)
    constant[:, often] = counts.sum(1)
    return constant


def pixel_counts(data: Any, k: int) -> np.ndarray:
    """How many pixels of the masks have each class, (k,)."""
    return np.sum([np.bincount(mask[mask != BEYOND], minlength=k) for _, mask in data], 0)
