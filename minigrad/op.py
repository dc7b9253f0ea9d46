"""What an op is: one function on arrays, tensors and symbols. `Op.__call__` is the one place that tells them apart.

A primitive has a forward on arrays and one formula per input for its gradient (`Op.gradient`). A fused op has a
definition written in primitives, and perhaps kernels (`Fused`, in fused.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import Parameter, signature
from typing import Any, cast
from weakref import ref

from numpy import asarray, ndarray

from .backend import FLOATS, LIBRARIES, Array, device_of, namespace, on_current_device, on_device_of, to_device
from .meta import Meta, without_values
from .misuse import MISUSES, check_kinds, explained
from .tensor import LEAF, Node, Output, Tensor, derived, recording

OPS: dict[str, Op] = {}         # name -> Op; the tests' table must have a row for each
TWIN = "twin"                   # the `node` of a saved output, until it is joined to the tape
MISSING = Parameter.empty
LISTS = {list, tuple}
SYNONYMS = {"dim": "axis", "keepdim": "keepdims", "dim1": "axis1", "dim2": "axis2", "diagonal": "k",
            "dims": "axis", "shifts": "shift", "p": "ord", "unbiased": "correction",                   # PyTorch's words
            "ddof": "correction", "reps": "repetitions", "indices_or_sections": "n"}                    # NumPy's
new = Tensor.__new__


class Op:
    """A primitive: its forward works on arrays; its gradients are formulas, written in ops.

    Make one by decorating the forward with `@op`; its parameters are the op's parameters. An op without formulas has no
    gradient: its result does not require one.
    """

    keeps_dtype = True          # whether half-precision inputs give a half-precision output, whatever NumPy thinks

    def __init__(self, forward: Callable):
        self.name, self.module, self.__doc__ = forward.__name__, forward.__module__, forward.__doc__
        self.__name__, self.__wrapped__ = self.name, forward
        self.forward = forward
        parameters = signature(forward).parameters.values()
        self.names = tuple([p.name for p in parameters])
        self.defaults = tuple([p.default for p in parameters])
        self.arity = len(self.names)
        self.formulas: Any = {}         # position of an argument -> Formula
        self.recipes: list[tuple] = []  # the same, unpacked for the walk
        self.reach = 0                  # a bit per argument that has one
        self.plans: dict[int, Callable] = {}        # which arguments need gradients -> what to save for their formulas
        OPS[self.name] = self

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}({', '.join(self.names)})>"

    def gradient(self, **formulas: Callable) -> Op:
        """One formula per input that has a gradient, as a function of what it reads.

        Its parameters say by name what that is: `g`, the gradient of the output; `y`, the output; an argument;
        `<argument>_shape`. Exactly that is saved. Write it in ops (and operators): it runs on arrays, and on tensors
        when the walk itself is recorded. It need not undo broadcasting or promotion, the walk does that.
        """
        for name, function in formulas.items():
            if name not in self.names:
                raise TypeError(f"{self.name}.gradient: there is no argument {name!r}; "
                                f"there are {', '.join(self.names)}")
            self.formulas[self.names.index(name)] = Formula(function, self.names, self.name)
        self.recipes = unpacked(self.formulas)
        self.reach = bits(self.formulas)
        self.plans.clear()
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != self.arity:
            args = tuple(self.bind(args, kwargs))
        raw, edges, first, needs, bit, plain = [], [], None, 0, 1, True
        for a in args:
            edge = None                                             # where its gradient goes
            if isinstance(a, Tensor):
                if first is None:
                    first = a
                edge = a.node
                if edge is not None:
                    needs |= bit
                    if edge is LEAF:
                        edge = a
                a = a.data
            if type(a) is not ndarray and (type(a) in LIBRARIES or type(a) in LISTS):
                plain = False
            raw.append(a)
            edges.append(edge)
            bit += bit
        try:
            if first is None:
                if type(raw[0]) not in LIBRARIES:
                    check_kinds(self.arrays(required=True), self.names, raw)
                return self.forward(*raw)                           # arrays: a formula or a definition at work
            if not plain:
                args = self.with_arrays(args, raw, device_of(first.data))
                for a in args:
                    if isinstance(a, Tensor) and type(a.data) is Meta:
                        return cast(Any, a).add_op(self, args)         # symbols: a node of their graph
                if Meta in map(type, raw):
                    return self.forward(*map(without_values, raw))  # a layer whose output shape is asked for
                self.check_devices(args, raw)
                if not on_current_device(first.data):
                    with on_device_of(first.data):
                        return self(*args)
            if needs and self.formulas:
                observer = recording.get()
                if observer:
                    out = self.record(args, raw, edges, needs, first)           # tensors: a call on the tape
                    if observer is not True:
                        observer.note(self, args, out)
                    return out
            return self.unrecorded(args, raw, first)
        except MISUSES as error:
            raise self.explained(error, raw) from error.__cause__

    def with_arrays(self, args: tuple, raw: list, device: str) -> tuple:
        """The arguments, lists of numbers where arrays belong as arrays on the device; also in `raw`."""
        if LISTS.isdisjoint(map(type, raw)):
            return args
        full = list(args)
        for i, name in enumerate(self.names):
            if type(raw[i]) in LISTS and name in self.arrays():
                array = asarray(raw[i])
                full[i] = raw[i] = array if device == "meta" else to_device(array, device)
        return tuple(full)

    def unrecorded(self, args: Sequence, raw: list, first: Tensor) -> Any:
        """Call, and leave the tape alone."""
        return wrap(self.forward(*raw), first, args, raw, self.keeps_dtype)

    def record(self, args: Sequence, raw: list, edges: list, needs: int, first: Tensor) -> Any:
        """Call, and put the call on the tape with what the needed formulas will read."""
        if needs & ~self.reach:
            raise TypeError(self.out_of_reach(edges))
        out = wrap(self.forward(*raw), first, args, raw, self.keeps_dtype)
        saved = (self.plans.get(needs) or self.plan(needs))(args, out)
        if type(out) is tuple:
            return attach(out, self, edges, saved)
        data = out.data
        dtype = data.dtype
        if dtype is first.data.dtype or dtype.kind in FLOATS:           # integers carry no gradient
            out.node = Node(self, edges, saved, data.shape, dtype)
        elif dtype.kind == "c":
            raise TypeError(f"complex numbers have no gradient here, the result is {dtype}: detach() the inputs")
        return out

    def out_of_reach(self, edges: list) -> str:
        """What to say when an argument requires gradients for which there is no formula."""
        name = next(name for i, name in enumerate(self.names) if edges[i] is not None and i not in self.formulas)
        return f"there is no gradient for argument {name}, which requires one: pass {name}.detach() or a plain number"

    def plan(self, needs: int) -> Callable:
        """A function (args, out) -> what to save: the arguments, those that no needed formula reads left out."""
        n = self.arity
        wants = {want for i, formula in self.formulas.items() if needs >> i & 1 for want in formula.wants}
        whole, shapes = {p for p in wants if p >= 0}, {~p for p in wants if p < 0}

        def save(args: Sequence, out: Any) -> Any:
            saved: list[Any] = [a if p in whole or not isinstance(a, Tensor) else Shape(a.shape) if p in shapes
                                else None for p, a in enumerate(args)]
            if n in whole and type(out) is tuple:
                raise TypeError("a formula of an op with several outputs cannot read y: let it read the arguments")
            if n in whole:      # a twin of the output: a reference to the output itself would be a cycle
                saved.append(derived(out.data, out.changed, TWIN))
            return saved

        def save_nothing(args: Sequence, out: Tensor) -> Any:
            return ()

        def save_arguments(args: Sequence, out: Tensor) -> Any:
            return args

        chosen = save_nothing if not wants else save_arguments if whole == set(range(n)) else save
        self.plans[needs] = chosen
        return chosen

    def backward(self, node: Node, g: Any, edges: list, create_graph: bool) -> list:
        """One gradient per argument, None where none is wanted."""
        values = []
        for kept in node.saved:         # a plain loop: for so few values a comprehension costs more
            if isinstance(kept, Tensor):
                kept = join(kept, node) if create_graph else kept.data
            values.append(kept)
        if node.outputs:
            g = [zeros(i, node, g) if part is None else part for i, part in enumerate(g)]
        gradients: list = [None] * len(edges)
        for i, function, reads, call in self.recipes:
            if edges[i] is None:
                continue
            if reads is None:
                gradients[i] = function(g)
            elif reads >= 0:
                gradients[i] = function(g, values[reads])
            else:
                gradients[i] = call(g, values)
        return gradients

    def check_unchanged(self, node: Node, saved: Any = None) -> None:
        """Refuse if a tensor that the formulas will read was changed in place since the call."""
        for i, kept in enumerate(node.saved if saved is None else saved):
            kept = next(changed_since(node.serial, kept), None)
            if kept is not None:
                which = f"its argument {self.names[i]}" if i < len(self.names) else "its output"
                raise RuntimeError(f"{self.name} saved {which}, a tensor of shape {kept.shape}, for its gradient, but "
                                   "the tensor was changed in place after the call: change a copy instead, or call "
                                   "backward() first")

    def fit(self, gx: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """Undo what the library did on the way in: broadcasting by summing, a change of dtype by changing back."""
        if gx.shape != shape:
            extra = len(gx.shape) - len(shape)
            if extra < 0 or any([n not in (1, m) for n, m in zip(shape, gx.shape[extra:], strict=True)]):
                raise ValueError(f"{self.name}: a formula gave a gradient of shape {gx.shape} "
                                 f"for an input of shape {shape}")
            axes = tuple(range(extra)) + tuple([extra + i for i, n in enumerate(shape) if n != gx.shape[extra + i]])
            gx = OPS["reshape"](OPS["sum"](gx, axes), shape)
        return gx if gx.dtype == dtype else OPS["astype"](gx, dtype)

    def bind(self, args: Sequence, kwargs: dict) -> Sequence:
        """The arguments in the order of the signature, defaults filled in."""
        names = self.names
        if len(args) > len(names):
            raise TypeError(f"{self.name}: takes {len(names)} arguments ({', '.join(names)}), {len(args)} came")
        full = [*args, *self.defaults[len(args):]]
        for name, value in kwargs.items():
            name = SYNONYMS[name] if name not in names and SYNONYMS.get(name) in names else name
            if name not in names:
                raise TypeError(f"{self.name}: has no argument {name!r}; it has {', '.join(names)}")
            if names.index(name) < len(args):
                raise TypeError(f"{self.name}: argument {name!r} came twice")
            full[names.index(name)] = value
        missing = [name for name, v in zip(names, full, strict=True) if v is MISSING]
        if missing:
            raise TypeError(f"{self.name}: argument {', '.join(missing)} is missing")
        return full

    def check_devices(self, args: Sequence, raw: list) -> None:
        where = {name: device_of(a) for name, a in zip(self.names, raw, strict=True) if type(a) in LIBRARIES}
        home = next(iter(where.values()))
        strangers = [name for name, device in where.items() if device != home]
        if strangers:
            is_tensor = isinstance(args[self.names.index(strangers[0])], Tensor)
            cure = f"{strangers[0]}.to({home!r})" if is_tensor else f"minigrad.tensor({strangers[0]}, device={home!r})"
            raise TypeError(f"{self.name}: " + ", ".join([f"{name} is on {device}" for name, device in where.items()])
                            + f"; {cure} mends it")

    def explained(self, error: Exception, raw: Sequence) -> Exception:
        """The error with the op's name and the shapes in front, unless an op inside has said so already."""
        arguments = dict(zip(self.names, raw, strict=True))
        given = {name: value for (name, value), default in zip(arguments.items(), self.defaults, strict=True)
                 if value is not default}
        return explained(self.name, error, given, [name for name in self.arrays() if name in given],
                         dict(zip(self.names, self.defaults, strict=True)))

    def arrays(self, required: bool = False) -> Sequence[str]:
        """The arguments that have to be arrays: those with a gradient; of an op without any, the first."""
        found = self.differentiable() or self.names[:1]
        return [name for name in found if not required or self.defaults[self.names.index(name)] is MISSING]

    def differentiable(self) -> Sequence[str]:
        return [self.names[i] for i in self.formulas]


