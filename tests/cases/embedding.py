"""Looking up rows, and the product of two inputs.

What changes embedding's gradient on purpose, padding_idx and scale_grad_by_freq, is tested beside PyTorch.
"""

import numpy as np
from draws import case, integers, normal

CASES = {
    "embedding": [
        case("sentences", integers(0, 5, 2, 4), normal(5, 3)),
        case("one number", np.array(2), normal(4, 2)),
    ],
    "bilinear": [
        case("matrix", normal(4, 2), normal(4, 3), normal(5, 2, 3), normal(5)),
        case("no bias", normal(2, 2), normal(2, 2), normal(3, 2, 2)),
        case("vectors", normal(2), normal(3), normal(4, 2, 3), normal(4)),
        case("two leading axes", normal(2, 3, 2), normal(2, 3, 1), normal(2, 2, 1), normal(2)),
    ],
}
