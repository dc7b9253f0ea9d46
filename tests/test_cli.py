"""The command as a whole: overview, help, examples, signals, and standard output that goes away."""

from __future__ import annotations

import io
import json
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import POSIX, ROOT, narrow, on, process, run_json, said

import minigrad
from minigrad import cli
from minigrad.cli import bar, signals
from minigrad.cli.output import tell, tell_json
from minigrad.train import recipes


def test_version(capsys):
    assert said(["--version"], capsys) == f"minigrad {minigrad.__version__}\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_the_overview_names_every_command(capsys, words):
    out = said(words, capsys)
    assert narrow(out) and all([f"\n  {name:<9} " in out for name in cli.COMMANDS])


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_teaches(capsys, name):
    """A sentence, options with their defaults, examples; in 80 columns, and in 60."""
    out = said([name, "--help"], capsys)
    assert narrow(out) and out.startswith(f"usage: minigrad {name}") and "\nexamples:\n  minigrad " in out
    assert "--json" in out and out == said(["help", name], capsys)
    options = [action for action in cli.load(name).parser()._actions if action.option_strings]
    for action in options:
        text = action.help or ""
        assert action.nargs == 0 or "default" in text or "may be given several times" in text, action.option_strings


def test_help_fits_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    long = [line for line in said(["bench", "--help"], capsys).splitlines() if len(line) > 50]
    assert [line for line in long if not line.startswith(("  minigrad ", "      "))] == []


def examples() -> list[str]:
    """The lines of all examples, in the order in which a reader would try them."""
    lines = re.findall(r"^  (minigrad .*)$", cli.OVERVIEW, re.MULTILINE)
    for name in ("train", *[name for name in cli.COMMANDS if name != "train"]):
        lines += [line for line, _ in cli.load(name).EXAMPLES]
    return list(dict.fromkeys(lines))


