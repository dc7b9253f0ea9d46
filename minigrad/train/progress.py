"""What a run shows while it goes: a bar on a terminal, a line an epoch elsewhere, or nothing. All on stderr."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec
from time import perf_counter
from typing import Any, TextIO

from .loop import Epoch, Step

TEXT_WIDTH = 76                 # columns that a bar's text takes


class Progress(AbstractContextManager):
    """Shows nothing. `step` and `epoch` are told how the run goes; leaving the context tidies up."""

    def step(self, step: Step) -> None:
        """Some steps of an epoch are done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""

    def __exit__(self, *error: object) -> None:
        return None


class Lines(Progress):
    """A line an epoch, as long as somebody reads them: a run does not stop because `| head` has."""

    def __init__(self, epochs: int, file: TextIO | None = None):
        self.epochs, self.started = epochs, perf_counter()
        self.file: TextIO | None = file or sys.stderr

    def epoch(self, epoch: Epoch) -> None:
        if self.file is None:
            return
        left = (perf_counter() - self.started) / epoch.epoch * (self.epochs - epoch.epoch)
        text = (f"epoch {epoch.epoch:{len(str(self.epochs))}}/{self.epochs}  loss {epoch.train_loss:.4f}  "
                f"accuracy {100 * epoch.train_accuracy:6.2f} %  validation {100 * epoch.validation_accuracy:6.2f} %  "
                f"{epoch.images_per_second:,.0f} images/s  {clock(left)} left")
        try:
            print(text, file=self.file, flush=True)
        except OSError:
            self.file = None


class Bar(Progress):
    """A bar over all epochs, with loss, accuracy, images/s and the time left, on 80 columns or more; needs rich."""

    def __init__(self, epochs: int, images: int, console: Any = None):
        from rich import progress
        from rich.console import Console

        console = console or Console(stderr=True)
        self.epochs, self.images, self.validation = epochs, images, ""
        self.bar = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
            progress.BarColumn(bar_width=min(max(console.width - TEXT_WIDTH, 4), 40)),
            progress.TextColumn("{task.fields[text]}"), progress.TimeRemainingColumn(compact=True),
            progress.TextColumn("left"), console=console)
        self.task = self.bar.add_task("", total=epochs * images, epoch=1, text="")

    def __enter__(self) -> Bar:
        self.bar.start()
        return self

    def step(self, step: Step) -> None:
        text = (f"loss {step.loss:.3f}  acc {100 * step.accuracy:5.1f} %{self.validation}  "
                f"{step.images_per_second:,.0f} img/s")
        done = (step.epoch - 1) * self.images + step.images
        self.bar.update(self.task, completed=done, epoch=step.epoch, text=text)

    def epoch(self, epoch: Epoch) -> None:
        self.validation = f"  val {100 * epoch.validation_accuracy:5.1f} %"

    def __exit__(self, *error: object) -> None:
        self.bar.stop()


def choose(epochs: int, images: int, quiet: bool) -> Progress:
    """A bar if stderr is a terminal and rich is installed, else lines; nothing if quiet, or if there is no stderr."""
    if quiet or sys.stderr is None:
        return Progress()
    return Bar(epochs, images) if sys.stderr.isatty() and find_spec("rich") else Lines(epochs)


def clock(seconds: float) -> str:
    """83 -> "1:23" """
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
