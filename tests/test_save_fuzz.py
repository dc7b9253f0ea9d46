"""A thousand damaged files: each is refused with an error that names it, or was harmless; the model stays as it was.

MINIGRAD_FUZZ=20000 tries more of them.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input, load, load_weights, save
from minigrad.graph.as_json import to_json
from minigrad.graph.weights import packed, unpacked

TRIES = int(os.environ.get("MINIGRAD_FUZZ", "1000"))
VALUES = [None, True, False, -1, 0, 1, 3, 10 ** 12, 1581337223, 10 ** 30, 0.5, 1e300, "", "n", "2n+1", "float64",
          "Conv2d", "tanh", "c1", [], {}, [1, 2], {"float": "nan"}, {"op": "tanh"}, {"node": "c1"}, {"layer": "c1"},
          {"array": "norm.running_mean"}, {"size": "n"}, {"slice": [0, 1, None]}, {"list": []}, {"dict": {}},
          {"dtype": "float16"}, {"scalar": 2, "dtype": "int8"}, {"computed": "**", "from": [9, 9]}]


def model():
    """A graph with some of everything: an open axis, a shared layer, several results, constants, flags."""
    mg.manual_seed(0)
    x = Input((2, None, 8), name="image")
    c1 = nn.Conv2d(2, 4, 3, padding=1)
    h = nn.BatchNorm2d(4)(c1(x, name="c1"), name="norm")
    h = ops.relu(h) * mg.tensor([0.5]) + nn.Parameter(mg.randn(4, 1, 1))
    h = nn.Dropout(0.2)(ops.max(h, 2), name="drop")[:, :, :8]
    h, _ = nn.LSTM(8, 4, batch_first=True)(h, name="lstm")
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    h = attention(h, h, h, name="attention")[0]
    twice = nn.Linear(4, 4)
    twice.bias.requires_grad = False
    h = twice(twice(h, name="twice"), name="twice")
    y = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))(h, name="head")
    graph = Graph(x, {"scores": y, "image": ops.mean(x, (2, 3))}, train_only=["image"])
    graph.node("norm").what.eval()
    return graph


# --- damage ---------------------------------------------------------------------------------------------------

def overwritten(content, rng, start, stop):
    return content[:start] + rng.bytes(stop - start) + content[stop:]


def flipped(content, rng, start, stop):
    changed = bytearray(content)
    changed[start] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def swapped(content, rng, start, stop):
    middle = (start + stop) // 2
    return content[:start] + content[middle:stop] + content[start:middle] + content[stop:]


def with_another_length(content, rng, start, stop):
    own = int.from_bytes(content[:8], "little")
    length = [0, 1, len(content), 2 ** 40, 2 ** 63, own + start - stop][rng.integers(6)]
    return (length % 2 ** 64).to_bytes(8, "little") + content[8:]


DAMAGES = [
    flipped, flipped, flipped, overwritten, swapped, with_another_length,
    lambda content, rng, start, stop: content[:start] + rng.bytes(stop - start) + content[start:],
    lambda content, rng, start, stop: content[:start] + content[stop:],
    lambda content, rng, start, stop: content[:start],
    lambda content, rng, start, stop: content[:start] + bytes(stop - start) + content[stop:],
    lambda content, rng, start, stop: content[:stop] + content[start:],
]


def damaged(content, rng):
    """The bytes of a file with some of them changed, inserted, lost, in another order; most often in its header."""
    start = int(rng.integers(len(content) if rng.random() < 0.3 else min(len(content), 9000)))
    stop = min(len(content), start + 1 + int(rng.integers(1 if rng.random() < 0.5 else 200)))
    return DAMAGES[rng.integers(len(DAMAGES))](content, rng, start, stop)


def spots(x, path=()):
    """The paths to all places in a document."""
    yield path
    for key, part in x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, list) else ():
        yield from spots(part, (*path, key))


def mutated(document, rng):
    """The JSON of a graph with one place in it changed."""
    document = copy.deepcopy(document)
    places = list(spots(document))[1:]
    *path, key = places[rng.integers(len(places))]
    holder = document
    for part in path:
        holder = holder[part]
    kind = rng.integers(6)
    if kind == 0:
        del holder[key]
    elif kind == 1:                                             # a part of the document in another place
        found = document
        for part in places[rng.integers(len(places))]:
            found = found[part]
        holder[key] = copy.deepcopy(found)
    elif kind == 2 and isinstance(holder, dict):
        holder[str(rng.choice(["x", "op", "layer", "custom", "path", "dtype", *map(str, holder)]))] = holder.pop(key)
    elif kind == 3 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[rng.integers(len(holder))]))
    elif kind == 4 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] += int(rng.integers(-3, 4))
    else:
        holder[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    return document


# --- what comes of it -----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The model, its file and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    graph = model()
    save(graph, folder / "m.safetensors")
    save(graph, folder / "m")
    return graph, folder / "m.safetensors", folder / "m"


def contents(state):
    return {name: (array.dtype, array.shape, array.tobytes()) for name, array in state.items()}


class Bench:
    """Where damaged files of a graph are loaded, also into a copy of it whose weights are all 0."""

    def __init__(self, graph):
        self.document, _ = to_json(graph)
        self.saved = contents(graph.state_dict())
        self.receiver = copy.deepcopy(graph)
        self.state = self.receiver.state_dict()                 # the receiver's own arrays
        self.clear()
        self.cleared = contents(self.state)

    def clear(self):
        for array in self.state.values():
            array[...] = 0

    def outcome(self, path, may_differ=False):
        """What loading makes of the file; the receiver of its weights must stay as it was, or get them all."""
        try:
            self.receiver.load_state_dict(load_weights(path))
        except (ValueError, OSError) as error:
            assert str(path) in str(error) or "do not fit" in str(error), error
            assert contents(self.state) == self.cleared
        else:
            assert may_differ or contents(self.state) == self.saved
            self.clear()
        try:
            found = load(path)
        except (ValueError, OSError) as error:
            assert str(path) in str(error) and len(str(error)) > len(str(path)) + 10, error
            return "refused"
        assert isinstance(found, Graph)
        document, _ = to_json(found)
        if document == self.document and contents(found.state_dict()) == self.saved:
            return "same"
        assert may_differ
        return "another graph"


def test_damaged_files(whole, tmp_path):
    graph, file, _ = whole
    content, path, bench = file.read_bytes(), tmp_path / "m.safetensors", Bench(graph)
    rng, found = np.random.default_rng(1), Counter()
    for _ in range(TRIES * 6 // 10):
        path.write_bytes(damaged(content, rng))
        found[bench.outcome(path)] += 1
    assert found["refused"] > 0.9 * found.total()
    path.write_bytes(content)
    assert bench.outcome(path) == "same"


def test_damaged_folders(whole, tmp_path):
    graph, _, folder = whole
    twin, bench = tmp_path / "m", Bench(graph)
    rng, found = np.random.default_rng(2), Counter()
    for _ in range(TRIES // 10):
        shutil.copytree(folder, twin, dirs_exist_ok=True)
        for name in [["graph.json"], ["weights.safetensors"], ["graph.json", "weights.safetensors"]][rng.integers(3)]:
            content = damaged((folder / name).read_bytes(), rng)
            (twin / name).write_bytes(content)
        found[bench.outcome(twin)] += 1
    assert found["refused"] > 0.8 * found.total()


def test_mutated_graphs_with_a_right_checksum(whole, tmp_path):
    """So it is the reading of the graph itself that must refuse them; some are graphs all the same."""
    graph, file, _ = whole
    content, path, bench = unpacked(file.read_bytes()), tmp_path / "m.safetensors", Bench(graph)
    rng, found = np.random.default_rng(3), Counter()
    for _ in range(TRIES * 3 // 10):
        document = mutated(content.graph, rng)
        path.write_bytes(packed(content.arrays, json.loads(json.dumps(document))))
        found[bench.outcome(path, may_differ=True)] += 1
    assert found["refused"] > 0.6 * found.total() and found["another graph"]
