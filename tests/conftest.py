"""What every test shares: hypothesis profiles, the markers, and the proof that no test leaks state into the next."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

REQUIRE_PARITY = os.environ.get("MINIGRAD_REQUIRE_PARITY") == "1"

# --- processes ----------------------------------------------------------------------------------------------
# One worker per core leaves one thread per worker; it must be said before NumPy is imported. Pictures need no display.

if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MINIGRAD_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "agg")

# What starts the tests in the background may have signals ignored (`nohup`, a job of a shell): here, and in processes
# that tests start, they do what they do at a terminal.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

# --- hypothesis ---------------------------------------------------------------------------------------------
# A slow first example is NumPy loading, not a fault: no deadlines where the machine is shared.

settings.register_profile("dev", max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", max_examples=30, deadline=None, derandomize=True, database=None, print_blob=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("MINIGRAD_HYPOTHESIS_PROFILE") or os.environ.get("HYPOTHESIS_PROFILE") or "dev")


# --- markers ------------------------------------------------------------------------------------------------

def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, saying why."""
    if item.get_closest_marker("gpu") and (reason := why_no_gpu()):
        pytest.skip(reason)
    if item.get_closest_marker("parity") and not REQUIRE_PARITY and importlib.util.find_spec("torch") is None:
        pytest.skip('needs PyTorch: pip install "minigrad[parity]"')


def why_no_gpu() -> str:
    """Why CuPy cannot be used here; "" where it can."""
    from minigrad import backend

    try:
        backend.cuda_library()
    except backend.DeviceError as error:
        return str(error)
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Under MINIGRAD_REQUIRE_PARITY=1 a parity test that is skipped has failed: it proved nothing."""
    report = yield
    if REQUIRE_PARITY and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("parity"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, but MINIGRAD_REQUIRE_PARITY=1 wants it run ({report.longrepr[2]})"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """The same for a file that skips itself as a whole: its parity tests would never be seen."""
    report = yield
    if REQUIRE_PARITY and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skipped as a whole, but MINIGRAD_REQUIRE_PARITY=1 wants it run"
    return report


# --- no leaks -----------------------------------------------------------------------------------------------

@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Start every test from one seed, and fail the test that leaves a switch or a registry of the engine changed."""
    if "minigrad.op" not in sys.modules:    # a test that does without the engine
        yield
        return
    from minigrad.backend import manual_seed

    manual_seed(0)
    before = engine_state()
    yield
    forget_own_ops(before["OPS"])
    leaks = changes(before, engine_state())
    if leaks:
        pytest.fail("the test left the engine changed: " + ", ".join(sorted(leaks)), pytrace=False)


def engine_state() -> dict[str, dict[Any, Any]]:
    """What is process-wide: of each kind its names and values. Taken twice a test, so it copies and spells nothing."""
    import numpy

    from minigrad.backend import LIBRARIES
    from minigrad.op import OPS
    from minigrad.scratch import limit
    from minigrad.settings import threads_everywhere

    return {"numpy.geterr": numpy.geterr(), "set_num_threads": {"": threads_everywhere[0]},
            "scratch.set_limit": {"": limit[0]},
            "switches": {name: current(switch) for name, switch in switches().items()},
            "LIBRARIES": dict(LIBRARIES), "OPS": dict(OPS),
            "os.environ": {name: os.environ[name] for name in os.environ if name.startswith("MINIGRAD_")}}


def changes(before: dict[str, dict[Any, Any]], after: dict[str, dict[Any, Any]]) -> list[str]:
    """A line on every value that is another; and on what has come to a registry, unless a module brought it."""
    found = []
    for kind, then in before.items():
        now = after[kind]
        names = [name for name, value in then.items() if value is not now.get(name) and not same(value, now.get(name))]
        if kind in REGISTRIES:
            names += [name for name in now.keys() - then.keys() if not loaded_late(now[name])]
        found += [f"{kind}[{name}] was {then.get(name)!r}, is {now.get(name)!r}" for name in names]
    return found


REGISTRIES = ("LIBRARIES", "OPS", "os.environ")


def switches() -> dict[str, ContextVar[Any]]:
    """Name -> context variable, of all modules of the package that are loaded. Each is looked through once: they make
    theirs when they are loaded, and this is asked twice a test."""
    for name in sys.modules.keys() - LOOKED_THROUGH:
        LOOKED_THROUGH.add(name)
        if name.partition(".")[0] == "minigrad":
            found = vars(sys.modules[name]).items()
            SWITCHES.update({f"{name}.{key}": value for key, value in found if isinstance(value, ContextVar)})
    return SWITCHES


LOOKED_THROUGH: set[str] = set()
SWITCHES: dict[str, ContextVar[Any]] = {}


def current(switch: ContextVar[Any]) -> Any:
    """Its value, which may be its default; None where it has neither."""
    try:
        return switch.get()
    except LookupError:
        return None


def forget_own_ops(before: dict[str, Any]) -> None:
    """Take the ops that a test wrote itself out of the registry; one that replaced an op of the library is a leak."""
    from minigrad.op import OPS

    for name in OPS.keys() - before.keys():
        if not OPS[name].module.startswith("minigrad."):
            del OPS[name]


def loaded_late(entry: Any) -> bool:
    """Whichever test is first registers CuPy itself, or the ops of a module that nothing had imported yet: no leak."""
    library, module = getattr(entry, "functions", None), getattr(entry, "module", "")
    return module.startswith("minigrad.") or (library is not None and library is sys.modules.get("cupy"))


def same(a: Any, b: Any) -> bool:
    """Identity, and equality for plain values: `==` on tensors and arrays is elementwise."""
    return a is b or (isinstance(a, (bool, int, str, tuple)) and type(a) is type(b) and a == b)


# --- the benchmarks -----------------------------------------------------------------------------------------

@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a benchmark by its name; the folder is no part of the installed package."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1])
    return lambda name: importlib.import_module(f"benchmarks.{name}")


# --- the command --------------------------------------------------------------------------------------------

@pytest.fixture
def mnist_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny MNIST; the current folder is an empty one, and runs draw no pictures."""
    from cli_runs import write_mnist

    from minigrad.train import job

    monkeypatch.setattr(job, "draw", lambda *args: None)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return write_mnist(tmp_path / "mnist")
