"""What a run folder says of itself: the reading side of `train.run_folder`."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..train.parts import Choice
from ..train.run_folder import MADE_BY, NEXT, RUN, WEIGHTS
from .errors import Ended


class Run:
    """A run folder that was read. `record` is run.json's content.

    Raises Ended, naming the folder, where it is none, or run.json is missing, damaged or somebody else's.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / RUN
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Ended(f"{self.folder}: is no run folder, it has no {RUN}{near(self.folder)}") from None
        except OSError as error:
            raise Ended(f"{path}: cannot be read ({error.strerror or error})") from error
        except (ValueError, RecursionError) as error:
            raise Ended(f"{path}: is damaged, it holds no JSON ({error})") from error
        if not isinstance(record, dict) or record.get("made_by") != MADE_BY:
            raise Ended(f'{path}: was not made by minigrad: expected "made_by": "{MADE_BY}" in it')
        self.record: dict[str, Any] = record
        self.model: str = self.get("settings", "model", kind=str)
        self.seed: int = self.get("seed", kind=int)
        self.status: str = self.get("status", kind=str)
        self.data: str = self.get("data", "name", kind=str)
        self.root: str | None = self.get("data", "root", kind=(str, type(None)), default=None)
        self.classes: list[str] = self.get("data", "classes", kind=list)
        if not self.classes or not all([isinstance(name, str) for name in self.classes]):
            raise Ended(f"{path}: is damaged: expected data.classes to be a list of names")

    def get(self, *keys: str, kind: type | tuple[type, ...] = object, default: Any = ...) -> Any:
        """The entry at record[a][b]...; Ended where it is missing (and there is no default) or of another type."""
        value: Any = self.record
        for key in keys:
            value = value.get(key, ...) if isinstance(value, dict) else ...
        if value is ... and default is not ...:
            return default
        if value is ... or not isinstance(value, kind) or isinstance(value, bool) and kind is int:
            came = "it is missing" if value is ... else f"{json.dumps(value)} came"
            names = [k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,))]
            wanted = " or ".join(["null" if name == "NoneType" else name for name in names])
            raise Ended(f"{self.folder / RUN}: is damaged: expected {'.'.join(keys)} ({wanted}), {came}")
        return value

    @property
    def reads(self) -> tuple[int, ...] | None:
        """(c, h, w) of what its images become before its model; None where an older run does not say."""
        reads = self.get("data", "reads", kind=(list, type(None)), default=None)
        if reads is not None and (len(reads) != 3 or not all([type(n) is int and n > 0 for n in reads])):
            raise Ended(f"{self.folder / RUN}: is damaged: expected data.reads to be three positive sizes")
        return None if reads is None else tuple(reads)

    @property
    def options(self) -> dict[str, Any]:
        """What its model was made with."""
        width = self.get("settings", "width", kind=(int, float, type(None)), default=None)
        return {"num_classes": len(self.classes), **({"in_channels": self.reads[0]} if self.reads else {}),
                **({} if width is None else {"width": width})}

    @property
    def choice(self) -> Choice:
        """Which examples of its data it had."""
        chosen = self.get("data", "chosen_classes", kind=(list, type(None)), default=None)
        per_class = self.get("data", "per_class", kind=(int, type(None)), default=None)
        return Choice(None if chosen is None else tuple(self.classes), per_class, self.seed)

    @property
    def command(self) -> str:
        """The command that goes on with it."""
        origin = self.get("settings", "origin", kind=(dict, type(None)), default=None)
        return "train" if origin is None else "finetune"

    @property
    def weights(self) -> Path:
        """The file of the chosen weights; Ended where the run has none yet."""
        path = self.folder / WEIGHTS
        if not path.exists():
            why = {"running": "is still running, or was killed", "stopped": "was stopped before its end"}
            raise Ended(f"{self.folder}: has no {WEIGHTS}: the run "
                        f"{why.get(self.status, 'lost it')}: minigrad {self.command} --resume {self.folder}")
        return path


def near(folder: Path) -> str:
    """The nearest names of run folders that lie beside it, as a question."""
    try:
        found = [entry.name for entry in folder.parent.iterdir() if (entry / RUN).is_file()]
    except OSError:
        return ""
    names = [str(folder.parent / name) for name in get_close_matches(folder.name, found, 3)]
    return f": did you mean {' or '.join(names)}?" if names else ""


def unfinished(folder: str) -> Path:
    """Where the run.json of a run that can go on lies: beside a finished run, a new one waits in a folder inside."""
    path = Path(folder)
    return path / NEXT if (path / NEXT / RUN).is_file() else path
