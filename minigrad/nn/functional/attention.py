"""Attention."""

from __future__ import annotations

from typing import Any

import numpy

from ... import ops
from .common import has_values, is_symbol
from .dropouts import check_probability, keep_mask

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None, *, generator: Any = None) -> Any:
    """softmax(query key^T * scale + mask) value. Vaswani et al. 2017, equation 1.

    query (..., l, d)   key (..., s, d)   value (..., s, e)   ->   (..., l, e)
    attn_mask broadcasts to (..., l, s): boolean, True where a key may be seen, or numbers to add. dropout_p drops
    weights whenever it is not 0: pass 0.0 in evaluation.
    """
    check_probability("scaled_dot_product_attention", dropout_p)
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: pass either attn_mask or is_causal=True, not both")
    mask = None
    if dropout_p and has_values(query):
        batch = numpy.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        mask = keep_mask((*batch, query.shape[-2], key.shape[-2]), dropout_p, query, generator)
    elif dropout_p and is_symbol(query):
        raise ValueError("scaled_dot_product_attention: on symbols of a graph dropout_p would draw one mask for all "
                         "runs: call it inside the forward of a layer of your own")
    return ops.scaled_dot_product_attention(query, key, value, attn_mask, mask, dropout_p, is_causal, scale)
