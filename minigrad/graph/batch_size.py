"""The batch size while a graph is built: a large prime, so that numbers made of it show.

6 * n is 6 * BATCH, and `for_batch` makes it 6 times the batch size of a call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

from ..meta import BATCH
from ..misuse import is_int
from .nested import mapped

NEAR = 1_000_000                # how far from a multiple of BATCH a number may lie that is made of it by adding
PARTS = 16                      # in how many parts a batch may be divided for the result to be known as one

NOT_LINEAR = ("a number was computed from the batch size n other than as a*n + b: a graph serves every n: "
              "write it with -1 in reshape, or put it into a layer's forward")


def in_batches(number: int) -> tuple[int, int]:
    """(a, b) such that the number is a * BATCH + b; a is 0 for numbers that have nothing to do with the batch size.

    ValueError for those that are made of it in another way: n // 2, n * n.
    """
    number = int(number)
    if abs(number) < NEAR:
        return 0, number
    a = (number + BATCH // 2) // BATCH
    b = number - a * BATCH
    if a and abs(b) < NEAR and abs(a) < BATCH // PARTS:
        return a, b
    if any([min(number * m % BATCH, -number * m % BATCH) < 1000 * m for m in range(1, PARTS + 1)]):
        raise ValueError(NOT_LINEAR)
    return 0, number


def made_of_batches(x: float) -> bool:
    """Whether a float is k * n, n / k, k / n or 1 / (k * n) for a whole k: 1 / x.shape[0], float(x.shape[0])."""
    if not x or not isfinite(x):
        return False
    size = abs(float(x))
    for ratio in (size / BATCH, BATCH / size, size * BATCH, 1 / size / BATCH):
        if 0.5 < ratio < NEAR and abs(ratio - round(ratio)) <= 1e-12 * ratio:
            return True
    return False


def for_batch(x: Any, n: int) -> Any:
    """An argument noted while the graph was built, for a batch of n."""
    return mapped(x, lambda leaf: number_for_batch(leaf, n))


def number_for_batch(x: Any, n: int) -> Any:
    """A number noted while the graph was built, for a batch of n; a float is what it is."""
    if not is_int(x):
        return x
    a, b = in_batches(x)
    return a * n + b if a else x


def spell(shape: Sequence) -> str:
    """(1_581_337_223, 6, 28, 28) -> "(n, 6, 28, 28)"; an open length is None."""
    return f"({', '.join([spell_number(number) for number in shape])}{',' * (len(shape) == 1)})"


def spell_number(number: Any) -> str:
    """A number as people know it: "6n-1"; "?" if it is made of the batch size otherwise, "None" for an open length."""
    if isinstance(number, float):
        return str(number)
    try:
        a, b = in_batches(number)
    except ValueError:
        return "?"
    except TypeError:
        return "None"
    if a == 0:
        return str(b)
    return ("n" if a == 1 else f"{a}n") + (f"{b:+}" if b else "")


def known_length(number: int) -> int | str:
    """A length as people know it: 28, "n", "2n+1", and "?" for one that is made of the batch size otherwise."""
    text = spell_number(number)
    return int(text) if text.lstrip("-").isdigit() else text


def spell_numbers(text: str) -> str:
    """A message with the numbers in it that are made of the batch size written as such."""
    return re.sub(r"\d{8,}", lambda digits: spell_number(int(digits.group())), text)
