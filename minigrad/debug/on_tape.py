"""The names that a walk can come to: ops, layers and leaves. For what is typed of them, completed and mistyped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from ..op import OPS
from ..tensor import Node
from .events import Enter, Leaf, Rule
from .ledger import leaves_of
from .session import Session


def layers_of(order: Iterable[Node]) -> list[str]:
    """The layers of the calls of a tape, each once, as far as they were recorded."""
    return list(dict.fromkeys([node.note.layer for node in order if node.note and node.note.layer]))


def ops_of(order: Iterable[Node]) -> list[str]:
    """The ops of the calls of a tape, each once."""
    return list(dict.fromkeys([node.op.name for node in order]))


def ahead(session: Session) -> list[str]:
    """Ops, layers and leaves that the walk has still to come to from the event looked at, each once."""
    seen, coming = session.timeline[:session.at + 1], session.timeline[session.at + 1:]
    ruled = {event.node for event in seen if isinstance(event, Rule)}
    whole = {event.name for event in seen if isinstance(event, Leaf)}
    here = session.here
    tapes = (*(here.order if isinstance(here, Enter) else session.level), *session.order)
    order = [node for node in tapes if node not in ruled]
    around = here if isinstance(here, Enter) else here.parent
    arguments = around.node.op.names if around and around.node else ()              # the leaves of a definition
    told = [name for event in coming for name in (
        (event.op, event.layer) if isinstance(event, Rule) else (event.name,) if isinstance(event, Leaf) else ())]
    leaves = [name for _, name in leaves_of(tapes) if name not in whole]
    return [name for name in dict.fromkeys([*ops_of(order), *layers_of(order), *leaves, *arguments, *told]) if name]


def among(pattern: str, names: Collection[str]) -> bool:
    """Whether a pattern means one of these names."""
    return any([fnmatchcase(name, pattern) for name in names])


def nearest(word: str, names: Collection[str]) -> str:
    """`: did you mean c3?`, or "" where no name is like it."""
    near = [name for name in names if word and name.startswith(word)] or get_close_matches(word, names, 1)
    return f": did you mean {near[0]}?" if near else ""


def not_there(session: Session, wanted: str) -> str:
    """Why `until` cannot go there: the name is behind already, or there is none like it. "" if it can."""
    coming = ahead(session)
    if among(wanted, coming):
        return ""
    passed = {name for event in session.timeline for name in (event.op, event.layer, getattr(event, "name", ""))}
    if among(wanted, [name for name in passed if name]):
        return f"until: {wanted[:40]} is behind already: g goes to an event by its number, P back by one"
    return f"until: the walk comes to no op, layer or leaf {wanted[:40]!r}{nearest(wanted, coming)}"


def warning(session: Session, text: str) -> str:
    """What there is to say of a breakpoint at a name that the tape has not, or ""."""
    kind, _, pattern = text.partition(" ")
    leaf = re.match(r"grad\((.+?)\)", text)
    if leaf:
        kind, pattern, names = "leaf", leaf[1], [name for _, name in leaves_of(session.order)]
    elif kind in ("layer", "op"):
        names = layers_of(session.order) if kind == "layer" else ops_of(session.order)
    else:
        return ""
    if among(pattern, names):
        return ""
    if kind == "op" and among(pattern, OPS):
        return f"no call on this tape is of op {pattern}; a definition that is stepped into may have one"
    if kind == "layer" and not names:
        return "layers are known only where the forward pass was made inside debug.record()"
    return f"no {kind} on this tape is called {pattern[:40]!r}{nearest(pattern, names)}"
