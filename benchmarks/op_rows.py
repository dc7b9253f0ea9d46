"""What `ops` measures: functions and layers of usual sizes, each one expression for minigrad and PyTorch alike.

`lib` is either library: `lib.exp`, `lib.F.gelu`. Every fused op of minigrad has a row; a test finds one that has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

Draw = Callable[[numpy.random.Generator], numpy.ndarray]


@dataclass(frozen=True)
class Row:
    """An expression on inputs; `layer` makes a module that comes before them, its parameters are inputs too."""

    name: str
    inputs: Sequence[Draw]
    compute: Callable[..., Any]
    layer: Callable[[Any], Any] | None = None
    is_random: bool = False         # draws a mask: the values cannot agree
    fixed: Sequence[int] = ()       # which inputs get no gradient: targets, for which PyTorch has none


# --- what to draw ---------------------------------------------------------------------------------------------

def normal(*shape: int) -> Draw:
    return lambda draw: draw.standard_normal(shape, dtype="float32")


def unit(*shape: int) -> Draw:
    """Between 0 and 1, both excluded."""
    return lambda draw: draw.uniform(0.05, 0.95, shape).astype("float32")


def whole(high: int, *shape: int) -> Draw:
    return lambda draw: draw.integers(0, high, shape)


def signs(*shape: int) -> Draw:
    """1 or -1."""
    return lambda draw: (draw.integers(0, 2, shape) * 2 - 1).astype("float32")


def coins(*shape: int) -> Draw:
    return lambda draw: draw.random(shape) < 0.5


# --- the rows -------------------------------------------------------------------------------------------------

MILLION = normal(1000, 1000)
IMAGES = normal(16, 64, 28, 28)
TOKENS = normal(32, 128, 256)
SEQUENCES = normal(32, 64, 256)


def elementwise() -> list[Row]:
    """Functions of one number: of the library, or of its nn.functional."""
    top = ["abs", "erf", "exp", "exp2", "expm1", "sigmoid", "sin", "tan", "tanh", "square", "sign", "floor", "atan"]
    right = ["log", "log1p", "sqrt", "rsqrt", "reciprocal"]         # on positive numbers
    functional = ["celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
                  "logsigmoid", "mish", "relu", "relu6", "selu", "silu", "softplus", "softshrink", "softsign",
                  "tanhshrink"]
    return [*[Row(f"{name}, 1M", [MILLION], lambda lib, x, name=name: getattr(lib, name)(x)) for name in top],
            *[Row(f"{name}, 1M", [unit(1000, 1000)],
                  lambda lib, x, name=name: getattr(lib, name)(x)) for name in right],
            *[Row(f"{name}, 1M", [MILLION], lambda lib, x, name=name: getattr(lib.F, name)(x)) for name in functional]]


def other_functions() -> list[Row]:
    two, chosen = [MILLION, MILLION], [coins(1000, 1000), MILLION, MILLION]
    return [
        Row("gelu tanh, 1M", [MILLION], lambda lib, x: lib.F.gelu(x, approximate="tanh")),
        Row("glu, 1M", [MILLION], lambda lib, x: lib.F.glu(x)),
        Row("threshold, 1M", [MILLION], lambda lib, x: lib.F.threshold(x, 0.1, 0.2)),
        Row("prelu, 64 channels", [IMAGES, normal(64)], lambda lib, x, w: lib.F.prelu(x, w)),
        Row("dropout, 1M", [MILLION], lambda lib, x: lib.F.dropout(x, 0.5), is_random=True),
        Row("alpha_dropout, 1M", [MILLION], lambda lib, x: lib.F.alpha_dropout(x, 0.5, True), is_random=True),
        Row("add, 1M", two, lambda lib, x, y: x + y),
        Row("multiply, 1M", two, lambda lib, x, y: x * y),
        Row("divide, 1M", two, lambda lib, x, y: x / (y * y + 1)),
        Row("maximum, 1M", two, lambda lib, x, y: lib.maximum(x, y)),
        Row("power 3, 1M", [MILLION], lambda lib, x: x ** 3),
        Row("power, 1M", [unit(1000, 1000), MILLION], lambda lib, x, y: x ** y),
        Row("clip, 1M", [MILLION], lambda lib, x: lib.clip(x, -0.5, 0.5)),
        Row("where, 1M", chosen, lambda lib, m, x, y: lib.where(m, x, y)),
        Row("masked_fill, 1M", chosen[:2], lambda lib, m, x: lib.masked_fill(x, m, -1.0)),
        Row("masked_select, 1M", chosen[:2], lambda lib, m, x: lib.masked_select(x, m)),
    ]


def reductions() -> list[Row]:
    rows = [Row(f"{name} axis {axis}, 1000 x 1000", [MILLION],
                lambda lib, x, name=name, axis=axis: getattr(lib, name)(x, axis))
            for name in ("sum", "mean", "logsumexp", "cumsum", "softmax", "log_softmax", "std") for axis in (0, 1)]
    return [
        *rows,
        Row("softmin axis 1, 1000 x 1000", [MILLION], lambda lib, x: lib.F.softmin(x, 1)),
        Row("softmax axis 1, images", [IMAGES], lambda lib, x: lib.softmax(x, 1)),
        Row("cumprod, 1000 x 1000", [unit(1000, 1000)], lambda lib, x: lib.cumprod(x, 1)),
        Row("prod axis 1, 1000 x 1000", [unit(1000, 1000)], lambda lib, x: lib.prod(x, 1)),
        Row("sort, 1000 x 1000", [MILLION], lambda lib, x: first(lib.sort(x, dim=1, stable=True))),
        Row("topk 5 of 1000, 1000 times", [MILLION], lambda lib, x: first(lib.topk(x, 5))),
        Row("topk 5 of 1M", [normal(1_000_000)], lambda lib, x: first(lib.topk(x, 5))),
        Row("norm, 1M", [MILLION], lambda lib, x: lib.norm(x)),
    ]


def places() -> list[Row]:
    return [
        Row("embedding, 8192 of 10,000 x 128", [whole(10_000, 8192), normal(10_000, 128)],
            lambda lib, i, w: lib.F.embedding(i, w)),
        Row("embedding, 8192 of 100 x 128", [whole(100, 8192), normal(100, 128)],
            lambda lib, i, w: lib.F.embedding(i, w)),
        Row("index_select, 1000 rows", [whole(1000, 1000), MILLION], lambda lib, i, x: lib.index_select(x, 0, i)),
        Row("gather, 1000 x 10", [whole(1000, 1000, 10), MILLION], lambda lib, i, x: lib.gather(x, 1, i)),
        Row("gather, 1000 x 1000", [whole(1000, 1000, 1000), MILLION], lambda lib, i, x: lib.gather(x, 1, i)),
        Row("scatter_add, 1000 x 1000", [whole(1000, 1000, 1000), MILLION, MILLION],
            lambda lib, i, x, y: lib.scatter_add(x, 1, i, y)),
        Row("x[i], 100,000 numbers", [whole(1_000_000, 100_000), normal(1_000_000)], lambda lib, i, x: x[i]),
        Row("concat, 2 x 1M", [MILLION, MILLION], lambda lib, x, y: lib.concat([x, y], 1)),
        Row("pad reflect, images", [IMAGES], lambda lib, x: lib.F.pad(x, (2, 2, 2, 2), mode="reflect")),
        Row("pad constant, images", [IMAGES], lambda lib, x: lib.F.pad(x, (2, 2, 2, 2))),
        Row("roll, 1M", [MILLION], lambda lib, x: lib.roll(x, 3, 1)),
        Row("flip, 1M", [MILLION], lambda lib, x: lib.flip(x, (1,))),
        Row("tile, 1M", [MILLION], lambda lib, x: lib.tile(x, (1, 2))),
        Row("tril, 1M", [MILLION], lambda lib, x: lib.tril(x)),
    ]


def losses() -> list[Row]:
    two, logits, vectors = [MILLION, MILLION], normal(1024, 1000), normal(4096, 128)
    return [
        *[Row(f"{name}, 1M", two, lambda lib, x, y, name=name: getattr(lib.F, name)(x, y))
          for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss")],
        Row("binary_cross_entropy, 1M", [unit(1000, 1000), unit(1000, 1000)],
            lambda lib, x, y: lib.F.binary_cross_entropy(x, y), fixed=[1]),
        Row("bce with logits, 1M", [MILLION, unit(1000, 1000)],
            lambda lib, x, y: lib.F.binary_cross_entropy_with_logits(x, y), fixed=[1]),
        Row("kl_div, 1M", [MILLION, unit(1000, 1000)], lambda lib, x, y: lib.F.kl_div(x, y, reduction="sum")),
        Row("gaussian_nll_loss, 1M", [MILLION, MILLION, unit(1000, 1000)],
            lambda lib, x, y, v: lib.F.gaussian_nll_loss(x, y, v)),
        Row("cross_entropy, 1024 x 1000", [logits, whole(1000, 1024)], lambda lib, x, i: lib.F.cross_entropy(x, i)),
        Row("cross_entropy smooth, 1024 x 1000", [logits, whole(1000, 1024)],
            lambda lib, x, i: lib.F.cross_entropy(x, i, label_smoothing=0.1)),
        Row("cross_entropy, 21 maps 64 x 64", [normal(8, 21, 64, 64), whole(21, 8, 64, 64)],
            lambda lib, x, i: lib.F.cross_entropy(x, i)),
        Row("nll_loss, 1024 x 1000", [logits, whole(1000, 1024)], lambda lib, x, i: lib.F.nll_loss(x, i)),
        Row("multi_margin_loss, 1024 x 1000", [logits, whole(1000, 1024)],
            lambda lib, x, i: lib.F.multi_margin_loss(x, i)),
        *[Row(f"{name}, 1M", [MILLION, signs(1000, 1000)],
              lambda lib, x, y, name=name: getattr(lib.F, name)(x, y), fixed=[1])
          for name in ("hinge_embedding_loss", "soft_margin_loss")],
        Row("multilabel_soft_margin_loss, 1M", [MILLION, unit(1000, 1000)],
            lambda lib, x, y: lib.F.multilabel_soft_margin_loss(x, y), fixed=[1]),
        Row("margin_ranking_loss, 1M", [MILLION, MILLION, signs(1000, 1000)],
            lambda lib, x, y, z: lib.F.margin_ranking_loss(x, y, z), fixed=[2]),
        Row("cosine_embedding_loss, 4096 x 128", [vectors, vectors, signs(4096)],
            lambda lib, x, y, z: lib.F.cosine_embedding_loss(x, y, z), fixed=[2]),
        Row("pairwise_distance, 4096 x 128", [vectors] * 2, lambda lib, x, y: lib.F.pairwise_distance(x, y)),
        Row("triplet_margin_loss, 4096 x 128", [vectors] * 3, lambda lib, x, y, z: lib.F.triplet_margin_loss(x, y, z)),
        Row("cosine_similarity, 4096 x 128", [vectors] * 2, lambda lib, x, y: lib.F.cosine_similarity(x, y)),
        Row("normalize, 4096 x 128", [vectors], lambda lib, x: lib.F.normalize(x)),
    ]


def products() -> list[Row]:
    heads = [normal(8, 8, 128, 64)] * 3
    return [
        Row("matmul, 512", [normal(512, 512)] * 2, lambda lib, x, y: x @ y),
        Row("matmul, 64 of 128", [normal(64, 128, 128)] * 2, lambda lib, x, y: x @ y),
        Row("einsum bij,bjk->bik", [normal(64, 128, 128)] * 2, lambda lib, x, y: lib.einsum("bij,bjk->bik", x, y)),
        Row("outer, 1000", [normal(1000)] * 2, lambda lib, x, y: lib.outer(x, y)),
        Row("tensordot, 512 x 64 x 8", [normal(512, 64, 8), normal(64, 8, 512)],
            lambda lib, x, y: lib.tensordot(x, y, 2)),
        Row("vecdot, 1000 x 1000", [MILLION, MILLION],
            lambda lib, x, y: (lib.vecdot if hasattr(lib, "vecdot") else lib.linalg.vecdot)(x, y)),
        Row("attention, 8 x 8 heads of 128 x 64", heads,
            lambda lib, q, k, v: lib.F.scaled_dot_product_attention(q, k, v)),
        Row("attention causal", heads,
            lambda lib, q, k, v: lib.F.scaled_dot_product_attention(q, k, v, is_causal=True)),
        Row("bilinear, 256 x 64", [normal(256, 64), normal(256, 64), normal(32, 64, 64)],
            lambda lib, x, y, w: lib.F.bilinear(x, y, w)),
    ]


def images() -> list[Row]:
    return [
        *[Row(f"{name} 2, images", [IMAGES], lambda lib, x, name=name: getattr(lib.F, name)(x, 2))
          for name in ("avg_pool2d", "max_pool2d")],
        Row("max_pool2d 3 stride 2, images", [IMAGES], lambda lib, x: lib.F.max_pool2d(x, 3, 2, 1)),
        Row("max_pool2d with indices, images", [IMAGES],
            lambda lib, x: first(lib.F.max_pool2d(x, 2, return_indices=True))),
        Row("max_unpool2d of max_pool2d, images", [IMAGES],
            lambda lib, x: lib.F.max_unpool2d(*lib.F.max_pool2d(x, 2, return_indices=True), 2)),
        Row("adaptive_avg_pool2d 7, images", [IMAGES], lambda lib, x: lib.F.adaptive_avg_pool2d(x, 7)),
        Row("adaptive_max_pool2d 5, images", [IMAGES], lambda lib, x: lib.F.adaptive_max_pool2d(x, 5)),
        Row("adaptive_max_pool2d with indices, images", [IMAGES],
            lambda lib, x: first(lib.F.adaptive_max_pool2d(x, 7, return_indices=True))),
        Row("lp_pool2d, images", [IMAGES], lambda lib, x: lib.F.lp_pool2d(x, 2.0, 2)),
        Row("nearest x 2, images", [IMAGES], lambda lib, x: lib.F.interpolate(x, scale_factor=2)),
        Row("bilinear x 2, images", [IMAGES], lambda lib, x: lib.F.interpolate(x, scale_factor=2, mode="bilinear")),
        Row("bicubic x 2, images", [IMAGES], lambda lib, x: lib.F.interpolate(x, scale_factor=2, mode="bicubic")),
        Row("pixel_shuffle 2, images", [IMAGES], lambda lib, x: lib.F.pixel_shuffle(x, 2)),
        Row("pixel_unshuffle 2, images", [IMAGES], lambda lib, x: lib.F.pixel_unshuffle(x, 2)),
        Row("channel_shuffle 4, images", [IMAGES], lambda lib, x: lib.F.channel_shuffle(x, 4)),
        Row("unfold 3, images", [IMAGES], lambda lib, x: lib.F.unfold(x, 3, padding=1)),
        Row("local_response_norm, images", [IMAGES], lambda lib, x: lib.F.local_response_norm(x, 5)),
    ]


def sequences() -> list[Row]:
    return [
        *[Row(f"{name} 2, sequences", [SEQUENCES], lambda lib, x, name=name: getattr(lib.F, name)(x, 2))
          for name in ("avg_pool1d", "max_pool1d")],
        Row("max_pool1d with indices, sequences", [SEQUENCES],
            lambda lib, x: first(lib.F.max_pool1d(x, 2, return_indices=True))),
        Row("max_unpool1d of max_pool1d, sequences", [SEQUENCES],
            lambda lib, x: lib.F.max_unpool1d(*lib.F.max_pool1d(x, 2, return_indices=True), 2)),
        Row("lp_pool1d, sequences", [SEQUENCES], lambda lib, x: lib.F.lp_pool1d(x, 2.0, 2)),
        Row("adaptive_avg_pool1d 7, sequences", [SEQUENCES], lambda lib, x: lib.F.adaptive_avg_pool1d(x, 7)),
        Row("adaptive_max_pool1d 7, sequences", [SEQUENCES], lambda lib, x: lib.F.adaptive_max_pool1d(x, 7)),
        Row("adaptive_max_pool1d with indices, sequences", [SEQUENCES],
            lambda lib, x: first(lib.F.adaptive_max_pool1d(x, 7, return_indices=True))),
    ]


def neighbours() -> list[Row]:
    """What a graph runs in one pass, beside PyTorch's functions one after the other."""
    def either(lib: Any, ours: str, apart: Callable[[], Any], *args: Any) -> Any:
        return first(getattr(lib.top, ours)(*args)) if hasattr(lib.top, ours) else apart()

    channels, spread = [normal(64)] * 2, [normal(64), unit(64)]
    return [
        Row("add + ReLU, images", [IMAGES] * 2,
            lambda lib, x, y: either(lib, "add_relu", lambda: lib.F.relu(x + y), x, y)),
        Row("Conv2d 64 3 + ReLU, images", [IMAGES, normal(64, 64, 3, 3), normal(64)],
            lambda lib, x, w, b: either(lib, "conv2d_relu", lambda: lib.F.relu(lib.F.conv2d(x, w, b, padding=1)),
                                        x, w, b, 1, 1)),
        Row("BatchNorm2d + add + ReLU, images", [IMAGES, *channels, IMAGES],
            lambda lib, x, w, b, more: either(
                lib, "batch_norm_relu_train",
                lambda: lib.F.relu(lib.F.batch_norm(x, None, None, w, b, training=True) + more), x, w, b, 1e-5, more)),
        Row("BatchNorm2d eval + ReLU, images", [IMAGES, *spread, *channels],
            lambda lib, x, mean, var, w, b: either(
                lib, "batch_norm_relu_eval", lambda: lib.F.relu(lib.F.batch_norm(x, mean, var, w, b)),
                x, mean, var, w, b), fixed=(1, 2)),
    ]


