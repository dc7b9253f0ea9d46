"""The table: every op on every case, through every proof; with kernels, without, and on the double of CuPy."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from rows import rows
from strict_cupy import cupy, installed, only_on_the_double, syncs

import minigrad
from minigrad import backend, ops
from minigrad.fused import Fused
from minigrad.op import OPS, Op
from minigrad.testing import CHANGES, PROOFS, Case, corrupted, gradcheck, same_on
from minigrad.testing.proof import checked_inputs, has_gradient
from minigrad.testing.proofs_general import bites, tooth
from minigrad.testing.runs import bound, floats
from minigrad.variadic import Variadic


def proofs(applies=lambda op, case: True):
    """The same for every proof."""
    return [pytest.param(proof, *row.values, id=f"{name.replace(' ', '_')}-{row.id}")
            for name, proof in PROOFS.items() if name != "teeth"
            for row in rows(lambda op, case, proof=proof: applies(op, case) and proof.applies(op, case))]


FLAT = {"ceil", "floor", "round", "sign", "trunc"}      # their gradient is zero everywhere


def is_fused(op, case=None):
    return isinstance(op, Fused)


def has_rule(op):
    """Whether it has a gradient at all. Plain functions over ops, such as std, have that of the ops."""
    return not isinstance(op, Op) or bool(getattr(op, "formula", None)) or bool(op.formulas)


# --- the proofs -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("proof, op, case", proofs())
def test_proof(proof, op, case):
    """It holds; and it has compared something, unless the case has no elements or the op is flat."""
    compared = proof.check(op, case)
    assert compared or not has_rule(op) or checked_inputs(op, case) == [], "nothing was compared"


# Gradients of gradients are the definition's in every mode, so test_proof has them already.
@pytest.mark.parametrize("proof, op, case", [row for row in proofs(is_fused)
                                             if row.values[0] is not PROOFS["second gradient"]])
def test_proof_without_kernels(proof, op, case):
    with minigrad.config(kernels="definition"):
        if proof.applies(op, case):             # a proof of kernels has nothing to say here
            proof.check(op, case)


TEETH = [pytest.param(op, case, position, change, id=f"{row.id}-input_{position}-{change.replace(' ', '_')}")
         for row in rows(PROOFS["teeth"].applies) for op, case in [row.values] for position in floats(case)
         for change in bites(op, case, position)]


@pytest.mark.parametrize("op, case, position, change", TEETH)
def test_tampered_gradient_is_rejected(op, case, position, change):
    tooth(op, case, position, change)


def one_each(found):
    """The first row of every op."""
    return list({row.values[0].name: row for row in reversed(found)}.values())


@pytest.mark.parametrize("op, case", one_each(rows(lambda op, case: is_fused(op) and has_gradient(op, case))))
def test_tampered_definition_is_rejected(op, case):
    """The same where the gradient is the definition's."""
    with minigrad.config(kernels="definition"):
        PROOFS["teeth"].check(op, case)


# --- the same chosen for a whole process ------------------------------------------------------------------------

PROGRAM = """
from minigrad.testing import PROOFS
from minigrad.testing.runs import Run
from rows import rows
from test_table import is_fused

seen = set()


def forward(needs, *args):
    raise ValueError("a kernel ran")


for op, case in [row.values for row in rows(is_fused)]:
    for kernel in [kernel for kernels in op.kernels.values() for kernel in kernels]:
        vars(kernel)["forward"] = forward
    if op.kernels and op.name not in seen:
        seen.add(op.name)
        Run(op, case, order=2)
        Run(op, case, recorded=False)
        for name in ("gradient", "second gradient"):
            if not PROOFS[name].check(op, case):
                raise ValueError(f"{op.name}: nothing was compared")
print(*sorted(seen))
"""


def in_a_process(mode, program):
    """Run a program where MINIGRAD_KERNELS is `mode`."""
    here = Path(__file__).resolve().parent
    paths = os.pathsep.join([str(here.parent), str(here)])
    return subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True,
                          env=os.environ | {"MINIGRAD_KERNELS": mode, "PYTHONPATH": paths})


def test_the_environment_variable_turns_kernels_off():
    done = in_a_process("definition", PROGRAM)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == sorted([op.name for op in OPS.values() if getattr(op, "kernels", None)
                                          and op.module.startswith("minigrad.")])