def op(forward: Callable) -> Op:
    """Decorator: make a primitive op of a function on arrays. Give it its gradient with `.gradient(...)`.

    >>> from minigrad import op
    >>> @op
    ... def cube(x):
    ...     return x * x * x
    >>> _ = cube.gradient(x=lambda g, x: g * 3 * x * x)
    """
    return Op(forward)


class Shape(tuple):
    """Kept instead of a tensor of which only the shape is read."""


class Formula:
    """A gradient formula, and where the values are that it asks for by the names of its parameters."""

    def __init__(self, function: Callable, names: tuple[str, ...], op: str):
        self.function = function
        self.wants = []         # position in (*args, y); ~position: only its shape
        parameters = list(signature(function).parameters)
        if not parameters or parameters[0] != "g":
            raise TypeError(f"{op}.gradient: a formula's first parameter must be g, the gradient of the output; "
                            f"its parameters are {parameters}")
        for want in parameters[1:]:
            argument = want.removesuffix("_shape")
            if want in names:
                self.wants.append(names.index(want))
            elif want == "y":
                self.wants.append(len(names))
            elif argument in names:
                self.wants.append(~names.index(argument))
            else:
                raise TypeError(f"{op}.gradient: a formula asks for {want!r}; there are g, y, {', '.join(names)}, "
                                "and the shape of an argument as <argument>_shape")
        # The two frequent cases, read without a list: nothing (None), one whole value (its position); else -1.
        self.reads = None if not self.wants else self.wants[0] if len(self.wants) == 1 and self.wants[0] >= 0 else -1

    def call(self, g: Any, values: list) -> Any:
        """The gradient, from the values that the call saved."""
        return self.function(g, *[values[p] if p >= 0 else shape_of(values[~p]) for p in self.wants])


