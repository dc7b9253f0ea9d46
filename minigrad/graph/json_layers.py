"""The layers of a graph as JSON: what kind each is, what it is made of, and under which names its weights are.

    "c1": {"kind": "Conv2d", "config": {"in_channels": 1, "out_channels": 6, ...},
           "parameters": {"weight": "c1.weight", "bias": "c1.bias"}}

A layer comes after those that are inside it, which it names under "modules". "custom" marks those that are not
minigrad's. "training", "trainable" and "one_node" are there where they are not as in a new layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from .. import nn
from ..nn.module import Module
from ..nn.new_parameters import skip_init
from .graph import Graph
from .json_values import Names, Things, check_keys, cut, expect, short

OWN_LAYERS = {name: layer for name, layer in vars(nn).items()
              if name in vars(nn)["__all__"] and isinstance(layer, type) and issubclass(layer, Module)}
KEYS = ("kind", "custom", "config", "graph", "parameters", "buffers", "modules", "training", "trainable", "one_node")
FLAGS = {"training": True, "trainable": True, "one_node": False}        # name -> what it is in a new layer
DEPTH = 50                              # how many layers may be inside each other
MODULES = 100_000                       # how many there may be, a shared one counted wherever it is


# --- into JSON ------------------------------------------------------------------------------------------------

def inside_out(module: Module, seen: set[int]) -> Iterator[Module]:
    """The modules inside, each once, then itself."""
    for child in module.children():
        if id(child) not in seen:
            yield from inside_out(child, seen)
    seen.add(id(module))
    yield module


def layer_entry(layer: Module, names: Names, graph_body: Callable[[Graph, Names], dict]) -> dict[str, Any]:
    """The JSON of one layer. graph_body(graph, names): that of the nodes of a graph which is a layer of another."""
    kind = type(layer).__name__
    try:
        if isinstance(layer, Graph):
            return {"kind": "Graph", "graph": graph_body(layer, names), **flags(layer)}
        entry: dict[str, Any] = {"kind": kind}
        config = layer.get_config()
        if OWN_LAYERS.get(kind) is type(layer):
            check_config(layer, config)
        else:
            entry["custom"] = True
        entry["config"] = {name: names.encoded(value) for name, value in config.items()}
        parts = {"parameters": {name: names.tensors[id(p)] for name, p in layer._own_parameters().items()},
                 "buffers": {name: names.tensors[id(b)] for name, b in layer._own_buffers().items()},
                 "modules": {name: names.layers[id(m)] for name, m in layer._children().items()}}
        return entry | {key: part for key, part in parts.items() if part} | flags(layer)
    except (AttributeError, TypeError, ValueError) as error:
        raise type(error)(f"layer {names.layers[id(layer)]}, a {kind}: {error}") from error


def flags(module: Module) -> dict[str, bool]:
    """The flags that are not as in a new layer."""
    usual = FLAGS | {"one_node": type(module).one_node}
    return {name: bool(value) for name in FLAGS if (value := getattr(module, name, usual[name])) != usual[name]}


def check_config(layer: Module, config: dict[str, Any]) -> None:
    """ValueError where the layer's attributes do not make its parameters any more."""
    with skip_init(lambda shape: None):
        twin = type(layer).from_config(config)
    own = layer._own_parameters() | layer._own_buffers()
    for name, made in (twin._own_parameters() | twin._own_buffers()).items():
        if name in own and own[name].shape != made.shape:
            raise ValueError(f"{name} is {own[name].shape}, but {twin.extra_repr()} makes one of {made.shape}: set "
                             "these attributes to what is so")


# --- out of JSON ----------------------------------------------------------------------------------------------

def build_layers(entries: Any, things: Things, custom: Mapping[str, type[Module]],
                 graph_of: Callable[[Any, Things], Graph]) -> None:
    """Make the layers and put them into `things`. custom: the user's classes by name. graph_of: makes inner graphs."""
    things.numbers = numbers_of_layers(entries)
    for name, entry in entries.items():
        try:
            things.layers[name] = build_layer(entry, things, custom, graph_of)
        except ImportError:
            raise
        except Exception as error:      # whatever a constructor makes of the options in a damaged file
            raise ValueError(f"layer {cut(name)}, {cut(str(entry.get('kind')))}: {error}") from error


