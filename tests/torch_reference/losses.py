"""Losses and distances. PyTorch differentiates few losses at their weights, so here weights are multiplied outside."""

import torch
import torch.nn.functional as F


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """PyTorch does not differentiate with respect to `weight`."""
    return F.cross_entropy(
        x, target, None if weight is None else weight.detach(), ignore_index=ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )


def reduced(loss, reduction):
    return loss if reduction == "none" else getattr(loss, reduction)()


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean"):
    loss = F.nll_loss(x, target, ignore_index=ignore_index, reduction="none")
    valid = target != ignore_index
    share = valid.to(x.dtype) if weight is None else torch.where(valid, weight[torch.where(valid, target, 0)], 0)
    return (loss * share).sum() / share.sum() if reduction == "mean" else reduced(loss * share, reduction)


def kl_div(x, target, reduction="mean", log_target=False):
    """The mean is taken outside, for PyTorch warns of its own."""
    if reduction == "mean":
        return F.kl_div(x, target, reduction="none", log_target=log_target).mean()
    return F.kl_div(x, target, reduction=reduction, log_target=log_target)


def weighted(function):
    """A loss whose weights broadcast, and are differentiated."""
    def call(x, target, weight=None, reduction="mean"):
        loss = function(x, target, reduction="none")
        return reduced(loss if weight is None else loss * weight, reduction)

    return call


def binary_cross_entropy_with_logits(x, target, weight=None, pos_weight=None, reduction="mean"):
    loss = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    if pos_weight is not None:
        loss = loss + (pos_weight - 1) * target * F.softplus(-x, threshold=100)
    return reduced(loss if weight is None else loss * weight, reduction)


def multilabel_soft_margin_loss(x, target, weight=None, reduction="mean"):
    return F.multilabel_soft_margin_loss(x, target, weight, reduction=reduction)


def soft_margin_loss(x, target, reduction="mean"):
    """PyTorch's own is not differentiable at the target."""
    return reduced(F.softplus(-target * x, threshold=100), reduction)


def multi_margin_loss(x, target, p=1, margin=1.0, weight=None, reduction="mean"):
    """PyTorch's own is not differentiable twice, nor at the weights."""
    rows, labels = (x[None], target.reshape(1)) if x.dim() == 1 else (x, target)
    cost = (margin - rows.gather(1, labels[:, None]) + rows).clamp_min(0) ** p
    cost = cost.masked_fill(F.one_hot(labels, rows.shape[1]).bool(), 0).mean(1)
    return reduced((cost if weight is None else cost * weight[labels]).reshape(target.shape), reduction)


TORCH = {
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
    "mse_loss": lambda x, target, weight=None, reduction="mean": F.mse_loss(
        *torch.broadcast_tensors(x, target), reduction=reduction, weight=weight),
    "l1_loss": lambda x, target, weight=None, reduction="mean": F.l1_loss(
        *torch.broadcast_tensors(x, target), reduction=reduction, weight=weight),
    "smooth_l1_loss": lambda x, target, reduction="mean", beta=1.0: F.smooth_l1_loss(
        *torch.broadcast_tensors(x, target), reduction=reduction, beta=beta),
    "huber_loss": lambda x, target, weight=None, reduction="mean", delta=1.0: F.huber_loss(
        *torch.broadcast_tensors(x, target), reduction, delta, weight),
    "kl_div": kl_div,
    "bernoulli_nll": lambda p, target: F.binary_cross_entropy(p, target, reduction="none"),
    "binary_cross_entropy": weighted(F.binary_cross_entropy),
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "gaussian_nll_loss": F.gaussian_nll_loss,
    "poisson_nll_loss": lambda x, target, log_input=True, full=False, eps=1e-8, reduction="mean": F.poisson_nll_loss(
        x, target, log_input, full, eps=eps, reduction=reduction),
    "multilabel_soft_margin_loss": multilabel_soft_margin_loss,
    "hinge_embedding_loss": lambda x, target, margin=1.0, reduction="mean": F.hinge_embedding_loss(
        x, target, margin, reduction=reduction),
    "margin_ranking_loss": lambda x1, x2, target, margin=0.0, reduction="mean": F.margin_ranking_loss(
        x1, x2, target, margin, reduction=reduction),
    "soft_margin_loss": soft_margin_loss,
    "multi_margin_loss": multi_margin_loss,
    "cosine_similarity": lambda x1, x2, axis=1, eps=1e-8: F.cosine_similarity(x1, x2, axis, eps),
    "pairwise_distance": lambda x1, x2, p=2.0, eps=1e-6, keepdims=False: F.pairwise_distance(x1, x2, p, eps, keepdims),
    "cosine_embedding_loss": lambda x1, x2, target, margin=0.0, reduction="mean": F.cosine_embedding_loss(
        x1, x2, target, margin, reduction=reduction),
    "triplet_margin_loss": lambda a, p_, n, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean": (
        F.triplet_margin_loss(a, p_, n, margin, p, eps, swap, reduction=reduction)),
    "at_least": torch.clamp_min,
}
