"""check_op: a student's op passes every proof of the table, and wrong ones are rejected, each with its reason."""

import doctest
import sys
from importlib.util import find_spec
from math import prod

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.testing import PROOFS, Case, GradientError, GradientReport, ProofError, check_op, gradcheck

X, Y = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), np.array([[0.4, 2.0, -1.0]])


WITH_BFLOAT16 = find_spec("ml_dtypes") is not None
EVERY = {name for name in PROOFS if WITH_BFLOAT16 or "bfloat16" not in name}


@pytest.fixture(autouse=True)
def with_kernels():
    """Whatever MINIGRAD_KERNELS says: kernels are proven here."""
    with mg.config(kernels="auto"):
        yield


def own(forward, **formulas):
    return mg.op(forward).gradient(**formulas)


def two_outputs(change):
    """x -> 2x, x * x with a kernel; `change` gets and returns the list of gradients that its backward works with."""
    @mg.fused
    def pair(x):
        return x + x, x * x

    def backward(needs, g, kept, x):
        a, b = change(g)
        parts = ([] if a is None else [2 * a]) + ([] if b is None else [2 * b * x])
        return (sum(parts) if parts else np.zeros_like(x),)

    return pair.kernel("numpy", lambda needs, x: ((x + x, x * x), None), backward, is_double)


# --- right ops ------------------------------------------------------------------------------------------------

def test_a_primitive_passes():
    def product(a, b):
        return a * b

    mine = own(product, a=lambda g, b: g * b, b=lambda g, a: g * a)
    report = check_op(mine, [(X, Y), Case((X, X), name="same shape")])
    assert report.op == "product" and report.cases == 2
    twice = ["inputs not mutated", "arrays and tensors agree", "gradient", "second gradient", "teeth",
             "one tape, several walks", "dtype kept", "float16 is accurate", "float32 is accurate",
             "results are fresh", "broadcasting undone", "strides are nobody's business"]
    twice += ["bfloat16 is accurate"] * WITH_BFLOAT16
    assert report.proofs == dict.fromkeys(twice, 2) | {"one tensor for two inputs": 1}
    assert report.count == 2 * len(twice) + 1 and report.skipped == {}
    assert repr(report).startswith(f"product: {report.count} proofs on 2 cases, all hold\n")
    assert "teeth" in repr(report) and "compare" not in repr(report)


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
    several = {"outputs that nobody uses"}
    assert set(check_op(gated, [(X, X[::-1])]).proofs) == EVERY - several


def test_a_fused_op_with_several_outputs_gets_that_proof_too():
    report = check_op(two_outputs(lambda g: g), [X])
    assert report.proofs["outputs that nobody uses"] == 1
    assert check_op(ops.split, [Case((X,), {"n": 3, "axis": 1})]).proofs["outputs that nobody uses"] == 1


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

    report = check_op(mg.op(steps), [X])
    assert set(report.skipped) == {"second gradient", "results are fresh", "broadcasting undone"}, "nothing to compare"


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


def test_an_input_that_lacks_its_formula_is_named():
    with pytest.raises(TypeError, match="no gradient for argument b"):
        check_op(own(product, a=lambda g, b: g * b), [(X, Y)])


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


def overwrite_y(g, y):
    if isinstance(y, mg.Tensor):
        return g * y
    y *= g
    return y * 1


def times_two(x):
    return x * 2


