"""What is proven of every op on every case of the table, one small function each.

A proof is called as `proof(op, case)` and raises GradientError or ProofError. `PROOFS` has them by name, each with the
condition under which it says anything about an op and a case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from ..fused import Fused, Kernel, config
from ..op import Op, Variadic
from ..tensor import Tensor, exhaust, grad
from .cases import Case
from .gradcheck import GradientError, as_tuple, gradcheck, gradgradcheck, is_floating
from .runs import ProofError, Run, agree, bound, call, floats, is_shared, largest, raw_arguments, zeros_like
from .teeth import CHANGES, corrupted


@dataclass(frozen=True)
class Proof:
    """A proof, and whether it says anything about an op and a case."""

    check: Callable[[Any, Case], None]
    applies: Callable[[Any, Case], bool]


PROOFS: dict[str, Proof] = {}


def proof(name: str, applies: Callable[[Any, Case], bool] = lambda op, case: True) -> Callable:
    """Decorator: add a proof to the table's."""
    def register(check: Callable) -> Callable:
        PROOFS[name] = Proof(check, applies)
        return check
    return register


def has_gradient(op: Any, case: Case) -> bool:
    """Whether there is an input to differentiate at and an output to differentiate."""
    return bool(floats(case)) and any([is_floating(y) for y in Run(op, case, recorded=False).outputs])


def has_kernel(op: Any, case: Case) -> bool:
    """Whether a kernel takes this case."""
    return isinstance(op, Fused) and op.kernel_for(raw_arguments(op, case)) is not None


def kernel_of(op: Fused, case: Case) -> Kernel:
    """That kernel."""
    kernel = op.kernel_for(raw_arguments(op, case))
    if kernel is None:
        raise ProofError(f"{op.name} has no kernel that takes this case")
    return kernel


# --- first of all, for a check of an op that changes what it is given says nothing ---------------------------------

def modes(op: Any) -> tuple[str, ...]:
    """How the op can run: a fused one without its kernels too."""
    return ("auto", "definition") if isinstance(op, Fused) else ("auto",)


@proof("inputs not mutated")
def inputs_not_mutated(op: Any, case: Case) -> None:
    """Forward, backward and recorded backward leave inputs, parameters and arriving gradients as they were, bitwise."""
    for mode in modes(op):
        with config(kernels=mode):
            for order in (1, 2):
                for name, now, before in Run(op, case, order=order, watched=True).before:
                    if now.tobytes() != before:
                        raise ProofError(f"{name} was changed by the op or its gradient")


@proof("arrays and tensors agree")
def arrays_and_tensors(op: Any, case: Case) -> None:
    """On bare arrays, where formulas and unrecorded definitions work, the op gives bare arrays with the same values."""
    try:
        outputs = as_tuple(call(op, case.inputs, case.params))
    except AttributeError as error:
        raise ProofError(f"on arrays instead of tensors: {error}. Write formulas and definitions with functions, "
                         "minigrad.ops.sigmoid(x), not with methods of tensors, x.sigmoid()") from error
    for y in outputs:
        if isinstance(y, Tensor):
            raise ProofError("on arrays instead of tensors the op gives tensors")
    agree(outputs, [y.data for y in Run(op, case, recorded=False).outputs], 1e-12, "on arrays and on tensors")


# --- gradients ------------------------------------------------------------------------------------------------

@proof("gradient", has_gradient)
def gradient(op: Any, case: Case) -> None:
    """The gradient is the derivative."""
    gradcheck(bound(op, case), case.inputs)


@proof("second gradient", has_gradient)
def second_gradient(op: Any, case: Case) -> None:
    """So is the gradient of the gradient, at the inputs and at what arrives."""
    gradgradcheck(bound(op, case), case.inputs)


@proof("teeth", lambda op, case: isinstance(op, Op) and has_gradient(op, case))
def teeth(op: Any, case: Case) -> None:
    """A tampered gradient of any one input is rejected: scaled, zeroed, flipped, one element moved."""
    for position in floats(case):
        for change in bites(op, case, position):
            tooth(op, case, position, change)


def bites(op: Op, case: Case, position: int) -> list[str]:
    """The changes that alter the gradient of this input: of one that is zero all over, moving an element alone."""
    if not case.inputs[position].size:
        return []
    g = Run(op, case).gradients[position]
    return list(CHANGES)[0 if g is not None and g.any() else -1:]


