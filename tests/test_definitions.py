"""A definition calls primitives and other definitions only, never NumPy or a kernel; and every op says what it does.

Proven twice. Read: every name that a definition refers to, and the names that its helpers refer to in their turn. Run:
arrays that tell when they are touched outside the forward of a primitive.
"""

import builtins
import dis
import math
import operator
import types
from inspect import unwrap

import numpy as np
import pytest
from cases import CASES

import minigrad as mg
from minigrad import backend, ops
from minigrad.backend import namespace
from minigrad.fused import Fused
from minigrad.op import OPS, Op
from minigrad.ops.elementwise import sigmoid
from minigrad.ops.shape import reshape
from minigrad.tensor import Tensor
from minigrad.testing.runs import call, floats

LIBRARY = [pytest.param(op, id=name) for name, op in OPS.items() if op.module.startswith("minigrad.")]
FUSED = [row for row in LIBRARY if isinstance(row.values[0], Fused)]
PURE = (builtins, math, operator)
# What may be asked of an argument. Of what it holds, nothing: data, numpy(), item().
ATTRIBUTES = {"shape", "dtype", "ndim", "device"}


# --- read -------------------------------------------------------------------------------------------------------

def violations(function, seen=None):
    """What a definition refers to, itself or through helpers, that is neither an op nor plain Python."""
    seen, function = set() if seen is None else seen, unwrap(function)      # decorators that rename arguments aside
    if function in seen:
        return []
    seen.add(function)
    scope = {**function.__globals__, **{name: cell.cell_contents for name, cell in
             zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)}}
    found = []
    for kind, name in references(function.__code__):
        if kind == "import":
            found.append(f"{function.__name__} imports {name}")
        elif kind == "attribute" and name not in ATTRIBUTES:
            found.append(f"{function.__name__} uses .{name}")
        elif kind == "name" and name in scope:
            found += judged(function, name, scope[name], seen)
    return found


def references(code):
    """("name" | "attribute" | "import", what) for every reference in a function and the functions inside it."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"):
            yield "name", step.argval
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR"):
            yield "attribute", step.argval
        elif step.opname == "IMPORT_NAME":
            yield "import", step.argval
        elif isinstance(step.argval, types.CodeType):
            yield from references(step.argval)


def judged(function, name, value, seen):
    """Whether a definition may use what a name stands for."""
    home = getattr(value, "__module__", None) or ""
    if isinstance(value, (Op, int, float, str, tuple, bool, type(None), type(Ellipsis))) or value in PURE:
        return []
    if home in {module.__name__ for module in PURE} or home.startswith(("typing", "collections")):
        return []
    ours = home.startswith(("minigrad.ops.", "minigrad.geometry")) or home == function.__module__
    if isinstance(value, types.FunctionType) and ours:
        return violations(value, seen)
    return [f"{function.__name__} refers to {name}"]


@pytest.mark.parametrize("op", FUSED)
def test_definitions_refer_to_ops_only(op):
    assert violations(op.definition) == []


def helper_on_arrays(x):
    return np.exp(x)


def helper_of_helper(x):
    return helper_on_arrays(x)


def with_numpy(x):
    return Tensor(np.exp(x.data))


def with_a_helper(x):
    return helper_of_helper(x) * 2


def with_a_lambda(x):
    return (lambda t: np.exp(t))(x)


def with_the_namespace(x):
    return namespace(x).exp(x)


def with_a_kernel(x):
    return OPS["softmax"].kernels["numpy"][0].forward([True], x)


def with_an_import(x):
    from numpy import exp
    return exp(x)


def with_data(x):
    return reshape(x.data, x.shape)


def with_a_backend_function(x):
    return backend.scatter_add(x, 0, x)


@pytest.mark.parametrize("bad", [with_numpy, with_a_helper, with_a_lambda, with_the_namespace, with_a_kernel,
                                 with_an_import, with_data, with_a_backend_function])
def test_a_definition_that_refers_to_anything_else_is_found(bad):
    assert violations(bad)


def test_a_definition_of_ops_is_not():
    def good(x, axis=-1):
        parts = [reshape(x, x.shape) for _ in range(2)]
        return sigmoid(parts[0]) / math.inf if axis else parts[1]

    assert violations(good) == ["good uses .inf"], "a module's attributes cannot be told from a tensor's: import them"
    assert violations(ops.std) == []


# --- run --------------------------------------------------------------------------------------------------------

class Watched(np.ndarray):
    """An array that notes when it, or anything computed of it, is made while no primitive is at work."""

    at_work = 0
    touched: list = []

    def __array_finalize__(self, source):
        if source is not None and not Watched.at_work:
            Watched.touched.append(type(source).__name__)


@pytest.fixture
def watched(monkeypatch):
    """Turns arrays into watched ones, which primitives, and only they, may work on."""
    monkeypatch.setitem(backend.LIBRARIES, Watched, backend.NUMPY)
    for op in OPS.values():
        if not isinstance(op, Fused):
            monkeypatch.setattr(op, "forward", at_work(op.forward))

    def watch(x):
        Watched.at_work += 1
        try:
            return Tensor(np.asarray(x).view(Watched))
        finally:
            Watched.at_work -= 1

    Watched.touched = []
    return watch


def at_work(forward):
    """A primitive's forward, during which arrays may be touched."""
    def guarded(*args):
        Watched.at_work += 1
        try:
            return forward(*args)
        finally:
            Watched.at_work -= 1
    return guarded


