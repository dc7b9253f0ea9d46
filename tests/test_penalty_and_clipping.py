"""What is done to parameters and gradients around a step: the L1 penalty, clipping, parameters as one vector."""

import numpy as np
import pytest
from compare import assert_same

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import Parameter
from minigrad.tensor import Tensor


def test_l1_penalty_and_its_gradient():
    p, q = Parameter(np.array([[1.0, -2.0], [0.0, 3.0]])), Parameter(np.array(-4.0))
    penalty = optim.l1_penalty([p, q], 0.5)
    assert penalty.item() == 5 and penalty.shape == ()
    penalty.backward()
    assert p.grad.tolist() == [[0.5, -0.5], [0.0, 0.5]] and q.grad.tolist() == -0.5
    assert optim.l1_penalty(p).item() == 6 and optim.l1_penalty(iter([p])).item() == 6
    with pytest.raises(ValueError, match="l1_penalty: there are no parameters"):
        optim.l1_penalty([])


def test_l1_makes_weights_zero_and_keeps_the_needed_one():
    x = mg.randn(64, 5, generator=np.random.default_rng(0))
    fc = nn.Linear(5, 1, bias=False)
    optimizer = optim.SGD(fc.parameters(), lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        loss = ((fc(x) - 2 * x[:, :1]) ** 2).mean() + optim.l1_penalty(fc.parameters(), 0.3)
        loss.backward()
        optimizer.step()
    assert fc.weight.data[0, 0] > 1.5 and np.abs(fc.weight.data[0, 1:]).max() < 0.02


def test_clipping_by_hand():
    p, q, r = Parameter(np.zeros(2)), Parameter(np.zeros(())), Parameter(np.zeros(1))
    p.grad, q.grad = Tensor(np.array([3.0, 0.0])), Tensor(np.array(4.0))
    arrays, date = (p.grad.data, q.grad.data), p.grad.changed[0]
    assert nn.utils.clip_grad_norm_([p, q, r], 1.0).item() == 5
    assert_same([p.grad, q.grad], [np.array([0.6, 0.0]), np.array(0.8)], 1e-6)
    assert p.grad.data is arrays[0] and q.grad.data is arrays[1]
    assert p.grad.changed[0] > date and r.grad is None
    assert nn.utils.clip_grad_norm_([r], 1.0).item() == 0 and nn.utils.clip_grad_norm_(iter([]), 1.0).item() == 0
    nn.utils.clip_grad_value_(q, 0.5)
    assert q.grad.item() == 0.5
    p.grad = Tensor(np.array([np.nan, 1.0]))
    with pytest.raises(RuntimeError, match="the gradients' norm of order 2 is nan"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.data[1] == 1


def test_clipping_half_precision_squares_in_float32():
    p = Parameter(np.zeros(2, "f2"))
    p.grad = Tensor(np.array([3000.0, 4000.0], "f2"))
    total = nn.utils.clip_grad_norm_(p, 50.0)
    assert total.dtype == "float32" and total.item() == pytest.approx(5000)
    assert p.grad.dtype == "float16" and p.grad.tolist() == pytest.approx([30, 40], rel=1e-3)


def test_vectors_that_do_not_fit_change_nothing():
    ps = [Parameter(np.ones(shape)) for shape in [(4, 3), (3,), ()]]
    before = [p.numpy() for p in ps]
    n = sum(p.data.size for p in ps)
    with pytest.raises(ValueError, match=rf"the parameters have {n} elements, the vector has shape \({n + 1},\)"):
        nn.utils.vector_to_parameters(mg.zeros(n + 1), ps)
    with pytest.raises(TypeError, match="vec must be a Tensor, ndarray came"):
        nn.utils.vector_to_parameters(np.zeros(n), ps)
    for p, old in zip(ps, before, strict=True):
        assert (p.data == old).all()
    y = ps[0].sum()
    nn.utils.vector_to_parameters(mg.zeros(n), ps)
    assert not ps[0].data.any() and y.requires_grad
