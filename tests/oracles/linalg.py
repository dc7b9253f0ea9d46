"""Oracles of products: matmul, einsum, linear and attention, one multiplication at a time."""

import math

import numpy as np


def matmul(a, b):
    """y[..., i, j] = sum over k of a[..., i, k] b[..., k, j]

    a (..., i, k)   b (..., k, j)   ->   y (..., i, j); the leading axes broadcast. A 1-D operand is a row on the left
    and a column on the right; the axis that it was lent is gone from the output.
    """
    rows = a[None, :] if a.ndim == 1 else a
    columns = b[:, None] if b.ndim == 1 else b
    leading = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    y = np.zeros((*leading, rows.shape[-2], columns.shape[-1]))
    for place in np.ndindex(*leading):
        left = np.broadcast_to(rows, (*leading, *rows.shape[-2:]))[place]
        right = np.broadcast_to(columns, (*leading, *columns.shape[-2:]))[place]
        for i in range(left.shape[0]):
            for j in range(right.shape[1]):
                for k in range(left.shape[1]):
                    y[(*place, i, j)] += left[i, k] * right[k, j]
    if b.ndim == 1:
        y = y[..., 0]
    if a.ndim == 1:
        y = y[..., 0] if b.ndim == 1 else y[..., 0, :]
    return y


def letters_of(subscripts, operands):
    """One list of labels an operand and one for the output; the axes of an ellipsis are labelled -1, -2, ... from
    the right, so that they align there."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    labels = []
    for term, x in zip(left.split(","), operands, strict=True):
        extra = x.ndim - len(term.replace("...", ""))
        before, _, after = term.partition("...") if "..." in term else (term, "", "")
        labels.append([*before, *range(-extra, 0), *after])
    widest = max(sum(isinstance(label, int) for label in term) for term in labels)
    if not arrow:  # implicit: the axes of the ellipsis, then the letters that occur once, in alphabetical order
        once = [letter for letter in sorted(set(left) - set(",.")) if left.count(letter) == 1]
        return labels, [*range(-widest, 0), *once]
    before, dots, after = right.partition("...")
    return labels, [*before, *(range(-widest, 0) if dots else ()), *after]


def einsum(subscripts, *operands):
    """The sum, over every label that the output lacks, of the product of the operands' elements."""
    inputs, output = letters_of(subscripts, operands)
    sizes = {}
    for labels, x in zip(inputs, operands, strict=True):
        for label, size in zip(labels, x.shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    y = np.zeros([sizes[label] for label in output])
    names = list(sizes)
    for values in np.ndindex(*(sizes[name] for name in names)):
        at = dict(zip(names, values, strict=True))
        product = 1.0
        for labels, x in zip(inputs, operands, strict=True):
            place = (0 if size == 1 else at[label] for label, size in zip(labels, x.shape, strict=True))
            product *= x[tuple(place)].item()
        y[tuple(at[label] for label in output)] += product
    return y


def contract(operands, subscripts):
    """einsum of a list."""
    return einsum(subscripts, *operands)


def identity(x, axis):
    """The identity matrix as long as an axis of x."""
    y = np.zeros((x.shape[axis], x.shape[axis]))
    for i in range(x.shape[axis]):
        y[i, i] = 1.0
    return y


def linear(x, weight, bias=None):
    """y[..., k] = bias[k] + sum over d of weight[k, d] x[..., d]   x (..., d)   weight (k, d)   bias (k,)"""
    y = np.zeros((*x.shape[:-1], weight.shape[0]))
    for place in np.ndindex(*x.shape[:-1]):
        for k in range(weight.shape[0]):
            y[(*place, k)] = 0.0 if bias is None else bias[k]
            for d in range(weight.shape[1]):
                y[(*place, k)] += weight[k, d] * x[(*place, d)]
    return y


def attention_weights(query, key, mask, scale, is_causal):
    """softmax over the keys s of (query[t] . key[s]) scale, with what a mask hides left out: weights (t, s)

    A query that sees no key at all has weights of zero.
    """
    weights = np.zeros((len(query), len(key)))
    for t in range(len(query)):
        scores = {}
        for s in range(len(key)):
            hidden = (is_causal and s > t) or (mask is not None and mask.dtype == bool and not mask[t, s])
            if not hidden:
                scores[s] = scale * math.fsum(query[t, d] * key[s, d] for d in range(query.shape[1]))
                scores[s] += mask[t, s] if mask is not None and mask.dtype != bool else 0.0
        total = math.fsum(math.exp(score) for score in scores.values())
        for s, score in scores.items():
            weights[t, s] = math.exp(score) / total if total else 0.0
    return weights


def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """y[t] = sum over s of weight[t, s] value[s]   query (..., t, d)   key (..., s, d)   value (..., s, e)

    Vaswani et al. 2017, equation 1. Boolean masks say what may be seen, others are added to the scores.
    """
    if enable_gqa:
        key, value = [np.stack([x[..., h * x.shape[-3] // query.shape[-3], :, :] for h in range(query.shape[-3])], -3)
                      for x in (key, value)]
    t, s, e = query.shape[-2], key.shape[-2], value.shape[-1]
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])

    def at(x, place):
        return None if x is None else np.broadcast_to(x, (*leading, *x.shape[-2:]))[place]

    mask = None if attn_mask is None else np.broadcast_to(attn_mask, (*attn_mask.shape[:-2], t, s))
    y = np.zeros((*leading, t, e))
    for place in np.ndindex(*leading):
        weights = attention_weights(at(query, place), at(key, place), at(mask, place), scale, is_causal)
        keep = at(dropout_mask, place)
        for row, column, channel in np.ndindex(t, s, e):
            kept = 1.0 if keep is None else keep[row, column] / (1 - dropout_p)
            y[(*place, row, channel)] += weights[row, column] * kept * at(value, place)[column, channel]
    return y


def causal_mask(scores):
    """May query t see key s: for every t, the keys up to and with its own."""
    t, s = scores.shape[-2:]
    return np.array([[column <= row for column in range(s)] for row in range(t)])


ORACLES = {
    "matmul": matmul,
    "einsum": einsum,
    "contract": contract,
    "identity": identity,
    "causal_mask": causal_mask,
    "linear": linear,
    "scaled_dot_product_attention": scaled_dot_product_attention,
}