def test_the_examples_work_when_pasted(tmp_path, monkeypatch, capsys):
    """One after the other in one folder, with short trainings. Those that fetch data, need one's own or an interrupted
    run are only read."""
    for library in ("sklearn", "matplotlib", "PIL", "threadpoolctl"):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    recipe = recipes.RECIPES["digits"]
    monkeypatch.setitem(recipes.RECIPES, "digits", replace(recipe, settings=replace(recipe.settings, epochs=1)))
    monkeypatch.setattr("minigrad.train.job.draw", lambda *args: None)
    for line in examples():
        words = shlex.split(re.split(" [|>] ", line)[0])
        words = [found for word in words for found in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
        if {"--download", "--root", "--resume", "tissue.png"} & set(words):
            cli.load(words[1]).parser().read(words[2:])
            continue
        short = ["--epochs", "1"] if words[1] in ("train", "finetune") and "--resume" not in words else []
        assert cli.main([*words[1:], *short]) == 0, line + capsys.readouterr().err
    assert len(examples()) > 20


def test_as_a_module():
    words = [sys.executable, "-m", "minigrad", "models"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "lenet5" in done.stdout.split()


@POSIX
def test_signals_that_are_ignored_stay_so(monkeypatch, capsys):
    """As under nohup; and afterwards all are as they were."""
    seen = []
    monkeypatch.setattr(cli.load("models"), "run",
                        lambda *args: seen.append([signal.getsignal(n) for n in signals.SIGNALS]) or 0)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        cli.main(["models"])
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    terminate, hang_up = seen[0]
    assert callable(terminate) and hang_up is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("words", [["step", "lenet5", "--into", "conv2d"], ["models"]])
def test_a_reader_that_has_seen_enough_is_no_error(words):
    with process(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == "" and child.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["models"], ["models", "lenet5"], ["step", "lenet5", "--data", "random"],
                                   ["--version"], ["--help"], ["train", "--help"], ["train", "--quiet"],
                                   ["draw", "lenet5", "-"], ["summary", "lenet5", "--json"]])
def test_output_that_cannot_be_written(mnist_files, words):
    if words == ["train", "--quiet"]:
        words = on(mnist_files, "--out", str(Path("run").absolute()), "--quiet")
    with open("/dev/full", "w") as full, process(*words, stdout=full, stderr=subprocess.PIPE) as child:
        err = child.stderr.read()
        assert child.wait() == 1
    assert err == "minigrad: error: standard output cannot be written (No space left on device)\n"
    assert words[0] != "train" or not Path("run").exists() or run_json()["status"] == "finished"


@POSIX
def test_without_standard_output():
    done = subprocess.run(["sh", "-c", '"$0" -m minigrad models >&-', sys.executable], cwd=ROOT, capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "minigrad: error: standard output is closed\n")


def test_a_terminal_that_shows_only_ascii(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    tell("naïve \udcff 5 × 5")
    assert raw.getvalue() == b"na\\xefve \\udcff 5 \\xd7 5\n"


def test_errors_on_a_terminal_that_shows_only_ascii(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    assert cli.main(["summary", "naïve\udcff.safetensors"]) == 2
    assert raw.getvalue().startswith(b"minigrad: error: na\\xefve\\udcff.safetensors: there is no such ")


# --- JSON whatever happens ------------------------------------------------------------------------------------------

def test_numbers_that_json_has_not_are_null(capsys):
    tell_json({"a": float("nan"), "b": np.float32("inf"), "c": np.arange(2), "d": (1, Path("x")), 3: None})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": None, "c": [0, 1], "d": [1, "x"], "3": None}


@pytest.mark.parametrize(("failure", "status", "message"), [
    (KeyboardInterrupt(), 130, "interrupted"), (signals.Terminated("SIGTERM"), 143, "terminated (SIGTERM)"),
    (MemoryError(), 1, "out of memory: the arrays do not fit: try a smaller batch or image")])
def test_one_document_whatever_happens(monkeypatch, capsys, failure, status, message):
    def fail(*args):
        raise failure

    monkeypatch.setattr(cli.load("models"), "run", fail)
    for words in (["models"], ["models", "--json"]):
        assert cli.main(words) == status
        out, err = capsys.readouterr()
        assert err == f"minigrad: error: {message}\n"
        assert out == "" if len(words) == 1 else json.loads(out) == {"error": message, "status": status}


def test_a_module_that_minigrad_lacks_is_a_fault_and_no_missing_extra(monkeypatch):
    def fail(*args):
        raise ModuleNotFoundError("No module named 'minigrad.gone'", name="minigrad.gone")

    monkeypatch.setattr(cli.load("models"), "run", fail)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["models"])


# --- bars -----------------------------------------------------------------------------------------------------------

class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_a_bar_on_a_terminal_is_gone_at_the_end(monkeypatch, rich):
    if rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setattr(bar, "find_spec", lambda name: None)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert list(bar.shown("abc", 3, "batch")) == ["a", "b", "c"]
    assert "batch" in screen.getvalue() and "3/3" in screen.getvalue()
    assert rich or screen.getvalue().endswith("\r         \r")


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_no_bar_elsewhere(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(bar.shown("abc", 3, "batch")) == ["a", "b", "c"] and (stream is None or stream.getvalue() == "")
    monkeypatch.setattr(sys, "stderr", quiet := Terminal())
    assert list(bar.shown("abc", 3, "batch", quiet=True)) == ["a", "b", "c"] and quiet.getvalue() == ""


def test_a_bar_that_nobody_can_see_does_not_stop_the_work(monkeypatch):
    class Gone(Terminal):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(bar, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "stderr", Gone())
    assert list(bar.shown("abc", 3, "batch")) == ["a", "b", "c"]


# --- quick to start ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [["--help"], ["models"], ["models", "lenet5"], ["train", "--hlep"]])
def test_a_command_imports_what_it_needs(words):
    """Neither the data sets nor the training for a list of models, and libraries for pictures and bars never."""
    script = ("import sys; from minigrad.cli import main; main(sys.argv[1:]); "
              "print(*sys.modules, file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert not loaded & {"matplotlib", "rich", "PIL", "sklearn", "scipy", "torch"}
    assert words[0] == "train" or not {"minigrad.data", "minigrad.train", "minigrad.cli.train"} & loaded
