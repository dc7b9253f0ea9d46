"""The table as parameters of tests: one set for every op and case."""

import pytest
from cases import CASES

from minigrad import ops
from minigrad.op import OPS


def einsum(*operands, subscripts):
    """einsum as a function of its operands, as the other rows are."""
    return ops.einsum(subscripts, *operands)


def subject(name):
    """The op of a row, or the plain function over ops."""
    return einsum if name == "einsum" else OPS.get(name) or getattr(ops, name)


def rows(applies=lambda op, case: True):
    """A parameter set for every op and case that a proof says something about."""
    return [pytest.param(subject(name), case, id=f"{name}-{number}-{case.name.replace(' ', '_')}")
            for name, row in CASES.items() for number, case in enumerate(row) if applies(subject(name), case)]
