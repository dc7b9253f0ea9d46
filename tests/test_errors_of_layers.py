"""Every layer and function of nn.functional called wrongly: the text begins with the layer's or the function's name.

A layer's options are wrong at the latest where it is called: the wrong constructor is called, and then the layer.
"""

import inspect
import re
import warnings
from functools import cache

import numpy as np
import pytest
from misuses import NOT_NUMBERS, other_kinds, other_shapes, refusal

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.misuse import explained
from minigrad.op import OPS, Op

LINE, IMAGE, VOLUME, MATRIX = (2, 4, 6), (2, 4, 6, 6), (2, 4, 4, 4, 4), (3, 4)
LAYERS = {}                     # name -> (arguments of the constructor, shapes of the inputs, which are integers)


def add(names, shapes, *args, integers=(), **options):
    for name in names.split():
        LAYERS[name] = (inspect.signature(getattr(nn, name)).bind(*args, **options).arguments, shapes, integers)


add("AlphaDropout CELU Dropout Dropout1d ELU Flatten GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU "
    "LogSigmoid Mish PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softplus Softshrink Softsign Tanh Tanhshrink", [LINE])
add("Dropout2d FeatureAlphaDropout Softmax2d", [IMAGE])
add("Dropout3d", [VOLUME])
add("Threshold", [LINE], 0.5, 1.0)
add("LogSoftmax Softmax Softmin", [LINE], 1)
for axes, shape in (("1d", LINE), ("2d", IMAGE), ("3d", VOLUME)):
    add(f"CircularPad{axes} ReflectionPad{axes} ReplicationPad{axes} ZeroPad{axes}", [shape], 1)
    add(f"ConstantPad{axes}", [shape], 1, 0.5)
    add(f"BatchNorm{axes}", [shape], 4)
    add(f"InstanceNorm{axes}", [shape], 4, affine=True)
for axes, shape in (("1d", LINE), ("2d", IMAGE)):
    add(f"AdaptiveAvgPool{axes} AdaptiveMaxPool{axes} AvgPool{axes} MaxPool{axes}", [shape], 2)
    add(f"LPPool{axes}", [shape], 2.0, 2)
    add(f"MaxUnpool{axes}", [shape, shape], 2, integers=[1])
    add(f"Conv{axes} ConvTranspose{axes}", [shape], 4, 2, 3)
add("GroupNorm", [IMAGE], 2, 4)
add("LayerNorm RMSNorm", [LINE], 6)
add("Normalization", [IMAGE], 0.5, 2.0)
add("ChannelShuffle LocalResponseNorm PixelShuffle PixelUnshuffle Unfold", [IMAGE], 2)
add("Fold", [(2, 8, 9)], 4, 2)
add("Upsample UpsamplingBilinear2d UpsamplingNearest2d", [IMAGE], scale_factor=2)
add("Unflatten", [LINE], 1, (2, 2))
add("Linear", [MATRIX], 4, 2)
add("Bilinear", [(3, 4), (3, 5)], 4, 5, 2)
add("Embedding", [(3, 2)], 5, 3, integers=[0])
add("BCELoss BCEWithLogitsLoss CosineSimilarity HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss "
    "MultiLabelSoftMarginLoss PairwiseDistance PoissonNLLLoss SmoothL1Loss SoftMarginLoss", [MATRIX] * 2)
add("GaussianNLLLoss TripletMarginLoss TripletMarginWithDistanceLoss", [MATRIX] * 3)
add("CosineEmbeddingLoss", [MATRIX, MATRIX, (3,)])
add("MarginRankingLoss", [(3,)] * 3)
add("CrossEntropyLoss MultiMarginLoss NLLLoss", [MATRIX, (3,)], integers=[1])
add("GRU LSTM RNN", [(5, 2, 4)], 4, 3)
add("GRUCell LSTMCell RNNCell", [(2, 4)], 4, 3)
add("MultiheadAttention", [(5, 2, 4)] * 3, 4, 2)
add("TransformerEncoderLayer", [(5, 2, 4)], 4, 2, 8)
add("TransformerDecoderLayer", [(5, 2, 4)] * 2, 4, 2, 8)
add("Transformer", [(5, 2, 4)] * 2, 4, 2, 1, 1, 8)
# What holds others, or is no layer: tests of their own.
OTHERS = set("Identity Module ModuleDict ModuleList Parameter ParameterDict ParameterList RNNBase RNNCellBase "
             "Sequential TransformerDecoder TransformerEncoder".split())
NAMES = sorted(LAYERS)
NOT_TRIED = {"device", "dtype", "inplace", "size_average", "reduce"}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def arrays(name):
    _, shapes, integers = LAYERS[name]
    return [np.ones(shape, "int64" if i in integers else "float32") for i, shape in enumerate(shapes)]


