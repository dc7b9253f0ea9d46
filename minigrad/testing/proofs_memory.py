"""Proofs of what an op does with the forms of arrays: their dtype, their memory, their shape, their strides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..settings import config
from ..walk import exhaust
from .cases import Case
from .gradcheck import is_floating
from .proof import Proof, has_floats, has_gradient, modes, named, registered, unshared
from .runs import ProofError, Run, agree, arrays_of, as_dtype, elements, largest, replaced

PROOFS: dict[str, Proof] = {}
proof = registered(PROOFS)


# --- dtypes, memory, shapes -------------------------------------------------------------------------------------

# The bits after the point of the dtypes that are no float64; of bfloat16 where ml_dtypes is installed.
BITS = {"float16": 10, "float32": 23} | ({"bfloat16": 7} if find_spec("ml_dtypes") else {})


def dtype_of(name: str) -> Any:
    """NumPy has bfloat16 from another package."""
    return np.dtype(import_module("ml_dtypes").bfloat16 if name == "bfloat16" else name)


@proof("dtype kept", has_gradient)
def dtype_kept(op: Any, case: Case) -> int:
    """In every precision what comes out has the dtype that went in, outputs and gradients.

    Only outputs next to the first, the statistics of half-precision inputs, may be float32: theirs is a larger range.
    """
    compared = 0
    for dtype in map(dtype_of, [*BITS, "float64"]):
        run = lowered(op, case, dtype)[0]
        if run is None:
            continue
        for k, y in enumerate(run.outputs):
            allowed = (dtype, "float32") if k and dtype.itemsize == 2 else (dtype,)
            if is_floating(y) and "dtype" not in case.params and y.dtype not in allowed:
                raise ProofError(f"inputs are {dtype}, {f'output {k}' if k else 'an output'} is {y.dtype}")
        for i, g in run.gradients.items():
            if g is not None and g.dtype != dtype:
                raise ProofError(f"input {run.names[i]} is {dtype}, its gradient {g.dtype}")
        compared += elements([y.data for y in run.outputs if is_floating(y)]) + elements([*run.gradients.values()])
    return compared


def lowered(op: Any, case: Case, dtype: Any) -> tuple[Run | None, Case, list[str]]:
    """The op run in a precision, the case as that precision has it, and what fell out of its range on the way.

    No run where NumPy cannot do in bfloat16, which is none of its own dtypes, what the op asks for.
    """
    lost: list[str] = []
    with np.errstate(over="call", under="call", divide="ignore", invalid="ignore",
                     call=lambda kind, flag: lost.append(kind)):
        low = as_dtype(case, dtype)
        try:
            return Run(op, low), low, lost
        except TypeError:
            if dtype.kind != "V":
                raise
            return None, low, lost


def accurate(op: Any, case: Case, dtype: str) -> int:
    """In low precision the op gives the float64 result, to a few roundings.

    Where they differ because numbers became too large or too small for the dtype, nothing is proven or disproven.
    """
    run, low, lost = lowered(op, case, dtype_of(dtype))
    exact_case = as_dtype(low, "float64")
    if run is None or beyond(arrays_of(exact_case), arrays_of(case)):
        return 0
    exact = Run(op, exact_case).arrays()
    try:
        return agree(run.arrays(), exact, 10 * 2.0**-BITS[dtype], f"{dtype} and float64", max(map(largest, exact)))
    except ProofError:
        if lost or beyond(run.arrays(), exact):
            return 0
        raise


def beyond(low: Sequence, exact: Sequence) -> bool:
    """Whether something is not finite that is finite in float64."""
    return any([bool((np.isfinite(e) & ~np.isfinite(np.asarray(a, e.dtype))).any())
                for a, e in zip(low, exact, strict=True) if is_floating(e)])


for each in BITS:
    proof(f"{each} is accurate", has_floats)(partial(accurate, dtype=each))


@proof("results are fresh", has_gradient)
def results_are_fresh(op: Any, case: Case) -> int:
    """Leaves own their gradients: writable memory that no other gradient, input, output or arriving gradient shares."""
    compared = 0
    for mode in modes(op):
        with config(kernels=mode):
            run = Run(op, case, walk=False)
            exhaust(run.steps())
            new = [(f"the gradient of {run.names[i]}", run.leaves[i].grad.data) for i in run.active
                   if run.leaves[i].grad is not None]
            for name, g in new:
                if type(g) is not np.ndarray or not g.flags.owndata or not g.flags.writeable:
                    raise ProofError(f"{name} does not own its memory, or cannot be written to")
            outputs = named("output", [y.data for y in run.outputs])
            compared += unshared(new, [*run.given(), *outputs, *named("arriving gradient", run.seeds)])
    return compared


@proof("broadcasting undone", has_gradient)
def broadcasting_undone(op: Any, case: Case) -> int:
    """A gradient has the shape of its input; that of an input which was repeated is the sum over the repetitions."""
    full = Run(op, case)
    compared = elements([*full.gradients.values()])
    for i, g in full.gradients.items():
        if g is not None and g.shape != case.inputs[i].shape:
            raise ProofError(f"input {full.names[i]} has shape {case.inputs[i].shape}, its gradient {g.shape}")
    for i in full.active:
        for small in shrunk(case.inputs[i]):
            narrow = replaced(case, i, small)
            wide = replaced(case, i, np.broadcast_to(small, case.inputs[i].shape).copy())
            with np.errstate(all="ignore"):         # the variance of what was repeated is 0
                if same_values(op, narrow, wide):
                    compared += summed(Run(op, narrow), Run(op, wide), i, largest(full.gradients[i]))
    return compared


def shrunk(x: np.ndarray) -> list[np.ndarray]:
    """x with one of its axes cut to length 1, or without its first axis."""
    ones = [np.take(x, [0], axis).copy() for axis in range(x.ndim) if x.shape[axis] > 1]
    return ones + ([np.array(x[0])] if x.ndim and len(x) else [])


def same_values(op: Any, narrow: Case, wide: Case) -> bool:
    """Whether the op takes the small input for the repeated one, and it is no error and means nothing else."""
    try:
        a, b = Run(op, narrow, recorded=False).outputs, Run(op, wide, recorded=False).outputs
    except (TypeError, ValueError, IndexError):
        return False
    return [y.shape for y in a] == [y.shape for y in b] and all(
        [np.allclose(p.data, q.data, rtol=1e-10, equal_nan=True) for p, q in zip(a, b, strict=True)])


def summed(narrow: Run, wide: Run, i: int, scale: float) -> int:
    """The gradient of the small input is the sum of that of the repeated one.

    scale: of the gradient where nothing is repeated; both of these may be rounding alone.
    """
    g, whole = narrow.gradients[i], wide.gradients[i]
    if g is None or whole is None or not (np.isfinite(g).all() and np.isfinite(whole).all()):
        return 0                                        # repeated values have put the op on a kink
    shape = narrow.leaves[i].shape
    extra = whole.ndim - len(shape)
    repeated = [extra + k for k, n in enumerate(shape) if n != whole.shape[extra + k]]
    expected = whole.sum((*range(extra), *repeated)).reshape(shape)
    what = f"the gradient of {narrow.names[i]} of shape {shape} and the sum of that of {whole.shape}"
    return agree([g], [expected], 1e-10, what, max(scale, largest(whole)))


@proof("strides are nobody's business", lambda op, case: any([x.ndim for x in arrays_of(case)]))
def strides(op: Any, case: Case) -> int:
    """Inputs and arriving gradients laid out channels last, backwards in memory, or transposed give the same."""
    plain = Run(op, case, order=2)
    layouts = {"channels last": channels_last, "negative strides": backwards, "transposed": transposed}
    return sum([agree(Run(op, case, place=layout, order=2).arrays(), plain.arrays(), 1e-10, f"{name} and C order")
                for name, layout in layouts.items()])


def channels_last(x: np.ndarray) -> np.ndarray:
    """An image (n, c, h, w) whose channels are next to each other in memory."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if x.ndim == 4 else x.copy()


def backwards(x: np.ndarray) -> np.ndarray:
    """The same values, the last one first in memory."""
    return np.flip(np.flip(x).copy())


def transposed(x: np.ndarray) -> np.ndarray:
    """The same values in Fortran order."""
    return x.copy(order="F")
