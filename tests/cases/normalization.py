"""Normalisation."""

import numpy as np
from draws import case, distinct, normal, positive

CASES = {
    "batch_norm_train": [
        case("images", normal(3, 2, 2, 3), normal(2), normal(2)),
        case("rows", normal(5, 3), normal(3), normal(3)),
        case("no weight", normal(3, 2, 2, 2)),
        case("sequence", normal(2, 3, 4), normal(3), normal(3), eps=0.1),
        case("one image", normal(1, 2, 2, 3), normal(2), normal(2)),
    ],
    "batch_norm_eval": [
        case("images", normal(2, 3, 2, 2), normal(3), positive(3), normal(3), normal(3)),
        case("rows", normal(4, 3), normal(3), positive(3), normal(3), normal(3)),
        case("no weight", normal(2, 3, 2), normal(3), positive(3), eps=0.1),
    ],
    "layer_norm": [
        case("last axis", normal(2, 3, 4), 4, normal(4), normal(4)),
        case("two axes", normal(2, 3, 2), (3, 2), normal(3, 2), normal(3, 2)),
        case("no weight", normal(2, 5), (5,), eps=0.1),
        case("weight alone", normal(2, 5), (5,), normal(5)),
        case("image", normal(2, 2, 3, 2), (2, 3, 2), normal(2, 3, 2), normal(2, 3, 2)),
    ],
    "group_norm": [
        case("images", normal(2, 4, 2, 3), 2, normal(4), normal(4)),
        case("rows", normal(3, 6), 2, normal(6), normal(6)),
        case("one group, no weight", normal(2, 3, 4), 1, eps=0.1),
        case("a group for each channel, weight alone", normal(2, 2, 4), 2, normal(2)),
    ],
    "instance_norm_train": [
        case("images", normal(2, 2, 2, 3), normal(2), normal(2)),
        case("sequences, no weight", normal(2, 3, 4), eps=0.1),
        case("weight alone", normal(1, 2, 5), normal(2)),
    ],
    "rms_norm": [
        case("last axis", normal(2, 3, 4), 4, normal(4)),
        case("two axes", normal(2, 3, 2), (3, 2), normal(3, 2), eps=0.1),
        case("no weight", normal(2, 5), (5,)),
        case("image", normal(2, 2, 3, 2), (2, 3, 2), normal(2, 3, 2), eps=1e-5),
    ],
    "local_response_norm": [
        case("images", normal(2, 5, 2, 3), size=3),
        case("even, strong", normal(1, 4, 3), size=2, alpha=0.5, beta=0.6, k=2.0),
        case("wider than the channels", normal(1, 3, 2, 2), size=7, alpha=1.0),
        case("one", normal(1, 2, 3), 1, 1.0),
    ],
    "normalize": [
        case("rows", normal(3, 4)),
        case("p 1, images", normal(2, 3, 2, 2), p=1),
        case("p 3, first axis", normal(3, 4), 3.0, 0),
        case("p below 1", normal(2, 3), 0.5, -1),
        case("largest", distinct(2, 3, 2), p=np.inf),
        case("smallest", distinct(2, 3, 2), p=-np.inf, axis=2),
        case("two axes", normal(2, 3, 2), axis=(0, 2)),
        case("all axes, eps", normal(2, 3), axis=None, eps=100.0),
        case("count", distinct(2, 3), p=0),
    ],
    "batch_norm_relu_train": [
        case("images", normal(3, 2, 2, 3), normal(2), normal(2)),
        case("residual", normal(3, 2, 2, 3), normal(2), normal(2), 1e-5, normal(3, 2, 2, 3)),
        case("rows, no weight", normal(5, 3), None, None, 1e-5, normal(5, 3)),
        case("sequence", normal(2, 3, 4), normal(3), normal(3), eps=0.1),
    ],
    "batch_norm_relu_eval": [
        case("images", normal(2, 3, 2, 2), normal(3), positive(3), normal(3), normal(3)),
        case("residual", normal(2, 3, 2, 2), normal(3), positive(3), normal(3), normal(3), 1e-5, normal(2, 3, 2, 2)),
        case("sequence, no weight", normal(2, 3, 4), normal(3), positive(3), None, None, 0.1, normal(2, 3, 4)),
    ],
    "add_relu": [
        case("images", normal(2, 3, 2, 2), normal(2, 3, 2, 2)),
        case("a vector for all rows", normal(3, 4), normal(4)),
    ],
}
