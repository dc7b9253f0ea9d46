"""Symbols: tensors to come. Calling ops and layers on them notes down what shall be computed, and computes nothing.

    x = Input((1, 32, 32))
    h = nn.Conv2d(1, 6, 5)(x, name="c1")        # Symbol(c1, (n, 6, 28, 28))

The shape of a result is found by running the call on arrays without values, so an error is raised at the line that
built the wrong node. Meanwhile the batch size is a large prime (batch_size.py), and axes that are left open have two
lengths, one after the other (length.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from math import prod
from typing import Any, NoReturn

from ..backend import is_array
from ..meta import Meta, asking, limited, patience, without_values
from ..misuse import MISUSES, is_int
from ..nn.module import Module
from ..nn.scope import checked_name, scope
from ..op import Op
from ..tensor import Tensor, no_grad, tick
from .batch_size import BATCH, NOT_LINEAR, for_batch, in_batches, made_of_batches, spell, spell_numbers
from .length import TRIALS, Length
from .nested import leaves, mapped

__all__ = ["BATCH", "Call", "Input", "Symbol", "calls_behind", "for_batch", "in_batches", "shape_of", "spell"]

# Where somebody wants to know, the calls that are made, in order; one that raised stays there without a result.
noted: ContextVar[list[Call] | None] = ContextVar("noted", default=None)

MOST = BATCH // 2               # numbers that a call may take memory for, or compute one by one: none along the batch


class Call:
    """One call on symbols: a layer or op (None: an input of the graph), and its arguments, symbols among them.

    result: the array without values that comes out, or a tuple of them. other: the same in the second trial, where axes
    are open; else None. options: arguments that came by keyword alone.
    """

    def __init__(self, what: Module | Op | None, args: Sequence, result: Any, name: str | None = None,
                 options: Mapping[str, Any] | None = None, other: Any = None):
        self.what, self.args, self.result, self.name = what, tuple(args), result, name
        self.options, self.other = dict(options or {}), other
        self.owned = {id(x): path for x in leaves([self.args, self.options]) if isinstance(x, Tensor) or is_array(x)
                      for path in [scope.path(x)] if path}      # arguments that the module which is running has
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

    __slots__ = ("call", "path", "other")

    call: Call
    path: tuple[int, ...]       # where it stands in the tuple that its call returns; () if that is no tuple
    other: Meta | None          # what it is in the second trial, if axes are open

    def __init__(self, data: Meta, call: Call, path: tuple[int, ...] = (), other: Meta | None = None):
        super().__init__(data)
        self.call, self.path, self.other = call, path, other

    def __repr__(self) -> str:
        return f"Symbol({self.known_as}, {spell(self.shape)})"

    @property
    def known_as(self) -> str:
        """Its name or kind, as far as the graph is built."""
        return (self.call.name or self.call.kind) + "".join([f"[{i}]" for i in self.path])

    @property
    def shape(self) -> tuple:
        """The batch's length is BATCH; of an axis that is open it is a Length."""
        if self.other is None:
            return self.data.shape
        return tuple([a if a == b else Length((a, b), "axis", self, axis)
                      for axis, (a, b) in enumerate(zip(self.data.shape, self.other.shape, strict=True))])

    @property
    def size(self) -> Any:
        """As a tensor's, a number that can be called; where axes are open, a Length."""
        if self.other is None:
            return super().size
        total = prod(self.shape)
        size = OpenSize(total.values, total.what, *total.parts)
        size.shape = self.shape
        return size

    def numel(self) -> Any:
        return prod(self.shape)

    def add_op(self, op: Op, args: Sequence) -> Any:
        """The result of an op called on symbols; ops come here."""
        return call_on_symbols(op, op, args, None)

    def add_layer(self, layer: Module, args: Sequence, name: str | None = None,
                  options: Mapping[str, Any] | None = None) -> Any:
        """The result of a layer called on symbols; `Module.__call__` comes here. options: keyword-only arguments."""
        return call_on_symbols(layer, layer.forward, args, name, options)

    def name_node(self, name: str | None) -> None:
        """Name the call that gives it; an op called with name= comes here."""
        self.call.name = None if name is None else scope.prefix + checked_name(name)

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


class OpenSize(Length):
    """A number of elements, not known before the graph is called; itself called, it gives the shape or a length."""

    shape: tuple

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


def Input(shape: Any, dtype: Any = "float32", name: str | None = None) -> Symbol:
    """A symbol for a batch of arrays, each of `shape` (the batch axis left out): where a graph begins.

    None in `shape` leaves an axis open: the graph takes every length that its layers can work with.

    >>> Input((1, 32, 32), name="image")
    Symbol(image, (n, 1, 32, 32))
    >>> Input((3, None, None), name="photo")
    Symbol(photo, (n, 3, None, None))
    """
    lengths: list = list(shape) if hasattr(shape, "__iter__") else [shape]
    if shape is None or not all([n is None or is_int(n) and n > 0 for n in lengths]):
        raise ValueError("Input: expected the shape of one example, positive ints without the batch axis, or None for "
                         f"an axis that is left open, {shape} came")
    trials = [Meta([BATCH, *[trial[i % len(trial)] if n is None else int(n) for i, n in enumerate(lengths)]], dtype)
              for trial in TRIALS]
    x, other = trials if None in lengths else (trials[0], None)
    return Symbol(x, Call(None, (), x, None if name is None else checked_name(name), None, other), (), other)


