"""A function or a layer of minigrad beside PyTorch's of the same name: values, gradients, gradients of gradients.

`same` and `same_layer` take what hypothesis drew. Where PyTorch refuses the arguments, minigrad must refuse them too;
where it does not, minigrad must give the same once more on the strict double of CuPy.
"""

import copy
import re
import warnings

import numpy as np
from hypothesis import strategies as st
from strict_cupy import installed

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.backend import cuda_library
from minigrad.testing.cases import map_arrays
from minigrad.testing.gradcheck import is_floating
from minigrad.testing.runs import ProofError, agree, largest, waves

REFUSALS = (ValueError, TypeError, IndexError)
NOT_TWICE = re.compile("not implemented|double backward|does not support|not differentiable|cannot be backpropagated")


# --- what to draw ---------------------------------------------------------------------------------------------

LAYOUTS = {
    "C": lambda x: x,
    "Fortran": lambda x: np.asarray(x, order="F"),
    "reversed": lambda x: np.flip(np.flip(x).copy()),
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
}
KINDS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "ties": lambda rng, shape: rng.integers(-2, 3, shape) / 2,          # what is compared is often equal
    "positive": lambda rng, shape: rng.uniform(0.5, 2.0, shape),
    "unit": lambda rng, shape: rng.uniform(0.05, 0.95, shape),
}


@st.composite
def arrays(draw, shape, kind="normal"):
    """A float64 array of a shape (or of a strategy of shapes), in any layout of memory."""
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    layout = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))]
    return np.asarray(layout(np.asarray(KINDS[kind](rng, shape), "float64")))       # flip makes scalars of 0-d arrays


@st.composite
def whole(draw, shape, low, high):
    """An int64 array of a shape, from low up to, but without, high."""
    return np.asarray(np.random.default_rng(draw(st.integers(0, 2**16))).integers(low, high, shape))


@st.composite
def masks(draw, shape):
    """A boolean array of a shape."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return np.asarray(rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 0.8, 1.0])))


def sides(low=0, high=4):
    """The length of an axis; 0 is one of them unless `low` says otherwise."""
    return st.integers(low, high)


# --- running both ---------------------------------------------------------------------------------------------

def flat(result):
    """The outputs in a result, in order: tensors inside tuples and lists; None is left out."""
    if isinstance(result, (tuple, list)):
        return [y for part in result for y in flat(part)]
    return [] if result is None else [result]


class RefusedError(Exception):
    """A function refused its arguments. Whatever else goes wrong on both sides is no agreement."""


def called(function, args, options, refusals):
    """The outputs of a function, in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return flat(function(*args, **options))
        except refusals as error:
            raise RefusedError(str(error)) from error


def waves_back(shape, dtype):
    """What arrives at gradients: not the same everywhere, for the gradients of softmax and its kind add up to 0."""
    return np.array(np.flip(waves(tuple(shape), dtype)))


