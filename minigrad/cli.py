"""The command `minigrad`: train a model, step through its backward pass, list the models.

What can be expected to go wrong (a missing folder or library, a damaged file, an unknown name, a loss that is nan) is
one line on stderr and a status other than 0; anything else is a fault of the program and shows its traceback.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

from . import __version__, models
from .backend import DeviceError, parse_device
from .data import DataError
from .debug import UnknownOpError
from .train.job import RECIPES, Job, run
from .train.nonfinite import NonFiniteLoss
from .train.progress import choose
from .train.run_folder import RunFolderError
from .train.step import SOURCES, WeightsError, step

BAD_INPUT, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class OutputError(OSError):
    """Standard output cannot be written."""


class Terminated(BaseException):
    """Another process, or the end of the terminal, asked this one to stop; the message is the signal's name."""


EXPECTED = (models.UnknownModelError, UnknownOpError, DataError, DeviceError, RunFolderError, WeightsError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default the process's own; the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        with terminable():
            args = make_parser().parse_args(words)
            return args.act(args, shlex.join(["minigrad", *words]))
    except EXPECTED as error:
        return complain(str(error), BAD_INPUT)
    except (NonFiniteLoss, OutputError) as error:
        return complain(str(error), FAILED)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except Terminated as error:
        return complain(f"terminated ({error})", TERMINATED)
    except BrokenPipeError:                     # `minigrad step lenet5 | head` has seen enough
        return 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            settle(stream)


def complain(message: str, status: int) -> int:
    with suppress(OSError):                     # if nobody can hear it there is still the status
        print(f"minigrad: error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return status


def say(text: str, end: str = "\n") -> None:
    """Print to standard output, now: what cannot be written is known at once."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output cannot be written ({error.strerror or error})") from error


def settle(stream: TextIO | None) -> None:
    """Throw away what a stream could not write, or Python would try again at its end and complain."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def terminable() -> Iterator[None]:
    """Inside, signals that end the process raise Terminated, so that a run can say in its folder why it stopped.

    Those that are ignored, as under nohup, or have a handler stay as they are.
    """
    def terminate(number: int, frame: object) -> NoReturn:
        raise Terminated(signal.Signals(number).name)

    taken = []
    try:
        for number in SIGNALS:
            with suppress(ValueError):          # not in the main thread, where alone signals arrive
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, terminate)
                    taken.append(number)
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


# --- what can be asked ----------------------------------------------------------------------------------------

class Parser(argparse.ArgumentParser):
    """A wrong argument is one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        sys.exit(complain(f"{message} (see {self.prog} --help)", BAD_INPUT))

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help and version: argparse would not say that they cannot be written."""
        say(message, end="")


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="minigrad", description="A deep-learning engine to read in an evening.")
    parser.add_argument("--version", action="version", version=f"minigrad {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_train(commands.add_parser("train", help="train a model on handwritten digits", description=(
        "Train a model, choose an epoch by a validation part, read the test part once, and leave a run folder with "
        "weights, history and pictures.")))
    walk = commands.add_parser("step", help="print a model's backward pass, step by step")
    walk.add_argument("model", help=f"one of {', '.join(models.names())}")
    walk.add_argument("--into", metavar="OP", action="append", default=[],
                      help="step into the definition of this op, as conv2d; may be given again")
    walk.add_argument("--weights", metavar="FILE", type=name, help="weights of a trained model, which a run leaves as "
                      "weights.safetensors; without, fresh ones")
    walk.add_argument("--data", choices=SOURCES, help="what goes through the model: training images of the UCI digits, "
                      "or random numbers (digits where scikit-learn is installed)")
    walk.add_argument("--seed", type=whole, default=0, help="of weights and batch (0)")
    walk.set_defaults(act=step_through)
    listing = commands.add_parser("models", help="list the models, or show one")
    listing.add_argument("model", nargs="?", help="show its layers, shapes, parameters and multiplications")
    listing.set_defaults(act=list_models)
    return parser


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=f"one of {', '.join(models.names())}")
    parser.add_argument("--data", choices=sorted(RECIPES), default="digits",
                        help="UCI digits, which come with scikit-learn, or MNIST's files in --root (digits)")
    parser.add_argument("--root", metavar="DIR", type=name, help="the folder of MNIST's four IDX files, plain or .gz")
    parser.add_argument("--out", metavar="DIR", type=name, help="the run folder; a finished run in it is kept until "
                        "this one has finished, and then replaced (runs/MODEL-DATA-seedSEED)")
    parser.add_argument("--seed", type=whole, default=0, help="of weights, split, order and augmentation (0)")
    parser.add_argument("--epochs", type=positive, help=per_data("epochs"))
    parser.add_argument("--batch-size", type=positive, help=per_data("batch_size"))
    parser.add_argument("--lr", type=rate, help=f"learning rate of the first step; {per_data('learning_rate')}")
    parser.add_argument("--device", type=device, default="cpu", help="cpu, cuda or cuda:NUMBER (cpu)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(act=train)


def per_data(setting: str) -> str:
    """The defaults of the data sets: "100 for digits, 20 for mnist"."""
    return ", ".join([f"{getattr(recipe.settings, setting)} for {name}" for name, recipe in RECIPES.items()])


def checked(convert: Callable[[str], Any], fits: Callable[[Any], bool], expected: str) -> Callable[[str], Any]:
    """A type for argparse: says what was expected where the text does not convert or fit."""
    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not fits(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, {text!r} came")
        return value
    return parse


whole = checked(int, lambda n: n >= 0, "0 or a positive whole number")
name = checked(str, lambda text: text != "", "a name")
positive = checked(int, lambda n: n > 0, "a positive whole number")
rate = checked(float, lambda x: x > 0 and math.isfinite(x), "a positive number")
device = checked(lambda text: parse_device(text) and text, lambda text: True, 'cpu, cuda or cuda:NUMBER')


# --- doing it -------------------------------------------------------------------------------------------------

def train(args: argparse.Namespace, command: str) -> int:
    make = models.find(args.model)
    job = Job(args.model, lambda classes: make(num_classes=classes), args.data, args.root, args.seed, args.out,
              args.device, args.epochs, args.batch_size, args.lr)
    result = run(job, command, lambda epochs, images: choose(epochs, images, args.quiet))
    say(json.dumps(result) if args.json else told(result))
    return 0


def told(result: dict[str, Any]) -> str:
    """The result for people."""
    errors = result["test_errors"]
    return (f"test accuracy {100 * result['test_accuracy']:.2f} % ({errors} error{'s' * (errors != 1)} in "
            f"{result['test_images']:,} images; always answering {result['baseline_class']}: "
            f"{100 * result['baseline_accuracy']:.2f} %)\n"
            f"weights of epoch {result['chosen_epoch']}, which had the best validation accuracy, "
            f"{100 * result['validation_accuracy']:.2f} %\n"
            f"trained in {result['seconds']:.1f} s; weights, history and pictures are in {result['folder']}")


def step_through(args: argparse.Namespace, command: str) -> int:
    step(models.find(args.model), args.into, args.seed, args.weights, args.data, say)
    return 0


def list_models(args: argparse.Namespace, command: str) -> int:
    if args.model is None:
        say("\n".join(models.names()))
    else:
        say(models.create(args.model).summary())
    return 0
