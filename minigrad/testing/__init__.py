"""Proofs of ops and of their gradients, for coursework and for this library's own table.

`gradcheck` and `gradgradcheck` compare gradients with differences of values; `check_op` makes every proof of the table
on an op of your own; `corrupted` tampers with a gradient, to see whether a check notices; `strategies` are for
hypothesis.
"""

from . import strategies
from .cases import Case
from .check import Report, check_op
from .gradcheck import GradientError, GradientReport, gradcheck, gradgradcheck
from .proofs import PROOFS, same_on
from .runs import ProofError
from .teeth import CHANGES, corrupted

__all__ = ["CHANGES", "PROOFS", "Case", "GradientError", "GradientReport", "ProofError", "Report", "check_op",
           "corrupted", "gradcheck", "gradgradcheck", "same_on", "strategies"]