def test_without_it_that_program_meets_a_kernel():
    done = in_a_process("auto", PROGRAM)
    assert done.returncode and "a kernel ran" in done.stderr


def test_a_wrong_value_of_it_is_an_error_at_import():
    done = in_a_process("fast", "import minigrad")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode and last == ("ValueError: environment variable MINIGRAD_KERNELS: kernels must be one of "
                                        "'auto', 'exact', 'definition', 'fast' came")


# --- the other library ------------------------------------------------------------------------------------------

def has_mask(case):
    """Whether a boolean array picks elements: the host must wait to know how many."""
    masks = []
    case.map(lambda x: masks.append(x.dtype == bool))
    return bool({"index", "mask"} & set(case.params)) and any(masks)


def movable(op, case):
    """Of `transfer` the two libraries have a test of their own."""
    return getattr(op, "name", "") != "transfer"


@only_on_the_double
@pytest.mark.parametrize("op, case", rows(movable))
def test_the_double_gives_what_numpy_gives(op, case):
    """No implicit conversions, no NumPy operands, and no waiting of the host for the device."""
    waited = []
    with installed():
        same_on(op, case, cupy.asarray, lambda x: x.get(), lambda: waited.extend(syncs))
    assert set(waited) <= ({"index with a mask"} if has_mask(case) else set())


@pytest.mark.parametrize("device", ["cuda:0", pytest.param("cuda:1", marks=only_on_the_double)])
def test_transfer_goes_there_and_its_gradient_comes_home(device):
    with installed():
        x = minigrad.tensor([1.0, 2.0], requires_grad=True)
        y = x.to(device)
        assert y.device == device
        (y * y).sum().backward()
        assert x.grad.device == "cpu"
        np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


@pytest.mark.gpu
@pytest.mark.parametrize("op, case", rows(movable))
def test_cupy_gives_what_numpy_gives(op, case):
    functions = backend.cuda_library().functions
    same_on(op, case, functions.asarray, lambda x: x.get(), rtol=1e-9)


# --- the table itself -------------------------------------------------------------------------------------------

def test_every_op_has_a_row_and_every_row_is_of_the_library():
    library = {name for name, op in OPS.items() if op.module.startswith("minigrad.")}
    assert library <= set(CASES), "ops without a row in tests/cases/"
    functions = {name for name in set(CASES) - library if callable(getattr(ops, name, None))}
    assert set(CASES) == library | functions, "rows of ops that do not exist"


def test_every_input_with_a_gradient_has_a_case():
    """Each argument with a formula, or a line of mathematics, is a floating input of some case."""
    for name, row in CASES.items():
        op = OPS.get(name)
        if op is None or isinstance(op, Variadic):
            continue
        stated = op.mathematics if isinstance(op, Fused) else [op.names[i] for i in op.formulas]
        covered = {op.names[i] for case in row for i in floats(case)}
        assert set(stated) <= covered, f"{name}: no case differentiates {sorted(set(stated) - covered)}"


def test_every_image_op_has_an_image():
    """The proof of strides lays four-dimensional inputs out channels last; these ops must have one."""
    for name in ("conv2d", "max_pool2d", "avg_pool2d", "batch_norm_train", "batch_norm_eval", "unfold", "softmax"):
        assert any(np.ndim(x) == 4 for case in CASES[name] for x in case.inputs), name


def test_every_op_has_teeth():
    """Every op that makes floats of floats is tampered with, and those with a gradient in all four ways.

    Zeros stay zeros when they are scaled, zeroed or flipped.
    """
    bitten = {}
    for row in TEETH:
        bitten.setdefault(row.values[0], set()).add(row.values[3])
    expected = {op for row in rows(has_gradient) for op in [row.values[0]] if isinstance(op, Op)}
    assert set(bitten) == expected
    for op, changes in bitten.items():
        flat = not has_rule(op) or op.name in FLAT
        assert changes == {"one element moved by 0.01"} if flat else changes == set(CHANGES), op


def test_tampering_ends_with_its_context():
    """The op is as before, also one without formulas and after an exception."""
    for op in (ops.exp, ops.zeros_like, ops.softmax):
        formulas, case = op.formulas, Case((np.array([0.3, -1.2, 0.7]),))
        with pytest.raises(ZeroDivisionError), corrupted(op, 0, lambda g: g * 2):
            raise ZeroDivisionError
        assert op.formulas is formulas and "backward" not in vars(op)
        gradcheck(bound(op, case), case.inputs)
