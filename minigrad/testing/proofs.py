"""What is proven of every op on every case of the table, by name and in the order in which it is proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import proofs_fused, proofs_general, proofs_memory
from .cases import Case
from .proof import Proof
from .runs import Run, agree

PROOFS: dict[str, Proof] = proofs_general.PROOFS | proofs_fused.PROOFS | proofs_memory.PROOFS


def same_on(op: Any, case: Case, place: Callable, fetch: Callable, done: Callable = lambda: None,
            rtol: float = 1e-10) -> None:
    """Values, gradients and gradients of gradients on another array library are NumPy's.

    place(array) puts a NumPy array there, fetch(array) brings one back; done() is called when all is computed and
    nothing fetched. Not among PROOFS, for it needs such a library.
    """
    there = Run(op, case, place=place, order=2)
    done()
    here = Run(op, case, order=2)
    agree([fetch(a) for a in there.arrays()], here.arrays(), rtol, "the other library and NumPy")