def unpacked(formulas: dict[int, Any]) -> list[tuple]:
    """Per formula: position of the argument, function, what it reads, and how it is called with all values."""
    return [(i, formula.function, formula.reads, formula.call) for i, formula in formulas.items()]


def bits(positions: Iterable[int]) -> int:
    """A number with these bits set."""
    return sum([1 << i for i in positions])


def changed_since(serial: int, kept: Any) -> Iterator[Tensor]:
    """The tensors among what was saved, also those in an index tuple, that were changed in place since then."""
    if isinstance(kept, Tensor):
        if kept.changed[0] > serial:
            yield kept
    elif type(kept) in (tuple, list):
        for part in kept:
            yield from changed_since(serial, part)


def shape_of(x: Any) -> Any:
    return x if type(x) is Shape else getattr(x, "shape", ())


# --- making tensors of results --------------------------------------------------------------------------------

def join(kept: Tensor, node: Node) -> Tensor:
    """A saved tensor for a recorded walk: a saved output is given its node back."""
    return derived(kept.data, kept.changed, node) if kept.node is TWIN else kept


def wrap(y: Any, x: Tensor, args: Sequence, raw: Sequence, keeps_dtype: bool = True) -> Any:
    """The output of an op, of whose arguments (`raw`: as arrays) `x` is the first tensor, as a tensor.

    A view of an argument shares its date of change. keeps_dtype: bfloat16 arguments give a bfloat16 output.
    """
    if type(y) is tuple:
        return tuple([wrap(part, x, args, raw, keeps_dtype) for part in y])
    source = x.data
    if type(y) is not ndarray and type(y) not in LIBRARIES:
        y = namespace(source).asarray(y)                # NumPy turns 0-d results into scalars
    if y.dtype is not source.dtype:
        if y.dtype.kind in "OSU":
            raise TypeError(f"expected numbers and arrays of numbers; the result is made of {y.dtype}")
        if source.dtype.kind == "V" and y.dtype == "float32" and keeps_dtype:
            kinds = {a.dtype.kind for a in args if hasattr(a, "dtype")}
            y = y if "f" in kinds else y.astype(source.dtype)   # NumPy has bfloat16 * 2.0 in float32
    t = new(Tensor)
    t.data = y
    t.node = t.grad = t.hooks = None
    base = y.base
    if base is None:
        for a in raw:
            if a is y:
                break
        else:
            t.changed = [0]                             # nobody else's memory: the usual case
            return t
    t.changed = shared_date(y, base, args)
    return t


