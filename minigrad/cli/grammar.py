"""One grammar for all commands: what an argument may be, the options that several share, and help that teaches."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from textwrap import fill
from typing import Any

from .errors import Ended
from .output import WIDTH, columns, tell

INDENT = " " * 6                # of what an example does, below it
VIEWS = (1, 8)                  # of an image: itself alone, or all its quarter turns, mirrored and not
MOST = 10**9                    # of what is counted: more is a slip of the finger


class Done(Exception):
    """What was asked is answered already: --help."""


class Help(argparse.RawDescriptionHelpFormatter):
    """At most 80 columns, and fewer where the terminal has fewer."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=26, width=columns(WIDTH) - 1)


class Parser(argparse.ArgumentParser):
    """The arguments of a command. A wrong one is one line, with the nearest right one, and without the usage above.

    usage: the command and what it is about, "draw MODEL [OUT.svg]". about: what it does, in a sentence or two.
    examples: lines to paste, each with what it does. after: paragraphs that explain more.
    """

    def __init__(self, usage: str, about: str, examples: Sequence[tuple[str, str]], after: str = ""):
        shown = "\n".join([f"  {line}\n{wrapped(meaning, INDENT)}" for line, meaning in examples])
        super().__init__(prog=f"minigrad {usage.split()[0]}", usage=f"minigrad {usage} [OPTIONS]",
                         description=wrapped(about), formatter_class=Help, allow_abbrev=False, add_help=False,
                         epilog=f"examples:\n{shown}" + (f"\n\n{wrapped(after)}" if after else ""))
        self._positionals.title = "what"
        self.add_argument("-h", "--help", action="help", help="show this help")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments among the words, options before, between or behind the others."""
        args, rest = self.parse_known_intermixed_args(list(words))
        for word in rest:
            if word.startswith("-") and word != "-":
                options = [option for option in self._option_string_actions if option.startswith("--")]
                self.error(f"unknown option {word.partition('=')[0]}: {nearest(word.partition('=')[0], options)}")
            self.error(f"{word!r} is one argument too many")
        return args

    def error(self, message: str) -> Any:
        raise Ended(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def exit(self, status: int = 0, message: str | None = None) -> Any:
        """After --help."""
        raise Done

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help: argparse would not say that it cannot be written."""
        tell(message, end="")


def wrapped(text: str, indent: str = "") -> str:
    """Paragraphs of a text for people, for the terminal's width; those that are indented, as tables, stay."""
    def one(part: str) -> str:
        return part if part.startswith("  ") else fill(
            " ".join(part.split()), columns(WIDTH) - 1, initial_indent=indent, subsequent_indent=indent,
            break_on_hyphens=False, break_long_words=False)
    return "\n\n".join([one(part) for part in text.strip("\n").split("\n\n")])


def nearest(word: str, words: Iterable[str]) -> str:
    """What to say of a word that is not among `words`: the nearest of them, or all."""
    words = list(words)
    near = get_close_matches(word.lower(), words, 3)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(words)}"


# --- what an argument may be: types for argparse -----------------------------------------------------------------

def checked(convert: Callable[[str], Any], fits: Callable[[Any], bool], expected: str) -> Callable[[str], Any]:
    """A type that says what was expected where the text does not convert or fit."""
    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except (ValueError, OverflowError):
            value = None
        if value is None or not fits(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, {shortened(text)!r} came")
        return value
    return parse


def shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[:most - 3] + "..."


def one_of(kind: str, words: Iterable[str]) -> Callable[[str], str]:
    """A type for one of several words."""
    known = list(words)

    def parse(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"unknown {kind} {shortened(text)!r}: {nearest(text, known)}")
        return text
    return parse


def device_word(text: str) -> str:
    from ..backend import parse_device

    parse_device(text)
    return text


def sizes(text: str) -> tuple[int, ...]:
    """3x224x224 -> (3, 224, 224)"""
    return tuple([int(part) for part in text.lower().replace(",", "x").split("x")])


def listed(text: str) -> tuple[str, ...]:
    """cat,dog -> ("cat", "dog")"""
    return tuple([part.strip() for part in text.split(",")])


whole = checked(int, lambda n: 0 <= n <= 2**63 - 1, "0 or a positive whole number")
positive = checked(int, lambda n: 0 < n <= MOST, f"a positive whole number, at most {MOST:,}")
few = checked(int, lambda n: 0 <= n <= 256, "a whole number from 0 to 256")
rate = checked(float, lambda x: x > 0 and math.isfinite(x), "a positive number")
width = checked(float, lambda x: 0 < x <= 10, "a number above 0, at most 10")
share = checked(float, lambda x: x >= 0 and math.isfinite(x), "0 or a positive number")
name = checked(str, lambda text: text != "" and "\0" not in text, "a name")
several = checked(listed, all, "names with commas between them, as cat,dog")
device = checked(device_word, lambda text: True, "cpu, cuda or cuda:NUMBER")
shape = checked(sizes, lambda ns: all([0 < n <= 10**6 for n in ns]), "positive sizes as 3x224x224")


# --- what several commands share -------------------------------------------------------------------------------

def add_json(parser: argparse._ActionsContainer, what: str = "the result") -> None:
    parser.add_argument("--json", action="store_true", help=f"print {what} as one JSON document")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", type=device, default="cpu", help="cpu, cuda or cuda:NUMBER (default: cpu)")


def add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", metavar="CxHxW", type=shape, action="append", default=[],
                        help="the size of the input, as 3x224x224; of a model with several inputs, once for each "
                             "(default: what the model was built for)")


def add_views(parser: argparse.ArgumentParser, default: str) -> None:
    """How many views of an image a network that marks every pixel answers, and averages."""
    parser.add_argument("--views", metavar="N", type=views, help="average U-Net's answers over so many views of each "
                        f"image: 1, or 8, its mirror images and quarter turns (default: {default})")


def views(text: str) -> int:
    if text not in map(str, VIEWS):
        raise argparse.ArgumentTypeError(f"expected {' or '.join(map(str, VIEWS))}, {text!r} came")
    return int(text)


def add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", metavar="N", type=few, default=0,
                        help="threads that read images ahead, which changes nothing but the time (default: 0)")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="show no progress")
