"""The debugger in programs: `debug.breaks`, and `python -m minigrad.debug script.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
from minigrad import debug, nn
from minigrad.debug.__main__ import main
from minigrad.walk import watcher

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def quiet():
    with np.errstate(all="ignore"):
        yield


def network():
    mg.manual_seed(0)
    return nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), nn.Linear(3, 1))


def stopped(model, x=None, **kinds):
    """Where a backward pass through the model breaks; None if it does not."""
    texts = kinds.pop("texts", ())
    try:
        with debug.breaks(*texts, **kinds):
            model(mg.ones(5, 2) if x is None else x).sum().backward()
    except debug.GradientBreak as stop:
        assert all(p.grad is None for p in model.parameters())
        return stop
    assert all(p.grad is not None for p in model.parameters())
    return None


# --- breaks ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kinds", "op", "reason"), [
    ({"layer": "0.*"}, "tanh", "layer 0.1"), ({"op": "tan?"}, "tanh", "op tanh"),
    ({"texts": ["op linear"]}, "linear", "op linear"),
    ({"norm": (1e-7, 1e-3)}, "sum", "|g| 1 > 0.001"), ({"norm": (5.0, 1e9)}, "sum", "|g| 1 < 5"),
    ({"shape": ("*", 3)}, "linear", "shape (5, 3)"),
    ({"grad": {"1.weight": (0, 1e-3)}}, "linear", "|grad of 1.weight| "),
    ({"when": lambda event: event.kind == "leaf"}, "linear", "the condition holds"),
    ({"texts": ["if op == 'tanh' and float(abs(gx).max()) >= 0"]}, "tanh", "op == 'tanh'"),
    ({"texts": ["nan"]}, None, ""), ({"norm": (0, 1e9)}, None, ""), ({"layer": "2"}, None, ""),
    ({"grad": {"x*": (5, 6)}}, None, ""),
])
def test_where_it_breaks(kinds, op, reason):
    stop = stopped(network(), **kinds)
    if op is None:
        assert stop is None
    else:
        assert stop.event.op == op and stop.reason.startswith(reason)
        assert reason in str(stop) and f"of {op} #" in str(stop) and "test_debugger_program.py" in str(stop)


def test_the_forward_origin_of_a_nan_is_named(quiet):
    class Logarithm(nn.Module):
        def forward(self, x):
            return mg.log(x)                            # here

    stop = stopped(nn.Sequential(network(), Logarithm()), texts=["nan"])
    if stop is None:                                    # the untrained network may give a positive number
        stop = stopped(nn.Sequential(network(), Logarithm()), x=-mg.ones(5, 2), texts=["nan"])
    assert stop.reason == "the loss is nan" and stop.event.kind == "seed"
    line = next(n for n, s in enumerate(Path(__file__).read_text().splitlines(), 1) if s.endswith("# here"))
    assert stop.origin.call.layer == "1" and str(stop.origin.call.source) == f"test_debugger_program.py:{line}"
    assert f"born at log (layer 1, test_debugger_program.py:{line}) made nan: x (5, 1) has 5 values <= 0" in str(stop)


def test_the_event_of_a_break_can_be_looked_into():
    q = mg.randn(2, 3, dtype="float64", requires_grad=True)
    with pytest.raises(debug.GradientBreak) as caught, debug.breaks("op softmax"):
        (mg.softmax(q) ** 2).sum().backward()
    event = caught.value.event
    assert [inner.kind for inner in event.into()][-1] == "leave" and q.grad is None
    assert debug.why(event, "x", (0, 1)).total == pytest.approx(event.gradients["x"][0, 1])


def test_grad_is_watched_too_and_gives_what_it_gives_alone():
    x = mg.randn(3, dtype="float64", requires_grad=True)
    h = x * x
    y = (mg.exp(h) * h).sum()
    alone = mg.grad(y, [h, x], retain_graph=True)
    with debug.breaks("norm > 1e30"):
        watched = mg.grad(y, [h, x], retain_graph=True)
        first, = mg.grad(y, [x], create_graph=True)
        second, = mg.grad(first.sum(), [x], retain_graph=True)
    for a, b in zip(alone, watched, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(first.data, alone[1].data)
    assert np.isfinite(second.data).all() and x.grad is None
    with pytest.raises(debug.GradientBreak), debug.breaks("op exp"):
        mg.grad(y, [x], retain_graph=True)
    with debug.breaks("op multiply"), pytest.raises(debug.GradientBreak):
        mg.grad([y, h.sum()], [h], retain_graph=True)
    with debug.breaks("norm > 1e30"):
        several = mg.grad([y, h.sum()], [h])
    assert several[0].shape == (3,)


def test_backward_frees_what_it_has_passed_and_nothing_is_watched_afterwards():
    x = mg.ones(3, requires_grad=True)
    y = (x * x).sum()
    with debug.breaks("norm > 1e30"):
        y.backward()
        with pytest.raises(RuntimeError, match="freed"):
            y.backward()
    assert watcher.get() is None and float(x.grad.sum()) == 6


def test_breaks_records_nothing_where_nothing_is_recorded():
    x = mg.ones(3, requires_grad=True)
    with mg.no_grad(), debug.breaks("nan"):
        assert not mg.exp(x).requires_grad
    with debug.record() as recorder, debug.breaks("nan"):
        mg.exp(x)
    assert len(recorder.calls) == 1


@pytest.mark.parametrize(("texts", "kinds", "message"), [
    ((), {}, "expected at least one breakpoint"), (("nam",), {}, "did you mean nan"),
    (("conv2d",), {}, "did you mean op conv2d"),
    (("if 1 +",), {}, "is no expression"), (("norm > x",), {}, "expected a number"),
])
def test_breakpoints_that_there_are_not(texts, kinds, message):
    with pytest.raises(ValueError, match=message), debug.breaks(*texts, **kinds):
        pass


def test_on_a_device(quiet):
    with installed():
        x = mg.zeros(3, device="cuda", requires_grad=True)
        with pytest.raises(debug.GradientBreak, match="gx has 3 inf"), debug.breaks("nan"):
            mg.sqrt(x).sum().backward()
        assert x.grad is None


# --- scripts --------------------------------------------------------------------------------------------------

SCRIPT = """\
import sys
import minigrad as mg
from minigrad import nn