def tensors(values):
    return [mg.Tensor(x) if isinstance(x, np.ndarray) else x for x in values]


source = cache(inspect.getsource)       # of Module too, which is behind all


@cache
def said_by(name):
    """The names with which an error of this layer may begin: its own, and those of the functions that it calls."""
    cls = getattr(nn, name)
    sources = "".join([source(base) for base in cls.__mro__ if base.__module__.startswith("minigrad.nn")])
    return (name, *re.findall(r"\b(?:F|ops)\.(\w+)", sources), *CALLED.get(name, ()))


CALLED = {"GRUCell": ["gru_cell"], "LSTMCell": ["lstm_cell"], "RNNCell": ["rnn_cell"],
          "MultiheadAttention": ["multi_head_attention"],
          **dict.fromkeys(["Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer"],
                          ["multi_head_attention", "linear", "layer_norm", "dropout", "Transformer"])}


def check_text(names, what, error):
    assert str(error).startswith(tuple(names)), f"{names[0]}, {what}: {type(error).__name__}: {error}"


def wrong_options(name):
    """(option, value): every option but flags with values of all kinds."""
    for key, parameter in inspect.signature(getattr(nn, name)).parameters.items():
        if key not in NOT_TRIED and "bool" not in str(parameter.annotation):
            for value in (*NOT_NUMBERS, -1, 0, 1.5, 3, [1, 2, 3], (1, 2, 3, 4, 5, 6, 7)):
                yield key, value


def wrong_inputs(name):
    """(what, inputs): every input in another shape or of another kind."""
    for i, x in enumerate(arrays(name)):
        for what, value in (*other_shapes(x), *other_kinds(x)):
            yield f"input {i} is {what}", [*arrays(name)[:i], value, *arrays(name)[i + 1:]]


def test_every_layer_is_here():
    known = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    assert known == set(LAYERS) | OTHERS


@pytest.mark.parametrize("name", NAMES)
def test_wrong_options(name):
    inputs = tensors(arrays(name))
    for key, value in wrong_options(name):
        options = {**LAYERS[name][0], key: value}
        error = refusal(lambda options=options: getattr(nn, name)(**options)(*inputs))
        if error is not None:
            check_text(said_by(name), f"{key}={value!r}", error)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_inputs(name):
    layer = getattr(nn, name)(**LAYERS[name][0])
    layer(*tensors(arrays(name)))
    for what, inputs in wrong_inputs(name):
        error = refusal(lambda inputs=inputs: layer(*tensors(inputs)))
        if error is not None:
            check_text(said_by(name), what, error)


FUNCTIONS = sorted([name for name, value in vars(F).items()
                    if inspect.isfunction(value) and value.__module__.startswith(F.__name__) and name[0] != "_"])
WRONG_TENSORS = (np.ones((1,) * 9), np.ones(0), np.ones((2, 3), int), np.ones(()))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_arguments_of_functions(name):
    function = getattr(F, name)
    required = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    for value in (*NOT_NUMBERS, *WRONG_TENSORS):
        for place in range(len(required)):
            arguments = [value if i == place else np.ones((2, 4, 6), "f4") for i in range(len(required))]
            for given in (arguments, [value] * len(required)):
                error = refusal(lambda given=given: function(*tensors(given)))
                if error is not None:
                    check_text((function.__name__, name), f"argument {place}: {value!r}", error)


# --- what is refused, and how -------------------------------------------------------------------------------------