@pytest.mark.parametrize("op", FUSED)
def test_definitions_touch_no_array_themselves(op, watched):
    for case in CASES[op.name]:
        inside = case.map(watched)
        for i in floats(case):
            inside.inputs[i].requires_grad = True
        with mg.config(kernels="definition"):
            result = op.definition(*op.bind(inside.inputs, inside.params))
        outputs = result if isinstance(result, tuple) else (result,)
        assert all(isinstance(y, Tensor) and (y.requires_grad or y.dtype.kind in "ib") for y in outputs)
        assert Watched.touched == [], case.name


@pytest.mark.parametrize("bad", [
    lambda x: Tensor(np.exp(x.data)),
    lambda x: Tensor(x.data * 2),
    lambda x: ops.exp(Tensor(x.data[::-1])),
    lambda x: Tensor(OPS["softmax"].kernels["numpy"][0].forward([True], x.data)[0]),
])
def test_a_definition_that_touches_an_array_is_found(bad, watched):
    bad(watched(np.ones((2, 3))))
    assert Watched.touched


# --- purity, and what every op states -------------------------------------------------------------------------------

@pytest.mark.parametrize("op", FUSED)
def test_definitions_are_pure(op):
    """Called twice they give the same, bit by bit: no draws, no statistics that move."""
    for case in CASES[op.name]:
        results = []
        for _ in range(2):
            with mg.config(kernels="definition"):
                y = call(op, case.map(Tensor).inputs, case.params)
            results.append([part.numpy().tobytes() for part in (y if isinstance(y, tuple) else (y,))])
        assert results[0] == results[1], case.name


@pytest.mark.parametrize("op", FUSED)
def test_every_input_with_a_gradient_has_a_line_of_mathematics(op):
    """Differentiable are the floating inputs of the table on which the outputs depend."""
    needed = set()
    for case in CASES[op.name]:
        tensors = case.map(Tensor)
        for i in floats(case):
            tensors.inputs[i].requires_grad = True
        y = call(op, tensors.inputs, case.params)
        ys = [part for part in (y if isinstance(y, tuple) else (y,)) if part.requires_grad]
        leaves = [tensors.inputs[i] for i in floats(case)]
        found = mg.grad(ys, leaves, [mg.ones_like(part) for part in ys], allow_unused=True)
        needed |= {op.names[i] for i, g in zip(floats(case), found, strict=True) if g is not None}
    assert needed == set(op.mathematics), f"{op.name}.rules"
    assert all(line.strip() and "\n" not in line for line in op.mathematics.values())


@pytest.mark.parametrize("op", LIBRARY)
def test_every_op_says_what_it_does(op):
    assert op.__doc__ and op.__doc__.strip()
