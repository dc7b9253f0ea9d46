"""Losses and distances beside PyTorch's, on drawn shapes, options, ties and kinks."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from side_by_side import arrays, masks, same, same_layer, sides, whole

import minigrad.nn.functional as F
from minigrad import nn

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::RuntimeWarning")]     # the mean of nothing
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
SHAPES = st.lists(sides(0, 3), max_size=3).map(tuple)


@st.composite
def broadcasting(draw, shape):
    """A shape that broadcasts to another, now and then one that does not."""
    other = [draw(st.sampled_from([n, n, 1])) for n in shape][draw(st.sampled_from([0, 0, 1])):]
    if draw(st.integers(0, 9)) == 9:
        other = [n + 2 for n in other]
    return tuple(other)


def pair(data, kind="normal", other=None):
    """Two arrays of the same shape, or of shapes that broadcast."""
    shape = data.draw(SHAPES)
    return [data.draw(arrays(shape, kind)), data.draw(arrays(data.draw(st.just(shape) | broadcasting(shape)),
                                                             other or kind))]


def signs(data, shape):
    """1 and -1, and now and then 0, in float64."""
    drawn = data.draw(whole(shape, 0, 2)) * 2 - 1 if data.draw(st.booleans()) else data.draw(whole(shape, -1, 2))
    return np.asarray(drawn, "float64")


def layered(name, inputs, options, layer_options=None, **rest):
    """The function and the layer of a loss.   layer_options: those of the constructor, if not the same."""
    import torch

    function, layer = name
    rest.setdefault("scale", 1e-6)                          # a second gradient may be a sum that comes out 0
    same(function, inputs, options, **rest)
    chosen = options if layer_options is None else layer_options
    in_torch = {key: torch.from_numpy(np.array(value, order="C")) if isinstance(value, np.ndarray) else value
                for key, value in chosen.items()}
    same_layer(getattr(nn, layer)(**chosen), getattr(torch.nn, layer)(**in_torch), inputs, **rest)


# --- classes --------------------------------------------------------------------------------------------------

def scores(data):
    """x (n, c, ...), or (c,)."""
    shape = data.draw(st.sampled_from([(), (2,), (2, 2), (0,)]))
    x = (data.draw(sides(1, 4)),) if data.draw(st.integers(0, 4)) == 4 else (data.draw(sides()), data.draw(sides(1, 4)))
    return x if len(x) == 1 else x + shape


def class_options(data, c):
    return {"reduction": data.draw(REDUCTIONS), "weight": data.draw(st.none() | arrays((c,), "positive")),
            "ignore_index": data.draw(st.sampled_from([-100, 1]))}


def smoothing(data):
    return {"label_smoothing": data.draw(st.sampled_from([0.0, 0.3, 1.0]))}


@given(st.data())
def test_cross_entropy_of_classes(data):
    shape = scores(data)
    c = shape[-1] if len(shape) == 1 else shape[1]
    rest = () if len(shape) == 1 else shape[:1] + shape[2:]
    target = data.draw(whole(rest, 0, c))
    layered(("cross_entropy", "CrossEntropyLoss"), [data.draw(arrays(shape)), target],
            class_options(data, c) | smoothing(data))


@given(st.data())
def test_cross_entropy_of_probabilities(data):
    shape = data.draw(st.just((2, 0)) | st.just(()).map(lambda _: scores(data)))
    c = shape[-1] if len(shape) == 1 else shape[1]
    inputs = [data.draw(arrays(shape)), data.draw(arrays(shape, "unit"))]
    layered(("cross_entropy", "CrossEntropyLoss"), inputs, class_options(data, c) | smoothing(data))


@given(st.data())
def test_nll_loss(data):
    shape = scores(data)
    c = shape[-1] if len(shape) == 1 else shape[1]
    target = data.draw(whole(() if len(shape) == 1 else shape[:1] + shape[2:], 0, c))
    logarithms = np.log(data.draw(arrays(shape, "unit")))
    layered(("nll_loss", "NLLLoss"), [logarithms, target], class_options(data, c))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss"])
@pytest.mark.parametrize("shape, target", [
    ((2, 3), (3,)), ((2, 3), ()), ((2, 3), (2, 1)), ((3, 0), (3,)), ((), ()), ((2, 3, 4), (2, 3)), ((1, 3), (2,)),
    ((0,), ()), ((2, 3, 1), (2,)), ((2, 3), (2, 3)),
])
def test_shapes_that_are_refused(name, shape, target):
    if name == "multi_margin_loss" and not shape:
        return                                              # PyTorch takes a number for a vector of one class
    same(name, [np.ones(shape), np.zeros(target, "i8")])


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss"])
@pytest.mark.parametrize("options", [{"weight": np.ones(2)}, {"weight": np.ones((3, 1))}, {"reduction": "average"}])
def test_options_that_are_refused(name, options):
    same(name, [np.ones((2, 3)), np.zeros(2, "i8")], options)
    same(name, [np.ones((2, 3)), np.array([0, 3])])


@given(st.data())
def test_multi_margin_loss(data):
    c, n = data.draw(sides(1, 4)), data.draw(sides(1, 3))
    shape, target = data.draw(st.sampled_from([((n, c), (n,)), ((c,), ()), ((c,), (1,))]))
    options = {"p": data.draw(st.sampled_from([1, 2])), "margin": data.draw(st.sampled_from([1.0, 0.5, 0.0, -0.5])),
               "weight": data.draw(st.none() | arrays((c,), "positive")), "reduction": data.draw(REDUCTIONS)}
    inputs = [data.draw(arrays(shape, data.draw(st.sampled_from(["normal", "ties"])))), data.draw(whole(target, 0, c))]
    layered(("multi_margin_loss", "MultiMarginLoss"), inputs, options)


@given(st.data())
def test_multilabel_soft_margin_loss(data):
    x, target = pair(data)
    options = {"weight": data.draw(st.none() | arrays(data.draw(broadcasting(x.shape)), "positive")),
               "reduction": data.draw(REDUCTIONS)}
    layered(("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss"), [x, target], options, scale=1e-3)


# --- regression -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, layer", [("mse_loss", "MSELoss"), ("l1_loss", "L1Loss")])
@given(st.data())
def test_mse_and_l1_loss(name, layer, data):
    layered((name, layer), pair(data, "ties"), {"reduction": data.draw(REDUCTIONS)})


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
@given(st.data())
def test_weights_of_regression(name, data):
    x, target = pair(data, "ties")
    weight = data.draw(arrays(data.draw(st.just(x.shape) | broadcasting(x.shape)), "positive"))
    reduction = data.draw(REDUCTIONS)
    import torch

    def weighed(module):
        return lambda x, target, weight: getattr(module, name)(x, target, weight=weight, reduction=reduction)

    same(name, [x, target, weight], mine=weighed(F), theirs=weighed(torch.nn.functional), scale=1e-6)


@given(st.data())
def test_smooth_l1_loss(data):
    options = {"reduction": data.draw(REDUCTIONS), "beta": data.draw(st.sampled_from([0, 0.5, 1.0, 2.5, -1.0]))}
    layered(("smooth_l1_loss", "SmoothL1Loss"), pair(data, "ties"), options)


@given(st.data())
def test_huber_loss(data):
    options = {"reduction": data.draw(REDUCTIONS), "delta": data.draw(st.sampled_from([0.5, 1.0, 2.5, 0.0, -1.0]))}
    layered(("huber_loss", "HuberLoss"), pair(data, "ties"), options)


# --- likelihoods ----------------------------------------------------------------------------------------------

@given(st.data())
def test_kl_div(data):
    log_target = data.draw(st.booleans())
    inputs = pair(data, "normal", "normal" if log_target else "unit")
    options = {"reduction": data.draw(REDUCTIONS | st.just("batchmean")), "log_target": log_target}
    layered(("kl_div", "KLDivLoss"), inputs, options)


@given(st.data())
def test_kl_div_of_impossible_events(data):
    """0 * log(0) is 0. PyTorch's gradient at such a target is NaN, ours is finite, so it is not compared."""
    shape = data.draw(SHAPES)
    target = np.asarray(data.draw(arrays(shape, "unit")) * data.draw(masks(shape)))
    same("kl_div", [data.draw(arrays(shape)), target], {"reduction": data.draw(REDUCTIONS)}, constant=(1,))


