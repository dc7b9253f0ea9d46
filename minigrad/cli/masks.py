"""What `minigrad evaluate` and `minigrad predict` do with a network that marks every pixel."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..files import write_atomically
from ..train.batch import evaluating
from ..train.overlays import COLOURS, overlays, tinted
from ..train.parts import Pictures, Prepare, one_blas_thread
from ..train.run_folder import OVERLAYS
from ..train.segmentation import always, averaged, examine, figures, tiling_of, unsized
from .bar import shown
from .data_argument import Chosen, statistics
from .errors import BAD_INPUT, Ended, complain
from .grammar import VIEWS, wrapped
from .images import ImageError, decoded, pillow
from .output import percent, plural, table, tell, tell_json
from .subject import Subject, image_shape

Problems = list[tuple[Path, str]]


# --- evaluate -------------------------------------------------------------------------------------------------

def evaluate_masks(args: argparse.Namespace, model: Subject, data: Chosen, out: Path | None) -> int:
    """Loss, accuracy and IoU beside those of the commonest class; pictures, where `out` says so."""
    started, names = perf_counter(), data.parts.classes
    tested = examine(model.graph, data.part, unsized(data.parts), tiling_of(model.graph, image_shape(model)),
                     args.device, views_of(args, model),
                     shown=lambda images: shown(images, len(images), "images", args.quiet))
    found, trivial = figures(tested.counts, names), figures(always(data.common, tested.counts), names)
    title = f"{model.title} on {data.name}"
    result = {"run": args.run, "data": data.name.split()[0], "part": args.part, "images": len(data.part),
              "pixels": int(tested.counts.sum()), "loss": tested.loss, **found,
              "baseline_class": names[data.common], "baseline_accuracy": trivial["accuracy"],
              "baseline_iou": trivial["iou"], "classes": names, "confusions": tested.counts, "device": args.device,
              "seconds": perf_counter() - started}
    if out is not None:
        leave(out, title, tested.answers, data)
        result["folder"] = str(out)
    if args.json:
        tell_json(result)
    else:
        tell(told_of_part(title, result))
    return 0


def leave(folder: Path, title: str, answers: list[np.ndarray], data: Chosen) -> None:
    """The first images of the part beside truth and answer."""
    images: Any = Pictures(data.parts, data.part)
    rows = [(images[i], data.part[i][1], answer) for i, answer in enumerate(answers)]
    writing(folder, lambda: overlays(rows, data.parts.classes, folder / OVERLAYS, title))


def told_of_part(title: str, found: dict[str, Any]) -> str:
    """The figures for people."""
    two = len(found["classes"]) == 2
    rows = [["accuracy", percent(found["accuracy"]), f"of {found['pixels']:,} pixels in "
             f"{plural(found['images'], 'image')}"],
            ["IoU", percent(found["iou"]), f"of {found['classes'][1]}" if two else "mean of the classes"],
            ["loss", f"{found['loss']:.4f}", "mean cross-entropy"],
            ["baseline", percent(found["baseline_accuracy"]), f"always answering {found['baseline_class']}, the "
             "commonest in training"], ["", percent(found["baseline_iou"]), "its IoU"]]
    each = ", ".join([f"{name} {percent(x)}" for name, x in found["class_iou"].items()])
    lines = [wrapped(title), "", table(["", "", ""], rows), "", wrapped(f"IoU of each class: {each}")]
    if "folder" in found:
        lines += ["", wrapped(f"the picture is {found['folder']}/{OVERLAYS}")]
    return "\n".join(lines)


# --- predict --------------------------------------------------------------------------------------------------

def predict_masks(args: argparse.Namespace, model: Subject, files: list[Path], problems: Problems) -> int:
    """What share of each image has which class, and the masks as files."""
    out = None if args.out is None else made_folder(Path(args.out), "the masks")
    reads, names = image_shape(model), names_of(model)
    mean, std = statistics(model.run) or (0.0, 1.0)
    prepare, tiling = Prepare(mean, std, (reads[0], None, None)), tiling_of(model.graph, reads)
    answers: list[dict[str, Any]] = []
    graph = model.graph.to(args.device)
    for path in shown(files, len(files), "images", args.quiet):
        try:
            image = decoded(path, reads[0])                                             # (c, h, w) in 0..1
        except ImageError as error:
            problems.append((path, str(error)))
            continue
        with evaluating(graph), one_blas_thread():
            pixels, _ = prepare(np.rint(255 * image).astype(np.uint8)[None])
            mask = averaged(graph, pixels[0], tiling, views_of(args, model)).argmax(0)
        answers.append({"image": str(path), "shares": {name: float((mask == k).mean()) for k, name in enumerate(names)},
                        **({} if out is None else write_mask(out, path, image, mask, len(names)))})
    if args.json:
        tell_json({"run": args.run, "images": answers,
                   "errors": [{"image": str(path), "error": problem} for path, problem in problems],
                   **({"error": f"{problems[0][0]}: {problems[0][1]}", "status": BAD_INPUT} if problems else {})})
    elif answers:
        rows = [[one["image"], ", ".join([f"{name} {percent(x)}" for name, x in one["shares"].items()]),
                 one.get("mask", "")] for one in answers]
        tell(table(["image", "pixels", "" if out is None else "mask"], rows))
    for path, problem in problems:
        complain(f"{path}: {problem}", BAD_INPUT)
    return BAD_INPUT if problems else 0


def views_of(args: argparse.Namespace, model: Subject) -> int:
    """Over how many views answers are averaged: as asked, as in the run, or 1."""
    known = 1 if model.run is None else model.run.get("settings", "views", kind=int, default=1)
    return args.views or (known if known in VIEWS else 1)


def names_of(model: Subject) -> list[str]:
    """The names of the classes, as the run has them; else their numbers."""
    k = model.graph.node(model.graph.outputs.node).shape[1]
    known = model.run.classes if model.run else []
    return [*known, *map(str, range(len(known), k))][:k]


def write_mask(folder: Path, path: Path, image: np.ndarray, mask: np.ndarray, k: int) -> dict[str, str]:
    """The mask of an image (c, h, w) as a file that `MaskFolder` reads, and its colours over the image."""
    picture = pillow()
    if k == 2:
        drawn = picture.fromarray((255 * mask).astype(np.uint8))
    else:
        drawn = picture.fromarray(mask.astype(np.uint8), "P")
        drawn.putpalette([0, 0, 0, *[round(255 * x) for i in range(k - 1) for x in COLOURS[i % len(COLOURS)]]])
    over = picture.fromarray(np.rint(255 * tinted(image, mask)).astype(np.uint8))
    names = {"mask": folder / f"{path.stem}_mask.png", "overlay": folder / f"{path.stem}_overlay.png"}
    writing(folder, lambda: write_atomically(names["mask"], lambda place: drawn.save(place, "png")))
    writing(folder, lambda: write_atomically(names["overlay"], lambda place: over.save(place, "png")))
    return {name: str(place) for name, place in names.items()}


def made_folder(folder: Path, holds: str) -> Path:
    """A folder that is there or can be made, for "the masks"; Ended where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise Ended(f"{folder}: is a file, name a folder for {holds}") from None
    except OSError as error:
        raise Ended(f"{folder}: cannot be made ({error.strerror or error}): name another folder") from error
    return folder


def writing(folder: Path, write: Callable[[], Any]) -> None:
    try:
        write()
    except OSError as error:
        raise Ended(f"{folder}: cannot be written ({error.strerror or error}): name another folder") from error
