"""Whole listings, as they are written for PyTorch: the same code with the same first weights gives the same losses."""

import numpy as np
import pytest
from listings import PROGRAMS

import minigrad as mg

pytestmark = pytest.mark.parity


def flat(found):
    return [x for part in found for x in flat(part)] if isinstance(found, (list, tuple)) else [found]


def run(program, lib):
    """What a program yields, in order: numbers and arrays as arrays, strings as they are."""
    found = flat(list(program(lib, lib.nn, lib.nn.functional, lib.optim)))
    return [x if isinstance(x, str) else np.asarray(x.detach().numpy() if hasattr(x, "detach") else x) for x in found]


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.__name__ for program in PROGRAMS])
def test_a_listing_gives_the_same_losses(program):
    import torch

    mine, theirs = run(program, mg), run(program, torch)
    assert len(mine) == len(theirs) > 4
    for a, b in zip(mine, theirs, strict=True):
        if isinstance(a, str):
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
