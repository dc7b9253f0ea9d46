"""Functions of every element beside PyTorch's: on drawn shapes that broadcast, layouts, ties, infinities and NaN."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import KINDS, LAYOUTS, arrays, masks, same, whole

import minigrad as mg

pytestmark = pytest.mark.parity

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
SPECIAL = np.array([0.0, -0.0, 0.5, 1, -1, 2.5, np.inf, -np.inf, np.nan])
KINDS = KINDS | {
    "special": lambda rng, shape: rng.choice(SPECIAL, shape),
    "within": lambda rng, shape: rng.uniform(-0.9, 0.9, shape),
    "above one": lambda rng, shape: rng.uniform(1.1, 3.0, shape),
    "whole": lambda rng, shape: rng.integers(-3, 4, shape).astype("float64"),
}


@st.composite
def numbers(draw, shape, kind):
    """A float64 array of one of the kinds above, in any layout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return np.asarray(LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](np.asarray(KINDS[kind](rng, shape), "float64")))


def broadcastable(count):
    """Shapes of so many arrays that broadcast."""
    return hnp.mutually_broadcastable_shapes(num_shapes=count, min_side=0, max_side=3, max_dims=3).map(
        lambda drawn: drawn.input_shapes)


def theirs(name):
    """PyTorch's function of this name, or of its own name for it."""
    import torch

    words = {"negative": "neg", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
             "greater_equal": "ge", "power": "pow", "copy": "clone", "bitwise_invert": "bitwise_not"}
    return getattr(torch, words.get(name, name))


def side_by_side(name, inputs, options=None, **more):
    with np.errstate(all="ignore"):
        same(name, inputs, options, mine=getattr(mg, name), theirs=theirs(name), **more)


# --- of one array -----------------------------------------------------------------------------------------------

# name: the kinds of numbers on which gradients and second gradients agree; on "special" ones values and gradients do
EVERYWHERE = ["normal", "ties"]
UNARY = {
    **dict.fromkeys(["abs", "negative", "positive", "copy", "square", "exp", "exp2", "expm1", "sin", "cos", "tan",
                     "atan", "sinh", "cosh", "tanh", "asinh", "sigmoid", "erf", "erfc", "sign", "floor", "ceil",
                     "trunc", "round"], EVERYWHERE),
    **dict.fromkeys(["sqrt", "rsqrt", "reciprocal", "log", "log1p", "log2", "log10"], ["positive", "normal"]),
    **dict.fromkeys(["asin", "acos", "atanh"], ["within"]),
    "acosh": ["above one"],
}


@pytest.mark.parametrize("name", UNARY)
@given(st.data())
def test_of_one(name, data):
    kind = data.draw(st.sampled_from(UNARY[name]))
    side_by_side(name, [data.draw(numbers(data.draw(SHAPES), kind))])


@pytest.mark.parametrize("name", sorted(UNARY))
@given(st.data())
def test_of_one_at_its_limits(name, data):
    """Zero of both signs, the ends of the domain and beyond, infinity, NaN."""
    x = data.draw(numbers(data.draw(SHAPES), "special"))
    if name == "sign":
        x = np.nan_to_num(x, nan=0.5)           # NumPy's sign of NaN is NaN, PyTorch's 0
    if name == "acosh":
        x = abs(x)                              # of -1 both are NaN, PyTorch's slope has another sign
    x = np.asarray(x)
    side_by_side(name, [x], second=False)


@given(st.data())
def test_round_to_decimals(data):
    x = data.draw(numbers(data.draw(SHAPES), data.draw(st.sampled_from(["normal", "ties", "whole"]))))
    side_by_side("round", [np.asarray(10 * x)], {"decimals": data.draw(st.integers(-2, 3))}, float32=False)


@pytest.mark.parametrize("name", ["isnan", "isfinite", "isinf", "logical_not"])
@given(st.data())
def test_questions_of_one(name, data):
    side_by_side(name, [data.draw(numbers(data.draw(SHAPES), "special"))], constant=(0,))


@pytest.mark.parametrize("name", ["bitwise_invert", "logical_not", "abs", "negative", "square", "sign", "floor", "ceil",
                                  "trunc", "round", "positive"])
@given(st.data())
def test_of_integers(name, data):
    side_by_side(name, [data.draw(whole(data.draw(SHAPES), -5, 6))])


# --- of two -----------------------------------------------------------------------------------------------------

BINARY = {
    **dict.fromkeys(["add", "subtract", "multiply", "maximum", "minimum", "logaddexp", "copysign"],
                    [("normal", "normal"), ("ties", "ties")]),
    **dict.fromkeys(["divide", "hypot"], [("normal", "positive"), ("ties", "positive")]),
    "atan2": [("normal", "normal"), ("normal", "ties")],
    "remainder": [("normal", "positive"), ("whole", "normal")],
    "power": [("positive", "normal"), ("whole", "whole"), ("positive", "ties")],
}


@pytest.mark.parametrize("name", BINARY)
@given(st.data())
def test_of_two(name, data):
    kinds = data.draw(st.sampled_from(BINARY[name]))
    shapes = data.draw(broadcastable(2))
    inputs = [data.draw(numbers(shape, kind)) for shape, kind in zip(shapes, kinds, strict=True)]
    if data.draw(st.booleans()):
        inputs[1] = data.draw(st.sampled_from([-2, 0.5, 3]))            # a Python number
        if name not in ("add", "subtract", "multiply", "divide", "remainder", "power", "copysign"):
            inputs[1] = np.array(float(inputs[1]))                      # PyTorch takes no numbers here
    side_by_side(name, inputs, second=name != "copysign" and (name, kinds[1]) != ("power", "whole"))


