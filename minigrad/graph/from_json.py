"""A graph out of JSON: each layer is made anew, and each node called again, on symbols.

Nothing that the document says is trusted: kinds and ops are looked up among minigrad's own and those that the caller
gives, and never imported or evaluated; every shape is inferred anew and compared; what a layer wants of memory must be
among the weights that are there; and the work that it makes has a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy

from ..layout import as_filters
from ..meta import Meta, limited, spend
from ..misuse import is_int
from ..nn.module import Module, Parameter
from ..op import Op
from ..variadic import Variadic
from .as_json import BODY, FORMAT, KEYS, NODE_KEYS, TENSOR_KEYS, VERSION, result_entry
from .batch_size import BATCH
from .graph import Graph
from .json_layers import build_layers, set_flags
from .json_values import Things, check_keys, cut, dtype_of, expect, short, size_of
from .length import TRIALS
from .nested import leaves
from .node import Node
from .replay import called_again
from .symbol import Call, Symbol

LONGEST = 2 ** 30                       # how long an axis may be, but for those made of the batch size
WORK = 2 ** 23                          # for inferring the shapes: see meta.spend


def from_json(document: Any, arrays: Mapping[str, numpy.ndarray], layers: Mapping[str, type[Module]] | None = None,
              ops: Mapping[str, Op] | None = None) -> Graph:
    """The graph of a JSON document, its tensors those of `arrays`, which it takes over.

    layers, ops: classes and ops that are not minigrad's, by the names they have in the document. ValueError says which
    node or layer is wrong, and why.
    """
    arrays = {name: as_filters(array) for name, array in arrays.items()}
    things, custom = Things(arrays, checked(ops, "ops", Op)), checked(layers, "layers", type)
    try:
        check_head(document)
        read_tensors(document["tensors"], things)
        with limited(WORK):
            build_layers(document["layers"], things, custom, read_body)
            graph = read_body({key: document[key] for key in BODY if key in document}, things)
        set_flags(graph, {key: document[key] for key in ("training", "trainable") if key in document})
        check_state(graph, document["tensors"], arrays)
    except (ImportError, ValueError):
        raise
    except Exception as error:                  # whatever the parts make of a damaged document
        raise ValueError(f"the graph cannot be built: {error}") from error
    return graph


def check_head(document: Any) -> None:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"expected a graph of minigrad's, an object whose format is {FORMAT!r}; {short(document)} "
                         "came")
    if document.get("version") != VERSION:
        raise ValueError(f"this graph has version {short(document.get('version'))} of the format, written by minigrad "
                         f"{short(document.get('minigrad'))}; this minigrad reads version {VERSION}: update it")
    check_keys(document, KEYS, ("inputs", "outputs", "nodes", "layers", "tensors"), "the graph")


def checked(given: Any, what: str, kind: type) -> dict[str, Any]:
    """What the caller gave: TypeError unless it is a dict from names to classes or ops."""
    found = {} if given is None else given
    if not isinstance(found, Mapping) or not all([isinstance(x, kind) for x in found.values()]):
        raise TypeError(f"load: {what} must be a dict, name -> {'op' if kind is Op else 'class'}, {given!r} came")
    return dict(found)


def read_tensors(table: Any, things: Things) -> None:
    """Compare what the document says of the tensors with those that are there, and make the parameters."""
    expect(table, dict, "tensors")
    strangers = [*[name for name in table if name not in things.arrays],
                 *[name for name in things.arrays if name not in table]]
    if strangers:
        raise ValueError(f"the graph has {len(table)} tensors, the weights {len(things.arrays)}; not in both are "
                         f"{', '.join(map(cut, strangers[:8]))}")
    for name, entry in table.items():
        needed = ("same_as",) if "same_as" in expect(entry, dict, f"tensor {cut(name)}") else ("dtype", "shape")
        check_keys(entry, TENSOR_KEYS, needed, f"tensor {cut(name)}")
        read_tensor(name, entry, table, things)


def read_tensor(name: str, entry: dict, table: dict, things: Things) -> None:
    array, where = things.arrays[name], f"tensor {cut(name)}"
    if "same_as" in entry:
        first = things.arrays.get(expect(entry["same_as"], str, f"{where}: same_as"))
        if first is None or "same_as" in table[entry["same_as"]] or not identical(array, first):
            raise ValueError(f"{where} must be the same as {cut(entry['same_as'])}, and is not")
        return
    if entry["shape"] != list(array.shape) or entry["dtype"] != array.dtype.name:
        raise ValueError(f"{where} must be {short(entry['dtype'])} {short(entry['shape'])}, in the weights it is "
                         f"{array.dtype} {list(array.shape)}")
    learns, frozen, kept = [expect(entry.get(key, usual), bool, f"{where}: {key}") for key, usual in
                            (("requires_grad", True), ("frozen", False), ("persistent", True))]
    if not kept:
        things.passing.add(name)
    if dtype_of(entry["dtype"]).kind in "fV":
        parameter = things.parameters[name] = Parameter(array, learns or frozen)
        if frozen:
            parameter.freeze()
    elif not learns:
        things.parameters[name] = Parameter(array, False)


def passing_tensors(document: Any) -> set[str]:
    """The names of the tensors of a document, None for none, that are no part of a state dict."""
    if document is None:
        return set()
    check_head(document)
    return {name for name, entry in expect(document["tensors"], dict, "tensors").items()
            if expect(entry, dict, f"tensor {cut(name)}").get("persistent", True) is not True}


def identical(a: numpy.ndarray, b: numpy.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def read_body(entry: Any, things: Things) -> Graph:
    """The graph of these nodes: each is called again, on symbols."""
    check_keys(entry, BODY, ("inputs", "outputs", "nodes"), "a graph")
    outer, things.nodes, nodes = things.nodes, {}, []
    try:
        for node in expect(entry["nodes"], list, "nodes"):
            name = expect(expect(node, dict, "a node").get("name"), str, "the name of a node")
            if name in things.nodes:
                raise ValueError(f"two nodes are called {cut(name)}")
            try:
                check_keys(node, NODE_KEYS, (), "it")
                things.nodes[name], found = read_node(node, things)
                nodes.append(found)
            except ImportError:
                raise
            except Exception as error:          # whatever an op or a layer makes of a damaged file's arguments
                raise ValueError(f"node {cut(name)}: {str(error).removeprefix(f'{name}: ')}") from error
        return wired(entry, nodes, things)
    finally:
        things.nodes = outer


def wired(entry: dict, nodes: list[Node], things: Things) -> Graph:
    """The graph between the inputs and outputs that an entry names."""
    state_names = expect(entry.get("state_names", {}), dict, "state_names")
    graph = Graph.of_nodes(nodes, expect(entry["inputs"], list, "inputs"), things.decoded(entry["outputs"]),
                           things.decoded(entry.get("train_only", [])), state_names)
    folded = things.decoded(entry.get("folded", []))
    if not all([isinstance(pair, tuple) and list(map(type, pair)) == [str, str] for pair in folded]):
        raise ValueError(f"folded must have pairs of names, {short(folded)} came")
    if folded:
        graph.folded = folded
    return graph


def read_node(entry: dict, things: Things) -> tuple[Any, Node]:
    """The symbol for a node's result, or a tuple of them, and the node."""
    if "layer" not in entry and "op" not in entry:
        x = read_input(entry)
        return x, Node(entry["name"], None, (), x.data, {}, x.other)
    what: Any = things.decoded({key: entry[key] for key in ("layer", "op", "custom") if key in entry})
    args = things.decoded(expect(entry.get("args"), list, "args"))
    options = {key: things.decoded(value) for key, value in expect(entry.get("options", {}), dict, "options").items()}
    if isinstance(what, Variadic):
        what = what.of(len(args) - len(what.names) + 1)
    expect_result(entry.get("result"))
    spend(things.numbers.get(entry.get("layer", ""), 0))
    node = Node(entry["name"], what, args, None, options)
    y = called_again(node, things.nodes, node.name)
    found = result_of(y)
    if found != entry.get("result"):
        raise ValueError(f"its result must be {short(entry.get('result'))}, from its arguments comes {short(found)}")
    call = next(part.call for part in leaves(y) if part is not None)
    return y, replace(node, result=call.result, other=call.other)


