"""A list of nodes is a graph, or it is said why not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from graphs import check_shared, names, rows, same
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input, Node, Ref
from minigrad.meta import Meta

# --- a list of nodes ----------------------------------------------------------------------------------------------

def small():
    x = Input((4,), name="x")
    h = ops.tanh(nn.Linear(4, 4)(x, name="a"), name="t")
    return Graph(x, nn.Linear(4, 2)(h, name="b"))


def test_a_graph_of_nodes():
    graph = small()
    twin = Graph.of_nodes(graph.nodes, graph.inputs, graph.outputs)
    same(twin(rows(2, 4)), graph(rows(2, 4)))
    check_shared(twin, graph)
    assert Graph.of_nodes(graph.nodes, "x", "b").outputs == Ref("b")
    assert Graph.of_nodes(graph.nodes, ["x"], {"y": "b", "h": ["t", "a"]}).outputs == {"y": Ref("b"),
                                                                                     "h": [Ref("t"), Ref("a")]}
    assert Graph.of_nodes(graph.nodes, ["x"], ["b", "t"]).outputs == (Ref("b"), Ref("t"))
    assert Graph.of_nodes(graph.nodes, ["x"], {"y": "b", "h": "t"}, train_only=["h"]).train_only == ("h",)
    renamed = Graph.of_nodes(graph.nodes, ["x"], "b", state_names={"b": "head"})
    assert list(renamed.state_dict()) == ["a.weight", "a.bias", "head.weight", "head.bias"]


def with_node(which, **changes):
    """The nodes of small() with one of them changed."""
    return [replace(node, **changes) if node.name == which else node for node in small().nodes]


def nodes():
    return small().nodes


def meta(*shape):
    return Meta((small().node("x").result.shape[0], *shape), "float32")


X = Ref("x")
NODES = {
    "no node": (lambda: ([*nodes(), "b"], "x", "b"), TypeError, "nodes must be a list of Node, number 4 is a str"),
    "no name": (lambda: (with_node("a", name=""), "x", "b"), TypeError, "the name of a node must be text, number 1 "
                                                                        "has ''"),
    "a name twice": (lambda: (with_node("t", name="a"), "x", "b"), ValueError,
                     "two nodes are called 'a', Linear and tanh: names must differ"),
    "an unknown node": (lambda: (with_node("t", args=(Ref("aa"),)), "x", "b"), ValueError,
                        "node 't' takes 'aa', which is no node; there are a"),
    "an unknown input": (lambda: (nodes(), ["x", "y"], "b"), ValueError, "the inputs have 'y', which is no node"),
    "no input": (lambda: (nodes(), [], "b"), ValueError, "inputs are empty"),
    "an input twice": (lambda: (nodes(), ["x", "x"], "b"), ValueError, "'x' comes twice among the inputs, x, x"),
    "an input that calls": (lambda: (nodes(), ["x", "a"], "b"), ValueError, "'a' cannot be an input, it calls Linear"),
    "an input with arguments": (lambda: (with_node("x", args=(1,)), "x", "b"), ValueError,
                                "'x' cannot be an input, it has arguments"),
    "an input beside": (lambda: (with_node("a", what=None, args=()), "x", "b"), ValueError,
                        "node 'a' calls nothing, and is not among the inputs (x)"),
    "an input that is no batch": (lambda: (with_node("x", result=Meta((3, 4), "float32")), "x", "b"), ValueError,
                                  "'x' cannot be an input, its first axis is not the batch's n: it is (3, 4)"),
    "an input of several": (lambda: (with_node("x", result=(meta(4), meta(4))), "x", "b"), ValueError,
                            "'x' cannot be an input, it has several results"),
    "a circle": (lambda: (with_node("a", args=(Ref("b"),)), "x", "b"), ValueError,
                 "nodes depend on each other in a circle: a -> t -> b -> a"),
    "a circle of one": (lambda: (with_node("t", args=(Ref("t"),)), "x", "b"), ValueError,
                        "nodes depend on each other in a circle: t -> t"),
    "a wrong order": (lambda: ([nodes()[i] for i in (0, 2, 1, 3)], "x", "b"), ValueError, "node 't' comes before 'a', "
                      "whose result it takes: list each node after those that it depends on"),
    "idle nodes": (lambda: (nodes(), "x", "a"), ValueError, "the outputs do not depend on 't', 'b': leave out what has "
                                                            "no effect"),
    "an idle input": (lambda: ([replace(nodes()[0], name="z"), *nodes()], ["x", "z"], "b"), ValueError,
                      "the outputs do not depend on 'z'"),
    "no output": (lambda: (nodes(), "x", {}), ValueError, "outputs are empty"),
    "an output that is nothing": (lambda: (nodes(), "x", [None]), ValueError, "outputs are empty"),
    "an output of another kind": (lambda: (nodes(), "x", 3), TypeError, "outputs must be names of nodes or Refs, int"),
    "an unknown output": (lambda: (nodes(), "x", "y"), ValueError, "the outputs have 'y', which is no node; there are"),
    "a path into one array": (lambda: (nodes(), "x", Ref("b", (0,))), ValueError,
                              "the outputs have b[0], but what 'b' gives is (n, 2): a path must lead to one array"),
    "a path beside": (lambda: (with_node("b", result=(meta(2), None, (meta(3),))), "x", Ref("b", (3,))), ValueError,
                      "the outputs have b[3], but what 'b' gives is ((n, 2), nothing, ((n, 3),)): a path must lead"),
    "a path to nothing": (lambda: (with_node("b", result=(meta(2), None)), "x", Ref("b", (1,))), ValueError,
                          "the outputs have b[1], but"),
    "a path from the end": (lambda: (with_node("b", result=(meta(2), None)), "x", Ref("b", (-2,))), ValueError,
                            "the outputs have b[-2], but"),
    "a path that stops": (lambda: (with_node("a", result=(meta(4),)), "x", "b"), ValueError,
                          "node 't' takes a, but what 'a' gives is ((n, 4),): a path must lead to one array"),
    "it calls a string": (lambda: (with_node("a", what="Linear"), "x", "b"), TypeError,
                          "node 'a' must call a layer or an op, or None, str came"),
    "arguments in a list": (lambda: (with_node("a", args=[X]), "x", "b"), TypeError,
                            "node 'a' must have a tuple of arguments and a dict of options, list and dict came"),
    "a result of values": (lambda: (with_node("a", result=np.ones(3)), "x", "b"), TypeError,
                           "the result of node 'a' must be an array without values (meta.Meta), or a tuple of them"),
    "too many arguments": (lambda: (with_node("t", args=(X, X)), "x", "b"), TypeError,
                           "node 't' calls tanh, which takes 1 arguments (x), 2 came"),
    "options of an op": (lambda: (with_node("t", options={"x": 1}), "x", "b"), TypeError, "node 't' calls tanh, which"),
    "arguments that do not fit": (lambda: (with_node("a", args=(X, X)), "x", "b"), TypeError,
                                  "the arguments of node 'a' do not fit Linear: too many positional arguments"),
    "options that do not fit": (lambda: (with_node("a", options={"mask": 1}), "x", "b"), TypeError, "the arguments of "
                                "node 'a' do not fit Linear: got an unexpected keyword argument 'mask'"),
    "nothing taken": (lambda: (with_node("t", args=(mg.ones(3),)), "x", "b"), ValueError,
                      "node 't' takes the result of no other node, so it never changes"),
    "train_only without names": (lambda: (nodes(), "x", "b", ["y"]), ValueError, "train_only has 'y', but the outputs "
                                                                                 "have no names"),
    "a state name of nothing": (lambda: (nodes(), "x", "b", (), {"t": "u"}), ValueError,
                                "state_names has 't', where there is no layer and no argument with values"),
    "a state name that is none": (lambda: (nodes(), "x", "b", (), {"a": 3}), TypeError,
                                  "state_names has 3 for 'a', a name must be text"),
    "state names alike": (lambda: (nodes(), "x", "b", (), {"a": "b"}), ValueError,
                          "two layers or arguments are called 'b' in the state dict: names must differ"),
}


@pytest.mark.parametrize("name", NODES)
def test_a_list_of_nodes_that_is_no_graph(name):
    arguments, kind, message = NODES[name]
    with pytest.raises(kind, match=re.escape(message)) as raised:
        Graph.of_nodes(*arguments())
    assert str(raised.value).startswith("Graph: ")


@given(st.permutations(range(6)), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9))
def test_any_order_and_any_circle_is_noticed(order, edges):
    """Nodes 1 to 5 take what the edges say, or else the input; checked against sorting them by hand."""
    takes = {i: [j for a, j in edges if a == i] or [0] for i in range(1, 6)}
    layer = nn.Module()
    layer.forward = lambda *xs: sum(xs)
    made = {0: Node("0", None, (), meta(4))} | {
        i: Node(str(i), layer, tuple([Ref(str(j)) for j in takes[i]]), meta(4)) for i in takes}
    ready, left = {0}, set(takes)
    while free := {i for i in left if ready.issuperset(takes[i])}:
        ready |= free
        left -= free
    place = {i: n for n, i in enumerate(order)}
    sorted_ = all(place[j] < place[i] for i in takes for j in takes[i])
    ends = [str(i) for i in range(1, 6)]
    try:
        graph = Graph.of_nodes([made[i] for i in order], ["0"], ends)
    except ValueError as error:
        assert not sorted_
        assert ("circle" in str(error)) is bool(left)
        if left:
            circle = str(error).rpartition(": ")[2].split(" -> ")
            assert circle[0] == circle[-1] and len(circle) > 1
            assert all(int(a) in takes[int(b)] for a, b in zip(circle, circle[1:], strict=False))
        return
    assert sorted_ and not left and names(graph) == [str(i) for i in order]
