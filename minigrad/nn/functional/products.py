"""Functions that multiply by a weight matrix."""

from __future__ import annotations

from typing import Any

from ... import ops

__all__ = ["linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input (..., in)   weight (out, in)   bias (out,)   ->   input weight^T + bias (..., out)"""
    return ops.linear(input, weight, bias)
