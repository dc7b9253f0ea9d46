"""The events of a walk as a file: a page to step through, a trace in JSON, or the text of them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..files import write_atomically
from .events import Event
from .trace import Trace


class SaveError(ValueError):
    """The file cannot be written; the message says why."""


def save(events: Sequence[Event], name: str) -> str:
    """Write the events to a file, by its name's ending; what to say of it."""
    path = Path(name.strip())
    if path.suffix == ".json":
        text = json.dumps(Trace.of(events).as_dict(), allow_nan=False)
    elif path.suffix == ".html":
        text = Trace.of(events).to_html() or ""
    elif path.suffix == ".txt":
        text = "\n".join([f"[{event.number}]\n{event}" for event in events]) + "\n"
    else:
        raise SaveError(f"save: expected a file name that ends in .html, .json or .txt, {name!r} came")
    try:
        write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise SaveError(f"save: {path} cannot be written ({error.strerror or error})") from error
    return f"{len(events)} events in {path}"
