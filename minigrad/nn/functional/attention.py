"""Attention."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

import numpy

from ... import ops
from ...backend import FLOATS
from ...meta import counting
from .common import check_not_along_batch, has_values, is_symbol
from .dropouts import check_probability, dropout, keep_mask

__all__ = ["multi_head_attention", "multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False, *,
                                 generator: Any = None) -> Any:
    """softmax(query key^T * scale + mask) value. Vaswani et al. 2017, equation 1.

    query (..., l, d)   key (..., s, d)   value (..., s, e)   ->   (..., l, e)
    attn_mask broadcasts to (..., l, s): boolean, True where a key may be seen, or numbers to add. dropout_p drops
    weights whenever it is not 0: pass 0.0 in evaluation. enable_gqa: groups of query heads (axis -3) share the heads
    of key and value, of which there may be fewer.
    """
    check_probability("scaled_dot_product_attention", dropout_p)
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: pass either attn_mask or is_causal=True, not both")
    mask = None
    if dropout_p and has_values(query):
        batch = numpy.broadcast_shapes(query.shape[:-2], query.shape[:-2] if enable_gqa else key.shape[:-2])
        mask = keep_mask((*batch, query.shape[-2], key.shape[-2]), dropout_p, query, generator)
    elif dropout_p and is_symbol(query) and not counting.get():
        raise ValueError("scaled_dot_product_attention: on symbols of a graph dropout_p would draw one mask for all "
                         "runs: use nn.MultiheadAttention, or call it inside the forward of a layer of your own")
    return ops.scaled_dot_product_attention(query, key, value, attn_mask, mask, dropout_p, is_causal, scale, enable_gqa)


def multi_head_attention_forward(
        query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any,
        in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any,
        out_proj_bias: Any, training: bool = True, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, use_separate_proj_weight: bool = False, q_proj_weight: Any = None,
        k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None,
        average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Any, Any]:
    """Attention of several heads side by side, each on its own projection of the input. Vaswani et al. 2017, 3.2.2.

    query (l, n, e)   key, value (s, n, e), or without n   ->   (l, n, e) and, with need_weights, the weights (n, l, s),
    averaged over the heads, or (n, h, l, s)
    in_proj_weight (3e, e): those of query, key and value one below the other; in_proj_bias (3e,). With
    use_separate_proj_weight q_proj_weight (e, e), k_proj_weight (e, k), v_proj_weight (e, v) take its place.
    bias_k, bias_v (1, 1, e): one more key and value, learnt. add_zero_attn: one more of zeros. static_k, static_v
    (n*h, s, d): keys and values as they are, projected already.
    attn_mask (l, s) or (n*h, l, s) and key_padding_mask (n, s): boolean, True where a key may NOT be seen (as in
    PyTorch, the other way round than in `scaled_dot_product_attention`), or numbers to add. is_causal: a hint that
    attn_mask is the causal one. A query that may see nothing gets NaN with need_weights, 0 without.
    Raises ValueError for shapes that do not fit together, TypeError for masks of integers.
    """
    who = "multi_head_attention_forward"
    check_inputs(who, query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    check_masks(who, query, key, num_heads, attn_mask, key_padding_mask, is_causal)
    is_batched = len(query.shape) == 3
    if not is_batched:
        query, key, value = one_batch(query, key, value)
        key_padding_mask = None if key_padding_mask is None else ops.expand_dims(key_padding_mask, 0)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = projected(query, key, value, weights, in_proj_bias)
    k, v, more = with_learnt(k, v, bias_k, bias_v)
    q, k, v = heads(q, num_heads), heads(k, num_heads), heads(v, num_heads)                            # (n, h, l, d)
    k, v = given(who, static_k, k), given(who, static_v, v)
    if add_zero_attn:
        k, v, more = with_zeros(k), with_zeros(v), more + 1
    is_causal = is_causal and key_padding_mask is None and not need_weights
    mask = None if is_causal else one_mask(attn_mask, key_padding_mask, q, more)
    p, attended = dropout_p if training else 0.0, None
    if need_weights:
        scores = ops.matmul(q * sqrt(1 / (q.shape[-1] or 1)), ops.swapaxes(k, -1, -2))                  # (n, h, l, s)
        attended = dropout(ops.softmax(scores if mask is None else scores + mask, -1), p)
        y = ops.matmul(attended, v)
        attended = ops.mean(attended, 1) if average_attn_weights else attended
    else:
        y = scaled_dot_product_attention(q, k, v, mask, p, is_causal)
    y = ops.linear(ops.reshape(ops.permute_dims(y, (2, 0, 1, 3)), query.shape), out_proj_weight, out_proj_bias)
    if is_batched:
        return y, attended
    return ops.squeeze(y, 1), None if attended is None else ops.squeeze(attended, 0)


def multi_head_attention(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """The same as `multi_head_attention_forward`, which is PyTorch's name for it."""
    return multi_head_attention_forward(*args, **kwargs)


# --- its parts ----------------------------------------------------------------------------------------------------

def one_batch(*inputs: Any) -> list:
    """(l, e) -> (l, 1, e) of each; what is one and the same stays so, it is projected in one product."""
    made = {id(x): ops.expand_dims(x, 1) for x in inputs}
    return [made[id(x)] for x in inputs]


