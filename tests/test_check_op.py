"""check_op: a student's op passes every proof of the table, and wrong ones are rejected, each with its reason."""

import doctest
import sys
from math import prod

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.testing import PROOFS, Case, GradientError, ProofError, check_op, gradcheck

X, Y = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), np.array([[0.4, 2.0, -1.0]])


def own(forward, **formulas):
    return mg.op(forward).gradient(**formulas)


# --- right ops ------------------------------------------------------------------------------------------------

def test_a_primitive_passes():
    def product(a, b):
        return a * b

    mine = own(product, a=lambda g, b: g * b, b=lambda g, a: g * a)
    report = check_op(mine, [(X, Y), Case((X, X), name="same shape")])
    assert report.op == "product" and report.cases == 2
    twice = ["inputs not mutated", "arrays and tensors agree", "gradient", "second gradient", "teeth", "dtype kept",
             "results are fresh", "broadcasting undone", "strides are nobody's business"]
    assert report.proofs == dict.fromkeys(twice, 2) | {"one tensor for two inputs": 1}
    assert report.count == 19
    assert repr(report).startswith("product: 19 proofs on 2 cases, all hold\n")
    assert "teeth" in repr(report)


def test_a_fused_op_with_a_kernel_gets_every_proof():
    def forward(needs, x, z):
        s = 1 / (1 + np.exp(-z))
        return x * s, s

    def backward(needs, g, s, x, z):
        return g * s, g * x * s * (1 - s)

    @mg.fused
    def gated(x, z):
        return x * ops.sigmoid(z)

    gated.kernel("numpy", forward, backward, lambda x, z: x.dtype.itemsize > 2 and x.shape == z.shape)
    assert set(check_op(gated, [(X, X[::-1])]).proofs) == set(PROOFS)


def test_ops_with_parameters_labels_and_several_arrays():
    def scale(x, factor=2.0):
        return x * factor

    check_op(own(scale, x=lambda g, factor: g * factor), [Case((X,), {"factor": 3.0})])
    check_op(ops.concat, [(X, Y)])
    check_op(ops.cross_entropy, [(X, np.array([2, 0]))])
    check_op(ops.split, [Case((X,), {"n": 3, "axis": 1})])


def test_low_precision_cases_are_taken_in_float64():
    assert check_op(ops.tanh, [X.astype("float32")]).count == check_op(ops.tanh, [X]).count


def test_an_op_without_a_gradient_passes_if_it_is_flat():
    def steps(x):
        return np.floor(x)

    check_op(mg.op(steps), [X])


@pytest.mark.parametrize("module", ["minigrad.testing.gradcheck", "minigrad.testing.check", "minigrad.testing.teeth",
                                    "minigrad.testing.strategies"])
def test_examples_in_the_docstrings_run(module):
    # Under another name, or the ops that the examples make would be the library's.
    result = doctest.testmod(sys.modules[module], extraglobs={"__name__": "notebook"})
    assert result.attempted and not result.failed


# --- wrong ops ------------------------------------------------------------------------------------------------

def cube(x):
    return x * x * x


def scaled_bias(x, bias):
    return x + bias


def mutating(x):
    x *= 2
    return x * 1


def product(a, b):
    return a * b


def mean_of_rows(x):
    return x.mean(1)


GRADIENTS = {
    "a factor forgotten": (cube, {"x": lambda g, x: g * x * x}, [X], "analytic / numeric = 0.333"),
    "g forgotten": (cube, {"x": lambda g, x: 3 * x * x}, [X], "cube: the gradient of input x is wrong"),
    "a sign": (cube, {"x": lambda g, x: g * -3 * x * x}, [X], "the sign is wrong"),
    "the other input": (product, {"a": lambda g, a: g * a, "b": lambda g, a: g * a}, [(X, Y)], "input a is wrong"),
    "no formula for one input": (
        product, {"a": lambda g, b: g * b}, [(X, Y)], "input b is wrong.*\n.*formula is missing"),
    "no formula at all": (cube, {}, [X], "formula is missing"),
    "a gradient spread without its count": (
        mean_of_rows, {"x": lambda g, x_shape: ops.broadcast_to(ops.reshape(g, (-1, 1)), x_shape)}, [X],
        "analytic / numeric = 3"),
    "right first, bare second": (
        cube, {"x": lambda g, x: g * (mg.tensor(3 * x.data**2) if isinstance(x, mg.Tensor) else 3 * x * x)}, [X],
        "proof 'second gradient'"),
}


@pytest.mark.parametrize("mistake", GRADIENTS)
def test_wrong_gradients_are_rejected(mistake):
    forward, formulas, cases, message = GRADIENTS[mistake]
    with pytest.raises(GradientError, match=message) as caught:
        check_op(own(forward, **formulas), cases)
    assert str(caught.value).startswith(f"{forward.__name__}, case 'number 0, shapes (2, 3)")


def half(x):
    return x.astype("float32") / 2


def double_precision(x):
    return np.asarray(x * np.float64(2.0))


def into_the_input(x):
    y = x * 2
    x[...] = 0
    return y


def into_g(g):
    if not isinstance(g, mg.Tensor):
        g *= 2
        return g
    return g * 2