def pytorchs(function, inputs, options, constant, second, weights=()):
    """PyTorch's outputs, gradients of floating inputs and `weights`, and their gradients; None where it has none."""
    import torch

    leaves = list(weights)

    def tensor(i, x):
        t = torch.from_numpy(np.array(x, order="C"))
        if t.is_floating_point() and i not in constant:
            leaves.append(t.requires_grad_())
        return t

    args = [map_arrays(lambda x, i=i: tensor(i, x), value) for i, value in enumerate(inputs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {key: map_arrays(lambda x: torch.from_numpy(np.array(x, order="C")), value)
                   for key, value in options.items()}
        outputs = called(function, args, options, (RuntimeError, AssertionError, *REFUSALS))

        def gradients(ys, seeds, create_graph):
            found = torch.autograd.grad(ys, leaves, seeds, create_graph=create_graph, allow_unused=True)
            return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]

        used = [y for y in outputs if y.requires_grad]
        if not used or not leaves:
            return outputs, [], None
        seeds = [torch.from_numpy(waves(tuple(y.shape), y.numpy(force=True).dtype)) for y in used]
        try:
            first = gradients(used, seeds, second)
        except RuntimeError as error:               # of empty images, PyTorch refuses some on the way back only
            raise RefusedError(str(error)) from error
        again = None
        if second:
            try:
                again = [g for g in first if g.requires_grad]
                seeds = [torch.from_numpy(waves_back(g.shape, g.numpy(force=True).dtype)) for g in again]
                again = gradients(again, seeds, False) if again else [torch.zeros_like(x) for x in leaves]
            except RuntimeError as error:
                if not NOT_TWICE.search(str(error)):
                    raise
                again = None
    return outputs, first, again


def ours(function, inputs, options, constant, second, weights=(), place=lambda x: x):
    """The same of minigrad. place: puts an array on the device."""
    leaves = list(weights)

    def tensor(i, x):
        needs = is_floating(x) and i not in constant
        t = mg.Tensor(place(x), needs)
        leaves.extend([t] if needs else [])
        return t

    args = [map_arrays(lambda x, i=i: tensor(i, x), value) for i, value in enumerate(inputs)]
    options = {key: map_arrays(lambda x: mg.Tensor(place(x)), value) for key, value in options.items()}
    outputs = called(function, args, options, REFUSALS)

    def gradients(ys, seeds, create_graph):
        found = mg.grad(ys, leaves, seeds, create_graph=create_graph, allow_unused=True)
        return [mg.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]

    used = [y for y in outputs if y.requires_grad]
    if not used or not leaves:
        return outputs, [], None
    first = gradients(used, [mg.Tensor(place(waves(y.shape, y.dtype))) for y in used], second)
    if not second:
        return outputs, first, None
    again = [g for g in first if g.requires_grad]
    seeds = [mg.Tensor(place(waves_back(g.shape, g.dtype))) for g in again]
    return outputs, first, gradients(again, seeds, False) if again else [mg.zeros_like(x) for x in leaves]


def numbers(found):
    """Everything found as NumPy arrays."""
    return [np.asarray(a.numpy(force=True) if "torch" in type(a).__module__ else a.numpy()) for a in found]


def compared(theirs, mine, rtol, scale=0.0):
    """Outputs, gradients and (where both have them) second gradients agree."""
    for what, a, b in zip(("outputs", "gradients", "second gradients"), mine, theirs, strict=True):
        if a is None or b is None or (what != "outputs" and not len(b) and not len(a)):
            continue
        b = numbers(b)
        floor = max([scale, *map(largest, b)]) if scale else 0.0
        if what == "second gradients":      # which may be 0 but for rounding
            floor = max([floor, *[1e-6 * largest(g) for g in numbers(theirs[1])]])
        agree(numbers(a), b, rtol, f"{what} of minigrad and PyTorch", floor)
    kinds = [[y.dtype.kind for y in numbers(found[0])] for found in (mine, theirs)]
    if kinds[0] != kinds[1]:
        raise AssertionError(f"kinds of dtype of the outputs differ: {kinds[0]} and PyTorch's {kinds[1]}")


def both(mine, theirs, inputs, options, constant, second, rtol, scale=0.0, weights=((), ())):
    """Run both and compare; what minigrad found. If PyTorch refuses, so must minigrad: then None."""
    try:
        expected = pytorchs(theirs, inputs, options, constant, second, weights[1])
    except RefusedError as error:
        try:
            ours(mine, inputs, options, constant, second, weights[0])
        except RefusedError as refusal:
            if not str(refusal):
                raise AssertionError("a refusal without a word") from refusal
            return None
        raise AssertionError(f"PyTorch refuses, minigrad does not: {error}") from error
    found = ours(mine, inputs, options, constant, second, weights[0])
    compared(expected, found, rtol, scale)
    return found


def on_the_double(function, inputs, options, constant, found, weights=(), scale=0.0):
    """Outputs and gradients on the strict double of CuPy, or on CuPy, are those found on the CPU."""
    there = ours(function, inputs, options, constant, False, weights, cuda_library().functions.asarray)
    for what, a, b in zip(("outputs", "gradients"), there, found, strict=False):
        agree(numbers(a), numbers(b), 1e-9, f"{what} on the double of CuPy and on the CPU", scale)


def single(value):
    """Floating arrays in float32."""
    return map_arrays(lambda x: x.astype("float32") if is_floating(x) else x, value)


ROUNDING = 64 * float(np.finfo("float32").eps)      # of float32, relative to the largest element
MOVES = 8       # how often PyTorch's rounding is looked at, on inputs that differ in their last three bits
WORSE = 8       # how many times the rounding of PyTorch that of minigrad may be


def rounding_like_pytorch(mine, theirs, inputs, options, constant, scale):
    """In float32 the two agree to 64 eps of the largest element, or minigrad's rounding is like PyTorch's there.

    What is a sum of large parts that nearly cancel, or comes out of many layers, has lost more than the last bits of a
    float32. How much, PyTorch's own distance from its float64 tells. On one input it may be 0 by luck, hence `MOVES`
    inputs close by; a fault of minigrad's is in none of them, so it does not widen what is allowed.
    mine, theirs: of a dtype, a function with state of its own and the weights to differentiate.
    """
    inputs, options = [single(x) for x in inputs], {key: single(value) for key, value in options.items()}
    (one, one_weights), (other, other_weights) = mine("float32"), theirs("float32")
    try:
        both(one, other, inputs, options, constant, False, ROUNDING, max(scale, 1e-6), (one_weights, other_weights))
    except ProofError as error:
        function, weights = mine("float32")
        found = ours(function, inputs, options, constant, False, weights)[:2]
        exact, _ = near(theirs, inputs, options, constant, np.copy)
        apart = distances(found, exact)
        rounding = np.zeros(len(apart))
        for seed in range(MOVES):
            try:
                answers = near(theirs, inputs, options, constant, lambda x, seed=seed: moved(x, seed))
            except RefusedError:                    # the input has left where the function is defined
                continue
            rounding = np.maximum(rounding, distances(*answers))
        far = ~(apart <= WORSE * rounding)
        if far.any():                           # which need not be where the two differ: PyTorch may be the one far off
            part = "outputs" if far[:len(numbers(flat(found[:1])))].any() else "gradients"
            raise ProofError(f"{part} of minigrad and PyTorch do not agree: float32 is {apart} from float64, of "
                             f"PyTorch {rounding}; {error}") from error


def near(theirs, inputs, options, constant, move):
    """PyTorch's outputs and gradients in float64 and in float32, on the same float32 inputs and weights, moved."""
    import torch

    answers = []
    for dtype in ("float64", "float32"):
        def place(x, dtype=dtype):
            return move(x).astype(dtype) if is_floating(x) else x

        function, weights = theirs(dtype)
        for w in weights:
            w.data.copy_(torch.from_numpy(move(w.numpy(force=True).astype("float32"))))
        there = [map_arrays(place, x) for x in inputs], {key: map_arrays(place, x) for key, x in options.items()}
        answers.append(pytorchs(function, *there, constant, False, weights)[:2])
    return answers


def moved(x, seed):
    """A float32 array whose elements are up to 7 units of their last place nearer to 0."""
    units = np.random.default_rng(seed).integers(0, 8, x.shape) * np.finfo("float32").eps
    return np.asarray(x * (1 - units), "float32")


def distances(found, expected):
    """The largest difference of each array in outputs and gradients; infinity where only one is a number."""
    far = []
    for a, b in zip(numbers(flat(found)), numbers(flat(expected)), strict=True):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        with np.errstate(invalid="ignore"):
            apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, abs(a - b))
        far.append(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0))
    return np.array(far)


