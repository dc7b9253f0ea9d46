"""The strict double of CuPy, second part: NumPy's functions made CuPy's. See strict_cupy.py.

A function is lifted by name. What it takes is checked against the parameters that CuPy's own has, as cupy_names.json
lists them: unknown keywords are refused, so are NumPy arrays and lists where an array is wanted, and arrays of the
device where a number or a shape is wanted, which would make the host wait.
"""

from __future__ import annotations

import ast
import inspect
import json
from functools import cache
from pathlib import Path

import numpy
from strict_cupy_array import check_device, fresh, ndarray, syncs

NAMES = json.loads(Path(__file__).with_name("cupy_names.json").read_text())
VERSION = NAMES["version"]

# What parameters mean that are no single array: values of the host, where lists are welcome; and sequences of arrays.
HOST = set("""axis axes axis1 axis2 shape newshape new_shape dtype order reps repeats pad_width
    indices_or_sections shift k n N M source destination decimals ddof keepdims start stop step num endpoint
    retstep base dims dimensions ndim mode copy subok casting rtol atol equal_nan side kind kth constant_values
    end_values stat_length reflect_type window_shape writeable strides minlength indexing sparse return_index
    return_inverse return_counts optimize include_initial offset""".split())
SEQUENCES = set("tup arys arrays keys condlist choicelist args xi".split())
# What the double must know of a function beside its parameters: answers on the host; results that follow the layout of
# the input or of `order=`; functions that wait for the device, as CuPy's sources say where they do.
ON_HOST = set("""shape ndim size result_type can_cast promote_types broadcast_shapes issubdtype isdtype isscalar
    iscomplexobj isrealobj min_scalar_type common_type mintypecode typename iterable may_share_memory
    shares_memory isfortran""".split())
KEEP_LAYOUT = set("zeros ones full eye tri identity zeros_like ones_like full_like require pad reshape ravel".split())
WAITS = set("""nonzero argwhere flatnonzero unique unique_all unique_counts unique_inverse unique_values compress
    extract intersect1d setdiff1d setxor1d union1d bincount trim_zeros choose delete array_repr array_str
    array2string""".split())
# Types of `ufunc.at` with integers as the index: those of CUDA's atomic operations.
ATOMICS = {"add": "ilqefdILQ", "subtract": "iI", "maximum": "ilqfdILQ", "minimum": "ilqfdILQ",
           "bitwise_and": "ilqILQ", "bitwise_or": "ilqILQ", "bitwise_xor": "ilqILQ"}
SCALARS = int, float, complex, numpy.generic            # bool is an int


def bare(x):
    """The same value with every array of the double replaced by what NumPy sees of it."""
    if isinstance(x, (list, tuple)):
        return type(x)(bare(part) for part in x)
    return x._host if isinstance(x, ndarray) else x


def arrays_in(x, where, role="operand"):
    """The double's arrays in an argument; a TypeError for what CuPy refuses, or would copy between host and device."""
    if role == "sequence" and isinstance(x, (list, tuple)):
        if not all(isinstance(part, ndarray) for part in x):
            raise TypeError(f"Only cupy arrays can be used here ({where}): {[type(part).__name__ for part in x]} came")
        return list(x)
    if isinstance(x, ndarray):
        if role == "host":
            raise TypeError(f"{where} is wanted on the host, a cupy.ndarray came: reading it would wait for the device")
        return [x]
    if isinstance(x, numpy.ndarray) or role != "host" and not isinstance(x, SCALARS):
        raise TypeError(f"Unsupported type {type(x)} ({where})")
    if isinstance(x, (list, tuple)):
        for part in x:
            arrays_in(part, where, role)
    return []


@cache
def signature(parameters: str) -> inspect.Signature:
    """Of "(a, axis=None)". Defaults may name things unknown here; they are never used, so any value does."""
    expression = ast.parse(f"lambda {parameters[1:-1]}: 0", mode="eval")
    arguments = expression.body.args
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [value and ast.Constant(None) for value in arguments.kw_defaults]
    return inspect.signature(eval(compile(ast.fix_missing_locations(expression), "cupy_names.json", "eval")))


def role_of(parameter: str) -> str:
    return "host" if parameter in HOST else "sequence" if parameter in SEQUENCES else "operand"


def check_call(where, parameters, args, kwargs):
    """The arrays among the arguments, if CuPy's function takes them; its first operand has to be one."""
    try:
        bound = signature(parameters).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{where}{parameters} of CuPy {VERSION}: {error}") from None
    arrays = []
    for number, (name, value) in enumerate(bound.arguments.items()):
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            parts = [(key, role_of(key), part) for key, part in value.items()]
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            parts = [(name, "host" if name in HOST else "operand", part) for part in value]
        else:
            parts = [(name, role_of(name), value)]
            if not number and parts[0][1] == "operand" and not isinstance(value, ndarray):
                raise TypeError(f"{where}: {name} must be a cupy.ndarray, {type(value)} came")
        for key, role, part in parts:
            if key != "dtype" and part is not None and not isinstance(part, str):
                arrays += arrays_in(part, f"{where}: {key}", role)
    return arrays


