"""Attention."""

import numpy as np
from draws import case, mask, normal

CASES = {
    "scaled_dot_product_attention": [
        case("one sequence", normal(2, 3), normal(4, 3), normal(4, 2)),
        case("heads", normal(2, 2, 3, 2), normal(2, 2, 4, 2), normal(2, 2, 4, 3)),
        case("boolean mask", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), mask(3, 4)),
        case("boolean mask a batch", normal(2, 2, 3, 2), normal(2, 2, 3, 2), normal(2, 2, 3, 2), mask(2, 1, 3, 3)),
        case(
            "a query that may see nothing", normal(2, 2), normal(3, 2), normal(3, 2),
            np.array([[True, False, True], [False] * 3]),
        ),
        case("additive mask", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), normal(3, 4)),
        case("causal", normal(2, 4, 2), normal(2, 4, 2), normal(2, 4, 2), is_causal=True),
        case("causal, more keys than queries", normal(2, 2), normal(4, 2), normal(4, 2), is_causal=True),
        case("scale", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), scale=0.3),
        case("grouped queries", normal(2, 4, 3, 2), normal(2, 2, 4, 2), normal(2, 1, 4, 2), enable_gqa=True),
        case("dropout", normal(2, 3, 2), normal(2, 4, 2), normal(2, 4, 2), None, mask(2, 3, 4), dropout_p=0.4),
    ],
}
