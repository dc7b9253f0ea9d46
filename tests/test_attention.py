"""Attention and Transformers: on symbols of a graph, with dropout, and what is said when they are called wrongly."""

import copy

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.graph import Graph, Input
from minigrad.testing import gradcheck

X = np.random.default_rng(0).standard_normal((2, 3, 4))


def test_heads_are_attention_of_slices():
    """Two heads with projections that do nothing are two attentions, each on half of the features."""
    layer = nn.MultiheadAttention(4, 2, bias=False, batch_first=True).to("float64")
    layer.load_state_dict({"in_proj_weight": np.tile(np.eye(4), (3, 1)), "out_proj.weight": np.eye(4)})
    x = mg.tensor(X)
    y, weights = layer(x, x, x, average_attn_weights=False)
    for h, half in enumerate((slice(0, 2), slice(2, 4))):
        part = x[..., half]
        np.testing.assert_allclose(y.numpy()[..., half], F.scaled_dot_product_attention(part, part, part).numpy())
        np.testing.assert_allclose(weights.numpy()[:, h].sum(-1), np.ones((2, 3)))


def test_a_query_that_may_see_nothing():
    """As in PyTorch: NaN with weights, without them nothing from attention, which leaves the bias."""
    layer = nn.MultiheadAttention(4, 2, batch_first=True).to("float64")
    x, mask = mg.tensor(X), mg.tensor(np.array([[True] * 3, [False] * 3, [False] * 3]))
    with np.errstate(invalid="ignore"):
        y, weights = layer(x, x, x, attn_mask=mask)
    assert np.isnan(y.numpy()[:, 0]).all() and np.isnan(weights.numpy()[:, 0]).all()
    assert not np.isnan(y.numpy()[:, 1:]).any()
    y, weights = layer(x, x, x, attn_mask=mask, need_weights=False)
    assert weights is None
    np.testing.assert_array_equal(y.numpy()[:, 0], np.tile(layer.out_proj.bias.numpy(), (2, 1)))


@pytest.mark.parametrize("need_weights", [True, False])
def test_dropout_of_weights(need_weights):
    """In training a share p of the weights is 0, the rest grow by 1 / (1 - p); in evaluation nothing happens."""
    layer = nn.MultiheadAttention(4, 1, dropout=0.25, batch_first=True).to("float64")
    x = mg.tensor(np.random.default_rng(1).standard_normal((8, 20, 4)))
    dropped = layer(x, x, x, need_weights=need_weights)
    whole = layer.eval()(x, x, x, need_weights=need_weights)
    assert abs(dropped[0].numpy() - whole[0].numpy()).max() > 1e-3
    if need_weights:
        kept = dropped[1].numpy() != 0
        assert abs(kept.mean() - 0.75) < 0.03
        np.testing.assert_allclose(dropped[1].numpy()[kept], whole[1].numpy()[kept] / 0.75)
    np.testing.assert_array_equal(layer(x, x, x, need_weights=need_weights)[0].numpy(), whole[0].numpy())


def test_gradients_of_a_decoder_layer():
    layer = nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0, batch_first=True).to("float64")
    gradcheck(lambda tgt, memory: layer(tgt, memory), [X, X[:, :2] * 0.5])


def test_a_graph_has_it_as_one_node():
    x, memory = Input((3, 4), name="x"), Input((5, 4), name="memory")
    attention = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
    y, weights = attention(x, memory, memory, average_attn_weights=False, name="look")
    model = Graph([x, memory], {"y": y, "weights": weights})
    assert [node.kind for node in model.nodes] == ["Input", "Input", "MultiheadAttention"]
    assert model.node("look").shape == (("n", 3, 4), ("n", 2, 3, 5))
    assert set(model.state_dict()) == {f"look.{name}" for name in attention.state_dict()}
    one, other = mg.randn(2, 3, 4), mg.randn(2, 5, 4)
    assert abs((model(one, other)["y"] - model(one, other)["y"]).numpy()).max() > 0         # other weights are dropped
    model.eval()
    np.testing.assert_array_equal(model(one, other)["y"].numpy(), attention(one, other, other)[0].numpy())
    model.summary()


