"""Pooling."""

import numpy as np
from draws import case, distinct, integers, normal, positive, rng


def scattered(n, c, out, *shape):
    """Places of `out` in all, none twice in a channel, in an array (n, c, *shape)."""
    drawn = [rng.permutation(out)[:np.prod(shape)] for _ in range(n * c)]
    return np.asarray(drawn, "int64").reshape(n, c, *shape)


CASES = {
    "pixel_numbers": [
        case("images", normal(2, 3, 2, 4)),
        case("integers", integers(0, 9, 1, 1, 3, 1)),
    ],
    "max_pool1d": [
        case("plain", distinct(2, 2, 6), kernel_size=2),
        case("overlap, padding", distinct(1, 2, 7), kernel_size=3, stride=2, padding=1),
        case("dilation, ceil_mode", distinct(1, 2, 8), kernel_size=2, stride=3, dilation=2, ceil_mode=True),
    ],
    "max_pool1d_with_indices": [
        case("plain", distinct(2, 2, 6), kernel_size=2),
        case("overlap, padding", distinct(1, 2, 7), kernel_size=3, stride=2, padding=1),
    ],
    "max_pool2d_with_indices": [
        case("plain", distinct(2, 2, 4, 4), kernel_size=2),
        case("nothing square", distinct(1, 2, 5, 6), kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)),
        case("dilation, ceil_mode", distinct(1, 2, 5, 6), kernel_size=2, stride=2, dilation=(2, 3), padding=1,
             ceil_mode=True),
    ],
    "avg_pool1d": [
        case("plain", normal(2, 2, 6), kernel_size=2),
        case("overlap, padding left out", normal(1, 2, 7), kernel_size=3, stride=2, padding=1, count_include_pad=False),
        case("ceil_mode", normal(1, 2, 6), kernel_size=3, stride=2, padding=1, ceil_mode=True),
    ],
    "lp_pool1d": [
        case("square", normal(2, 2, 6), norm_type=2, kernel_size=2),
        case("ceil_mode, overlap", positive(1, 2, 6), norm_type=3.0, kernel_size=3, stride=2, ceil_mode=True),
    ],
    "lp_pool2d": [
        case("square", normal(2, 2, 4, 4), norm_type=2.0, kernel_size=2),
        case("sum", positive(1, 2, 4, 5), norm_type=1, kernel_size=(2, 3), stride=1),
        case("odd", positive(1, 2, 4, 4), norm_type=1.5, kernel_size=2, stride=2),
        case("largest", distinct(1, 2, 4, 4), norm_type=np.inf, kernel_size=2),
        case("smallest", distinct(1, 2, 4, 4), norm_type=-np.inf, kernel_size=3, stride=1),
    ],
    "place_along_last": [
        case("rows", normal(2, 2, 4), scattered(2, 2, 6, 4), 6),
        case("all", normal(1, 2, 3), scattered(1, 2, 3, 3), 3),
    ],
    "max_unpool1d": [
        case("plain", normal(2, 2, 3), scattered(2, 2, 6, 3), 6),
        case("one", normal(1, 2, 1), scattered(1, 2, 2, 1), (2,)),
    ],
    "max_unpool2d": [
        case("plain", normal(2, 2, 2, 2), scattered(2, 2, 16, 2, 2), 4),
        case("nothing square", normal(1, 2, 2, 3), scattered(1, 2, 15, 2, 3), (3, 5)),
    ],
    "max_pool2d": [
        case("plain", distinct(2, 2, 4, 4), kernel_size=2),
        case("overlap", distinct(1, 2, 5, 5), kernel_size=3, stride=2),
        case("padding", distinct(1, 2, 5, 4), kernel_size=3, stride=2, padding=1),
        case("nothing square", distinct(1, 2, 5, 6), kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)),
        case("dilation", distinct(1, 2, 5, 6), kernel_size=2, stride=1, dilation=(2, 3), padding=1),
        case("ceil_mode", distinct(1, 2, 5, 6), kernel_size=2, stride=3, ceil_mode=True),
        case("ceil_mode, padding", distinct(1, 1, 6, 5), kernel_size=3, stride=2, padding=1, ceil_mode=True),
        case("ceil_mode, kernel larger than the image", distinct(1, 2, 1, 3), kernel_size=(3, 2), ceil_mode=True),
        case("one pixel", distinct(1, 2, 3, 3), kernel_size=1),
        case("whole image", distinct(2, 2, 3, 4), kernel_size=(3, 4)),
        case("gaps", distinct(1, 2, 5, 5), kernel_size=1, stride=2),
    ],
    "avg_pool2d": [
        case("plain", normal(2, 2, 4, 4), kernel_size=2),
        case("overlap", normal(1, 2, 5, 5), kernel_size=3, stride=2),
        case("padding", normal(1, 2, 5, 4), kernel_size=3, stride=2, padding=1),
        case("padding left out", normal(1, 2, 5, 4), kernel_size=3, stride=2, padding=1, count_include_pad=False),
        case("nothing square", normal(1, 2, 5, 6), kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)),
        case("ceil_mode", normal(1, 2, 5, 6), kernel_size=2, stride=3, padding=1, ceil_mode=True),
        case(
            "ceil_mode, padding left out", normal(1, 1, 6, 5),
            kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False,
        ),
        case("ceil_mode, kernel larger than the image", normal(1, 2, 1, 3), kernel_size=(3, 2), ceil_mode=True),
        case("divisor", normal(1, 2, 4, 4), kernel_size=2, divisor_override=3),
        case("whole image", normal(2, 2, 3, 4), kernel_size=(3, 4)),
        case("gaps", normal(1, 2, 5, 5), kernel_size=1, stride=2),
    ],
}
