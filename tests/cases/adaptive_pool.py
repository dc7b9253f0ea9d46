"""Adaptive pooling."""

from draws import case, distinct, normal


def sequences(draw):
    """Windows that overlap, are equal, are more than elements, are one."""
    return [
        case("overlap", draw(2, 2, 5), output_size=3),
        case("equal", draw(1, 2, 6), output_size=(3,)),
        case("more", draw(1, 2, 3), output_size=5),
        case("one", draw(2, 2, 4), output_size=1),
    ]


def images(draw):
    """The same of two axes."""
    return [
        case("overlap", draw(2, 2, 5, 4), output_size=3),
        case("equal", draw(1, 2, 4, 6), output_size=(2, 3)),
        case("more", draw(1, 2, 2, 3), output_size=(3, 4)),
        case("more and fewer", draw(1, 2, 3, 5), output_size=(4, 2)),
        case("one", draw(2, 2, 3, 4), output_size=1),
    ]


CASES = {
    "window_places": [
        case("overlap", normal(2, 3), n=7, out=3),
        case("more", normal(2), n=2, out=5),
        case("none", normal(2), n=3, out=0),
    ],
    "adaptive_sum": [
        case("overlap", normal(2, 2, 5, 4), output_size=(3, 3)),
        case("more and fewer", normal(1, 2, 3, 5), output_size=(4, 2)),
    ],
    "adaptive_avg_pool1d": sequences(normal),
    "adaptive_avg_pool2d": images(normal),
    "adaptive_max_pool1d": sequences(distinct),
    "adaptive_max_pool1d_with_indices": sequences(distinct)[:3],
    "adaptive_max_pool2d": images(distinct),
    "adaptive_max_pool2d_with_indices": images(distinct)[:4],
}
