"""Array functions called wrongly: who complains, what was expected, what came."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.backend import make_generator

X = np.ones((2, 3), "f4")
REFUSED = (ValueError, TypeError, IndexError)


@pytest.mark.parametrize("kernels", ["auto", "definition"])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call, message", [
    # shapes that do not broadcast
    (lambda x: x + x[:, :2], r"^add: .*\(a \(2, 3\), b \(2, 2\)\)"),
    (lambda x: mg.atan2(x, x[:, :2]), r"^atan2: .*\(a \(2, 3\), b \(2, 2\)\)"),
    (lambda x: mg.logaddexp(x, x[:, :2]), r"^logaddexp: .*\(2, 3\)"),
    (lambda x: mg.lerp(x, x, x[:, :2]), r"^lerp: .*weight \(2, 2\)"),
    (lambda x: mg.where(x[:, :2] > 0, x, x), r"^where: .*condition \(2, 2\)"),
    (lambda x: x == x[:, :2], r"^equal: .*\(2, 2\)"),
    (lambda x: mg.clip(x, x[:, :2]), r"^clip: .*min \(2, 2\)"),
    # what an op wants to know
    (lambda x: x.clip(), "^clip: expected at least one of min and max, both are None"),
    (lambda x: x.clamp(None, None), "^clip: expected at least one of min and max"),
    (lambda x: mg.max(x, np.ones(3)), r"^max: axis must be an int .*maximum\(x, y\) is the larger of two"),
    (lambda x: mg.min(x, mg.ones(3)), r"^min: axis must be an int .*minimum\(x, y\) is the smaller of two"),
    (lambda x: mg.add(x), "^add: argument b is missing"),
    (lambda x: mg.exp(x, x), r"^exp: takes 1 arguments \(x\), 2 came"),
    (lambda x: mg.prod(x, axes=0), "^prod: has no argument 'axes'; it has x, axis, keepdims"),
    (lambda x: mg.einsum("ij,jk->ik", x, x), r"^einsum: 'j' has length 3 in one operand and 2 in another .*\(2, 3\)"),
    (lambda x: mg.where("abc", x, x), "^where: expected condition to be a tensor or an array, a string came"),
    (lambda x: mg.where(x > 0, None, x), "^where: expected a to be a tensor or an array, None came"),
    (lambda x: mg.max(None), "^max: expected x to be a tensor or an array, None came"),
    (lambda x: mg.exp([[1.0], "a"]), "^exp: "),
    (lambda x: mg.tril(x, 1.5), "^tril: k must be an int or ints, 1.5 came"),
    (lambda x: mg.roll(x, 1.5), "^roll: shift must be an int or ints, 1.5 came"),
    (lambda x: mg.repeat(x, 1.5), "^repeat: repeats must be an int or ints, 1.5 came"),
    (lambda x: mg.split(x, 1.5), "^split: n must be an int or ints, 1.5 came"),
    (lambda x: mg.reshape(x, None), "^reshape: shape must be an int or ints, None came"),
    (lambda x: mg.permute_dims(x, None), "^permute_dims: axes must be ints, None came"),
    (lambda x: mg.sum(x, "0"), "^sum: expected axis to be an int or ints, '0' came"),
    (lambda x: mg.conv2d(x, x, groups=None), "^conv2d: "),
    (lambda x: mg.dropout(x, x > 0, 1.5), r"^dropout: the probability must be in \[0, 1\], 1.5 came"),
    (lambda x: mg.zeros(1.5), "^zeros: a shape is made of ints, 1.5 came"),
    # axes
    *[(lambda x, name=name: getattr(mg, name)(x, axis=2), f"^{name}: axis 2 is out of bounds")
      for name in ("sum", "mean", "max", "min", "var", "prod", "logsumexp", "any", "all", "argmax", "argmin", "sort",
                   "argsort", "cumulative_sum", "cumulative_prod", "count_nonzero", "norm")],
    (lambda x: mg.sum(x, axis=(0, -2)), "^sum: .*duplicate"),
    (lambda x: mg.cumulative_sum(x), r"^cumulative_sum: expected an axis, x has 2 \(2, 3\); .*reshape\(-1\)"),
    (lambda x: mg.cumulative_prod(x), "^cumulative_prod: expected an axis, x has 2"),
    (lambda x: x.cumsum(5), "^cumsum: cumulative_sum: axis 5 is out of bounds"),
    # nothing to choose from
    (lambda x: mg.max(x[:, :0], 1), "^max: .*zero-size"),
    (lambda x: mg.min(x[:0]), "^min: .*zero-size"),
    (lambda x: mg.argmax(x[:0], 0), "^argmax: .*empty"),
    (lambda x: x[:0].norm(float("inf")), r"^norm: nothing to take the norm of with ord inf: x \(0, 3\)"),
    (lambda x: x[:0].norm(-1), "^norm: nothing to take the norm of with ord -1"),
    # kinds of numbers
    (lambda x: mg.norm(x.astype("int64")), r"^norm: expected floating numbers, int64 came: .*astype\('float32'\)"),
    (lambda x: mg.norm(x, "nuc"), "^norm: expected ord to be a number, inf, -inf, 'fro' or None, 'nuc' came"),
    (lambda x: mg.bitwise_and(x, 1), "^bitwise_and: "),
    (lambda x: x.detach().astype("int64").round(-1), "^round: expected floating numbers for decimals -1, int64 came"),
    # topk
    (lambda x: x.topk(4), r"^topk: expected k from 0 to 3, the length of axis -1 of x \(2, 3\); 4 came"),
    (lambda x: x.topk(3, 0), "^topk: expected k from 0 to 2, the length of axis 0"),
    (lambda x: x.topk(-1), "^topk: expected k from 0 to 3.* -1 came"),
    (lambda x: x.topk(1.5), "^topk: expected k to be an int, 1.5 came"),
    (lambda x: x.topk(1, 7), "^topk: axis 7 is out of bounds"),
])
def test_wrong_calls(call, message, recorded, kernels):
    x = mg.Tensor(X, recorded)
    with mg.config(kernels=kernels), pytest.raises(REFUSED, match=message):
        call(x)


@pytest.mark.parametrize("call, message", [
    (lambda: mg.bernoulli(mg.tensor([0, 1])), "bernoulli: expected probabilities, floating numbers, int64 came"),
    (lambda: mg.bernoulli(mg.tensor([0.5, 1.5])), "bernoulli: expected probabilities from 0 to 1"),
    (lambda: mg.multinomial(mg.ones(3), 4), "multinomial: expected num_samples from 1 to 3 .*replacement.*, 4 came"),
    (lambda: mg.multinomial(mg.ones(3), 0, True), "multinomial: expected num_samples"),
    (lambda: mg.multinomial(mg.tensor([1.0, -1]), 1), "multinomial: expected weights that are finite and not negative"),
    (lambda: mg.multinomial(mg.zeros(2, 2), 1), "multinomial: .*not all zero"),
    (lambda: mg.multinomial(mg.ones(2, 2, 2), 1), r"expected weights \(n,\) or \(rows, n\), \(2, 2, 2\) came"),
    (lambda: mg.normal(0.0, -1.0), "normal: expected std >= 0, -1.0 came"),
    (lambda: mg.normal(mg.zeros(3), 1.0, size=(2,)), r"normal: .*shapes \[\(3,\)\] do not .* size \(2,\)"),
    (lambda: mg.randperm(-1), "randperm: expected n >= 0, -1 came"),
    (lambda: mg.rand_like(mg.tensor([1, 2])), "rand_like: expected floating numbers.* int64 came"),
    (lambda: mg.randint(3, 3, (2,)), "randint: expected low < high, 3 and 3 came"),
    (lambda: mg.Tensor(2, 3), r"Tensor: requires_grad must be True or False, 3 came; minigrad.empty\(2, 3\) makes"),
    (lambda: mg.from_numpy([1.0]), "from_numpy: expected a NumPy array, list came"),
    (lambda: mg.asarray([1.0], copy=False), "asarray: copy=False, but list has no memory"),
    (lambda: mg.asarray(X, "float64", copy=False), "asarray: copy=False, but float32 on cpu has to become float64"),
    (lambda: mg.asarray(np.array(["a"])), "asarray: expected numbers or booleans, <U1 came"),
    (lambda: mg.tensor([[1.0], [1.0, 2.0]]), "tensor: the nested lists do not make a rectangular array"),
    (lambda: mg.meshgrid(mg.ones(2, 2)), r"meshgrid: expected vectors, arrays of shapes \[\(2, 2\)\] came"),
    (lambda: mg.meshgrid(mg.ones(2), indexing="ji"), "meshgrid: expected indexing to be 'xy' or 'ij', 'ji' came"),
    (lambda: mg.zeros(2, device="gpu"), "unknown device 'gpu'"),
    (lambda: mg.ones(-1), "negative"),
])
def test_wrong_creation(call, message):
    with pytest.raises(REFUSED, match=message):
        call()


def test_two_devices():
    from strict_cupy import installed

    with installed():
        x, there = mg.ones(2, 3), mg.ones(2, 3, device="cuda")
        for call in (lambda: mg.atan2(x, there), lambda: mg.clip(x, there), lambda: mg.lerp(there, there, x),
                     lambda: x.maximum(there)):
            with pytest.raises(TypeError, match="is on cpu.*is on cuda:0|is on cuda:0.*is on cpu"):
                call()


def test_a_generator_of_another_device():
    from strict_cupy import installed

    with installed(), pytest.raises((TypeError, ValueError, AttributeError)):
        mg.rand(2, device="cuda", generator=make_generator("cpu", 0)) + mg.ones(2, device="cuda")
