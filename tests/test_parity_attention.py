"""Attention and Transformers beside PyTorch's, on drawn shapes, masks and options."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, masks, same, same_layer, sides

from minigrad import nn

pytestmark = pytest.mark.parity


def math_attention(*args, **options):
    """PyTorch's attention by the one of its kernels that can be differentiated twice."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention

    with sdpa_kernel(SDPBackend.MATH):
        return scaled_dot_product_attention(*args, **options)


@given(st.data())
def test_scaled_dot_product_attention(data):
    batch = data.draw(st.sampled_from([(), (2,), (2, 3), (0,)]))
    t, s, d, e = [data.draw(sides(1, 4)) for _ in range(4)]
    query, key, value = [data.draw(arrays((*batch, *shape))) for shape in ((t, d), (s, d), (s, e))]
    mask = data.draw(st.none() | masks((t, s)) | arrays((t, s)) | masks((*batch, 1, s)))
    causal = data.draw(st.booleans()) and not (mask is not None and 0 in batch)      # which PyTorch lets pass unseen
    same("scaled_dot_product_attention", [query, key, value, mask], {
        "is_causal": causal, "scale": data.draw(st.none() | st.floats(0.1, 2))},
        theirs=math_attention)


@given(st.data())
def test_grouped_queries(data):
    heads, group, batch = data.draw(sides(1, 3)), data.draw(sides(1, 3)), data.draw(sides(0, 2))
    t, s, d = [data.draw(sides(1, 3)) for _ in range(3)]
    query = data.draw(arrays((batch, heads * group, t, d)))
    key, value = [data.draw(arrays((batch, heads, s, d))) for _ in range(2)]
    mask = data.draw(st.none() | masks((t, s)))
    same("scaled_dot_product_attention", [query, key, value, mask], {"enable_gqa": True}, theirs=math_attention)


def drawn_masks(data, n, h, t, s):
    """attn_mask and key_padding_mask of one kind, each perhaps None; every query may see the first key."""
    def one(shape):
        mask = data.draw(st.none() | masks(shape))
        if mask is not None:
            mask[..., 0] = False
        return mask

    pair = one(data.draw(st.sampled_from([(t, s), (n * h, t, s)]))), one((n, s))
    if data.draw(st.booleans()):
        return pair
    return tuple(None if mask is None else np.where(mask, -np.inf, 0.0) for mask in pair)


@given(st.data())
def test_multihead_attention(data):
    import torch

    h, n, t, s = data.draw(sides(1, 3)), data.draw(sides(1, 2)), data.draw(sides(1, 4)), data.draw(sides(1, 4))
    e, batch_first, own = h * data.draw(sides(1, 3)), data.draw(st.booleans()), data.draw(st.booleans())
    kdim, vdim = (None, None) if own else (data.draw(sides(1, 4)), data.draw(sides(1, 4)))
    options = {"bias": data.draw(st.booleans()), "add_bias_kv": data.draw(st.booleans()),
               "add_zero_attn": data.draw(st.booleans()), "kdim": kdim, "vdim": vdim, "batch_first": batch_first}
    attn_mask, padding = drawn_masks(data, n, h, t, s)
    call = {"need_weights": data.draw(st.booleans()), "average_attn_weights": data.draw(st.booleans())}

    def calling(layer):
        def attend(query, key, value, attn_mask, padding):
            return layer(query, key, value, key_padding_mask=padding, attn_mask=attn_mask, **call)
        return attend

    def sequence(length, width):
        shape = (n, length, width) if batch_first else (length, n, width)
        return data.draw(arrays(shape))

    inputs = [sequence(t, e), sequence(s, kdim or e), sequence(s, vdim or e), attn_mask, padding]
    same_layer(nn.MultiheadAttention(e, h, **options), torch.nn.MultiheadAttention(e, h, **options), inputs,
               constant=(3, 4), call=calling)


@given(st.data())
def test_self_attention_without_a_batch(data):
    import torch

    h, t = data.draw(sides(1, 3)), data.draw(sides(1, 4))
    e = h * data.draw(sides(1, 3))
    mask = np.triu(np.full((t, t), -np.inf), 1)
    call = {"need_weights": data.draw(st.booleans()), "is_causal": data.draw(st.booleans())}

    def calling(layer):
        return lambda x, mask: layer(x, x, x, attn_mask=mask, **call)

    same_layer(nn.MultiheadAttention(e, h), torch.nn.MultiheadAttention(e, h), [data.draw(arrays((t, e))), mask],
               constant=(1,), call=calling)


