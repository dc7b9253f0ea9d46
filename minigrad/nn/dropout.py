"""Dropout as layers: in training they drop, in evaluation they give back their input. `inplace` has no effect."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .functional.dropouts import check_probability
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class Dropping(Module):
    """What the layers share: a probability."""

    def __init__(self, p: float = 0.5, inplace: bool = False):
        check_probability(type(self).__name__, p)
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(Dropping):
    """Every element is 0 with probability p, else x / (1 - p). Srivastava et al. 2014."""

    def forward(self, input: Any) -> Any:
        return F.dropout(input, self.p, self.training)


class Dropout1d(Dropping):
    """Every channel is 0 with probability p, else x / (1 - p).   x (n, c, l) or (c, l)"""

    def forward(self, input: Any) -> Any:
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(Dropping):
    """Every channel is 0 with probability p, else x / (1 - p).   x (n, c, h, w). Tompson et al. 2015."""

    def forward(self, input: Any) -> Any:
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(Dropping):
    """Every channel is 0 with probability p, else x / (1 - p).   x (n, c, d, h, w) or (c, d, h, w)"""

    def forward(self, input: Any) -> Any:
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(Dropping):
    """Dropout for self-normalising networks: mean 0 and variance 1 stay. Klambauer et al. 2017, section 3."""

    def forward(self, input: Any) -> Any:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(Dropping):
    """AlphaDropout of whole channels.   x (n, c, ...)"""

    def forward(self, input: Any) -> Any:
        return F.feature_alpha_dropout(input, self.p, self.training)
