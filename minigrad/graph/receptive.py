"""Receptive fields: how many places of the input one element of a result sees, along each axis of an image or sequence.

What is counted is the theoretical field: all that can have an influence, from the first place to the last, padding
included, where that is most. It follows from the geometry of the ops alone: r = 1 + sum of d (k - 1) * (product of the
strides before) for layers on top of each other. Araujo, Norris and Sim, Computing receptive fields of convolutional
neural networks, Distill 2019; Dumoulin and Visin, A guide to convolution arithmetic, 2016.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..fused import Fused
from ..geometry import each
from ..meta import Meta
from ..nn.activation import RReLU
from ..nn.dropout import Dropping
from ..nn.pooling import MaxUnpool
from ..nn.recurrent import RNNBase
from ..op import Op
from .cost import check_positive, listed
from .inside import Inside, definition_of, inside
from .node import Node, Ref
from .symbol import Call, Symbol
from .trace_rules import on_images, rule_of
from .traces import ALL, LOST, Along, Field, Part, To, either, moved, short, size_of, together
from .windows import SAME, painting

# --- of a stack of layers ---------------------------------------------------------------------------------------

def receptive_field(kernel_sizes: Sequence[Any], strides: Any = 1, dilations: Any = 1) -> Any:
    """How many places of its input a place sees behind convolutions and poolings on top of each other.

    kernel_sizes: of each layer, first to last, an int or a pair. strides, dilations: likewise, or one for all.
    Returns an int; a pair if there is a pair among the arguments.

    >>> receptive_field([3, 3]), receptive_field([3, 3, 3])
    (5, 7)
    >>> receptive_field([5, 2, 5, 2, 5], strides=[1, 2, 1, 2, 1])       # LeNet-5, c1 to c5
    32

    Raises ValueError for lists of different lengths, and for numbers below 1.
    """
    kernels = listed("receptive_field", kernel_sizes)
    given = [kernels, *[value if isinstance(value, list) else [value] * len(kernels) for value in (strides, dilations)]]
    for name, values in zip(("strides", "dilations"), given[1:], strict=True):
        if len(values) != len(kernels):
            raise ValueError(f"receptive_field: {name} must be one for all, or a list of {len(kernels)}, one for each "
                             f"layer, {values} came; a pair is a tuple")
    axes = max([len(value) if isinstance(value, tuple) else 1 for values in given for value in values])
    names = ("kernel_sizes", "strides", "dilations")
    layers = [[each(value, axes, f"receptive_field: {name}") for value, name in zip(layer, names, strict=True)]
              for layer in zip(*given, strict=True)]
    for layer in layers:
        check_positive("receptive_field", **{name: min(value) for name, value in zip(names, layer, strict=True)})
    sizes, jumps = [1] * axes, [1] * axes
    for layer in layers:
        for axis, (k, s, d) in enumerate(zip(*layer, strict=True)):
            sizes[axis] += d * (k - 1) * jumps[axis]
            jumps[axis] *= s
    return sizes[0] if axes == 1 else tuple(sizes)


# --- of the nodes of a graph ------------------------------------------------------------------------------------

class ReceptiveField(NamedTuple):
    """sizes: how many places along each axis, or "all"; jump: how far apart those are that neighbours see first, None
    where that is no one number."""

    sizes: tuple[int | str, ...]
    jump: tuple[Fraction, ...] | None


class ReceptiveFields:
    """Those of the nodes of a graph, which come in the order in which they run."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.fields: dict[Ref, Field] = {}
        self.axes: dict[str, list[int]] = {}        # input -> its axes along which there are places
        self.lengths: dict[Any, int] = {}

    def of(self, node: Node, result: Any) -> ReceptiveField | None:
        """Of one node, of several results the first; None if it is not known, and where there are no places.

        result: the arrays without values that come out; of a graph with open axes, those of one trial.
        """
        self.results[node.name] = result
        paths = [path for path, _ in parts_of(result)]
        if node.what is None:
            self.begin(node.name, result)
        else:
            self.look_for_places(node)
            try:
                found = self.through(node, paths)
            except Exception:   # noqa: BLE001     whatever a forward says that wants values and meets symbols
                found = dict.fromkeys(paths, lost(self.fields_of(node)))
            self.fields |= {Ref(node.name, path): field for path, field in found.items()}
        return self.described(self.fields[Ref(node.name, paths[0])]) if paths else None

    def begin(self, name: str, x: Meta) -> None:
        """Every place of an input sees itself."""
        self.axes[name] = places_of(x)
        self.lengths |= {(name, axis): x.shape[axis] for axis in self.axes[name]}
        self.fields[Ref(name)] = {(name, axis): (Along(axis, SAME, x.shape[axis]),) for axis in self.axes[name]}

    def fields_of(self, node: Node) -> list[Field]:
        return [self.fields[ref] for ref in node.refs]

    def through(self, node: Node, paths: list[tuple]) -> dict[tuple, Field]:
        """Path -> field, of the results of a node."""
        if isinstance(node.what, RNNBase):                          # what came before is in the state
            return dict.fromkeys(paths, {key: (ALL,) for field in self.fields_of(node) for key in field})
        if isinstance(node.what, MaxUnpool):                        # the op does not know the windows of the pooling
            layer, field = node.what, self.fields_of(node)[0]
            views = [painting(*axis) for axis in zip(layer.kernel_size, layer.stride, layer.padding, strict=True)]
            moves = on_images(To(1), views)
            shape = dict(parts_of(self.results[node.refs[0].node]))[node.refs[0].path].shape
            return {(): {key: together([moved(part, moves, shape) for part in trace]) for key, trace in field.items()}}
        inner = inside(node, self.results)
        known = {(inner.starts[ref.node], ref.path): field for ref, field in self.fields.items()
                 if ref.node in inner.starts}
        known = follow(inner, known)
        return {path: known[y.call, y.path] for path, y in parts_of(inner.result)}

    def described(self, field: Field) -> ReceptiveField | None:
        """What a field says of the input that it depends on; of several alike, the most."""
        found: ReceptiveField | None = None
        for name in self.axes:
            keys = [(name, axis) for axis in self.only_places(name, field) if (name, axis) in field]
            sizes = tuple([size for key in keys if (size := size_of(field[key])) is not None])
            if len(sizes) < len(keys):
                return None
            if keys:
                one = ReceptiveField(sizes, jump_of([field[key][0] for key in keys]))
                found = one if found is None else larger(found, one)
        return found

    def look_for_places(self, node: Node) -> None:
        """Of an input (n, a, b), sequences of channels or of features: a layer of sequences (n, c, l) says where the
        places are."""
        if node.kind.endswith("1d"):
            for (name, axis), trace in (self.fields_of(node) or [{}])[0].items():
                if self.axes[name] == [1, 2] and isinstance(trace[0], Along) and trace[0].axis == 2:
                    self.axes[name] = [axis]

    def only_places(self, name: str, field: Field) -> list[int]:
        """Of an input (n, a, b), where no layer has said it yet, the axis along which there are places: windows slide
        along it, or of the other all is seen at once. The first node that shows it decides."""
        axes = self.axes[name]
        if axes != [1, 2]:
            return axes
        whole = [axis for axis in axes if self.lengths[name, axis] == 1 or field.get((name, axis)) == (ALL,)]
        slid = [axis for axis in axes if axis not in whole and is_slid(field.get((name, axis), ()))]
        if len(slid) == 1 or len(whole) == 1:
            self.axes[name] = slid if len(slid) == 1 else [axis for axis in axes if axis not in whole]
            return self.axes[name]
        return [1]


