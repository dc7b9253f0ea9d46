"""Multi-head attention as a layer."""

from __future__ import annotations

from typing import Any

from .. import ops
from . import functional as F
from . import init
from .linear import Linear
from .module import Module
from .new_parameters import new_parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention of num_heads heads side by side, each of embed_dim / num_heads features. Vaswani et al. 2017, 3.2.2.

    query (l, n, embed_dim)   key (s, n, kdim)   value (s, n, vdim); with batch_first (n, l, embed_dim) and so on; or
    without n   ->   (l, n, embed_dim) and the weights (n, l, s), None if need_weights=False
    kdim, vdim: by default embed_dim. dropout: of the weights, in training. add_bias_kv: learn one more key and value.
    add_zero_attn: one more of zeros, so that a query can look at nothing.
    in_proj_weight (3*embed_dim, embed_dim) has those of query, key and value one below the other; with another kdim or
    vdim they are q_proj_weight, k_proj_weight and v_proj_weight. ValueError if the heads do not divide embed_dim.
    The masks of a call are described at `functional.multi_head_attention_forward`. On a symbol it is one node.
    """

    one_node = True

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False, device: str | None = None, dtype: Any = None):
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim {embed_dim} must be a multiple of num_heads {num_heads}, "
                             "both at least 1")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        made = {"device": device, "dtype": dtype}
        self.in_proj_weight = self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        if self.kdim == embed_dim and self.vdim == embed_dim:
            self.in_proj_weight = new_parameter(3 * embed_dim, embed_dim, **made)
        else:
            self.q_proj_weight = new_parameter(embed_dim, embed_dim, **made)
            self.k_proj_weight = new_parameter(embed_dim, self.kdim, **made)
            self.v_proj_weight = new_parameter(embed_dim, self.vdim, **made)
        self.in_proj_bias = new_parameter(3 * embed_dim, **made) if bias else None
        self.bias_k = new_parameter(1, 1, embed_dim, **made) if add_bias_kv else None
        self.bias_v = new_parameter(1, 1, embed_dim, **made) if add_bias_kv else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, **made)
        self.reset_parameters()

    def get_config(self) -> dict[str, Any]:
        return self._config(bias=self.in_proj_bias is not None, add_bias_kv=self.bias_k is not None)

    def reset_parameters(self) -> None:
        """Input projections Xavier uniform, biases 0, bias_k and bias_v Xavier normal."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
                attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Any, Any]:
        swap = self.batch_first and len(query.shape) == 3
        if swap:
            turned = {id(x): ops.swapaxes(x, 0, 1) for x in (query, key, value)}    # one and the same stays so
            query, key, value = [turned[id(x)] for x in (query, key, value)]
        y, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, self.in_proj_weight is None, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal)
        return ops.swapaxes(y, 0, 1) if swap else y, weights
