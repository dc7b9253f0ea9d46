"""scaled_dot_product_attention in blocks of heads and queries, of whose scores only a block is held at a time.

The forward keeps of each row of scores the logarithm of the sum of its exponentials; the backward computes the weights
of a block again from it: FlashAttention (Dao et al. 2022), algorithm 1 and appendix B, with all keys in one block. With
L that logarithm, P = e^(S - L), D = sum(g * y) over a row and the rows' gradients g:

    gvalue = P^T g      gS = P * (g value^T - D)      gquery = scale * gS key      gkey = scale * gS^T query

L and D are subtracted by the matrix products themselves: S - L = [scale * query, -L] [key, 1]^T. Rows need no maximum
taken out where |query| * |key| (Cauchy-Schwarz) says that no exponential is out of range.

Arrays here have axes (n, h, r, l, d): r query heads share a head of keys and values, 1 but for enable_gqa.
"""

from __future__ import annotations

from math import inf, prod, sqrt

import numpy as np

from ...scratch import scratch
from ...threads import in_pieces
from .common import full_precision

BLOCK = 1 << 18                 # scores that are held at a time
SAFE = {np.dtype("f4"): 40.0, np.dtype("f8"): 300.0}        # a score of that size may be an exponent
ROWS = 32                       # queries in a block at least


def scaled_dot_product_attention_fits(query, key, value, attn_mask, dropout_mask, dropout_p, is_causal, scale,
                                      enable_gqa):
    return (full_precision(query, key, value) and min(query.size, key.size, value.size) > 0
            and (attn_mask is None or attn_mask.dtype in (bool, query.dtype))
            and query.ndim == key.ndim == value.ndim and key.shape[:-2] == value.shape[:-2]
            and (enable_gqa and query.shape[:-3] == key.shape[:-3] or query.shape[:-2] == key.shape[:-2]))


def scaled_dot_product_attention_forward(needs, query, key, value, attn_mask=None, dropout_mask=None, dropout_p=0.0,
                                         is_causal=False, scale=None, enable_gqa=False):
    task = Task(query, key, value, attn_mask, dropout_mask, dropout_p, is_causal, scale)
    y = fresh(query, value.shape[-1])
    out = task.grouped(y)
    logs = np.empty((*task.q.shape[:-1], 1), query.dtype) if any(needs) else None
    highest = float(attn_mask.max()) if attn_mask is not None and attn_mask.dtype != bool else 0.0
    is_safe = abs(task.scale) * longest(query) * longest(key) + highest <= SAFE[query.dtype]    # False for NaN

    def block(heads, rows):
        e, total, largest = task.exponentials(heads, rows, is_safe)
        total = np.where(total == 0, inf, total)                # a query that may see nothing takes nothing
        if logs is not None:
            # Of a query that may see nothing the scores are -inf: 0 makes 0 of their weights, as any number does.
            logs[heads][..., rows, :] = np.where(total == inf, 0, np.log(total) + largest)
        if dropout_mask is not None:
            e *= task.kept_keys(heads, rows, e)
            total *= 1 - dropout_p
        part = out[heads][..., rows, :]
        np.matmul(e, task.v[heads][..., :e.shape[-1], :], out=part)
        part /= total

    task.each(block, by_rows=True)
    return y, (y, logs)


