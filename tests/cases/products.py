"""Products: matmul, einsum, linear, and sums of products over chosen axes."""

from draws import case, normal

CASES = {
    "matmul": [
        case("matrices", normal(2, 3), normal(3, 4)),
        case("vectors", normal(4), normal(4)),
        case("vector, matrix", normal(3), normal(3, 2)),
        case("matrix, vector", normal(2, 3), normal(3)),
        case("batch", normal(2, 2, 3), normal(2, 3, 2)),
        case("batch, matrix", normal(3, 2, 3), normal(3, 2)),
        case("batches stretch", normal(2, 1, 2, 3), normal(3, 3, 2)),
        case("vector, batch", normal(3), normal(2, 3, 2)),
        case("batch, vector", normal(2, 2, 3), normal(3)),
    ],
    "contract": [
        case("matrices", normal(2, 3), normal(3, 4), subscripts="ij,jk->ik"),
        case("permutation", normal(2, 3, 2), subscripts="abc->cab"),
        case("three operands", normal(2, 3), normal(3, 4), normal(4, 2), subscripts="ij,jk,kl->il"),
        case("summed in one alone", normal(2, 3), normal(2, 4), subscripts="ij,ik->k"),
    ],
    "einsum": [
        case("matrices", normal(2, 3), normal(3, 4), subscripts="ij,jk->ik"),
        case("implicit", normal(2, 3), normal(3, 4), subscripts="ij,jk"),
        case("implicit transpose", normal(2, 3), subscripts="ba"),
        case("batch", normal(2, 2, 3), normal(2, 3, 2), subscripts="bij,bjk->bik"),
        case("trace", normal(3, 3), subscripts="ii->"),
        case("diagonal", normal(3, 3), subscripts="ii->i"),
        case("diagonals times", normal(2, 3, 3), normal(3), subscripts="bii,i->bi"),
        case("ellipsis", normal(2, 2, 3), normal(3, 4), subscripts="...i,ij->...j"),
        case("ellipses stretch", normal(2, 1, 3), normal(4, 3), subscripts="...i,...i->..."),
        case("three operands", normal(2, 3), normal(3, 4), normal(4, 2), subscripts="ij,jk,kl->il"),
        case("summed in one alone", normal(2, 3), normal(2, 4), subscripts="ij,ik->k"),
        case("outer", normal(2), normal(3), subscripts="i,j->ij"),
        case("sum of all", normal(2, 3), subscripts="ij->"),
    ],
    "linear": [
        case("bias", normal(2, 3), normal(4, 3), normal(4)),
        case("no bias", normal(2, 3), normal(4, 3)),
        case("vector", normal(3), normal(2, 3), normal(2)),
        case("sequence", normal(2, 3, 3), normal(2, 3), normal(2)),
    ],
    "outer": [case("vectors", normal(2), normal(3)), case("flattened", normal(2, 2), normal(1, 3))],
    "dot": [
        case("vectors", normal(3), normal(3)),
        case("matrices", normal(2, 3), normal(3, 2)),
        case("more axes", normal(2, 2, 3), normal(2, 3, 2)),
        case("scalar", normal(2, 3), normal()),
    ],
    "inner": [
        case("vectors", normal(3), normal(3)),
        case("matrices", normal(2, 3), normal(4, 3)),
        case("more axes", normal(2, 1, 3), normal(3)),
        case("scalar", normal(), normal(2)),
    ],
    "vecdot": [
        case("vectors", normal(3), normal(3)),
        case("batches stretch", normal(2, 1, 3), normal(4, 3)),
        case("axis", normal(3, 2), normal(3, 2), axis=0),
        case("inner axis", normal(2, 3, 2), normal(3, 1), axis=-2),
    ],
    "tensordot": [
        case("two axes", normal(2, 3, 2), normal(3, 2, 4)),
        case("one", normal(2, 3), normal(3, 2), axes=1),
        case("none", normal(2), normal(3), axes=0),
        case("chosen", normal(2, 3, 2, 2), normal(3, 1, 2), axes=((1, 3), (0, 2))),
        case("ints", normal(3, 2), normal(3, 4), axes=(0, 0)),
        case("in another order", normal(2, 3, 2), normal(2, 3), axes=([1, -1], [1, 0])),
    ],
}
