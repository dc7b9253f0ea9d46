"""Layouts: nothing lies on anything else, wires go where they should, and the usual networks look as they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout_checks import check, crossings

from minigrad.graph.layout import Box, Edge, Layout, layout


def chain(*names, label=(60, 12)):
    return [Edge(a, b, label=label) for a, b in zip(names, names[1:], strict=False)]


def boxes(edges, size=(100, 40)):
    return dict.fromkeys(dict.fromkeys([end for e in edges for end in (e.source, e.target)]), size)


def laid(edges, **options):
    nodes = boxes(edges)
    found = layout(nodes, edges, **options)
    check(found, nodes, edges, options.get("direction", "down"), options.get("blocks"))
    return found


@st.composite
def graphs(draw, most=14):
    """Any graph: nodes of any size, edges forward, some values used often, some nodes with several results."""
    n = draw(st.integers(1, most))
    size = st.tuples(st.integers(10, 150), st.integers(10, 60))
    nodes = {i: draw(size) for i in range(n)}
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(0, 1)), max_size=3 * n))
    labels = {key: draw(st.sampled_from([(0, 0), (40, 12), (90, 12)])) for key in {(min(a, b), p) for a, b, p in pairs}}
    edges = {Edge(min(a, b), max(a, b), p, labels[min(a, b), p]): None for a, b, p in pairs if a != b}
    return nodes, list(edges)


@st.composite
def graphs_in_blocks(draw):
    """Blocks of neighbouring numbers, and blocks of neighbours within them: no path leaves one and comes back."""
    nodes, edges = draw(graphs())
    cuts = sorted(draw(st.sets(st.integers(0, len(nodes)), max_size=4)))
    blocks = {}
    for i in nodes:
        outer = sum(cut <= i for cut in cuts)
        inner = draw(st.booleans()) if i and blocks.get(i - 1, ())[:1] == (f"b{outer}",) else False
        last = blocks.get(i - 1, ())
        path = (f"b{outer}",) if outer else ()
        if outer and inner:
            path += (last[1],) if len(last) == 2 else (f"b{outer}.{i}",)
        blocks[i] = path
    return nodes, edges, blocks


# --- of any graph -----------------------------------------------------------------------------------------------

@given(graphs(), st.sampled_from(["down", "right"]))
def test_nothing_lies_on_anything_else(graph, direction):
    nodes, edges = graph
    check(layout(nodes, edges, direction=direction), nodes, edges, direction)


@given(graphs_in_blocks(), st.sampled_from(["down", "right"]), st.integers(0, 150))
def test_blocks_are_frames_around_what_is_in_them(graph, direction, heading):
    nodes, edges, blocks = graph
    headings = {block: (heading, 18) for path in blocks.values() for block in path}
    found = layout(nodes, edges, blocks=blocks, headings=headings, direction=direction)
    check(found, nodes, edges, direction, blocks)
    for frame in found.frames.values():                 # nothing comes near the heading
        place = Box(frame.x + 10, frame.y, heading, 18)
        assert place.width + 10 <= frame.width or not heading


@given(graphs())
def test_a_layout_is_a_function_of_its_input(graph):
    assert layout(*graph) == layout(*graph)


@given(graphs())
def test_wires_point_down(graph):
    nodes, edges = graph
    found = layout(nodes, edges)
    for edge, route in zip(edges, found.routes, strict=True):
        assert all(a[1] <= b[1] for a, b in zip(route, route[1:], strict=False)), edge
        assert found.boxes[edge.source].y + found.boxes[edge.source].height < found.boxes[edge.target].y


@given(st.lists(st.integers(0, 12), min_size=1, max_size=25), st.booleans())
def test_trees_have_no_crossings(parents, upside_down):
    pairs = [(min(parent, i), i + 1) for i, parent in enumerate(parents)]
    edges = [Edge(len(parents) - b, len(parents) - a) if upside_down else Edge(a, b) for a, b in pairs]
    nodes = dict.fromkeys(range(len(parents) + 1), (50, 20))
    found = layout(nodes, edges)
    check(found, nodes, edges)
    assert crossings(found, edges) == 0


# --- the usual networks -----------------------------------------------------------------------------------------

def straight(found, *names):
    return len({found.boxes[name].x + found.boxes[name].width / 2 for name in names}) == 1


def test_a_chain_is_a_straight_line():
    edges = chain("x", "conv", "relu", "pool", "y")
    found = laid(edges)
    assert straight(found, "x", "conv", "relu", "pool", "y")
    assert all(len(route) == 2 for route in found.routes)


def residual(k):
    """One residual block after the other, every third with a projection beside."""
    edges, last = [], "x"
    for i in range(k):
        names = [f"{name}{i}" for name in ("conv_a", "bn_a", "relu_a", "conv_b", "bn_b", "add", "relu_b")]
        edges += chain(last, *names)
        edges += [Edge(last, names[5], label=(60, 12))] if i % 3 else chain(last, f"proj{i}", f"norm{i}", names[5])
        last = names[-1]
    return edges


def test_a_residual_network_is_a_straight_line_with_shortcuts_beside():
    edges = residual(12)
    found = laid(edges)
    assert crossings(found, edges) == 0
    assert straight(found, *[name for name in found.boxes if not name.startswith(("proj", "norm"))])


def test_branches_stand_side_by_side_in_their_order_and_what_joins_them_in_the_middle():
    edges = [*chain("x", "a1", "cat"), *chain("x", "b1", "b2", "cat"), *chain("x", "c1", "c2", "c3", "cat"),
             *chain("x", "d1", "d2", "cat"), *chain("cat", "y")]
    found = laid(edges)
    assert crossings(found, edges) == 0
    firsts = [found.boxes[name] for name in ("a1", "b1", "c1", "d1")]
    assert [box.x for box in firsts] == sorted([box.x for box in firsts]) and len({box.y for box in firsts}) == 1
    middle = (firsts[0].x + firsts[-1].x + firsts[-1].width) / 2
    assert straight(found, "x", "cat", "y") and abs(found.boxes["cat"].x + 50 - middle) <= 1
    assert straight(found, "c1", "c2", "c3")


def test_a_u_net_nests_its_shortcuts():
    down, up = [f"down{i}" for i in range(5)], [f"up{i}" for i in range(4, -1, -1)]
    edges = chain("x", *down, "middle", *up, "y") + [Edge(a, b) for a, b in zip(down, reversed(up), strict=True)]
    found = laid(edges)
    assert crossings(found, edges) == 0 and straight(found, "x", *down, "middle", *up, "y")


def test_a_dense_block_is_a_straight_line():
    layers = [f"conv{i}" for i in range(5)]
    edges = chain("x", layers[0]) + [Edge(a, f"cat{j}") for j in range(1, 5) for a in ("x", *layers[:j])]
    edges += [Edge(f"cat{j}", f"conv{j}") for j in range(1, 5)]
    found = laid(edges)
    assert straight(found, "x", *layers, *[f"cat{j}" for j in range(1, 5)])


def test_a_value_used_often_has_one_wire_with_forks():
    edges = [*chain("x", "a", "b", "c"), Edge("x", "b", label=(60, 12)), Edge("x", "c", label=(60, 12))]
    found = laid(edges)
    to_b, to_c = found.routes[-2:]
    assert to_b[:3] == to_c[:2] + to_b[2:3] or to_b[1] == to_c[1]
    assert len({route[0] for route in (found.routes[0], to_b, to_c)}) == 1


def test_a_side_input_stands_just_above_where_it_is_used():
    edges = [*chain("x", "a", "b", "c", "join"), *chain("side", "join")]
    found = laid(edges)
    assert found.boxes["side"].y == found.boxes["c"].y


def test_results_have_their_own_places_in_order():
    edges = [Edge("lstm", "a", 0, (50, 12)), Edge("lstm", "b", 1, (50, 12)), Edge("lstm", "c", 2, (50, 12))]
    found = laid(edges)
    assert [route[0][0] for route in found.routes] == sorted({route[0][0] for route in found.routes})
    assert len(found.labels) == 3 and crossings(found, edges) == 0


def test_a_block_is_entered_and_left_on_the_line():
    blocks = {name: ("block",) for name in ("a", "b", "c", "join")}
    edges = [*chain("x", "a", "b", "c", "join", "y"), Edge("x", "join", label=(60, 12))]
    found = laid(edges, blocks=blocks, headings={"block": (40, 18)})
    assert straight(found, "x", "a", "b", "c", "join", "y") and crossings(found, edges) == 0


def test_a_tall_block_leaves_what_stands_beside_it_close_together():
    blocks = {name: ("tall",) for name in "abcdef"}
    edges = [*chain("x", *"abcdef", "join"), *chain("x", "p", "q", "r", "join")]
    found = laid(edges, blocks=blocks)
    gaps = [found.boxes[b].y - found.boxes[a].y - 40 for a, b in ("pq", "qr")]
    assert max(gaps) < 60 and found.frames["tall"].height > 300


def test_right_is_down_at_the_diagonal():
    edges = [e._replace(label=(0, 0)) for e in residual(3)]
    nodes = boxes(edges, (30, 30))
    down, right = layout(nodes, edges), layout(nodes, edges, direction="right")
    assert right.boxes == {name: box.turned() for name, box in down.boxes.items()}
    assert right.routes == [[(y, x) for x, y in route] for route in down.routes]


def test_nothing_and_one_node():
    assert layout({}, []) == Layout(0, 0)
    assert layout({"a": (10, 20)}, []).boxes == {"a": Box(0, 0, 10, 20)}


def test_a_chain_of_thousands():
    edges = [Edge(i, i + 1) for i in range(3000)]
    assert layout(boxes(edges), edges).width == 100


# --- what it refuses --------------------------------------------------------------------------------------------

def test_a_cycle():
    with pytest.raises(ValueError, match=r"without cycles, there is one among b, c, d"):
        laid(chain("a", "b", "c", "b") + chain("c", "d"))


def test_a_block_that_is_left_and_entered_again():
    with pytest.raises(ValueError, match=r"without cycles, there is one among block, b"):
        laid(chain("a", "b", "c"), blocks={"a": ("block",), "c": ("block",)})


def test_an_edge_to_nowhere():
    with pytest.raises(ValueError, match=r"an edge names 'b', which is not among the nodes"):
        layout({"a": (1, 1)}, [Edge("a", "b")])


def test_a_direction():
    with pytest.raises(ValueError, match=r"direction must be 'down' or 'right', 'up' came"):
        layout({}, [], direction="up")


# --- the checks have teeth --------------------------------------------------------------------------------------

def broken(change):
    edges = residual(2)
    nodes = boxes(edges)
    found = layout(nodes, edges)
    change(found)
    with pytest.raises(AssertionError):
        check(found, nodes, edges)


def test_the_checks_find_what_is_wrong():
    broken(lambda found: found.boxes.update(add0=found.boxes["bn_b0"]))
    broken(lambda found: found.boxes.update(add0=found.boxes["add0"].moved(0, 2)))
    broken(lambda found: found.routes.pop())
    broken(lambda found: found.routes.__setitem__(7, [found.routes[7][0], found.routes[7][-1]]))
    broken(lambda found: found.labels.update({("x", 0): found.labels["x", 0].moved(0, 12)}))
    broken(lambda found: found.labels.popitem())
    broken(lambda found: setattr(found, "width", found.width - 20))


def test_crossings_are_counted():
    edges = [Edge("a", "c"), Edge("b", "d")]
    crossed = Layout(10, 10, routes=[[(0, 0), (10, 10)], [(10, 0), (0, 10)]])
    assert crossings(crossed, edges) == 1