def projected(query: Any, key: Any, value: Any, weights: Any, bias: Any) -> tuple[Any, Any, Any]:
    """The three inputs times their weights, in one product where they are one."""
    if isinstance(weights, tuple):
        biases = (None, None, None) if bias is None else ops.split(bias, 3)
        q, k, v = [ops.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]
        return q, k, v
    if query is key and key is value:
        q, k, v = ops.split(ops.linear(query, weights, bias), 3, -1)
        return q, k, v
    return projected(query, key, value, ops.split(weights, 3), bias)


def heads(x: Any, h: int) -> Any:
    """(l, n, e) -> (n, h, l, e/h)"""
    length, n, e = x.shape
    return ops.permute_dims(ops.reshape(x, (length, n, h, e // h)), (1, 2, 0, 3))


def with_learnt(k: Any, v: Any, bias_k: Any, bias_v: Any) -> tuple[Any, Any, int]:
    """Keys and values (s, n, e) with the learnt ones (1, 1, e) behind them; and how many more they are."""
    if bias_k is None and bias_v is None:
        return k, v, 0
    if bias_k is None or bias_v is None:
        raise ValueError("multi_head_attention_forward: bias_k and bias_v come together, one of them is None")
    row = (1, *k.shape[1:])
    return ops.concat([k, ops.broadcast_to(bias_k, row)]), ops.concat([v, ops.broadcast_to(bias_v, row)]), 1


def with_zeros(x: Any) -> Any:
    """(n, h, s, d) with a row of zeros behind the s."""
    return ops.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))


def given(who: str, static: Any, x: Any) -> Any:
    """Keys or values (n*h, s, d) that take the place of the projected ones x (n, h, s, d)."""
    if static is None:
        return x
    n, h, _, d = x.shape
    if len(static.shape) != 3 or static.shape[0] != n * h or static.shape[2] != d:
        raise ValueError(f"{who}: static_k and static_v must be (n*h, s, d) = ({n * h}, s, {d}), {static.shape} came")
    return ops.reshape(static, (n, h, static.shape[1], d))


def one_mask(attn_mask: Any, key_padding_mask: Any, q: Any, more: int) -> Any:
    """Both masks as one to add, (n or 1, h or 1, l or 1, s), with `more` keys that all may see; None without any."""
    n, h = q.shape[:2]
    parts = []
    if attn_mask is not None:
        mask = to_add(attn_mask, q)
        parts.append(ops.reshape(mask, (1, 1, *mask.shape) if len(mask.shape) == 2 else (n, h, *mask.shape[1:])))
    if key_padding_mask is not None:
        mask = to_add(key_padding_mask, q)
        parts.append(ops.reshape(mask, (mask.shape[0], 1, 1, mask.shape[1])))
    parts = [ops.pad(mask, ((0, 0), (0, 0), (0, 0), (0, more))) if more else mask for mask in parts]
    return None if not parts else parts[0] if len(parts) == 1 else parts[0] + parts[1]


def to_add(mask: Any, q: Any) -> Any:
    """A boolean mask, True where nothing may be seen, as -inf there and 0 elsewhere; another one as it is."""
    if mask.dtype != bool:
        return mask
    zeros = ops.zeros_like(mask, dtype=q.dtype)
    return ops.where(mask, zeros - inf, zeros)


# --- errors -------------------------------------------------------------------------------------------------------

def check_inputs(who: str, query: Any, key: Any, value: Any, embed_dim: int, num_heads: int, separate: bool) -> None:
    """Errors for shapes that do not fit together."""
    shapes = f"(query {query.shape}, key {key.shape}, value {value.shape})"
    if len(query.shape) not in (2, 3) or not len(query.shape) == len(key.shape) == len(value.shape):
        raise ValueError(f"{who}: query, key and value must all be (l, n, e), or all (l, e) {shapes}")
    check_not_along_batch(who, query, max(query.shape[0], key.shape[0]))
    if query.shape[-1] != embed_dim:
        raise ValueError(f"{who}: expected queries of {embed_dim} features, {query.shape[-1]} came {shapes}")
    if num_heads < 1 or embed_dim % num_heads:
        raise ValueError(f"{who}: {embed_dim} features cannot be divided among {num_heads} heads")
    if separate and key.shape[:-1] != value.shape[:-1] or not separate and key.shape != value.shape:
        raise ValueError(f"{who}: there must be as many values as keys {shapes}")
    if query.shape[1:-1] != key.shape[1:-1]:
        raise ValueError(f"{who}: query and key must have the same batch size {shapes}")


def check_masks(who: str, query: Any, key: Any, num_heads: int, attn_mask: Any, key_padding_mask: Any,
                is_causal: bool) -> None:
    """Errors for masks of another shape or dtype."""
    (length, *batch, _), s = query.shape, key.shape[0]
    n = batch[0] if batch else 1
    for name, mask, fitting in (("attn_mask", attn_mask, [(length, s), (n * num_heads, length, s)]),
                                ("key_padding_mask", key_padding_mask, [(*batch, s)])):
        if mask is None:
            continue
        if mask.dtype != bool and mask.dtype.kind not in FLOATS:
            raise TypeError(f"{who}: {name} must be boolean (True: may not be seen) or floating (added), it is "
                            f"{mask.dtype}")
        if mask.shape not in fitting:
            raise ValueError(f"{who}: {name} must be {' or '.join(map(str, fitting))}, it is {mask.shape} "
                             f"(query {query.shape}, key {key.shape})")
    if is_causal and attn_mask is None:
        raise ValueError(f"{who}: is_causal is a hint about attn_mask, which must be given too: "
                         "nn.Transformer.generate_square_subsequent_mask makes it")
