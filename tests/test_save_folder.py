"""A model as a folder, graph.json and weights.safetensors: a crash leaves the old or the new one, damage is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from round_trips import assert_same_weights, classifier

from minigrad.graph import Graph, load, load_weights, save
from minigrad.graph.weights import checksum, laid_out


class Crash(BaseException):
    """The power goes: nothing is cleaned up."""


def crashing(monkeypatch, at):
    """Let the process die at the at-th change of the disk from now on; returns how many there were."""
    count = [0]

    def dying(function):
        def call(*args, **options):
            count[0] += 1
            if count[0] >= at:
                raise Crash
            return function(*args, **options)
        return call

    for name in "os.replace", "os.fsync", "pathlib.Path.write_bytes", "pathlib.Path.write_text", "pathlib.Path.unlink":
        owner, attribute = (os, name[3:]) if name.startswith("os.") else (Path, name[13:])
        monkeypatch.setattr(owner, attribute, dying(getattr(owner, attribute)))
    return count


def which_model(path):
    """The seed of the model that is there, whole."""
    found = load(path)
    weights = found.state_dict()
    seeds = [seed for seed in range(3)
             if np.array_equal(weights["fc.weight"], classifier(seed).state_dict()["fc.weight"])]
    assert_same_weights(weights, classifier(seeds[0]).state_dict())
    assert_same_weights(load_weights(path), weights)
    return seeds[0]


@pytest.mark.parametrize("name", ["m", "m.safetensors"])
def test_a_crash_while_writing_leaves_the_old_model_or_the_new_one(tmp_path, name):
    """At every moment, and then again at every moment of the next write."""
    path, seen, first = tmp_path / name, set(), 0
    save(classifier(0), path)
    for first in range(1, 30):
        outcomes = []
        for second in range(1, 30):
            save(classifier(0), path)
            for seed, at in (1, first), (2, second):
                with pytest.MonkeyPatch.context() as patch:
                    crashing(patch, at)
                    try:
                        save(classifier(seed), path)
                        crashed = False
                    except Crash:
                        crashed = True
                outcomes.append((which_model(path), crashed))
            if not crashed:
                break
        assert all([model in (0, 1) for model, _ in outcomes[::2]]) and outcomes[-1] == (2, False)
        seen |= set(outcomes)
        if not outcomes[-2][1]:
            break
    assert first < 29 and seen >= {(0, True), (1, True), (2, False)}
    save(classifier(0), path)
    assert which_model(path) == 0


def test_a_failing_write_of_a_folder_is_named(tmp_path, monkeypatch):
    save(classifier(0), tmp_path / "m")

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="m/weights.next.safetensors: the weights cannot be written .No space left"):
        save(classifier(1), tmp_path / "m")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file/: .*the model cannot be written|file: the model cannot be written"):
        save(classifier(1), f"{tmp_path}/file/")
    monkeypatch.undo()
    assert which_model(tmp_path / "m") == 0
    assert sorted(os.listdir(tmp_path / "m")) == ["graph.json", "weights.safetensors"]


def changed(folder, change):
    """Write graph.json again with something in it changed."""
    document = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    change(document)
    (folder / "graph.json").write_text(laid_out(document), encoding="utf-8")


FOLDERS = {
    "no weights": (lambda m: (m / "weights.safetensors").unlink(), "weights.safetensors does not belong to graph.json"),
    "other weights": (lambda m: save(classifier(1).state_dict(), m / "weights.safetensors"), "does not belong to "
                                                                                             "graph"),
    "damaged weights": (lambda m: (m / "weights.safetensors").write_bytes(b"x"), "expected a safetensors file"),
    "an empty graph": (lambda m: (m / "graph.json").write_bytes(b""), "graph.json is no JSON"),
    "a list": (lambda m: (m / "graph.json").write_bytes(b"[]"), "graph.json must be an object with checksum, weights"),
    "no text": (lambda m: (m / "graph.json").write_bytes(b"\xff"), "graph.json is no JSON"),
    "a changed graph": (lambda m: changed(m, lambda d: d["graph"].update(training=False)),
                        "graph.json does not have the checksum that it was written with"),
    "no graph": (lambda m: (m / "graph.json").unlink(), "graph.json is missing"),
}


@pytest.mark.parametrize("what", FOLDERS)
def test_a_damaged_folder_is_named(tmp_path, what):
    damage, message = FOLDERS[what]
    save(classifier(), tmp_path / "m")
    damage(tmp_path / "m")
    for read in load, load_weights:
        with pytest.raises(ValueError, match=f"/m: .*{message}"):
            read(tmp_path / "m")


def test_a_folder_says_what_is_in_it(tmp_path):
    """graph.json is for people: a line a node."""
    save(classifier(), tmp_path / "m")
    lines = (tmp_path / "m/graph.json").read_text(encoding="utf-8").splitlines()
    assert any(line.strip().startswith('{"name": "c1", "layer": "c1", "args": [{"node": "image"}]') for line in lines)
    assert 20 < len(lines) < 60
    assert isinstance(load(tmp_path / "m/weights.safetensors"), dict)
    assert checksum(load_weights(tmp_path / "m")) in "".join(lines)


def test_a_folder_of_another_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="this folder has no graph.json and no weights.safetensors"):
        load(tmp_path)
    save(classifier(), tmp_path / "weights.safetensors")        # as a run leaves it
    assert isinstance(load(tmp_path), Graph)