def numbers_of_layers(entries: Any) -> dict[str, int]:
    """Name -> how many layers each entry stands for; ValueError for too many, or too deep inside each other."""
    depth: dict[str, int] = {}
    number: dict[str, int] = {}
    for name, entry in expect(entries, dict, "layers").items():
        check_keys(entry, KEYS, ("kind",), f"layer {cut(name)}")
        inside = expect(entry.get("modules", {}), dict, f"layer {cut(name)}: modules").values()
        named = Counter(map(str, inside)) | Counter(layers_named_in([entry.get("config"), entry.get("graph")]))
        depth[name] = 1 + max([depth.get(other, 0) for other in named], default=0)
        number[name] = 1 + sum([times * number.get(other, 0) for other, times in named.items()])
        if depth[name] > DEPTH or number[name] > MODULES:
            raise ValueError(f"layer {cut(name)} has {number[name]} layers inside, {depth[name]} deep: at most "
                             f"{MODULES} and {DEPTH} are read")
    return number


def layers_named_in(x: Any) -> Iterator[str]:
    """The layers that a piece of JSON refers to, as often as it does."""
    stack = [x]
    while stack:
        part = stack.pop()
        if isinstance(part, dict) and isinstance(part.get("layer"), str):
            yield part["layer"]
        stack += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()


def build_layer(entry: dict, things: Things, custom: Mapping[str, type[Module]],
                graph_of: Callable[[Any, Things], Graph]) -> Module:
    kind = expect(entry.get("kind"), str, "kind")
    if kind == "Graph":
        layer: Module = graph_of(entry.get("graph"), things)
    else:
        config = {key: things.decoded(value) for key, value in expect(entry.get("config"), dict, "config").items()}
        if entry.get("custom"):
            layer = class_of(kind, custom).from_config(config)
        else:
            with skip_init(only_shapes_in(things)):
                layer = own_class(kind).from_config(config)
        fill(layer, entry, things)
    set_flags(layer, entry)
    return layer


def own_class(kind: str) -> type[Module]:
    """Minigrad's layer of that name."""
    if kind not in OWN_LAYERS:
        near = get_close_matches(kind, OWN_LAYERS, 3)
        raise ValueError("minigrad has no such layer" + (f"; there are {', '.join(near)}" if near else ""))
    return OWN_LAYERS[kind]


def class_of(kind: str, custom: Mapping[str, type[Module]]) -> type[Module]:
    """The user's class of that name."""
    if kind not in custom:
        raise ValueError(f"it is none of minigrad's layers: pass its class, load(path, layers={{{kind!r}: {kind}}})")
    return custom[kind]


def only_shapes_in(things: Things) -> Callable[[tuple[int, ...]], None]:
    """For skip_init: no parameter may be made that the file has no values for."""
    shapes = {array.shape for array in things.arrays.values()}
    left = [10 + 2 * len(things.arrays)]

    def check(shape: tuple[int, ...]) -> None:
        left[0] -= 1
        if tuple(shape) not in shapes or left[0] < 0:
            raise ValueError(f"it would have an array of shape {short(tuple(shape))}, of which there is none in the "
                             "weights, or not so many")
    return check


def fill(layer: Module, entry: dict, things: Things) -> None:
    """Give a new layer its parameters, buffers and layers."""
    made = layer._own_parameters() | layer._own_buffers()
    parameters = read(layer, entry, "parameters", things.read_parameter)
    buffers = read(layer, entry, "buffers", things.read_array)
    for name in made:
        if name not in parameters and name not in buffers:
            setattr(layer, name, None)
    for name, x in (parameters | buffers).items():
        if name in made and x.shape != made[name].shape:
            raise ValueError(f"{name} must be {made[name].shape}, it is {x.shape} in the weights")
    for name, parameter in parameters.items():
        setattr(layer, name, parameter)
    for name, array in buffers.items():
        layer.register_buffer(name, array, entry["buffers"][name] not in things.passing)
    for name, module in read(layer, entry, "modules", things.read_layer).items():
        setattr(layer, name, module)


def read(layer: Module, entry: dict, key: str, look_up: Callable[[Any], Any]) -> dict[str, Any]:
    """Attribute -> thing, of what an entry names under a key; ValueError where the attribute is something else."""
    found = {}
    for name, target in expect(entry.get(key, {}), dict, key).items():
        there = vars(layer).get(name)
        if there is not None and name not in {**layer._own_parameters(), **layer._own_buffers(), **layer._children()}:
            raise ValueError(f"{name} cannot be one of its {key}, it is {short(there)}")
        layer._check_name(key[:-1], name)
        found[name] = look_up(target)
    return found


def set_flags(module: Module, entry: Mapping[str, Any]) -> None:
    """training, trainable and one_node, of this module alone: those inside have their own."""
    values = {name: expect(entry[name], bool, name) for name in FLAGS if name in entry}
    for name, value in values.items():
        setattr(module, "_trainable" if name == "trainable" else name, value)