@given(st.data())
def test_given_keys_and_values(data):
    """multi_head_attention_forward with static_k and static_v."""
    n, h, d, t, s = [data.draw(sides(1, 3)) for _ in range(5)]
    e = h * d
    draw = [data.draw(arrays(shape)) for shape in (
        (t, n, e), (s, n, e), (3 * e, e), (3 * e,), (e, e), (e,), (n * h, s, d), (n * h, s, d))]
    needs = data.draw(st.booleans())

    def calling(function):
        def call(x, memory, weight, bias, out_weight, out_bias, static_k, static_v):
            return function(x, memory, memory, e, h, weight, bias, None, None, False, 0.0, out_weight, out_bias,
                            need_weights=needs, static_k=static_k, static_v=static_v)
        return call

    import torch

    from minigrad.nn import functional as F
    same("", draw, mine=calling(F.multi_head_attention), theirs=calling(
        torch.nn.functional.multi_head_attention_forward))


def options_of_a_layer(data, *, batch_first):
    return {"dim_feedforward": data.draw(sides(1, 5)), "dropout": 0.0, "batch_first": batch_first,
            "activation": data.draw(st.sampled_from(["relu", "gelu"])), "norm_first": data.draw(st.booleans()),
            "bias": data.draw(st.booleans()), "layer_norm_eps": data.draw(st.sampled_from([1e-5, 1e-2]))}


@given(st.data())
def test_transformer_encoder(data):
    import torch

    h, n, t, depth = data.draw(sides(1, 2)), data.draw(sides(1, 2)), data.draw(sides(1, 3)), data.draw(sides(1, 2))
    e, batch_first = 4 * h, data.draw(st.booleans())
    options = options_of_a_layer(data, batch_first=batch_first)
    mask, padding = drawn_masks(data, n, h, t, t)

    def calling(model):
        return lambda src, mask, padding: model(src, mask=mask, src_key_padding_mask=padding)

    def made(lib, **more):
        norm = lib.LayerNorm(e) if depth == 2 else None
        return lib.TransformerEncoder(lib.TransformerEncoderLayer(e, h, **options), depth, norm, **more)

    same_layer(made(nn), made(torch.nn, enable_nested_tensor=False),
               [data.draw(arrays((n, t, e) if batch_first else (t, n, e))), mask, padding],
               constant=(1, 2), call=calling, second=False)


@given(st.data())
def test_transformer_decoder(data):
    import torch

    h, n, t, s, depth = [data.draw(sides(1, 2)) for _ in range(5)]
    options = options_of_a_layer(data, batch_first=False)

    def made(lib):
        norm = lib.LayerNorm(4 * h) if depth == 2 else None
        return lib.TransformerDecoder(lib.TransformerDecoderLayer(4 * h, h, **options), depth, norm)

    def calling(model):
        return lambda tgt, memory, mask: model(tgt, memory, tgt_mask=mask, tgt_is_causal=True)

    mask = np.triu(np.full((t, t), -np.inf), 1)
    inputs = [data.draw(arrays((t, n, 4 * h))), data.draw(arrays((s, n, 4 * h))), mask]
    same_layer(made(nn), made(torch.nn), inputs, constant=(2,), call=calling, second=False)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@given(st.data())
def test_transformer(data):
    import torch

    h, n, t, s = data.draw(sides(1, 2)), data.draw(sides(1, 2)), data.draw(sides(1, 3)), data.draw(sides(1, 3))
    e, batch_first = 4 * h, data.draw(st.booleans())
    options = options_of_a_layer(data, batch_first=batch_first) | {"num_encoder_layers": 1, "num_decoder_layers": 2}
    tgt_mask, tgt_padding = drawn_masks(data, n, h, t, t)
    memory_mask, memory_padding = drawn_masks(data, n, h, t, s)

    def calling(model):
        def call(src, tgt, tgt_mask, tgt_padding, memory_mask, memory_padding):
            return model(src, tgt, tgt_mask=tgt_mask, tgt_key_padding_mask=tgt_padding, memory_mask=memory_mask,
                         memory_key_padding_mask=memory_padding)
        return call

    shapes = [(n, s, e), (n, t, e)] if batch_first else [(s, n, e), (t, n, e)]
    inputs = [*[data.draw(arrays(shape)) for shape in shapes], tgt_mask, tgt_padding, memory_mask, memory_padding]
    same_layer(nn.Transformer(e, h, **options), torch.nn.Transformer(e, h, **options), inputs,
               constant=(2, 3, 4, 5), call=calling, second=False)


def test_the_causal_mask():
    import torch

    theirs = torch.nn.Transformer.generate_square_subsequent_mask(4).numpy()
    np.testing.assert_array_equal(nn.Transformer.generate_square_subsequent_mask(4).numpy(), theirs)
