"""HealthMonitor: gradients, updates and activations of a training, as files, and a word when something is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from ...debug import GradientHealth
from ...figures import rehearse
from ...files import write_atomically
from ..run_folder import HEALTH
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer

CSV, PICTURE, TEXT = HEALTH
FINE = ("healthy", "unknown")


class HealthMonitor(Callback):
    """Watches one step of so many with `debug.GradientHealth`, and writes into `folder`

        health.txt      the verdict in words, and a table of the layers
        health.csv      every watched step, a line a layer
        health.png      both over the steps

    after every epoch (the picture at the end alone), and also where the training ends by an error or a signal.

    every: watch one step of so many. say: is told the verdict when it turns bad, and at the end, `print` for one.
    write: write(name, function of a path) in place of writing into `folder`.
    health: the `debug.GradientHealth`, from the start of the training on. Needs matplotlib; what is missing is said
    before the training begins. A resumed training goes on with what was seen, or begins to watch there.
    """

    resumable_without = True

    def __init__(self, folder: str | os.PathLike[str], every: int = 10,
                 say: Callable[[str], object] = lambda text: None, write: Callable[..., object] | None = None):
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"HealthMonitor: every must be a number of steps from 1 on, {every!r} came")
        self.folder, self.every, self.say = Path(folder), every, say
        self.write = write or (lambda name, make: write_atomically(self.folder / name, make))
        self.health: Any = None
        self.kind = "unknown"           # of the verdict that was told last
        self.stepped = self.finished = False

    def setup(self, trainer: Trainer) -> None:
        rehearse()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.health = GradientHealth(trainer.model, self.every)
        self.kind, self.stepped, self.finished = "unknown", False, False

    def on_step_begin(self, trainer: Trainer, inputs: Any, targets: Any) -> None:
        self.stepped = False
        self.health.begin()

    def on_before_optimizer_step(self, trainer: Trainer) -> None:
        self.stepped = True

    def on_step_end(self, trainer: Trainer) -> None:
        self.health.end(trainer.precision.may_overflow)

    def on_epoch_end(self, trainer: Trainer) -> None:
        verdict = self.write_texts()
        if verdict.kind not in (self.kind, *FINE):
            self.say(f"epoch {trainer.epoch}: {verdict.found}")
        self.kind = verdict.kind

    def on_train_end(self, trainer: Trainer) -> None:
        self.finish(trainer)

    def teardown(self, trainer: Trainer) -> None:
        """An error ended the training, perhaps in the very step that tells why."""
        if self.health is None:
            return
        if self.stepped:
            self.health.end(trainer.precision.may_overflow)
        self.health.abandon()
        if self.health.steps and not self.finished:
            self.finish(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Write all, and say how it was."""
        self.finished = True
        verdict, loss, note = self.health.verdict(), trainer.logs.get("loss", 0.0), ""
        if not isfinite(loss) and verdict.kind in FINE:
            last = self.health.steps[-1]
            note = "\n" + fill(f"But the loss is {loss}: that came after step {last}, the last that was watched. To "
                               "see it, watch every step: every=1.", 80)
        self.write_texts(note)
        if self.health.steps:
            self.write(PICTURE, self.health.plot)
        self.say(f"{verdict}{note}")

    def write_texts(self, note: str = "") -> Any:
        """Write the table and the numbers; the verdict."""
        verdict = self.health.verdict()
        text = f"{verdict}{note}\n\n{self.health.table()}\n"
        self.write(TEXT, lambda path: path.write_text(text, encoding="utf-8"))
        self.write(CSV, self.health.to_csv)
        return verdict

    def state_dict(self) -> dict[str, Any]:
        return {} if self.health is None else {"health": self.health.state_dict(), "kind": self.kind}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.health.load_state_dict(state["health"])
        self.kind = state["kind"]
