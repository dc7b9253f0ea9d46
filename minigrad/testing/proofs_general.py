"""Proofs of every op: it changes nothing it was given, and its gradients are the derivatives, walked however."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

import numpy as np

from ..op import OPS, Op
from ..settings import config
from ..tensor import Tensor
from ..variadic import Variadic
from ..walk import grad
from .cases import Case
from .gradcheck import GradientError, Mismatch, as_tuple, compared, gradcheck, gradgradcheck, is_floating
from .proof import Proof, has_gradient, modes, registered
from .runs import ProofError, Run, agree, bound, call, floats, largest, replaced, zeros_like
from .teeth import CHANGES, corrupted

PROOFS: dict[str, Proof] = {}
proof = registered(PROOFS)


# --- first of all, for a check of an op that changes what it is given says nothing ---------------------------------

@proof("inputs not mutated")
def inputs_not_mutated(op: Any, case: Case) -> int:
    """Inputs, parameters, outputs and arriving gradients stay as they were, bitwise, whatever is walked."""
    compared = 0
    for mode in modes(op):
        with config(kernels=mode):
            for order in (1, 2):
                for name, now, before in Run(op, case, order=order, watched=True).before:
                    if now.tobytes() != before:
                        raise ProofError(f"{name} was changed by the op or its gradient")
                    compared += now.size
    return compared


@proof("arrays and tensors agree")
def arrays_and_tensors(op: Any, case: Case) -> int:
    """On bare arrays, where formulas and unrecorded definitions work, the op gives bare arrays with the same values."""
    compared = 0
    for mode in modes(op):
        with config(kernels=mode):
            try:
                outputs = as_tuple(call(op, case.inputs, case.params))
            except (TypeError, AttributeError) as error:        # the one of a kernel here, or the other of a user's op
                missing = getattr(error, "attribute", None) or getattr(error, "name", None)
                if missing is None:
                    raise
                raise ProofError(f"on arrays instead of tensors: {error}. {no_methods(missing)}") from error
            if any([isinstance(y, Tensor) for y in outputs]):
                raise ProofError("on arrays instead of tensors the op gives tensors")
            expected = [y.data for y in Run(op, case, recorded=False).outputs]
            compared += agree(outputs, expected, 1e-12, "on arrays and on tensors")
    return compared


def no_methods(name: str) -> str:
    """What to write instead of a method of tensors."""
    instead = f"minigrad.{name}(...) instead of .{name}()" if name in OPS else "functions instead of methods of tensors"
    return f"In a definition, a formula or a forward use {instead}: it also runs on bare arrays"


# --- gradients ------------------------------------------------------------------------------------------------

@proof("gradient", has_gradient)
def gradient(op: Any, case: Case) -> int:
    """The gradient is the derivative."""
    return gradcheck(bound(op, case), case.inputs).checked


@proof("second gradient", has_gradient)
def second_gradient(op: Any, case: Case) -> int:
    """So is the gradient of the gradient, at the inputs and at what arrives."""
    return gradgradcheck(bound(op, case), case.inputs).checked


@proof("teeth", lambda op, case: isinstance(op, Op) and has_gradient(op, case))
def teeth(op: Any, case: Case) -> int:
    """A tampered gradient of any one input is rejected: scaled, zeroed, flipped, one element moved."""
    changes = [(position, change) for position in floats(case) for change in bites(op, case, position)]
    for position, change in changes:
        tooth(op, case, position, change)
    return len(changes)


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
            if isinstance(compared(bound(op, case), case.inputs), Mismatch):
                return
        except GradientError:           # no derivative at all
            return
    raise ProofError(f"with the gradient of {target.names[position]} {change} the gradient check still passes")


def twins(case: Case) -> list[tuple[int, int]]:
    """The pairs of inputs for which one tensor would do."""
    return [(i, j) for i, j in combinations(floats(case), 2) if case.inputs[i].shape == case.inputs[j].shape]


@proof("one tensor for two inputs", lambda op, case: bool(twins(case)) and has_gradient(op, case))
def one_for_two(op: Any, case: Case) -> int:
    """A tensor that is two of the inputs, or that one of them is made of, gets the sum of both gradients."""
    compared = 0
    for i, j in twins(case):
        with np.errstate(all="ignore"):                     # a negative number to the power of itself is NaN, both ways
            apart = Run(op, replaced(case, j, case.inputs[i]))
            parts = [zeros_like(case.inputs[i]) if g is None else g for g in (apart.gradients[i], apart.gradients[j])]
            what = f"one tensor for {apart.names[i]} and {apart.names[j]}, and two tensors,"
            for mode, create_graph, made in product(modes(op), (False, True), (False, True)):
                with config(kernels=mode):
                    total = gradient_of_both(op, case, i, j, apart.seeds, create_graph, made)
                compared += agree([total], [parts[0] + parts[1]], 1e-10, what, max(map(largest, parts)))
    return compared


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


# --- walks that are unlike the first ------------------------------------------------------------------------------

@proof("one tape, several walks", has_gradient)
def several_walks(op: Any, case: Case) -> int:
    """Walks of one tape, recorded or not, give the same gradients bit for bit, whatever was walked between them."""
    compared = 0
    for mode in modes(op):
        with config(kernels=mode):
            run = Run(op, case, walk=False)
            plain, recorded = run.again(run.seeds), run.again(run.seeds, create_graph=True)
            other = run.again([None if s is None else -2 * s for s in run.seeds])
            unchanged(run, plain, run.again(run.seeds))
            unchanged(run, recorded, run.again(run.seeds, create_graph=True))
            compared += agree(other, [-2 * g for g in plain], 1e-10, "of one tape, the gradient of -2 times what "
                              "arrived and -2 times the gradient")
    return compared


def unchanged(run: Run, first: list, again: list) -> None:
    """Bit for bit."""
    for i, a, b in zip(run.active, first, again, strict=True):
        if a.tobytes() != b.tobytes():
            raise ProofError(f"the same tape gives another gradient of {run.names[i]} when it is walked again: a walk "
                             "before changes what the call has kept for its gradient")


def has_several_outputs(op: Any, case: Case) -> bool:
    """Whether there is more than one output at which a gradient may arrive."""
    return bool(floats(case)) and len([y for y in Run(op, case, recorded=False).outputs if is_floating(y)]) > 1


@proof("outputs that nobody uses", has_several_outputs)
def unused_outputs(op: Any, case: Case) -> int:
    """Whichever of its outputs are used, the gradient is that of the definition with zeros at the others."""
    with config(kernels="definition"):
        definition = Run(op, case, walk=False)
    several = [k for k, s in enumerate(definition.seeds) if s is not None]
    compared = 0
    for mode in modes(op):
        with config(kernels=mode):
            for used in choices(several):
                compared += some_used(op, case, used, definition)
            for k in several:
                compared += gradcheck(only(op, case, k), case.inputs).checked
    return compared


def choices(several: list[int]) -> Iterator[tuple[int, ...]]:
    """Every choice of some, but not all, of a few outputs; of more than four, of one and of all but one."""
    n = len(several)
    for size in range(1, n) if n <= 4 else (1, n - 1):
        yield from combinations(several, size)


def some_used(op: Any, case: Case, used: tuple[int, ...], definition: Run) -> int:
    """The gradients where only these outputs are used, and the others are alive, or dead."""
    zeros = [s if s is None or k in used else s * 0 for k, s in enumerate(definition.seeds)]
    expected, compared = dict(zip(definition.active, definition.again(zeros), strict=True)), 0
    for active in [definition.active, *[[i] for i in definition.active]]:
        for dead in (False, True):
            run = Run(op, case, walk=False, active=active)
            seeds = [s if k in used else None for k, s in enumerate(run.seeds)]
            if dead:
                run.outputs = tuple([y if k in used else Tensor(y.data) for k, y in enumerate(run.outputs)])
            what = f"only output {' and '.join(map(str, used))} used, and zeros arriving at the others,"
            compared += agree(run.again(seeds), [expected[i] for i in active], 1e-10, what)
    return compared


def only(op: Any, case: Case, k: int) -> Callable:
    """The op of which only one output is used."""
    whole = bound(op, case)

    def function(*inputs: Any) -> Any:
        return whole(*inputs)[k]

    function.__name__ = f"{whole.__name__}, only output {k} used"
    vars(function)["names"] = vars(whole)["names"]
    return function
