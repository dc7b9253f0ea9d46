"""x[...] = v: written in place, outside the tape; whoever would need the old values, or a gradient, is told so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_cupy import installed, only_on_the_double
from test_shapes_property import getitems

import minigrad as mg
from minigrad import nn
from minigrad.graph import Input

NOT_RECORDED = r"x\[...\] = v on a tensor that requires gradients .*no_grad\(\).*where\(mask, v, x\), scatter_add\("


@given(st.data())
def test_it_writes_what_numpy_writes(data):
    """Any index, and a value of the shape that it picks, of one that broadcasts to it, or a number."""
    case = data.draw(getitems())
    x, index = np.zeros_like(case.inputs[0]), case.params["index"]
    shape = x[index].shape
    fitting = [shape, shape[1:], tuple(data.draw(st.sampled_from([1, n])) for n in shape), ()]
    v = np.full(data.draw(st.sampled_from(fitting)), data.draw(st.integers(1, 9)), data.draw(st.sampled_from("dfi")))
    y = mg.tensor(x)
    y[index] = data.draw(st.sampled_from([mg.tensor(v), v, v.tolist() if v.size else v]))
    x[index] = v
    np.testing.assert_array_equal(y.numpy(), x)


@pytest.mark.parametrize("device", ["cpu", "cuda", pytest.param("cuda:1", marks=only_on_the_double)])
def test_indices_and_values_are_tensors_lists_and_numbers(device):
    with installed():
        x = mg.zeros(2, 2, device=device)
        x[mg.tensor([[True, False], [False, True]], device=device)] = mg.tensor([1.0, 2.0], device=device)
        x[[0], 1:] = [3]
        x[mg.tensor([1], device=device), 0] = 4
        x[1:, 1] = (5.0,)
        assert x.numpy().tolist() == [[1, 3], [4, 5]]


def test_a_value_is_converted_and_the_tensor_stays_what_it_is():
    x = mg.tensor([1, 2])
    x[0] = 1.75
    x[1] = mg.tensor(2.5)
    assert x.tolist() == [1, 2] and x.dtype == "int64"
    y = mg.tensor(0.0)
    y[...] = 3
    y[()] = mg.tensor([4.0])[0]
    assert y.item() == 4


def test_what_requires_gradients_is_written_only_where_nothing_is_recorded():
    x, w = mg.ones(2, requires_grad=True), mg.ones(2)
    for target, value in ((x, 1.0), (x * 2, 1.0), (w, x), (w, x[0])):
        with pytest.raises(ValueError, match=NOT_RECORDED):
            target[0:1] = value
    with mg.no_grad():
        x[0] = 5.0
        w[...] = x
    assert x.tolist() == w.tolist() == [5, 1] and x.requires_grad and x.is_leaf and not w.requires_grad


def test_nothing_is_written_where_there_is_nothing():
    """Also where NumPy gives an array without elements strides of 0."""
    for x in (mg.zeros(3, 0).copy(), mg.zeros(3, 0) + 1, mg.zeros(0, 3)):
        x[...] = 1.0
        x[:, :0] = mg.ones(x.shape[0], 0)
        assert x.numpy().size == 0
    with pytest.raises(ValueError):
        mg.zeros(3, 0)[5:4] = mg.ones(2, 2)


VIEWS = [lambda x: x, lambda x: x.detach(), lambda x: x[:1], lambda x: x.T, lambda x: x.flip(),
         lambda x: x.unbind(1)[1], lambda x: x.chunk(2)[0], lambda x: x.reshape(-1),
         lambda x: x[None].expand(2, -1, -1), lambda x: x.narrow(0, 0, 1)]


@pytest.mark.parametrize("view", VIEWS)
def test_a_walk_that_needs_the_old_values_refuses(view):
    """Also where it saved a view, or the write goes through a view."""
    base = mg.ones(2, 2)
    shown = view(base)
    y = (shown * mg.ones_like(shown).requires_grad_()).sum()
    base[0] = 7.0
    with pytest.raises(RuntimeError, match="multiply saved its argument a, .*changed in place"):
        y.backward()
    base = mg.ones(2, 2)
    y = (base * mg.ones(2, 2, requires_grad=True)).sum()
    part = view(base)
    if 0 not in part.data.strides:
        part[...] = 7.0
        with pytest.raises(RuntimeError, match="multiply saved its argument a, .*changed in place"):
            y.backward()


@pytest.mark.parametrize("call", [
    lambda x, i: x[i], lambda x, i: x.gather(0, i), lambda x, i: mg.take(x, i, 0),
    lambda x, i: mg.scatter_add(x, 0, i, x), lambda x, i: mg.take_along_axis(x, i, 0),
    lambda x, i: mg.index_select(x, 0, i), lambda x, i: mg.repeat(x, i)])
def test_an_index_is_saved_too(call):
    x, i = mg.tensor([1.0, 2.0, 3.0], requires_grad=True), mg.tensor([2, 1, 1])
    y = call(x, i).sum()
    i[0] = 0
    with pytest.raises(RuntimeError, match=r"saved its argument \w+, a tensor of shape \(3,\).*changed in place"):
        y.backward()


@pytest.mark.parametrize("write, error, message", [
    (lambda x: x.__setitem__(5, 1.0), IndexError, r"x\[...\] = v: index 5 is out of bounds .*\(x \(2, 3\)\)"),
    (lambda x: x.__setitem__(0, mg.ones(2)), ValueError, r"= v: could not broadcast .*\(x \(2, 3\), v \(2,\)\)"),
    (lambda x: x.__setitem__(mg.tensor([True]), 1.0), IndexError, r"x\[...\] = v: boolean index .*2.*1"),
    (lambda x: x.__setitem__(mg.tensor([0.5]), 1.0), IndexError, r"x\[...\] = v: .*integer"),
    (lambda x: x.__setitem__(0, 1j), TypeError, r"x\[...\] = v: .*complex"),
    (lambda x: x[:1].broadcast_to(4, 3).__setitem__(0, 1.0), ValueError, r"one in memory.*x.copy\(\) has its own"),
    (lambda x: Input((3,)).__setitem__(0, 1.0), TypeError, "has no values, it is a node of a graph"),
    (lambda x: x.__setitem__(0, Input((3,))), TypeError, r"x\[...\] = v: x is on cpu, v or an index on meta"),
])
def test_what_cannot_be_written_says_why(write, error, message):
    x = mg.zeros(2, 3)
    with pytest.raises(error, match=message):
        write(x)
    assert x.tolist() == [[0] * 3] * 2


def test_a_value_or_an_index_on_another_device():
    with installed():
        x, y = mg.zeros(2), mg.zeros(2, device="cuda")
        for target, index, value in ((x, 0, y[0]), (y, 0, x[0]), (x, mg.tensor([0], device="cuda"), 1.0),
                                     (y, mg.tensor([0]), 1.0), (y, slice(None), np.ones(2))):
            with pytest.raises(TypeError, match=r"= v: x is on \w+.*, v or an index on \w+.*\.to\('c.*mends it"):
                target[index] = value


# --- x += v -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("update, expected", [
    (lambda w: w.__iadd__(0.5), [1.5, 2.5]), (lambda w: w.__isub__(mg.ones(2)), [0.0, 1.0]),
    (lambda w: w.__imul__(2), [2.0, 4.0]), (lambda w: w.__itruediv__(mg.tensor([2.0, 4.0])), [0.5, 0.5]),
])
def test_a_step_of_a_parameter_inside_no_grad_is_in_place(update, expected):
    """Or `for p in model.parameters(): p -= lr * p.grad` would train nothing, without a word."""
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    with mg.no_grad():
        assert update(w) is w
    assert w.requires_grad and w.is_leaf and w.tolist() == expected
    assert update(w) is not w and w.tolist() == expected               # recorded: a new tensor
    constant = mg.ones(2)
    with mg.no_grad():
        assert update(constant) is not constant


def test_what_the_tape_still_needs_notices_such_a_step():
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    with mg.no_grad():
        w -= 0.5
    with pytest.raises(RuntimeError, match="changed in place after the call"):
        loss.backward()


def test_a_loop_over_parameters_trains_as_sgd_does():
    from minigrad import nn, optim

    x, layer = mg.randn(5, 3), nn.Linear(3, 1)
    twin = nn.Linear(3, 1)
    twin.load_state_dict(layer.state_dict())
    optimizer = optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(3):
        for model in (layer, twin):
            model.zero_grad()
            mg.square(model(x) - 1).mean().backward()
        optimizer.step()
        with mg.no_grad():
            for p in layer.parameters():
                p -= 0.1 * p.grad
    np.testing.assert_allclose(layer.weight.numpy(), twin.weight.numpy(), rtol=1e-6)


@pytest.mark.parametrize("update, expected", [
    (lambda w: w.__ipow__(2), [1.0, 9.0]), (lambda w: w.__imod__(2), [1.0, 1.0]),
    (lambda w: w.__ifloordiv__(2), [0.0, 1.0]),
])
def test_the_rarer_steps_are_in_place_as_well(update, expected):
    w = mg.tensor([1.0, 3.0], requires_grad=True)
    with mg.no_grad():
        assert update(w) is w
    assert w.requires_grad and w.tolist() == expected
    assert update(w) is not w and w.tolist() == expected


def test_copy_takes_arrays_and_lists():
    x = mg.zeros(2)
    assert x.copy_(np.array([1.0, 2.0])) is x and x.tolist() == [1, 2]
    assert x.copy_([3, 4]).tolist() == [3, 4] and x.copy_(mg.tensor(5)).tolist() == [5, 5]
    with installed():
        assert mg.zeros(2, device="cuda").copy_(np.array([1.0, 2.0])).tolist() == [1, 2]


def test_a_tensor_in_the_place_of_the_array():
    """p.data = p.data - lr * p.grad, as PyTorch's listings have it: the next call says what is wrong."""
    p = mg.tensor([1.0, 2.0], requires_grad=True)
    p.data = p.data - 0.1 * mg.ones(2)
    with pytest.raises(TypeError, match="multiply: the data of a tensor must be an array.*no_grad"):
        p * 2
    with pytest.raises(TypeError, match="matmul: "):
        mg.ones(3, 2) @ p


