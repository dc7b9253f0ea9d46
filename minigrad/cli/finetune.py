"""`minigrad finetune`: a trained network with a new head, for other classes; transfer learning."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import models, nn
from ..data import source
from ..graph import Graph
from ..graph.head import pairs
from ..train import Callback, Trainer
from ..train.job import Job, Origin
from ..train.recipes import TUNING
from .data_argument import add_choice, add_data, statistics
from .errors import Ended
from .grammar import Parser, name
from .output import plural
from .run_record import Run, unfinished
from .subject import Subject, give_weights, image_shape
from .subject import trained as trained_model
from .train import add_training, asked, goes_on, tell_aside, trained

EVERY_SIZE = (1, 10**6)         # sides of images for a network whose paper we do not know
ALL, NONE = "all", "none"       # of --freeze
OR_NONE = (str, type(None))

USAGE = "finetune RUN"
ABOUT = """
Transfer learning: take a trained network, put a new head in the place of the old one, with as many outputs as the new
data have classes, and train it on. It leaves a run folder as minigrad train does, whose run.json says where the network
came from.
"""
EXAMPLES = [
    ("minigrad train lenet5 --classes 0,1,2,3,4 --out runs/low", "a network that has only seen the digits up to 4"),
    ("minigrad finetune runs/low --classes 5,6,7,8,9 --per-class 10", "teach it the others, from 10 images of each"),
    ("minigrad finetune runs/low --classes 5,6,7,8,9 --freeze all --out runs/frozen",
     "its features as they are: the new head alone learns"),
    ("minigrad finetune runs/low --classes 8,9 --cut tanh_3 --freeze s4",
     "cut it after the node tanh_3, and freeze it up to s4 (minigrad summary runs/low lists the nodes)"),
    ("minigrad finetune runs/cifar --data folder --root photos", "on one's own images, one folder for each class"),
    ("minigrad finetune vgg11 --weights vgg11.safetensors --data folder --root a.zip",
     "from torchvision's weights, saved as safetensors"),
    ("minigrad finetune --resume runs/frozen", "go on where Ctrl-C, a crash or a power cut has stopped a run"),
]
MORE = """
The new head is a layer like the old one, the last with parameters. With --cut everything after that node goes, and the
new head is a linear layer; maps are averaged before it. Auxiliary heads go too.

Frozen layers keep their weights to the last bit, and their BatchNorm its running statistics; a step costs less then.

Learning rate and weight decay are those of the model's paper, the rate in proportion to the smaller batch, where
minigrad train --help lists it.

Images become what the network has learnt from: its size, its channels, its normalisation. Validation is the share of
the training images that chooses the epoch, as in minigrad train, whose help tells more of the options below.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("run", metavar="RUN", nargs="?", help="the folder of a run, or a file that holds a model; with "
                        "--weights the name of a model")
    parser.add_argument("--weights", metavar="FILE", type=name, help="weights for the model that is named, a "
                        "safetensors file (default: RUN has them)")
    parser.add_argument("--resume", metavar="RUN", type=name,
                        help="go on with an unfinished run, in its folder (default: begin a new one)")
    parser.add_argument("--cut", metavar="NODE", type=name, help="keep the network up to this node or block (default: "
                        "all but its last layer)")
    parser.add_argument("--freeze", metavar="WHAT", type=name, help="what does not learn: all that is kept, none, or "
                        f"everything up to a node or block, by its name (default: {NONE})")
    add_data(parser, "what the network was trained on", "the run's, or the cache")
    add_choice(parser)
    parser.add_argument("--out", metavar="DIR", type=name, help="the run folder (default: "
                        "runs/MODEL-finetuned-DATA-seedSEED)")
    add_training(parser, TUNING)
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    return trained(new_job(args) if args.resume is None else resumed_job(args), args, command, Counted())


class Counted(Callback):
    """Says at the beginning how much of the network learns."""

    def on_train_begin(self, trainer: Trainer) -> None:
        sizes = [(p.size, p.requires_grad) for p in trainer.model.parameters()]
        free, whole = sum([size for size, learns in sizes if learns]), sum([size for size, _ in sizes])
        tell_aside(f"{free:,} of {plural(whole, 'parameter')} learn")


def new_job(args: argparse.Namespace) -> Job:
    """What shall be run."""
    if args.run is None:
        raise Ended("the following arguments are required: RUN, or --resume RUN (see minigrad finetune --help)")
    model = learnt(args.run, args.weights)
    own = model.run if model.run is not None and args.data in (None, model.run.data) else None
    data = args.data or (own.data if own else None)
    if data is None:
        raise Ended(f"{model.name} does not say what it was trained on: name the data with --data")
    if source(data).masks:
        raise Ended(f"--data {data} has a class for every pixel, and a new head gives one for each image: minigrad "
                    "train trains networks for masks")
    if args.root is None and own is not None:
        args.root = own.root
    said = {"from": place(args.run), "weights": args.weights and place(args.weights), "cut": args.cut,
            "freeze": args.freeze or NONE}
    job = Job(called(model), **asked(args, data), **begun(model, said))
    job = replace(job, out=args.out or f"runs/{job.model}-finetuned-{data}-seed{job.seed}")
    if model.run is not None and os.path.realpath(job.folder) == os.path.realpath(model.run.folder):
        raise Ended(f"--out {job.folder}: is the run that the network comes from: name another folder")
    return job


