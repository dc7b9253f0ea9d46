"""Triangles and diagonals of matrices."""

from draws import case, normal


def triangles():
    """Square, wide and tall matrices, diagonals above and below, some of them outside."""
    return [
        case("square", normal(3, 3)),
        case("wide, above", normal(2, 4), k=1),
        case("tall, below", normal(4, 2), k=-2),
        case("outside", normal(2, 2), k=3),
        case("outside below", normal(2, 2), k=-3),
        case("images", normal(1, 2, 3, 3), k=-1),
    ]


CASES = {
    "tril": triangles(),
    "triu": triangles(),
    "diagonal": [
        case("square", normal(3, 3)),
        case("above", normal(3, 4), offset=1),
        case("below, last axes", normal(2, 4, 3), offset=-1, axis1=-2, axis2=-1),
        case("axes the other way round", normal(3, 2, 2), offset=1, axis1=2, axis2=0),
        case("images", normal(1, 2, 3, 3), axis1=2, axis2=3),
    ],
    "put_diagonal": [
        case("square", normal(3), (3, 3)),
        case("above", normal(3), (3, 4), offset=1),
        case("below, last axes", normal(2, 3), (2, 4, 3), offset=-1, axis1=-2, axis2=-1),
        case("axes the other way round", normal(2, 2), (3, 2, 2), offset=1, axis1=2, axis2=0),
    ],
    "diag": [
        case("of a vector", normal(3)),
        case("of a vector, above", normal(2), k=1),
        case("of a vector, below", normal(2), k=-2),
        case("of a matrix", normal(3, 3)),
        case("of a matrix, below", normal(4, 2), k=-1),
    ],
    "trace": [
        case("square", normal(3, 3)),
        case("above", normal(2, 4), offset=1),
        case("last axes", normal(2, 3, 3), axis1=1, axis2=2),
    ],
}
