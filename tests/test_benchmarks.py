"""The benchmarks run end to end in tiny settings and say what they claim to say. No figure of time is tested."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError

import numpy as np
import pytest
import strict_cupy
from benchmark_runs import rows_of, run

from minigrad import backend
from minigrad.op import OPS

# --- overhead -------------------------------------------------------------------------------------------------

OVERHEAD_COLUMNS = ["engine", "version", "step_us", "step_us_min", "step_us_max", "step_ratio", "forward_us",
                    "forward_ratio"]


def test_overhead_runs_and_writes_its_tables(tmp_path):
    printed = run("overhead", "--rounds", "1", "--calls", "1", "--csv", str(tmp_path / "o.csv"),
                  "--json", str(tmp_path / "o.json"), "--out", str(tmp_path / "new" / "o.txt"))
    columns, rows = rows_of(tmp_path / "o.csv")
    assert columns == OVERHEAD_COLUMNS
    whole = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    measured = [row["engine"] for row in rows]
    assert measured[0] == "minigrad" and sorted([*measured, *whole["not_measured"]]) == sorted(
        ["minigrad", "PyTorch", "HIPS autograd", "MyGrad", "DeZero"])
    for row in rows:
        assert float(row["step_us"]) > 0 and float(row["forward_us"]) > 0
        assert float(row["step_ratio"]) == 1 or row["engine"] != whole["reference"]
        assert len(whole["rounds"][row["engine"]]["step"]) == 1
    assert all(f"not measured: {name} (pip install" in printed for name in whole["not_measured"])
    assert "processor" in printed and (tmp_path / "new" / "o.txt").read_text(encoding="utf-8") == printed


def test_overhead_refuses_to_time_wrong_gradients(benchmark):
    overhead = benchmark("overhead")
    right = overhead.minigrad_engine()
    overhead.prove(right)
    step = right.step
    right.step = lambda: [step()[0], step()[1] * 1.001]
    with pytest.raises(SystemExit, match="minigrad: the gradient at b is"):
        overhead.prove(right)
    right.step = lambda: [g.astype("float64") for g in step()]
    with pytest.raises(SystemExit, match="float64; expected"):
        overhead.prove(right)


def test_overhead_takes_ratios_within_rounds(benchmark):
    overhead = benchmark("overhead")
    engines = [overhead.Engine(name, "1", None, None, None) for name in ("a", "b")]
    times = {"a": {"step": [1, 2, 30], "forward": [1, 1, 1]}, "b": {"step": [2, 4, 10], "forward": [4, 4, 4]}}
    slow, reference = overhead.summary(engines, times, "b")
    assert (slow["step_us"], slow["step_us_min"], slow["step_us_max"]) == (2, 1, 30)
    assert (slow["step_ratio"], slow["forward_ratio"], reference["step_ratio"]) == (0.5, 0.25, 1)


# --- ops ------------------------------------------------------------------------------------------------------

OPS_COLUMNS = ["name", "minigrad_ms", "pytorch_ms", "ratio", "minigrad_forward_ms", "pytorch_forward_ms",
               "forward_ratio", "definition_ms", "definition_ratio", "definition_forward_ms",
               "definition_forward_ratio", "fused"]


def test_ops_runs_and_writes_its_tables(tmp_path):
    files = [f"--{kind}={tmp_path / 'o.'}{kind}" for kind in ("csv", "json")]
    printed = run("ops", "--rounds", "1", "--only", "gather, 1000 x 10", "--only", "RNN", *files,
                  f"--out={tmp_path / 'o.txt'}")
    columns, rows = rows_of(tmp_path / "o.csv")
    assert columns == OPS_COLUMNS
    whole = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in rows] == list(whole["rounds"]) and any("RNN" in row["name"] for row in rows)
    for row in rows:
        assert float(row["minigrad_ms"]) > 0 and float(row["minigrad_forward_ms"]) > 0
        assert row["name"] in printed and len(whole["rounds"][row["name"]]["minigrad"]) == 1
    by_name = {row["name"].split()[0]: row for row in rows}
    assert float(by_name["RNN"]["definition_ms"]) > 0 and "rnn_cell" in by_name["RNN"]["fused"].split()
    assert by_name["gather,"]["definition_ms"] == by_name["gather,"]["fused"] == ""
    assert "processor" in printed and (tmp_path / "o.txt").read_text(encoding="utf-8") == printed


def test_rows_of_ops_can_be_told_apart(benchmark):
    names = [row.name for row in benchmark("op_rows").all_rows()]
    assert len(set(names)) == len(names) > 100


def test_every_fused_op_has_a_row_in_ops(benchmark):
    ops, op_rows = benchmark("ops"), benchmark("op_rows")
    rows = op_rows.all_rows()
    assert ops.without_row(rows) == [], "add a row to benchmarks/op_rows.py, or a reason to ops.WITHOUT_ROW"
    assert set(ops.WITHOUT_ROW) <= set(OPS) and all(ops.WITHOUT_ROW.values())
    left = ops.without_row([row for row in rows if "avg_pool1d 2" not in row.name])
    assert left == ["avg_pool1d"]


def test_ops_shows_the_worst_by_the_wall_clock_of_several_threads(benchmark, capsys):
    benchmark("ops").main(["--only", "topk", "--only", "outer", "--rounds", "1", "--worst", "1", "--threads", "2"])
    printed = capsys.readouterr().out
    assert "the worst 1 of 3" in printed and "on the wall" in printed and "2 for each" in printed
    assert sum(name in printed for name in ("topk 5 of 1000", "topk 5 of 1M", "outer, 1000")) == 1


def test_ops_refuses_to_time_what_is_not_the_same(benchmark):
    ops, op_rows = benchmark("ops"), benchmark("op_rows")
    known, x = ops.libraries()["minigrad"], np.float32([0.1, 0.2, 0.3])

    def answer(compute):
        return ops.run(op_rows.Row("half", [], compute), known, [x], None)
    right = op_rows.Row("half", [], None)
    ops.prove(right, {"minigrad": answer(lambda lib, x: x / 2), "pytorch": answer(lambda lib, x: x * 0.5)})
    for wrong in (lambda lib, x: x * 0.52, lambda lib, x: x * 0.5 + 0.01, lambda lib, x: (x / 2)[:2],
                  lambda lib, x: x.detach() / 4 + x / 4):
        with pytest.raises(SystemExit, match="half: minigrad and PyTorch do not compute the same"):
            ops.prove(right, {"minigrad": answer(wrong), "pytorch": answer(lambda lib, x: x / 2)})


def test_ops_takes_ratios_within_rounds(benchmark):
    ops = benchmark("ops")
    times = {"minigrad": [1, 2, 30], "pytorch": [2, 4, 10]}
    times |= {"minigrad_forward": [1, 1, 1], "pytorch_forward": [4, 4, 4]}
    line = ops.summary("x", times)
    assert (line["minigrad_ms"], line["pytorch_ms"], line["ratio"], line["forward_ratio"]) == (2, 4, 0.5, 0.25)
    alone = ops.summary("x", {"minigrad": [1], "minigrad_forward": [1], "definition": [4], "definition_forward": [2]})
    assert alone["ratio"] is None and alone["pytorch_ms"] is None
    assert (alone["definition_ratio"], alone["definition_forward_ratio"]) == (0.25, 0.5)
    assert "pip install torch" in ops.report([alone], 1)


# --- CPU and GPU ----------------------------------------------------------------------------------------------

CPU_VS_GPU_COLUMNS = ["model", "device", "device_name", "batch", "step_ms", "step_ms_min", "step_ms_max",
                      "images_per_s", "gflop_per_s", "peak_mb"]


def test_cpu_vs_gpu_runs_and_writes_its_files(tmp_path):
    printed = run("cpu_vs_gpu", "--batches", "1:2", "--rounds", "1", "--seconds", "0", "--folder", str(tmp_path))
    columns, rows = rows_of(tmp_path / "lenet5.csv")
    assert columns == CPU_VS_GPU_COLUMNS
    on_cpu = [row for row in rows if row["device"] == "cpu"]
    assert [row["batch"] for row in on_cpu] == ["1", "2"]
    for row in on_cpu:
        assert float(row["images_per_s"]) == pytest.approx(int(row["batch"]) / float(row["step_ms"]) * 1e3)
        assert float(row["gflop_per_s"]) > 0
        assert float(row["peak_mb"]) > 0.7      # 61,706 weights, gradients and velocities, 4 bytes each
    if not backend.cuda_available():
        assert "CPU only. To get the GPU's columns: " in printed and "CuPy" in printed
    assert (tmp_path / "lenet5.txt").read_text(encoding="utf-8") in printed
    assert (tmp_path / "lenet5.png").read_bytes().startswith(b"\x89PNG")


def test_cpu_vs_gpu_puts_both_devices_side_by_side(benchmark, tmp_path, capsys):
    with strict_cupy.installed():
        benchmark("cpu_vs_gpu").main(["--batches", "1:2", "--rounds", "1", "--seconds", "0", "--folder", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "cuda peak MB" in printed and "times faster" in printed and "CPU only" not in printed
    _, rows = rows_of(tmp_path / "lenet5.csv")
    assert [(row["device"], row["batch"]) for row in rows] == [("cpu", "1"), ("cuda", "1"), ("cpu", "2"), ("cuda", "2")]
    peaks = {(row["device"], row["batch"]): float(row["peak_mb"]) for row in rows}
    for device in ("cpu", "cuda"):
        assert 0.7 < peaks[device, "1"] < peaks[device, "2"] < 4


@strict_cupy.only_on_the_double
def test_a_step_waits_for_the_device_only_at_its_ends(benchmark):
    cpu_vs_gpu = benchmark("cpu_vs_gpu")
    with strict_cupy.installed():
        step = cpu_vs_gpu.training_step("lenet5", "cuda", 2)
        step()
        strict_cupy.syncs.clear()
        cpu_vs_gpu.timed(step, "cuda", 3)
        assert len(strict_cupy.syncs) == 2


def test_the_small_vgg_trains_and_its_operations_are_counted(benchmark):
    cpu_vs_gpu = benchmark("cpu_vs_gpu")
    cpu_vs_gpu.training_step("vgg_small", "cpu", 1)()
    areas, widths = (32 * 32, 16 * 16, 8 * 8), ((3, 64), (64, 128), (128, 256))
    firsts = [area * c * k * 9 for area, (c, k) in zip(areas, widths, strict=True)]
    seconds = [area * k * k * 9 for area, (_, k) in zip(areas, widths, strict=True)]
    forward = sum(firsts) + sum(seconds) + 4096 * 10
    assert cpu_vs_gpu.operations(cpu_vs_gpu.vgg_small()) == 2 * (3 * forward - firsts[0])


def test_a_batch_that_does_not_fit_leaves_an_empty_row(benchmark, monkeypatch):
    cpu_vs_gpu = benchmark("cpu_vs_gpu")

    def too_much(*_):
        raise MemoryError
    monkeypatch.setattr(cpu_vs_gpu, "training_step", too_much)
    row = cpu_vs_gpu.measure("lenet5", "cpu", 1024, 1, 0)
    assert row["batch"] == 1024 and row["step_ms"] is None and row["peak_mb"] is None
    assert cpu_vs_gpu.side_by_side([row]).splitlines()[-1].split() == ["1024", "-", "-", "-", "-"]


def figures(cpu: list, gpu: list) -> list[dict]:
    """Rows with these step times, for batches 1, 2, 4 ..."""
    return [{"device": device, "batch": 2 ** i, "step_ms": ms} for device, times in (("cpu", cpu), ("cuda", gpu))
            for i, ms in enumerate(times)]


@pytest.mark.parametrize(("cpu", "gpu", "sentence"), [
    ([1, 2, 4, 8], [3, 3, 3, 3], "the GPU is faster from batch 4 on"),
    ([4, 2, 4, 8], [3, 3, 3, 3], "the GPU is faster from batch 4 on"),
    ([4, 5], [3, 3], "the GPU is faster from batch 1 on, the smallest measured"),
    ([1, 2], [3, 3], "the GPU does not overtake the CPU up to batch 2"),
    ([1, 5, None], [3, 3, 3], "the GPU is faster from batch 2 on"),
    ([1], [None], "no batch size ran on both devices"),
])
def test_where_the_gpu_overtakes(benchmark, cpu, gpu, sentence):
    assert benchmark("cpu_vs_gpu").verdict(figures(cpu, gpu)) == sentence


def test_batch_sizes(benchmark):
    powers_of_two = benchmark("cpu_vs_gpu").powers_of_two
    assert powers_of_two("1:8") == [1, 2, 4, 8] and powers_of_two("3:20") == [4, 8, 16] and powers_of_two("64") == [64]
    for wrong in ("0:4", "5:7", "8:1", "x", ":4", "-1:4"):
        with pytest.raises(ArgumentTypeError, match="whole number|no power of two"):
            powers_of_two(wrong)


# --- memory ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_peak_memory_counts_what_lived_at_once(device):
    with strict_cupy.installed():
        functions = backend.library_for(device)
        before = functions.ones(1_000_000, dtype="float32")
        with backend.peak_memory(device) as peak:
            for _ in range(3):
                a = functions.ones(250_000, dtype="float32")
                b = a + a
                del a, b
            assert 2_000_000 <= peak() < 2_100_000
        assert before.nbytes == 4_000_000


def test_peak_memory_leaves_tracing_as_it_was():
    import tracemalloc
    with backend.peak_memory("cpu"):
        assert tracemalloc.is_tracing()
    assert not tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        with backend.peak_memory("cpu") as peak:
            keep = np.ones(1000)
            assert peak() >= keep.nbytes
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