def wrap(y, operands, keep_layout=False):
    """What NumPy returned, as CuPy returns it: 0-d arrays for scalars, views of the operands for views."""
    if isinstance(y, (list, tuple)):
        parts = [wrap(part, operands, keep_layout) for part in y]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
    if isinstance(y, numpy.ndarray):
        for x in operands:
            if numpy.may_share_memory(x._host, y):
                return x._view(y)               # no kernel runs, so any device will do
    check_device(*operands)
    return None if y is None else fresh(numpy.asarray(y), keep_layout)


def lifted(function, where, parameters):
    """NumPy's `function` as the double's: `where` is its full name, `parameters` what CuPy's takes."""
    name = where.rpartition(".")[2]

    def call(*args, **kwargs):
        arrays = [] if name in ON_HOST else check_call(where, parameters, args, kwargs)
        if name in WAITS or name == "where" and len(args) + len(kwargs) == 1 or name == "average" and len(arrays) == 2:
            syncs.append(where)
        y = function(*map(bare, args), **{key: bare(value) for key, value in kwargs.items()})
        if name in ON_HOST:
            return y
        out = kwargs.get("out")
        if out is not None:
            check_device(*arrays)
            return out
        return wrap(y, arrays, name in KEEP_LAYOUT)

    call.__name__ = name
    return call


class ufunc:
    """An elementwise function. Operands are arrays and scalars; NumPy 2 promotes them as CuPy 14 does (NEP 50)."""

    def __init__(self, function):
        self._function, self.__name__, self.nin, self.nout = function, function.__name__, function.nin, function.nout

    def __call__(self, *args, out=None, dtype=None, casting="same_kind"):
        operands = [x for arg in args[:self.nin] for x in arrays_in(arg, f"cupy.{self.__name__}")]
        outs = args[self.nin:] or (out if isinstance(out, tuple) else (out,) * (out is not None))
        if not all(isinstance(x, ndarray) for x in outs):
            raise TypeError("Output arguments type must be cupy.ndarray")
        check_device(*operands, *outs)
        given = {"out": bare(tuple(outs))} if outs else {}
        y = self._function(*map(bare, args[:self.nin]), dtype=dtype, casting=casting, **given)
        if self.__name__ == "matmul" and all(x.dtype.name == "bfloat16" for x in operands):
            if y.ndim > 2:
                raise TypeError("cupy.matmul has no batched product for bfloat16: use 2-D operands or float32")
            y = y.astype(operands[0].dtype)             # cuBLAS's result; NumPy's is float32
        if outs:
            return outs[0] if self.nout == 1 else outs
        ys = tuple(fresh(numpy.asarray(part), False) for part in (y if self.nout > 1 else (y,)))
        return ys if self.nout > 1 else ys[0]

    def outer(self, A, B, **kwargs):
        return self(A.reshape(A.shape + (1,) * B.ndim), B.reshape((1,) * A.ndim + B.shape), **kwargs)

    def at(self, a, indices, b=None):
        if self.__name__ not in ATOMICS:
            raise NotImplementedError(f"`cupy_{self.__name__}.at` is not supported yet")
        a._scatter(indices, b, self)

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        method = {"add": "sum", "multiply": "prod"}.get(self.__name__)
        if method is None:
            raise NotImplementedError(f"`cupy_{self.__name__}.reduce` is not supported yet")
        return getattr(array, method)(axis=axis, dtype=dtype, out=out, keepdims=keepdims)


def stand_in(value, where, parameters):
    """What the double has for NumPy's `value`: the lifted function, the dtype or constant itself, or NotImplemented."""
    if where.rpartition(".")[2].startswith(("from", "load", "save", "genfrom", "apply", "format_", "histogram")):
        return NotImplemented           # about files, callables and text; histograms wait for the device in some cases
    if isinstance(value, numpy.ufunc) and not parameters:
        return ufunc(value)
    if isinstance(value, type):
        shared = numpy.generic, numpy.dtype, numpy.finfo, numpy.iinfo, Exception
        return value if issubclass(value, shared) else NotImplemented
    if callable(value) and (parameters or where.rpartition(".")[2] in ON_HOST):
        return lifted(value, where, parameters or "(*args)")
    return value if isinstance(value, (int, float)) or where == "cupy.newaxis" else NotImplemented