def is_slid(trace: Any) -> bool:
    return len(trace) == 1 and isinstance(trace[0], Along) and trace[0].windows.size > 1


def jump_of(parts: Sequence[Part]) -> tuple[Fraction, ...] | None:
    return tuple([part.windows.jump for part in parts]) if all([isinstance(p, Along) for p in parts]) else None


def larger(a: ReceptiveField, b: ReceptiveField) -> ReceptiveField:
    """The larger one along each axis; of inputs with different axes the first."""
    if len(a.sizes) != len(b.sizes):
        return a
    sizes = [ALL if ALL in pair else max(pair, key=int) for pair in zip(a.sizes, b.sizes, strict=True)]
    return ReceptiveField(tuple(sizes), a.jump if a.jump == b.jump else None)


def places_of(x: Meta) -> list[int]:
    """The axes of an input along which there may be places: (n, c, h, w) has two; (n, t, d) and (n, c, l) too, until it
    is seen which it is; of (n, t) integers are tokens, and others features, which have none."""
    if len(x.shape) == 2:
        return [1] if x.dtype.kind in "iu" else []
    return list(range(1 if len(x.shape) == 3 else 2, len(x.shape)))


def parts_of(x: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """(path, part) of a result: of a tuple its parts, without None."""
    if isinstance(x, (tuple, list)):
        for i, part in enumerate(x):
            yield from parts_of(part, (*path, i))
    elif x is not None:
        yield path, x


# --- through the ops --------------------------------------------------------------------------------------------

Known = dict[tuple[Call, tuple], Field]         # (call, path) -> the field of that result


def follow(inner: Inside, known: Known) -> Known:
    """The fields of all results of calls. known: those of the calls that they begin with."""
    known = dict(known)
    for call in inner.calls:
        if call.what is not None:
            fields = {i: known.get((x.call, x.path), {}) for i, x in enumerate(call.args) if isinstance(x, Symbol)}
            known |= {(call, path): field for path, field in through_call(call, fields).items()}
    return known


def through_call(call: Call, fields: Mapping[int, Field]) -> dict[tuple, Field]:
    """Path -> field, of the results of one op: by its rule, or else by those of the ops in its definition."""
    op, results = call.what, list(parts_of(call.result))
    rule = rule_of(op) if isinstance(op, Op) else None
    if rule is not None:
        return {path: by_rule(call, rule, y.shape, fields, path) for path, y in results}
    if isinstance(op, Fused):
        inner = definition_of(call)
        known = follow(inner, {(start, ()): fields[i] for i, start in inner.starts.items()})
        return {path: known[y.call, y.path] if isinstance(y, Symbol) else {} for path, y in parts_of(inner.result)}
    if isinstance(op, (Dropping, RReLU)):       # the functions of these names call the layers on symbols
        return {path: fields[0] for path, _ in results}
    return {path: lost(fields.values()) for path, _ in results}


def by_rule(call: Call, rule: Any, shape: tuple[int, ...], fields: Mapping[int, Field], path: tuple) -> Field:
    """The field of one result of an op, of this shape. fields: that of each argument, by its number."""
    op: Any = call.what
    args = dict(zip(op.names, call.args, strict=True))
    moves = rule(args | {"path": path}, shape)
    found: dict[Any, list[Part]] = {}
    joins = op.name in ("concat", "stack")
    for i, field in fields.items():
        here = moves.get(op.names[i])
        size = call.args[i].shape
        if here is not None:
            here = [short(move, n, shape) for move, n in zip(here, size, strict=True)]
        for key, trace in field.items():
            parts = [LOST if here is None else moved(part, here, size) for part in trace]
            found.setdefault(key, []).extend([LOST] if joins and len(parts) > 1 else parts)
    if joins:
        return {key: either(parts, (args["axis"] or 0) % len(shape)) for key, parts in found.items()}
    return {key: together(parts) for key, parts in found.items()}


def lost(fields: Any) -> Field:
    """What is left where it is not known how an op sees: all is still all."""
    seen: dict[Any, list[Part]] = {}
    for field in fields:
        for key, trace in field.items():
            seen.setdefault(key, []).append(ALL if trace == (ALL,) else LOST)
    return {key: together(parts) for key, parts in seen.items()}
