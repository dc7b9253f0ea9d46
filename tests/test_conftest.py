"""The shared fixtures and hooks do what all tests rely on: leaks are caught, a skipped parity test fails on demand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_pytest(folder: Path, source: str, **variables: str) -> str:
    """The output of pytest in a process of its own, on one test file beside a copy of conftest.py."""
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MINIGRAD_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"),
         "--rootdir", str(folder), str(folder)],
        capture_output=True, text=True, cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)} | variables)
    return done.stdout + done.stderr


SKIPS = """
import pytest

@pytest.mark.parity
def test_parity():
    pytest.skip("no oracle today")

def test_other():
    pytest.skip("not about parity")
"""


def test_a_skipped_parity_test_fails_when_parity_is_required(tmp_path: Path) -> None:
    assert "2 skipped" in run_pytest(tmp_path, SKIPS)
    required = run_pytest(tmp_path, SKIPS, MINIGRAD_REQUIRE_PARITY="1")
    assert "1 failed, 1 skipped" in required
    assert "no oracle today" in required


def test_a_file_that_skips_itself_fails_when_parity_is_required(tmp_path: Path) -> None:
    source = 'import pytest\npytest.importorskip("no_such_library")\n'
    assert "1 skipped" in run_pytest(tmp_path, source)
    assert "1 error" in run_pytest(tmp_path, source, MINIGRAD_REQUIRE_PARITY="1")


def test_parity_tests_are_skipped_without_pytorch(tmp_path: Path) -> None:
    source = """
import importlib.util, pytest
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else find(name, package)

@pytest.mark.parity
def test_parity():
    raise AssertionError("ran")
"""
    assert "needs PyTorch" in run_pytest(tmp_path, source)
    assert "1 failed" in run_pytest(tmp_path, source, MINIGRAD_REQUIRE_PARITY="1")


LEAKS = """
import os
import minigrad, numpy
from minigrad import backend
from minigrad.tensor import recording

entered = minigrad.config(kernels="definition")

def test_recording(): recording.set(False)
def test_kernels(): entered.__enter__()
def test_libraries(): backend.LIBRARIES[list] = backend.NUMPY
def test_geterr(): numpy.seterr(over="ignore")
def test_environ(): os.environ["MINIGRAD_KERNELS"] = "exact"
def test_ops():
    @minigrad.op
    def exp(x): return x
"""


def test_leaks_are_caught(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, LEAKS)
    assert "6 passed, 6 errors" in output, output
    errors = [line for line in output.splitlines() if line.startswith("ERROR ")]
    for name in ("recording", "kernels", "libraries", "geterr", "environ", "ops"):
        (line,) = [line for line in errors if line.startswith(f"ERROR test_it.py::test_{name} ")]
        assert "left the engine changed" in line


def test_what_puts_things_back_is_no_leak(tmp_path: Path) -> None:
    source = """
import minigrad, numpy
from minigrad.op import OPS

def test_switches():
    with minigrad.no_grad(), minigrad.config(kernels="definition"), numpy.errstate(all="ignore"):
        minigrad.rand(3)

def test_an_op_of_ones_own():
    @minigrad.op
    def cube(x):
        return x * x * x
    assert "cube" in OPS

def test_it_is_forgotten():
    assert "cube" not in OPS
"""
    assert "3 passed" in run_pytest(tmp_path, source)


def test_every_test_starts_from_one_seed(tmp_path: Path) -> None:
    source = """
import minigrad
seen = []

def test_first():
    seen.append(minigrad.rand(4).numpy())

def test_second():
    assert (minigrad.rand(4).numpy() == seen[0]).all()
"""
    assert "2 passed" in run_pytest(tmp_path, source)
