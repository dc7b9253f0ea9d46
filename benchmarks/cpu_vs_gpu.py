"""How fast a training step is on the CPU and on the GPU, and from which batch size the GPU is worth its trips.

    python -m benchmarks.cpu_vs_gpu --model lenet5 --batches 1:1024

A step is forward, cross-entropy, backward and SGD with momentum, on images that are on the device already; nothing
reads the loss, so the host may run ahead of the GPU. The clock stops only after the device has finished.

Operations are the multiplications and additions of the matrix products that the graph's summary counts. A step takes
these products three times (forward, gradient of the input, gradient of the weights), and twice where the input is the
image, which needs no gradient.

Peak memory is taken on a model and steps of its own, untimed: parameters, optimizer, batch and step together. On the
CPU it is what Python and NumPy allocated (tracemalloc), on the GPU the size to which CuPy's memory pool grew.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy

import minigrad
import minigrad.nn.functional as F
from minigrad import models, nn, ops, optim
from minigrad.backend import DeviceError, cuda_library, device_name, peak_memory, synchronize
from minigrad.graph import Graph, Input

from .common import described, machine, plain_ticks, positive, table, write_csv, write_text, write_whole

WARM_UPS = 2                    # untimed steps: the first ones compile GPU kernels and fill caches and the memory pool
COLUMNS = ("model", "device", "device_name", "batch", "step_ms", "step_ms_min", "step_ms_max", "images_per_s",
           "gflop_per_s", "peak_mb")
Row = dict[str, Any]


def vgg_small(num_classes: int = 10) -> Graph:
    """Simonyan and Zisserman's plan (2014) for images (n, 3, 32, 32): pairs of 3x3 convolutions, halved three times."""
    h = x = Input((3, 32, 32), name="image")
    for width, channels in ((64, 3), (128, 64), (256, 128)):
        h = ops.relu(nn.BatchNorm2d(width)(nn.Conv2d(channels, width, 3, padding=1)(h)))
        h = ops.relu(nn.BatchNorm2d(width)(nn.Conv2d(width, width, 3, padding=1)(h)))
        h = nn.MaxPool2d(2)(h)
    return Graph(x, nn.Linear(256 * 4 * 4, num_classes)(ops.flatten(h, 1)))


OWN_MODELS: dict[str, Callable[[], Graph]] = {"vgg_small": vgg_small}


def create(name: str) -> Graph:
    """The library's model of that name, or one of the benchmark's own."""
    return OWN_MODELS[name]() if name in OWN_MODELS else models.create(name)


# --- one step -------------------------------------------------------------------------------------------------

def training_step(name: str, device: str, batch: int) -> Callable[[], None]:
    """A fresh model with its optimizer and a batch of noise on `device`; a call is one step."""
    minigrad.manual_seed(0)
    model = create(name)
    shape, classes = model.nodes[0].shape[1:], model.nodes[-1].shape[-1]
    draw = numpy.random.default_rng(0)
    images = minigrad.tensor(draw.standard_normal((batch, *shape), dtype="float32"), device=device)
    labels = minigrad.tensor(draw.integers(0, classes, batch), device=device)
    model.to(device)
    optimizer = optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return step


def operations(model: Graph) -> int:
    """Multiplications and additions of a training step, per image."""
    return 2 * sum((2 if set(row.inputs) <= set(model.inputs) else 3) * (row.multiplications or 0)
                   for row in model.summary())


def step_times(step: Callable[[], None], device: str, rounds: int, seconds: float) -> list[float]:
    """Seconds per step in every round; a round has as many steps as fit into `seconds`, at least one."""
    for _ in range(WARM_UPS):
        step()
    took = timed(step, device, 1)
    steps = max(1, math.floor(seconds / took))
    return [timed(step, device, steps) / steps for _ in range(rounds)]


def timed(step: Callable[[], None], device: str, steps: int) -> float:
    """Seconds from an idle device to an idle device."""
    synchronize(device)
    start = perf_counter()
    for _ in range(steps):
        step()
    synchronize(device)
    return perf_counter() - start


def peak_of_step(name: str, device: str, batch: int) -> int:
    """Bytes that a model and its training steps need at most, on top of what is there without them."""
    with peak_memory(device) as peak:
        step = training_step(name, device, batch)
        step()
        step()              # in the second the optimizer has its velocities
        return peak()


def measure(name: str, device: str, batch: int, rounds: int, seconds: float) -> Row:
    """A row of the result; without figures if the batch does not fit into the device's memory."""
    row: Row = dict.fromkeys(COLUMNS)
    row |= {"model": name, "device": device, "device_name": device_name(device), "batch": batch}
    try:
        times = step_times(training_step(name, device, batch), device, rounds, seconds)
        peak = peak_of_step(name, device, batch)
    except MemoryError:             # CuPy's error is one too
        return row
    typical = median(times)
    return row | {"step_ms": typical * 1e3, "step_ms_min": min(times) * 1e3, "step_ms_max": max(times) * 1e3,
                  "images_per_s": batch / typical, "gflop_per_s": batch * operations(create(name)) / typical / 1e9,
                  "peak_mb": peak / 1e6}


# --- the result -----------------------------------------------------------------------------------------------