@pytest.mark.parametrize("make, message", [
    (lambda: nn.Linear(-1, 2), "Linear: "),
    (lambda: nn.Linear(4, 2.5), "Linear: .*2.5"),
    (lambda: nn.Linear("4", 2), "Linear: .*'4'"),
    (lambda: nn.Conv2d(4, 2, 3, groups=0), "Conv2d: .*groups 0"),
    (lambda: nn.Conv2d(4, 2, 3, groups=3), "Conv2d: in_channels 4 and out_channels 2 must be multiples of groups 3"),
    (lambda: nn.Conv2d(4, 2, 3, groups="2"), "Conv2d: expected groups to be an int or ints, '2' came"),
    (lambda: nn.Conv2d(4, 2, 3, padding_mode="mirror"), "Conv2d: padding_mode must be one of .*'mirror' came"),
    (lambda: nn.Conv2d(4, 2, "3"), "Conv2d: kernel_size must be an int or a pair of ints, '3' came"),
    (lambda: nn.Dropout(1.5), r"Dropout: the probability must be in \[0, 1\], 1.5 came"),
    (lambda: nn.Dropout("0.5"), "Dropout: expected p to be a number, '0.5' came"),
    (lambda: nn.MultiheadAttention(6, 4), "MultiheadAttention: .*6.*4"),
    (lambda: nn.MultiheadAttention(6, 0), "MultiheadAttention: .*0"),
    (lambda: nn.GroupNorm(3, 4), "GroupNorm: .*4.*3"),
    (lambda: nn.GroupNorm(0, 4), "GroupNorm: .*0"),
    (lambda: nn.LSTM(4, 0), "LSTM: .*0"),
    (lambda: nn.GRUCell(4, 2.5), "GRUCell: .*a shape is made of ints, .7.5, 4. came"),
    (lambda: nn.RNN(4, 3, nonlinearity="relu6"), "RNN: .*'relu6'"),
    (lambda: nn.Embedding(-1, 3), "Embedding: "),
    (lambda: nn.CrossEntropyLoss(ignore_index="pad")(mg.ones(3, 4), mg.tensor([0, 1, 2])),
     "cross_entropy: ignore_index must be an int or ints, 'pad' came"),
    (lambda: nn.Flatten()(None), "flatten: expected x to be a tensor or an array, None came"),
    (lambda: F.max_pool2d([1.0], 1), r"max_pool2d: expected \w+ to be .*a list came; minigrad.tensor\(\w+\) makes"),
    (lambda: nn.ReLU()("abc"), "relu: expected x to be a tensor or an array, a string came"),
])
def test_what_is_refused(make, message):
    error = refusal(make)
    assert error is not None and re.match(message, str(error)), repr(error)


def test_the_error_of_a_users_module_is_left_alone():
    class Mine(nn.Module):
        def forward(self, x):
            return x.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing"):
        nn.Sequential(nn.Identity(), Mine())(mg.ones(2))


class Mishap(ValueError):
    """An error of a user's own."""


def refuse():
    raise ValueError("no such key")


def mishap(x, how):
    if how == "own":
        raise Mishap("mine")
    if how == "context":
        try:
            return {}["key"]
        except KeyError:
            refuse()
    return {}["key"] if how == "key" else x.no_such_thing if how == "attribute" else 1 // 0


@pytest.mark.parametrize("how, kind", [("own", Mishap), ("key", KeyError), ("attribute", AttributeError),
                                       ("division", ZeroDivisionError)])
def test_errors_inside_a_users_op_keep_their_kind(how, kind):
    """They are bugs of that function, or meant to be caught by their class."""
    own = Op(mishap)
    try:
        for x in (mg.ones(2), np.ones(2)):
            with pytest.raises(kind) as caught:
                own(x, how)
            assert caught.type is kind and caught.traceback[-1].name == "mishap"
    finally:
        del OPS["mishap"]


def test_what_an_error_came_from_is_kept():
    own = Op(mishap)
    try:
        with pytest.raises(ValueError, match="mishap: no such key") as caught:
            own(mg.ones(2), "context")
        assert isinstance(caught.value.__cause__, KeyError)
    finally:
        del OPS["mishap"]
    with pytest.raises(ValueError, match="add: ") as caught:
        try:
            raise KeyError("first")
        except KeyError:
            mg.ones(2) + mg.ones(3)
    assert isinstance(caught.value.__cause__, KeyError)


def test_what_cannot_be_shown_hides_no_error():
    class Shy:
        def __repr__(self):
            raise RuntimeError("no repr")

    with pytest.raises(TypeError, match="flip: .*Shy"):
        mg.flip(mg.ones(2), Shy())
    layer = nn.Identity()
    layer.forward = max             # Python knows no signature of it
    with pytest.raises(TypeError, match="not iterable"):
        layer(3)


@pytest.mark.parametrize("call, message", [
    (lambda: mg.mm([[1.0]], mg.ones(1, 1)), "mm: expected a to be a tensor or an array, a list came"),
    (lambda: mg.nonzero("abc"), "nonzero: "),
])
def test_words_say_their_names(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_an_argument_that_is_none_is_not_blamed_for_another_error():
    error = AttributeError("raised by hand")
    assert "None came" not in str(explained("f", error, {"x": np.ones(2), "bias": None}))


def test_errors_of_a_users_function_inside_a_function_or_a_constructor_keep_their_kind():
    class Mine(nn.Linear):
        def reset_parameters(self):
            raise Mishap("mine")

    def distance(a, b):
        return {}["key"]

    with pytest.raises(KeyError):
        F.triplet_margin_with_distance_loss(*[mg.ones(2, 3)] * 3, distance_function=distance)
    with pytest.raises(KeyError):
        nn.TripletMarginWithDistanceLoss(distance_function=distance)(*[mg.ones(2, 3)] * 3)
    with pytest.raises(Mishap):
        Mine(3, 2)
