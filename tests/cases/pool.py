"""Pooling."""

from draws import case, distinct, normal

CASES = {
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
