"""`minigrad step`: the walk over a model's backward pass, with fresh weights or a run's, on digits or at random."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from importlib.util import find_spec

import numpy as np

from ..backend import manual_seed
from ..data import DataError, digits
from ..debug import Quit, record, trace
from ..debug import step as walk_at_a_prompt
from ..debug.printed import check_names, random_batch_loss
from ..debug.printed import tell as tell_walk
from ..graph import Graph
from ..ops import cross_entropy, tensor
from ..tensor import Tensor
from .errors import Ended
from .grammar import Parser, add_input, add_json, name, one_of, positive, whole, wrapped
from .output import tell, tell_json
from .subject import WHAT, give_weights, sized, subject

DIGIT = (1, 32, 32)             # what `data.digits` gives
SOURCES = ("digits", "random")

USAGE = "step MODEL"
ABOUT = """
Send a small batch through a model and walk through its backward pass, the youngest call first: what arrives at each
call, the rule for each argument, and the gradient that it gives. At a terminal the debugger opens, h helps there;
elsewhere, and with --print or --into, the whole walk is printed.
"""
EXAMPLES = [
    ("minigrad step lenet5", "LeNet-5 at the debugger's prompt, on four handwritten digits"),
    ("minigrad step lenet5 --print", "all calls, printed"),
    ("minigrad step lenet5 --into conv2d", "go on inside of each convolution's definition"),
    ("minigrad step runs/lenet5-digits-seed0", "the network that a run has trained"),
    ("minigrad step lenet5 --html step.html", "a page to step through in a browser"),
    ("minigrad step lenet5 | less", "a page at a time"),
]


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES)
    parser.add_argument("model", metavar="MODEL", help=WHAT)
    parser.add_argument("--print", action="store_true", help="print the whole walk, also at a terminal")
    parser.add_argument("--into", metavar="OP", action="append", default=[],
                        help="print, and step into the definition of this op, as conv2d; may be given several times")
    parser.add_argument("--weights", metavar="FILE", type=name,
                        help="weights for the model, a safetensors file (default: fresh ones, or the run's)")
    parser.add_argument("--data", metavar="NAME", type=one_of("source", SOURCES),
                        help="what goes through the model: digits, training images of the UCI digits, or random, "
                             "random numbers (default: digits if scikit-learn is installed and the model reads them)")
    parser.add_argument("--batch-size", metavar="N", type=positive, default=4, help="how many images (default: 4)")
    add_input(parser)
    parser.add_argument("--seed", metavar="N", type=whole, default=0, help="of weights and batch (default: 0)")
    parser.add_argument("--html", metavar="FILE", type=name,
                        help="write the walk as a page to step through in a browser, one file that needs no network "
                             "(default: none)")
    add_json(parser, "the walk, as `trace.as_dict()` gives it")
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    check_names(args.into)
    manual_seed(args.seed)
    graph = sized(subject(args.model).graph, args.input)
    called = args.model
    if args.weights is not None:
        give_weights(graph, args.weights, args.model)
        called += f" with the weights of {args.weights}"
    if on_digits(graph, args.data, args.model):
        title, loss = digits_loss(graph, called, args.seed, args.batch_size)
    else:
        title, loss = random_batch_loss(graph, called, args.batch_size)
    if args.html is not None:
        return write_page(loss, title, args)
    if args.json:
        tell_json({"model": args.model, "title": title, "loss": float(loss.numpy()),
                   **trace(loss, into=args.into).as_dict()})
        return 0
    title = "\n".join([wrapped(line) for line in title.splitlines()])
    if args.print or args.into or not (sys.stdin.isatty() and sys.stdout.isatty()):
        tell_walk(title, loss, args.into, tell)
        return 0
    tell(f"{title}\nh helps, n goes on, s steps into a definition, q leaves\n")
    with suppress(Quit):
        walk_at_a_prompt(loss)
    return 0


def write_page(loss: Tensor, title: str, args: argparse.Namespace) -> int:
    """The page of `--html`."""
    try:
        seen = trace(loss, into=args.into)
        seen.to_html(args.html, title=title.splitlines()[0])
    except (ValueError, OSError) as error:
        raise Ended(str(error)) from error
    if args.json:
        tell_json({"model": args.model, "file": args.html, "events": len(seen)})
    else:
        tell(f"{len(seen)} events in {args.html}")
    return 0


# --- something to go backward from ------------------------------------------------------------------------------

def on_digits(graph: Graph, data: str | None, model: str) -> bool:
    """Whether digits go through the model; DataError where they were asked for and do not fit."""
    if data == "random" or data is None and not find_spec("sklearn"):
        return False
    reads = [graph.node(node).result.shape[1:] for node in graph.inputs] == [DIGIT]
    if data == "digits" and not reads:
        raise DataError(f"step: {model} does not read digits, which are {DIGIT}: ask for --data random")
    return reads


def digits_loss(graph: Graph, called: str, seed: int, batch: int) -> tuple[str, Tensor]:
    """What there is to say of a batch of real digits, and the loss of the model on it."""
    train = digits().train
    images, labels = train[np.random.default_rng(seed).permutation(len(train))[:batch]]
    with record(sources=False) as recorder:
        scores = graph(tensor(images))
        loss = cross_entropy(scores, tensor(labels))
    shown, read = ", ".join(map(str, labels)), ", ".join(map(str, scores.numpy().argmax(1)))
    return (f"{called} on {len(images)} UCI digits, {images.shape}\nthey are {shown}, it reads {read}\n"
            f"loss {float(loss):.4g}, {len(recorder.calls)} calls on the tape, the youngest first"), loss
