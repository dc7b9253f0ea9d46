"""Every layer with options that are not the usual ones, and arrays to call it on."""

from __future__ import annotations

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.nn.module import Parameter


def images(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype("f4")


def integers(high, *shape):
    return np.random.default_rng(2).integers(0, high, shape)


X, SEQUENCE, VOLUME, IMAGES = images(4, 6), images(5, 3, 4), images(2, 3, 4, 5, 6), images(2, 4, 6, 6)
LINE = images(2, 4, 9)
PROBABILITY, CLASSES, SIGNS = 1 / (1 + np.exp(-X)), integers(6, 4), np.sign(X)
SIGN = np.array([1, -1, 1, -1], "f4")
PADS = {1: (1, 2), 2: (1, 2, 0, 1), 3: (1, 0, 2, 1, 1, 1)}
PADDED = {1: LINE, 2: IMAGES, 3: VOLUME}


def transformer_layer(kind, **options):
    return kind(8, 2, 16, 0.2, "gelu", 1e-4, norm_first=True, **options)


# Layers with options that are not the usual ones, and what they are called on; None: they have no forward.
EXAMPLES = [
    # activations
    (nn.CELU(0.7, True), X), (nn.ELU(1.5), X), (nn.GELU("tanh"), X), (nn.GLU(0), X), (nn.Hardshrink(0.3), X),
    (nn.Hardsigmoid(True), X), (nn.Hardswish(True), X), (nn.Hardtanh(-0.2, 0.7, True), X),
    (nn.Hardtanh(min_value=-0.3, max_value=0.4), X), (nn.LeakyReLU(0.2, True), X), (nn.LogSigmoid(), X),
    (nn.LogSoftmax(1), X), (nn.Mish(True), X), (nn.PReLU(6, 0.1, dtype="float64"), X.astype("f8")),
    (nn.RReLU(0.2, 0.4), X), (nn.ReLU(True), X), (nn.ReLU6(), X), (nn.SELU(), X), (nn.SiLU(), X), (nn.Sigmoid(), X),
    (nn.Softmax(0), X), (nn.Softmax2d(), IMAGES), (nn.Softmin(1), X), (nn.Softplus(2, 10), X), (nn.Softshrink(0.4), X),
    (nn.Softsign(), X), (nn.Tanh(), X), (nn.Tanhshrink(), X), (nn.Threshold(0.1, 7.0, True), X),
    (nn.Normalization([0.1, 0.2, 0.3, 0.4], [1.5, 2, 3, 4]), IMAGES), (nn.Normalization(0.1307, 0.3081), X),
    # linear
    (nn.Linear(6, 5, bias=False), X), (nn.Linear(6, 5, dtype="float16"), X.astype("f2")),
    (nn.Bilinear(6, 6, 5, False), X, X), (nn.Identity(3, unused=1), X), (nn.Flatten(0, 2), IMAGES),
    (nn.Unflatten(1, [2, -1]), X), (nn.Unflatten(-1, (3, 2)), X),
    # convolutions
    (nn.Conv1d(4, 6, 3, 2, 1, 2, 2, False, "circular"), LINE), (nn.Conv2d(4, 6, (3, 2), padding="same"), IMAGES),
    (nn.Conv2d(4, 6, 3, (1, 2), (0, 1), 2, 2, padding_mode="reflect"), IMAGES),
    (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2, False, 2), LINE),
    (nn.ConvTranspose2d(4, 6, (3, 2), (2, 1), 1, (1, 0), 2), IMAGES),
    # pooling
    (nn.AdaptiveAvgPool1d(4), LINE), (nn.AdaptiveAvgPool2d((None, 4)), IMAGES),
    (nn.AdaptiveMaxPool1d(4, True), LINE), (nn.AdaptiveMaxPool2d([4, 5]), IMAGES), (nn.AvgPool1d(3, 2, 1, True), LINE),
    (nn.AvgPool2d((2, 3), 1, (1, 0), True, False, 5), IMAGES), (nn.LPPool1d(3, 2, 1), np.abs(LINE)),
    (nn.LPPool2d(2.0, (2, 3), ceil_mode=True), IMAGES), (nn.MaxPool1d(2, 1, 1, 2, True, True), LINE),
    (nn.MaxPool2d((2, 3), padding=1), IMAGES), (nn.MaxUnpool1d(2, 3, 1), images(2, 4, 4), integers(9, 2, 4, 4)),
    (nn.MaxUnpool2d((2, 3)), images(2, 4, 3, 2), integers(35, 2, 4, 3, 2)),
    # normalisation
    *[(getattr(nn, f"{kind}Norm{axes}d")(4 if axes < 3 else 3, 1e-3, momentum, affine, stats, bias=False), x)
      for kind, momentum, affine, stats in (("Batch", None, False, True), ("Batch", 0.3, True, False),
                                            ("Instance", 0.2, True, True))
      for axes, x in PADDED.items()],
    (nn.GroupNorm(2, 4, 1e-3, bias=False), IMAGES), (nn.LayerNorm((6, 6), 1e-3, bias=False), IMAGES),
    (nn.LayerNorm(6, elementwise_affine=False), IMAGES), (nn.LocalResponseNorm(3, 1e-2, 0.5, 2.0), IMAGES),
    (nn.RMSNorm([6], 1e-2), IMAGES), (nn.RMSNorm(6, elementwise_affine=False), IMAGES),
    # dropout
    *[(getattr(nn, kind)(0.3, True), x) for kind, x in (
        ("Dropout", X), ("Dropout1d", LINE), ("Dropout2d", IMAGES), ("Dropout3d", VOLUME), ("AlphaDropout", X),
        ("FeatureAlphaDropout", IMAGES))],
    # padding
    *[(getattr(nn, f"{kind}Pad{axes}d")(PADS[axes]), PADDED[axes])
      for kind in ("Circular", "Reflection", "Replication", "Zero") for axes in PADS],
    *[(getattr(nn, f"ConstantPad{axes}d")(2, 3.5), PADDED[axes]) for axes in PADS],
    # images
    (nn.ChannelShuffle(2), IMAGES), (nn.Fold((4, 5), 2, padding=(1, 0)), images(2, 12, 20)),
    (nn.PixelShuffle(2), IMAGES), (nn.PixelUnshuffle(2), IMAGES), (nn.Unfold((2, 3), 1, [0, 1], 2), IMAGES),
    (nn.Upsample((7, 9), mode="bilinear", align_corners=True), IMAGES),
    (nn.Upsample(scale_factor=(1.5, 2), mode="bicubic", recompute_scale_factor=True), IMAGES),
    (nn.UpsamplingBilinear2d(scale_factor=2), IMAGES), (nn.UpsamplingNearest2d((7, 8)), IMAGES),
    # embeddings, distances
    (nn.Embedding(6, 3, -2, 1.5, 1.0, True), CLASSES), (nn.Embedding.from_pretrained(mg.randn(6, 2)), CLASSES),
    (nn.CosineSimilarity(0, 1e-4), X, X[::-1].copy()), (nn.PairwiseDistance(1.0, 1e-3, True), X, X[::-1].copy()),
    # recurrent
    (nn.RNN(4, 5, 2, "relu", False, True, 0.3, True), SEQUENCE), (nn.GRU(4, 5, bidirectional=True), SEQUENCE),
    (nn.LSTM(4, 5, 2, proj_size=3), SEQUENCE), (nn.RNNBase("GRU", 4, 5, 2, dropout=0.2), None),
    (nn.RNNCell(6, 5, False, "relu"), X), (nn.LSTMCell(6, 5), X), (nn.GRUCell(6, 5, False), X),
    (nn.RNNCellBase(6, 5, True, 4), None),
    # attention, Transformers
    (nn.MultiheadAttention(4, 2, 0.1, False, True, True, 4, 4, True), *[SEQUENCE] * 3),
    (nn.MultiheadAttention(4, 2, kdim=4, vdim=3), SEQUENCE, SEQUENCE, SEQUENCE[..., :3]),
    (transformer_layer(nn.TransformerEncoderLayer, bias=False), images(5, 3, 8)),
    (transformer_layer(nn.TransformerDecoderLayer, batch_first=True), images(3, 5, 8), images(3, 4, 8)),
    (nn.TransformerEncoder(transformer_layer(nn.TransformerEncoderLayer), 2, nn.LayerNorm(8)), images(5, 3, 8)),
    (nn.TransformerDecoder(transformer_layer(nn.TransformerDecoderLayer), 3), images(5, 3, 8), images(4, 3, 8)),
    (nn.Transformer(8, 2, 1, 2, 16, activation=F.gelu, batch_first=True), images(3, 5, 8), images(3, 4, 8)),
    # containers
    (nn.Sequential(nn.Linear(6, 3), nn.Sequential({"act": nn.Tanh()}), nn.Dropout(0.1)), X),
    (nn.Sequential(nn.Tanh(), nn.Tanh(), nn.Linear(6, 2))[1:], X),
    (nn.ModuleList([nn.Linear(2, 3), nn.BatchNorm1d(3)]), None),
    (nn.ModuleDict({"z": nn.Linear(2, 3), "a": nn.ReLU(True)}), None),
    (nn.ParameterList([mg.randn(3, 2), 7, Parameter(mg.randn(2), False)]), None),
    (nn.ParameterDict([("z", mg.randn(3)), ("a", mg.randn(2)), ("b", "text")]), None), (nn.Module(), None),
    # losses
    (nn.BCELoss(images(6) ** 2, reduction="sum"), PROBABILITY, PROBABILITY[::-1].copy()),
    (nn.BCEWithLogitsLoss(pos_weight=mg.tensor(2.0)), X, PROBABILITY), (nn.CosineEmbeddingLoss(0.1), X, X, SIGN),
    (nn.CrossEntropyLoss(np.arange(6, dtype="f4"), ignore_index=2, label_smoothing=0.1), X, CLASSES),
    (nn.GaussianNLLLoss(full=True, eps=1e-3), X, X + 1, PROBABILITY), (nn.HingeEmbeddingLoss(0.7), X, SIGNS),
    (nn.HuberLoss("none", 0.4), X, X * 2), (nn.KLDivLoss(log_target=True, reduction="batchmean"), X, X * 2),
    (nn.L1Loss(reduction="none"), X, X * 2), (nn.MSELoss(reduction="sum"), X, X * 2),
    (nn.MarginRankingLoss(0.3), X, X * 2, SIGNS), (nn.MultiLabelSoftMarginLoss(images(6) ** 2), X, PROBABILITY.round()),
    (nn.MultiMarginLoss(2, 0.5, images(6) ** 2), X, CLASSES), (nn.NLLLoss(ignore_index=1, reduction="sum"), X, CLASSES),
    (nn.PoissonNLLLoss(False, True, eps=1e-3), PROBABILITY, PROBABILITY), (nn.SmoothL1Loss(beta=0.3), X, X * 2),
    (nn.SoftMarginLoss(reduction="none"), X, SIGNS), (nn.TripletMarginLoss(0.5, 1.0, 1e-3, True), X, X * 2, X - 1),
    (nn.TripletMarginWithDistanceLoss(distance_function=F.l1_loss, margin=0.3, swap=True), X, X * 2, X - 1),
    (nn.TripletMarginWithDistanceLoss(distance_function=nn.CosineSimilarity()), X, X * 2, X - 1),
]
