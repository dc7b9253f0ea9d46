"""`minigrad bench`: where a training step's time goes on this machine. (Careful comparisons are in benchmarks/.)"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from ..backend import device_name, manual_seed, peak_memory, synchronize
from ..debug.printed import outputs_of, random_input, random_loss, sum_of
from ..graph import Graph
from ..optim import SGD
from ..tensor import no_grad
from ..train.run_folder import hardware, versions
from . import versus
from .bar import shown
from .errors import Ended
from .grammar import Parser, add_device, add_input, add_json, add_quiet, positive, whole
from .output import plural, table, tell, tell_json
from .subject import WHAT, sized, subject

PARTS = ("forward", "loss", "backward", "update")
ROUNDS = 5                      # turns of each side of a comparison
WARM_UP = 2                     # steps before the clock counts: buffers, caches, the GPU's kernels

USAGE = "bench [MODEL]"
ABOUT = """
Time training steps of a model on random images, part by part: forward, loss, backward, and the optimizer's update;
and prediction, forward alone in eval mode. Shown are medians, images per second and the memory that a step needs.

With --compare, instead: training steps of LeNet-5 and of a small ResNet beside PyTorch, if it is installed, in turns,
and how fast this machine multiplies matrices. That takes less than two minutes.
"""
EXAMPLES = [
    ("minigrad bench", "LeNet-5, 32 images a step"),
    ("minigrad bench lenet5 --batch-size 256 --steps 10", "larger steps, fewer of them"),
    ("minigrad bench lenet5 --threads 2", "with two BLAS threads instead of one"),
    ("minigrad bench --compare", "beside PyTorch, both with all processors"),
]
MORE = """
A machine that has other work to do measures that too: look at the spread, and repeat. To compare machines or engines
carefully, see benchmarks/README.md.
"""


def parser() -> Parser:
    parser = Parser(USAGE, ABOUT, EXAMPLES, MORE)
    parser.add_argument("model", metavar="MODEL", nargs="?", default="lenet5", help=f"{WHAT} (default: lenet5)")
    parser.add_argument("--batch-size", metavar="N", type=positive, default=32, help="images a step (default: 32)")
    add_input(parser)
    parser.add_argument("--steps", metavar="N", type=positive, default=20, help="steps that are timed (default: 20)")
    parser.add_argument("--threads", metavar="N", type=positive,
                        help="BLAS threads (default: 1, as in training, if threadpoolctl is installed); with --compare "
                             "all threads of both (default: as many as processors)")
    parser.add_argument("--compare", action="store_true", help="training steps of two small networks beside PyTorch")
    parser.add_argument("--seed", metavar="N", type=whole, default=0, help="of weights and images (default: 0)")
    add_device(parser)
    add_quiet(parser)
    add_json(parser)
    return parser


def run(args: argparse.Namespace, command: str) -> int:
    if args.compare:
        return compare(args)
    with threads(args.threads) as count:
        manual_seed(args.seed)
        graph = sized(subject(args.model).graph, args.input).to(args.device)
        found = {"model": args.model, "batch_size": args.batch_size, "steps": args.steps, "device": args.device,
                 "device_name": device_name(args.device), "blas_threads": count,
                 **measured(graph, args.batch_size, args.steps, args.device, args.quiet),
                 "hardware": hardware(), "versions": versions()}
    if args.json:
        tell_json(found)
    else:
        tell(told(found))
    return 0


@contextmanager
def threads(wanted: int | None) -> Iterator[int | None]:
    """Inside, BLAS uses `wanted` threads, one if it is None; how many it uses, None if nobody can tell."""
    if not find_spec("threadpoolctl"):
        if wanted is not None:
            raise Ended('--threads needs threadpoolctl, which is not installed: pip install "minigrad[demo]"')
        yield None
        return
    from threadpoolctl import threadpool_info, threadpool_limits

    with threadpool_limits(wanted or 1, user_api="blas"):
        yield max([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"], default=None)


# --- measuring ----------------------------------------------------------------------------------------------------

class Stage:
    """One model, one optimizer and one batch, on a device."""

    def __init__(self, graph: Graph, batch: int, device: str):
        self.graph, self.device = graph, device
        self.xs = [random_input(graph, node, batch).to(device) for node in graph.inputs]
        self.optimizer = SGD(graph.parameters(), lr=1e-3, momentum=0.9)

    def step(self) -> dict[str, float]:
        """One training step: part -> seconds."""
        seconds: dict[str, float] = {}
        self.graph.train()
        y = self.timed(seconds, "forward", lambda: self.graph(*self.xs))
        loss = self.timed(seconds, "loss", lambda: sum_of(random_loss(part) for part in outputs_of(y)))
        self.optimizer.zero_grad()
        self.timed(seconds, "backward", loss.backward)
        self.timed(seconds, "update", self.optimizer.step)
        return seconds

    def predict(self) -> dict[str, float]:
        """One batch in eval mode, nothing recorded."""
        seconds: dict[str, float] = {}
        self.graph.eval()
        with no_grad():
            self.timed(seconds, "predict", lambda: self.graph(*self.xs))
        return seconds

    def timed(self, seconds: dict[str, float], part: str, act: Callable[[], Any]) -> Any:
        """Do it, wait for the device, and note how long it took."""
        started = perf_counter()
        result = act()
        synchronize(self.device)
        seconds[part] = perf_counter() - started
        return result


def measured(graph: Graph, batch: int, steps: int, device: str, quiet: bool) -> dict[str, Any]:
    """The timings of all parts, images a second and peak memory."""
    stage = Stage(graph, batch, device)
    with peak_memory(device) as peak:           # slows Python down: in a pass of its own
        stage.step()
        training = peak()
    total = WARM_UP + steps
    taken = [{**stage.step(), **stage.predict()} for _ in shown(range(total), total, "step", quiet)][WARM_UP:]
    whole_step = [sum([one[part] for part in PARTS]) for one in taken]
    times = {part: spread([one[part] for one in taken]) for part in (*PARTS, "predict")} | {"step": spread(whole_step)}
    rates = {kind: batch / times[kind]["median"] for kind in ("step", "predict")}
    return {"seconds": times, "images_per_second": rates,
            "peak_memory_bytes": training, "parameters": sum([p.data.size for p in graph.parameters()])}


def spread(values: list[float]) -> dict[str, float]:
    """Median and the quartiles around it."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": median(values), "low": low, "high": high}


