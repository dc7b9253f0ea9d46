"""Shapes, indexing, joining."""

import numpy as np
from draws import case, integers, normal

# name, shape that is indexed, index: for getitem, and for put the other way round
INDICES = [
    ("integer", (3, 4), 1),
    ("negative integer", (3, 4), (-1, 2)),
    ("slice", (5, 3), slice(1, 4)),
    ("negative step", (5, 3), (slice(None, None, -2), slice(2, 0, -1))),
    ("ellipsis", (2, 3, 4), (..., 1)),
    ("new axes", (3, 4), (None, slice(0, 2), None, 1)),
    ("integer array", (4, 3), np.array([2, 0, -1])),
    ("repeated", (4, 3), np.array([[1, 1], [3, 1]])),
    ("list", (4, 3), [0, 2, 2]),
    ("pairs", (3, 4), (np.array([0, 2, 0, 0]), np.array([1, 3, 1, -1]))),
    ("outer", (3, 4), (np.array([[0], [2]]), np.array([1, 1, 3]))),
    ("slice and array", (4, 5), (slice(1, 3), np.array([0, 2, 2]))),
    ("arrays apart", (2, 3, 4), (np.array([0, 1, 1]), slice(None), np.array([3, 0, 3]))),
    ("integer apart from array", (2, 3, 4), (1, slice(0, 2), np.array([3, 0]))),
    ("mask", (3, 4), np.array([[True, False, True, True], [False] * 4, [True, False, False, True]])),
    ("mask of rows", (4, 3), np.array([True, False, True, True])),
    ("mask beside slice", (2, 3, 4), (slice(None), np.array([True, False, True]), slice(0, 4, 2))),
    ("arrays around an empty ellipsis", (2, 3, 4), (slice(None), np.array([0, 2]), ..., np.array([3, 3]))),
    ("everything", (2, 3, 4, 2), (1, ..., None, np.array([[0, 3], [3, 1]]), slice(None, None, -1))),
]

CASES = {
    "reshape": [
        case("merge", normal(2, 3, 4), shape=(6, 4)),
        case("one left open", normal(2, 6), shape=(3, -1)),
        case("int", normal(2, 3), shape=-1),
        case("scalar", normal(), shape=(1, 1)),
        case("to scalar", normal(1, 1), shape=()),
    ],
    "permute_dims": [
        case("cycle", normal(2, 3, 4), axes=(2, 0, 1)),
        case("negative", normal(2, 3, 4), axes=(0, -1, 1)),
        case("channels last", normal(2, 3, 2, 2), axes=(0, 2, 3, 1)),
    ],
    "swapaxes": [case("ends", normal(2, 3, 4), axis1=0, axis2=-1), case("inner", normal(1, 2, 3, 2), axis1=1, axis2=2)],
    "moveaxis": [
        case("one", normal(2, 3, 4), source=0, destination=-1),
        case("two", normal(2, 3, 4), source=(2, 0), destination=(0, 1)),
    ],
    "flatten": [
        case("all", normal(2, 3, 2)),
        case("all but the batch", normal(2, 3, 2, 2), start_dim=1),
        case("between", normal(2, 3, 2, 2), start_dim=-3, end_dim=2),
        case("scalar", normal()),
    ],
    "broadcast_to": [
        case("stretch and grow", normal(3, 1), shape=(2, 3, 4)),
        case("scalar", normal(), shape=(2, 3)),
        case("unchanged", normal(2, 3), shape=(2, 3)),
    ],
    "expand_dims": [
        case("front", normal(2, 3), axis=0),
        case("back", normal(2, 3), axis=-1),
        case("two", normal(2, 3), axis=(0, 2)),
        case("scalar", normal(), axis=0),
    ],
    "squeeze": [
        case("all", normal(1, 3, 1)),
        case("one", normal(1, 3, 1), axis=-1),
        case("two", normal(1, 3, 1, 2), axis=(0, 2)),
    ],
    "concat": [
        case("axis 0", normal(2, 3), normal(1, 3)),
        case("three", normal(2, 3), normal(2, 1), normal(2, 2), axis=1),
        case("channels", normal(1, 2, 2, 2), normal(1, 1, 2, 2), axis=-3),
        case("one", normal(2, 3), axis=0),
    ],
    "stack": [
        case("front", normal(2, 3), normal(2, 3)),
        case("middle", normal(2, 3), normal(2, 3), normal(2, 3), axis=1),
        case("back", normal(2), normal(2), axis=-1),
        case("scalars", normal(), normal()),
    ],
    "split": [
        case("axis 0", normal(4, 3), n=2),
        case("columns", normal(2, 6), n=3, axis=1),
        case("channels", normal(1, 4, 2, 2), n=2, axis=-3),
        case("one part", normal(2, 3), n=1),
    ],
    "getitem": [case(name, normal(*shape), index=index) for name, shape, index in INDICES],
    "put": [
        case(name, normal(*np.zeros(shape)[index].shape), shape=shape, index=index) for name, shape, index in INDICES
    ],
    "take": [
        case("flat", normal(3, 4), integers(0, 12, 5)),
        case("rows", normal(4, 3), np.array([[1, 3, 1], [0, 1, 2]]), axis=0),
        case("columns, negative", normal(2, 5), np.array([-1, 0, -1]), axis=1),
        case("one row", normal(4, 3), np.array(2), axis=0),
        case("last axis", normal(2, 2, 3), np.array([[2, 0], [2, 2]]), axis=-1),
        case("list", normal(4, 2), [1, 1, -4], axis=0),
    ],
    "take_along_axis": [
        case("last axis", normal(3, 4), np.array([[1, 0], [3, 3], [2, -1]])),
        case("rows", normal(3, 4), integers(0, 3, 2, 4), axis=0),
        case("one index for all rows", normal(3, 4), np.array([[2, 0]]), axis=1),
        case("channels", normal(2, 3, 2, 2), integers(0, 3, 2, 1, 2, 2), axis=1),
        case("flat", normal(2, 3), np.array([5, 0, -1]), axis=None),
        case("x stretches", normal(1, 3), np.array([[2, 0], [1, 1]]), axis=1),
    ],
    "scatter_along_axis": [
        case("last axis", normal(3, 2), (3, 4), np.array([[1, 0], [3, 3], [2, -1]]), axis=-1),
        case("rows", normal(4, 3), (2, 3), integers(0, 2, 4, 3), axis=0),
        case("one index for all rows", normal(3, 2), (3, 4), np.array([[2, 0]]), axis=1),
    ],
}