mg.manual_seed(0)
model = nn.Linear(2, 1)
for i in range(3):
    model.zero_grad()
    y = model(mg.ones(4, 2)) * (0.0 if i == 1 else 1.0)
    loss = mg.log(y * y).sum()
    loss.backward()
    print("step", i, __name__, *sys.argv[1:])
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return str(path)


def typed(monkeypatch, *lines):
    """What will be typed."""
    rest = iter(lines)

    def ask(text):
        line = next(rest, None)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr("builtins.input", ask)


def test_a_script_stops_in_its_first_backward(script, capsys, monkeypatch):
    typed(monkeypatch, "n", "w", "q")
    assert main([script, "--lr", "3"]) == 0
    out = capsys.readouterr().out
    assert "--- backward pass 1 ---" in out and "loss = mg.log(y * y).sum()" in out and "train.py:10" in out
    assert "step 0" not in out                          # q has ended the script
    assert watcher.get() is None


def test_a_script_goes_on_undisturbed(script, capsys, monkeypatch, quiet):
    typed(monkeypatch, "c")
    assert main([script, "--lr", "3"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("step")] == [
        f"step {i} __main__ --lr 3" for i in range(3)]
    assert out.count("--- backward pass") == 1 and sys.argv[0] != script


def test_a_script_stops_where_nan_appears(script, capsys, monkeypatch, quiet):
    typed(monkeypatch, "q")
    assert main(["-b", "nan", "-c", "w", script]) == 0
    out = capsys.readouterr().out
    assert "--- backward pass 2 ---" in out and "step 0" in out and "step 1" not in out
    assert "* break: the loss is inf" in out and "born at log (train.py:10) made inf: x (4, 1) has 4 values <= 0" in out
    assert out.index("born at") < out.index("(bp) w")


def test_breakpoints_go_on_from_pass_to_pass(script, capsys, monkeypatch, quiet):
    typed(monkeypatch, "c", "c", "cl", "c")
    assert main(["-b", "op linear", script]) == 0
    out = capsys.readouterr().out
    assert out.count("--- backward pass") == 3 and "step 2" in out and "1 breakpoint cleared" in out


def test_no_breakpoint_was_hit(script, capsys, monkeypatch, quiet):
    assert main(["-b", "norm < -1", script]) == 0
    assert "the script has ended; 3 backward passes, no breakpoint was hit" in capsys.readouterr().out
    Path(script).write_text("print('hello')")
    assert main([script]) == 0
    assert "the script has ended; it made no backward pass" in capsys.readouterr().out


def test_what_cannot_be_run(script, capsys):
    assert main(["nowhere.py"]) == 2 and "nowhere.py: there is no such file" in capsys.readouterr().err
    assert main(["-b", "frog", script]) == 2 and "unknown breakpoint 'frog'" in capsys.readouterr().err
    Path(script).write_text("raise KeyError('mine')")
    with pytest.raises(KeyError, match="mine"):
        main([script])
    assert watcher.get() is None


def test_as_a_command(script):
    done = subprocess.run([sys.executable, "-m", "minigrad.debug", script], input="n\nq\n", text=True, cwd=ROOT,
                          capture_output=True)
    assert done.returncode == 0 and "(bp) n\n[1] sum" in done.stdout and done.stderr == ""


def test_what_a_script_raises_is_shown_without_the_debugger_s_own_lines(script):
    """Of an error on the way back too, which arises below the debugger."""
    for text, error in (("x = {}\nx['mine']\n", "KeyError: 'mine'"),
                        ("import minigrad as mg\nx = mg.ones((2,), requires_grad=True)\ny = (x * x).sum()\n"
                         "y.backward()\ny.backward()\n", "was freed by an earlier backward pass")):
        Path(script).write_text(text)
        done = subprocess.run([sys.executable, "-m", "minigrad.debug", "-b", "nan", script], text=True, cwd=ROOT,
                              capture_output=True)
        assert done.returncode == 1 and error in done.stderr.splitlines()[-1]
        assert f'"{script}", line {text.count(chr(10))}, in <module>' in done.stderr.splitlines()[1]
        assert "runpy" not in done.stderr and str(Path("debug", "session.py")) not in done.stderr
