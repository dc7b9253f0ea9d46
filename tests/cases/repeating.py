"""The order of elements, and repeating them."""

from draws import case, normal

CASES = {
    "flip": [
        case("all", normal(2, 3)),
        case("columns", normal(2, 3), axis=-1),
        case("two", normal(2, 3, 2), axis=(0, 2)),
        case("image", normal(1, 2, 3, 2), axis=(2, 3)),
        case("scalar", normal()),
    ],
    "roll": [
        case("flat", normal(2, 3), shift=2),
        case("rows", normal(4, 2), shift=-1, axis=0),
        case("further than long", normal(3, 2), shift=7, axis=-2),
        case("two axes", normal(3, 4), shift=(1, -2), axis=(0, 1)),
        case("one axis twice", normal(4), shift=(1, 2), axis=(0, 0)),
        case("image", normal(1, 2, 3, 3), shift=(1, 1), axis=(2, 3)),
    ],
    "tile": [
        case("int", normal(2, 3), repetitions=2),
        case("every axis", normal(2, 3), repetitions=(2, 3)),
        case("new axes", normal(2), repetitions=(3, 1, 2)),
        case("fewer", normal(2, 1, 2), repetitions=(2,)),
        case("scalar", normal(), repetitions=(2, 2)),
        case("once", normal(1, 2, 2, 3), repetitions=(1, 1, 1, 1)),
    ],
    "repeat": [
        case("flat", normal(2, 3), repeats=2),
        case("rows", normal(3, 2), repeats=3, axis=0),
        case("last axis", normal(1, 2, 2, 2), repeats=2, axis=-1),
        case("each as often as it wants", normal(3, 2), repeats=(2, 0, 3), axis=0),
        case("each, flat", normal(2, 2), repeats=[1, 0, 2, 1]),
        case("one for all", normal(2, 3), repeats=[2], axis=1),
        case("scalar", normal(), repeats=3),
    ],
    "broadcast_arrays": [case("two", normal(2, 1), normal(3)), case("three", normal(2, 1, 3), normal(), normal(4, 1))],
    "matrix_transpose": [case("matrix", normal(2, 3)), case("images", normal(2, 2, 3, 2))],
}
