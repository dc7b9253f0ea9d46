"""Oracles of losses and distances: a loss a scalar at a time, added up at the end."""

import math

import numpy as np

from .normalization import log_softmax


def each(function, *arrays):
    """The losses of corresponding elements, after broadcasting."""
    arrays = np.broadcast_arrays(*arrays)
    y = np.zeros(arrays[0].shape)
    for place in np.ndindex(*y.shape):
        y[place] = function(*[a[place].item() for a in arrays])
    return y


def reduced(losses, reduction, counted=None):
    """Their mean, their sum or all of them; the mean over `counted` if that is given."""
    if reduction == "none":
        return losses
    total = math.fsum(losses.ravel().tolist())
    return np.array(total / (losses.size if counted is None else counted) if reduction == "mean" else total)


def total_of(weight):
    return math.fsum(weight.ravel().tolist())


# --- classes --------------------------------------------------------------------------------------------------

def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-sum over classes c of t[c] weight[c] log softmax(x)[c], where t is s / classes, and 1 - s more at the target.

    x (c,) or (n, c) or (n, c, d1, ...), target the same without c; s is label_smoothing. A target of ignore_index costs
    nothing and does not count; "mean" divides by the sum of the targets' weights. With probabilities for a target,
    shaped as x, t is s / classes + (1 - s) target[c], and "mean" divides by the number of distributions.
    """
    axis = 0 if x.ndim == 1 else 1
    classes = x.shape[axis]
    log_p = log_softmax(x, axis)
    weight = np.ones(classes) if weight is None else weight
    places = x.shape[:axis] + x.shape[axis + 1:]
    losses, counted = np.zeros(places), 0.0
    for place in np.ndindex(*places):
        label = int(target[place]) if target.ndim < x.ndim else None
        if label == ignore_index:
            continue
        counted += 1 if label is None else weight[label]
        for c in range(classes):
            share = target[place[:axis] + (c,) + place[axis:]] if label is None else float(c == label)
            t = label_smoothing / classes + (1 - label_smoothing) * share
            losses[place] -= t * weight[c] * log_p[place[:axis] + (c,) + place[axis:]]
    if reduction == "none":
        return losses
    total = math.fsum(losses.ravel().tolist())
    return np.array(total / counted if reduction == "mean" else total)


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean"):
    """-weight[target] x[target]; the mean over the sum of these weights."""
    axis = 0 if x.ndim == 1 else 1
    losses, counted = np.zeros(target.shape), 0.0
    for place in np.ndindex(*target.shape):
        label = int(target[place])
        if label != ignore_index:
            share = 1.0 if weight is None else weight[label].item()
            counted += share
            losses[place] = -share * x[place[:axis] + (label,) + place[axis:]]
    return reduced(losses, reduction, counted)


def multi_margin_loss(x, target, p=1, margin=1.0, weight=None, reduction="mean"):
    """The sum over the other classes of max(0, margin - x[target] + x[c])^p, over the number of classes."""
    rows, labels = np.atleast_2d(x), np.atleast_1d(target)
    losses = np.zeros(len(rows))
    for i, (row, label) in enumerate(zip(rows.tolist(), labels.tolist(), strict=True)):
        costs = [max(0.0, margin - row[label] + score) ** p for c, score in enumerate(row) if c != label]
        losses[i] = math.fsum(costs) / len(row) * (1.0 if weight is None else weight[label].item())
    return reduced(losses.reshape(target.shape), reduction)


# --- regression -----------------------------------------------------------------------------------------------

def mse_loss(x, target, weight=None, reduction="mean"):
    return weighed(each(lambda a, b: (a - b) ** 2, x, target), weight, reduction)


def l1_loss(x, target, weight=None, reduction="mean"):
    return weighed(each(lambda a, b: abs(a - b), x, target), weight, reduction)


def weighed(losses, weight, reduction):
    if weight is None:
        return reduced(losses, reduction)
    return reduced(each(lambda a, w: a * w, losses, weight), reduction, total_of(weight))


def smooth_l1_loss(x, target, reduction="mean", beta=1.0):
    def loss(a, b):
        d = abs(a - b)
        return d * d / (2 * beta) if d < beta else d - beta / 2

    return reduced(each(loss, x, target), reduction)


def huber_loss(x, target, weight=None, reduction="mean", delta=1.0):
    def loss(a, b, w):
        d = abs(a - b)
        return w * (d * d / 2 if d < delta else delta * d - delta * delta / 2)

    return reduced(each(loss, x, target, 1.0 if weight is None else weight), reduction)


# --- likelihoods ----------------------------------------------------------------------------------------------

def kl_div(x, target, reduction="mean", log_target=False):
    def loss(a, t):
        return math.exp(t) * (t - a) if log_target else t * (math.log(t) - a)

    if reduction == "batchmean":
        return reduced(each(loss, x, target), "mean", x.shape[0] if x.ndim else 1)
    return reduced(each(loss, x, target), reduction)


def bernoulli_nll(p, target):
    return each(lambda q, t: -t * math.log(q) - (1 - t) * math.log(1 - q), p, target)


def binary_cross_entropy(x, target, weight=None, reduction="mean"):
    return reduced(bernoulli_nll(x, target) * (1.0 if weight is None else weight), reduction)


def binary_cross_entropy_with_logits(x, target, weight=None, pos_weight=None, reduction="mean"):
    def loss(a, t, w, positive):
        p = 1 / (1 + math.exp(-a))
        return -w * (positive * t * math.log(p) + (1 - t) * math.log(1 - p))

    weights = [np.ones(()) if w is None else w for w in (weight, pos_weight)]
    return reduced(each(loss, x, target, *weights), reduction)


def gaussian_nll_loss(x, target, var, full=False, eps=1e-6, reduction="mean"):
    """-log of the normal density, without its constant unless `full`."""
    def loss(mean, t, v):
        v = max(v, eps)
        density = math.exp(-((t - mean) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)
        return -math.log(density) - (0.0 if full else math.log(2 * math.pi) / 2)

    var = np.asarray(var)
    var = var[..., None] if var.ndim and var.ndim < x.ndim else var
    return reduced(each(loss, x, target, var), reduction)


def poisson_nll_loss(x, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    def loss(a, t):
        stirling = t * math.log(t) - t + math.log(2 * math.pi * t) / 2 if full and t > 1 else 0.0
        return stirling + (math.exp(a) - t * a if log_input else a - t * math.log(a + eps))

    return reduced(each(loss, x, target), reduction)


def multilabel_soft_margin_loss(x, target, weight=None, reduction="mean"):
    losses = binary_cross_entropy_with_logits(x, target, weight, reduction="none")
    means = np.zeros(losses.shape[:-1])
    for place in np.ndindex(*means.shape):
        means[place] = math.fsum(losses[place].tolist()) / losses.shape[-1]
    return reduced(means, reduction)


# --- margins --------------------------------------------------------------------------------------------------

def hinge_embedding_loss(x, target, margin=1.0, reduction="mean"):
    return reduced(each(lambda a, t: a if t == 1 else max(0.0, margin - a), x, target), reduction)


def margin_ranking_loss(x1, x2, target, margin=0.0, reduction="mean"):
    return reduced(each(lambda a, b, t: max(0.0, margin - t * (a - b)), x1, x2, target), reduction)


def soft_margin_loss(x, target, reduction="mean"):
    return reduced(each(lambda a, t: math.log(1 + math.exp(-t * a)), x, target), reduction)


# --- distances ------------------------------------------------------------------------------------------------

def lines(function, axis, *arrays):
    """What a function of lists makes of the lines along an axis, after broadcasting."""
    arrays = [np.moveaxis(a, axis, -1) for a in np.broadcast_arrays(*arrays)]
    y = np.zeros(arrays[0].shape[:-1])
    for place in np.ndindex(*y.shape):
        y[place] = function(*[a[place].tolist() for a in arrays])
    return y


def length(v):
    return math.sqrt(math.fsum(a * a for a in v))


def cosine_similarity(x1, x2, axis=1, eps=1e-8):
    def cosine(u, v):
        return math.fsum(a * b for a, b in zip(u, v, strict=True)) / (max(length(u), eps) * max(length(v), eps))

    return lines(cosine, axis, x1, x2)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdims=False):
    def distance(u, v):
        d = [abs(a - b + eps) for a, b in zip(u, v, strict=True)]
        return max(d) if p == math.inf else math.fsum(a ** p for a in d) ** (1 / p)

    y = lines(distance, -1, x1, x2)
    return y[..., None] if keepdims else y


def cosine_embedding_loss(x1, x2, target, margin=0.0, reduction="mean"):
    """The cosine's two squared lengths are each 1e-12 larger."""
    def cosine(u, v):
        return math.fsum(a * b for a, b in zip(u, v, strict=True)) / math.hypot(length(u), 1e-6) / math.hypot(
            length(v), 1e-6)

    cosines = lines(cosine, -1, x1, x2)
    return reduced(each(lambda cos, t: 1 - cos if t == 1 else max(0.0, cos - margin) if t == -1 else 0.0,
                        cosines, target), reduction)


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    near, far, other = [pairwise_distance(a, b, p, eps) for a, b in ((anchor, positive), (anchor, negative),
                                                                    (positive, negative))]
    return reduced(each(lambda a, b, c: max(0.0, margin + a - (min(b, c) if swap else b)), near, far, other), reduction)


def at_least(x, low):
    return each(lambda a: max(a, low), x)


ORACLES = {
    "at_least": at_least,
    "bernoulli_nll": bernoulli_nll,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cosine_embedding_loss": cosine_embedding_loss,
    "cosine_similarity": cosine_similarity,
    "cross_entropy": cross_entropy,
    "gaussian_nll_loss": gaussian_nll_loss,
    "hinge_embedding_loss": hinge_embedding_loss,
    "huber_loss": huber_loss,
    "kl_div": kl_div,
    "l1_loss": l1_loss,
    "margin_ranking_loss": margin_ranking_loss,
    "mse_loss": mse_loss,
    "multi_margin_loss": multi_margin_loss,
    "multilabel_soft_margin_loss": multilabel_soft_margin_loss,
    "nll_loss": nll_loss,
    "pairwise_distance": pairwise_distance,
    "poisson_nll_loss": poisson_nll_loss,
    "smooth_l1_loss": smooth_l1_loss,
    "soft_margin_loss": soft_margin_loss,
    "triplet_margin_loss": triplet_margin_loss,
}
