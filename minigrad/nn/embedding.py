"""A table of vectors, looked up by number."""

from __future__ import annotations

from typing import Any, TypeVar

from ..ops.embedding import check_padding
from . import functional as F
from . import init
from .module import Module, Parameter
from .new_parameters import new_parameter

__all__ = ["Embedding"]

E = TypeVar("E", bound="Embedding")


class Embedding(Module):
    """A learned vector for each of num_embeddings numbers.

    x (...) integers   weight (num_embeddings, embedding_dim)   ->   y (..., embedding_dim)
    padding_idx: a row that starts as zeros and gets no gradient; max_norm, norm_type and scale_grad_by_freq as in
    `functional.embedding`. sparse=True raises ValueError: there are no sparse gradients here.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
                 max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, _weight: Any = None, _freeze: bool = False, device: str | None = None,
                 dtype: Any = None):
        check_padding("Embedding", padding_idx, num_embeddings)
        if sparse:
            raise ValueError("Embedding: there are no sparse gradients here: leave out sparse=True")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx % num_embeddings if padding_idx else padding_idx
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            self.weight = new_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight)
            if self.weight.shape != (num_embeddings, embedding_dim):
                raise ValueError(f"Embedding: _weight must be {(num_embeddings, embedding_dim)}, it is "
                                 f"{self.weight.shape}")
        if _freeze:
            self.weight.requires_grad_(False)

    def reset_parameters(self) -> None:
        """Normal with mean 0 and variance 1; the padding zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.data[self.padding_idx:][:1])
            self.weight.touch()

    @classmethod
    def from_pretrained(cls: type[E], embeddings: Any, freeze: bool = True, padding_idx: int | None = None,
                        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        sparse: bool = False) -> E:
        """A layer whose table is `embeddings` (v, d), a tensor or an array whose memory it shares.

        freeze: whether the table stays as it is, without a gradient.
        """
        if len(embeddings.shape) != 2:
            raise ValueError("from_pretrained: embeddings must be (num_embeddings, embedding_dim), they are "
                             f"{embeddings.shape}")
        rows, width = embeddings.shape
        return cls(rows, width, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def forward(self, input: Any) -> Any:
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                           self.sparse)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, usual in (("padding_idx", None), ("max_norm", None), ("norm_type", 2), ("scale_grad_by_freq", False)):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        return text
