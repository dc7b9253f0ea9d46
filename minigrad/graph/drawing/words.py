"""What a drawing says of a node: its kind in a few words, its shapes, its parameters; and what family it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...nn.module import Module, Parameter
from ...op import Op
from ..nested import leaves
from ..node import Node, single

# By the file of minigrad.nn or minigrad.ops that a layer, or what it inherits from, or an op is in.
FILES = {
    "convolution": ("conv", "conv_transpose", "windows"),
    "pooling": ("pooling", "pool", "adaptive_pool", "unpool"),
    "normalisation": ("normalization", "local_normalization"),
    "activation": ("activation", "activations", "smooth_activations", "softmaxes"),
    "linear": ("linear", "linalg", "products", "bilinear", "embedding"),
    "sequence": ("attention", "recurrent", "recurrent_cells", "transformer"),
    "arithmetic": ("elementwise", "exponential", "error_function", "joining", "logic", "cumulative", "reductions",
                   "trigonometry", "rounding", "norms", "distance", "distances"),
}
FAMILIES = {file: family for family, files in FILES.items() for file in files}
BY_NAME = {"tanh": "activation", "sigmoid": "activation", "split": "other", "unstack": "other", "astype": "other",
           "copy": "other", "Flatten": "other", "Unflatten": "other", "Identity": "other", "identity": "other"}


def family_of(node: Node) -> str:
    """convolution, pooling, normalisation, activation, linear, arithmetic, sequence, input or other."""
    what = node.what
    if what is None:
        return "input"
    if node.kind in BY_NAME:
        return BY_NAME[node.kind]
    places = [what.module] if isinstance(what, Op) else [cls.__module__ for cls in type(what).__mro__]
    ours = [place.split(".")[-1] for place in places if place.startswith(("minigrad.nn.", "minigrad.ops."))]
    return next((FAMILIES[file] for file in ours if file in FAMILIES), "other")


# --- kinds ----------------------------------------------------------------------------------------------------

def plain_words(node: Node) -> str:
    """Its kind and what matters most of its options: "Conv2d 3\u00d73, stride 2"."""
    if not isinstance(node.what, Module):
        return node.kind
    words = [f"{node.kind} {main_option(node.what)}".rstrip(), *other_options(node.what)]
    return ", ".join(words)


def main_option(layer: Module) -> str:
    """The size of a kernel, the lengths of a matrix, ..."""
    own = vars(layer)
    if own.get("kernel_size") is not None:
        return times(own["kernel_size"], axes(layer))
    for first, second in ("in_features", "out_features"), ("input_size", "hidden_size"):
        if first in own and second in own:
            return f"{own[first]} \u2192 {own[second]}"
    if "num_embeddings" in own:
        return f"{own['num_embeddings']} \u00d7 {own['embedding_dim']}"
    if own.get("output_size") is not None:
        return "to " + times(own["output_size"], axes(layer))
    if own.get("scale_factor") is not None:
        return "\u00d7" + number(own["scale_factor"])
    return number(own["p"]) if isinstance(own.get("p"), (int, float)) else ""


def other_options(layer: Module) -> list[str]:
    own, several = vars(layer), axes(layer)
    found = []
    stride, kernel = own.get("stride"), own.get("kernel_size")
    usual = kernel if "return_indices" in own or "Pool" in type(layer).__name__ else 1
    if stride is not None and tuple_of(stride, several) != tuple_of(usual, several):
        found.append("stride " + times(stride, several, once=True))
    if own.get("dilation") is not None and set(tuple_of(own["dilation"], several)) != {1}:
        found.append("dilation " + times(own["dilation"], several, once=True))
    if isinstance(own.get("groups"), int) and own["groups"] > 1:
        found.append("depthwise" if own["groups"] == own.get("in_channels") else f"{own['groups']} groups")
    if isinstance(own.get("num_groups"), int):
        found.append(f"{own['num_groups']} groups")
    if isinstance(own.get("num_heads"), int):
        found.append(f"{own['num_heads']} head" + "s" * (own["num_heads"] > 1))
    if isinstance(own.get("num_layers"), int) and own["num_layers"] > 1:
        found.append(f"{own['num_layers']} layers")
    return found + ["both ways"] * (own.get("bidirectional") is True)


def axes(layer: Module) -> int:
    """2 for a layer whose name ends in 2d."""
    return next((int(name[-2]) for name in [cls.__name__ for cls in type(layer).__mro__]
                 if len(name) > 2 and name[-1] == "d" and name[-2] in "123"), 1)


def tuple_of(x: Any, several: int) -> tuple:
    return tuple(x) if isinstance(x, Sequence) else (x,) * several


def times(x: Any, several: int, once: bool = False) -> str:
    """5 or (5, 5) of two axes -> "5\u00d75"; once: equal ones are said once."""
    parts = tuple_of(x, several)
    parts = parts[:1] if once and len(set(parts)) == 1 else parts
    return "\u00d7".join(["?" if n is None else str(n) for n in parts])


def number(x: Any) -> str:
    if isinstance(x, (int, float)):
        return f"{x:g}"
    return "\u00d7".join(map(str, x)) if isinstance(x, Sequence) else str(x)


# --- shapes and parameters ------------------------------------------------------------------------------------

def shape_words(shape: Sequence | None) -> str:
    """("n", 6, 28, None) -> "n \u00d7 6 \u00d7 28 \u00d7 ?" """
    if shape is None:
        return "nothing"
    return " \u00d7 ".join(["?" if length is None else str(length) for length in shape]) or "a number"


def shape_at(node: Node, path: Sequence[int]) -> Any:
    """The shape of one of a node's results."""
    shape = node.shape
    for i in path:
        shape = shape[i]
    return shape


def parameters_in(node: Node) -> list[Parameter]:
    """Of its layer and among its arguments, each once."""
    own = list(node.what.parameters()) if isinstance(node.what, Module) else []
    found = [*own, *leaves([node.args, node.options])]
    return list({id(p): p for p in found if isinstance(p, Parameter)}.values())


def numbers_of(node: Node) -> int:
    """How many numbers it learns."""
    return sum([p.data.size for p in parameters_in(node)])


def is_frozen(node: Node) -> bool:
    """Whether it is a layer that could learn and must not."""
    return isinstance(node.what, Module) and not node.what.trainable and bool(parameters_in(node))


def described(node: Node) -> str:
    """A layer with all its options; an op's name."""
    return repr(node.what) if isinstance(node.what, Module) else node.kind


def all_words(node: Node, count: int) -> str:
    """The whole of a node with `count` parameters, for those who point at it."""
    lines = [node.name, described(node)]
    if node.refs:
        lines.append("takes " + ", ".join(dict.fromkeys([str(ref) for ref in node.refs])))
    lines.append("gives " + ", ".join([shape_words(shape) for shape in single(node.result, node.other)]))
    return "\n".join(lines + [f"{count:,} parameters"] * bool(count))
