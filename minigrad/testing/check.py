"""`check_op`: all proofs at once, on an op that somebody wrote in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..op import Op
from .cases import Case
from .gradcheck import GradientError
from .proofs import PROOFS, arrays_of, as_dtype
from .runs import ProofError


@dataclass(frozen=True)
class Report:
    """What `check_op` has proven: of which op, on how many cases, and how often each proof was made."""

    op: str
    cases: int
    proofs: dict[str, int]

    @property
    def count(self) -> int:
        """The number of proofs."""
        return sum(self.proofs.values())

    def __repr__(self) -> str:
        lines = [f"{self.op}: {self.count} proofs on {self.cases} case{'s' * (self.cases != 1)}, all hold"]
        return "\n".join(lines + [f"  {n:>4}  {name}" for name, n in self.proofs.items()])


def check_op(op: Op, cases: Sequence) -> Report:
    """Every proof that the library's own ops have to pass, on an op of your own.

    op: made with `minigrad.op` or `minigrad.fused`.   cases: each a `Case`, or a tuple of arrays, the op's inputs, away
    from kinks. Floating arrays are taken in float64; the proofs convert them themselves.
    Raises GradientError or ProofError, both AssertionErrors, with op, case, proof and what was found. Returns a Report.

    >>> import numpy as np
    >>> from minigrad import op
    >>> from minigrad.testing import check_op
    >>> @op
    ... def cube(x):
    ...     return x * x * x
    >>> _ = cube.gradient(x=lambda g, x: g * 3 * x * x)
    >>> check_op(cube, [(np.array([0.5, -1.0, 2.0]),)]).count
    9
    """
    if not isinstance(op, Op):
        raise TypeError(f"check_op: expected an op, made with the decorator minigrad.op or minigrad.fused; {op!r} came")
    if not len(cases):
        raise ValueError(f"check_op: {op.name} needs at least one case, a Case or a tuple of arrays")
    made: Counter[str] = Counter()
    for number, given in enumerate(cases):
        case = as_case(given, number)
        for name, each in PROOFS.items():
            where = f"{op.name}, case {case.name!r}, proof {name!r}"
            try:
                if each.applies(op, case):
                    each.check(op, case)
                    made[name] += 1
            except (GradientError, ProofError) as error:
                raise type(error)(f"{where}:\n{error}") from error
            except (TypeError, ValueError, IndexError, RuntimeError, AttributeError, ArithmeticError) as error:
                error.add_note(f"raised by {where}")
                raise
    return Report(op.name, len(cases), dict(made))


def as_case(given: Any, number: int) -> Case:
    """A Case of a tuple of arrays, or of one array; floating arrays in float64."""
    case = given if isinstance(given, Case) else Case(tuple(given) if isinstance(given, (tuple, list)) else (given,))
    shapes = ", ".join([str(x.shape) for x in arrays_of(case)])
    case = as_dtype(case, "float64")
    return Case(case.inputs, case.params, case.name or f"number {number}, shapes {shapes}")
