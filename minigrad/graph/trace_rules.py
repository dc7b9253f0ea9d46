"""How far what each op gives sees, by the geometry of the op: to which axes those of its arguments go.

Fused ops that have no rule here are followed through their definitions; any other op without one is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from ..fused import Fused
from ..geometry import each
from ..op import Op
from ..ops.interpolate import SMOOTH
from ..ops.padding import pairs
from ..ops.reductions import axes_of
from .symbol import Symbol
from .traces import ALL, LOST, Moves, Over, To
from .windows import Windows, adaptive, painting, resized, shifted, sliding

# A rule: (arguments by name, shape of the result) -> moves, by the names of those arguments that it knows.

Rule = Callable[[Mapping[str, Any], tuple[int, ...]], Mapping[str, Moves]]
RULES: dict[str, Rule] = {}

# In these files of minigrad/ops/ every primitive works element by element, and broadcasts.
ELEMENTWISE = {"activations", "dropouts", "elementwise", "error_function", "exponential", "logic", "loss_parts",
               "rounding", "smooth_activations", "trigonometry"}


def rule(*names: str) -> Callable:
    """Decorator: the rule of the ops of these names."""
    def register(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, f))
        return f
    return register


def rule_of(what: Op) -> Rule | None:
    """Of one of the library's ops; None if there is none, as for all others."""
    place, _, file = what.module.rpartition(".")
    if place != __package__.replace("graph", "ops"):
        return None
    return RULES.get(what.name) or (elementwise if file in ELEMENTWISE and not isinstance(what, Fused) else None)


def arrays(args: Mapping[str, Any]) -> dict[str, Symbol]:
    return {name: x for name, x in args.items() if isinstance(x, Symbol)}


def staying(x: Any) -> list[Any]:
    """Every axis where it is."""
    return [To(i) for i in range(len(x.shape))]


