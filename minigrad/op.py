"""What an op is: one function on arrays, tensors and symbols. `Op.__call__` is the one place that tells them apart.

A primitive has a forward on arrays and one formula per input for its gradient (`Op.gradient`). A fused op has a
definition written in primitives, and perhaps kernels (`Fused`, in fused.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, cast

from numpy import asarray, ndarray

from .backend import FLOATS, LIBRARIES, device_of, on_current_device, on_device_of, to_device
from .casting import entered, recast
from .formula import Formula, Shape, bits, unpacked
from .meta import Meta, without_values
from .misuse import MISUSES, check_kinds, explained, is_users, origin
from .outputs import attach, wrap, zeros
from .tensor import LEAF, Node, Tensor, derived, recording

OPS: dict[str, Op] = {}         # name -> Op; the tests' table must have a row for each
TWIN = "twin"                   # the `node` of a saved output, until it is joined to the tape
MISSING = Parameter.empty
LISTS = {list, tuple}
SYNONYMS = {"dim": "axis", "keepdim": "keepdims", "dim1": "axis1", "dim2": "axis2", "diagonal": "k",
            "dims": "axis", "shifts": "shift", "p": "ord", "unbiased": "correction",                   # PyTorch's words
            "ddof": "correction", "reps": "repetitions", "indices_or_sections": "n",                    # NumPy's
            "a_min": "min", "a_max": "max"}


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

    def __reduce__(self) -> tuple:
        return found, (self.module, self.name)          # pickled, as functions are, by name

    def __deepcopy__(self, memo: dict) -> Op:
        return self

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
            if "name" in kwargs:
                return self.as_named_node(args, kwargs)
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
                    if not plain:
                        self.with_arrays(args, raw, next((device_of(a) for a in raw if type(a) in LIBRARIES), "cpu"))
                if not plain and Meta in map(type, raw):
                    raw = list(map(without_values, raw))            # a definition whose output shape is asked for
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
            if entered:
                cast_args = recast(self, args, OPS["astype"])
                if cast_args is not args:
                    return self(*cast_args)
            if needs and self.formulas:
                observer = recording.get()
                if observer:
                    out = self.record(args, raw, edges, needs, first)           # tensors: a call on the tape
                    if observer is not True:
                        observer.note(self, args, out)
                    return out
            return self.unrecorded(args, raw, first)
        except MISUSES as error:
            place = None if Meta in map(type, raw) else open_place(args)
            if place is not None:                                   # parameter[:x.shape[1]], of a length left open
                return place.add_op(self, args)
            if is_users(error):
                raise
            raise self.explained(error, raw) from origin(error)

    def as_named_node(self, args: tuple, kwargs: dict) -> Any:
        """The result of a call with name=: on a symbol it names the node of the graph, elsewhere it has no effect."""
        name = kwargs.pop("name")
        out = self(*args, **kwargs)
        for part in out if isinstance(out, tuple) else (out,):
            if hasattr(part, "name_node"):
                part.name_node(name)
        return out

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


def found(module: str, name: str) -> Op:
    """The op of this name in a module."""
    return getattr(import_module(module), name)


def op(forward: Callable) -> Op:
    """Decorator: make a primitive op of a function on arrays. Give it its gradient with `.gradient(...)`.

    >>> from minigrad import op
    >>> @op
    ... def cube(x):
    ...     return x * x * x
    >>> _ = cube.gradient(x=lambda g, x: g * 3 * x * x)
    """
    return Op(forward)


def open_place(x: Any) -> Any:
    """A symbol from whose lengths an argument is computed, also inside tuples and slices; None if there is none."""
    if isinstance(x, (tuple, list)):
        return next((place for place in map(open_place, x) if place is not None), None)
    if type(x) is slice:
        return open_place((x.start, x.stop, x.step))
    return x.places[0] if hasattr(x, "places") and not isinstance(x, Tensor) else None


def changed_since(serial: int, kept: Any) -> Iterator[Tensor]:
    """The tensors among what was saved, also those in an index tuple, that were changed in place since then."""
    if isinstance(kept, Tensor):
        if kept.changed[0] > serial:
            yield kept
    elif type(kept) in (tuple, list):
        for part in kept:
            yield from changed_since(serial, part)


def join(kept: Tensor, node: Node) -> Tensor:
    """A saved tensor for a recorded walk: a saved output is given its node back."""
    return derived(kept.data, kept.changed, node) if kept.node is TWIN else kept
