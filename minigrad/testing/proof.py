"""What a proof is, when it says anything, and how a file of proofs names its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..fused import Fused, Kernel
from .cases import Case
from .gradcheck import is_floating
from .runs import ProofError, Run, floats, is_shared, raw_arguments


@dataclass(frozen=True)
class Proof:
    """A proof, and whether it says anything about an op and a case.

    `check(op, case)` raises GradientError or ProofError, or returns how many comparisons it made: with none it has
    proven nothing, be it that there are no elements, or that the values lie outside the range of a dtype.
    """

    check: Callable[[Any, Case], int]
    applies: Callable[[Any, Case], bool]


def always(op: Any, case: Case) -> bool:
    return True


def registered(proofs: dict[str, Proof]) -> Callable:
    """A decorator `@proof(name, applies)` that adds a function to `proofs`."""
    def proof(name: str, applies: Callable[[Any, Case], bool] = always) -> Callable:
        def register(check: Callable) -> Callable:
            proofs[name] = Proof(check, applies)
            return check
        return register
    return proof


# --- when a proof applies -----------------------------------------------------------------------------------------

def has_floats(op: Any, case: Case) -> bool:
    """Whether there is an input to differentiate at."""
    return bool(floats(case))


def has_gradient(op: Any, case: Case) -> bool:
    """Whether there is an input to differentiate at and an output to differentiate."""
    return bool(floats(case)) and any([is_floating(y) for y in Run(op, case, recorded=False).outputs])


def checked_inputs(op: Any, case: Case) -> list[int] | None:
    """The inputs whose gradients have elements that can be compared; None if the op makes no floats of these inputs."""
    if not floats(case):
        return None
    sizes = [y.data.size for y in Run(op, case, recorded=False).outputs if is_floating(y)]
    return [i for i in floats(case) if case.inputs[i].size and any(sizes)] if sizes else None


def has_kernel(op: Any, case: Case) -> bool:
    """Whether a kernel takes this case."""
    return isinstance(op, Fused) and op.kernel_for(raw_arguments(op, case)) is not None


def kernel_of(op: Fused, case: Case) -> Kernel:
    """That kernel."""
    kernel = op.kernel_for(raw_arguments(op, case))
    if kernel is None:
        raise ProofError(f"{op.name} has no kernel that takes this case")
    return kernel


def modes(op: Any) -> tuple[str, ...]:
    """How the op can run: a fused one without its kernels too."""
    return ("auto", "definition") if isinstance(op, Fused) else ("auto",)


# --- what several proofs do ---------------------------------------------------------------------------------------

def unshared(new: list[tuple[str, Any]], old: list[tuple[str, Any]]) -> int:
    """No two new arrays, and no new and old one, have memory in common. Returns how many new ones have elements."""
    for (name, a), (other, b) in [*combinations(new, 2), *[(x, y) for x in new for y in old]]:
        if is_shared(a, b):
            raise ProofError(f"{name} shares memory with {other}")
    return len([name for name, a in new if a is not None and np.size(a)])


def named(name: str, arrays: Sequence) -> list[tuple[str, Any]]:
    return [(f"{name} {k}" if len(arrays) > 1 else name, a) for k, a in enumerate(arrays)]
