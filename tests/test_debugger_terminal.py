"""The debugger at a real terminal, a pseudo-terminal of the standard library: Tab, Ctrl-C by a signal, Ctrl-D."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

pty = pytest.importorskip("pty", reason="there are pseudo-terminals on Unix alone")
pytest.importorskip("readline")
ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120                          # seconds until a program that says nothing is given up, on a busy machine too
SCRIPT = """
import minigrad as mg
from minigrad import debug

x = mg.tensor([1.0, 2.0], requires_grad=True)
y = x
with debug.record():
    for _ in range(1500):
        y = mg.tanh(y)
    loss = y.sum()
print("ended", debug.step(loss), x.grad)
"""


class Terminal:
    """A program at a pseudo-terminal. What it waits for is output, not time."""

    def __init__(self, *words: str):
        self.master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "INPUTRC": os.devnull, "PYTHONPATH": str(ROOT),
                       "MINIGRAD_NUM_THREADS": "1"}
        self.program = subprocess.Popen([sys.executable, *words], stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
                                        env=environment, preexec_fn=lambda: take(slave), start_new_session=True)
        os.close(slave)
        self.unread = ""

    def until(self, text: str) -> str:
        """What it says up to this text."""
        said, end = self.unread, monotonic() + PATIENCE
        while text not in said:
            ready, _, _ = select.select([self.master], [], [], max(end - monotonic(), 0))
            assert ready, f"waited for {text!r}; there was {said[-2000:]!r}"
            try:
                said += os.read(self.master, 65536).decode()
            except OSError as error:            # the other end is closed
                raise AssertionError(f"ended before {text!r}; there was {said[-2000:]!r}") from error
        before, _, self.unread = said.partition(text)
        return before

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> int:
        try:
            return self.program.wait(PATIENCE)
        finally:
            self.program.kill()
            os.close(self.master)


def take(slave: int) -> None:
    """In the new program: this is its controlling terminal, so that Ctrl-C at it is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


@pytest.fixture
def deep(tmp_path):
    """The debugger, open at a deep chain."""
    script = tmp_path / "deep.py"
    script.write_text(SCRIPT)
    terminal = Terminal(str(script))
    terminal.until("(bp) ")
    yield terminal
    if terminal.program.poll() is None:
        terminal.program.kill()
        terminal.close()


def test_a_session_at_a_terminal(deep):
    deep.type("unt ta\t\n")                         # Tab completes what the walk can come to
    assert "[2] tanh" in deep.until("(bp) ")
    deep.type("\n")                                 # an empty line repeats
    assert "[3] tanh" in deep.until("(bp) ")
    deep.type("hea\t\n")                            # and commands
    assert "|g| arrives" in deep.until("(bp) ")
    deep.type("p 1")
    deep.until("p 1")
    deep.type("\x03")                               # Ctrl-C forgets the line
    deep.type("\n")                                 # readline may sleep through a signal until a key wakes it
    deep.until("--KeyboardInterrupt--")
    deep.until("(bp) ")
    deep.type("b if print('on the way') and False\n")
    deep.until("breakpoint 1")
    deep.until("(bp) ")
    deep.type("c\n")
    deep.until("on the way\r\n")
    deep.type("\x03")                               # Ctrl-C while it goes on: the terminal sends the signal
    assert "tanh" in deep.until("--KeyboardInterrupt--")
    deep.until("(bp) ")
    deep.type("\x04")                               # Ctrl-D leaves
    deep.until("ended False None")
    assert deep.close() == 0
