"""gradcheck and gradgradcheck: what they accept, what they must find, what they say, and how they walk around kinks."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.op import Op
from minigrad.testing import GradientError, gradcheck, gradgradcheck

rng = np.random.default_rng(5)


def own(forward, **formulas):
    """An op with these formulas."""
    op = Op(forward)
    op.gradient(**formulas)
    return op


def off_by(factor):
    """x^2 with a gradient that is wrong by a factor."""
    return own(lambda x: x * x, x=lambda g, x: g * 2 * x * factor)


# --- right gradients pass -------------------------------------------------------------------------------------------

def test_right_gradients_pass_and_the_report_counts():
    report = gradcheck(lambda x, y: mg.sin(x) * y, [rng.standard_normal((2, 3)), rng.standard_normal(3)])
    assert report.checked == 4 and report.skipped == 0 and report.worst < 1e-8
    assert "4 directions agree" in repr(report)


def test_several_outputs_and_an_unused_one():
    gradcheck(lambda x: mg.ops.split(x, 3, 1), [rng.standard_normal((2, 6))])
    gradcheck(lambda x: mg.ops.split(x, 3, 1)[1], [rng.standard_normal((2, 6))])


def test_what_is_not_floating_passes_through():
    seen = []

    def f(x, labels, mask, nothing, text):
        seen.append((labels.dtype, mask.dtype, nothing, text))
        return mg.where(mask, mg.ops.take(x, labels, 0), 0.0)

    labels, mask = np.array([2, 0]), np.array([True, False])
    gradcheck(f, [rng.standard_normal(3), labels, mask, None, "text"])
    assert set(seen) == {(np.dtype("int64"), np.dtype(bool), None, "text")}


def test_tensors_and_low_precision_are_checked_in_float64():
    seen = []

    def f(x, y):
        seen.extend([x.dtype, y.dtype])
        return x * y

    gradcheck(f, [mg.tensor([1.5, 2.5]), np.array([0.5, 1.0], "float16")])
    assert set(seen) == {np.dtype("float64")}


def test_inputs_are_not_changed():
    x = rng.standard_normal(3)
    before = x.copy()
    gradcheck(mg.exp, [x])
    np.testing.assert_array_equal(x, before)


def test_empty_inputs_and_scalars():
    gradcheck(lambda x: x * 2.0, [np.zeros((0, 3))])
    gradcheck(mg.exp, [np.array(0.3)])
    gradgradcheck(mg.exp, [np.array(0.3)])


def test_a_function_without_a_gradient_is_flat_or_wrong():
    gradcheck(mg.ops.sign, [np.array([0.4, -2.0])])
    with pytest.raises(GradientError, match="formula is missing"):
        gradcheck(lambda x: mg.tensor(x.data * 2), [np.array([0.4, -2.0])])


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_values_and_gradients_of_every_size(scale):
    """Tiny and huge gradients are held to the same relative error."""
    gradcheck(lambda x: mg.tanh(x) * scale, [rng.standard_normal(4)])
    gradcheck(lambda x: mg.log(x), [scale * rng.uniform(1, 2, 4)])
    gradgradcheck(lambda x: mg.tanh(x) * scale, [rng.standard_normal(4)])


# --- wrong ones are found ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("seed", range(10))
def test_a_relative_error_of_one_in_ten_thousand_is_found(scale, seed):
    x = np.random.default_rng(seed).standard_normal((3, 4))
    wrong = off_by(1 + 1e-4)
    with pytest.raises(GradientError):
        gradcheck(lambda x: wrong(x) * scale, [x], seed=seed)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("element", [0, 5, 11])
def test_so_it_is_in_a_single_element_beside_larger_ones(seed, element):
    """The wrong element's gradient is a thousandth of the others'."""
    steep = np.full(12, 1.0)
    steep[element] = 1e-3
    error = np.ones(12)
    error[element] += 1e-4
    wrong = own(lambda x: x * x * steep, x=lambda g, x: g * 2 * x * steep * error)
    with pytest.raises(GradientError):
        gradcheck(wrong, [np.random.default_rng(seed).uniform(0.5, 2, 12)], seed=seed)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("factor", [0.0, -1.0, 0.99, 2.0, np.nan, np.inf])
def test_gross_errors_are_found(factor, seed):
    with pytest.raises(GradientError):
        gradcheck(off_by(factor), [np.random.default_rng(seed).standard_normal(5)], seed=seed)


@pytest.mark.parametrize("seed", range(10))
def test_a_gradient_where_there_should_be_none_is_found(seed):
    """A function that is flat: differences are zero, and so must be the gradient, however small."""
    flat = own(lambda x: x * 0, x=lambda g: g * 1e-9)
    with pytest.raises(GradientError):
        gradcheck(flat, [np.random.default_rng(seed).standard_normal(5)], seed=seed)


@pytest.mark.parametrize("seed", range(10))
def test_swapped_elements_are_found(seed):
    """The sum of the gradient is right, its elements are not."""
    wrong = own(lambda x: x * x, x=lambda g, x: (g * 2 * x)[::-1])
    with pytest.raises(GradientError):
        gradcheck(wrong, [np.random.default_rng(seed).standard_normal(5)], seed=seed)


def test_the_second_gradient_has_checks_of_its_own():
    """A first gradient that is right and not differentiable, as if its formula had worked on bare arrays."""
    bare = own(lambda x: x ** 3,
               x=lambda g, x: g * (mg.tensor(3 * x.data ** 2) if isinstance(x, mg.Tensor) else 3 * x ** 2))
    x = rng.uniform(0.5, 2, 3)
    gradcheck(bare, [x])
    with pytest.raises(GradientError, match="the gradient of <lambda>: the gradient of input x is wrong"):
        gradgradcheck(bare, [x])


def test_a_wrong_gradient_in_what_arrives_is_found():
    """A first gradient that is not linear in g has a second gradient that says so."""
    squared = own(lambda x: x * 1, x=lambda g: g * g / g.data if isinstance(g, mg.Tensor) else g)
    with pytest.raises(GradientError, match="input g is wrong"):
        gradgradcheck(squared, [np.array([1.0, 2.0])])


# --- the error message ------------------------------------------------------------------------------------------

def test_the_message_shows_both_numbers_and_the_tolerances():
    double = own(lambda a, weight: a * weight, a=lambda g, weight: g * weight, weight=lambda g, a: g * a * 2)
    double.name = "double"
    with pytest.raises(GradientError) as caught:
        gradcheck(double, [np.array([1.0, 2.0]), np.array([3.0, 5.0])], rtol=1e-5, atol=1e-8)
    text = str(caught.value)
    assert text.startswith("double: the gradient of input weight is wrong")
    for part in ("analytic", "numeric", "analytic / numeric = 2)", "rtol 1e-05", "atol 1e-08"):
        assert part in text
    rows = [line.split() for line in text.splitlines()[-2:]]
    assert all(float(row[-2]) == pytest.approx(2 * float(row[-1])) for row in rows)


def test_the_message_knows_a_wrong_sign():
    with pytest.raises(GradientError, match="the sign is wrong"):
        gradcheck(off_by(-1.0), [np.array([1.0, 2.0])])


def test_inputs_without_names_have_numbers():
    wrong = off_by(3.0)
    with pytest.raises(GradientError, match="input number 1"):
        gradcheck(lambda *xs: xs[0] + wrong(xs[1]), [np.array([1.0]), np.array([2.0])])


def test_tolerances_are_obeyed():
    x = np.array([1.0, 2.0])
    gradcheck(off_by(1 + 1e-4), [x], rtol=1e-3)
    gradcheck(off_by(1 + 1e-4), [x], atol=1.0)
    with pytest.raises(GradientError):
        gradcheck(off_by(1 + 1e-6), [x], rtol=1e-8)


# --- kinks --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("f", [
    mg.relu, mg.abs, lambda x: mg.maximum(x, 0.0), lambda x: mg.ops.max(mg.stack([x, -x]), axis=0)])
def test_a_point_on_a_kink_is_moved_and_counted(f):
    report = gradcheck(f, [np.array([0.0, 1.0, -2.0])])
    assert report.skipped > 0


def test_a_kink_nearby_is_counted_and_needs_a_smaller_step():
    assert gradcheck(mg.relu, [np.array([3e-5, 1.0, -2.0])]).skipped > 0
    assert gradcheck(mg.relu, [np.array([3e-3, 1.0, -2.0])]).skipped == 0


def test_a_wrong_gradient_on_a_kink_is_found_all_the_same():
    wrong = own(lambda x: np.maximum(x, 0), x=lambda g, x: g * (x > 0) * 1.01)
    with pytest.raises(GradientError, match="is wrong"):
        gradcheck(wrong, [np.array([0.0, 1.0, 2.0])])


def test_the_end_of_a_domain_is_moved_away_from():
    """Below zero the square root gives NaN."""
    assert gradcheck(mg.sqrt, [np.array([1e-7, 1.0])]).skipped > 0


def test_a_function_that_is_rough_everywhere_is_refused():
    noise = np.random.default_rng(0)
    with pytest.raises(GradientError, match="not a smooth function"):
        gradcheck(lambda x: x * noise.standard_normal(), [np.array([1.0, 2.0])])
    with pytest.raises(GradientError, match="not a smooth function"):
        gradcheck(lambda x: x.astype("float32") * 1.0, [np.array([1.1, 2.3])])


def test_one_seed_gives_one_report():
    x = rng.standard_normal(5)
    assert gradcheck(mg.exp, [x], seed=3) == gradcheck(mg.exp, [x], seed=3)
    assert gradcheck(mg.exp, [x], seed=3).worst != gradcheck(mg.exp, [x], seed=4).worst
