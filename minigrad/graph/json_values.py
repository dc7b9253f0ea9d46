"""The values in a graph as JSON: arguments of nodes, options of layers, outputs.

Numbers, strings, booleans and None are themselves, and an array of JSON is a tuple. All else is an object with one of
these keys, and beside it at most those in brackets:

    list, dict          {"list": [1, 2]}    {"dict": {"main": ...}}         its keys are strings
    slice               {"slice": [0, null, 2]}         ellipsis            {"ellipsis": true}
    float               {"float": "inf"}, also "-inf" and "nan"
    scalar [dtype]      a number of NumPy's, which has a dtype      {"scalar": 3, "dtype": "int64"}
    dtype, type         {"dtype": "float32"}    Python's own types: {"type": "float"}
    size                a number made of the batch size n: {"size": "2n+1"}
    length [of]         of an axis that the graph leaves open: {"length": 2, "of": {"node": "photo"}}
    computed [from]     from such lengths: {"computed": "//", "from": [{"length": 2, "of": ...}, 2]}
    node [path]         the result of a node; which one, of several: {"node": "lstm", "path": [1, 0]}
    parameter, array, tensor [requires_grad]            under their names in the weights
    layer, op [custom], function                        {"op": "tanh"}, {"function": "gelu"} of nn.functional
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import numpy

from ..backend import is_array
from ..misuse import is_int
from ..nn import functional as F
from ..nn.module import Module, Parameter
from ..op import OPS, Op
from ..tensor import Tensor
from .batch_size import BATCH, in_batches, spell_number
from .length import OPERATORS, Length, computed
from .node import Ref

# What a file may name: minigrad's own. Nothing that a file says is imported or evaluated.
OWN_OPS = dict(OPS)                     # this file is loaded with the package, before anybody makes an op of their own
FUNCTIONS = {name: getattr(F, name) for name in vars(F)["__all__"]}
TYPES = {"bool": bool, "float": float, "int": int}
DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
          "float64", "bfloat16", "complex64", "complex128")
KEYS = {"list": (), "dict": (), "slice": (), "ellipsis": (), "float": (), "scalar": ("dtype",), "dtype": (), "type": (),
        "size": (), "length": ("of",), "computed": ("from",), "node": ("path",), "parameter": (), "array": (),
        "tensor": ("requires_grad",), "layer": (), "op": ("custom",), "function": ()}
MOST = 2 ** 63                          # numbers computed from lengths stay below it


# --- into JSON ------------------------------------------------------------------------------------------------

class Names:
    """What the values of a graph refer to by name: its tensors and its layers."""

    def __init__(self) -> None:
        self.tensors: dict[int, str] = {}       # id of a parameter, or of an array -> name
        self.layers: dict[int, str] = {}        # id of the layer -> name

    def encoded(self, x: Any) -> Any:
        """A value as JSON; TypeError for one that cannot be written."""
        if x is None or isinstance(x, (bool, str)):
            return x
        if isinstance(x, numpy.generic):
            return {"scalar": number(x.item()), "dtype": dtype_name(x.dtype)}
        if isinstance(x, Length):
            return self.length(x)
        if is_int(x):
            return sized(x)
        if isinstance(x, float):
            return number(x)
        if type(x) is tuple:
            return [self.encoded(part) for part in x]
        if type(x) is list:
            return {"list": [self.encoded(part) for part in x]}
        if type(x) is dict and all([isinstance(key, str) for key in x]):
            return {"dict": {key: self.encoded(part) for key, part in x.items()}}
        if type(x) is slice:
            return {"slice": [self.encoded(part) for part in (x.start, x.stop, x.step)]}
        if x is Ellipsis:
            return {"ellipsis": True}
        return self.thing(x)

    def thing(self, x: Any) -> dict:
        """What is named: nodes, tensors, layers, ops, functions, dtypes."""
        if isinstance(x, Ref):
            return {"node": x.node, **({"path": list(x.path)} if x.path else {})}
        if isinstance(x, Tensor) or is_array(x):
            return self.tensor(x)
        if isinstance(x, Module):
            if id(x) not in self.layers:
                raise TypeError(f"the layer {short(x)} is in no attribute of its own, so its weights have no names: "
                                "set one to it")
            return {"layer": self.layers[id(x)]}
        if isinstance(x, Op):
            return op_name(x)
        if isinstance(x, numpy.dtype) or isinstance(x, type) and issubclass(x, numpy.generic):
            return {"dtype": dtype_name(numpy.dtype(x))}
        for key, known in ("type", TYPES), ("function", FUNCTIONS):
            for name, value in known.items():
                if x is value:
                    return {key: name}
        if callable(x):
            raise TypeError(f"the function {getattr(x, '__name__', x)} cannot be written: a file names functions of "
                            "minigrad.nn.functional, ops (also your own: @minigrad.op) and layers")
        raise TypeError(f"{x!r} cannot be written: expected numbers, strings, None, slices, dtypes, arrays, tensors, "
                        f"layers or functions, or tuples, lists and dicts of them; {type(x).__name__} came")

    def tensor(self, x: Any) -> dict:
        known = x.data if isinstance(x, Tensor) and not isinstance(x, Parameter) else x
        if id(known) not in self.tensors:
            raise TypeError(f"an array of shape {x.shape} cannot be written: it is neither a parameter nor a buffer; "
                            "register_buffer makes it one")
        name = self.tensors[id(known)]
        if isinstance(x, Parameter):
            return {"parameter": name}
        if isinstance(x, Tensor):
            return {"tensor": name, **({"requires_grad": True} if x.requires_grad else {})}
        return {"array": name}

    def length(self, x: Length) -> dict:
        if x.what == "axis":
            ref, axis = x.parts
            return {"length": axis, "of": self.encoded(ref)}
        return {"computed": x.what, "from": [self.encoded(part) for part in x.parts]}


def number(x: Any) -> Any:
    if isinstance(x, float) and not isfinite(x):
        return {"float": str(float(x))}
    if not isinstance(x, (bool, int, float)):
        raise TypeError(f"the number {x!r} cannot be written: expected a real one, {type(x).__name__} came")
    return x


def sized(x: Any) -> Any:
    """A whole number; one made of the batch size n as such."""
    try:
        a, _ = in_batches(x)
    except ValueError as error:
        raise ValueError(f"{error}; this graph cannot run, and cannot be saved") from None
    return {"size": spell_number(x)} if a else int(x)


def dtype_name(dtype: numpy.dtype) -> str:
    if dtype.name not in DTYPES or not dtype.isnative:
        raise TypeError(f"the dtype {dtype.str} ({dtype.name}) cannot be written; there are {', '.join(DTYPES)}")
    return dtype.name


def op_name(op: Any) -> dict:
    """The op by name; one that is not minigrad's as custom. Of concat and the like the number of arrays is not said."""
    whole = getattr(op, "whole", op)
    return {"op": op.name, **({} if OWN_OPS.get(op.name) is whole else {"custom": True})}


