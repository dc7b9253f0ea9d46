"""Losses and distances. Distances, and what is compared with a margin, lie away from kinks."""

import numpy as np
from draws import case, distinct, distinct_pair, integers, normal, positive, rng

ROWS = ((2, 3), (2, 3))


def unit(*shape):
    """Between 0.05 and 0.95."""
    return np.asarray(rng.uniform(0.05, 0.95, shape))


def signs(*shape):
    """1 and -1, both if there is room."""
    return np.asarray(1 - 2 * (np.arange(int(np.prod(shape))) % 2)).reshape(shape)


def regression():
    """Pairs of the same shape and of shapes that broadcast, every reduction."""
    return [
        case("mean", *distinct_pair(*ROWS)),
        case("sum, broadcast", *distinct_pair((2, 3), (3,)), reduction="sum"),
        case("none", *distinct_pair((2, 3), (2, 1)), reduction="none"),
        case("images", *distinct_pair((2, 2, 2, 2), (2, 2, 2, 2))),
        case("numbers", *distinct_pair((), ())),
    ]


def weighted():
    """The same with weights."""
    return [
        case("weight", *distinct_pair(*ROWS), positive(2, 3)),
        case("weight, sum", *distinct_pair((2, 3), (3,)), positive(2, 3), reduction="sum"),
        case("weight, none", *distinct_pair(*ROWS), positive(2, 3), reduction="none"),
    ]


