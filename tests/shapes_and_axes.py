"""Draws of shapes and axes, and PyTorch's functions by name: for the array functions of the parity tests."""

from hypothesis import strategies as st
from side_by_side import sides


def shapes(low=0, high=4, longest=3):
    """`low` to `high` axes."""
    return st.lists(sides(0, longest), min_size=low, max_size=high).map(tuple)


def axes(ndim, beyond=0):
    """An axis of so many, from either end; those of a scalar are 0 and -1. beyond: how far outside it may lie."""
    n = max(ndim, 1) + beyond
    return st.integers(-n, n - 1)


def several(ndim):
    """Some axes of so many, none twice."""
    chosen = st.lists(st.integers(0, ndim - 1), unique=True) if ndim else st.just([])
    return chosen.flatmap(lambda found: st.tuples(*[st.sampled_from([a, a - ndim]) for a in found]))


def theirs(name):
    """A function of the module torch, looked up when it is called: files of tests are read where there is none."""
    def call(*args, **options):
        import torch

        return getattr(torch, name)(*args, **options)
    return call