@given(st.data())
def test_binary_cross_entropy(data):
    x, target = pair(data, "unit")
    options = {"weight": data.draw(st.none() | arrays(data.draw(broadcasting(x.shape)), "positive")),
               "reduction": data.draw(REDUCTIONS)}
    layered(("binary_cross_entropy", "BCELoss"), [x, target], options)


@given(st.data())
def test_binary_cross_entropy_of_certainties(data):
    x, target = [data.draw(whole((3,), 0, 2)) * 1.0 for _ in range(2)]
    same("binary_cross_entropy", [x, target], {"reduction": data.draw(REDUCTIONS)}, constant=(1,), second=False)


@pytest.mark.parametrize("x, target", [
    ([1.5], [1.0]), ([-0.1], [1.0]), ([np.nan], [1.0]), ([0.5], [[0.5]]), ([0.5, 0.5], [0.5]), ([0.5], [1]),
    ([1], [0.5]),
])
@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_binary_cross_entropy_refuses(name, x, target):
    same(name, [np.array(x), np.array(target)])


@given(st.data())
def test_binary_cross_entropy_with_logits(data):
    x, target = pair(data, data.draw(st.sampled_from(["normal", "ties"])), "unit")
    x = np.asarray(x * data.draw(st.sampled_from([1.0, 300.0])))
    options = {key: data.draw(st.none() | arrays(data.draw(broadcasting(x.shape)), "positive"))
               for key in ("weight", "pos_weight")}
    layered(("binary_cross_entropy_with_logits", "BCEWithLogitsLoss"), [x, target],
            options | {"reduction": data.draw(REDUCTIONS)})