def shared_date(y: Array, base: Any, args: Sequence) -> list[int]:
    """The date of change of the argument whose memory `y` shows; a new one if there is none."""
    for a in args:
        if isinstance(a, Tensor) and (y is a.data or base is not None and (base is a.data or base is a.data.base)):
            return a.changed
    return [0]


def attach(out: Any, op: Op, edges: list, saved: Any) -> Any:
    """The output(s), known to be made by a call of `op`."""
    if type(out) is not tuple:
        if out.data.dtype.kind in FLOATS:
            out.node = Node(op, edges, saved, out.data.shape, out.data.dtype)
        return out
    places = []
    node = Node(op, edges, saved, [t.data.shape for t in out], [t.data.dtype for t in out])
    for t, shape, dtype in zip(out, node.shape, node.dtype, strict=True):
        place = Output(node, shape, dtype)
        if dtype.kind in FLOATS:
            t.node = place
        places.append(ref(place))
    node.outputs = places
    return out


def zeros(i: int, node: Node, parts: list) -> Any:
    """The gradient of an output that nobody used, made like those of the others."""
    some = next(part for part in parts if part is not None)
    array: Array = some.data if isinstance(some, Tensor) else some
    array = namespace(array).zeros_like(array, shape=node.shape[i], dtype=node.dtype[i])
    return derived(array) if isinstance(some, Tensor) else array
