"""The debugger's prompt, with pdb's manners: a letter moves, an empty line repeats, Ctrl-D leaves.

    debug.step(loss)                                 # instead of loss.backward()
    debug.step(loss, commands=["n", "p gx", "q"])    # a script, for tests and worksheets
"""

from __future__ import annotations

import signal
import sys
import threading
from cmd import Cmd
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..tensor import Tensor
from .breakpoints import parse
from .commands import SHORT, Commands
from .completing import completions
from .session import Session
from .walk import events_of


class Quit(BaseException):
    """Somebody left the debugger and the program with it: no `except Exception` on the way keeps it."""


def step(loss: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, *,
         commands: Iterable[str] | None = None, breaks: Iterable[str] = (),
         out: Callable[[str], Any] | None = None) -> bool:
    """Walk the backward pass from `loss` at a prompt, instead of `loss.backward(gradient, retain_graph, create_graph)`.

    commands: what to type; when they end the debugger is left. Without, they come from standard input.
    breaks: breakpoints to begin with, as "nan" or "op conv2d". out: what is done with each text, printing by default.
    At the walk's end the leaves get their `.grad`; leaving before it (q, Ctrl-D, an exception) leaves every `.grad` as
    it was. Returns whether the walk came to its end. `q!` raises Quit, which ends the program.
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"step: expected a Tensor to go backward from, {type(loss).__name__} came")
    session = Session(events_of([loss], [gradient], None, create_graph, True), [parse(text) for text in breaks])
    prompt = Prompt(session, commands, out)
    prompt.interact(session.reasons(), create_graph if retain_graph is None else retain_graph)
    if prompt.aborted:
        raise Quit("the debugger was left with q!")
    return session.over


class Prompt(Commands, Cmd):
    """Reads commands and obeys them, for one session."""

    prompt = "(bp) "

    def __init__(self, session: Session, commands: Iterable[str] | None = None, out: Callable[[str], Any] | None = None,
                 first: Iterable[str] = ()):
        """commands: all that will be typed; None reads standard input, after the lines of `first`."""
        Cmd.__init__(self)
        Commands.__init__(self, session, out or printer())
        self.reads_on = commands is None
        self.given: Iterator[str] = iter(first if commands is None else commands)

    def interact(self, reasons: Sequence[str] = (), keep: bool = False) -> None:
        """Until somebody leaves. reasons: the breakpoints that were hit. keep: what the tape saved."""
        finished = False
        try:
            self.open(reasons)
            with completing(self):
                while not self.left:
                    self.obey(self.read())
            finished = True
        finally:
            if not finished and not self.session.over:
                self.say("the walk was given up: every .grad is as it was")
            self.session.close(keep)

    def read(self) -> str:
        """The next line; `EOF` when there are no more."""
        try:
            line = next(self.given, None)
            if line is not None:
                self.say(self.prompt + line)
                return line
            if not self.reads_on:
                return "EOF"
            line = input(self.prompt)
            if not sys.stdin.isatty():
                self.say(line)                  # so that a transcript shows what was asked
            return line
        except EOFError:
            return "EOF"
        except KeyboardInterrupt:
            self.say("--KeyboardInterrupt--")
            return "#"

    def completedefault(self, *given: Any) -> list[str]:
        """What a word after a command may become: text, line, begin and end, as readline gives them."""
        text, line, begin, _ = given
        command, _ = self.split(line.lstrip())
        start = len(line) - len(line.lstrip()) + len(command)
        return completions(SHORT.get(command, command), line[start:begin], text, self.session, self.known,
                           [name for name in self.completenames("") if name != "EOF"])

    def obey(self, line: str) -> None:
        """One line. Ctrl-C while the walk goes on stops it at the next event."""
        if not line.startswith("#"):
            with interruptible(self.session):
                self.onecmd(line)


# --- the terminal -----------------------------------------------------------------------------------------------

@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """Inside, Ctrl-C asks the session to stop at the next event; a second one raises KeyboardInterrupt."""
    def ask(number: int, frame: object) -> None:
        if session.stop_asked:
            raise KeyboardInterrupt
        session.stop_asked = True

    if threading.current_thread() is not threading.main_thread():       # where alone signals arrive
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def completing(prompt: Cmd) -> Iterator[None]:
    """Tab completes commands, and the arrows bring back lines, where the terminal can."""
    try:
        import readline
    except ImportError:
        yield
        return
    before = readline.get_completer()
    readline.set_completer(prompt.complete)  # type: ignore[arg-type]
    with suppress(AttributeError):
        readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before)


def printer() -> Callable[[str], Any]:
    """`print`, with colours where standard output is a terminal and rich is installed."""
    if not sys.stdout.isatty():
        return print
    try:
        from rich.console import Console
        from rich.highlighter import RegexHighlighter
    except ImportError:
        return print

    class Colours(RegexHighlighter):
        base_style = "bp."
        highlights = [r"(?m)^(?P<head>\[[\d.]+\] \S+( #\d+)?)", r"(?P<bad>\b(DISAGREES|WRONG)\b|\*\*\* .*)",
                      r"(?<![\w.])(?P<bad>-?(nan|inf))(?!\w|\.\w|[;,] \w)",          # no nan.py, no list of breakpoints
                      r"(?m)^ +(?P<hint>hint: .*)", r"(?m)^(?P<arrow>-->.*)"]

    from rich.theme import Theme
    theme = Theme({"bp.head": "bold cyan", "bp.bad": "bold red", "bp.hint": "yellow", "bp.arrow": "bold"})
    console = Console(highlighter=Colours(), theme=theme, markup=False, soft_wrap=True)
    return console.print
