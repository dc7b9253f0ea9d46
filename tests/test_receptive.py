"""Receptive fields of the nodes of a graph: held to what gradients show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, ops
from minigrad.graph import Graph, Input, Summary, receptive_field, summary
from minigrad.graph.receptive import ReceptiveFields
from minigrad.graph.traces import Along
from minigrad.graph.windows import sliding
from minigrad.nn import functional as F

# --- what gradients show ---------------------------------------------------------------------------------------

def seen_in(net, length, channels=1):
    """For every place of the output of a net on sequences, the places of the input whose gradient is not 0.

    Every place has an example of its own, and every weight is positive.
    """
    with mg.no_grad():
        for parameter in net.parameters():
            parameter[...] = mg.ones(*parameter.shape).astype("float64") / 2
    out = net(mg.ones(1, channels, length).astype("float64")).shape[-1]
    x = mg.tensor(np.random.default_rng(0).uniform(1, 2, (out, channels, length)), requires_grad=True)
    y = net(x)
    ops.sum(y * ops.reshape(mg.tensor(np.eye(out)), (out, 1, out))).backward()
    return [np.flatnonzero(np.abs(row).max(0)) for row in x.grad.numpy()]


def view_of(graph):
    """The windows of the last node of a graph of sequences."""
    fields = ReceptiveFields()
    for node in graph.nodes:
        fields.of(node, node.result)
    (part,) = fields.fields[graph.outputs][graph.inputs[0], 2]
    assert isinstance(part, Along) and part.axis == 2 and part.length == 150
    return part.windows


class Both(nn.Module):
    """Two branches, added or one behind the other along the channels."""

    def __init__(self, first, second, join):
        self.first, self.second, self.join = first, second, join
        self.mix = nn.Conv1d(2, 1, 1)

    def forward(self, x):
        a, b = self.first(x), self.second(x)
        return a + b if self.join == "add" else self.mix(ops.concat([a, b], 1))


def double(layer):
    return layer.to("float64")


def conv(k, s, p, d):
    return double(nn.Conv1d(1, 1, k, s, p, d))


def branches(k, m, s, join):
    """Alike in how many places they give: padding keeps the length for odd kernels."""
    return double(Both(nn.Conv1d(1, 1, 2 * k + 1, s, k), nn.Conv1d(1, 1, 2 * m + 1, s, m), join))


LAYERS = st.one_of(
    st.builds(conv, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)),
    st.builds(nn.AvgPool1d, st.integers(2, 3), st.integers(1, 3), st.integers(0, 1)),
    st.builds(lambda k, s, p, d: double(nn.ConvTranspose1d(1, 1, k, s, p, dilation=d)),
              st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.integers(1, 2)),
    st.builds(lambda mode, factor: nn.Upsample(scale_factor=factor, mode=mode),
              st.sampled_from(["nearest", "linear"]), st.sampled_from([2, 3])),
    st.builds(nn.ZeroPad1d, st.tuples(st.integers(0, 2), st.integers(0, 2))),
    st.builds(branches, st.integers(0, 2), st.integers(0, 2), st.integers(1, 2), st.sampled_from(["add", "concat"])),
    st.builds(lambda start, step: Sliced(start, step), st.integers(0, 2), st.integers(1, 2)),
    st.sampled_from([nn.Identity(), nn.Softplus(), nn.Dropout(0.5)]))


class Sliced(nn.Module):
    def __init__(self, start, step):
        self.start, self.step = start, step

    def forward(self, x):
        return x[:, :, self.start::self.step]


@given(st.lists(LAYERS, min_size=1, max_size=4))
def test_the_receptive_field_is_where_gradients_are_not_0(layers):
    """Of every place in the middle: first and last are those of its window, and the largest is the one that is said."""
    net, length, margin = nn.Sequential(*layers).eval(), 150, 45
    x = Input((1, length), dtype="float64")
    graph = Graph(x, net(x))
    view, seen = view_of(graph), seen_in(net, length)
    middle = [q for q in range(len(seen)) if not view.at(q) and len(seen[q]) == 0
              or view.at(q) and view.at(q)[0] >= margin and view.at(q)[-1] < length - margin]
    assume(len(middle) >= len(view.spans) and view.size < length - 2 * margin)
    for q in middle:
        assert [*view.at(q)[:1], *view.at(q)[-1:]] == [*seen[q][:1], *seen[q][-1:]], q
    (size,) = graph.summary().rows[-1].receptive_field
    assert size == max([seen[q][-1] - seen[q][0] + 1 if len(seen[q]) else 0 for q in middle])


def test_the_oracle_can_tell():
    """It sees a window that is one place too large, or one too far to the right."""
    net = conv(3, 1, 0, 1)
    seen = seen_in(net, 9)
    assert [list(row) for row in seen] == [[q, q + 1, q + 2] for q in range(7)]
    wrong = [sliding(4, 1, 0), sliding(3, 1, 1), sliding(3, 2, 0)]
    assert all(any(list(view.at(q)) != list(seen[q]) for q in range(7)) for view in wrong)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2),
                          st.sampled_from([nn.Conv2d, nn.AvgPool2d])), min_size=1, max_size=3))
def test_images_that_are_not_square(layers):
    stack = [nn.Conv2d(1, 1, (k, m), (s, t), dilation=(t, s)) if kind is nn.Conv2d else nn.AvgPool2d((k, m), (s, t))
             for k, m, s, t, kind in layers]
    net = nn.Sequential(*stack).to("float64")
    with mg.no_grad():
        for parameter in net.parameters():
            parameter[...] = mg.ones(*parameter.shape).astype("float64")
    x = mg.tensor(np.ones((1, 1, 50, 50)), requires_grad=True)
    y = net(x)
    ops.sum(y[:, :, y.shape[2] // 2, y.shape[3] // 2]).backward()
    rows, columns = np.nonzero(x.grad.numpy()[0, 0])
    expected = (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
    assert summary(net, (1, 50, 50)).rows[-1].receptive_field == expected
    kernels, strides = [(k, m) for k, m, *_ in layers], [(s, t) for _, _, s, t, _ in layers]
    dilations = [(t, s) if kind is nn.Conv2d else (1, 1) for _, _, s, t, kind in layers]
    assert receptive_field(kernels, strides, dilations) == expected


STEPS = [       # functions of arrays (n, a, b, c) that give the like, in which nothing cancels
    lambda x: ops.swapaxes(x, 2, 3), lambda x: ops.permute_dims(x, (0, 3, 1, 2)), lambda x: ops.softplus(x),
    lambda x: ops.flip(x, 2), lambda x: x + x[:, :, ::-1], lambda x: x + ops.swapaxes(ops.swapaxes(x, 2, 3), 2, 3),
    lambda x: x[:, :, 1:], lambda x: x[..., ::2], lambda x: x[:, :, :1], lambda x: x[:, :, :-1] + x[:, :, 1:],
    lambda x: x + x[:, :, :1], lambda x: x + ops.mean(x, 3, True), lambda x: ops.max(x, 2, True) + x,
    lambda x: ops.concat([x, x * 2], 3), lambda x: ops.concat([x[:, :, 1:], x[:, :, :1]], 2),
    lambda x: ops.stack([x[:, :, 0], x[:, :, -1]], 2), lambda x: ops.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0))),
    lambda x: ops.concat(ops.split(x, [1], 2), 2), lambda x: ops.stack(ops.unstack(x, 3)[:2], 2),
    lambda x: ops.expand_dims(ops.flatten(x, 2), 3), lambda x: ops.expand_dims(ops.flatten(x, 1), 1)[..., None],
    lambda x: ops.reshape(x, (-1, 1, x.shape[1] * x.shape[2], x.shape[3])),
    lambda x: ops.reshape(x, (-1, x.shape[3], x.shape[1], x.shape[2])),
    lambda x: ops.avg_pool2d(x, (min(2, x.shape[2]), 1), 1), lambda x: ops.repeat(x, 2, 3),
    lambda x: ops.flatten(x, 2)[:, :, :1, None] + ops.flatten(x, 2)[:, :, -1:, None],
    lambda x: x + ops.reshape(ops.flatten(x, 1), x.shape), lambda x: ops.tile(x, (1, 1, 2, 1)),
    lambda x: x + ops.reshape(ops.flatten(ops.swapaxes(x, 2, 3), 2), x.shape), lambda x: ops.softmax(x, 3),
    lambda x: x @ ops.swapaxes(x, 2, 3) / x.shape[3], lambda x: ops.cumulative_sum(x, 2) / x.shape[2],
    lambda x: ops.tril(x) + x * 0.1,
    lambda x: ops.reshape(x, (-1, *x.shape[2:], x.shape[1])), lambda x: x * 0.5 + ops.swapaxes(x, 1, 2)
    if x.shape[1] == x.shape[2] else x, lambda x: ops.concat([x, x], 2), lambda x: x + x[:, :1],
    lambda x: ops.take(x, 1 % x.shape[2], 2)[:, :, None], lambda x: ops.interpolate(x, (3, 4), "bilinear"),
]


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=5))
def test_nothing_is_said_to_see_less_than_it_does(steps):
    """Whatever is done with axes: what is said of a result is not known, or at least as much as gradients show."""
    def through(x):
        for step in steps:
            x = step(x)
            assume(0 < np.prod(x.shape[1:]) < 300)
        return x

    x = Input((2, 4, 5), dtype="float64")
    graph = Graph(x, through(x) * 2.0)
    said = graph.summary().rows[-1].receptive_field
    out = int(np.prod(graph.nodes[-1].shape[1:]))
    a = mg.tensor(np.random.default_rng(0).uniform(0.5, 1, (1, 2, 4, 5)).repeat(out, 0), requires_grad=True)
    ops.sum(ops.reshape(graph(a), (out, out)) * mg.tensor(np.eye(out))).backward()
    seen = np.abs(a.grad.numpy()).max(1) > 0                                # (out, 4, 5)
    for axis, length in (1, 4), (2, 5):
        places = [np.flatnonzero(one) for one in seen.any(3 - axis)]
        most = max([int(np.ptp(p)) + 1 if len(p) else 0 for p in places])
        assert said is None or said[axis - 1] == "all" or said[axis - 1] >= min(most, length), (said, most)


# --- of nodes --------------------------------------------------------------------------------------------------

def fields(module, *shapes, dtypes=None) -> list:
    found: Summary = summary(module, *shapes, dtypes=dtypes)
    return [row.receptive_field for row in found]


@pytest.mark.parametrize(("layer", "shape", "expected"), [
    (nn.MaxPool2d(3, 2), (2, 9, 9), (3, 3)),
    (nn.MaxPool1d(3, 2, dilation=2), (2, 9), (5,)),
    (nn.LPPool2d(2, (2, 3)), (2, 9, 9), (2, 3)),
    (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 9, 9), (3, 3)),
    (nn.Conv2d(2, 3, 4, padding="same"), (2, 9, 9), (4, 4)),
    (nn.ConvTranspose2d(2, 3, 4, 2, 1), (2, 9, 9), (2, 2)),
    (nn.ConvTranspose2d(2, 3, 3, 2), (2, 9, 9), (2, 2)),
    (nn.AdaptiveAvgPool2d(3), (2, 9, 9), (3, 3)),
    (nn.AdaptiveAvgPool2d((1, 3)), (2, 9, 9), ("all", 3)),
    (nn.AdaptiveMaxPool2d(4), (2, 9, 9), (3, 3)),
    (nn.AdaptiveAvgPool1d(1), (2, 9), ("all",)),
    (nn.BatchNorm2d(2), (2, 9, 9), (1, 1)),
    (nn.GroupNorm(1, 2), (2, 9, 9), ("all", "all")),
    (nn.InstanceNorm2d(2), (2, 9, 9), ("all", "all")),
    (nn.LayerNorm(9), (2, 9, 9), (1, "all")),
    (nn.Softmax(3), (2, 9, 9), (1, "all")),
    (nn.Softmax2d(), (2, 9, 9), (1, 1)),
    (nn.GLU(1), (2, 9, 9), (1, 1)),
    (nn.PixelShuffle(2), (4, 8, 8), (1, 1)),
    (nn.PixelUnshuffle(2), (1, 8, 8), (2, 2)),
    (nn.ChannelShuffle(2), (4, 8, 8), (1, 1)),
    (nn.Upsample(scale_factor=2, mode="bicubic"), (2, 8, 8), (4, 4)),
    (nn.Upsample((5, 16)), (2, 8, 8), (1, 1)),
    (nn.Flatten(), (2, 9, 9), (1, 1)),
    (nn.Sequential(nn.Flatten(), nn.Linear(162, 3)), (2, 9, 9), ("all", "all")),
    (nn.Sequential(nn.Conv2d(2, 3, 7), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(3, 3)), (2, 9, 9), ("all", "all")),
    (nn.Sequential(nn.AvgPool2d(2, 3), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(2, 3)), (2, 9, 9), (8, 8)),
    (nn.Sequential(nn.AvgPool2d(2, 3), nn.Flatten(), nn.Linear(18, 3)), (2, 9, 9), (8, 8)),
    (nn.Sequential(nn.AvgPool2d(2, 3), nn.AdaptiveAvgPool2d(1)), (2, 9, 9), (8, 8)),    # the last row is left out
    (nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(2), nn.Softmax(2)), (2, 9, 9), ("all", "all")),
    (nn.Linear(9, 3), (2, 8, 9), (1, "all")),
    (nn.Linear(9, 3), (9,), None),                                          # a vector has no places
    (nn.Conv1d(2, 3, 3), (2, 9), (3,)),
    (nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (7, 4), (1,)),              # (n, t, d): the time
    (nn.GRU(4, 3, batch_first=True), (7, 4), ("all",)),
    (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (7, 4), ("all",)),
    (nn.BatchNorm3d(2), (2, 3, 4, 5), (1, 1, 1)),
], ids=lambda value: str(value).split("(")[0] if isinstance(value, nn.Module) else None)
def test_fields_of_layers(layer, shape, expected):
    assert fields(layer, shape)[-1] == expected


@pytest.mark.parametrize(("f", "expected"), [
    (lambda x: x + 1, (3, 3)),
    (lambda x: x.mean((2, 3)), ("all", "all")),
    (lambda x: x.mean(3, keepdims=True) * x, (3, "all")),
    (lambda x: ops.flip(x, 3), (3, "all")),
    (lambda x: ops.permute_dims(x, (0, 3, 1, 2)), (3, 3)),
    (lambda x: ops.swapaxes(x, 2, 3) + x, None),                             # sees (i, j) and (j, i): no window
    (lambda x: x[:, :, 3, 4], (3, 3)),
    (lambda x: x[:, :, 2] + x[:, :, 5], (6, 3)),
    (lambda x: x[:, 0, None, ..., ::-1], (3, "all")),
    (lambda x: x[..., 2:] - x[..., :-2], (3, 5)),                            # two places apart
    (lambda x: ops.concat([x, x], 3), (3, 3)),
    (lambda x: ops.stack([x[:, :, 1], x[:, :, 5]], 2), (3, 3)),
    (lambda x: ops.concat(ops.split(x, 2, 2), 1), (7, 3)),                   # side by side: 0 and 4, 1 and 5, ...
    (lambda x: ops.unstack(x, 2)[1], (3, 3)),
    (lambda x: ops.pad(x, ((0, 0), (0, 0), (2, 0), (0, 0))), (3, 3)),
    (lambda x: ops.take(x, 3, 2), (3, 3)),
    (lambda x: ops.take(x, [3, 1], 2), None),
    (lambda x: ops.take(x, mg.tensor([1, 0]), 1), (3, 3)),
    (lambda x: ops.einsum("nchw,nchv->nchwv", x, x), None),
    (lambda x: ops.softmax(ops.einsum("nchw,ndhw->ncdh", x, x), -1), ("all", "all")),
    (lambda x: x @ mg.ones(8, 3), (3, "all")),
    (lambda x: mg.ones(5, 8) @ x, ("all", 3)),
    (lambda x: ops.sort(x, 2), ("all", 3)),
    (lambda x: ops.cumulative_sum(x, 3), (3, "all")),
    (lambda x: ops.reshape(x, (-1, 2, 4, 2, 8)), (3, 3)),
    (lambda x: ops.reshape(ops.mean(ops.reshape(x, (-1, 2, 8, 4, 2)), 4), (-1, 2, 8, 4)), None),
    (lambda x: ops.repeat(x, 2, 2), (3, 3)),
    (lambda x: ops.tile(x, (1, 1, 2, 1)), (3, 3)),
    (lambda x: ops.broadcast_to(x[:, :, :1], (*x.shape[:2], 6, 8)), (3, 3)),
    (lambda x: ops.where(x > 0, x, 0.0), (3, 3)),
    (lambda x: ops.norm(x, axis=2), ("all", 3)),
    (lambda x: ops.conv2d(x, ops.reshape(x, (-1, 2, 8, 8))), None),          # a filter that is computed
    (lambda x: ops.diagonal(x, 0, 2, 3), None),
    (lambda x: ops.mean(x[:, :, 2:5], 2), (5, 3)),                           # 2 to 4, and one around
    (lambda x: ops.flatten(x[:, :, :4], 1) + ops.flatten(x[:, :, 4:], 1), None),
    (lambda x: ops.flatten(x, 2) + ops.flatten(ops.swapaxes(x, 2, 3), 2), None),
    (lambda x: ops.flatten(x, 2) * 2 + ops.tanh(ops.flatten(x, 2)), None),
    (lambda x: (lambda h: h[:, :, 0] + h[:, :, 9])(ops.flatten(x, 2)), None),
    (lambda x: (lambda h: h * 2 + ops.tanh(h))(ops.flatten(x, 2)), (3, 3)),
    (lambda x: ops.mean((lambda h: h * 2 + ops.tanh(h))(ops.flatten(x, 2)), 2), ("all", "all")),
    (lambda x: ops.mean(ops.reshape(ops.flatten(x, 2)[:, :, 0], (-1, 2, 1)), 2), (3, 3)),
    (lambda x: ops.sum(ops.reshape(x, (-1, 2, 2, 4, 8))[:, :, 0], 2), None),
    (lambda x: ops.mean(ops.stack([x[:, :, 1], x[:, :, 5]], 2), 2), (7, 3)),
])
def test_fields_of_ops(f, expected):
    """Behind a 3x3 convolution, which gives (n, 2, 8, 8)."""
    class Net(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, x):
            return f(self.conv(x))

    assert fields(Net(), (1, 8, 8))[-1] == expected


def test_an_op_of_somebody_is_followed_through_its_definition_alone():
    @mg.op
    def shuffled(x):
        return x + 0

    @mg.fused
    def blurred(x):
        return ops.avg_pool2d(x, 3, 1, 1)

    x = Input((1, 8, 8))
    mixed = shuffled(x)
    found = Graph(x, [blurred(blurred(x)), mixed, ops.tanh(mixed), ops.mean(mixed, (2, 3))]).summary()
    assert found["blurred_2"].receptive_field == (5, 5) and found["shuffled_1"].receptive_field is None
    assert found["tanh_1"].receptive_field is None and found["mean_1"].receptive_field is None


class Pyramid(nn.Module):
    """Down, and up again beside what was before: a U-Net."""

    def __init__(self, up):
        self.a, self.pool, self.b, self.up = nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), \
            nn.Conv2d(4, 4, 3, padding=1), up
        self.c = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x):
        a = self.a(x)
        return self.c(ops.concat([a, self.up(self.b(self.pool(a)))], 1))


@pytest.mark.parametrize(("up", "size"), [
    (nn.ConvTranspose2d(4, 4, 2, 2), 10), (nn.Upsample(scale_factor=2), 10),
    (nn.Upsample(scale_factor=2, mode="bilinear"), 12), (nn.ConvTranspose2d(4, 4, 4, 2, 1), 12)])
def test_branches_take_the_larger(up, size):
    """3, 4 and 8 going down, then what one step of up sees, and 3x3 at the first size: two of the small places."""
    found = summary(Pyramid(up), (1, 32, 32))
    assert found["c"].receptive_field == (size, size) and found["c"].jump == (1, 1)
    grey = Pyramid(up).to("float64")
    grey.pool = nn.AvgPool2d(2)
    with mg.no_grad():
        for parameter in grey.parameters():
            parameter[...] = mg.ones(*parameter.shape).astype("float64")
    x = mg.tensor(np.ones((1, 1, 32, 32)), requires_grad=True)
    seen = []
    for i in (16, 17):
        x.grad = None
        ops.sum(grey(x)[:, :, i, i]).backward()
        seen.append(int(np.ptp(np.nonzero(x.grad.numpy()[0, 0])[0])) + 1)
    assert max(seen) == size


def test_squeeze_and_excitation_sees_all():
    class Gate(nn.Module):
        def __init__(self):
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)

        def forward(self, x):
            h = self.conv(x)
            return h * ops.reshape(ops.sigmoid(self.fc(ops.mean(h, (2, 3)))), (-1, 4, 1, 1))

    assert fields(Gate(), (3, 9, 9))[-1] == ("all", "all")


def test_unpooling_puts_back_where_it_was():
    pool = nn.MaxPool2d(2, return_indices=True)
    x = Input((2, 8, 8))
    found = Graph(x, nn.MaxUnpool2d(2)(*pool(nn.Conv2d(2, 2, 3, padding=1)(x)), (8, 8))).summary()
    assert found.rows[-1].receptive_field == (4, 4) and found.rows[-1].jump == (1, 1)
    assert Graph(x, F.max_unpool2d(*pool(x), 2)).summary().rows[-1].receptive_field is None


def test_several_inputs():
    a, b = Input((1, 9, 9), name="a"), Input((1, 9, 9), name="b")
    flat = Input((4,), name="flat")
    wide, narrow = nn.Conv2d(1, 1, (5, 1), padding=(2, 0))(a), nn.Conv2d(1, 1, 3, padding=1)(b)
    ends = [wide + narrow, narrow * 2.0, ops.mean(wide, (2, 3)) + ops.sum(flat, 1, True)]
    found = Graph([a, b, flat], ends).summary()
    assert found["add_1"].receptive_field == (5, 3) and found["multiply_1"].receptive_field == (3, 3)
    assert found["add_2"].receptive_field == ("all", "all")


def test_tokens_have_places_and_what_attends_sees_all():
    class Reader(nn.Module):
        def __init__(self):
            self.embed, self.conv = nn.Embedding(9, 4), nn.Conv1d(4, 4, 3, padding=1)
            self.look = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, tokens):
            h = ops.swapaxes(self.conv(ops.swapaxes(self.embed(tokens), 1, 2)), 1, 2)
            return self.look(h, h, h)[0]

    assert fields(Reader(), (7,), dtypes="int64") == [(1,), (1,), (1,), (3,), (3,), ("all",)]


def test_jumps():
    found = summary(nn.Sequential(nn.Conv2d(1, 1, 3, 2), nn.MaxPool2d(3, 2), nn.Upsample(scale_factor=8),
                                  nn.ConvTranspose2d(1, 1, 3, (2, 1)), nn.Flatten(), nn.Flatten()), (1, 33, 33))
    assert [row.jump for row in found] == [(1, 1), (2, 2), (4, 4), (0.5, 0.5), (0.25, 0.5), None, None]
