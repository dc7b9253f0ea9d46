"""The forward of every op on every case of the table against its oracle, and the oracles themselves against PyTorch."""

import numpy as np
import pytest
from cases import CASES, call
from compare import assert_same, outputs
from oracles import ORACLES

import minigrad
from minigrad.op import OPS
from minigrad.testing.cases import map_arrays

ROWS = [
    pytest.param(op, case, id=f"{op}-{number}-{case.name.replace(' ', '_')}")
    for op, row in CASES.items()
    for number, case in enumerate(row)
]


@pytest.mark.parametrize("op, case", ROWS)
def test_forward_is_the_oracles(op, case):
    tensors = case.map(minigrad.tensor)
    result = call(op, tensors.inputs, tensors.params)
    expected = call(op, case.inputs, case.params, ORACLES)
    assert_same(result, expected)
    assert [part.dtype for part in outputs(result)] == [part.dtype for part in outputs(expected)]


@pytest.mark.parametrize("op, case", ROWS)
def test_forward_on_arrays_is_the_same(op, case):
    """Formulas and definitions run on arrays: every op gives arrays for arrays."""
    result = call(op, case.inputs, case.params)
    parts = result if isinstance(result, tuple) else (result,)
    assert not any(isinstance(part, minigrad.Tensor) for part in parts)
    assert_same(result, call(op, case.inputs, case.params, ORACLES))


def test_every_op_has_a_row_and_an_oracle():
    """Ops that tests or notebooks write are in the registry too, but not of this library."""
    library = {name for name, op in OPS.items() if op.module.startswith("minigrad.")}
    assert library - set(CASES) == set(), "ops without a row in tests/cases/"
    assert set(CASES) == set(ORACLES)
    unknown = [name for name in CASES if name not in library and not hasattr(minigrad.ops, name)]
    assert not unknown, "rows of ops that do not exist"


def test_names_of_cases_tell_them_apart():
    for op, row in CASES.items():
        names = [case.name for case in row]
        assert all(names), f"{op}: a case without a name"
        assert len(set(names)) == len(names), f"{op}: two cases have one name"


def test_inputs_are_small_and_in_float64():
    for op, row in CASES.items():
        for case in row:
            arrays = [x for x in case.inputs if isinstance(x, np.ndarray)]
            assert arrays, f"{op}, {case.name}: no array among the inputs"
            assert {x.dtype for x in arrays} <= {np.dtype("f8"), np.dtype("i8"), np.dtype(bool)}, f"{op}, {case.name}"
            assert max(x.size for x in arrays) <= 200, f"{op}, {case.name}"


@pytest.mark.parity
@pytest.mark.parametrize("op, case", ROWS)
def test_oracle_is_pytorchs_answer(op, case):
    torch = pytest.importorskip("torch")
    from torch_reference import TORCH

    params = case.params if op in ("getitem", "put") else case.map(torch.from_numpy).params  # NumPy numbers the picks
    inputs = tuple(map_arrays(torch.from_numpy, x) for x in case.inputs)
    assert_same(call(op, case.inputs, case.params, ORACLES), call(op, inputs, params, TORCH))


@pytest.mark.parity
def test_pytorch_answers_every_op():
    pytest.importorskip("torch")
    from torch_reference import TORCH

    assert set(TORCH) == set(ORACLES)


@pytest.mark.parametrize("case", CASES["getitem"], ids=lambda case: case.name.replace(" ", "_"))
def test_the_oracle_of_indexing_is_numpys(case):
    (x,) = case.inputs
    assert_same(ORACLES["getitem"](x, **case.params), x[case.params["index"]])
