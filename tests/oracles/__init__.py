"""What every op computes, written a second time: slowly, by its definition, without the engine.

`ORACLES` maps the name of an op to a function of the op's own parameters. Arrays are NumPy's, in float64;
an op with several outputs gives a tuple. Structure is spelled out as Python loops over scalars and the
arithmetic is Python's own `math`, so that a mistake of the engine has nothing here to hide behind.
"""

from collections.abc import Callable

from . import elementwise, indexing, linalg, normalization, reductions, shape, windows

ORACLES: dict[str, Callable] = {}
for family in (elementwise, reductions, shape, indexing, linalg, windows, normalization):
    for name, oracle in family.ORACLES.items():
        if name in ORACLES:
            raise ValueError(f"oracles: {name} is defined twice, the second time in {family.__name__}")
        ORACLES[name] = oracle