CASES = {
    "cross_entropy": [
        case("rows", normal(4, 3), np.array([0, 2, 1, 2])),
        case("one row", normal(4), np.array(2)),
        case("sum", normal(4, 3), integers(0, 3, 4), reduction="sum"),
        case("none", normal(4, 3), integers(0, 3, 4), reduction="none"),
        case("weight", normal(4, 3), np.array([0, 2, 1, 2]), positive(3)),
        case("ignored", normal(4, 3), np.array([0, -100, 1, 2])),
        case(
            "ignored class, weight, none", normal(4, 3), np.array([0, 2, 1, 2]), positive(3),
            ignore_index=1, reduction="none",
        ),
        case("smooth", normal(4, 3), np.array([0, 2, 1, 2]), label_smoothing=0.2),
        case(
            "smooth, weight, ignored", normal(4, 3), np.array([0, -1, 1, 2]), positive(3),
            ignore_index=-1, label_smoothing=0.3,
        ),
        case("smooth, weight, sum", normal(4, 3), integers(0, 3, 4), positive(3), reduction="sum", label_smoothing=0.3),
        case("images", normal(2, 3, 2, 2), integers(0, 3, 2, 2, 2)),
        case(
            "images, everything", normal(2, 3, 2, 2), np.array([[[0, 1], [2, -100]], [[1, 1], [-100, 0]]]), positive(3),
            label_smoothing=0.1,
        ),
        case("images, none", normal(2, 3, 4), integers(0, 3, 2, 4), reduction="none"),
        case("probabilities", normal(3, 4), positive(3, 4)),
        case("probabilities, one row", normal(4), positive(4), reduction="none"),
        case("probabilities, weight, smooth", normal(3, 4), positive(3, 4), positive(4), label_smoothing=0.2),
        case("probabilities, images, sum", normal(2, 3, 2, 2), positive(2, 3, 2, 2), reduction="sum"),
    ],
    "nll_loss": [
        case("rows", normal(4, 3), np.array([0, 2, 1, 2])),
        case("one row", normal(4), np.array(2)),
        case("none, ignored", normal(4, 3), np.array([0, -100, 1, 2]), reduction="none"),
        case("weight", normal(4, 3), np.array([0, 2, 1, 2]), positive(3)),
        case("weight, ignored class, sum", normal(4, 3), np.array([0, 2, 1, 2]), positive(3), ignore_index=1,
             reduction="sum"),
        case("images, weight", normal(2, 3, 2, 2), integers(0, 3, 2, 2, 2), positive(3)),
    ],
    "mse_loss": regression() + weighted(),
    "l1_loss": regression() + weighted(),
    "smooth_l1_loss": [
        *regression(),
        case("beta", *distinct_pair(*ROWS), beta=0.71),
        case("beta, sum", *distinct_pair((2, 3), (3,)), beta=1.37, reduction="sum"),
        case("beta 0", *distinct_pair(*ROWS), beta=0),
    ],
    "huber_loss": [
        *regression(),
        case("delta", *distinct_pair(*ROWS), delta=0.71),
        case("delta, sum", *distinct_pair((2, 3), (3,)), delta=1.37, reduction="sum"),
        *weighted(),
    ],
    "kl_div": [
        case("mean", normal(2, 3), positive(2, 3)),
        case("sum, broadcast", normal(2, 3), positive(3), reduction="sum"),
        case("none", normal(2, 3), positive(2, 1), reduction="none"),
        case("batchmean", normal(2, 3), positive(2, 3), reduction="batchmean"),
        case("logarithms", normal(2, 3), normal(2, 3), log_target=True),
        case("batchmean of a number", normal(), positive(), reduction="batchmean"),
    ],
    "bernoulli_nll": [case("matrix", unit(2, 3), unit(2, 3)), case("number", unit(), unit())],
    "binary_cross_entropy": [
        case("mean", unit(2, 3), unit(2, 3)),
        case("weight, sum", unit(2, 3), unit(2, 3), positive(3), reduction="sum"),
        case("weight, none", unit(2, 3), unit(2, 3), positive(2, 1), reduction="none"),
        case("images", unit(2, 1, 2, 2), unit(2, 1, 2, 2)),
    ],
    "binary_cross_entropy_with_logits": [
        case("mean", normal(2, 3), unit(2, 3)),
        case("weight, sum", normal(2, 3), unit(2, 3), positive(3), reduction="sum"),
        case("both weights, none", normal(2, 3), unit(2, 3), positive(2, 1), positive(3), reduction="none"),
        case("pos_weight", normal(2, 1, 2, 2), unit(2, 1, 2, 2), None, positive(2)),
    ],
    "gaussian_nll_loss": [
        case("mean", positive(2, 3), positive(2, 3), positive(2, 3)),
        case("one variance a row, full", normal(2, 3), normal(2, 3), positive(2), full=True),
        case("an axis of length 1, sum", normal(2, 3), normal(2, 3), positive(2, 1), reduction="sum"),
        case("a number", normal(2, 3), normal(3), 0.7),
        case("eps, none", positive(2, 3), positive(2, 3), positive(2, 3), eps=0.1, reduction="none"),
    ],
    "poisson_nll_loss": [
        case("mean", normal(2, 3), positive(2, 3)),
        case("rates", positive(2, 3), positive(2, 3), log_input=False),
        case("full, sum", normal(2, 3), 2 + positive(3), full=True, reduction="sum"),
        case("full, small counts, none", normal(2), np.array([0.5, 3.0]), full=True, reduction="none"),
        case("eps", positive(2, 3), positive(2, 3), log_input=False, eps=0.1),
    ],
    "multilabel_soft_margin_loss": [
        case("mean", normal(2, 3), unit(2, 3)),
        case("weight, none", normal(2, 3), unit(2, 3), positive(3), reduction="none"),
        case("one row, sum", normal(3), unit(3), positive(3), reduction="sum"),
    ],
    "hinge_embedding_loss": [
        case("mean", distinct(2, 4), signs(2, 4)),
        case("broadcast, sum", distinct(2, 4), signs(4), reduction="sum"),
        case("margin, none", distinct(2, 3), signs(2, 3), margin=0.41, reduction="none"),
    ],
    "margin_ranking_loss": [
        case("mean", *distinct_pair(*ROWS), normal(2, 3)),
        case("margin, sum", *distinct_pair((2, 3), (2, 1)), signs(2, 3) * 1.0, margin=0.77, reduction="sum"),
        case("integers, none", *distinct_pair(*ROWS), signs(2, 3), margin=0.33, reduction="none"),
    ],
    "soft_margin_loss": [
        case("mean", normal(2, 3), normal(2, 3)),
        case("broadcast, sum", normal(2, 3), signs(3), reduction="sum"),
        case("none", normal(2, 3), signs(2, 3) * 1.0, reduction="none"),
    ],
    "multi_margin_loss": [
        case("mean", distinct(3, 4), np.array([0, 3, 1])),
        case("squares, sum", distinct(3, 4), np.array([0, 3, 1]), p=2, margin=1.7, reduction="sum"),
        case("one row", distinct(4), np.array(2)),
        case("one row, none", distinct(4), np.array([1]), reduction="none"),
        case("weight", distinct(3, 4), np.array([0, 3, 1]), 1, 1.0, positive(4)),
    ],
    "cosine_similarity": [
        case("rows", normal(2, 3), normal(2, 3)),
        case("axis -1, broadcast", normal(2, 3), normal(3), axis=-1),
        case("axis 0", normal(2, 3), normal(2, 3), axis=0),
        case("images", normal(2, 3, 2, 2), normal(2, 3, 2, 2)),
        case("vectors", normal(3), normal(3), axis=-1),
    ],
    "pairwise_distance": [
        case("rows", *distinct_pair(*ROWS)),
        case("broadcast, keepdims", *distinct_pair((2, 3), (3,)), keepdims=True),
        case("p 1", *distinct_pair(*ROWS), p=1.0),
        case("p 3", *distinct_pair(*ROWS), p=3),
        case("p inf", np.array([[1.0, -0.3, 0.5]]), np.array([[0.2, 1.1, -0.7]]), p=float("inf")),
        case("vectors, eps", *distinct_pair((3,), (3,)), eps=0.01),
    ],
    "cosine_embedding_loss": [
        case("mean", normal(3, 4), normal(3, 4), signs(3), margin=-0.9),
        case("broadcast, sum", normal(3, 4), normal(1, 4), signs(3), margin=-0.9, reduction="sum"),
        case("one pair", normal(4), normal(4), np.array(1)),
        case("none", normal(3, 4), normal(3, 4), np.array([1, -1, 0]), margin=-0.9, reduction="none"),
    ],
    "triplet_margin_loss": [
        case("mean", normal(2, 3), normal(2, 3), normal(2, 3), margin=3.0),
        case("swap, sum", normal(2, 3), normal(2, 3), normal(1, 3), margin=3.0, swap=True, reduction="sum"),
        case("p 1, none", *distinct_pair(*ROWS), 0.1 + distinct(2, 3), margin=7.0, p=1.0, reduction="none"),
        case("vectors", normal(3), normal(3), normal(3), margin=5.0, eps=0.01),
    ],
    "at_least": [case("above", positive(2, 3), 0.4), case("number", positive(), 0.1)],
}