def layers() -> list[Row]:
    def layer(name: str, x: Draw, make: Callable[[Any], Any]) -> Row:
        return Row(name, [x], lambda lib, module, x: first(module(x)), make)
    return [
        layer("BatchNorm2d, images", IMAGES, lambda nn: nn.BatchNorm2d(64)),
        layer("BatchNorm2d eval, images", IMAGES, lambda nn: nn.BatchNorm2d(64).eval()),
        layer("GroupNorm 8, images", IMAGES, lambda nn: nn.GroupNorm(8, 64)),
        layer("InstanceNorm2d, images", IMAGES, lambda nn: nn.InstanceNorm2d(64, affine=True)),
        layer("LayerNorm 256, tokens", TOKENS, lambda nn: nn.LayerNorm(256)),
        layer("RMSNorm 256, tokens", TOKENS, lambda nn: nn.RMSNorm(256)),
        layer("Conv1d 64 3, 32 x 64 x 128", normal(32, 64, 128), lambda nn: nn.Conv1d(64, 64, 3, padding=1)),
        layer("Conv2d 64 3, images", IMAGES, lambda nn: nn.Conv2d(64, 64, 3, padding=1)),
        layer("Conv2d 64 3 stride 2, images", IMAGES, lambda nn: nn.Conv2d(64, 128, 3, 2, 1)),
        layer("Conv2d 64 1, images", IMAGES, lambda nn: nn.Conv2d(64, 256, 1)),
        layer("Conv2d 3 7 stride 2, 4 of 224 x 224", normal(4, 3, 224, 224), lambda nn: nn.Conv2d(3, 64, 7, 2, 3)),
        layer("Conv2d 64 3 depthwise, images", IMAGES, lambda nn: nn.Conv2d(64, 64, 3, padding=1, groups=64)),
        layer("ConvTranspose2d 32 4 stride 2, images", IMAGES, lambda nn: nn.ConvTranspose2d(64, 32, 4, 2, 1)),
        layer("ConvTranspose1d 64 4 stride 2, sequences", SEQUENCES, lambda nn: nn.ConvTranspose1d(64, 64, 4, 2, 1)),
        layer("Linear 256 1024, tokens", TOKENS, lambda nn: nn.Linear(256, 1024)),
        layer("LSTM 256, 32 x 64 x 128", normal(64, 32, 128), lambda nn: nn.LSTM(128, 256)),
        layer("GRU 256, 32 x 64 x 128", normal(64, 32, 128), lambda nn: nn.GRU(128, 256)),
        layer("RNN 256, 32 x 64 x 128", normal(64, 32, 128), lambda nn: nn.RNN(128, 256)),
        layer("TransformerEncoderLayer, tokens", TOKENS,
            lambda nn: nn.TransformerEncoderLayer(256, 8, 1024, 0.0, batch_first=True)),
        Row("MultiheadAttention, tokens", [TOKENS], lambda lib, module, x: first(module(x, x, x, need_weights=False)),
            lambda nn: nn.MultiheadAttention(256, 8, batch_first=True)),
    ]


def first(y: Any) -> Any:
    """A tensor, or the first of several."""
    return y if hasattr(y, "backward") else y[0]


def all_rows() -> list[Row]:
    """Every row, family by family."""
    families = (elementwise, other_functions, reductions, places, losses, products, images, sequences, neighbours,
                layers)
    return [row for family in families for row in family()]
