"""What a listing written for PyTorch says of tensors: the same words give the same values, or are refused by both."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

pytestmark = pytest.mark.parity

X = np.arange(6.0).reshape(2, 3) / 4 - 0.5
Y = np.array([[2.0, 0.5, -1.0], [0.25, 4.0, 1.5]])
B = np.arange(12.0).reshape(2, 3, 2) / 8
N = np.array([[3, 0, 2], [5, 1, 0]])

SAME = {
    # functions
    "mul": lambda t, x, y, b, n: t.mul(x, y),
    "div": lambda t, x, y, b, n: t.div(x, y),
    "sub": lambda t, x, y, b, n: t.sub(x, y),
    "pow": lambda t, x, y, b, n: t.pow(x, 2),
    "neg": lambda t, x, y, b, n: t.neg(x),
    "clamp": lambda t, x, y, b, n: t.clamp(x, min=-0.1, max=0.3),
    "compare": lambda t, x, y, b, n: [f(x, y) for f in (t.eq, t.ne, t.lt, t.le, t.gt, t.ge)],
    "mm": lambda t, x, y, b, n: t.mm(x, y.T),
    "mv": lambda t, x, y, b, n: t.mv(x, y[0]),
    "bmm": lambda t, x, y, b, n: t.bmm(b, b.mT),
    "unsqueeze": lambda t, x, y, b, n: t.unsqueeze(x, 1),
    "permute": lambda t, x, y, b, n: t.permute(b, (2, 0, 1)),
    "movedim": lambda t, x, y, b, n: t.movedim(b, 0, 2),
    "clone": lambda t, x, y, b, n: t.clone(x),
    "amax": lambda t, x, y, b, n: [t.amax(b, dim=(1, 2), keepdim=True), t.amin(b, 0), t.amax(b)],
    "unbind": lambda t, x, y, b, n: t.unbind(b, dim=1),
    "repeat_interleave": lambda t, x, y, b, n: t.repeat_interleave(x, 2, dim=1),
    "as_tensor": lambda t, x, y, b, n: t.as_tensor(Y),
    "numel": lambda t, x, y, b, n: t.tensor([t.numel(x), t.is_tensor(x), t.is_tensor(3), t.is_tensor(Y)]),
    "inference_mode": lambda t, x, y, b, n: t.inference_mode()(lambda: x * 2)(),
    "dtypes": lambda t, x, y, b, n: [n.to(d) for d in (t.float, t.double, t.half, t.long, t.int)],
    "device": lambda t, x, y, b, n: x.to(t.device("cuda" if t.cuda.is_available() else "cpu")),
    # methods
    "x.mm": lambda t, x, y, b, n: [x.mm(y.T), x.matmul(y.T), x.mv(y[0]), b.bmm(b.mT)],
    "x.softmax": lambda t, x, y, b, n: [x.softmax(dim=1), x.softmax(0), x.log_softmax(dim=-1)],
    "x.long": lambda t, x, y, b, n: [y.long(), y.int(), n.bool()],
    "x.to": lambda t, x, y, b, n: [n.to(t.float64), x.to("cpu", t.float32), n.to(x), x.to(dtype=t.float32),
                                   x.to(device="cpu", non_blocking=True), n.type(t.float32), n.type_as(x)],
    "x.new": lambda t, x, y, b, n: [x.new_zeros(2, 3), x.new_ones((1, 2)), x.new_full((2,), 3.5), x.new_tensor([1, 2]),
                                    n.new_zeros(2), x.new_zeros(2, dtype=t.int64), n.new_full((2,), 4)],
    "x.contiguous": lambda t, x, y, b, n: b.permute(2, 0, 1).contiguous().view(4, 3),
    "x.movedim": lambda t, x, y, b, n: b.movedim(0, 2),
    "unbiased": lambda t, x, y, b, n: [t.var(x, dim=1, unbiased=False), t.std(x, dim=0, unbiased=True),
                                       x.var(1, unbiased=False), x.std(dim=-1, keepdim=True, unbiased=True)],
    "p": lambda t, x, y, b, n: [t.norm(x, p=1, dim=0), x.norm(p=3)],
    "dims": lambda t, x, y, b, n: [t.flip(x, dims=[0]), t.roll(x, 1, dims=1)],
    "steps": lambda t, x, y, b, n: t.linspace(0, 1, steps=5),
    "randint": lambda t, x, y, b, n: [t.randint(1, (3,)), t.randint(2, 3, (2, 2)), t.randint(0, 1, size=(2,))],
    "isclose": lambda t, x, y, b, n: [t.isclose(x, x + 1e-9), t.isclose(x, y, atol=2.0),
                                      t.isclose(t.tensor([t.inf, t.nan]), t.tensor([t.inf, t.nan])),
                                      t.isclose(t.tensor([t.nan]), t.tensor([t.nan]), equal_nan=True),
                                      t.isclose(n, n + 1, rtol=0.3)],
    "allclose": lambda t, x, y, b, n: t.tensor([t.allclose(x, x + 1e-9), t.allclose(x, y)]),
    "nonzero": lambda t, x, y, b, n: [t.nonzero(x > 0), (n > 1).nonzero(), n[n > 9].nonzero()],
    "scatter_": lambda t, x, y, b, n: [x.new_zeros(2, 3).scatter_(1, n[:, 2:], 1.0),
                                       x.scatter_(0, n[:1] * 0 + 1, y)],
    "constants": lambda t, x, y, b, n: t.tensor([t.pi, t.inf, -t.inf, t.nan]),
    "x.ndimension": lambda t, x, y, b, n: t.tensor([x.ndimension(), x.nelement(), x.is_floating_point(), x.is_cuda,
                                                    n.is_floating_point()]),
    # in place
    "fill_": lambda t, x, y, b, n: [x.fill_(2.0), y.zero_(), x + y],
    "copy_": lambda t, x, y, b, n: [x.copy_(y), n.copy_(y), b.copy_(t.tensor([1.0, 2.0]))],
    "add_": lambda t, x, y, b, n: x.add_(y).add_(y, alpha=0.5).sub_(1.0).sub_(y, alpha=2),
    "mul_": lambda t, x, y, b, n: x.mul_(0.5).div_(y),
    "mul_ into a view": lambda t, x, y, b, n: [x[0].mul_(3.0), x],
    "clamp_": lambda t, x, y, b, n: [x.clamp_(-0.1, 0.2), y.clamp_(min=0)],
    "masked_fill_": lambda t, x, y, b, n: x.masked_fill_(y > 1, -1.0),
    "lerp_": lambda t, x, y, b, n: x.lerp_(y, 0.1),
    "fill_ of a leaf": lambda t, x, y, b, n: t.no_grad()(lambda p: p.fill_(1.0))(x.requires_grad_()),
    "draws": lambda t, x, y, b, n: [(x.uniform_(2, 3) >= 2).all(), (y.normal_(50, 1e-3) > 49).all()],
    "detach_": lambda t, x, y, b, n: t.tensor([(x.requires_grad_() * 2).detach_().requires_grad]),
}

REFUSED = {
    "mm of three axes": lambda t, x, y, b, n: t.mm(b, b.mT),
    "x.mm of a vector": lambda t, x, y, b, n: x.mm(y[0]),
    "bmm of two axes": lambda t, x, y, b, n: t.bmm(x, y.T),
    "bmm of other batches": lambda t, x, y, b, n: t.bmm(b, b[:1].mT),
    "mv of a matrix": lambda t, x, y, b, n: t.mv(x, y.T),
    "fill_ of a leaf": lambda t, x, y, b, n: x.requires_grad_().fill_(1.0),
    "add_ that grows": lambda t, x, y, b, n: x[0].add_(y),
    "add_ a fraction to integers": lambda t, x, y, b, n: n.add_(0.5),
}


def inputs(library):
    return [library.tensor(array) for array in (X, Y, B, N)]


def listed(found):
    return [np.asarray(part.detach().numpy()) for part in (found if isinstance(found, (list, tuple)) else [found])]


@pytest.mark.parametrize("name", SAME)
def test_the_same_word_the_same_values(name):
    import torch

    mine, theirs = [listed(SAME[name](library, *inputs(library))) for library in (mg, torch)]
    assert [a.dtype for a in mine] == [a.dtype for a in theirs]
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_both(name):
    import torch

    with pytest.raises(RuntimeError):
        REFUSED[name](torch, *inputs(torch))
    with pytest.raises((ValueError, TypeError), match=name.split()[0].removeprefix("x.") + "|x\\[...\\] = v"):
        REFUSED[name](mg, *inputs(mg))


@pytest.mark.parametrize("word", ["mm", "bmm", "clamp", "unsqueeze", "amax"])
def test_gradients_flow_through_words(word):
    import torch

    def gradient(library):
        x, y, b, n = inputs(library)
        leaf = (b if word in ("bmm", "amax") else x).requires_grad_()
        SAME[word](library, x, y, b, n)[0].sum().backward()
        return leaf.grad.numpy()

    np.testing.assert_allclose(gradient(mg), gradient(torch), rtol=1e-12)


def test_what_was_changed_in_place_is_noticed():
    x, w = mg.ones(2), mg.ones(2, requires_grad=True)
    y = (x * w).sum()
    x.mul_(2)
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()


@pytest.mark.parametrize("text", ["{:.3f}", "{:8.2e}", "{:g}"])
def test_a_number_is_formatted(text):
    import torch

    assert text.format(mg.tensor(2.5, requires_grad=True)) == text.format(torch.tensor(2.5, requires_grad=True))
    assert f"{mg.tensor(3):d}" == "3" and f"{mg.ones(2)}" == repr(mg.ones(2))
    with pytest.raises(ValueError, match="one element.*shape \\(2,\\)"):
        text.format(mg.ones(2))


def test_a_device_has_a_type_and_an_index():
    import torch

    for args in (("cpu",), ("cuda:1",), ("cuda", 1), ("cuda",)):
        mine, theirs = mg.device(*args), torch.device(*args)
        assert (mine, mine.type, mine.index) == (str(theirs), theirs.type, theirs.index)
    with pytest.raises(ValueError, match="unknown device"):
        mg.device("gpu")


def test_a_penalty_on_the_gradient():
    import torch

    def penalty(library):
        x = library.tensor(X).requires_grad_()
        y = (x ** 3).sum(1)
        (g,) = library.autograd.grad(outputs=y, inputs=x, grad_outputs=library.ones_like(y), create_graph=True,
                                     retain_graph=True, only_inputs=True)
        ((g.norm(2, dim=1) - 1) ** 2).mean().backward()
        return x.grad.numpy()

    np.testing.assert_allclose(penalty(mg), penalty(torch), rtol=1e-9)


def test_first_values_are_written_through_data():
    layer = nn.Linear(200, 30)
    nn.init.normal_(layer.weight.data, 5.0, 0.02)
    nn.init.constant_(layer.bias.data, 2.0)
    assert abs(layer.weight.mean().item() - 5) < 0.01 and (layer.bias == 2).all()
    nn.init.trunc_normal_(layer.weight.data), nn.init.kaiming_uniform_(layer.weight.data, a=5 ** 0.5)
    nn.init.orthogonal_(layer.weight.data), nn.init.sparse_(layer.weight.data, 0.1), nn.init.eye_(layer.weight.data)
    assert (layer.weight.sum(0)[:30] == 1).all()


def test_a_constant_tensor_becomes_a_buffer():
    layer = nn.Identity()
    table = mg.arange(3.0)
    layer.register_buffer("table", table)
    assert layer.table is table.data and list(layer.state_dict()) == ["table"]
    for wrong in (mg.ones(2, requires_grad=True), mg.ones(2, requires_grad=True) * 2):
        with pytest.raises(TypeError, match="detach"):
            layer.register_buffer("wrong", wrong)


@pytest.mark.parametrize("call, says", [
    (lambda b: b.transpose(1, 2), r"swapaxes\(1, 2\)"),
    (lambda b: b.transpose(-2, -1), r"swapaxes\(-2, -1\)"),
    (lambda b: b.repeat(2, 1, 1), r"tile\(2, 1, 1\)"),
])
def test_words_with_two_meanings_name_the_other(call, says):
    with pytest.raises((ValueError, TypeError), match=says):
        call(mg.tensor(B))


ON_THE_HOST = {"as_tensor", "dtypes", "device", "x.to", "randint", "steps", "constants", "allclose", "numel", "detach_",
               "x.ndimension", "copy_", "isclose"}       # these make tensors on the CPU, or convert


@pytest.mark.parametrize("name", [name for name in SAME if name not in ON_THE_HOST])
def test_on_the_double_of_cupy(name):
    from strict_cupy import installed

    with installed():
        there = SAME[name](mg, *[x.to("cuda") for x in inputs(mg)])
        there = [x.to("cpu").detach().numpy() for x in (there if isinstance(there, (list, tuple)) else [there])]
    if name != "draws":
        for a, b in zip(there, listed(SAME[name](mg, *inputs(mg))), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_close_and_copied_on_the_double_of_cupy():
    from strict_cupy import installed

    with installed():
        x, y = [mg.tensor(array).to("cuda") for array in (X, Y)]
        assert mg.allclose(x, x) and not mg.allclose(x, y) and mg.isclose(x, x).device == "cuda:0"
        assert mg.allclose(x.copy_(mg.tensor(Y)), y)
