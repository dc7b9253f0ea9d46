"""`check_op`: all proofs at once, on an op that somebody wrote in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..op import Op
from ..variadic import Variadic
from .cases import Case
from .gradcheck import GradientError
from .proof import checked_inputs
from .proofs import PROOFS
from .runs import ProofError, arrays_of, as_dtype, floats, names


@dataclass(frozen=True)
class Report:
    """What `check_op` has proven: of which op, on how many cases, and how often each proof was made.

    skipped: how often each compared nothing: there were no elements, or no gradient (of a function that is flat), or
    the values are too large or too small for a dtype.
    """

    op: str
    cases: int
    proofs: dict[str, int]
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of proofs."""
        return sum(self.proofs.values())

    def __repr__(self) -> str:
        lines = [f"{self.op}: {self.count} proofs on {self.cases} case{'s' * (self.cases != 1)}, all hold"]
        lines += [f"  {n:>4}  {name}" for name, n in self.proofs.items()]
        if self.skipped:
            lines += ["  skipped, for they compared nothing (no elements, no gradient, or out of a dtype's range): "
                      + ", ".join([f"{name} ({n})" for name, n in self.skipped.items()])]
        return "\n".join(lines)


def check_op(op: Op, cases: Sequence) -> Report:
    """Every proof that the library's own ops have to pass, on an op of your own.

    op: made with `minigrad.op` or `minigrad.fused`.   cases: each a `Case`, or a tuple of arrays, the op's inputs, away
    from kinks. Floating arrays are taken in float64; the proofs convert them themselves.
    Raises GradientError or ProofError, both AssertionErrors, with op, case, proof and what was found; ValueError where
    an input has elements in none of the cases, for then nothing is proven of its gradient. Returns a Report.

    >>> import numpy as np
    >>> from minigrad import op
    >>> from minigrad.testing import check_op
    >>> @op
    ... def cube(x):
    ...     return x * x * x
    >>> _ = cube.gradient(x=lambda g, x: g * 3 * x * x)
    >>> check_op(cube, [(np.array([0.5, -1.0, 2.0]),)]).proofs["second gradient"]
    1
    """
    if not isinstance(op, Op):
        raise TypeError(f"check_op: expected an op, made with the decorator minigrad.op or minigrad.fused; {op!r} came")
    if not len(cases):
        raise ValueError(f"check_op: {op.name} needs at least one case, a Case or a tuple of arrays")
    made: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    all_cases = [as_case(given, number) for number, given in enumerate(cases)]
    for case in all_cases:
        for name, each in PROOFS.items():
            where = f"{op.name}, case {case.name!r}, proof {name!r}"
            try:
                if each.applies(op, case):
                    (made if each.check(op, case) else skipped)[name] += 1
            except (GradientError, ProofError) as error:
                raise type(error)(f"{where}:\n{error}") from error
            except (TypeError, ValueError, IndexError, RuntimeError, AttributeError, ArithmeticError) as error:
                error.add_note(f"raised by {where}")
                raise
    refuse_unchecked(op, all_cases)
    return Report(op.name, len(cases), dict(made), dict(skipped))


def refuse_unchecked(op: Op, cases: list[Case]) -> None:
    """Raise ValueError if some input has a gradient, and no case in which the gradient has elements to compare."""
    def key(i: int) -> int:
        return 0 if isinstance(op, Variadic) else i             # one formula for all of its arrays

    found = [(case, checked_inputs(op, case)) for case in cases]
    checked = {key(i) for _, inputs in found for i in inputs or ()}
    for case, inputs in found:
        missing = [i for i in floats(case) if key(i) not in checked] if inputs is not None else []
        if not missing:
            continue
        empty = [names(op, len(case.inputs))[i] for i in missing if not case.inputs[i].size]
        plural = len(empty) > 1
        what = f"input{'s' * plural} {', '.join(empty)} ha{'ve' if plural else 's'} no elements"
        raise ValueError(f"{op.name}, case {case.name!r}: {what if empty else 'there is no output with elements'}, "
                         f"nothing can be checked: add a case in which {'they have' if plural else 'it has'} some")


def as_case(given: Any, number: int) -> Case:
    """A Case of a tuple of arrays, or of one array; floating arrays in float64."""
    case = given if isinstance(given, Case) else Case(tuple(given) if isinstance(given, (tuple, list)) else (given,))
    shapes = ", ".join([str(x.shape) for x in arrays_of(case)])
    case = as_dtype(case, "float64")
    return Case(case.inputs, case.params, case.name or f"number {number}, shapes {shapes}")
