"""What the blocks compute, written out once more from the papers, between the values at inner nodes."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import images, lively, small

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import models


def values(name: str, *nodes: str, n: int = 2) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The values at nodes of a small model in evaluation, and its parameters by name."""
    model = small(name).eval()
    model.load_state_dict(lively(model))
    with mg.no_grad():
        found = model.run(images(name, n), at=list(nodes))
    return [found[node].numpy() for node in nodes], model.state_dict()


def close(found, wanted) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_alexnets_towers_do_not_look_at_each_other_in_conv2():
    """Section 3.5: conv2, conv4 and conv5 read the maps of their own GPU, conv3 all."""
    (before,), _ = values("alexnet_paper", "pool1")
    layers = {f"conv{i}": small("alexnet_paper").node(f"conv{i}").what for i in (1, 2, 3, 4, 5)}
    assert [layer.groups for layer in layers.values()] == [1, 2, 1, 2, 2]
    other = before.copy()
    other[:, before.shape[1] // 2:] += 1                                    # in the second tower
    with mg.no_grad():
        one, two = [layers["conv2"](mg.tensor(x)).numpy() for x in (before, other)]
    half = one.shape[1] // 2
    np.testing.assert_array_equal(one[:, :half], two[:, :half])
    assert abs(one - two)[:, half:].max() > 1e-3


@pytest.mark.parametrize(("name", "before", "norm"), [("alexnet_paper", "relu_1", "norm1"),
                                                      ("googlenet_paper", "maxpool1", "norm1")])
def test_local_response_normalisation_has_the_papers_numbers(name, before, norm):
    """Krizhevsky et al. 2012, section 3.3: a / (2 + 1e-4 * the sum of squares of 5 channels around)^0.75."""
    (a, b), _ = values(name, before, norm)
    a = 30 * a                                      # so that the sum matters beside the 2
    with mg.no_grad():
        b = small(name).node(norm).what(mg.tensor(a)).numpy()
    c = a.shape[1]
    for i in range(c):
        squares = (a[:, max(0, i - 2):i + 3] ** 2).sum(1)
        close(b[:, i], a[:, i] / (2 + 1e-4 * squares) ** 0.75)


def test_shortcuts_of_the_cifar_form_are_padded_with_zeros():
    (before, branch, after), _ = values("resnet20_cifar", "layer1.2.relu", "layer2.0.bn2", "layer2.0.relu")
    wanted = branch.copy()
    wanted[:, :before.shape[1]] += before[:, :, ::2, ::2]
    close(after, np.maximum(wanted, 0))


def test_plain_twins_have_no_shortcuts():
    (branch, after), _ = values("plain20_cifar", "layer2.0.bn2", "layer2.0.relu")
    close(after, np.maximum(branch, 0))
    assert not [node for node in models.outline("plain18").nodes if node.kind == "add"]


def test_the_stride_of_the_papers_bottlenecks_is_in_the_first_1x1():
    def strides(name):
        graph = models.outline(name)
        return [graph.node(f"layer2.0.conv{i}").what.stride[0] for i in (1, 2, 3)]

    assert strides("resnet50_paper") == [2, 1, 1] and strides("resnet50") == [1, 2, 1]


def test_wide_resnets_shortcut_reads_what_is_normalised_and_active():
    (before, active, h, after), state = values("wrn_16_8", "layer1.1.add", "layer2.0.bn1_relu", "layer2.0.conv2",
                                               "layer2.0.add")
    close(active, np.maximum(F.batch_norm(before, state["layer2.0.bn1.running_mean"],
                                          state["layer2.0.bn1.running_var"], state["layer2.0.bn1.weight"],
                                          state["layer2.0.bn1.bias"]), 0))
    close(after, h + F.conv2d(active, state["layer2.0.shortcut.weight"], stride=2))


def test_a_gate_multiplies_channels_by_numbers_from_their_means():
    """Hu et al. 2017, equations 2 to 4."""
    (u, scaled), w = values("se_resnet18", "layer1.0.bn2", "layer1.0.se.scale")
    z = u.mean((2, 3))
    z = np.maximum(z @ w["layer1.0.se.fc1.weight"].T + w["layer1.0.se.fc1.bias"], 0)
    s = 1 / (1 + np.exp(-(z @ w["layer1.0.se.fc2.weight"].T + w["layer1.0.se.fc2.bias"])))
    close(scaled, u * s[:, :, None, None])
    assert models.outline("se_resnet50").node("layer4.0.se.fc1").shape == ("n", 2048 // 16)


def test_dense_layers_read_all_before_them():
    nodes = [f"features.denseblock1.denselayer{i}.{part}" for i in (1, 2, 3) for part in ("conv1", "concat")]
    (h1, x1, h2, x2, h3, x3), state = values("densenet40_cifar", *nodes)
    close(x3, np.concatenate([x1, h2, h3], 1))
    close(x1[:, -h1.shape[1]:], h1)
    assert state["features.denseblock1.denselayer3.norm1.weight"].shape == (x2.shape[1],)


def test_u_net_crops_the_middle():
    (skip, up, joined), _ = values("unet_paper", "down4.relu2", "up4.up", "up4.concat", n=1)
    size, edge = up.shape[2], (skip.shape[2] - up.shape[2]) // 2
    assert (skip.shape[2] - size) % 2 == 0
    close(joined, np.concatenate([skip[:, :, edge:edge + size, edge:edge + size], up], 1))


def test_u_nets_shapes_are_those_of_figure_1():
    graph = models.outline("unet_paper")
    for node, shape in {"down1.relu2": (64, 568, 568), "pool4": (512, 32, 32), "bottom.relu2": (1024, 28, 28),
                        "up4.up": (512, 56, 56), "up4.relu2": (512, 52, 52), "up1.up": (64, 392, 392),
                        "out": (2, 388, 388)}.items():
        assert graph.node(node).shape == ("n", *shape), node
    assert [models.outline("unet_paper", size=size).node("out").shape[2] for size in (188, 204)] == [4, 20]


def test_upsampling_repeats_pixels():
    (before, after), _ = values("unet_upsample", "bottom.relu2", "up4.upsample")
    close(after, before.repeat(2, 2).repeat(2, 3))


def test_googlenets_shapes_are_those_of_table_1():
    graph = models.outline("googlenet_paper")
    for node, shape in {"conv1.relu": (64, 112, 112), "maxpool1": (64, 56, 56), "maxpool2": (192, 28, 28),
                        "inception3b.concat": (480, 28, 28), "inception4a.concat": (512, 14, 14),
                        "inception4d.concat": (528, 14, 14), "inception4e.concat": (832, 14, 14),
                        "maxpool4": (832, 7, 7), "inception5b.concat": (1024, 7, 7), "avgpool": (1024, 1, 1)}.items():
        assert graph.node(node).shape == ("n", *shape), node
    assert graph.node("aux1.pool").inputs == ("inception4a.concat",) and graph.node("aux1.pool").shape[2:] == (4, 4)
    assert graph.node("aux2.pool").inputs == ("inception4d.concat",)