def tooth(op: Any, case: Case, position: int, change: str) -> None:
    """The check rejects the op while the gradient of one input is changed."""
    target = op.of(len(case.inputs)) if isinstance(op, Variadic) else op
    with corrupted(target, position, CHANGES[change]):
        try:
            gradcheck(bound(op, case), case.inputs)
        except GradientError:
            return
    raise ProofError(f"with the gradient of {target.names[position]} {change} the gradient check still passes")


def twins(case: Case) -> list[tuple[int, int]]:
    """The pairs of inputs for which one tensor would do."""
    return [(i, j) for i, j in combinations(floats(case), 2) if case.inputs[i].shape == case.inputs[j].shape]


@proof("one tensor for two inputs", lambda op, case: bool(twins(case)) and has_gradient(op, case))
def one_for_two(op: Any, case: Case) -> None:
    """A tensor that is two of the inputs, or that one of them is made of, gets the sum of both gradients."""
    for i, j in twins(case):
        with np.errstate(all="ignore"):                     # a negative number to the power of itself is NaN, both ways
            apart = Run(op, replaced(case, j, case.inputs[i]))
            parts = [zeros_like(case.inputs[i]) if g is None else g for g in (apart.gradients[i], apart.gradients[j])]
            what = f"one tensor for {apart.names[i]} and {apart.names[j]}, and two tensors,"
            for mode, create_graph, made in product(modes(op), (False, True), (False, True)):
                with config(kernels=mode):
                    total = gradient_of_both(op, case, i, j, apart.seeds, create_graph, made)
                agree([total], [parts[0] + parts[1]], 1e-10, what, max(map(largest, parts)))


def gradient_of_both(op: Any, case: Case, i: int, j: int, seeds: list, create_graph: bool, made: bool) -> np.ndarray:
    """The gradient of input i, where it is input j as well, or input j is made of it."""
    leaf = Tensor(case.inputs[i].copy(), requires_grad=True)
    inputs: list = [Tensor(x) if isinstance(x, np.ndarray) else x for x in case.inputs]
    inputs[i], inputs[j] = leaf, leaf * 1.0 if made else leaf
    outputs = as_tuple(call(op, inputs, case.params))
    used = [(y, s) for y, s in zip(outputs, seeds, strict=True) if s is not None and y.requires_grad]
    if not used:
        return zeros_like(leaf.data)
    return grad([y for y, _ in used], leaf, [Tensor(s) for _, s in used], create_graph=create_graph)[0].data


# --- fused ops ------------------------------------------------------------------------------------------------

def needed(op: Op, case: Case) -> list[bool]:
    """Which arguments carry gradients, as a kernel is told."""
    return [i in floats(case) for i in range(op.arity)]


@proof("fused is its definition", lambda op, case: isinstance(op, Fused))
def fused_is_definition(op: Fused, case: Case) -> None:
    """Values, gradients and gradients of gradients are the same with kernels and without, recorded or not."""
    run, free = Run(op, case, order=2), Run(op, case, recorded=False)
    with config(kernels="definition"):
        definition, free_definition = Run(op, case, order=2), Run(op, case, recorded=False)
    agree(run.arrays(), definition.arrays(), 1e-10, "with kernels and the definition")
    agree(free.arrays(), run.arrays()[:len(free.outputs)], 1e-10, "unrecorded and recorded")
    agree(free.arrays(), free_definition.arrays(), 1e-10, "unrecorded, with kernels and the definition")


@proof("stepping into agrees", lambda op, case: isinstance(op, Fused) and has_gradient(op, case))
def stepping_into(op: Fused, case: Case) -> None:
    """The walk through the definition, with the gradient that arrived, gives what stepping over gave."""
    run = Run(op, case, walk=False)
    for node, g, gradients, _ in run.steps():
        if node.op is op:
            inner = exhaust(op.inner_steps(node, g, node.edges))
            for name, over, into in zip(op.names, gradients, inner, strict=True):
                if (over is None or not np.any(over)) and (into is None or not np.any(into)):
                    continue
                if over is None or into is None:
                    raise ProofError(f"stepping {'over' if over is None else 'into'} gives no gradient of {name}, "
                                     f"stepping {'into' if over is None else 'over'} does")
                agree([over], [into], 1e-10, f"stepping over and into, gradient of {name}")