# --- telling ------------------------------------------------------------------------------------------------------

def told(found: dict[str, Any]) -> str:
    """The figures as a table, and what they were taken on."""
    times, rate = found["seconds"], found["images_per_second"]
    whole_step = times["step"]["median"]
    rows = [[part, *milliseconds(times[part]), f"{100 * times[part]['median'] / whole_step:.0f} %", ""]
            for part in PARTS]
    rows += [["training step", *milliseconds(times["step"]), "", f"{rate['step']:,.0f}"],
             ["prediction", *milliseconds(times["predict"]), "", f"{rate['predict']:,.0f}"]]
    figures = ["median ms", "half between", "share", "images/s"]
    blas = "BLAS threads unknown" if found["blas_threads"] is None else plural(found["blas_threads"], "BLAS thread")
    machine, versions_ = found["hardware"], found["versions"]
    return "\n".join([
        f"{found['model']}, {plural(found['batch_size'], 'image')} a step, {plural(found['steps'], 'step')} timed, "
        f"{found['parameters']:,} parameters", "",
        table(["", *figures], rows, right=figures),
        "", f"peak memory of a training step: {found['peak_memory_bytes'] / 2**20:,.1f} MiB beside the weights",
        f"{found['device']}: {found['device_name']}",
        f"{machine['usable_processors']} of {machine['processors']} processors usable, {blas}",
        f"{machine['system'].partition('-')[0]}, Python {versions_['python']}, NumPy {versions_['numpy']}, "
        f"minigrad {versions_['minigrad']}"])


def milliseconds(times: dict[str, float]) -> list[str]:
    return [f"{1000 * times['median']:.3f}", f"{1000 * times['low']:.3f} - {1000 * times['high']:.3f}"]


# --- beside PyTorch -----------------------------------------------------------------------------------------------

def compare(args: argparse.Namespace) -> int:
    """`bench --compare`."""
    if args.device != "cpu":
        raise Ended("--compare measures the CPU: leave --device out")
    machine = hardware()
    number = args.threads or machine["usable_processors"]
    with versus.using_threads(number):
        rows = [compared_row(net, args.steps) for net in shown(versus.SMALL, len(versus.SMALL), "network", args.quiet)]
        found = {"threads": number, "gemm_gflops": versus.gemm_gflops(), "rows": rows, "hardware": machine,
                 "versions": versions() | {"torch": getattr(versus.pytorch(), "__version__", None)}}
    if args.json:
        tell_json(found)
    else:
        tell(told_compared(found))
    return 0


def compared_row(net: versus.Net, steps: int) -> dict[str, Any]:
    """A network's training step on both sides; what each turn lasts follows from --steps, 20 of them 0.3 seconds."""
    both = versus.sides(net)
    versus.prove(net, both)
    times = versus.in_turns({name: one.step for name, one in both.items()}, ROUNDS, versus.BLOCK * steps / 20)
    found = versus.compared(times, "minigrad")
    return {"network": net.title, "batch_size": net.batch, "minigrad_ms": found["ms"], "pytorch_ms": found["other_ms"],
            "ratio": found["ratio"], "least": found["least"], "largest": found["largest"]}


def told_compared(found: dict[str, Any]) -> str:
    """The comparison as a table."""
    figures = ["images", "minigrad ms", "PyTorch ms", "ratio", "from - to"]
    rows = [[row["network"], str(row["batch_size"]), f"{row['minigrad_ms']:.2f}",
             *(["-"] * 3 if row["ratio"] is None else
               [f"{row['pytorch_ms']:.2f}", f"{row['ratio']:.2f}", f"{row['least']:.2f} - {row['largest']:.2f}"])]
            for row in found["rows"]]
    machine, versions_ = found["hardware"], found["versions"]
    torch = f"PyTorch {versions_['torch']}" if versions_["torch"] else "no PyTorch: pip install torch"
    return "\n".join([
        f"training steps on the CPU, {plural(found['threads'], 'thread')} each, medians of {ROUNDS} turns", "",
        table(["", *figures], rows, right=figures), "",
        "ratio: minigrad's time over PyTorch's; below 1 minigrad is faster",
        f"matrix products reach {found['gemm_gflops']:,.0f} GFLOP/s in float32",
        f"{machine['processor']}, {machine['usable_processors']} of {machine['processors']} processors usable",
        f"Python {versions_['python']}, NumPy {versions_['numpy']}, minigrad {versions_['minigrad']}, {torch}"])
