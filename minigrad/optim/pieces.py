"""An optimizer's update in pieces that stay in the cache, split over threads.

An update has several passes over the parameter, its gradient and its state. Piece by piece each of them comes from the
memory once, and temporary arrays are as small as a piece. The update itself knows nothing of it: a piece of a parameter
is a parameter, a piece of its state is a state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import Array
from ..tensor import Tensor, derived
from ..threads import split

PIECE = 1 << 16                 # elements
WORTH = 1 << 18                 # elements that are worth a thread


def update_in_pieces(update: Callable, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
    """update(p, g, state, group), an update that treats every element by itself; as it is for small or odd arrays.

    State that the update makes lies in memory as the parameter does.
    """
    x = p.data
    if type(x) is not np.ndarray or x.size <= PIECE or x.dtype not in ("f4", "f8") or g.dtype != x.dtype:
        return update(p, g, state, group)
    if g.strides != x.strides:
        g = placed(g, x)
    arrays = {name: value for name, value in state.items() if type(value) is np.ndarray}
    numbers = {name: value for name, value in state.items() if name not in arrays}
    flat_x, flat_g = x.ravel("K"), g.ravel("K")
    if flat_x.flags.owndata or any([a.strides != x.strides for a in arrays.values()]):
        return update(p, g, state, group)                       # x has gaps, or its state lies in another order
    flat = {name: a.ravel("K") for name, a in arrays.items()}

    def piece(low: int, high: int) -> dict[str, Any]:
        mine = numbers | {name: a[low:high] for name, a in flat.items()}
        update(derived(flat_x[low:high], p.changed), flat_g[low:high], mine, group)
        return mine

    def part(low: int, high: int) -> None:
        for start in range(low, high, PIECE):
            stop = min(start + PIECE, high)
            save(piece(start, stop), start, stop)

    def save(found: dict[str, Any], low: int, high: int) -> None:
        for name, a in made.items():
            a.ravel("K")[low:high] = found[name]

    first = piece(0, PIECE)                                     # it tells which state there is from now on
    made = {name: np.empty_like(x) for name, a in first.items() if type(a) is np.ndarray and name not in flat}
    save(first, 0, PIECE)
    split(lambda low, high: part(low + PIECE, high + PIECE), x.size - PIECE, WORTH)
    for name, value in first.items():
        state[name] = arrays[name] if name in arrays else made.get(name, value)


def placed(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A copy of g that lies in memory as x does."""
    copy = np.empty_like(x)
    copy[...] = g
    return copy