@proof("kernel is its definition", has_kernel)
def kernel_is_definition(op: Fused, case: Case) -> None:
    """A kernel called by itself gives the definition's values, and each gradient also when only that is needed."""
    raw, run = raw_arguments(op, case), Run(op, case)
    kernel, needs = kernel_of(op, case), needed(op, case)
    expected = op.definition(*raw)
    idle = kernel.forward([False] * op.arity, *raw)[0]
    several = type(expected) is tuple
    agree(list(idle) if several else [idle], list(expected) if several else [expected], 1e-10, "kernel and definition")
    for i in [i for i, need in enumerate(needs) if need]:
        alone = [k == i for k in range(op.arity)]
        y, kept = kernel.forward(alone, *raw)
        agree(list(y) if several else [y], list(expected) if several else [expected], 1e-10, "kernel and definition")
        gradients = kernel.backward(alone, run.seeds if several else run.seeds[0], kept, *raw)
        if run.gradients[i] is not None:
            what = f"the gradient of {op.names[i]}, alone and with the others"
            agree([gradients[i]], [run.gradients[i]], 1e-10, what)


# --- dtypes, memory, shapes -------------------------------------------------------------------------------------

@proof("dtype kept", lambda op, case: bool(floats(case)))
def dtype_kept(op: Any, case: Case) -> None:
    """In half, single and double precision: what comes out has the dtype that went in, and is the float64 result."""
    for dtype in ("float16", "float32", "float64"):
        low = as_dtype(case, dtype)
        run, exact = Run(op, low), Run(op, as_dtype(low, "float64"))
        for y in run.outputs:
            if is_floating(y) and "dtype" not in case.params and y.dtype != dtype:
                raise ProofError(f"inputs are {dtype}, an output is {y.dtype}")
        for i, g in run.gradients.items():
            if g is not None and g.dtype != dtype:
                raise ProofError(f"input {run.names[i]} is {dtype}, its gradient {g.dtype}")
        expected = exact.arrays()
        rtol, scale = 10 * float(np.finfo(dtype).eps), max(map(largest, expected))
        agree(run.arrays(), expected, rtol, f"{dtype} and float64", scale)


@proof("results are fresh")
def results_are_fresh(op: Any, case: Case) -> None:
    """Leaves own their gradients: writable memory that no other gradient, input, output or arriving gradient shares."""
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
            unshared(new, [*run.given(), *outputs, *named("arriving gradient", run.seeds)])


def unshared(new: list[tuple[str, Any]], old: list[tuple[str, Any]]) -> None:
    """No two new arrays, and no new and old one, have memory in common."""
    for (name, a), (other, b) in [*combinations(new, 2), *[(x, y) for x in new for y in old]]:
        if is_shared(a, b):
            raise ProofError(f"{name} shares memory with {other}")


def named(name: str, arrays: Sequence) -> list[tuple[str, Any]]:
    return [(f"{name} {k}" if len(arrays) > 1 else name, a) for k, a in enumerate(arrays)]


@proof("kernel is fresh", has_kernel)
def kernel_is_fresh(op: Fused, case: Case) -> None:
    """A kernel's results are new arrays: not its arguments, not what arrived, not one another.

    What it keeps may be the output itself, of which the engine then knows, but no other view of it.
    """
    run, raw = Run(op, case), raw_arguments(op, case)
    kernel = kernel_of(op, case)
    needs = needed(op, case)
    y, kept = kernel.forward(needs, *raw)
    seeds = run.seeds if type(y) is tuple else run.seeds[0]
    gradients = kernel.backward(needs, seeds, kept, *raw)
    outputs = list(y) if type(y) is tuple else [y]
    new = [*named("output", outputs), *[(f"the gradient of {n}", g) for n, g in zip(op.names, gradients, strict=True)]]
    old = [*zip(op.names, raw, strict=True), *named("arriving gradient", run.seeds)]
    old += [] if kept is y else named("what the kernel kept", kept if type(kept) is tuple else [kept])
    unshared(new, old)


