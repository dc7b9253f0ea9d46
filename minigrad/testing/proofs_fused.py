"""Proofs of fused ops: definition and kernels are one function."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..fused import Fused
from ..op import Op
from ..settings import config
from ..walk import exhaust
from .cases import Case
from .proof import Proof, has_gradient, has_kernel, kernel_of, named, registered, unshared
from .runs import ProofError, Run, agree, elements, floats, raw_arguments

PROOFS: dict[str, Proof] = {}
proof = registered(PROOFS)


@proof("fused is its definition", lambda op, case: isinstance(op, Fused))
def fused_is_definition(op: Fused, case: Case) -> int:
    """Values, gradients and gradients of gradients are the same with kernels and without, recorded or not."""
    run, free = Run(op, case, order=2), Run(op, case, recorded=False)
    with config(kernels="definition"):
        definition, free_definition = Run(op, case, order=2), Run(op, case, recorded=False)
    return (agree(run.arrays(), definition.arrays(), 1e-10, "with kernels and the definition")
            + agree(free.arrays(), run.arrays()[:len(free.outputs)], 1e-10, "unrecorded and recorded")
            + agree(free.arrays(), free_definition.arrays(), 1e-10, "unrecorded, with kernels and the definition"))


@proof("stepping into agrees", lambda op, case: isinstance(op, Fused) and has_gradient(op, case))
def stepping_into(op: Fused, case: Case) -> int:
    """The walk through the definition, with the gradient that arrived, gives what stepping over gave."""
    run, compared = Run(op, case, walk=False), 0
    for node, g, gradients, _ in run.steps():
        if node.op is op:
            inner = exhaust(op.inner_steps(node, g, node.edges))
            for name, over, into in zip(op.names, gradients, inner, strict=True):
                if (over is None or not np.any(over)) and (into is None or not np.any(into)):
                    compared += elements([over if into is None else into])
                    continue
                if over is None or into is None:
                    raise ProofError(f"stepping {'over' if over is None else 'into'} gives no gradient of {name}, "
                                     f"stepping {'into' if over is None else 'over'} does")
                compared += agree([over], [into], 1e-10, f"stepping over and into, gradient of {name}")
    return compared


@proof("kernel is its definition", has_kernel)
def kernel_is_definition(op: Fused, case: Case) -> int:
    """A kernel called by itself gives the definition's values, and each gradient also when only that is needed."""
    raw, run = raw_arguments(op, case), Run(op, case)
    kernel, needs, expected = kernel_of(op, case), needed(op, case), op.definition(*raw)
    several = type(expected) is tuple
    values, what = list(expected) if several else [expected], "kernel and definition"

    def outputs(y: Any) -> list:
        return list(y) if several else [y]

    compared = agree(outputs(kernel.forward([False] * op.arity, *raw)[0]), values, 1e-10, what)
    for i in [i for i, need in enumerate(needs) if need]:
        alone = [k == i for k in range(op.arity)]
        for asked in (alone, needs):            # by the forward; what the walk asks for later may be less
            y, kept = kernel.forward(asked, *raw)
            compared += agree(outputs(y), values, 1e-10, what)
            gradients = kernel.backward(alone, run.seeds if several else run.seeds[0], kept, *raw)
            if run.gradients[i] is not None:
                which = f"the gradient of {op.names[i]}, alone and with the others"
                compared += agree([gradients[i]], [run.gradients[i]], 1e-10, which)
    return compared


def needed(op: Op, case: Case) -> list[bool]:
    """Which arguments carry gradients, as a kernel is told."""
    return [i in floats(case) for i in range(op.arity)]


@proof("kernel is fresh", has_kernel)
def kernel_is_fresh(op: Fused, case: Case) -> int:
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
    held = [k for k in (kept if type(kept) is tuple else (kept,)) if not any([k is out for out in outputs])]
    old += named("what the kernel kept", held)
    return unshared(new, old)