@given(st.data())
def test_gaussian_nll_loss(data):
    x, target = pair(data)
    drop = x.shape[:-1] if x.shape else ()
    shape = data.draw(st.just(x.shape) | st.just(drop) | broadcasting(x.shape))
    options = {"full": data.draw(st.booleans()), "eps": data.draw(st.sampled_from([1e-6, 1.0])),
               "reduction": data.draw(REDUCTIONS)}
    var = data.draw(arrays(shape, data.draw(st.sampled_from(["positive", "positive", "ties"]))))
    layered(("gaussian_nll_loss", "GaussianNLLLoss"), [x, target, var], options)
    same("gaussian_nll_loss", [x, target, data.draw(st.sampled_from([0.5, 0.0, -1.0]))], options)


@given(st.data())
def test_poisson_nll_loss(data):
    log_input = data.draw(st.booleans())
    x, target = pair(data, "normal" if log_input else "positive", "positive")
    options = {"log_input": log_input, "full": data.draw(st.booleans()), "reduction": data.draw(REDUCTIONS),
               "eps": data.draw(st.sampled_from([1e-8, 0.1]))}
    layered(("poisson_nll_loss", "PoissonNLLLoss"), [x, target], options)
    counts = data.draw(whole(target.shape, 0, 4)).astype("float64")
    same("poisson_nll_loss", [x, counts], options, constant=(1,))


# --- margins --------------------------------------------------------------------------------------------------