def resumed_job(args: argparse.Namespace) -> Job:
    """An unfinished run, as its run.json says; Ended where an option contradicts that."""
    run = Run(unfinished(args.resume))
    said = run.get("settings", "origin", kind=dict, default={})
    args.run, args.weights = [None if word is None else place(word) for word in (args.run, args.weights)]
    known = goes_on(args, run, "finetune", {"RUN": said.get("from"), "--weights": said.get("weights"),
                                            "--cut": said.get("cut"), "--freeze": said.get("freeze")})
    for key, kind in (("from", str), ("freeze", str), ("weights", OR_NONE), ("cut", OR_NONE)):
        run.get("settings", "origin", key, kind=kind)           # Ended where it is damaged
    return Job(run.model, **known, **begun(learnt(said["from"], said["weights"]), said))


# --- where it comes from ------------------------------------------------------------------------------------------

def learnt(word: str, weights: str | None) -> Subject:
    """The trained network that is meant, by its folder or file, or by the name of a model and a file of weights."""
    if weights is None:
        return trained_model(word)
    if word not in models.names() and Path(word).exists():
        raise Ended(f"--weights {weights}: {word} has its own: --weights goes with the name of a model")
    graph = models.create(word)
    give_weights(graph, weights, word)
    return Subject(word, graph)


def called(model: Subject) -> str:
    """lenet5, also of a run on it; of a file its name without the suffix."""
    return model.run.model if model.run is not None else Path(model.name).stem


def place(word: str) -> str:
    """A path that means the same from everywhere; the name of a model as it is."""
    return word if word in models.names() and not os.path.exists(word) else os.path.abspath(word)


def begun(model: Subject, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a job must know of the network that it begins with; said: what run.json says of it. Ended where it cannot be
    cut or frozen like that."""
    cut, freeze, kind = said["cut"], said["freeze"], called(model)
    with_head(model, 2, cut, freeze)                        # what is wrong is known before any data are read
    known = models.CARDS.get(kind)
    return {"make_model": lambda classes, channels: with_head(model, classes, cut, freeze),
            "called": f"{known.title if known else kind}, fine-tuned",
            "sides": (known.least_side, known.image[1]) if known else EVERY_SIZE,
            "origin": Origin(said, image_shape(model), normalised(model))}


def normalised(model: Subject) -> Any:
    """Mean and std of the images that it has learnt from; those of a network that normalises by itself change nothing;
    None where nobody says."""
    if model.run is None and any([isinstance(layer, nn.Normalization) for layer in model.graph.modules()]):
        return 0.0, 1.0
    return statistics(model.run)


# --- the network --------------------------------------------------------------------------------------------------

def with_head(model: Subject, classes: int, cut: str | None, freeze: str) -> Graph:
    """The network with a new head for so many classes, frozen as it was asked for; Ended where that cannot be."""
    old = scores_alone(model)
    old.unfreeze()
    if freeze == ALL:
        old.freeze()
    new = headed(model, old, classes, cut)
    end = new.node(new.outputs.node)
    if len(end.shape) != 2:
        raise Ended(f"{model.name} with a new head gives {shown(end.shape)}, not scores (n, classes): name with --cut "
                    "the node that the new head shall read")
    kept = {id(p) for p in old.parameters()}
    if not any([id(p) in kept for p in new.parameters()]):
        raise Ended(f"--cut {cut}: nothing that {model.name} has learnt lies before it: cut later")
    if freeze not in (ALL, NONE):
        frozen_until(model, new, freeze)
    return new


def scores_alone(model: Subject) -> Graph:
    """The network without auxiliary heads: with one output, its scores."""
    ends = dict(pairs(model.graph.outputs))
    end = ends["main"] if "main" in ends else next(iter(ends.values()))
    return model.graph if list(ends) == [None] else model.graph.cut(at=end.node)


def headed(model: Subject, old: Graph, classes: int, cut: str | None) -> Graph:
    try:
        if cut is not None:
            return old.replace_head(lambda x: head(x, classes), at=cut)
        return old.replace_head(num_classes=classes)
    except (ValueError, TypeError) as error:
        text = str(error).removeprefix("replace_head: ")
        raise Ended(f"--cut {cut}: {text}" if cut is not None else
                    f"{model.name}: its head cannot be exchanged ({text}): name with --cut the node that the new head "
                    "shall read") from error


def head(x: Any, classes: int) -> Any:
    """Scores (n, classes) of features (n, d), or of maps (n, c, h, w), which are averaged."""
    shape = None if isinstance(x, tuple) else x.shape
    if shape is not None and len(shape) == 4:
        x = nn.Flatten()(nn.AdaptiveAvgPool2d(1)(x))
        shape = x.shape
    if shape is None or len(shape) != 2 or not isinstance(shape[1], int):
        came = "several values" if shape is None else shown(shape)
        raise ValueError(f"there it gives {came}, and a new head reads features (n, d) or maps (n, c, h, w): cut "
                         "elsewhere")
    return nn.Linear(shape[1], classes)(x)


def frozen_until(model: Subject, graph: Graph, until: str) -> None:
    """Freeze the network up to a node; Ended where that is not there, or leaves nothing to learn."""
    try:
        graph.freeze(until=until)
    except ValueError as error:
        raise Ended(f"--freeze {until}: {str(error).removeprefix('freeze: ')} (or all, or none)") from error
    if not any([p.requires_grad for p in graph.parameters()]):
        raise Ended(f"--freeze {until}: the new head lies before it, so nothing would learn: name an earlier node, or "
                    "all")


def shown(shape: Any) -> str:
    """(n, 16, any, any)"""
    return f"(n, {', '.join([str(size) if isinstance(size, int) else 'any' for size in shape[1:]])})"
