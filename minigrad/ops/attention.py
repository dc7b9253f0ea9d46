"""Attention."""

from __future__ import annotations

from math import inf, sqrt

import numpy

from ..backend import FLOATS, namespace
from ..fused import fused
from ..op import op
from .dropouts import dropout
from .elementwise import where
from .kernels import kernel
from .linalg import matmul
from .logic import not_equal
from .precision import narrowed, widened
from .reductions import any
from .shape import broadcast_to, expand_dims, fits_into, ordinals, reshape, swapaxes
from .softmaxes import softmax

__all__ = ["scaled_dot_product_attention"]


@op
def causal_mask(scores):
    """True where position s of the last axis is not later than l of the one before it.   (..., l, s) -> (l, s)"""
    m, n = scores.shape[-2:]
    return ordinals(scores, n) <= namespace(scores).reshape(ordinals(scores, m), (m, 1))


@fused
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_mask=None, dropout_p=0.0, is_causal=False,
                                 scale=None, enable_gqa=False):
    """softmax(Q K^T * scale) V: every query takes the mean of the values, weighted by how well their keys fit.

    query (..., l, d)   key (..., s, d)   value (..., s, e)   ->   y (..., l, e);  scale is 1/sqrt(d) by default
    attn_mask broadcasts to (..., l, s): boolean, True where a key may be seen; or floating, added to the scores.
    is_causal masks later positions. dropout_mask (..., l, s): boolean, drawn by the caller, kept with probability 1
    - dropout_p. enable_gqa: axis -3 are heads, and groups of query heads, one after the other, share a head of key and
    value (Ainslie et al. 2023).
    Raises ValueError for shapes that do not fit together, TypeError for a mask of integers. Vaswani et al. 2017, eq. 1.
    """
    if enable_gqa:
        key, value = shared(key, query.shape[-3]), shared(value, query.shape[-3])
    scale = 1 / sqrt(query.shape[-1] or 1) if scale is None else scale
    scores = matmul(widened(query), swapaxes(widened(key), -1, -2)) * scale                                # (..., l, s)
    if is_causal:
        scores = where(causal_mask(scores), scores, -inf)
    if attn_mask is not None:
        scores = where(attn_mask, scores, -inf) if attn_mask.dtype == bool else scores + attn_mask
    if attn_mask is None:
        weights = softmax(scores, -1)
    else:                                                       # a query that may see nothing takes nothing, not NaN
        sees = any(not_equal(scores, -inf), -1, True)                                                      # (..., l, 1)
        weights = where(sees, softmax(where(sees, scores, 0), -1), 0)
    if dropout_mask is not None:
        weights = dropout(weights, dropout_mask, dropout_p)
    return narrowed(matmul(weights, widened(value)), query)                                                # (..., l, e)

scaled_dot_product_attention.rules(
    query="gquery = scale * gS key, gS = W * (gW - sum(gW * W)), gW = g value^T, W the attention weights",
    key="gkey = scale * gS^T query",
    value="gvalue = W^T g",
    attn_mask="gmask = gS, if the mask is added",
)


def shared(x, heads):
    """Every head of x for as many query heads, one after the other: (..., h, s, d) -> (..., heads, s, d)."""
    *batch, h, s, d = x.shape
    every = broadcast_to(expand_dims(x, -3), (*batch, h, heads // h if h else 0, s, d))
    return reshape(every, (*batch, heads, s, d))


def check_attention(query, key, value, attn_mask, dropout_mask, dropout_p, is_causal, scale, enable_gqa):
    """Errors for arguments that do not fit together."""
    shapes = f"(query {query.shape}, key {key.shape}, value {value.shape})"
    if min([len(x.shape) for x in (query, key, value)]) < 2:
        raise ValueError(f"scaled_dot_product_attention: query, key and value need at least two axes {shapes}")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"scaled_dot_product_attention: query and key must have the same last axis {shapes}")
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"scaled_dot_product_attention: there must be as many values as keys {shapes}")
    if enable_gqa:
        check_groups(query, key, value, shapes)
    batches = [x.shape[:-3] if enable_gqa else x.shape[:-2] for x in (query, key, value)]
    try:
        batch = numpy.broadcast_shapes(*batches)
    except ValueError:
        raise ValueError(f"scaled_dot_product_attention: the leading axes do not broadcast {shapes}") from None
    if attn_mask is not None:
        heads = query.shape[-3:-2] if enable_gqa else ()
        check_mask(attn_mask, (*batch, *heads, query.shape[-2], key.shape[-2]), shapes)


def check_groups(query, key, value, shapes):
    """Errors for heads that cannot be shared."""
    if min([len(x.shape) for x in (query, key, value)]) < 3:
        raise ValueError(f"scaled_dot_product_attention: enable_gqa needs an axis of heads, the third from the end "
                         f"{shapes}")
    heads = query.shape[-3]
    for name, x in (("key", key), ("value", value)):
        if heads % (x.shape[-3] or 1) or heads and not x.shape[-3]:
            raise ValueError(f"scaled_dot_product_attention: {heads} heads of query cannot share {x.shape[-3]} heads "
                             f"of {name} equally {shapes}")


def check_mask(mask, scores, shapes):
    """Errors for a mask that is neither boolean nor floating, or that does not broadcast to the scores."""
    if mask.dtype != bool and mask.dtype.kind not in FLOATS:
        raise TypeError("scaled_dot_product_attention: attn_mask must be boolean (True: may be seen) or floating "
                        f"(added), it is {mask.dtype} {shapes}")
    if not fits_into(mask.shape, scores):
        raise ValueError(f"scaled_dot_product_attention: attn_mask {mask.shape} does not broadcast to the scores "
                         f"{scores} {shapes}")


scaled_dot_product_attention.checked_by(check_attention)
kernel(scaled_dot_product_attention, "numpy", "attention")
