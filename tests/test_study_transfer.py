"""The study of transfer learning runs end to end on a folder made up here, and tells what it must."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import run

pytest.importorskip("PIL")
ARMS = ("frozen features", "fine-tuned", "from scratch")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four classes of grey noise, each of another brightness."""
    from PIL import Image

    generator = np.random.default_rng(0)
    for part, n in (("train", 10), ("test", 3)):
        for k, name in enumerate("abcd"):
            place = tmp_path / "photos" / part / name
            place.mkdir(parents=True)
            for i in range(n):
                pixels = generator.normal(60 * k + 30, 20, (8, 8, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).resize((32, 32)).save(place / f"{i}.png")
    return tmp_path / "photos"


def test_it_runs_and_writes_its_tables(folder, tmp_path):
    files = {name: tmp_path / f"t.{name}" for name in ("txt", "csv", "png")}
    printed = run("studies.transfer", "--root", str(folder), "--images", "2", "4", "--seeds", "2",
                  "--validation", "0.2", "--epochs", "1", "--rates", "0.01", "0.05", "--steps", "2", "--width", "0.25",
                  "--out", str(files["txt"]), "--csv", str(files["csv"]), "--plot", str(files["png"]))
    with open(files["csv"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen, told = rows[:6], rows[6:]
    assert [row["arm"] for row in chosen] == [arm for arm in ARMS for _ in range(2)]
    assert all(row["validation"] and not row["test"] and row["seed"] == "100" for row in chosen)
    assert {row["images"] for row in chosen} == {"4"}
    assert all(row["test"] and not row["validation"] for row in told)
    assert sorted((row["arm"], row["images"], row["seed"]) for row in told) == sorted(
        (arm, images, seed) for arm in ARMS for images in "24" for seed in "01")
    best = {arm: max([row for row in chosen if row["arm"] == arm], key=lambda row: float(row["validation"]))["rate"]
            for arm in ARMS}
    assert all(row["rate"] == best[row["arm"]] for row in told)
    report = files["txt"].read_text(encoding="utf-8")
    assert printed.endswith(report) and "a, b: 16 images" in report and "c, d: 6 test images, guessing 50 %" in report
    assert files["png"].read_bytes()[:4] == b"\x89PNG"


def test_median_and_worst(benchmark):
    row = {"arm": "fine-tuned", "images": 10, "rate": 0.1, "steps": 5, "validation": None, "cpu_seconds": 1.0}
    rows = [{**row, "seed": seed, "test": test} for seed, test in enumerate((0.5, 0.2, 0.4))]
    found, = benchmark("studies.transfer").summary([*rows, {**row, "seed": 100, "validation": 1.0, "test": None}])
    assert (found["median"], found["worst"], found["best"]) == (40, 20, 50)


def test_only_what_an_arm_moves_moves(benchmark):
    """Of frozen features nothing but the head; of the trained network that all arms begin with nothing at all."""
    transfer = benchmark("studies.transfer")
    from minigrad import data
    from minigrad.models.resnet import resnet_cifar

    generator = np.random.default_rng(0)
    part = data.Arrays(generator.integers(0, 256, (24, 3, 32, 32)).astype(np.uint8), np.arange(24) % 2,
                       classes=("c", "d"))
    before = resnet_cifar(8, 3, width=0.25)
    kept = {name: x.copy() for name, x in before.state_dict().items()}
    study = transfer.Study(lambda classes: resnet_cifar(8, classes, width=0.25), before,
                           transfer.Half(part, part, part))
    moved = {}
    for arm in ARMS:
        model = study.begun(arm)
        start = {name: x.copy() for name, x in model.state_dict().items()}
        assert ((start["conv1.weight"] == kept["conv1.weight"]).all()) == (arm != "from scratch")
        transfer.learn(model, part, transfer.Recipe(0.05, 2), 8, 0)
        moved[arm] = {name for name, x in model.state_dict().items() if x.tobytes() != start[name].tobytes()}
    assert moved["frozen features"] == {"fc.weight", "fc.bias"}
    assert moved["fine-tuned"] == moved["from scratch"] == set(kept)
    assert all(x.tobytes() == kept[name].tobytes() for name, x in before.state_dict().items())
