"""pad with every mode, and its transpose."""

from draws import case, normal

MODES = ("reflect", "symmetric", "edge", "wrap")


def folded(mode):
    """Cases of unpad, as those of pad are."""
    return [
        case(f"{mode}, matrix", normal(4, 5), (2, 3), ((1, 1), (2, 0)), mode),
        case(f"{mode}, further than long", normal(9), (2,), (4, 3), mode),
        case(f"{mode}, images", normal(1, 2, 4, 3), (1, 2, 3, 2), ((0, 0), (0, 0), (0, 1), (1, 0)), mode),
    ]


CASES = {
    "pad": [
        case("every side", normal(2, 3), pad_width=1),
        case("one pair", normal(2, 3), pad_width=(0, 2)),
        case("pair an axis", normal(2, 3), pad_width=((1, 0), (2, 1)), constant_values=0.5),
        case("image", normal(1, 2, 2, 3), pad_width=((0, 0), (0, 0), (1, 2), (0, 1)), constant_values=-1.0),
        *[row for mode in MODES for row in (
            case(f"{mode}, every side", normal(2, 3), 1, mode),
            case(f"{mode}, further than long", normal(3), (7, 4), mode),
            case(f"{mode}, of one", normal(1, 2), ((2, 3), (0, 1)), mode),
            case(f"{mode}, image", normal(1, 2, 3, 3), ((0, 0), (0, 0), (2, 1), (0, 2)), mode))],
    ],
    "unpad": [row for mode in MODES for row in folded(mode)],
}