@given(st.data())
def test_hinge_embedding_loss(data):
    x, other = pair(data, "ties")
    options = {"margin": data.draw(st.sampled_from([1.0, 0.5, -0.5])), "reduction": data.draw(REDUCTIONS)}
    layered(("hinge_embedding_loss", "HingeEmbeddingLoss"), [x, signs(data, other.shape)], options)
    same("hinge_embedding_loss", [x, signs(data, other.shape).astype("i8")], options)


@given(st.data())
def test_margin_ranking_loss(data):
    x1, x2 = pair(data, "ties")
    target = signs(data, data.draw(st.just(x2.shape) | st.just(x1.shape)))
    options = {"margin": data.draw(st.sampled_from([0, 0.5, -0.5])), "reduction": data.draw(REDUCTIONS)}
    layered(("margin_ranking_loss", "MarginRankingLoss"), [x1, x2, target], options)


@given(st.data())
def test_soft_margin_loss(data):
    x, other = pair(data)
    target = signs(data, other.shape)
    layered(("soft_margin_loss", "SoftMarginLoss"), [x, target], {"reduction": data.draw(REDUCTIONS)}, constant=(1,))


# --- distances ------------------------------------------------------------------------------------------------

@given(st.data())
def test_cosine_similarity(data):
    x1, x2 = pair(data)
    options = {"dim": data.draw(st.integers(-3, 2)), "eps": data.draw(st.sampled_from([1e-8, 1.0]))}
    layered(("cosine_similarity", "CosineSimilarity"), [x1, x2], options, scale=1e-3,
            float32=not parallel(x1, x2), second=not parallel(x1, x2))


def parallel(x1, x2):
    """Whether vectors are equal or numbers: their cosine is 1 or -1, and its gradients are rounding alone."""
    return min(x1.shape + x2.shape, default=1) == 1 or np.array_equal(x1, x2)


@pytest.mark.parametrize("x1, x2", [([0.0, 0], [1.0, 0]), ([0.0, 0], [0.0, 0]), ([1e-10, 0], [2.0, 1]), (0.5, -2.0)])
def test_cosine_similarity_of_short_vectors(x1, x2):
    same("cosine_similarity", [np.array(x1), np.array(x2)], {"dim": 0}, second=False)


@given(st.data())
def test_pairwise_distance(data):
    """Equal components too: eps is 0 there now and then, and a second gradient is no number in PyTorch."""
    x1, x2 = pair(data, data.draw(st.sampled_from(["normal", "ties"])))
    p = data.draw(st.sampled_from([2.0, 1.0, 3.0, 1.5, 0.5, 0.0, np.inf, -np.inf, -1.0]))
    eps = data.draw(st.sampled_from([1e-6, 0.5, 0.0]))
    common = np.broadcast_shapes(x1.shape, x2.shape) if fit(x1, x2) else ()
    if (p == np.inf or p < 0) and 0 in common[-1:]:
        p = 2.0
    same("pairwise_distance", [x1, x2], {"p": p, "eps": eps, "keepdim": data.draw(st.booleans())},
         second=smooth(x1, x2, eps), float32=eps != 1e-6)


def smooth(x1, x2, eps):
    """Whether all components differ: where they do not, the second gradients are eps^-1 times rounding."""
    return fit(x1, x2) and bool(np.abs(x1 - x2 + eps).min(initial=1) > 0.01)


def fit(*inputs):
    """Whether shapes broadcast."""
    try:
        np.broadcast_shapes(*[x.shape for x in inputs])
    except ValueError:
        return False
    return True


@given(st.data())
def test_pairwise_distance_layer(data):
    import torch

    options = {"p": data.draw(st.sampled_from([2.0, 1.0, 3.0])), "eps": data.draw(st.sampled_from([1e-6, 0.5])),
               "keepdim": data.draw(st.booleans())}
    x1, x2 = pair(data)
    same_layer(nn.PairwiseDistance(**options), torch.nn.PairwiseDistance(**options), [x1, x2],
               second=smooth(x1, x2, options["eps"]))


