"""The benchmarks beside PyTorch and other engines run in tiny settings. No figure of time is tested."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from benchmark_runs import rows_of, run
from own_steps import counting, failing

from minigrad import nn
from minigrad.cli import versus

PNG = b"\x89PNG"
QUICK = ["--rounds", "1", "--seconds", "0", "--threads", "1"]
TINY = replace(versus.SMALL[0], batch=2)


# --- the same on both sides, in turns -------------------------------------------------------------------------

@pytest.mark.parity
@pytest.mark.parametrize("net", [TINY, replace(versus.SMALL[1], batch=2)], ids=lambda net: net.title)
def test_both_sides_compute_the_same(net):
    both = versus.sides(net)
    assert 0 < versus.prove(net, both) <= net.bound
    first, second = [float(both["PyTorch"].step().detach()) for _ in range(2)]
    assert [float(both["minigrad"].step()), float(both["minigrad"].step())] == pytest.approx([first, second], rel=1e-4)
    assert first != second


@pytest.mark.parity
def test_sides_that_differ_are_not_timed(monkeypatch):
    both = versus.sides(TINY)
    right = versus.loss_and_gradients

    def refused(change, words):
        def wrong(one):
            loss, gradients = right(one)
            return change(loss, gradients) if one is both["minigrad"] else (loss, gradients)
        monkeypatch.setattr(versus, "loss_and_gradients", wrong)
        for one in both.values():
            one.optimizer.zero_grad()
        with pytest.raises(ValueError, match=words):
            versus.prove(replace(TINY, bound=0.1), both)
    refused(lambda loss, gs: (loss * 1.001, gs), "the loss is")
    refused(lambda loss, gs: (loss, {name: g * 1.01 for name, g in gs.items()}), "1.0100 times as long")
    refused(lambda loss, gs: (loss, gs | {"0.bias": gs["0.bias"] + np.abs(gs["0.bias"]).max()}), "gradient at 0.bias")
    refused(lambda loss, gs: (loss, gs | {"0.bias": gs["0.bias"][:3]}), "gradient at 0.bias is inf")
    refused(lambda loss, gs: (float("nan"), gs), "the loss is nan")


def test_turns_change_who_is_first():
    calls = []
    times = versus.in_turns({name: lambda name=name: calls.append(name) for name in "ab"}, 2, 0, rest=0)
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 2, "b": 2}
    assert "".join(calls) == "aabb" + "aabb" + "bbaa"       # warm-up and length; then one untimed step and one timed


def test_ratios_are_taken_within_rounds():
    found = versus.compared({"minigrad": [1.0, 2.0, 30.0], "PyTorch": [2.0, 4.0, 10.0]}, "minigrad")
    assert found == {"ms": 2000, "other_ms": 4000, "ratio": 0.5, "least": 0.5, "largest": 3}
    assert versus.compared({"minigrad": [1.0]}, "minigrad")["ratio"] is None


def test_threads_are_put_back():
    torch = versus.pytorch()
    before = torch and torch.get_num_threads()
    with versus.using_threads(1):
        assert torch is None or torch.get_num_threads() == 1
    assert (torch and torch.get_num_threads()) == before


# --- a process for each ---------------------------------------------------------------------------------------

def test_a_step_in_a_process_of_its_own(benchmark, monkeypatch):
    processes = benchmark("processes")
    monkeypatch.delenv("MINIGRAD_KEEP_FREED", raising=False)
    both = {name: processes.Apart(counting, "MINIGRAD_KEEP_FREED", threads=1, is_minigrad=name == "minigrad")
            for name in ("minigrad", "other")}
    with processes.all_apart(both):
        assert "MINIGRAD_KEEP_FREED" not in os.environ
        assert [both["minigrad"](), both["other"]()] == [1, 2]
        assert versus.timed(both["minigrad"], 5) > 0 and both["minigrad"]() == 7
    assert [one.process.exitcode for one in both.values()] == [0, 0]


def test_what_fails_there_is_said_here(benchmark):
    processes = benchmark("processes")
    with processes.all_apart({"one": processes.Apart(failing, threads=1)}) as steps, \
            pytest.raises(SystemExit, match="RuntimeError: no such engine"):
        steps["one"]()


class Here:
    """In the place of `processes.Apart`, in this process: tests have smaller networks than one finds by import."""

    def __init__(self, make, *arguments, threads, is_minigrad=True):
        self.step = make(*arguments)

    def __call__(self):
        return float(np.sum(self.step().detach().numpy()))

    def timed(self, number):
        return versus.timed(self.step, number)

    def close(self):
        pass


# --- whole steps ----------------------------------------------------------------------------------------------

VS_COLUMNS = ["model", "batch", "minigrad_ms", "pytorch_ms", "ratio", "least", "largest", "unfused_ratio", "mark",
              "met", "rounds", "apart"]


@pytest.mark.parity
def test_vs_pytorch_runs_and_joins_what_it_left(benchmark, tmp_path, capsys, monkeypatch):
    vs = benchmark("vs_pytorch")
    monkeypatch.setattr(vs, "Apart", Here)
    monkeypatch.setitem(vs.INFERENCE, "resnet18_inference", replace(vs.INFERENCE["resnet18_inference"], batch=1,
                                                                    shape=(3, 32, 32), make=versus.small_resnet))
    for name in ("tape", "resnet18_inference", "lenet5"):
        vs.main(["--models", name, *QUICK, "--json", str(tmp_path / f"{name}.json")])
    capsys.readouterr()
    vs.main(["--join", *map(str, tmp_path.glob("*.json")), "--csv", str(tmp_path / "all.csv")])
    columns, rows = rows_of(tmp_path / "all.csv")
    assert columns == VS_COLUMNS
    assert [row["model"] for row in rows] == ["LeNet-5", "tape, per op", "ResNet-18, inference"]
    for row in rows:
        assert float(row["ratio"]) == pytest.approx(float(row["minigrad_ms"]) / float(row["pytorch_ms"]))
        assert row["met"] == ("yes" if round(float(row["ratio"]), 2) <= float(row["mark"]) else "no")
    printed = capsys.readouterr().out
    assert "1 for each" in printed and "LeNet-5" in printed
    assert [row["unfused_ratio"] != "" for row in rows] == [True, False, True]


def test_vs_pytorch_without_pytorch(benchmark, capsys, monkeypatch):
    monkeypatch.setattr(versus, "find_spec", lambda name: None)
    monkeypatch.setattr(benchmark("vs_pytorch"), "Apart", Here)
    benchmark("vs_pytorch").main(["--models", "lenet5", *QUICK])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("LeNet-5"))
    assert line.split()[3:6] == ["-"] * 3


def test_the_geometric_mean_is_of_training_steps(benchmark):
    vs = benchmark("vs_pytorch")
    lines = [dict.fromkeys(vs.COLUMNS) | {"name": name, "ratio": ratio}
             for name, ratio in (("lenet5", 0.5), ("tape", 9.0), ("alexnet", 2.0))]
    found = vs.with_mean(lines)
    assert [one["name"] for one in found] == ["lenet5", "alexnet", "mean", "tape"]
    assert found[2]["ratio"] == pytest.approx(1) and found[2]["met"] == "yes" and found[2]["unfused_ratio"] is None
    assert vs.with_mean(lines[:2]) == lines[:2]


@pytest.mark.parity
def test_the_networks_are_torchvisions(benchmark):
    torch, networks = versus.pytorch(), benchmark("networks")
    counts = {"lenet5": 61_706, "alexnet": 61_100_840, "vgg16": 138_357_544, "resnet18": 11_689_512,
              "resnet18_cifar": 11_173_962, "resnet50": 25_557_032, "transformer_256": 12 * 256 ** 2 + 13 * 256 + 2570,
              "transformer_512": 12 * 512 ** 2 + 13 * 512 + 5130}
    counts |= {f"{name}_gelu": counts[name] for name in ("transformer_256", "transformer_512")}
    with torch.device("meta"):
        made = {name: row.make(torch.nn) for name, row in networks.NETWORKS.items()}
    assert {name: sum(p.numel() for p in model.parameters()) for name, model in made.items()} == counts


# --- where time and memory go ---------------------------------------------------------------------------------

def test_breakdown_adds_up(benchmark):
    breakdown = benchmark("breakdown")
    *ops, rest, optimizer, whole = breakdown.by_op(versus.sides(TINY)["minigrad"], 2)
    assert (rest["op"], optimizer["op"], whole["op"]) == (breakdown.REST, "optimizer", "whole step")
    assert {row["op"]: row["calls"] for row in ops} == {
        "conv2d": 3, "tanh": 4, "avg_pool2d": 2, "linear": 2, "cross_entropy": 1, "reshape": 1}
    for part in ("forward_ms", "backward_ms"):
        assert all(row[part] >= 0 for row in ops)
        assert sum(row[part] or 0 for row in (*ops, rest, optimizer)) == pytest.approx(whole[part])
    assert whole["share"] == pytest.approx(1)
    assert "noted" not in nn.functional.conv2d.__call__.__qualname__


@pytest.mark.parity
def test_profile_shows_both(benchmark, capsys, monkeypatch):
    vs = benchmark("vs_pytorch")
    monkeypatch.setitem(vs.NETWORKS, "lenet5", replace(vs.NETWORKS["lenet5"], batch=2))
    vs.main(["--profile", "lenet5", *QUICK])
    printed = capsys.readouterr().out
    assert "conv2d" in printed and "whole step" in printed and "aten::" in printed and "all calls" in printed


@pytest.mark.parity
def test_rounding_is_measured_with_kinks_and_without(benchmark, tmp_path, monkeypatch, capsys):
    rounding = benchmark("rounding")
    monkeypatch.setitem(rounding.NETWORKS, "lenet5", TINY)
    for smooth in ([], ["--smooth"]):
        rounding.main(["--models", "lenet5", "--batch", "2", "--draws", "2", "--threads", "1", *smooth,
                       "--csv", str(tmp_path / "rounding.csv")])
        rows = rows_of(tmp_path / "rounding.csv")[1]
        assert [row["who"] for row in rows] == ["exact", "auto", "PyTorch"]
        assert all(0 < float(row["median"]) <= float(row["largest"]) < 1e-3 for row in rows)
        assert float(rows[0]["times_exact"]) == 1 and rows[0]["kinks"] == ("no" if smooth else "yes")
    assert "times_exact" in capsys.readouterr().out


def test_memory_is_measured_in_a_fresh_process():
    peak = int(run("memory", "lenet5", "minigrad", "1"))
    assert 61_706 * 4 * 3 < peak < 500e6         # weights, gradients and velocities at least


def test_memory_runs(benchmark, tmp_path, monkeypatch):
    memory = benchmark("memory")
    monkeypatch.setattr(memory, "measured", lambda name, library, threads: 5e6 if library == "minigrad" else 4e6)
    monkeypatch.setattr(memory, "pytorch", lambda: True)
    benchmark("vs_pytorch").main(["--memory", "--models", "lenet5", "tape", "--csv", str(tmp_path / "m.csv")])
    columns, (row,) = rows_of(tmp_path / "m.csv")
    assert columns == ["model", "batch", "parameters_mb", "minigrad_mb", "pytorch_mb", "ratio", "mark", "met"]
    assert float(row["ratio"]) == 1.25 and row["met"] == "yes" and float(row["parameters_mb"]) == 0.246824


# --- other engines --------------------------------------------------------------------------------------------

def test_peers_runs_and_names_who_is_missing(benchmark, tmp_path, capsys, monkeypatch):
    peers = benchmark("peers")

    def missing():
        raise peers.NotUsable("pip install dezero")
    monkeypatch.setattr(peers, "PEERS", {"minigrad": peers.minigrad_peer, "DeZero": missing})
    peers.main([*QUICK, "--csv", str(tmp_path / "p.csv"), "--json", str(tmp_path / "p.json")])
    columns, (row,) = rows_of(tmp_path / "p.csv")
    assert columns == ["engine", "version", "step_ms", "step_ms_min", "step_ms_max", "minigrad_faster"]
    assert row["engine"] == "minigrad" and float(row["minigrad_faster"]) == 1
    assert json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["not_measured"] == {
        "DeZero": "pip install dezero"}
    assert "not measured: DeZero (pip install dezero adds it)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["PyTorch", "MyGrad", "DeZero"])
def test_each_peer_computes_what_minigrad_does(benchmark, name):
    peers = benchmark("peers")
    try:
        peer = peers.PEERS[name]()
    except peers.NotUsable as reason:
        pytest.skip(str(reason))
    peers.prove([peers.minigrad_peer(), peer])


def test_peers_refuses_to_time_what_is_not_the_same(benchmark):
    peers = benchmark("peers")
    right, other = peers.minigrad_peer(), peers.minigrad_peer()
    peers.prove([right, other])
    longer = replace(peers.minigrad_peer(), gradients=lambda: [g * 1.01 for g in other.gradients()])
    with pytest.raises(SystemExit, match="do not compute the same"):
        peers.prove([peers.minigrad_peer(), longer])


# --- pictures -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("study", "most", "values"), [("batch", "1", ["1"]), ("tape", "100", ["10", "100"]),
                                                       ("threads", "1", ["1"])])
def test_scaling_writes_tables_and_pictures(benchmark, tmp_path, capsys, monkeypatch, study, most, values):
    scaling = benchmark("scaling")
    monkeypatch.setattr(scaling.network, "__defaults__", (1, 8, 1))
    scaling.main(["--studies", study, "--most", most, *QUICK, "--folder", str(tmp_path)])
    columns, rows = rows_of(tmp_path / f"{study}.csv")
    assert columns == ["study", "value", "minigrad_ms", "pytorch_ms", "ratio", "minigrad_growth", "pytorch_growth"]
    assert [row["value"] for row in rows] == values and rows[0]["minigrad_growth"] == ""
    assert (tmp_path / f"{study}.png").read_bytes().startswith(PNG)
    assert scaling.STUDIES[study].axis in capsys.readouterr().out
    with pytest.raises(SystemExit, match="tape: no value is at most 1, the least is 10"):
        scaling.main(["--studies", "tape", "--most", "1", "--folder", str(tmp_path)])


def test_roofline_writes_its_table_and_picture(benchmark, tmp_path):
    roofline = benchmark("roofline")
    roofline.main(["--model", "lenet5", "--batch", "2", "--rounds", "1", "--quick", "--threads", "1", "--folder",
                   str(tmp_path)])
    columns, rows = rows_of(tmp_path / "lenet5.csv")
    assert columns == list(roofline.COLUMNS) and (tmp_path / "lenet5.png").read_bytes().startswith(PNG)
    assert [row["layer"] for row in rows[::2]] == ["5x5 1 -> 6 @ 32x32", "5x5 6 -> 16 @ 14x14", "5x5 16 -> 120 @ 5x5",
                                                   "linear 120 -> 84", "linear 84 -> 10"]
    first, second = [2 * float(row["gflop"]) * 1e9 for row in rows[:4:2]]
    assert (first, second) == (4 * 2 * 6 * 28 * 28 * 25, 4 * 2 * 16 * 10 * 10 * 6 * 25)
    assert [float(row["gflop"]) for row in rows[1:4:2]] == pytest.approx([first / 2e9, second / 1e9])
