"""Transformers: their layers, stacks of them, and the whole of encoder and decoder. Vaswani et al. 2017."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from math import inf
from typing import Any, TypeVar

from .. import ops
from ..tensor import Tensor
from . import functional as F
from . import init
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Identity, Linear
from .module import Module
from .new_parameters import skip_init
from .normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]

S = TypeVar("S", bound="TransformerStack")
ACTIVATIONS: dict[str, Any] = {"relu": F.relu, "gelu": F.gelu}


class TransformerLayer(Module):
    """What encoder and decoder layers share: x + attention(x), x + feed_forward(x), each normalised."""

    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention
    dropout1: Dropout
    dropout2: Dropout
    dropout3: Dropout
    norm1: LayerNorm

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int, dropout: float, activation: Any,
                 layer_norm_eps: float, norm_first: bool, bias: bool, parts: int, attentions: dict[str, dict],
                 made: dict[str, Any]):
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f"{type(self).__name__}: activation must be 'relu', 'gelu' or a function, "
                             f"{activation!r} came")
        for name, options in attentions.items():
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, bias, **options, **made))
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **made)
        self.norm_first = norm_first
        for i in range(1, parts + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **made))
        for i in range(1, parts + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def get_config(self) -> dict[str, Any]:
        attention, linear = self.self_attn, self.linear1
        return self._config(d_model=attention.embed_dim, nhead=attention.num_heads, dropout=self.dropout.p,
                            dim_feedforward=linear.out_features, layer_norm_eps=self.norm1.eps,
                            batch_first=attention.batch_first, bias=linear.bias is not None)

    def _add(self, x: Any, i: int, part: Callable[[Any], Any]) -> Any:
        """x + part(x), normalised before the part (norm_first) or after the sum."""
        norm = getattr(self, f"norm{i}")
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))

    def _feed_forward(self, x: Any, dropout: Module) -> Any:
        return dropout(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoderLayer(TransformerLayer):
    """Self-attention, then two linear layers, each with a shortcut around it and layer normalisation.

    src (l, n, d_model), with batch_first (n, l, d_model), or without n   ->   the same shape
    activation: "relu", "gelu" or a function. norm_first: normalise what goes into each part rather than the sum.
    Masks as at `functional.multi_head_attention_forward`. Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Any = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: str | None = None, dtype: Any = None):
        super().__init__(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, bias, 2,
                         {"self_attn": {"batch_first": batch_first}}, {"device": device, "dtype": dtype})

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        def attend(x: Any) -> Any:
            y = self.self_attn(x, x, x, key_padding_mask=src_key_padding_mask, need_weights=False,
                               attn_mask=src_mask, is_causal=is_causal)[0]
            return self.dropout1(y)

        return self._add(self._add(src, 1, attend), 2, lambda x: self._feed_forward(x, self.dropout2))


