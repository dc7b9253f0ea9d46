"""Picking and placing along an axis, by masks, by classes. (getitem, take and their transposes are in shape.py.)"""

import numpy as np
from draws import case, integers, mask, normal

CASES = {
    "gather": [
        case("as long", normal(3, 4), 1, np.array([[1, 0], [3, 3], [2, 1]])),
        case("shorter", normal(3, 4), 0, np.array([[2, 2, 0], [1, 2, 0]])),
        case("longer along the axis", normal(2, 3), -1, integers(0, 3, 2, 5)),
        case("one line", normal(3, 4), 1, np.array([[3, 3, 0]])),
        case("vector", normal(4), 0, np.array([3, 3, 1])),
        case("scalar", normal(), 0, np.array(0)),
        case("images", normal(2, 3, 2, 2), 1, integers(0, 3, 1, 2, 2, 2)),
    ],
    "scatter_add": [
        case("twice", normal(3, 2), 0, np.array([[1, 0], [1, 0], [2, 0]]), normal(3, 2)),
        case("index shorter than both", normal(3, 4), 1, np.array([[1, 1, 0]]), normal(2, 4)),
        case("more than there is room", normal(2, 2), -1, integers(0, 2, 2, 5), normal(2, 5)),
        case("vector", normal(3), 0, np.array([2, 2, 0, 2]), normal(4)),
        case("scalar", normal(), 0, np.array(0), normal()),
        case("images", normal(2, 3, 2, 2), 1, integers(0, 3, 2, 2, 2, 2), normal(2, 2, 2, 2)),
    ],
    "index_select": [
        case("rows", normal(4, 3), 0, np.array([3, 0, 3])),
        case("last axis", normal(2, 3), -1, np.array([1])),
        case("one", normal(3, 2), 0, np.array(1)),
    ],
    "masked_fill": [
        case("number", normal(3, 4), mask(3, 4), value=-2.0),
        case("tensor", normal(3, 4), mask(3, 4), normal()),
        case("mask stretches", normal(2, 3, 4), mask(3, 1), normal()),
        case("x stretches", normal(4), mask(3, 4), normal()),
        case("image", normal(1, 2, 2, 3), mask(1, 2, 2, 3), 0.5),
    ],
    "masked_select": [
        case("matrix", normal(3, 4), mask=mask(3, 4)),
        case("mask stretches", normal(2, 3), mask=mask(3)),
        case("x stretches", normal(3), mask=mask(2, 3)),
    ],
    "one_hot": [
        case("vector", integers(0, 4, 3), num_classes=4),
        case("matrix", integers(0, 3, 2, 3), num_classes=5),
        case("scalar", np.array(1), num_classes=2),
    ],
}
