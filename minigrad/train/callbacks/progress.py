"""What a training shows while it goes: a bar on a terminal, a line an epoch elsewhere. On stderr."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any, TextIO

from ..history import is_share
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer

TEXT_WIDTH = 76                 # columns that a bar's text takes
UNITS = {"images": " img", "samples": ""}


def ProgressBar(unit: str = "samples") -> Callback:
    """A `Bar` if stderr is a terminal and rich is installed, else `Lines`; nothing if there is no stderr.

    unit: what goes by, "images" for one.
    """
    if sys.stderr is None:
        return Callback()
    return Bar(unit) if sys.stderr.isatty() and find_spec("rich") else Lines(unit)


class Lines(Callback):
    """A line an epoch, as long as somebody reads them: a training does not stop because `| head` has."""

    def __init__(self, unit: str = "samples", file: TextIO | None = None):
        self.unit, self.file = unit, file

    def on_train_begin(self, trainer: Trainer) -> None:
        self.out: TextIO | None = self.file or sys.stderr
        self.started, self.done = perf_counter(), share_done(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.out is None:
            return
        row = trainer.history[-1]
        done = trainer.epoch / trainer.epochs
        left = (perf_counter() - self.started) / max(done - self.done, 1e-9) * (1 - done)
        text = (f"epoch {trainer.epoch:{len(str(trainer.epochs))}}/{trainer.epochs}  {told(row)}  "
                f"{row['samples_per_second']:,.0f}{per(self.unit)}/s  {clock(left)} left")
        try:
            print(text, file=self.out, flush=True)
        except OSError:
            self.out = None


class Bar(Callback):
    """A bar over all epochs, with loss, metric, speed and the time left, on 80 columns or more; needs rich."""

    def __init__(self, unit: str = "samples", console: Any = None):
        self.unit, self.console = unit, console
        self.bar: Any = None

    def on_train_begin(self, trainer: Trainer) -> None:
        from rich import progress
        from rich.console import Console

        console = self.console or Console(stderr=True)
        self.validation = validation_text(trainer.history[-1]) if len(trainer.history) else ""
        self.bar = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}/" + str(trainer.epochs)),
            progress.BarColumn(bar_width=min(max(console.width - TEXT_WIDTH, 4), 40)),
            progress.TextColumn("{task.fields[text]}"), progress.TimeRemainingColumn(compact=True),
            progress.TextColumn("left"), console=console)
        self.task = self.bar.add_task("", total=trainer.epochs * len(trainer.loader), epoch=max(trainer.epoch, 1),
                                      text="", completed=steps_done(trainer))
        self.bar.start()

    def on_log(self, trainer: Trainer) -> None:
        if self.bar is None:
            return
        text = f"loss {short(trainer.logs['loss'])}"
        text += "".join([f"  {spelled(name, x)}" for name, x in first_metric(trainer.logs)])
        self.bar.update(self.task, completed=steps_done(trainer), epoch=trainer.epoch,
                        text=f"{text}{self.validation}  {trainer.samples_per_second:,.0f}{per(self.unit)}/s")

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.validation = validation_text(trainer.history[-1])

    def teardown(self, trainer: Trainer) -> None:
        if self.bar is not None:
            self.bar.stop()
        self.bar = None


def per(unit: str) -> str:
    """What stands before "/s"."""
    return UNITS.get(unit, f" {unit}")


def steps_done(trainer: Trainer) -> int:
    """Batches of all epochs so far."""
    return max(trainer.epoch - 1, 0) * len(trainer.loader) + trainer.batch


def share_done(trainer: Trainer) -> float:
    return steps_done(trainer) / max(trainer.epochs * len(trainer.loader), 1)


def told(row: dict[str, Any]) -> str:
    """An epoch's row in a line: "loss 0.2500  acc  87.50 %  val  75.00 %"; without metrics its losses."""
    text = f"loss {row['train_loss']:.4f}"
    metrics = first_metric({name.removeprefix("train_"): x for name, x in row.items() if name.startswith("train_")})
    for name, x in metrics:
        shown = "acc" if name.endswith("accuracy") else name
        text += f"  {shown} {percent(x, 6, 2) if is_share(name) else format(x, '.4f')}"
        if f"validation_{name}" in row:
            x = row[f"validation_{name}"]
            return text + f"  val {percent(x, 6, 2) if is_share(name) else format(x, '.4f')}"
    return text + (f"  val {row['validation_loss']:.4f}" if "validation_loss" in row else "")


def first_metric(scores: dict[str, Any]) -> list[tuple[str, float]]:
    """The first of the scores that is no loss, if there is one."""
    return [(name, x) for name, x in scores.items() if not name.endswith("loss")][:1]


def validation_text(row: dict[str, Any]) -> str:
    """What a bar says of the last validation."""
    found = {name.removeprefix("validation_"): x for name, x in row.items() if name.startswith("validation_")}
    for name, x in first_metric(found) or [(name, x) for name, x in found.items() if name == "loss"]:
        return f"  val {percent(x, 5, 1) if is_share(name) else short(x)}"
    return ""


def spelled(name: str, x: float) -> str:
    """A metric in a bar, without the output that it is of: "acc  87.5 %"."""
    shown = name.rpartition("_")[2].replace("accuracy", "acc")[:8]
    return f"{shown} {percent(x, 5, 1) if is_share(name) else short(x)}"


def percent(x: float, width: int, digits: int) -> str:
    return f"{100 * x:{width}.{digits}f} %"


def short(x: float) -> str:
    return f"{x:.3f}" if abs(x) < 1000 else f"{x:.3g}"


def clock(seconds: float) -> str:
    """83 -> "1:23" """
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