def read_input(entry: dict) -> Symbol:
    shape, dtype = expect(entry.get("shape"), list, "shape"), dtype_of(entry.get("dtype"))
    if not shape or shape[0] != "n" or len(shape) > 32:
        raise ValueError(f"the shape of an input begins with 'n', the batch, {short(shape)} came")
    trials = entry.get("trials", [[trial[i % len(trial)] if m is None else m for i, m in enumerate(shape[1:])]
                                  for trial in TRIALS])
    x, other = [Meta((BATCH, *[length_of(m) for m in expect(trial, list, "a trial")]), dtype)
                for trial in (trials if None in shape else trials[:1] * 2)]
    y = Symbol(x, Call(None, (), x, entry["name"], None, other if None in shape else None), (),
               other if None in shape else None)
    if result_of(y)["shape"] != shape or "trials" in entry and None not in shape:
        raise ValueError(f"its trials must be two, and differ where its shape {short(shape)} has null: "
                         f"{short(trials)} came")
    return y


def result_of(y: Any) -> Any:
    """result_entry of a symbol, or of a tuple of them."""
    if isinstance(y, tuple):
        return [result_of(part) for part in y]
    return None if y is None else result_entry(y.data, y.other)


def length_of(m: Any) -> int:
    """The length of an axis; ValueError for one that no array has."""
    length = size_of(m) if isinstance(m, str) else m
    if not is_int(length) or isinstance(m, int) and not 0 <= m <= LONGEST:
        raise ValueError(f"a length must be from 0 to {LONGEST}, or made of the batch size, as '2n'; {short(m)} came")
    return length


def expect_result(result: Any) -> None:
    """ValueError for a result that no node has."""
    if isinstance(result, list):
        for part in result:
            expect_result(part)
    elif result is not None:
        check_keys(result, ("shape", "dtype"), ("shape", "dtype"), "result")
        for m in expect(result["shape"], list, "shape"):
            if m not in (None, "?"):
                length_of(m)


def check_state(graph: Graph, table: dict, arrays: Mapping[str, Any]) -> None:
    """ValueError where tensors belong to nothing, or to something else than they did."""
    found = graph.state_dict()
    known = {name: entry.get("same_as", name) for name, entry in table.items() if entry.get("persistent", True)}
    strangers = [*(found.keys() ^ known.keys()),
                 *[name for name in found.keys() & known.keys() if found[name] is not arrays[known[name]]]]
    if strangers:
        raise ValueError(f"the tensors {', '.join(map(cut, sorted(strangers)[:8]))} have no place in the graph, or "
                         "another's")