def test_a_step_of_a_frozen_parameter():
    """As of a target network, which follows another slowly."""
    from minigrad import nn

    target = nn.Linear(2, 1).requires_grad_(False)
    target.weight.fill_(1.0)
    with mg.no_grad():
        for p in target.parameters():
            p *= 0.5
            p += 0.25
    assert target.weight.tolist() == [[0.75, 0.75]] and not target.weight.requires_grad


def test_scatter_takes_lists_and_numbers():
    assert mg.zeros(2, 3).scatter_(1, [[0], [2]], 1.0).tolist() == [[1, 0, 0], [0, 0, 1]]
    for index, src in (([0], 2.0), (mg.tensor(0), mg.tensor(2.0)), (mg.tensor([0]), mg.tensor([2.0]))):
        assert mg.zeros(()).scatter_(0, index, src).item() == 2
    assert mg.zeros(()).scatter_(0, mg.zeros(0, dtype="int64"), 2.0).item() == 0


def test_complex_numbers_do_not_fit():
    with pytest.raises(TypeError, match="add_: the result is complex64, it does not fit into this float32 tensor"):
        mg.zeros(2).add_(1j)


def test_nonzero_of_a_number():
    assert mg.nonzero(mg.tensor(3.0)).shape == (1, 0) and mg.nonzero(mg.tensor(0.0)).shape == (0, 0)