def scaled_dot_product_attention_backward(needs, g, kept, query, key, value, attn_mask=None, dropout_mask=None,
                                          dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    y, logs = kept
    task = Task(query, key, value, attn_mask, dropout_mask, dropout_p, is_causal, scale)
    gquery, gkey, gvalue = [fresh(x, x.shape[-1]) if need else None
                            for x, need in zip((query, key, value), needs[:3], strict=True)]
    grad = Gradient(task, task.grouped(g), task.grouped(y), logs, 1 / (1 - dropout_p) if dropout_p < 1 else 0.0,
                    [None if gx is None else task.grouped(gx) for gx in (gquery, gkey, gvalue)])
    if needs[3]:
        grad.gscores = np.zeros((*task.q.shape[:-1], key.shape[-2]), query.dtype)
    task.each(grad.block, by_rows=False)
    gmask = summed(grad.gscores.reshape(*query.shape[:-1], key.shape[-2]), attn_mask.shape) if needs[3] else None
    return gquery, gkey, gvalue, gmask, *(None,) * 5


def fresh(x, columns):
    """A new array like x with so many columns, which lies as x does if `Task.grouped` can then view it."""
    shape = (*x.shape[:-1], columns)
    return np.empty_like(x, shape=shape) if x.ndim <= 4 else np.empty(shape, x.dtype)


class Task:
    """The arguments of a call, with axes (n, h, r, l, d), and how it is cut into blocks."""

    def __init__(self, query, key, value, attn_mask, dropout_mask, dropout_p, is_causal, scale):
        self.heads = key.shape[-3] if key.ndim > 2 else 1
        self.groups = (query.shape[-3] if query.ndim > 2 else 1) // self.heads
        self.q, self.k, self.v = self.grouped(query), self.grouped(key), self.grouped(value)
        self.scale = query.dtype.type(1 / sqrt(query.shape[-1]) if scale is None else scale)
        self.is_causal, self.dropout_p = is_causal, dropout_p
        self.has_mask = attn_mask is not None
        scores = (*query.shape[:-1], key.shape[-2])
        self.mask, self.dropout = [None if m is None else self.grouped(np.broadcast_to(m, scores))
                                   for m in (attn_mask, dropout_mask)]

    def grouped(self, x):
        """(..., l, d) -> (n, h, r, l, d), a view where x lies so that there is one."""
        *batch, rows, d = x.shape
        h = batch[-1] if batch else 1
        r = 1 if h == self.heads else self.groups
        return x.reshape(prod(batch[:-1]), h // r, r, rows, d)

    def each(self, work, by_rows):
        """Call work(heads, rows) for all blocks, split over threads: heads picks of the axes n and h, rows of l.

        by_rows: threads may share a head; else each head's rows are one after the other in one thread.
        """
        (n, h, r, length, _), s = self.q.shape, self.k.shape[-2]
        count = min(length, max(ROWS, BLOCK // (r * s)))
        if self.is_causal:                                      # the fewer rows, the more of what is hidden is skipped
            count = min(count, max(ROWS, -(-length // 8)))
        rows = [slice(i, min(i + count, length)) for i in range(0, length, count)]
        room = max(1, BLOCK // (r * count * s))                 # for so many heads of keys
        if h <= room:                                           # several samples at a time
            size = max(1, min(room // h, -(-n // 4)))
            heads = [(slice(i, i + size), slice(None)) for i in range(0, n, size)]
        else:
            heads = [(slice(i, i + 1), slice(j, j + room)) for i in range(n) for j in range(0, h, room)]
        if len(rows) == 1 or not by_rows:
            blocks = [[(head, row) for row in rows] for head in heads]
        else:
            blocks = [[(head, row)] for head in heads for row in rows]

        def block(i, _):
            for head, row in blocks[i]:
                work(head, row)

        in_pieces(block, len(blocks), 1)

    def seen(self, rows):
        """How many keys the queries of these rows may see at most."""
        return min(self.k.shape[-2], rows.stop) if self.is_causal else self.k.shape[-2]

    def queries(self, heads, rows, columns):
        """scale * query of a block, with so many more columns to write to."""
        q = self.q[heads][..., rows, :]
        out = scratch("queries", (*q.shape[:-1], q.shape[-1] + columns), q.dtype)
        np.multiply(q, self.scale, out=out[..., :q.shape[-1]])
        return out

    def scores(self, heads, rows, queries, keys):
        """queries keys^T, masked, in scratch memory."""
        shape = (*queries.shape[:-1], keys.shape[-2])
        out = np.matmul(queries, keys.swapaxes(-1, -2), out=scratch("scores", shape, queries.dtype))
        if self.is_causal:
            low = rows.start                                    # keys before it are seen by all of these rows
            later = np.arange(low, shape[-1]) > np.arange(rows.start, rows.stop)[:, None]
            hide(out[..., low:], later)
        if self.mask is not None:
            mask = self.mask[heads][..., rows, :shape[-1]]
            if mask.dtype == bool:
                hide(out, ~once(mask))
            else:
                out += mask
        return out

    def exponentials(self, heads, rows, is_safe):
        """e^(scores - the largest of the row, unless all are safe as they are), their sums, the largest."""
        queries = self.queries(heads, rows, 0)
        keys = self.k[heads][..., :self.seen(rows), :]
        scores = self.scores(heads, rows, queries, keys)
        if is_safe:
            total = sums(np.exp(scores, out=scores))
            if total.min() > np.exp(-SAFE[queries.dtype]):      # else a mask took all the keys, or much from all scores
                return scores, total, 0.0
            scores = self.scores(heads, rows, queries, keys)
        largest = scores.max(-1, keepdims=True)
        if self.has_mask:
            largest[largest == -inf] = 0
        scores -= largest
        return scores, sums(np.exp(scores, out=scores)), largest

    def kept_keys(self, heads, rows, scores):
        """The mask of dropout of a block."""
        return self.dropout[heads][..., rows, :scores.shape[-1]]


class Gradient:
    """The backward of a task: what arrived, what the forward gave and kept, and where the gradients go."""

    def __init__(self, task, g, y, logs, factor, out):
        self.task, self.g, self.y, self.logs, self.factor, self.out = task, g, y, logs, factor, out
        self.is_dropped = task.dropout is not None
        self.gscores = None                                     # of all scores, where a mask wants its gradient

    def block(self, heads, rows):
        task, (gquery, gkey, gvalue), s = self.task, self.out, self.task.seen(rows)
        keys = with_ones("keys", task.k[heads][..., :s, :])
        queries = task.queries(heads, rows, 1)
        np.negative(self.logs[heads][..., rows, :], out=queries[..., -1:])
        p = task.scores(heads, rows, queries, keys)
        np.exp(p, out=p)                                        # the weights
        g = self.g[heads][..., rows, :]
        mean = np.einsum("...d,...d->...", g, self.y[heads][..., rows, :])[..., None]
        gs = self.of_scores(heads, rows, p, g, mean)
        if self.gscores is not None:
            self.gscores[heads][..., rows, :s] = gs
        if gvalue is not None:
            if self.is_dropped:
                p *= task.kept_keys(heads, rows, p)
                g = g * p.dtype.type(self.factor)
            gather(gvalue[heads], rows, s, p, g)
        if gquery is not None:
            part = np.matmul(gs, task.k[heads][..., :s, :], out=gquery[heads][..., rows, :])
            part *= task.scale
        if gkey is not None:
            gather(gkey[heads], rows, s, gs, queries[..., :-1])

    def of_scores(self, heads, rows, p, g, mean):
        """p * (g value^T - mean), the gradient of the scores."""
        out = scratch("gradient of scores", p.shape, p.dtype)
        values = self.task.v[heads][..., :p.shape[-1], :]
        if self.is_dropped:
            np.matmul(g, values.swapaxes(-1, -2), out=out)
            out *= self.task.kept_keys(heads, rows, p)
            out *= p.dtype.type(self.factor)
            out -= mean
        else:
            more = scratch("arriving", (*g.shape[:-1], g.shape[-1] + 1), g.dtype)
            more[..., :-1] = g
            np.negative(mean, out=more[..., -1:])
            np.matmul(more, with_ones("values", values).swapaxes(-1, -2), out=out)
        out *= p
        return out


def with_ones(name, x):
    """x (..., s, d) with a column of ones."""
    out = scratch(name, (*x.shape[:-1], x.shape[-1] + 1), x.dtype)
    out[..., :-1] = x
    out[..., -1] = 1
    return out


def gather(out, rows, s, weights, x):
    """out (n, h, 1, s, d) += weights^T x, summed over the query heads that share it; the first rows set it."""
    if weights.shape[2] == 1:
        more = np.matmul(weights.swapaxes(-1, -2), x)
    else:
        more = np.matmul(weights.swapaxes(-1, -2), x).sum(2, keepdims=True)
    if rows.start == 0:
        out[..., :s, :] = more
        out[..., s:, :] = 0
    else:
        out[..., :s, :] += more


def summed(g, shape):
    """g summed over the axes along which an array of this shape was repeated."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple([i for i, n in enumerate(shape) if n != g.shape[i]]), keepdims=True)


def hide(scores, mask):
    """scores = -inf where the mask (which broadcasts to them) holds, whatever they were: by their bits, for where() by
    a mask without a pattern is many times slower."""
    bits = scores.view(f"i{scores.itemsize}")
    shown = mask.astype(bits.dtype)
    shown -= 1                                                  # all bits where it is to be seen, none elsewhere
    bits &= shown
    np.invert(shown, out=shown)
    shown &= np.asarray(-inf, scores.dtype).view(bits.dtype)
    bits |= shown


def once(x):
    """x without the repetitions of broadcasting."""
    return x[tuple([slice(0, 1) if stride == 0 else slice(None) for stride in x.strides])]


def longest(x):
    """The largest length of a row."""
    return np.sqrt(np.einsum("...d,...d->...", x, x).max())


def sums(e):
    """Of the rows: (..., s) -> (..., 1)"""
    return (e.reshape(-1, e.shape[-1]) @ np.ones(e.shape[-1], e.dtype)).reshape(*e.shape[:-1], 1)
