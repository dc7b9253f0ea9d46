"""Several from one: chunk, unstack. (concat, stack and split are in shape.py.)"""

from draws import case, normal

CASES = {
    "chunk": [
        case("equal", normal(4, 2), chunks=2),
        case("the last is shorter", normal(2, 5), chunks=3, axis=-1),
        case("fewer than asked for", normal(5, 2), chunks=4, axis=0),
        case("channels", normal(1, 4, 2, 2), chunks=2, axis=1),
    ],
    "unstack": [
        case("front", normal(3, 2)),
        case("back", normal(2, 3), axis=-1),
        case("scalars", normal(2)),
        case("channels", normal(2, 3, 2, 2), axis=1),
    ],
}