@pytest.mark.parametrize("product", [lambda x: mg.bmm(x, mg.ones(2, 4, 2)), lambda x: mg.mm(x, mg.ones(4, 2))])
def test_products_of_symbols_do_not_show_the_prime(product):
    with pytest.raises(ValueError, match=r"^\w+: expected [^0-9]* ?.*\(n, 3, 4\)") as caught:
        product(Input((3, 4)))
    assert "158133" not in str(caught.value)


@pytest.mark.parametrize("shown", [
    lambda w: w.view(-1), lambda w: w.reshape(4, 27), lambda w: w.flatten(1), lambda w: w[0].ravel(),
    lambda w: w.detach().reshape(-1), lambda w: w.permute_dims((0, 2, 3, 1)).reshape(-1, 3)])
def test_what_is_written_to_a_reshape_is_not_lost_by_how_images_lie_in_memory(shown):
    """Filters lie channels last: a reshape of them may be a copy, which a write would not leave."""
    weight = nn.Conv2d(3, 4, 3).weight
    before = weight.numpy()
    with mg.no_grad():
        part = shown(weight)
        for write in (lambda: part.zero_(), lambda: part.__setitem__(0, 1.0)):
            with pytest.raises(ValueError, match=r"read-only, as is a reshape of images or filters.*x\.copy\(\)"):
                write()
        assert (weight.numpy() == before).all()
        part.copy().zero_()
    weight.grad = None
    mg.square(shown(weight) + weight.sum()).sum().backward()
    weight.grad.zero_()                         # gradients are their tensor's own


def test_a_reshape_of_memory_in_c_order_shows_it():
    weight = nn.Linear(3, 4).weight
    with mg.no_grad():
        weight.view(-1).fill_(7.0)
        weight.T.reshape(-1).fill_(8.0)         # NumPy's rule: a copy
        weight.view(2, 6).T.reshape(-1)[0] = 9.0
    assert (weight.numpy() == 7).all()
