"""What is done to the outputs of a convolution while they are in the cache: a bias is added, ReLU applied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class End(NamedTuple):
    """bias (k,) or None; whether ReLU follows."""

    bias: np.ndarray | None = None
    relu: bool = False

    def of(self, channels: slice) -> End:
        """The same for some of the output channels."""
        return self if self.bias is None else End(self.bias[channels], self.relu)

    def on_rows(self, q: int, k: int, dtype: np.dtype) -> list:
        """[(function, row)]: function(block, row, out=block) on a block (m, q*k) for each: a row is as long as that
        and stays in the cache, which is faster than a scalar or k numbers."""
        steps: list = []
        if self.bias is not None:
            steps.append((np.add, np.tile(self.bias, q)))
        if self.relu:
            steps.append((np.maximum, np.zeros(q * k, dtype)))
        return steps


NOTHING = End()


def finish(block: np.ndarray, steps: list) -> None:
    """Change a block of outputs (m, q*k)."""
    for function, row in steps:
        function(block, row, out=block)