class TransformerDecoderLayer(TransformerLayer):
    """Self-attention, attention to an encoder's output, two linear layers, each with a shortcut and normalisation.

    tgt (l, n, d_model)   memory (s, n, d_model), with batch_first n first, or both without n   ->   like tgt
    activation, norm_first and masks as in TransformerEncoderLayer. Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Any = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: str | None = None, dtype: Any = None):
        options = {"batch_first": batch_first}
        super().__init__(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, bias, 3,
                         {"self_attn": options, "multihead_attn": options}, {"device": device, "dtype": dtype})

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool = False,
                memory_is_causal: bool = False) -> Any:
        def attend(x: Any) -> Any:
            y = self.self_attn(x, x, x, key_padding_mask=tgt_key_padding_mask, need_weights=False,
                               attn_mask=tgt_mask, is_causal=tgt_is_causal)[0]
            return self.dropout1(y)

        def look_up(x: Any) -> Any:
            y = self.multihead_attn(x, memory, memory, key_padding_mask=memory_key_padding_mask, need_weights=False,
                                    attn_mask=memory_mask, is_causal=memory_is_causal)[0]
            return self.dropout2(y)

        x = self._add(self._add(tgt, 1, attend), 2, look_up)
        return self._add(x, 3, lambda x: self._feed_forward(x, self.dropout3))


class TransformerStack(Module):
    """What the stacks share: `layers`, `num_layers` of them, and perhaps a normalisation at the end, `norm`."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None):
        self.layers = ModuleList([deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def get_config(self) -> dict[str, Any]:
        """Its layers, which need not be copies of one any more, and its norm."""
        return {"layers": self.layers, "norm": self.norm}

    @classmethod
    def from_config(cls: type[S], config: dict[str, Any]) -> S:
        stack = cls(Identity(), 0, config["norm"])
        stack.layers, stack.num_layers = config["layers"], len(config["layers"])
        return stack


class TransformerEncoder(TransformerStack):
    """num_layers copies of an encoder layer, one after the other, and perhaps a normalisation at the end.

    Each copy starts with the same weights, as in PyTorch. enable_nested_tensor and mask_check are accepted and have no
    effect: they are about speed.
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True):
        super().__init__(encoder_layer, num_layers, norm)

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None,
                is_causal: bool | None = None) -> Any:
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(TransformerStack):
    """num_layers copies of a decoder layer, one after the other, and perhaps a normalisation at the end."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__(decoder_layer, num_layers, norm)

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                tgt_is_causal: bool | None = None, memory_is_causal: bool = False) -> Any:
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=bool(tgt_is_causal), memory_is_causal=memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encoder and decoder: an output sequence is read with the input sequence in view. Vaswani et al. 2017, figure 1.

    src (s, n, d_model)   tgt (l, n, d_model), with batch_first n first, or both without n   ->   like tgt
    Embedding, positions and the last linear layer are the caller's. custom_encoder, custom_decoder: take the place of
    the stacks. Masks as at `functional.multi_head_attention_forward`.
    """

    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                 dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = F.relu,
                 custom_encoder: Module | None = None, custom_decoder: Module | None = None,
                 layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
                 device: str | None = None, dtype: Any = None):
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                   device, dtype)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        self.encoder = TransformerEncoder(TransformerEncoderLayer(*options), num_encoder_layers, norm()) \
            if custom_encoder is None else custom_encoder
        self.decoder = TransformerDecoder(TransformerDecoderLayer(*options), num_decoder_layers, norm()) \
            if custom_decoder is None else custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for p in self.parameters():
            if len(p.shape) > 1:
                init.xavier_uniform_(p)

    def get_config(self) -> dict[str, Any]:
        """Its encoder and decoder as they are; the options of their layers are theirs."""
        return {"d_model": self.d_model, "nhead": self.nhead, "batch_first": self.batch_first,
                "custom_encoder": self.encoder, "custom_decoder": self.decoder}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Transformer:
        with skip_init(lambda shape: None):         # the parameters of encoder and decoder stay as they are
            return cls(**config)

    def forward(self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
                src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
                memory_is_causal: bool = False) -> Any:
        self._check(src, tgt)
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                            tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                            tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal)

    def _check(self, src: Any, tgt: Any) -> None:
        """Errors for sequences that are not of this model's width, or not of one batch."""
        n = slice(0, 1) if self.batch_first else slice(1, 2)
        if len(src.shape) != len(tgt.shape) or len(src.shape) == 3 and src.shape[n] != tgt.shape[n]:
            raise ValueError(f"Transformer: src and tgt must have the same batch size, src is {src.shape}, tgt "
                             f"{tgt.shape}")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ValueError(f"Transformer: src and tgt must have d_model = {self.d_model} features, src is "
                             f"{src.shape}, tgt {tgt.shape}")

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: str | None = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz) to add: 0 up to the diagonal, -inf where a key is later than the query."""
        later = ops.arange(sz).reshape(1, sz) > ops.arange(sz).reshape(sz, 1)
        zeros = ops.zeros((sz, sz), dtype=dtype or "float32")
        return ops.where(later, zeros - inf, zeros).to(device or "cpu")