@proof("broadcasting undone", lambda op, case: bool(floats(case)))
def broadcasting_undone(op: Any, case: Case) -> None:
    """A gradient has the shape of its input; that of an input which was repeated is the sum over the repetitions."""
    full = Run(op, case)
    for i, g in full.gradients.items():
        if g is not None and g.shape != case.inputs[i].shape:
            raise ProofError(f"input {full.names[i]} has shape {case.inputs[i].shape}, its gradient {g.shape}")
    for i in full.active:
        for small in shrunk(case.inputs[i]):
            narrow = replaced(case, i, small)
            wide = replaced(case, i, np.broadcast_to(small, case.inputs[i].shape).copy())
            with np.errstate(all="ignore"):         # the variance of what was repeated is 0
                if same_values(op, narrow, wide):
                    summed(Run(op, narrow), Run(op, wide), i)


def shrunk(x: np.ndarray) -> list[np.ndarray]:
    """x with one of its axes cut to length 1, or without its first axis."""
    ones = [np.take(x, [0], axis).copy() for axis in range(x.ndim) if x.shape[axis] > 1]
    return ones + ([np.array(x[0])] if x.ndim and len(x) else [])


def replaced(case: Case, i: int, x: np.ndarray) -> Case:
    return Case((*case.inputs[:i], x, *case.inputs[i + 1:]), case.params, case.name)


def same_values(op: Any, narrow: Case, wide: Case) -> bool:
    """Whether the op takes the small input for the repeated one, and it is no error and means nothing else."""
    try:
        a, b = Run(op, narrow, recorded=False).outputs, Run(op, wide, recorded=False).outputs
    except (TypeError, ValueError, IndexError):
        return False
    return [y.shape for y in a] == [y.shape for y in b] and all(
        [np.allclose(p.data, q.data, rtol=1e-10, equal_nan=True) for p, q in zip(a, b, strict=True)])


def summed(narrow: Run, wide: Run, i: int) -> None:
    """The gradient of the small input is the sum of that of the repeated one."""
    g, whole = narrow.gradients[i], wide.gradients[i]
    if g is None or whole is None or not (np.isfinite(g).all() and np.isfinite(whole).all()):
        return                                          # repeated values have put the op on a kink
    shape = narrow.leaves[i].shape
    extra = whole.ndim - len(shape)
    repeated = [extra + k for k, n in enumerate(shape) if n != whole.shape[extra + k]]
    expected = whole.sum((*range(extra), *repeated)).reshape(shape)
    what = f"the gradient of {narrow.names[i]} of shape {shape} and the sum of that of {whole.shape}"
    agree([g], [expected], 1e-10, what, largest(whole))


@proof("strides are nobody's business", lambda op, case: any([x.ndim for x in arrays_of(case)]))
def strides(op: Any, case: Case) -> None:
    """Inputs and arriving gradients laid out channels last, backwards in memory, or transposed give the same."""
    plain = Run(op, case, order=2)
    layouts = {"channels last": channels_last, "negative strides": backwards, "transposed": transposed}
    for name, layout in layouts.items():
        agree(Run(op, case, place=layout, order=2).arrays(), plain.arrays(), 1e-10, f"{name} and C order")


def as_dtype(case: Case, dtype: str) -> Case:
    """The case with its floating arrays in another precision."""
    return case.map(lambda x: x.astype(dtype) if is_floating(x) else x)


def arrays_of(case: Case) -> list[np.ndarray]:
    return [x for x in case.inputs if isinstance(x, np.ndarray)]


def channels_last(x: np.ndarray) -> np.ndarray:
    """An image (n, c, h, w) whose channels are next to each other in memory."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if x.ndim == 4 else x.copy()


def backwards(x: np.ndarray) -> np.ndarray:
    """The same values, the last one first in memory."""
    return np.flip(np.flip(x).copy())


def transposed(x: np.ndarray) -> np.ndarray:
    """The same values in Fortran order."""
    return x.copy(order="F")


# --- other libraries --------------------------------------------------------------------------------------------

def same_on(op: Any, case: Case, place: Callable, fetch: Callable, done: Callable = lambda: None,
            rtol: float = 1e-10) -> None:
    """Values, gradients and gradients of gradients on another array library are NumPy's.

    place(array) puts a NumPy array there, fetch(array) brings one back; done() is called when all is computed and
    nothing fetched. Not among PROOFS, for it needs such a library.
    """
    there = Run(op, case, place=place, order=2)
    done()
    here = Run(op, case, order=2)
    agree([fetch(a) for a in there.arrays()], here.arrays(), rtol, "the other library and NumPy")
