"""Softmax and cross-entropy."""

import numpy as np
from draws import case, integers, normal, positive

CASES = {
    **{
        name: [
            case("rows", normal(3, 4)),
            case("channels", normal(2, 3, 2, 2), axis=1),
            case("axis 0", normal(3, 2), axis=0),
            case("vector", normal(5)),
        ]
        for name in ("softmax", "log_softmax")
    },
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
    ],
}
