"""What every op computes, written a second time: slowly, by its definition, without the engine.

`ORACLES` maps the name of an op to a function of the op's own parameters. Arrays are NumPy's, in float64;
an op with several outputs gives a tuple. Structure is spelled out as Python loops over scalars and the
arithmetic is Python's own `math`, so that a mistake of the engine has nothing here to hide behind.
"""

from collections.abc import Callable

from families import merged

ORACLES: dict[str, Callable] = merged(__path__, __name__, "ORACLES")