def times_two(x):
    return x * 2


PROPERTIES = {
    "dtype": (double_precision, {"x": lambda g: g * 2}, "'dtype kept'.*\n.*inputs are float16, an output is float64"),
    "input mutated": (into_the_input, {"x": lambda g: g * 2}, "'inputs not mutated'.*\n.*input x was changed"),
    "arriving gradient mutated": (times_two, {"x": into_g}, "'inputs not mutated'.*\n.*arriving gradient was changed"),
    "memory order": (lambda x: np.reshape(x, -1, order="A") * 1.0, {"x": lambda g, x_shape: ops.reshape(g, x_shape)},
                     "strides are nobody's business.*\n.*transposed and C order do not agree"),
}


@pytest.mark.parametrize("mistake", PROPERTIES)
def test_other_properties_are_held_too(mistake):
    forward, formulas, message = PROPERTIES[mistake]
    with pytest.raises(ProofError, match=message):
        check_op(own(forward, **formulas), [X])


def test_a_gradient_of_the_wrong_shape_is_named():
    with pytest.raises(ValueError, match="a formula gave a gradient of shape") as caught:
        check_op(own(mean_of_rows, x=lambda g: g), [X])
    where = "mean_of_rows, case 'number 0, shapes (2, 3)', proof 'inputs not mutated'"
    assert caught.value.__notes__ == [f"raised by {where}"]


KERNELS = {
    "value": (lambda needs, x: (x * 2.001, None), lambda needs, g, kept, x: (g * 2,), "is wrong"),
    "gradient": (
        lambda needs, x: (x * 2, None), lambda needs, g, kept, x: (g * 2.002,), "twice: the gradient of input x"),
    "arriving gradient overwritten": (
        lambda needs, x: (x * 2, None), lambda needs, g, kept, x: (np.multiply(g, 2, out=g),),
        "arriving gradient was changed"),
    "view of what it kept": (
        lambda needs, x: (lambda y: (y[:], (y,)))(x * 2), lambda needs, g, kept, x: (g * 2,),
        "output shares memory with what the kernel kept"),
    "right only when recorded": (
        lambda needs, x: (x * (2 if needs[0] else 3), None), lambda needs, g, kept, x: (g * 2,), "do not agree"),
    "another function": (
        lambda needs, x: (x * 3, None), lambda needs, g, kept, x: (g * 3,), "the definition do not agree"),
}


def is_double(x):
    """These kernels take float64 only."""
    return x.dtype == "float64"


@pytest.mark.parametrize("mistake", KERNELS)
def test_wrong_kernels_are_rejected(mistake):
    @mg.fused
    def twice(x):
        return x + x

    forward, backward, message = KERNELS[mistake]
    twice.kernel("numpy", forward, backward, is_double)
    with pytest.raises((GradientError, ProofError), match=message):
        check_op(twice, [X])


def test_formulas_that_mix_up_their_inputs_are_found_where_both_are_one_tensor():
    """A formula that asks which tensor it was given, instead of which argument."""
    def tangled(a, b):
        return a * b

    mine = own(tangled, a=lambda g, a, b: g * b,
               b=lambda g, a, b: g * (a * 0 if np.shares_memory(bare(a), bare(b)) else a))
    with pytest.raises(ProofError, match="one tensor for a and b, and two tensors, do not agree"):
        check_op(mine, [(X, X + 1)])


def bare(x):
    return x.data if isinstance(x, mg.Tensor) else x


def test_a_definition_with_methods_is_told_to_use_functions():
    @mg.fused
    def swish(x):
        return x * x.sigmoid()

    with pytest.raises(ProofError, match="'arrays and tensors agree'.*\n.*with functions, minigrad.ops.sigmoid"):
        check_op(swish, [X])


def test_a_kernel_that_gives_views_of_its_input_is_rejected():
    @mg.fused
    def turned(x):
        return ops.permute_dims(x, (1, 0))

    turned.kernel("numpy", lambda needs, x: (x.T, None), lambda needs, g, kept, x: (g.T,), is_double)
    with pytest.raises(ProofError, match="'kernel is fresh'.*\n.*output shares memory with x"):
        check_op(turned, [X])


def test_a_check_that_cannot_bite_is_reported(monkeypatch):
    """If the gradient check were blind, the teeth would say so."""
    monkeypatch.setattr("minigrad.testing.proofs.gradcheck", lambda function, inputs: None)
    with pytest.raises(ProofError, match="'teeth'.*\n.*gradient of x scaled by 1.01 the gradient check still passes"):
        check_op(ops.exp, [X])


# --- what it is given ---------------------------------------------------------------------------------------------

def test_what_is_no_op_is_refused():
    with pytest.raises(TypeError, match="minigrad.op or minigrad.fused"):
        check_op(np.exp, [X])
    with pytest.raises(ValueError, match="exp needs at least one case"):
        check_op(ops.exp, [])


def test_gradcheck_works_on_whole_networks():
    w, b = np.full((4, 3), 0.1) + np.arange(12).reshape(4, 3) / 7, np.arange(4) / 3
    gradcheck(lambda x, w, b: ops.cross_entropy(ops.linear(x, w, b), np.arange(prod(X.shape[:1]))), [X, w, b])