# --- out of JSON ----------------------------------------------------------------------------------------------

class Things:
    """What the names in a file stand for: it grows as layers and nodes are built.

    ops: the user's own, by name.
    """

    def __init__(self, arrays: Mapping[str, Any], ops: Mapping[str, Op]):
        self.arrays, self.ops = arrays, ops
        self.parameters: dict[str, Parameter] = {}
        self.layers: dict[str, Module] = {}
        self.numbers: dict[str, int] = {}           # name of a layer -> how many there are in it, itself included
        self.nodes: dict[str, Any] = {}             # name -> symbol, or a tuple of them
        self.passing: set[str] = set()              # the tensors that are not persistent

    def decoded(self, x: Any) -> Any:
        """The value of a piece of JSON; ValueError for what is none."""
        if isinstance(x, list):
            return tuple([self.decoded(part) for part in x])
        if not isinstance(x, dict):
            return x
        key = kind_of(x)
        return getattr(self, f"read_{key}")(x[key], *[x.get(other) for other in KEYS[key]])

    def read_list(self, parts: Any) -> list:
        return list(self.decoded(expect(parts, list, "list")))

    def read_dict(self, parts: Any) -> dict:
        return {key: self.decoded(part) for key, part in expect(parts, dict, "dict").items()}

    def read_slice(self, ends: Any) -> slice:
        if len(expect(ends, list, "slice")) != 3:
            raise ValueError(f"slice must have three parts, {len(ends)} came")
        return slice(*self.decoded(ends))

    def read_ellipsis(self, value: Any) -> Any:
        return ...

    def read_float(self, text: Any) -> float:
        return float(one_of(text, ("inf", "-inf", "nan"), "float"))

    def read_scalar(self, value: Any, dtype: Any) -> Any:
        return dtype_of(dtype).type(self.decoded(value))

    def read_dtype(self, name: Any) -> numpy.dtype:
        return dtype_of(name)

    def read_type(self, name: Any) -> type:
        return TYPES[one_of(name, TYPES, "type")]

    def read_size(self, text: Any) -> int:
        return size_of(text)

    def read_length(self, axis: Any, of: Any) -> Length:
        ref = self.decoded(expect(of, dict, "of"))
        shape = self.result(ref).shape if isinstance(ref, Ref) else ()
        length = shape[axis] if is_int(axis) and 0 <= axis < len(shape) else None
        if not isinstance(length, Length):
            raise ValueError(f"length must be the number of an axis, of a node's result, that is open; {short(axis)} "
                             f"of {short(of)} came")
        return length.placed(lambda symbol: ref)

    def read_computed(self, what: Any, parts: Any) -> Any:
        values = self.decoded(expect(parts, list, "from"))
        if not 1 <= len(values) <= 2 or not all([isinstance(x, (int, float, Length)) for x in values]):
            raise ValueError(f"computed {what!r} expects one or two numbers or lengths, {parts!r} came")
        if what == "**" and not (isinstance(values[-1], (int, float)) and abs(values[-1]) <= 64):
            raise ValueError(f"computed ** expects an exponent from -64 to 64, {values[-1]} came")
        one_of(what, OPERATORS, "computed")
        result = computed(what, *values)
        if not all([abs(x) < MOST for x in result.values]):
            raise ValueError(f"computed {what} gives a number that is no length")
        return result

    def read_node(self, name: Any, path: Any) -> Ref:
        look_up(self.nodes, name, "node", "a node takes what comes before it")
        ref = Ref(name, tuple(expect([] if path is None else path, list, "path")))
        self.result(ref)
        return ref

    def result(self, ref: Ref) -> Any:
        """The symbol that a Ref stands for."""
        value = self.nodes[ref.node]
        for i in ref.path:
            if not isinstance(value, tuple) or not is_int(i) or not 0 <= i < len(value):
                raise ValueError(f"node {ref.node} has no result {short(list(ref.path))}")
            value = value[i]
        return value

    def read_parameter(self, name: Any) -> Parameter:
        return look_up(self.parameters, name, "parameter")

    def read_array(self, name: Any) -> Any:
        return look_up(self.arrays, name, "tensor")

    def read_tensor(self, name: Any, requires_grad: Any) -> Tensor:
        return Tensor(look_up(self.arrays, name, "tensor"), requires_grad is True)

    def read_layer(self, name: Any) -> Module:
        return look_up(self.layers, name, "layer", "a layer holds those that come before it")

    def read_op(self, name: Any, custom: Any) -> Op:
        expect(name, str, "op")
        if custom:
            if name not in self.ops:
                raise ValueError(f"the op {name} is not minigrad's: pass it, load(path, ops={{{name!r}: {name}}})")
            return self.ops[name]
        return look_up(OWN_OPS, name, "op", "minigrad has none of that name")

    def read_function(self, name: Any) -> Callable:
        return look_up(FUNCTIONS, name, "function", "minigrad.nn.functional has none of that name")


