"""minigrad bench: the table has every part, and the figures hang together. (No test asserts a time.)"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from cli_runs import narrow, refused, said
from strict_cupy import installed

from minigrad.cli import versus
from minigrad.cli.bench import PARTS, spread


def test_for_people(capsys):
    out = said(["bench", "--steps", "2", "--batch-size", "3"], capsys)
    assert narrow(out) and out.startswith("lenet5, 3 images a step, 2 steps timed, 61,706 parameters\n")
    assert all([f"\n{part} " in out for part in (*PARTS, "training step", "prediction")])
    assert "MiB" in out and "processors usable" in out and "NumPy" in out


def test_as_json(capsys):
    found = json.loads(said(["bench", "lenet5", "--steps", "3", "--json"], capsys))
    times, rates = found["seconds"], found["images_per_second"]
    assert set(times) == {*PARTS, "predict", "step"}
    assert all([0 < t["low"] <= t["median"] <= t["high"] for t in times.values()])
    assert rates["step"] == pytest.approx(32 / times["step"]["median"])
    assert rates["predict"] == pytest.approx(32 / times["predict"]["median"])
    assert times["step"]["low"] >= sum([times[part]["low"] for part in PARTS]) * 0.5
    assert found["peak_memory_bytes"] > 4 * 61706 and found["hardware"]["processor"] and found["versions"]["numpy"]


def test_threads_are_set_and_named(capsys):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    if not [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]:
        pytest.skip("threadpoolctl does not know this BLAS")
    for words, expected in (([], 1), (["--threads", "2"], 2)):
        found = json.loads(said(["bench", "--steps", "1", "--batch-size", "1", "--json", *words], capsys))
        assert found["blas_threads"] == expected


def test_without_threadpoolctl(capsys, monkeypatch):
    monkeypatch.setattr("minigrad.cli.bench.find_spec", lambda name: None)
    assert "BLAS threads unknown" in said(["bench", "--steps", "1", "--batch-size", "1"], capsys)
    assert "--threads needs threadpoolctl" in refused(["bench", "--threads", "2"], capsys)


def test_beside_pytorch(capsys, monkeypatch):
    monkeypatch.setattr(versus, "SMALL", [replace(net, batch=2) for net in versus.SMALL])
    words = ["bench", "--compare", "--steps", "1", "--threads", "1"]
    out = said(words, capsys)
    assert narrow(out) and "LeNet-5" in out and "small ResNet" in out and "GFLOP/s" in out and "PyTorch" in out
    monkeypatch.setattr(versus, "SMALL", versus.SMALL[:1])
    found = json.loads(said([*words, "--json"], capsys))
    assert [row["network"] for row in found["rows"]] == ["LeNet-5"] and found["threads"] == 1
    for row in found["rows"]:
        assert row["minigrad_ms"] > 0 and (row["ratio"] is None or row["least"] <= row["ratio"] <= row["largest"])
    assert "--compare measures the CPU" in refused([*words, "--device", "cuda"], capsys)


def test_without_pytorch_minigrad_stands_alone(capsys, monkeypatch):
    monkeypatch.setattr(versus, "SMALL", [replace(versus.SMALL[0], batch=2)])
    monkeypatch.setattr(versus, "find_spec", lambda name: None)
    out = said(["bench", "--compare", "--steps", "1"], capsys)
    assert "no PyTorch: pip install torch" in out
    assert next(line for line in out.splitlines() if line.startswith("LeNet-5")).split()[3:] == ["-"] * 3


def test_spread():
    assert spread([3.0]) == {"median": 3.0, "low": 3.0, "high": 3.0}
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == {"median": 3.0, "low": 2.0, "high": 4.0}


def test_on_a_gpu(capsys):
    """On the double of CuPy."""
    with installed():
        found = json.loads(said(["bench", "--steps", "1", "--batch-size", "2", "--device", "cuda", "--json"], capsys))
    assert found["device"] == "cuda" and sys.modules["minigrad"]
