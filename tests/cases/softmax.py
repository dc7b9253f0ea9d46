"""Softmax."""

from draws import case, normal

CASES = {
    **{
        name: [
            case("rows", normal(3, 4)),
            case("channels", normal(2, 3, 2, 2), axis=1),
            case("axis 0", normal(3, 2), axis=0),
            case("vector", normal(5)),
        ]
        for name in ("softmax", "softmin", "log_softmax")
    },
}
