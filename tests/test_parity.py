"""PyTorch's answer on every case of the table: values, gradients, gradients of gradients; in float64 and in float32."""

import warnings

import numpy as np
import pytest
from cases import call
from rows import rows

from minigrad import config
from minigrad.fused import Fused
from minigrad.op import OPS
from minigrad.testing.cases import map_arrays
from minigrad.testing.gradcheck import is_floating
from minigrad.testing.runs import Run, agree, floats, largest, waves

pytestmark = pytest.mark.parity

CONSTANT = {("cross_entropy", 2)}       # PyTorch does not differentiate at the weights of classes
FLAT = {"floor_divide"}                 # nor here at all: the gradient is zero


def name_of(op):
    return getattr(op, "name", op.__name__)


def active(op, case):
    """The inputs at which both libraries have a gradient."""
    return [i for i in floats(case) if (name_of(op), i) not in CONSTANT]


def answer(op, case):
    """PyTorch's outputs, gradients, and gradients of gradients; zeros where there are none."""
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch_reference import TORCH

    inputs = [map_arrays(lambda x: torch.from_numpy(x.copy()), x) for x in case.inputs]
    leaves = [inputs[i].requires_grad_() for i in active(op, case)]
    numbers = name_of(op) in ("getitem", "put")         # NumPy numbers what an index picks
    params = case.params if numbers else case.map(torch.from_numpy).params
    with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():       # only this one can be differentiated twice
        warnings.simplefilter("ignore")
        result = call(name_of(op), inputs, params, TORCH)
        outputs = list(result) if isinstance(result, (tuple, list)) else [result]
        outputs = [y.detach() for y in outputs] if name_of(op) in FLAT else outputs
        found = list(outputs)
        if any(y.is_floating_point() for y in outputs):
            used = [y for y in outputs if y.requires_grad]
            seeds = [torch.from_numpy(waves(tuple(y.shape), y.numpy(force=True).dtype)) for y in used]
            first = gradients(torch, used, leaves, seeds, create_graph=True)
            again = [g for g in first if g.requires_grad]
            found += first + gradients(torch, again, leaves, [torch.full_like(g, 0.5) for g in again])
    return [a.numpy(force=True) for a in found]


def gradients(torch, outputs, leaves, seeds, create_graph=False):
    """torch.autograd.grad with zeros where nothing depends on a leaf."""
    if not outputs or not leaves:
        return [torch.zeros_like(x) for x in leaves]
    found = torch.autograd.grad(outputs, leaves, seeds, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]


def ours(op, case):
    """The same of minigrad."""
    run = Run(op, case, order=2, active=active(op, case))
    arrays = [y.data for y in run.outputs]
    if any(is_floating(y) for y in run.outputs):
        for table in (run.gradients, run.second):
            found = {i: table.get(i) for i in run.active}
            arrays += [np.zeros(case.inputs[i].shape) if g is None else g for i, g in found.items()]
    return arrays


@pytest.mark.parametrize("op, case", rows())
def test_float64(op, case):
    agree(ours(op, case), answer(op, case), 1e-10, "minigrad and PyTorch")


@pytest.mark.parametrize("op, case", rows(lambda op, case: isinstance(op, Fused)))
def test_float64_without_kernels(op, case):
    with config(kernels="definition"):
        agree(ours(op, case), answer(op, case), 1e-10, "minigrad and PyTorch")


@pytest.mark.parametrize("op, case", rows(lambda op, case: bool(floats(case))))
def test_float32(op, case):
    single = case.map(lambda x: x.astype("float32") if is_floating(x) else x)
    expected = answer(op, single)
    mine = ours(op, single)
    assert [a.dtype for a in mine[:1]] == [e.dtype for e in expected[:1]]
    agree(mine, expected, 20 * float(np.finfo("float32").eps), "minigrad and PyTorch", max(map(largest, expected)))


def test_a_wrong_answer_is_found():
    """The comparison can fail: PyTorch's sine is not our cosine."""
    op, case = rows(lambda op, case: op is OPS["sin"])[0].values
    with pytest.raises(AssertionError, match="do not agree"):
        agree(ours(OPS["cos"], case), answer(op, case), 1e-7, "minigrad and PyTorch")
