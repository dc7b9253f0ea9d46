"""bfloat16, where ml_dtypes is installed: NumPy promotes it here and there, the engine brings it back."""

import numpy as np
import pytest
from cases import CASES, call

import minigrad as mg
from minigrad import Tensor

ml_dtypes = pytest.importorskip("ml_dtypes")
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
ROWS = [pytest.param(name, case, id=f"{name}-{k}") for name, cases in CASES.items() for k, case in enumerate(cases)]


def tensors(case, dtype):
    return [Tensor(x.astype(dtype), True) if isinstance(x, np.ndarray) and x.dtype.kind == "f"
            else Tensor(x) if isinstance(x, np.ndarray) else x for x in case.inputs]


def run(name, case, dtype):
    """The outputs that need gradients, and the gradients of the inputs that do."""
    inputs = tensors(case, dtype)
    y = call(name, inputs, case.params)
    outputs = [t for t in (y if isinstance(y, tuple) else (y,)) if t.requires_grad]
    leaves = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    seeds = [Tensor(np.ones(t.shape, t.dtype)) for t in outputs]
    return outputs, mg.grad(outputs, leaves, seeds, allow_unused=True) if outputs else ()


@pytest.mark.parametrize("name, case", ROWS)
def test_outputs_and_gradients_stay_bfloat16(name, case):
    outputs, gradients = run(name, case, BFLOAT16)
    exact, _ = run(name, case, "f8")
    if name != "astype":
        assert all(y.dtype == BFLOAT16 for y in outputs)
    assert all(g is None or g.dtype == BFLOAT16 for g in gradients)
    for y, z in zip(outputs, exact, strict=True):
        scale = np.abs(z.data[np.isfinite(z.data)]).max(initial=1.0)
        np.testing.assert_allclose(y.data.astype("f8"), z.data, rtol=0.1, atol=0.1 * scale)


def test_sums_are_accumulated_in_float32():
    x = mg.ones(4096, dtype=BFLOAT16)
    assert float(x.sum()) == 4096 and float((x * 3.0).mean()) == 3 and x.sum().dtype == BFLOAT16


def test_weak_scalars_and_products():
    x = mg.ones(2, 2, dtype=BFLOAT16, requires_grad=True)
    y = ((x * 2.0 + 1) @ x).exp()
    assert y.dtype == BFLOAT16
    y.sum().backward()
    assert x.grad.dtype == BFLOAT16 and (x * mg.ones(2)).dtype == "float32"


def test_saved_and_loaded(tmp_path):
    layer = mg.nn.Linear(3, 2).to(BFLOAT16)
    mg.save(layer, tmp_path / "w.safetensors")
    state = mg.load(tmp_path / "w.safetensors")
    assert state["weight"].dtype == BFLOAT16 and (state["weight"] == layer.weight.data).all()