@pytest.mark.parametrize("name", BINARY)
@given(st.data())
def test_of_two_at_their_limits(name, data):
    inputs = [data.draw(numbers(shape, "special")) for shape in data.draw(broadcastable(2))]
    if name == "copysign":                      # PyTorch divides y by a, which is NaN for infinities and NaN
        inputs[0] = np.asarray(np.nan_to_num(inputs[0], posinf=3.0, neginf=-3.0, nan=2.0))
    if name == "power":                         # -inf to the power 0.5: PyTorch has both inf and NaN, by its type
        inputs[1] = np.asarray(np.where(inputs[1] == 0.5, 0.25, inputs[1]))
    side_by_side(name, inputs, second=False)


@given(st.data())
def test_floor_divide(data):
    shapes = data.draw(broadcastable(2))
    kinds = data.draw(st.sampled_from([("normal", "positive"), ("whole", "normal"), ("special", "special")]))
    inputs = [data.draw(numbers(shape, kind)) for shape, kind in zip(shapes, kinds, strict=True)]
    side_by_side("floor_divide", inputs, constant=(0, 1))       # PyTorch has no gradient here


COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
LOGIC = ["logical_and", "logical_or", "logical_xor"]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor"]


@pytest.mark.parametrize("name", COMPARISONS + LOGIC)
@given(st.data())
def test_comparisons_and_logic(name, data):
    kind = data.draw(st.sampled_from(["ties", "special"]))
    side_by_side(name, [data.draw(numbers(shape, kind)) for shape in data.draw(broadcastable(2))], constant=(0, 1))


@pytest.mark.parametrize("name", LOGIC + BITS + ["maximum", "equal"])
@given(st.data())
def test_of_two_masks(name, data):
    side_by_side(name, [data.draw(masks(shape)) for shape in data.draw(broadcastable(2))])


@pytest.mark.parametrize("name", [*BITS, *COMPARISONS, "add", "subtract", "multiply", "maximum", "minimum", "remainder",
                                  "floor_divide", "bitwise_left_shift", "bitwise_right_shift"])
@given(st.data())
def test_of_two_arrays_of_integers(name, data):
    a, b = data.draw(broadcastable(2))
    low = 0 if "shift" in name else 1 if name in ("remainder", "floor_divide") else -4
    side_by_side(name, [data.draw(whole(a, -9, 10)), data.draw(whole(b, low, 5))])


# --- of three ---------------------------------------------------------------------------------------------------

@given(st.data())
def test_where(data):
    shapes = data.draw(broadcastable(3))
    kind = data.draw(st.sampled_from(["normal", "special"]))
    a, b = [data.draw(numbers(shape, kind)) for shape in shapes[1:]]
    side_by_side("where", [data.draw(masks(shapes[0])), a, data.draw(st.just(b) | st.just(0.5))])


@given(st.data())
def test_lerp(data):
    a, b, weight = [data.draw(arrays(shape)) for shape in data.draw(broadcastable(3))]
    side_by_side("lerp", [a, b, data.draw(st.just(weight) | st.just(0.25))])


@given(st.data())
def test_clip_to_numbers(data):
    import torch

    x = data.draw(numbers(data.draw(SHAPES), data.draw(st.sampled_from(["normal", "ties", "special"]))))
    bound = st.none() | st.sampled_from([-1, -0.5, 0.0, 0.5, 1])
    same("clip", [x], {"min": data.draw(bound), "max": data.draw(bound)}, mine=mg.clip, theirs=torch.clamp)


@given(st.data())
def test_clip_to_arrays(data):
    """Also where the bounds cross and where one of them is met. PyTorch's gradient wants x to have the whole shape."""
    import torch

    kind = data.draw(st.sampled_from(["normal", "ties", "special"]))
    x, low, high = [data.draw(numbers(shape, kind)) for shape in data.draw(broadcastable(3))]
    x = np.broadcast_to(x, np.broadcast_shapes(x.shape, low.shape, high.shape))
    which = data.draw(st.sampled_from(["both", "below", "above"]))
    same("clip", [x, None if which == "above" else low, None if which == "below" else high], mine=mg.clip,
         theirs=torch.clamp)


# --- methods ----------------------------------------------------------------------------------------------------

METHODS = {
    "neg": 0, "reciprocal": 0, "rsqrt": 0, "erf": 0, "sinh": 0, "log1p": 0, "floor": 0, "trunc": 0, "round": 0,
    "sign": 0,
    "add": 1, "sub": 1, "mul": 1, "div": 1, "pow": 1, "remainder": 1, "maximum": 1, "minimum": 1, "atan2": 1, "eq": 1,
    "ne": 1, "lt": 1, "le": 1, "gt": 1, "ge": 1, "logical_and": 1, "clamp": 2, "clip": 2, "lerp": 2,
}


@pytest.mark.parametrize("name", METHODS)
@given(st.data())
def test_methods(name, data):
    """Under the names that they have in PyTorch."""
    inputs = [data.draw(arrays(shape, "positive")) for shape in data.draw(broadcastable(1 + METHODS[name]))]
    inputs[0] = np.broadcast_to(inputs[0], np.broadcast_shapes(*[x.shape for x in inputs]))

    def method(x, *others):
        return getattr(x, name)(*others)
    same(name, inputs, mine=method, theirs=method)


@given(st.data())
def test_where_as_a_method(data):
    mask, a, b = [data.draw(draw(shape)) for draw, shape in zip((masks, arrays, arrays), data.draw(broadcastable(3)),
                                                             strict=True)]
    same("where", [a, mask, b], mine=lambda a, mask, b: a.where(mask, b), theirs=lambda a, mask, b: a.where(mask, b))