def same(name, inputs, options=None, *, constant=(), second=True, mine=None, theirs=None, float32=True,
         device=True, scale=0.0):
    """minigrad's function of this name is PyTorch's: in float64 to 1e-7, in float32 to its rounding.

    inputs: arrays, None, numbers, or lists of them, in order; floating arrays are differentiated but those at the
    positions `constant`.   options: by keyword, the same for both.   second: whether to compare second gradients.
    mine, theirs: the functions, by default those of the two `nn.functional`.   device: whether to run on the double.
    scale: what is to be taken for the largest element where all are rounding only.
    """
    import torch

    options = options or {}
    mine, theirs = mine or getattr(F, name), theirs or getattr(torch.nn.functional, name)
    found = both(mine, theirs, inputs, options, constant, second, 1e-7, scale)
    if device and found:
        with installed():
            on_the_double(mine, inputs, options, constant, found, scale=scale)
    if float32:
        rounding_like_pytorch(lambda dtype: (mine, []), lambda dtype: (theirs, []), inputs, options, constant, scale)


def same_layer(mine, theirs, inputs, *, constant=(), second=True, call=lambda layer: layer, training=True,
               device=True, scale=0.0, float32=True):
    """A layer of minigrad, given the state of PyTorch's, is PyTorch's: names, outputs, gradients, state afterwards.

    mine, theirs: the layers.   call: of a layer, the function of the inputs that is compared.   float32: whether to
    compare outputs and gradients in float32 too.
    """
    import torch

    theirs = theirs.double().train(training)
    mine = mine.to("float64").train(training)
    state = {name: value.numpy(force=True).copy() for name, value in theirs.state_dict().items()}
    if list(state) != list(mine.state_dict()):
        raise AssertionError(f"names differ: {list(mine.state_dict())} and PyTorch's {list(state)}")
    mine.load_state_dict(state)
    before, theirs_before = copy.deepcopy(mine), copy.deepcopy(theirs)
    found = both(call(mine), call(theirs), inputs, {}, constant, second, 1e-7, scale,
                 weights=(list(mine.parameters()), list(theirs.parameters())))
    after = {name: value.numpy(force=True) for name, value in theirs.state_dict().items()}
    agree(list(mine.state_dict().values()), list(after.values()), 1e-7, "states of minigrad and PyTorch afterwards")
    if float32 and found:
        def apart(layer):
            return call(layer), list(layer.parameters())

        rounding_like_pytorch(lambda dtype: apart(copy.deepcopy(before).to(dtype)),
                              lambda dtype: apart(copy.deepcopy(theirs_before).float().to(getattr(torch, dtype))),
                              inputs, {}, constant, scale)
    if device and found:
        with installed():
            there = before.to("cuda")
            on_the_double(call(there), inputs, {}, constant, found, list(there.parameters()), scale)
            states = [value.get() for value in there.state_dict().values()]
            agree(states, list(mine.state_dict().values()), 1e-9, "states on the double and on the CPU afterwards")
