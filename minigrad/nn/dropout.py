"""Dropout as a layer."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .functional.dropouts import check_probability
from .module import Module


class Dropout(Module):
    """In training every element is 0 with probability p, else x / (1 - p); in evaluation x. Srivastava et al. 2014.

    `inplace` is accepted and has no effect.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False):
        check_probability("Dropout", p)
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
