"""Attention."""

import math

import torch
import torch.nn.functional as F


def attention(query, key, value, attn_mask=None, dropout_mask=None, dropout_p=0.0, is_causal=False, scale=None,
              enable_gqa=False):
    """PyTorch draws its dropout mask itself: with a given one, equation 1 of the paper is written out."""
    if dropout_mask is None:
        return F.scaled_dot_product_attention(query, key, value, attn_mask, is_causal=is_causal, scale=scale,
                                              enable_gqa=enable_gqa)
    scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return (torch.softmax(scores, -1) * dropout_mask / (1 - dropout_p)) @ value


TORCH = {
    "scaled_dot_product_attention": attention,
}