def call_on_symbols(what: Module | Op, forward: Callable, args: Sequence, name: str | None,
                    options: Mapping[str, Any] | None = None) -> Any:
    """Note the call down, and return a symbol for its result: for each, if there are several."""
    options, trial, results = options or {}, 0, []
    call, notes = Call(what, args, None, name, options), noted.get()
    if notes is not None:
        notes.append(call)
    several = [trial for trial, _ in enumerate(TRIALS)] if is_open(args) or is_open(options.values()) else [0]
    try:
        check_arguments([*args, *options.values()])
        with no_grad(), limited(MOST) if patience.get() is None else nullcontext():
            for trial in several:
                results.append(bare(shape_of(what, forward, hollow(list(args), trial), hollow(dict(options), trial))))
    except MISUSES as wrong:
        error = what.explained(wrong, hollow(list(args), trial)) if isinstance(what, Op) else wrong
        error.args = (f"{name}: " * bool(name) + spell_numbers(str(error)) + tried([*args, *options.values()], trial),
                      *error.args[1:])
        raise error from wrong.__cause__
    y, other = results[0], results[-1] if len(several) > 1 else None
    if other is not None and outline(y) != outline(other):
        raise ValueError(f"{name + ': ' if name else ''}how many results or axes come out depends on the size of the "
                         "input, which this graph leaves open: give Input the size")
    call.result, call.other = y, other
    return symbols_for(y, call, (), other)


def is_open(args: Any) -> bool:
    """Whether the size of an argument is not known yet."""
    return any([isinstance(x, Length) or isinstance(x, Symbol) and x.other is not None for x in leaves(list(args))])


def tried(args: Any, trial: int) -> str:
    """What an error must add where axes are open: its numbers are only an example."""
    shapes = [(hollow(x, trial).shape, x.shape) for x in leaves(args) if isinstance(x, Symbol)]
    lengths = [str(a) for shape, known in shapes for a, m in zip(shape, known, strict=True) if isinstance(m, Length)]
    return f" ({', '.join(dict.fromkeys(lengths))} stand for axes that the graph leaves open)" if lengths else ""


def outline(y: Any) -> Any:
    """The nesting of a result, and how many axes each array has."""
    return [outline(part) for part in y] if isinstance(y, tuple) else None if y is None else y.ndim


def check_arguments(args: Any) -> None:
    """Refuse what would be the same for ever, though it is computed from something that changes."""
    for x in leaves(list(args)):
        if isinstance(x, Tensor) and not isinstance(x, Symbol) and not x.is_leaf:
            raise TypeError("a tensor that is computed from parameters came beside a symbol: the graph would keep its "
                            "present value for ever, and train nothing: compute it inside a leaf layer's forward")
        if isinstance(x, float) and made_of_batches(x):
            raise ValueError(NOT_LINEAR)


def shape_of(what: Module | Op, forward: Callable, args: Sequence, options: Mapping[str, Any] | None = None) -> Any:
    """The result on arrays without values. A layer is asked as in eval mode: nothing is drawn, no statistics change."""
    if isinstance(what, Op):
        return forward(*args, **options or {})
    training, token = what.training, asking.set(True)
    try:
        if training:
            what.training = False
        return forward(*args, **options or {})
    finally:
        asking.reset(token)
        if training:
            what.training = True


def hollow(x: Any, trial: int = 0) -> Any:
    """Arguments with their symbols as arrays without values, and with numbers for open lengths."""
    def one(leaf: Any) -> Any:
        if isinstance(leaf, Symbol):
            return leaf.data if trial == 0 or leaf.other is None else leaf.other
        if isinstance(leaf, Length):
            return leaf.values[trial]
        if isinstance(leaf, int) and type(leaf) is not bool:
            return int(leaf)                    # x.size is a kind of int that NumPy does not know
        return without_values(leaf)
    return mapped(x, one)


def bare(y: Any) -> Any:
    """What a call gave on arrays without values: such an array, or a tuple of them, or of None."""
    if isinstance(y, (tuple, list)):
        return tuple([None if part is None else bare(part) for part in y])
    y = y.data if isinstance(y, Tensor) else y
    if not hasattr(y, "shape") or not hasattr(y, "dtype"):
        raise TypeError(f"a call on symbols must give an array or a tuple of arrays, it gave {y!r}")
    return Meta(y.shape, y.dtype)


def symbols_for(result: Any, call: Call, path: tuple[int, ...] = (), other: Any = None) -> Any:
    """A symbol for the result of a call, or a tuple of them."""
    if isinstance(result, tuple):
        return tuple([symbols_for(part, call, (*path, i), other and other[i]) for i, part in enumerate(result)])
    if result is None:
        return None
    return Symbol(result, call, path, other if other is not None and other.shape != result.shape else None)


def symbols_in(x: Any) -> list[Symbol]:
    """The symbols among arguments, also those whose lengths are arguments."""
    return [symbol for leaf in leaves(x)
            for symbol in (leaf.places if isinstance(leaf, Length) else [leaf] if isinstance(leaf, Symbol) else [])]


def calls_behind(outputs: Sequence[Symbol], inputs: Sequence[Call] = ()) -> list[Call]:
    """The calls that `outputs` are computed from, oldest first; it goes no further than `inputs`."""
    found: set[Call] = set()
    stack = [symbol.call for symbol in outputs]
    while stack:
        call = stack.pop()
        if call not in found:
            found.add(call)
            if call not in inputs:
                stack += [symbol.call for symbol in symbols_in([call.args, call.options])]
    return sorted(found, key=lambda call: call.date)