def side_by_side(rows: Sequence[Row]) -> str:
    """A line a batch size: the CPU's figures, the GPU's, and how much faster the GPU is."""
    shown = {"step_ms": ("ms", ".2f"), "images_per_s": ("images/s", ",.0f"), "gflop_per_s": ("GFLOP/s", ",.1f"),
             "peak_mb": ("peak MB", ",.1f")}
    devices = list(dict.fromkeys(row["device"] for row in rows))
    formats = {"batch": "d"} | {f"{device} {head}": form for device in devices for head, form in shown.values()}
    lines: dict[int, Row] = {}
    for row in rows:
        line = lines.setdefault(row["batch"], dict.fromkeys(formats) | {"batch": row["batch"]})
        line |= {f"{row['device']} {head}": row[column] for column, (head, _) in shown.items()}
    if len(devices) > 1:
        formats["times faster"] = ".2f"
        for batch, line in lines.items():
            line["times faster"] = speedups(rows).get(batch)
    return table(list(lines.values()), formats)


def speedups(rows: Sequence[Row]) -> dict[int, float]:
    """Batch size -> time of the CPU over the time of the GPU, where both have one."""
    cpu, gpu = ({row["batch"]: row["step_ms"] for row in rows if row["device"].startswith(kind) and row["step_ms"]}
                for kind in ("cpu", "cuda"))
    return {batch: cpu[batch] / gpu[batch] for batch in cpu if batch in gpu}


def overtaking(rows: Sequence[Row]) -> int | None:
    """The batch size from which on the GPU is faster than the CPU; None if it is not at the largest that both ran."""
    faster = speedups(rows)
    slower = max((batch for batch, ratio in faster.items() if ratio <= 1), default=0)
    return min((batch for batch in faster if batch > slower), default=None)


def verdict(rows: Sequence[Row]) -> str:
    """The same in a sentence."""
    first, both = overtaking(rows), speedups(rows)
    if not both:
        return "no batch size ran on both devices"
    if first is None:
        return f"the GPU does not overtake the CPU up to batch {max(both)}"
    return f"the GPU is faster from batch {first} on" + ", the smallest measured" * (first == min(both))


def draw(rows: Sequence[Row], title: str, path: str | Path) -> None:
    """Images/s, step time and peak memory over the batch size, a line a device, dotted where the GPU overtakes."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    figure.suptitle(title)
    panels = {"images_per_s": "images/s", "step_ms": "step, ms", "peak_mb": "peak memory, MB"}
    for axes, (column, label) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for device, colour in zip(dict.fromkeys(row["device"] for row in rows), ("#1f77b4", "#d95f02"), strict=False):
            done = [row for row in rows if row["device"] == device and row[column] is not None]
            name = f"{device}: {done[0]['device_name']}" if done else device
            axes.plot([row["batch"] for row in done], [row[column] for row in done], "o-", color=colour, label=name)
        if overtaking(rows):
            axes.axvline(overtaking(rows), color="grey", linestyle=":", label="the GPU overtakes")
        logarithmic(axes, sorted({row["batch"] for row in rows}))
        axes.set(xlabel="batch size", title=label)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=120))


def logarithmic(axes: Any, sizes: list[int]) -> None:
    """Both axes logarithmic, with plain numbers at the ticks."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes], rotation=45 if len(sizes) > 8 else 0)
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    axes.grid(alpha=0.3)


# --- the command ----------------------------------------------------------------------------------------------

def powers_of_two(text: str) -> list[int]:
    """"1:1024" -> 1, 2, 4 ... 1024; "64" -> 64 alone."""
    first, _, last = text.partition(":")
    low, high = positive(first), positive(last or first)
    sizes = [2 ** i for i in range(high.bit_length()) if low <= 2 ** i <= high]
    if not sizes:
        raise argparse.ArgumentTypeError(f"there is no power of two from {low} to {high}")
    return sizes


def devices() -> tuple[list[str], str]:
    """The devices that this machine has, and why there is no GPU among them."""
    try:
        cuda_library()
    except DeviceError as error:
        return ["cpu"], f"CPU only. To get the GPU's columns: {error}"
    return ["cpu", "cuda"], ""


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cpu_vs_gpu",
                                     description="Training steps on the CPU and the GPU, by batch size.")
    parser.add_argument("--model", default="lenet5", choices=[*models.names(), *OWN_MODELS], help="the model (lenet5)")
    parser.add_argument("--batches", type=powers_of_two, default=powers_of_two("1:256"), metavar="LOW:HIGH",
                        help="batch sizes: the powers of two from LOW to HIGH (1:256)")
    parser.add_argument("--rounds", type=positive, default=7, help="the median of so many rounds is taken (7)")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long a round should take at least (0.2)")
    parser.add_argument("--folder", type=Path, default=Path("runs/cpu_vs_gpu"), metavar="FOLDER",
                        help="where <model>.csv, <model>.txt and <model>.png go (runs/cpu_vs_gpu)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parsed(arguments)
    places, why_no_gpu = devices()
    count = operations(create(options.model)) / 1e6
    rows = []
    for batch in options.batches:
        for device in places:
            rows.append(measure(options.model, device, batch, options.rounds, options.seconds))
            print(f"batch {batch} on {device} done", flush=True)
    facts = machine() | {device: device_name(device) for device in places if device != "cpu"}
    text = "\n".join([f"{options.model}: a training step, {count:,.2f} million operations an image; medians of "
                      f"{options.rounds} rounds", "", described(facts), "", side_by_side(rows), "",
                      why_no_gpu or verdict(rows)])
    print("\n" + text)
    write_csv(options.folder / f"{options.model}.csv", rows, COLUMNS)
    write_text(options.folder / f"{options.model}.txt", text)
    try:
        draw(rows, f"{options.model}: a training step", options.folder / f"{options.model}.png")
    except ImportError:
        print('no picture: it needs matplotlib, pip install "minigrad[demo]"')
    print(f"written to {options.folder}")


if __name__ == "__main__":
    main()
