"""What the functions share."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...meta import Meta
from ...tensor import Tensor, bare


def has_values(x: Any) -> bool:
    return type(bare(x)) is not Meta


def is_symbol(x: Any) -> bool:
    return isinstance(x, Tensor) and type(x.data) is Meta


def on_batch(op: Any, input: Any, *args: Any) -> Any:
    """An op on (n, c, h, w); an input (c, h, w) is a batch of one, and so goes out."""
    if len(input.shape) == 3:
        return ops.squeeze(op(ops.expand_dims(input, 0), *args), 0)
    return op(input, *args)
