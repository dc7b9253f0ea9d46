"""In which precision ops compute: half precision becomes float32 where sums, squares or exponentials are taken."""

from __future__ import annotations

import numpy

from ..backend import FLOATS
from .elementwise import astype

FULL = (numpy.dtype("float32"), numpy.dtype("float64"))
HALF = ("float16", "bfloat16")


def wide(x):
    """The dtype in which to accumulate: float32 for half precision, else None, the library's choice."""
    return "float32" if x.dtype not in FULL and str(x.dtype) in HALF else None


def widened(x):
    """x in float32 if it is of half precision, where squares or exponentials would overflow or be rounded to 0."""
    return astype(x, "float32") if wide(x) else x


def narrowed(y, x):
    """What was computed with `widened(x)`, in the precision of x again."""
    return astype(y, x.dtype) if wide(x) else y


def converted(x, dtype):
    """x in the dtype that was asked for, before anything is added up; None: in its own."""
    return x if dtype is None else astype(x, dtype)


def check_floating(x):
    """An error for whole numbers where the result would be none."""
    if x.dtype.kind not in FLOATS:
        raise TypeError(f"expected floating-point numbers, x is {x.dtype}: x.astype('float32') converts")
