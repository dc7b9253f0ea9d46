"""Convolution and its transpose."""

from draws import case, normal

CASES = {
    "conv2d": [
        case("plain", normal(2, 2, 4, 5), normal(3, 2, 3, 3)),
        case("bias, stride, padding", normal(2, 2, 5, 4), normal(3, 2, 3, 3), normal(3), stride=2, padding=1),
        case(
            "nothing square", normal(1, 2, 6, 5), normal(2, 2, 3, 2), normal(2),
            stride=(1, 2), padding=(2, 0), dilation=(2, 1),
        ),
        case("groups", normal(2, 4, 3, 3), normal(6, 2, 2, 2), normal(6), groups=2),
        case("depthwise", normal(1, 3, 4, 4), normal(6, 1, 3, 3), padding=1, groups=3),
        case("1x1", normal(2, 3, 2, 3), normal(2, 3, 1, 1), normal(2)),
        case("whole image", normal(2, 2, 3, 4), normal(3, 2, 3, 4), normal(3)),
        case("gaps", normal(1, 2, 5, 5), normal(2, 2, 1, 2), normal(2), stride=3),
        case("dilation", normal(1, 1, 5, 6), normal(2, 1, 2, 3), normal(2), dilation=2, padding=1),
        case(
            "everything", normal(1, 4, 5, 5), normal(4, 2, 2, 3), normal(4),
            stride=2, padding=2, dilation=2, groups=2,
        ),
    ],
    "conv2d_relu": [
        case("plain", normal(2, 2, 4, 5), normal(3, 2, 3, 3)),
        case("bias, stride, padding", normal(2, 2, 5, 4), normal(3, 2, 3, 3), normal(3), stride=2, padding=1),
        case("groups", normal(2, 4, 3, 3), normal(6, 2, 2, 2), normal(6), groups=2),
        case("1x1", normal(2, 3, 2, 3), normal(2, 3, 1, 1), normal(2)),
        case("depthwise", normal(1, 3, 4, 4), normal(3, 1, 3, 3), normal(3), padding=1, groups=3),
    ],
    "conv1d": [
        case("plain", normal(2, 2, 5), normal(3, 2, 3)),
        case("bias, stride, padding", normal(2, 2, 6), normal(3, 2, 3), normal(3), stride=2, padding=1),
        case("dilation and groups", normal(1, 4, 7), normal(6, 2, 2), normal(6), dilation=3, groups=2),
        case("whole sequence", normal(2, 3, 4), normal(2, 3, 4), normal(2)),
        case("gaps", normal(1, 2, 7), normal(2, 2, 1), stride=3),
    ],
    "conv_transpose2d": [
        case("plain", normal(2, 2, 3, 2), normal(2, 3, 2, 3)),
        case("bias, stride, padding", normal(1, 2, 3, 3), normal(2, 3, 3, 3), normal(3), stride=2, padding=1),
        case(
            "nothing square", normal(1, 2, 2, 3), normal(2, 2, 3, 2), normal(2),
            stride=(1, 3), padding=(2, 0), output_padding=(1, 2), dilation=(2, 1),
        ),
        case("output_padding beyond the stride", normal(1, 1, 2, 2), normal(1, 2, 2, 1), output_padding=2, dilation=3),
        case("groups", normal(2, 4, 2, 2), normal(4, 3, 2, 2), normal(6), groups=2),
        case("depthwise", normal(1, 3, 3, 3), normal(3, 2, 2, 2), padding=1, groups=3),
        case("1x1", normal(2, 3, 2, 3), normal(3, 2, 1, 1), normal(2)),
        case("gaps", normal(1, 2, 3, 2), normal(2, 2, 1, 2), normal(2), stride=3, output_padding=1),
    ],
    "conv_transpose1d": [
        case("plain", normal(2, 2, 4), normal(2, 3, 3)),
        case("bias, stride, padding", normal(2, 2, 3), normal(2, 3, 4), normal(3), stride=2, padding=1),
        case("everything", normal(1, 4, 3), normal(4, 2, 2), normal(4), 2, 1, 1, 2, 3),
    ],
}
