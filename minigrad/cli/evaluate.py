"""`minigrad evaluate`: loss and accuracy of a trained model on a part of a data set, and where it errs."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..backend import library_for
from ..train import pictures
from ..train.parts import at_once
from .data_argument import PARTS, Chosen, add_data, chosen
from .errors import Ended
from .forward import BATCH, log_probabilities, marks_pixels
from .grammar import Parser, add_device, add_json, add_quiet, add_views, add_workers, name, one_of, wrapped
from .images import pillow
from .masks import evaluate_masks, made_folder
from .output import percent, plural, table, tell, tell_json
from .subject import TRAINED, trained

CONFUSIONS = 3                  # pairs of classes that are told

USAGE = "evaluate RUN"
ABOUT = """
Measure a trained model: loss, accuracy, and which classes it takes for which, beside what always answering the
commonest class would give. Of a network that marks every pixel, as U-Net: the share of right pixels, and of each class
the intersection over union (IoU) of its areas.
"""
EXAMPLES = [
    ("minigrad evaluate runs/lenet5-digits-seed0", "on the test part of the data it was trained on"),
    ("minigrad evaluate runs/lenet5-digits-seed0 --part train", "on what it has learnt from"),
    ("minigrad evaluate runs/lenet5-digits-seed0 --out look",
     "and leave pictures in the folder look, the images it was most wrong about among them"),
]
MORE = """
The test part is there to be looked at once, when all is decided. Choose between runs by --part validation.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("run", metavar="RUN", help=TRAINED)
    add_data(parser, "what the run was trained on", "the run's, or the cache")
    parser.add_argument("--part", metavar="PART", type=one_of("part", PARTS), default="test",
                        help="test, validation or train (default: test)")
    parser.add_argument("--out", metavar="DIR", type=name,
                        help="leave pictures here: the confusions, the most wrong answers, and images/ with these as "
                             "files, which minigrad predict reads; of U-Net images beside truth and answer (default: "
                             "none)")
    add_views(parser, "the run's")
    add_workers(parser)
    add_device(parser)
    add_quiet(parser)
    add_json(parser)
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    library_for(args.device)                    # DeviceError before anything else
    out = None if args.out is None else picture_folder(Path(args.out))
    model = trained(args.run)
    data = chosen(model, args)
    if marks_pixels(model.graph):
        return evaluate_masks(args, model, data, out)
    started = perf_counter()
    batches = data.parts.batches(data.part, at_once(data.parts.prepare.reads, BATCH), args.workers)
    logs = log_probabilities(model.graph, batches, len(batches), args.device, args.quiet)
    result = {"run": args.run, "data": data.name.split()[0], "part": args.part, **figures(logs, data),
              "device": args.device, "seconds": perf_counter() - started}
    if out is not None:
        from .looks import leave

        leave(out, f"{model.title} on {data.name}", np.exp(logs), data)
        result["folder"] = str(out)
    if args.json:
        tell_json(result)
    else:
        tell(told(f"{model.title} on {data.name}", result))
    return 0


def figures(logs: np.ndarray, data: Chosen) -> dict[str, Any]:
    """Loss, accuracy, baseline and confusions from log probabilities (n, k)."""
    (n, k), labels, classes = logs.shape, data.labels, data.parts.classes
    if k < len(classes):
        raise Ended(f"the model knows {k} classes, {data.name} has {len(classes)}")
    answers = logs.argmax(1)
    counts = np.zeros((len(classes), k), int)
    np.add.at(counts, (labels, answers), 1)
    return {"images": n, "loss": float(-logs[np.arange(n), labels].mean(dtype=float)),
            "accuracy": float((answers == labels).mean()), "errors": int((answers != labels).sum()),
            "baseline_class": classes[data.common], "baseline_accuracy": float((labels == data.common).mean()),
            "classes": classes, "confusions": counts}


def told(title: str, found: dict[str, Any]) -> str:
    """The figures for people."""
    rows = [["accuracy", percent(found["accuracy"]), f"{plural(found['errors'], 'error')} in "
             f"{plural(found['images'], 'image')}"],
            ["loss", f"{found['loss']:.4f}", "mean cross-entropy"],
            ["baseline", percent(found["baseline_accuracy"]),
             f"always answering {found['baseline_class']}, the commonest in training"]]
    lines = [wrapped(title), "", table(["", "", ""], rows)]
    pairs = most_confused(found["confusions"])
    if pairs:
        names = [*found["classes"], *map(str, range(len(found["classes"]), found["confusions"].shape[1]))]
        lines += ["", wrapped("most often: " + ", ".join([
            f"{names[true]} read as {names[answer]} ({plural(count, 'time')})" for count, true, answer in pairs]))]
    if "folder" in found:
        lines += ["", wrapped(f"pictures are in {found['folder']}, the images themselves in {found['folder']}/images")]
    return "\n".join(lines)


def most_confused(counts: np.ndarray) -> list[tuple[int, int, int]]:
    """(how often, true class, answer) of the most frequent errors."""
    pairs = [(-int(counts[i, j]), i, j) for i, j in zip(*np.nonzero(counts), strict=True) if i != j]
    return [(-count, int(i), int(j)) for count, i, j in sorted(pairs)[:CONFUSIONS]]


def picture_folder(folder: Path) -> Path:
    """Where pictures go: a folder that is there or can be made. What pictures need is looked for first."""
    pillow()
    pictures.rehearse()
    return made_folder(folder, "the pictures")
