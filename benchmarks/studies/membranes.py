"""U-Net on a folder of cell membranes: pixel accuracy and IoU over several seeds, beside the commonest answer.

    python -m benchmarks.studies.membranes --root path/to/membrane

The images are the 30 of 512 x 512 pixels of the ISBI challenge of 2012 (Arganda-Carreras et al., Crowdsourcing the
creation of image segmentation algorithms for connectomics, 2015): a fifth of them, always the same, is the test part
and is read once for each seed; of the others a fifth, which the seed chooses, chooses the epoch. Class 1, the
foreground, is the cells, 0 the membranes. Each seed is a run of `minigrad train`, in a folder of its own: what is there
already is not run again, what was interrupted goes on.
"""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from minigrad import cli
from minigrad.settings import get_num_threads
from minigrad.train.checkpoint import LAST
from minigrad.train.run_folder import OVERLAYS, RUN

from ..common import described, machine, positive, table, write_text, write_whole

COLUMNS = {"seed": "d", "accuracy": ".2%", "iou": ".2%", "membrane_iou": ".2%", "epoch": "d", "minutes": ".1f"}


def main(argv: Sequence[str] | None = None) -> int:
    options = asked(argv)
    rows = []
    for seed in options.seeds:
        folder = options.runs / f"seed{seed}"
        status = train(options, seed, folder)
        if status:
            return status
        rows.append(row_of(seed, json.loads((folder / RUN).read_text(encoding="utf-8"))))
    text = report(options, rows)
    print(text)
    if options.out is not None:
        write_text(options.out.with_suffix(".txt"), text)
        middle = sorted(rows, key=lambda row: row["accuracy"])[len(rows) // 2]["seed"]
        picture = options.runs / f"seed{middle}" / OVERLAYS
        write_whole(options.out.with_suffix(".png"), lambda path: shutil.copyfile(picture, path))
    return 0


def asked(argv: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.studies.membranes", description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, metavar="PATH", help="the folder with image/ and label/")
    parser.add_argument("--model", default="unet", metavar="NAME", help="unet, unet_upsample or unet_paper (unet)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], metavar="N")
    parser.add_argument("--epochs", type=positive, default=None, help="passes over the tiles (the command's own)")
    parser.add_argument("--runs", type=Path, default=Path("runs/membranes"), metavar="DIR",
                        help="where the runs are kept (runs/membranes)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what is printed to FILE.txt, the pictures of "
                        "the median run to FILE.png")
    return parser.parse_args(argv)


def words(options: Namespace, seed: int, root: str) -> list[str]:
    """Of the command that trains with a seed."""
    epochs = [] if options.epochs is None else ["--epochs", str(options.epochs)]
    return ["train", options.model, "--data", "masks", "--root", root, "--width", "0.25", "--views",
            "8", *epochs, "--seed", str(seed)]


def train(options: Namespace, seed: int, folder: Path) -> int:
    """Train with a seed, go on with it, or leave it, as far as it is; the command's status."""
    found = json.loads((folder / RUN).read_text(encoding="utf-8")) if (folder / RUN).exists() else {}
    if found.get("status") == "finished":
        return 0
    if (folder / LAST).exists():
        return cli.main(["train", "--resume", str(folder)])
    return cli.main([*words(options, seed, options.root), "--out", str(folder)])


def row_of(seed: int, run: dict[str, Any]) -> dict[str, Any]:
    result = run["result"]
    each = list(result["test_class_iou"].values())
    return {"seed": seed, "accuracy": result["test_accuracy"], "iou": result["test_iou"], "membrane_iou": each[0],
            "epoch": result["chosen_epoch"], "minutes": result["seconds"] / 60, "baseline": result["baseline_accuracy"],
            "images": run["data"], "settings": run["settings"], "parameters": result["parameters"]}


def report(options: Namespace, rows: list[dict[str, Any]]) -> str:
    """Machine, command, figures."""
    first = rows[0]
    images, settings = first["images"], first["settings"]
    facts = {**machine(), "minigrad threads": str(get_num_threads()),
             "command": f"minigrad {' '.join(words(options, 0, 'path/to/membrane'))}, and with the other seeds",
             "images": f"{images['train_images']} train, {images['validation_images']} validation, "
                       f"{images['test_images']} test",
             "training": f"{settings['epochs']} epochs of tiles of {images['reads'][1]} pixels, "
                         f"{settings['batch_size']} a step, {settings['optimizer']}, learning rate "
                         f"{settings['learning_rate']:g} down to 0",
             "parameters": f"{first['parameters']:,}"}
    accuracies, overlaps = [[row[name] for row in rows] for name in ("accuracy", "iou")]
    summary = (f"pixel accuracy on the test images: median {median(accuracies):.2%}, worst {min(accuracies):.2%}\n"
               f"IoU of the cells: median {median(overlaps):.2%}, worst {min(overlaps):.2%}\n"
               f"always answering cells: accuracy and IoU {first['baseline']:.2%}")
    return f"{described(facts)}\n\n{table(rows, COLUMNS)}\n\n{summary}"


if __name__ == "__main__":
    raise SystemExit(main())