PROPERTIES = {
    "dtype": (double_precision, {"x": lambda g: g * 2}, "'dtype kept'.*\n.*inputs are float16, an output is float64"),
    "precision": (lambda x: (x.astype("float16") * 3).astype(x.dtype) if x.dtype == "float32" else x * 3,
                  {"x": lambda g: g * 3}, "'float32 is accurate'.*\n.*float32 and float64 do not agree"),
    "output mutated": (lambda x: np.exp(x), {"x": overwrite_y}, "'inputs not mutated'.*\n.*the output was changed"),
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
    "what it kept overwritten": (
        lambda needs, x: (x * 2, np.full_like(x, 2)), lambda needs, g, kept, x: (np.multiply(kept, g, out=kept) * 1,),
        "'one tape, several walks'.*\n.*changes what"),
    "the first gradient remembered": (
        lambda needs, x: (x * 2, []), lambda needs, g, kept, x: ((kept or kept.append(g * 2) or kept)[0].copy(),),
        "'one tape, several walks'.*\n.*-2 times the gradient"),
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


def test_a_formula_that_changes_what_it_saved_is_rejected():
    """It saves an array of its own, of which no other proof knows."""
    saved = {}

    def halved(x):
        saved[x.shape] = np.full(x.shape, 0.5)
        return x * 0.5

    def formula(g, x):
        if isinstance(g, mg.Tensor):
            return g * 0.5
        gx = g * saved[x.shape]
        saved[x.shape] += np.abs(bare(g)) > 0
        return gx

    with pytest.raises(ProofError, match="'one tape, several walks'.*\n.*a walk before changes what"):
        check_op(own(halved, x=formula), [X])


@pytest.mark.parametrize("change", [
    lambda g: g if g[0] is not None else [None, None], lambda g: g if g[1] is not None else [None, None],
    lambda g: [g[0], None if g[0] is None else g[1]],
])
def test_a_kernel_that_overlooks_a_gradient_where_another_output_is_unused(change):
    with pytest.raises((ProofError, GradientError), match="'outputs that nobody uses'.*\n"):
        check_op(two_outputs(change), [X])


def test_a_kernel_that_cannot_do_without_one_output_is_rejected():
    with pytest.raises(TypeError) as caught:
        check_op(two_outputs(lambda g: [g[0] * 1, g[1]]), [X])
    assert "proof 'outputs that nobody uses'" in caught.value.__notes__[0]


def test_a_primitive_that_overlooks_a_gradient_of_zeros():
    def both(x):
        return x + x, x * x

    mine = own(both, x=lambda g, x: 2 * g[0] + 2 * g[1] * x * (bool(bare(g[0]).any())))
    with pytest.raises(GradientError, match="'outputs that nobody uses'.*\n.*only output 1"):
        check_op(mine, [X])


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

    message = r"'arrays and tensors agree'.*\n.*use minigrad\.sigmoid\(\.\.\.\) instead.*runs on bare arrays"
    with pytest.raises(ProofError, match=message):
        check_op(swish, [X])
    swish.kernel("numpy", lambda needs, x: (x / (1 + np.exp(-x)), None), lambda needs, g, kept, x: (None,))
    with pytest.raises(ProofError, match=message):
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
    blind = GradientReport(2, 0, 0.0)
    monkeypatch.setattr("minigrad.testing.proofs_general.compared", lambda function, inputs: blind)
    with pytest.raises(ProofError, match="'teeth'.*\n.*gradient of x scaled by 1.01 the gradient check still passes"):
        check_op(ops.exp, [X])


# --- proofs that say nothing ------------------------------------------------------------------------------------

def seven(x):
    return x * x


EMPTY = np.zeros((0, 3))


def test_inputs_without_elements_prove_nothing():
    wrong = own(seven, x=lambda g, x: 7 * g * x)
    message = r"seven, case 'nothing': .*input x has no elements, nothing can be checked: add a case in which it has"
    with pytest.raises(ValueError, match=message):
        check_op(wrong, [Case((EMPTY,), name="nothing")])
    with pytest.raises(GradientError):
        check_op(wrong, [EMPTY, X])


def test_beside_others_they_are_allowed_and_not_counted():
    right = own(seven, x=lambda g, x: 2 * g * x)
    alone, both = check_op(right, [X]), check_op(right, [EMPTY, X])
    assert both.proofs == alone.proofs and both.skipped["gradient"] == both.skipped["teeth"] == 1
    assert "compared nothing" in repr(both) and "gradient (1)" in repr(both)


def test_every_input_has_to_have_elements_somewhere():
    wrong = own(product, a=lambda g, b: g * b, b=lambda g, a: 7 * g * a)
    with pytest.raises(ValueError, match="inputs a, b have no elements"):
        check_op(ops.concat, [Case((X, EMPTY))]) and check_op(wrong, [(np.ones((0, 3)), np.ones((0, 3)))])
    with pytest.raises(ValueError, match="input b"):
        check_op(own(lambda a, b: a * 2, a=lambda g: g * 2, b=lambda g, b: b + 7), [(X, EMPTY)])


def test_an_output_without_elements_proves_nothing_either():
    with pytest.raises(ValueError, match="no output with elements, nothing can be checked"):
        check_op(ops.getitem, [Case((X,), {"index": slice(0, 0)})])


def test_a_gradient_without_elements_is_no_checked_direction():
    assert gradcheck(lambda x, y: x.sum() + y * 2.0, [EMPTY, np.array([1.0])]).checked == 2


# --- low precision, and its range -----------------------------------------------------------------------------------

def inverse_cube(x):
    return 1 / x**3


INVERSE_CUBE = {"x": lambda g, x: -3 * g / x**4}


@pytest.mark.parametrize("x", [100.0, 1e-3, 0.01, 1e5])
def test_a_right_op_that_leaves_the_range_of_half_precision_passes(x):
    report = check_op(own(inverse_cube, **INVERSE_CUBE), [np.array([x])])
    assert report.skipped == {"float16 is accurate": 1} and report.proofs["dtype kept"] == 1
    assert report.proofs["float32 is accurate"] == 1
    assert "compared nothing" in repr(report) and "float16 is accurate (1)" in repr(report)


def test_so_does_a_product_that_is_too_small_for_it():
    def tiny(x):
        return x * 1e-4 * 1e-4 * 1e8

    assert check_op(own(tiny, x=lambda g: g), [X]).skipped["float16 is accurate"] == 1


def with_statistics(dtype):
    def whitened(x):
        wide = x.astype(dtype if x.dtype.itemsize == 2 else x.dtype)
        mean = wide.mean(1, keepdims=True)
        return (wide - mean).astype(x.dtype), mean

    return own(whitened, x=lambda g, x_shape: (
        g[0] - ops.mean(g[0], 1, True) + ops.astype(ops.broadcast_to(g[1], x_shape) / x_shape[1], g[0].dtype)))


def test_statistics_of_half_precision_may_be_single_precision():
    """Outputs next to the first: sums and squares would leave the range of half precision."""
    check_op(with_statistics("float32"), [X])
    with pytest.raises(ProofError, match="'dtype kept'.*\n.*inputs are float16, output 1 is float64"):
        check_op(with_statistics("float64"), [X])


def test_outside_the_range_the_dtype_still_counts():
    def widened(x):
        return 1 / x.astype("float64")**3

    with pytest.raises(ProofError, match="'dtype kept'.*\n.*inputs are float16, an output is float64"):
        check_op(own(widened, **INVERSE_CUBE), [np.array([100.0, 1.5])])


def test_within_the_range_a_wrong_low_precision_result_is_no_matter_of_range():
    def rounded(x):
        return x * 2 if x.dtype != "float16" else np.floor(x) * 2

    with pytest.raises(ProofError, match="'float16 is accurate'"):
        check_op(own(rounded, x=lambda g: g * 2), [X])


@pytest.mark.skipif(not WITH_BFLOAT16, reason="needs ml_dtypes")
def test_bfloat16_is_kept_too():
    def single(x):
        return x * 2 if x.dtype != "bfloat16" else x.astype("float64") * 2

    with pytest.raises(ProofError, match="'dtype kept'.*\n.*inputs are bfloat16, an output is float64"):
        check_op(own(single, x=lambda g: g * 2), [X])


@pytest.mark.skipif(not WITH_BFLOAT16, reason="needs ml_dtypes")
def test_what_numpy_cannot_do_in_bfloat16_is_skipped():
    def squares(x):
        return np.einsum("ij,ij->ij", x, x)

    report = check_op(own(squares, x=lambda g, x: g * 2 * x), [X])
    assert report.skipped == {"bfloat16 is accurate": 1}


# --- what it is given ---------------------------------------------------------------------------------------------

def test_what_is_no_op_is_refused():
    with pytest.raises(TypeError, match="minigrad.op or minigrad.fused"):
        check_op(np.exp, [X])
    with pytest.raises(ValueError, match="exp needs at least one case"):
        check_op(ops.exp, [])


def test_gradcheck_works_on_whole_networks():
    w, b = np.full((4, 3), 0.1) + np.arange(12).reshape(4, 3) / 7, np.arange(4) / 3
    gradcheck(lambda x, w, b: ops.cross_entropy(ops.linear(x, w, b), np.arange(prod(X.shape[:1]))), [X, w, b])
