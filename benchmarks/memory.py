"""Peak memory of training steps, minigrad and PyTorch, each in a fresh process (`vs_pytorch --memory`).

The figure is the largest resident memory of the process while it builds a network, its optimizer and a batch and trains
for three steps, minus what was resident just before the network was built, when everything had been imported. So it is
parameters, gradients, velocities, activations and what kernels need to work, and also what allocators keep and what a
library loads when first used. It is the kernel's count (VmHWM, reset before the network is built; where that is not
possible the process' largest ever), the same for both. minigrad's ratio to PyTorch should be 1.25 at most.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

import minigrad
from minigrad.cli.versus import Net, labels_shape, minigrad_graph, pytorch, side, using_threads

from .common import described, hand_out, table
from .networks import NETWORKS

MARK, STEPS = 1.25, 3
COLUMNS = ("model", "batch", "parameters_mb", "minigrad_mb", "pytorch_mb", "ratio", "mark", "met")


# --- in the child process ---------------------------------------------------------------------------------------

def peak_of(net: Net, library: str) -> int:
    """Bytes that the network and its training steps need at most in this process, on top of what is there."""
    torch = pytorch() if library == "PyTorch" else None
    gc.collect()
    forget_peak()
    before = resident("VmRSS")
    model = net.make(torch.nn) if torch else minigrad_graph(net)
    draw = numpy.random.default_rng(0)
    x = draw.standard_normal((net.batch, *net.shape), dtype="float32")
    one = side(torch or minigrad, model, x, draw.integers(0, net.classes, labels_shape(net, net.batch)))
    for _ in range(STEPS):
        one.step()
    return resident("VmHWM") - before


def forget_peak() -> None:
    """Let the largest resident memory count from now on, where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        pass


def resident(what: str) -> int:
    """Bytes of this process: VmRSS, in memory now, or VmHWM, the most since `forget_peak`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:                   # not Linux: the most ever, in bytes on macOS
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


# --- in the parent ----------------------------------------------------------------------------------------------

def measured(name: str, library: str, threads: int) -> int:
    """`peak_of` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", name, library, str(threads)]
    heap = {} if library == "minigrad" else {"MINIGRAD_KEEP_FREED": "0"}         # as it is without minigrad
    done = subprocess.run(command, cwd=Path(__file__).parents[1], env=os.environ | heap, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{NETWORKS[name].title} with {library}: the process ended with {done.returncode}\n"
                         f"{done.stderr}")
    return int(done.stdout)


def row_of(name: str, threads: int) -> dict[str, Any]:
    """A row of the table."""
    net = NETWORKS[name]
    mine = measured(name, "minigrad", threads) / 1e6
    theirs = measured(name, "PyTorch", threads) / 1e6 if pytorch() else None
    weights = sum(p.data.size for p in minigrad_graph(net).parameters()) * 4 / 1e6
    ratio = mine / theirs if theirs else None
    met = "-" if ratio is None else "yes" if ratio <= MARK else "no"
    return {"model": net.title, "batch": net.batch, "parameters_mb": weights, "minigrad_mb": mine, "pytorch_mb": theirs,
            "ratio": ratio, "mark": MARK, "met": met}


def main(options: argparse.Namespace, names: Sequence[str], facts: dict[str, str]) -> None:
    rows = [row_of(name, options.threads) for name in names]
    lines = ["Peak memory of training steps, on top of Python and the libraries: MB", "", described(facts), "",
             table(rows, {"model": "", "batch": "d", "parameters_mb": ".1f", "minigrad_mb": ".0f", "pytorch_mb": ".0f",
                          "ratio": ".2f", "mark": ".2f", "met": ""}), "",
             f"resident memory at its peak over {STEPS} steps minus that before the network was built, each in a "
             "process of its own"]
    hand_out(options, "\n".join(lines), rows, COLUMNS, facts=facts)


if __name__ == "__main__":          # the child process
    with using_threads(int(sys.argv[3])):
        print(peak_of(NETWORKS[sys.argv[1]], sys.argv[2]))