def kind_of(x: Mapping[str, Any]) -> str:
    """Which of KEYS an object is; ValueError for another."""
    found = [key for key in KEYS if key in x and (key != "dtype" or "scalar" not in x)]
    if len(found) != 1 or set(x) - {found[0], *KEYS[found[0]]}:
        raise ValueError(f"expected an object with one of the keys {', '.join(KEYS)}; one with "
                         f"{', '.join(map(repr, x)) or 'none'} came")
    return found[0]


def expect(x: Any, kind: type, what: str) -> Any:
    """x itself; ValueError if it is of another kind."""
    if not isinstance(x, kind) or kind is int and isinstance(x, bool):
        words = {list: "an array", dict: "an object", str: "a string", int: "a whole number", bool: "true or false"}
        raise ValueError(f"{what} must be {words[kind]}, {short(x)} came")
    return x


def check_keys(entry: Any, known: tuple[str, ...], needed: tuple[str, ...], where: str) -> None:
    """ValueError for an object that has other keys, or lacks some."""
    unknown = [key for key in expect(entry, dict, where) if key not in known]
    missing = [key for key in needed if key not in entry]
    if unknown or missing:
        wrong = [f"has {', '.join(map(short, unknown))}"] * bool(unknown) + \
                [f"lacks {', '.join(missing)}"] * bool(missing)
        raise ValueError(f"{where} {' and '.join(wrong)}; its keys are {', '.join(known)}")


def one_of(x: Any, known: Any, what: str) -> Any:
    if not isinstance(x, str) or x not in known:
        raise ValueError(f"{what} must be one of {', '.join(map(repr, known))}, {short(x)} came")
    return x


def look_up(known: Mapping[str, Any], name: Any, what: str, why: str = "") -> Any:
    if expect(name, str, what) not in known:
        raise ValueError(f"there is no {what} {cut(name)}{f': {why}' if why else ''}")
    return known[name]


def short(x: Any) -> str:
    """A value as it looks."""
    return cut(repr(x))


def cut(text: str) -> str:
    """No more of a text than a message has room for; without its line ends."""
    text = text.replace("\n", " ")
    return text if len(text) <= 60 else text[:60] + "..."


def dtype_of(name: Any) -> numpy.dtype:
    """The dtype of that name; bfloat16 where ml_dtypes is installed."""
    if one_of(name, DTYPES, "dtype") != "bfloat16":
        return numpy.dtype(name)
    try:
        import ml_dtypes
    except ImportError as error:
        raise ImportError("bfloat16 is a dtype that NumPy has with ml_dtypes: pip install ml_dtypes") from error
    return numpy.dtype(ml_dtypes.bfloat16)


def size_of(text: Any) -> int:
    """ "2n+1" -> 2 * BATCH + 1 """
    found = re.fullmatch(r"(-?\d{0,8})n([+-]\d{1,6})?", expect(text, str, "size"), re.ASCII)
    if found is None or found[1] == "-":
        raise ValueError(f"a size is a*n + b, as '2n+1'; {short(text)} came")
    return int(found[1] or 1) * BATCH + int(found[2] or 0)