def elementwise(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    return {name: [To(i + len(shape) - len(x.shape)) for i in range(len(x.shape))] for name, x in arrays(args).items()}


RULES["broadcast_to"] = RULES["masked_fill"] = RULES["tril"] = RULES["triu"] = elementwise


@rule("matmul")
def matmul(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    a, b = args["a"], args["b"]
    m, n = len(a.shape), len(b.shape)
    batch = len(shape) - (m > 1) - (n > 1)
    left = [To(i + batch - (m - 2)) for i in range(m - 2)] + [To(batch)] * (m > 1) + [ALL]
    right = [To(i + batch - (n - 2)) for i in range(n - 2)] + [ALL] + [To(len(shape) - 1)] * (n > 1)
    return {"a": left, "b": right}


@rule("contract")
def contract(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    inputs, output = args["subscripts"].split("->")
    return {f"operands[{i}]": [To(output.index(letter)) if letter in output else ALL for letter in term]
            for i, term in enumerate(inputs.split(","))}


@rule("sum", "mean", "prod", "max", "min", "var", "logsumexp", "count_nonzero", "any", "all", "argmax", "argmin")
def reduction(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    x, gone = args["x"], axes_of(args["x"].shape, args["axis"])
    rest = [i for i in range(len(x.shape)) if args["keepdims"] or i not in gone]
    return {"x": [ALL if i in gone else To(rest.index(i)) for i in range(len(x.shape))]}


@rule("cumulative_sum", "argsort", "flip", "roll", "first_places")
def along_an_axis(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    """What comes from somewhere along an axis."""
    x = args["x"]
    if args["axis"] is None and len(x.shape) > 1:
        return {"x": [ALL] * len(x.shape)}
    return {"x": [ALL if i in axes_of(x.shape, args["axis"]) else To(i) for i in range(len(x.shape))]}


@rule("take_along_axis")
def take_along_axis(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    return {} if args["axis"] is None else along_an_axis(args, shape) | {
        name: staying(x) for name, x in arrays(args).items() if name == "indices"}


@rule("take")
def take(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    x, indices, axis = args["x"], args["indices"], args["axis"]
    if axis is None:
        return {}
    axis, more = axis % len(x.shape), len(getattr(indices, "shape", ()))
    picked = ALL if isinstance(indices, Symbol) else LOST if more else int(indices) % x.shape[axis]
    return {"x": [To(i) if i < axis else picked if i == axis else To(i + more - 1) for i in range(len(x.shape))],
            "indices": [To(axis + i) for i in range(more)]}


@rule("embedding", "one_hot")
def embedding(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    return {"x": staying(args["x"])}


# --- shapes -----------------------------------------------------------------------------------------------------

@rule("reshape", "expand_dims", "squeeze")
def reshape(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    """Axes are matched from the front, by how many elements there are before them; those of length 1 play no part."""
    x = args["x"]
    moves: list[Any] = [0] * len(x.shape)
    order = object()
    old, new = [[i for i, n in enumerate(lengths) if n != 1] for lengths in (x.shape, shape)]
    while old and new:
        here, there = [old.pop(0)], [new.pop(0)]
        before, behind = x.shape[here[0]], shape[there[0]]
        while before != behind and (old if before < behind else new):
            if before < behind:
                here.append(old.pop(0))
                before *= x.shape[here[-1]]
            else:
                there.append(new.pop(0))
                behind *= shape[there[-1]]
        for i, met in meetings([x.shape[i] for i in here], [shape[j] for j in there]).items():
            goals = tuple([there[j] for j in met])
            alone = len(goals) == 1 and x.shape[here[i]] == shape[goals[0]]
            moves[here[i]] = To(goals[0]) if alone else Over(goals, order)
    return {"x": moves}


def meetings(old: Sequence[int], new: Sequence[int]) -> dict[int, list[int]]:
    """For each axis of `old` those of `new`, of as many elements, to whose places its places contribute.

    An axis has the digits from one product of lengths to the next of an element's number; so has each new one. Where
    these products do not divide each other all axes contribute to all.
    """
    spans = [[(prod(lengths[i + 1:]), prod(lengths[i:])) for i in range(len(lengths))] for lengths in (old, new)]
    cuts = sorted({cut for ends in spans for span in ends for cut in span})
    if any([b % a for a, b in zip(cuts, cuts[1:], strict=False)]):
        return {i: list(range(len(new))) for i in range(len(old))}
    return {i: [j for j, (low, high) in enumerate(spans[1]) if low < end and start < high]
            for i, (start, end) in enumerate(spans[0])}


@rule("permute_dims")
def permute_dims(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    axes = [axis % len(shape) for axis in args["axes"]]
    return {"x": [To(axes.index(i)) for i in range(len(shape))]}


@rule("concat")
def concat(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    if args["axis"] is None:
        return {}
    axis = args["axis"] % len(shape)
    return {name: [Over((i,), object()) if i == axis else To(i) for i in range(len(shape))]
            for name in arrays(args)}


@rule("stack")
def stack(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    axis = args["axis"] % len(shape)
    return {name: [To(i + (i >= axis)) for i in range(len(shape) - 1)] for name in arrays(args)}


@rule("split")
def split(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    x, n, axis, part = args["x"], args["n"], args["axis"] % len(shape), args["path"][0]
    start = part * shape[axis] if not isinstance(n, (list, tuple)) else ([0, *n][part])
    return {"x": [To(i, shifted(start)) if i == axis else To(i) for i in range(len(x.shape))]}


@rule("unstack")
def unstack(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    axis = args["axis"] % len(args["x"].shape)
    return {"x": [args["path"][0] if i == axis else To(i - (i > axis)) for i in range(len(args["x"].shape))]}


@rule("getitem")
def getitem(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    x, index = args["x"], args["index"] if type(args["index"]) is tuple else (args["index"],)
    if not all([part is None or part is Ellipsis or isinstance(part, slice) or hasattr(part, "__index__")
                and not hasattr(part, "dtype") for part in index]):
        return {}
    missing = len(x.shape) - len([part for part in index if part is not None and part is not Ellipsis])
    full = [slice(None)] * missing
    at = index.index(Ellipsis) if Ellipsis in index else len(index)
    moves: list[Any] = []
    there = 0
    for part in (*index[:at], *full, *index[at + 1:]):
        if isinstance(part, slice):
            start, _, step = part.indices(x.shape[len(moves)])
            moves.append(To(there, shifted(start, step)) if step > 0 else ALL)
        elif part is not None:
            moves.append(int(part) % x.shape[len(moves)])
        there += not hasattr(part, "__index__")
    return {"x": moves}


@rule("pad")
def pad(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    return {"x": [To(i, shifted(-before)) for i, (before, _) in enumerate(pairs(args["pad_width"], len(shape)))]}


@rule("repeat", "tile")
def repeat(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    x = args["x"]
    if len(x.shape) != len(shape):
        return {}
    return {"x": [To(i) if n == m else Over((i,), object()) for i, (n, m) in
                  enumerate(zip(x.shape, shape, strict=True))]}


# --- windows ----------------------------------------------------------------------------------------------------

def on_images(channels: Any, views: Sequence[Windows]) -> list[Any]:
    """The moves of a batch of images or sequences: what becomes of the channels, and windows for the axes behind."""
    return [To(0), channels, *[To(i + 2, view) for i, view in enumerate(views)]]


def options(args: Mapping[str, Any], n: int, *names: str) -> list[tuple[int, ...]]:
    """Options of windows, each with a number for each of n axes."""
    return [each(args.get(name, 1 if name == "dilation" else 0), n, name) for name in names]


@rule("conv1d", "conv2d")
def convolution(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    kernel = args["weight"].shape[2:]
    return {"x": on_images(ALL, [sliding(*axis) for axis in zip(
        kernel, *options(args, len(kernel), "stride", "padding", "dilation"), strict=True)])}


@rule("conv_transpose1d", "conv_transpose2d")
def transposed_convolution(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    kernel = args["weight"].shape[2:]
    return {"x": on_images(ALL, [painting(*axis) for axis in zip(
        kernel, *options(args, len(kernel), "stride", "padding", "dilation"), strict=True)])}


@rule("max_pool1d", "max_pool2d", "max_pool1d_with_indices", "max_pool2d_with_indices", "avg_pool1d", "avg_pool2d",
      "lp_pool1d", "lp_pool2d")
def pooling(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    n = len(shape) - 2
    (kernel,) = options(args, n, "kernel_size")
    stride = kernel if args["stride"] is None else each(args["stride"], n, "stride")
    return {"x": on_images(To(1), [sliding(*axis) for axis in zip(
        kernel, stride, *options(args, n, "padding", "dilation"), strict=True)])}


@rule("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
      "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices")
def adaptive_pooling(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    sizes = zip(args["x"].shape[2:], shape[2:], strict=True)
    return {"x": [To(0), To(1), *[ALL if out == 1 else To(i + 2, adaptive(n, out)) for i, (n, out) in
                                  enumerate(sizes)]]}


@rule("resample")
def resample(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    x, axis = args["x"], args["axis"] % len(shape)
    view = resized(x.shape[axis], shape[axis], SMOOTH.get(args["kind"], args["kind"]), args["zoom"],
                   args["align_corners"], args["antialias"])
    return {"x": [To(i) if i != axis else LOST if view is None else To(i, view) for i in range(len(shape))]}


@rule("pixel_shuffle")
def pixel_shuffle(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    view, c = painting(args["upscale_factor"], args["upscale_factor"], 0), len(shape) - 3
    return {"x": [*[To(i) for i in range(c)], ALL, To(c + 1, view), To(c + 2, view)]}


@rule("pixel_unshuffle")
def pixel_unshuffle(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    """A place sees its block of pixels: each of its channels one of them, all together all."""
    view, c = sliding(args["downscale_factor"], args["downscale_factor"], 0), len(shape) - 3
    return {"x": [*[To(i) for i in range(c)], Over((c,), object()), To(c + 1, view), To(c + 2, view)]}


@rule("local_response_norm")
def local_response_norm(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    size = args["size"]
    return {"x": [To(0), To(1, sliding(size, 1, size // 2)), *staying(args["x"])[2:]]}


@rule("unfold")
def unfold(args: Mapping[str, Any], shape: tuple[int, ...]) -> Mapping[str, Moves]:
    """Windows as columns: an element is one pixel, its place one of p * q."""
    order = object()
    return {"x": [To(0), Over((1,), order), *[Over((1, 2), order)] * 2]}