@given(st.data())
def test_cosine_embedding_loss(data):
    n, d = data.draw(sides(0, 3)), data.draw(sides(0, 3))
    rows = data.draw(st.sampled_from([(), (n,), (n,)]))
    x1, x2 = data.draw(arrays((*rows, d))), data.draw(arrays((*data.draw(broadcasting(rows)), d)))
    options = {"margin": data.draw(st.sampled_from([0.0, 0.5, -0.5])), "reduction": data.draw(REDUCTIONS)}
    layered(("cosine_embedding_loss", "CosineEmbeddingLoss"), [x1, x2, signs(data, rows)], options, scale=1e-3,
            float32=not parallel(x1, x2), second=not parallel(x1, x2))


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3), ()), ((3,), (3,), (1,)), ((2, 3), (2, 3), (3,)),
                                    ((2, 3, 4), (2, 3, 4), (2,)), ((2, 3), (2, 3), (1,)), ((2, 3), (2, 4), (2,))])
def test_cosine_embedding_loss_of_other_shapes(shapes):
    same("cosine_embedding_loss", [np.cos(np.arange(np.prod(shape)) + i).reshape(shape) if i < 2 else np.ones(shape)
                                   for i, shape in enumerate(shapes)])


def apart(*points):
    """Whether no two of these points, along the last axis, are one; True for shapes that do not fit together."""
    try:
        gaps = [abs(a - b).max(-1) for a, b in combinations(points, 2)]
    except ValueError:
        return True
    return all(gap.size == 0 or gap.min() > 1e-3 for gap in gaps)


@given(st.data())
def test_triplet_margin_loss(data):
    anchor, positive = pair(data)
    negative = data.draw(arrays(data.draw(st.just(anchor.shape) | st.just(positive.shape))))
    options = {"margin": data.draw(st.sampled_from([1.0, 0.1, 3.0, 0.0])),
               "p": data.draw(st.sampled_from([2.0, 1.0, 3])), "swap": data.draw(st.booleans()),
               "reduction": data.draw(REDUCTIONS)}
    if options["p"] == 3:       # where two points are one, the second derivative of a cube root is what rounding leaves
        assume(apart(anchor, positive, negative))
    if options["margin"] <= 0:
        same("triplet_margin_loss", [anchor, positive, negative], options)
        with pytest.raises(ValueError, match="TripletMarginLoss: margin must be greater than 0"):
            nn.TripletMarginLoss(**options)
    else:
        layered(("triplet_margin_loss", "TripletMarginLoss"), [anchor, positive, negative], options)


@given(st.data())
def test_triplet_margin_with_distance_loss(data):
    anchor, positive = pair(data)
    negative = data.draw(arrays(anchor.shape))
    options = {"margin": data.draw(st.sampled_from([1.0, 0.1, 3.0])), "swap": data.draw(st.booleans()),
               "reduction": data.draw(REDUCTIONS)}
    options |= {"distance_function": data.draw(st.sampled_from([None, lambda a, b: ((a - b) ** 2).sum(-1)]))}
    names = "triplet_margin_with_distance_loss", "TripletMarginWithDistanceLoss"
    layered(names, [anchor, positive, negative], options)


# --- older words ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "kl_div", "binary_cross_entropy",
                                  "binary_cross_entropy_with_logits", "poisson_nll_loss", "hinge_embedding_loss",
                                  "soft_margin_loss", "multilabel_soft_margin_loss"])
@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
def test_size_average_and_reduce(name, size_average, reduce):
    inputs = [np.array([[0.2, 0.7], [0.4, 0.9]]), np.array([[1.0, -1.0], [-1.0, 1.0]])]
    if "binary" in name or name == "kl_div":
        inputs[1] = inputs[1] / 2 + 0.5
    same(name, inputs, {"size_average": size_average, "reduce": reduce}, constant=(1,))
