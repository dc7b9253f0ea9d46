"""Every op of the table called wrongly in every place: it says its name, what was expected, what came; or it is legal.

The wrong calls are made of the right ones in the table (misuses.py); nobody may meet an AttributeError from inside, or
a message of NumPy's that does not say where it comes from.
"""

import warnings
from inspect import signature

import numpy as np
import pytest
from cases import CASES, call
from misuses import AXIS_NAMES, other_kinds, other_parameters, other_shapes, refusal, wrong_axes
from rows import subject
from strict_cupy import installed

import minigrad as mg
from minigrad.fused import Fused
from minigrad.op import OPS
from minigrad.variadic import Variadic

NAMES = list(CASES)
# Elsewhere it is legal: shifts along an axis that is named twice add up, in NumPy too.
TWICE = {"roll"}
# Here two devices are legal: transfer goes from one to the other, broadcast_arrays only looks at shapes.
TWO_DEVICES = {"transfer", "broadcast_arrays"}


@pytest.fixture(autouse=True)
def no_warnings():
    """Wrong numbers may overflow: that is not what is looked at here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def with_input(case, i, value):
    return (*case.inputs[:i], value, *case.inputs[i + 1:]), case.params


def parameters(name):
    """The names of the arguments."""
    op = subject(name)
    return op.names if hasattr(op, "names") else tuple(signature(op).parameters)


def wrong_shapes(name):
    """(what, inputs, parameters): every array of every case in another shape."""
    for case in CASES[name]:
        for i, x in enumerate(case.inputs):
            if isinstance(x, np.ndarray):
                for what, value in other_shapes(x):
                    yield f"{case.name}: input {i} {x.shape} with {what}", *with_input(case, i, value)


def wrong_kinds(name):
    """(what, inputs, parameters): every argument of the first three cases replaced by something of another kind."""
    for case in CASES[name][:3]:
        for i, x in enumerate(case.inputs):
            for what, value in other_kinds(x) if isinstance(x, np.ndarray) else [
                    (repr(v), v) for v in other_parameters(x)]:
                yield f"{case.name}: input {i} is {what}", *with_input(case, i, value)
        for key, old in case.params.items():
            for value in other_parameters(old):
                yield f"{case.name}: {key}={value!r}", case.inputs, {**case.params, key: value}


def axes(name):
    """(what, inputs, parameters): wrong axes in the place of each parameter that is one, or several."""
    case = next((case for case in CASES[name] if min([x.ndim for x in case.inputs if hasattr(x, "ndim")],
                                                     default=0) > 0), None)
    for key in set(parameters(name)) & set(AXIS_NAMES) if case else ():
        place = parameters(name).index(key)
        for axis in wrong_axes(max([x.ndim for x in case.inputs if hasattr(x, "ndim")])):
            if not (axis == (0, 0) and name in TWICE):
                what = f"{case.name}: {key}={axis!r}"
                if place < len(case.inputs) and not isinstance(OPS.get(name), Variadic):
                    yield what, *with_input(case, place, axis)
                else:
                    yield what, case.inputs, {**case.params, key: axis}


def tensors(values, recorded):
    return [mg.Tensor(x, recorded and x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in values]


def ways(name, inputs, params):
    """The call with tensors that are recorded, with others, on bare arrays; of a fused op without a kernel too."""
    for kernels in ("auto", "definition") if isinstance(OPS.get(name), Fused) else ("auto",):
        for recorded in (True, False, None):
            def run(recorded=recorded, kernels=kernels):
                arguments = inputs if recorded is None else tensors(inputs, recorded)
                with mg.config(kernels=kernels):
                    return call(name, arguments, dict(zip(params, tensors(params.values(), False), strict=True)))
            yield run


def check_text(name, what, error):
    """The name of the op is the first thing that is said."""
    assert str(error).startswith(name), f"{name}, {what}: {type(error).__name__}: {error}"


@pytest.mark.parametrize("name", NAMES)
def test_other_shapes(name):
    for what, inputs, params in wrong_shapes(name):
        for run in ways(name, inputs, params):
            error = refusal(run)
            if error is not None:
                check_text(name, what, error)
                shapes = [str(x.shape) for x in (*inputs, *params.values()) if isinstance(x, np.ndarray)]
                assert any(shape in str(error) for shape in shapes), f"{what}: no shape that came: {error}"


@pytest.mark.parametrize("name", NAMES)
def test_other_kinds(name):
    for what, inputs, params in wrong_kinds(name):
        for run in ways(name, inputs, params):
            error = refusal(run)
            if error is not None:
                check_text(name, what, error)


@pytest.mark.parametrize("name", [name for name in NAMES if list(axes(name))])
def test_wrong_axes(name):
    for what, inputs, params in axes(name):
        for run in ways(name, inputs, params):
            error = refusal(run)
            assert error is not None, f"{name}, {what}: accepted"
            check_text(name, what, error)
            assert any(word in str(error) for word in ("axis", "axes", "dim")), f"{what}: {error}"


def of_two_arrays(name):
    return [case for case in CASES[name] if sum(isinstance(x, np.ndarray) for x in case.inputs) > 1]


@pytest.mark.parametrize("name", [name for name in NAMES if of_two_arrays(name) and name not in TWO_DEVICES])
def test_two_devices(name):
    with installed():
        for case in of_two_arrays(name):
            for i, stranger in enumerate(case.inputs):
                if not isinstance(stranger, np.ndarray):
                    continue
                inputs = [mg.tensor(x, device="cuda" if j == i else "cpu") if isinstance(x, np.ndarray) else x
                          for j, x in enumerate(case.inputs)]
                params = dict(zip(case.params, tensors(case.params.values(), False), strict=True))
                error = refusal(lambda inputs=inputs, params=params: call(name, inputs, params))
                assert isinstance(error, TypeError), f"{name}, {case.name}, input {i}: {error!r}"
                check_text(name, f"{case.name}, input {i}", error)
                for part in ("on cpu", "on cuda:0", "mends it"):
                    assert part in str(error), f"{name}, {case.name}, input {i}: no {part!r}: {error}"


# --- what these tests must find -----------------------------------------------------------------------------------

def test_the_wrong_calls_are_many():
    """So many wrong calls stand for each op on the average, and none has only a handful."""
    counts = {name: len(list(wrong_shapes(name))) + len(list(wrong_kinds(name))) for name in NAMES}
    assert min(counts.values()) >= 6
    assert sum(counts.values()) > 50 * len(NAMES)


def test_an_error_from_inside_is_found():
    with pytest.raises(AssertionError, match="AttributeError: 'NoneType' object has no attribute 'shape'"):
        refusal(lambda: None.shape)
    with pytest.raises(AssertionError, match="conv2d, no bias: ValueError: operands"):
        check_text("conv2d", "no bias", ValueError("operands could not be broadcast"))
