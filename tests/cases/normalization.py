"""Normalisation."""

from draws import case, normal, positive

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
}
