"""Who owns what on the tape: gradients, hooks, dates of change, copies. Each of these was once wrong without a word."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.tensor import Tensor


def t(values, grad=True):
    return mg.tensor(np.array(values, "f8"), requires_grad=grad)


# --- .grad is owned -----------------------------------------------------------------------------------------

def test_recorded_gradients_of_two_leaves_are_two_buffers():
    a, b = t([1, 2]), t([1, 2])
    ((a + b) * t([2, 2], False)).sum().backward(create_graph=True)
    assert not np.shares_memory(a.grad.data, b.grad.data)
    (a * 3.0 + b * 5.0).sum().backward()
    assert a.grad.tolist() == [5, 5] and b.grad.tolist() == [7, 7]


def test_a_recorded_gradient_is_writable_and_not_the_seed():
    a = t([1, 2])
    a.sum().backward(create_graph=True)
    a.sum().backward()
    assert a.grad.tolist() == [2, 2]
    seed = t([1, 1], False)
    a.grad = None
    (a + 0.0).backward(seed, create_graph=True)
    assert a.grad is not seed and not np.shares_memory(a.grad.data, seed.data)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_retained_gradient_is_its_own(create_graph):
    a = t([1, 2])
    y = a + 0.0
    y.retain_grad()
    (y * 2.0).sum().backward(create_graph=create_graph)
    (a * 3.0).sum().backward()
    assert y.grad.tolist() == [2, 2] and a.grad.tolist() == [5, 5]


def test_asking_twice_to_retain_is_asking_once():
    x = t([1, 2])
    y = x * 1.0
    y.retain_grad()
    y.retain_grad()
    y.sum().backward()
    assert y.grad.tolist() == [1, 1]


def test_a_grad_that_does_not_fit_leaves_all_as_they_were():
    a, b = t([2, 2]), t([2, 2])
    a.grad, b.grad = t([1, 1], False), t([1, 1, 1], False)
    with pytest.raises(ValueError, match=r"a tensor \(2,\) float64 on cpu has a .grad \(3,\)"):
        (a * b).sum().backward()
    assert a.grad.tolist() == [1, 1] and b.grad.tolist() == [1, 1, 1]


def test_a_hook_cannot_change_the_dtype_of_a_recorded_gradient():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda g: g.astype("float64") * 2)
    (x * x).sum().backward(create_graph=True)
    assert x.grad.dtype == "float32" and x.grad.tolist() == [4, 8]


# --- hooks --------------------------------------------------------------------------------------------------

def test_a_hook_may_remove_itself():
    x, handles = t([1, 2]), []
    handles.append(x.register_hook(lambda g: handles[0].remove()))
    x.register_hook(lambda g: g * 2.0)
    x.sum().backward()
    x.sum().backward()
    assert x.grad.tolist() == [4, 4] and len(x.hooks) == 1


def test_one_function_registered_twice_is_two_hooks():
    def double(g):
        return g * 2.0

    x = t([1, 2])
    first = x.register_hook(double)
    x.register_hook(double)
    first.remove()
    x.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_hooks_of_a_recorded_walk_are_recorded_whatever_the_caller_does():
    x = t([1, 2])
    y = x * x * x
    y.register_hook(lambda g: g * x)
    s = y.sum()
    with mg.no_grad():
        (g,) = mg.grad(s, [x], create_graph=True)
    np.testing.assert_allclose(mg.grad(g.sum(), [x])[0].data, 9 * x.data ** 2)


def test_hooks_of_a_plain_walk_are_not_recorded():
    x, seen = t([1, 2]), []
    y = x * 2.0
    y.register_hook(lambda g: seen.append((g * x).requires_grad))
    y.sum().backward()
    assert seen == [False]


def test_seeds_that_add_up_are_recorded():
    x, s = t([1, 2]), t([3, 4])
    y = x * x
    with mg.no_grad():
        (g,) = mg.grad([y, y], [x], [s, s], create_graph=True)
    np.testing.assert_allclose(mg.grad(g.sum(), [s])[0].data, 2 * 2 * x.data)


# --- changes in place ---------------------------------------------------------------------------------------

def test_writing_what_needs_a_gradient_is_refused():
    w, buffer = t([1, 2, 3]), mg.zeros(3, dtype="f8")
    with pytest.raises(ValueError, match="no_grad"):
        buffer[...] = w * w
    with mg.no_grad():
        buffer[...] = w * w
    assert buffer.tolist() == [1, 4, 9]


@pytest.mark.parametrize("index", [lambda i, m: (slice(None), i), lambda i, m: i, lambda i, m: (m, slice(1, None))])
def test_a_change_of_an_index_is_found(index):
    x, i, m = t(np.arange(6).reshape(2, 3)), mg.tensor([0, 1]), mg.tensor([True, False])
    y = x[index(i, m)].sum()
    i[...] = 1
    m[...] = True
    with pytest.raises(RuntimeError, match="getitem saved its argument index"):
        y.backward()


@pytest.mark.parametrize("body", [lambda a, b: b, lambda a, b: b[:2], lambda a, b: b.reshape(-1)])
def test_a_view_of_any_argument_shares_its_date(body):
    @mg.op
    def second(a, b):
        return body(a, b)

    second.gradient(b=lambda g, b: g)
    a, b = t([1.0, 2.0], False), t([1.0, 2.0])
    v = second(a, b)
    y = (v * v).sum()
    with mg.no_grad():
        b[...] = 7.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


# --- what has no gradient says so ---------------------------------------------------------------------------

def test_an_argument_without_a_formula_that_needs_one():
    with pytest.raises(TypeError, match="elu: there is no gradient for argument alpha"):
        ops.elu(t([1, -1]), t(0.1))
    with pytest.raises(TypeError, match=r"pad: there is no gradient for argument constant_values.*\.detach\(\)"):
        ops.pad(t([1, -1], False), 1, constant_values=t(0.1))
    assert not ops.elu(t([1, -1], False), t(0.1, False)).requires_grad


def test_an_option_that_a_kernel_does_not_differentiate_is_left_to_the_definition():
    x, eps = t([[1.0, 2.0, 4.0]]), t(0.5)

    def gradient():
        return mg.grad(ops.layer_norm(x, 3, None, None, eps)[0, 0], [eps])[0].item()

    exact = gradient()
    with mg.config(kernels="definition"):
        assert gradient() == pytest.approx(exact) and exact != 0


def test_complex_results_are_refused():
    with pytest.raises(TypeError, match="multiply: complex numbers have no gradient"):
        t([1.0]) * 1j


def test_numpy_functions_cannot_drop_a_gradient():
    x = t([1, 2])
    for function in (lambda: np.concatenate([x, x]), lambda: np.asarray(x), lambda: np.where([True, False], x, 0.0)):
        with pytest.raises(TypeError, match=r"x.numpy\(\) copies it"):
            function()
    constant = x.detach()
    assert np.concatenate([constant, constant]).tolist() == [1, 2, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(constant)[0] = 5
    np.array(constant)[0] = 5
    assert constant.tolist() == [1, 2]


# --- copies -------------------------------------------------------------------------------------------------

def test_deep_copies_are_leaves_of_their_own():
    x = t([1, 2])
    x.grad = t([3, 4], False)
    twin = copy.deepcopy(x)
    assert twin.requires_grad and twin.grad.tolist() == [3, 4] and not np.shares_memory(twin.data, x.data)
    with pytest.raises(RuntimeError, match="made by multiply"):
        copy.deepcopy(x * 2.0)
    layer = nn.Linear(2, 3)
    other = copy.deepcopy(layer)
    assert isinstance(other.weight, nn.Parameter) and other.weight is not layer.weight
    assert (other.weight.data == layer.weight.data).all() and len(list(other.parameters())) == 2


def test_copy_and_clone_have_memory_of_their_own_and_a_gradient():
    x = t([1, 2])
    for y in (x.copy(), x.clone(), ops.copy(x)):
        assert type(y) is Tensor and not np.shares_memory(y.data, x.data)
        assert mg.grad((y * 3.0).sum(), [x])[0].tolist() == [3, 3]


def test_pytorchs_words_for_axis():
    x = mg.ones(2, 3)
    assert mg.sum(x, dim=1, keepdim=True).shape == (2, 1) and mg.softmax(x, dim=0).shape == (2, 3)
    assert mg.ones(1, 3).squeeze(dim=0).shape == (3,) and x.sum(dim=0).shape == (3,)
    with pytest.raises(TypeError, match="'axis' came twice"):
        mg.sum(x, 1, dim=0)


# --- indices and operands that are no arrays ----------------------------------------------------------------

@pytest.mark.parametrize("pick", [lambda x: x[(0, 0, 1), :], lambda x: x[((0, 0, 1),)], lambda x: x[[0, 0, 1]],
                                  lambda x: x.take((0, 0, 1), 0), lambda x: x[range(0, 2), :].sum(0) + x[[0]]])
def test_a_place_that_is_picked_twice_gets_two_gradients(pick):
    x = t(np.ones((3, 2)))
    (g,) = mg.grad(pick(x).sum(), [x])
    assert g.data[:2].tolist() in ([[2, 2], [1, 1]],) and g.data[2].tolist() == [0, 0]


def test_take_of_a_flattened_array_by_a_tuple():
    x = t([[1, 2], [3, 4]])
    assert mg.grad(x.take((0, 0, 3)).sum(), [x])[0].tolist() == [[2, 0], [0, 1]]


def test_an_index_list_that_is_changed_later():
    x, i = t([1, 2, 3]), [0, 1]
    y = x[i].sum() + x[i, None].sum()
    i[0] = 2
    assert mg.grad(y, [x])[0].tolist() == [2, 2, 0]


def test_lists_as_operands():
    x = t([[1.0, 2.0], [3.0, 4.0]])
    for f in (lambda: x @ [[1.0, 2.0], [3.0, 4.0]], lambda: [[1.0, 2.0], [3.0, 4.0]] @ x, lambda: x ** [2.0, 3.0],
              lambda: [2.0, 3.0] ** x, lambda: x * [2.0, 3.0], lambda: x - [2.0, 3.0]):
        assert mg.grad(f().sum(), [x])[0].shape == (2, 2)


def test_asking_twice_for_one_gradient_gives_two_and_runs_hooks_once():
    x, seen = t([1, 2]), []
    x.register_hook(lambda g: seen.append(1))
    a, b = mg.grad((x * x).sum(), [x, x])
    assert not np.shares_memory(a.data, b.data) and a.tolist() == b.tolist() == [2, 4] and seen == [1]


def test_a_grad_of_another_dtype_leaves_all_as_they_were():
    a, b = t([2, 2]), t([2, 2])
    a.grad, b.grad = t([1, 1], False), mg.tensor([1, 1])
    with pytest.raises(ValueError, match="has a .grad .* int64"):
        (a * b).sum().backward()
    assert a.grad.tolist() == [1, 1]


def test_an_optimizer_refuses_a_gradient_of_another_shape():
    from minigrad import optim
    p = nn.Parameter(mg.zeros(3))
    p.grad = mg.ones(1)
    with pytest.raises(ValueError, match=r"shape \(3,\) has a gradient of shape \(1,\)"):
        optim.SGD([p], lr=1.0).step()


def test_formulas_of_several_outputs_cannot_read_y():
    @mg.op
    def both(x):
        return x + 1, x + 2

    both.gradient(x=lambda g, y: g[0] + g[1])
    with pytest.raises(TypeError, match="both: a formula of an op with several outputs cannot read y"):
        both(t([1.0]))
