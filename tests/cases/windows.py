"""Windows: unfold and fold."""

from draws import case, normal

CASES = {
    "unfold": [
        case("plain", normal(2, 2, 3, 4), kernel_size=2),
        case("stride and padding", normal(1, 2, 5, 4), kernel_size=(3, 2), stride=2, padding=1),
        case("dilation", normal(1, 2, 5, 5), kernel_size=2, dilation=(2, 3), padding=(0, 1)),
        case("whole image", normal(2, 2, 3, 2), kernel_size=(3, 2)),
        case("gaps", normal(1, 2, 5, 4), kernel_size=1, stride=(2, 3)),
    ],
    "fold": [
        case("overlap", normal(2, 2 * 4, 6), output_size=(3, 4), kernel_size=2),
        case("stride and padding", normal(1, 2 * 6, 9), output_size=(5, 4), kernel_size=(3, 2), stride=2, padding=1),
        case("dilation", normal(1, 4, 12), output_size=5, kernel_size=2, dilation=(2, 3), padding=(0, 1)),
        case("gaps", normal(1, 2, 6), output_size=(5, 4), kernel_size=1, stride=(2, 3)),
    ],
}
