"""Symbols: tensors to come. Calling ops and layers on them notes down what shall be computed, and computes nothing.

    x = Input((1, 32, 32))
    h = nn.Conv2d(1, 6, 5)(x, name="c1")        # Symbol(c1, (n, 6, 28, 28))

The shape of a result is found by running the call on arrays without values, so an error is raised at the line that
built the wrong node. Meanwhile the batch size is a large prime, so that numbers made of it show: 6 * n is 6 * BATCH.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NoReturn

import numpy

from ..meta import Meta
from ..misuse import MISUSES, is_int
from ..nn.module import Module
from ..nn.scope import scope
from ..op import Op
from ..tensor import Tensor, no_grad, tick

# The batch size while a graph is built: a prime, and no round number, nor a power of 2, is near a multiple of it.
BATCH = 1_581_337_223
NEAR = 1_000_000                # how far from a multiple of BATCH a number may lie that is made of it by adding
PARTS = 16                      # in how many parts a batch may be divided for the result to be known as one


class Call:
    """One call on symbols: a layer or op (None: an input of the graph), and its arguments, symbols among them.

    result: the array without values that comes out, or a tuple of them.
    """

    def __init__(self, what: Module | Op | None, args: Sequence, result: Any, name: str | None = None):
        self.what, self.args, self.result, self.name = what, tuple(args), result, name
        self.prefix = scope.prefix      # of its name, if it has to be made up: the path of the module that is running
        self.date = tick()              # a call is younger than those whose results it takes

    @property
    def kind(self) -> str:
        """What is called, in lower case: "conv2d", "tanh"; of an input, "input"."""
        if self.what is None:
            return "input"
        return self.what.name if isinstance(self.what, Op) else type(self.what).__name__.lower()


class Symbol(Tensor):
    """A tensor to come: it has a shape and a dtype, and the call that will compute it."""

    __slots__ = ("call", "path")

    call: Call
    path: tuple[int, ...]       # where it stands in the tuple that its call returns; () if that is no tuple

    def __init__(self, data: Meta, call: Call, path: tuple[int, ...] = ()):
        super().__init__(data)
        self.call, self.path = call, path

    def __repr__(self) -> str:
        place = "".join([f"[{i}]" for i in self.path])
        return f"Symbol({self.call.name or self.call.kind}{place}, {spell(self.shape)})"

    def add_op(self, op: Op, args: Sequence) -> Any:
        """The result of an op called on symbols; ops come here."""
        return call_on_symbols(op, op, args, None)

    def add_layer(self, layer: Module, args: Sequence, name: str | None = None) -> Any:
        """The result of a layer called on symbols; `Module.__call__` comes here."""
        return call_on_symbols(layer, layer.forward, args, name)

    def refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        """What needs values has none here."""
        raise TypeError(f"{self!r} has no values, it is a node of a graph: make a Graph(inputs, outputs) and call it "
                        "on tensors")

    numpy = item = tolist = backward = __setitem__ = refuse
    __bool__ = __float__ = __int__ = __index__ = __array__ = __iter__ = refuse

    def detach(self) -> NoReturn:
        raise TypeError(f"{self!r} is a node of a graph, it has no history to be detached from: detach inside the "
                        "forward of a leaf layer")

    def to(self, device: Any = None, dtype: Any = None, non_blocking: bool = False) -> NoReturn:
        raise TypeError(f"{self!r} is a node of a graph, it is on no device: move the whole, Graph(inputs, outputs)"
                        ".to(device), and the arrays it is called on")

    to_device = to

    def cpu(self) -> NoReturn:
        self.to("cpu")

    def cuda(self) -> NoReturn:
        self.to("cuda")


def Input(shape: Sequence[int], dtype: Any = "float32", name: str | None = None) -> Symbol:
    """A symbol for a batch of arrays, each of `shape` (the batch axis left out): where a graph begins.

    >>> Input((1, 32, 32), name="image")
    Symbol(image, (n, 1, 32, 32))
    """
    lengths = [shape] if isinstance(shape, int) else list(shape)
    if not all([isinstance(n, (int, numpy.integer)) and n > 0 for n in lengths]):
        raise ValueError("Input: expected the shape of one example, positive ints without the batch axis, "
                         f"{shape} came")
    x = Meta((BATCH, *map(int, lengths)), dtype)
    return Symbol(x, Call(None, (), x, name))


def call_on_symbols(what: Module | Op, forward: Callable, args: Sequence, name: str | None) -> Any:
    """Note the call down, and return a symbol for its result: for each, if there are several."""
    try:
        check_arguments(args)
        with no_grad():
            y = bare(shape_of(what, forward, [hollow(a) for a in args]))
    except MISUSES as wrong:
        error = what.explained(wrong, [hollow(a) for a in args]) if isinstance(what, Op) else wrong
        error.args = (f"{name}: " * bool(name) + spell_numbers(str(error)), *error.args[1:])
        raise error from wrong.__cause__
    return symbols_for(y, Call(what, args, y, name))


def check_arguments(args: Any) -> None:
    """Refuse what would be the same for ever, though it is computed from something that changes."""
    for x in args:
        if isinstance(x, (tuple, list)):
            check_arguments(x)
        elif isinstance(x, Tensor) and not isinstance(x, Symbol) and not x.is_leaf:
            raise TypeError("a tensor that is computed from parameters came beside a symbol: the graph would keep its "
                            "present value for ever, and train nothing: compute it inside a leaf layer's forward")
        elif isinstance(x, float) and made_of_batches(x):
            raise ValueError(NOT_LINEAR)


def shape_of(what: Module | Op, forward: Callable, args: list) -> Any:
    """The result on arrays without values. A layer is asked as in eval mode: nothing is drawn, no statistics change."""
    if isinstance(what, Op) or not what.training:
        return forward(*args)
    what.training = False
    try:
        return forward(*args)
    finally:
        what.training = True


def hollow(x: Any) -> Any:
    """An argument with its symbols as arrays without values."""
    if isinstance(x, Symbol):
        return x.data
    if isinstance(x, int) and type(x) is not bool:
        return int(x)                           # x.size is a kind of int that NumPy does not know
    return type(x)([hollow(part) for part in x]) if type(x) in (tuple, list) else x


def bare(y: Any) -> Any:
    """What a call gave on arrays without values: such an array, or a tuple of them, or of None."""
    if isinstance(y, (tuple, list)):
        return tuple([None if part is None else bare(part) for part in y])
    y = y.data if isinstance(y, Tensor) else y
    if not hasattr(y, "shape") or not hasattr(y, "dtype"):
        raise TypeError(f"a call on symbols must give an array or a tuple of arrays, it gave {y!r}")
    return Meta(y.shape, y.dtype)


def symbols_for(result: Any, call: Call, path: tuple[int, ...] = ()) -> Any:
    """A symbol for the result of a call, or a tuple of them."""
    if isinstance(result, tuple):
        return tuple([symbols_for(part, call, (*path, i)) for i, part in enumerate(result)])
    return None if result is None else Symbol(result, call, path)


def symbols_in(x: Any) -> list[Symbol]:
    """The symbols among arguments, also those inside tuples and lists."""
    if isinstance(x, (tuple, list)):
        return [symbol for part in x for symbol in symbols_in(part)]
    return [x] if isinstance(x, Symbol) else []


def calls_behind(outputs: Sequence[Symbol], inputs: Sequence[Call] = ()) -> list[Call]:
    """The calls that `outputs` are computed from, oldest first; it goes no further than `inputs`."""
    found: set[Call] = set()
    stack = [symbol.call for symbol in outputs]
    while stack:
        call = stack.pop()
        if call not in found:
            found.add(call)
            if call not in inputs:
                stack += [symbol.call for symbol in symbols_in(call.args)]
    return sorted(found, key=lambda call: call.date)


# --- numbers made of the batch size ---------------------------------------------------------------------------

NOT_LINEAR = ("a number was computed from the batch size n other than as a*n + b: a graph serves every n: "
              "write it with -1 in reshape, or put it into a layer's forward")


def in_batches(number: int) -> tuple[int, int]:
    """(a, b) such that the number is a * BATCH + b; a is 0 for numbers that have nothing to do with the batch size.

    ValueError for those that are made of it in another way: n // 2, n * n.
    """
    number = int(number)
    if abs(number) < NEAR:
        return 0, number
    a = (number + BATCH // 2) // BATCH
    b = number - a * BATCH
    if a and abs(b) < NEAR and abs(a) < BATCH // PARTS:
        return a, b
    if any([min(number * m % BATCH, -number * m % BATCH) < 1000 * m for m in range(1, PARTS + 1)]):
        raise ValueError(NOT_LINEAR)
    return 0, number


def made_of_batches(x: float) -> bool:
    """Whether a float is k * n, n / k, k / n or 1 / (k * n) for a whole k: 1 / x.shape[0], float(x.shape[0])."""
    if not x or not isfinite(x):
        return False
    size = abs(float(x))
    for ratio in (size / BATCH, BATCH / size, size * BATCH, 1 / size / BATCH):
        if 0.5 < ratio < NEAR and abs(ratio - round(ratio)) <= 1e-12 * ratio:
            return True
    return False


def for_batch(x: Any, n: int) -> Any:
    """An argument noted while the graph was built, for a batch of n."""
    if is_int(x):
        a, b = in_batches(x)
        return a * n + b if a else x
    if type(x) is slice:
        return slice(*[for_batch(end, n) for end in (x.start, x.stop, x.step)])
    return type(x)([for_batch(part, n) for part in x]) if type(x) in (tuple, list) else x


def spell(shape: Sequence[int]) -> str:
    """(1_581_337_223, 6, 28, 28) -> "(n, 6, 28, 28)" """
    return f"({', '.join([spell_number(number) for number in shape])}{',' * (len(shape) == 1)})"


def spell_number(number: int) -> str:
    try:
        a, b = in_batches(number)
    except ValueError:
        return "?"
    if a == 0:
        return str(b)
    return ("n" if a == 1 else f"{a}n") + (f"{b:+}" if b else "")


def spell_numbers(text: str) -> str:
    """A message with the numbers in it that are made of the batch size written as such."""
    return re.sub(r"\d{8,}", lambda digits: spell_number(int(digits.group())), text)
