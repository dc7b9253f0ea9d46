"""What users of NumPy and PyTorch look for is there, and stands beside PyTorch's in a parity test."""

import inspect
import re
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.nn import init, utils
from minigrad.optim import lr_scheduler

ARRAYS = """
add subtract multiply divide floor_divide remainder power negative abs sign square sqrt rsqrt reciprocal exp exp2 expm1
log log1p log2 sin cos tan asin acos atan atan2 sinh cosh tanh sigmoid erf maximum minimum clip where
equal not_equal less less_equal greater greater_equal isnan isfinite isinf
logical_and logical_or logical_xor logical_not
bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift
sum mean prod max min var std logsumexp cumulative_sum argmax argmin argsort sort topk any all norm
reshape flatten permute_dims swapaxes moveaxis squeeze expand_dims broadcast_to
flip roll tile repeat concat stack split chunk unstack pad tril triu diag
matmul einsum outer trace dot tensordot take take_along_axis masked_fill gather scatter_add one_hot unfold fold
""".split()

CREATION = """
zeros ones full empty arange linspace eye zeros_like ones_like full_like empty_like
rand randn randint randperm normal uniform bernoulli multinomial
""".split()

FUNCTIONS = """
conv1d conv2d conv_transpose1d conv_transpose2d linear bilinear embedding
max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d
adaptive_max_pool2d max_unpool2d
batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize
relu relu6 leaky_relu prelu elu selu celu gelu silu mish softplus softsign hardtanh hardsigmoid hardswish logsigmoid
tanhshrink threshold glu sigmoid tanh softmax softmin log_softmax
scaled_dot_product_attention multi_head_attention
cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss kl_div binary_cross_entropy
binary_cross_entropy_with_logits gaussian_nll_loss poisson_nll_loss hinge_embedding_loss margin_ranking_loss
cosine_embedding_loss triplet_margin_loss cosine_similarity pairwise_distance
interpolate pad pixel_shuffle pixel_unshuffle dropout dropout2d alpha_dropout unfold fold one_hot
""".split()

LAYERS = """
Conv1d Conv2d ConvTranspose1d ConvTranspose2d Linear Bilinear Embedding
MaxPool1d MaxPool2d AvgPool1d AvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d
MaxUnpool2d BatchNorm1d BatchNorm2d LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d RMSNorm LocalResponseNorm
ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Softplus Softsign Hardtanh Hardsigmoid Hardswish LogSigmoid
Tanhshrink Threshold GLU Sigmoid Tanh Softmax Softmin LogSoftmax
CrossEntropyLoss NLLLoss MSELoss L1Loss SmoothL1Loss HuberLoss KLDivLoss BCELoss BCEWithLogitsLoss GaussianNLLLoss
PoissonNLLLoss HingeEmbeddingLoss MarginRankingLoss CosineEmbeddingLoss TripletMarginLoss CosineSimilarity
PairwiseDistance Upsample ConstantPad1d ConstantPad2d ZeroPad1d ZeroPad2d ReflectionPad1d ReflectionPad2d
ReplicationPad1d ReplicationPad2d CircularPad1d CircularPad2d PixelShuffle PixelUnshuffle Unfold Fold
Dropout Dropout1d Dropout2d AlphaDropout
Sequential ModuleList ModuleDict Identity Flatten Unflatten MultiheadAttention TransformerEncoderLayer
TransformerDecoderLayer TransformerEncoder TransformerDecoder Transformer RNNCell LSTMCell GRUCell RNN LSTM GRU
""".split()

OPTIMIZERS = "SGD Adam AdamW NAdam RMSprop Adagrad Adadelta".split()
SCHEDULES = """
StepLR MultiStepLR ExponentialLR CosineAnnealingLR LinearLR OneCycleLR ReduceLROnPlateau LambdaLR SequentialLR
""".split()
INIT = """
calculate_gain uniform_ normal_ trunc_normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_
kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_
""".split()
CLIPPING = ["clip_grad_norm_", "clip_grad_value_"]

WHERE = [(mg, ARRAYS + CREATION), (F, FUNCTIONS), (nn, LAYERS), (optim, OPTIMIZERS), (lr_scheduler, SCHEDULES),
         (init, INIT), (utils, CLIPPING)]


@pytest.mark.parametrize("module, name", [(module, name) for module, names in WHERE for name in names])
def test_it_is_there_and_says_what_it_is(module, name):
    assert inspect.getdoc(getattr(module, name)), f"{module.__name__}.{name} has no docstring"


METHODS = """
sum mean prod max min var std any all argmax argmin argsort sort reshape flatten ravel swapaxes squeeze take repeat clip
dot
trace diagonal copy astype item tolist
""".split()


@pytest.mark.parametrize("name", METHODS)
def test_what_numpy_has_as_a_method_is_one(name):
    assert callable(getattr(mg.Tensor, name))


def test_every_method_says_what_it_does():
    names = [name for name in dir(mg.Tensor) if not name.startswith("_") and callable(getattr(mg.Tensor, name))]
    assert len(names) > 150 and [name for name in names if not inspect.getdoc(getattr(mg.Tensor, name))] == []


def compared_with_pytorch():
    """The text of the files that hold minigrad beside PyTorch."""
    here = Path(__file__)
    files = [file.read_text() for file in sorted(here.parent.glob("test_*.py")) if file != here]
    files = [text for text in files if "mark.parity" in text and "side_by_side" in text or "import torch" in text]
    assert len(files) > 15
    return "\n".join(files)


def is_named(name, text):
    """Whether a name occurs as a word; conv2d also as conv{n}d, in a test of one and two axes."""
    pattern = re.sub(r"(?<=\w)[12]d$", lambda axes: r"(" + axes.group() + r"|\{\w+\}d)", name)
    return re.search(rf"(?<!\w){pattern}(?!\w)", text) is not None


@pytest.mark.parametrize("names", [ARRAYS, FUNCTIONS, LAYERS, OPTIMIZERS, SCHEDULES, CLIPPING],
                         ids=["arrays", "functions", "layers", "optimizers", "schedules", "clipping"])
def test_it_stands_beside_pytorchs(names):
    text = compared_with_pytorch()
    missing = [name for name in names if not is_named(name, text)]
    assert not missing, f"no parity test names {', '.join(missing)}"


def test_a_name_that_no_test_mentions_is_missed():
    text = compared_with_pytorch()
    assert is_named("max_pool2d", text) and not is_named("max_pool7d", text) and not is_named("ax_pool2d", text)