def test_a_transformer_as_a_graph():
    transformer = nn.Transformer(4, 2, 1, 1, 8, batch_first=True)
    src, tgt = Input((5, 4), name="src"), Input((3, 4), name="tgt")
    model = Graph([src, tgt], transformer(src, tgt, tgt_mask=transformer.generate_square_subsequent_mask(3)))
    assert {"encoder.layers.0.self_attn", "decoder.layers.0.multihead_attn", "decoder.norm"} <= {
        node.name for node in model.nodes}
    one, other = mg.randn(2, 5, 4), mg.randn(2, 3, 4)
    transformer.eval()
    expected = transformer(one, other, tgt_mask=transformer.generate_square_subsequent_mask(3))
    np.testing.assert_allclose(model.eval()(one, other).numpy(), expected.numpy(), rtol=1e-6)


def test_copies_of_a_layer_are_apart():
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    encoder = nn.TransformerEncoder(layer, 2)
    first, second = [x.linear1.weight for x in encoder.layers]
    assert first is not second and first is not layer.linear1.weight
    np.testing.assert_array_equal(first.numpy(), second.numpy())
    with mg.no_grad():
        first[...] = 0
    assert abs(second.numpy()).max() > 0 and copy.deepcopy(encoder).layers[1].linear1.weight is not second


E, MASK = mg.ones(3, 2, 4), np.zeros((3, 3), bool)


@pytest.mark.parametrize("call, message", [
    (lambda: nn.MultiheadAttention(5, 2), "MultiheadAttention: embed_dim 5 must be a multiple of num_heads 2"),
    (lambda: nn.MultiheadAttention(6, 2)(E, E, E), "expected queries of 6 features, 4 came"),
    (lambda: nn.MultiheadAttention(4, 2)(E, E[:2], E), "there must be as many values as keys"),
    (lambda: nn.MultiheadAttention(4, 2)(E, E[:, :1], E[:, :1]), "query and key must have the same batch size"),
    (lambda: nn.MultiheadAttention(4, 2)(E[0, 0], E, E), r"must all be \(l, n, e\), or all \(l, e\)"),
    (lambda: nn.MultiheadAttention(4, 2)(E, E, E, attn_mask=MASK[:2]),
     r"attn_mask must be \(3, 3\) or \(4, 3, 3\), it is \(2, 3\)"),
    (lambda: nn.MultiheadAttention(4, 2)(E, E, E, key_padding_mask=MASK), r"key_padding_mask must be \(2, 3\)"),
    (lambda: nn.MultiheadAttention(4, 2)(E, E, E, attn_mask=MASK.astype(int)), "must be boolean .* or floating"),
    (lambda: nn.MultiheadAttention(4, 2)(E, E, E, is_causal=True), "is_causal is a hint about attn_mask"),
    (lambda: F.scaled_dot_product_attention(E, E, E, MASK[:, :2]), "attn_mask .* does not broadcast to the scores"),
    (lambda: F.scaled_dot_product_attention(E, E, E, mg.tensor(MASK.astype(int))), "attn_mask must be boolean"),
    (lambda: F.scaled_dot_product_attention(E, E, E, MASK, is_causal=True), "either attn_mask or is_causal"),
    (lambda: F.scaled_dot_product_attention(E, E[:2], E, enable_gqa=True), "3 heads of query cannot share 2 heads"),
    (lambda: F.scaled_dot_product_attention(E, E[:2], E[:2]), "the leading axes do not broadcast"),
    (lambda: F.scaled_dot_product_attention(E, E, E, dropout_p=1.5), r"the probability must be in \[0, 1\]"),
    (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), "activation must be 'relu', 'gelu' or a function"),
    (lambda: nn.Transformer(4, 2, 1, 1, 8)(E, E[:, :1]), "src and tgt must have the same batch size"),
    (lambda: nn.Transformer(8, 2, 1, 1, 8)(E, E), "src and tgt must have d_model = 8 features"),
])
def test_wrong_calls(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
