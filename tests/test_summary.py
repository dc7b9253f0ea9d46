"""What a graph's summary says: shapes, windows, parameters, multiplications, memory; how it looks; its errors."""

from __future__ import annotations

import csv
import json
import os
from functools import cache

import pytest

import minigrad as mg
from minigrad import models, nn, ops
from minigrad.graph import Graph, Input, summary

LENET5 = """\
name       layer                input -> output      params    mults   RF  bytes
--------------------------------------------------------------------------------
image      Input                1x32x32                   0        0    1   4.0K
c1         Conv2d 5x5 s1 p0     1x32x32 -> 6x28x28      156  117,600    5  18.4K
tanh_1     tanh                 6x28x28                   0        0    5  18.4K
s2         AvgPool2d 2x2 s2 p0  6x28x28 -> 6x14x14        0        0    6   4.6K
c3         Conv2d 5x5 s1 p0     6x14x14 -> 16x10x10   2,416  240,000   14   6.2K
tanh_2     tanh                 16x10x10                  0        0   14   6.2K
s4         AvgPool2d 2x2 s2 p0  16x10x10 -> 16x5x5        0        0   16   1.6K
c5         Conv2d 5x5 s1 p0     16x5x5 -> 120x1x1    48,120   48,000   32    480
tanh_3     tanh                 120x1x1                   0        0   32    480
reshape_1  reshape              120x1x1 -> 120            0        0  all    480
f6         Linear               120 -> 84            10,164   10,080  all    336
tanh_4     tanh                 84                        0        0  all    336
f7         Linear               84 -> 10                850      840  all     40
--------------------------------------------------------------------------------
total  61,706 parameters, all trainable, 241 KiB
       416,520 multiplications for one example
       61.5 KiB of outputs for one example"""


class Bottleneck(nn.Module):
    def __init__(self, c_in, c, stride):
        self.conv1, self.bn1 = nn.Conv2d(c_in, c, 1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.conv3, self.bn3 = nn.Conv2d(c, 4 * c, 1, bias=False), nn.BatchNorm2d(4 * c)
        self.relu = nn.ReLU()
        self.downsample = None if c_in == 4 * c else nn.Sequential(
            nn.Conv2d(c_in, 4 * c, 1, stride, bias=False), nn.BatchNorm2d(4 * c))

    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(h)))))
        return self.relu(h + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """In torchvision's words, with the stride in the 3x3 convolution."""

    def __init__(self):
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        c_in = 64
        for i, (c, n) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
            blocks = []
            for j in range(n):
                blocks.append(Bottleneck(c_in, c, 2 if j == 0 and i > 1 else 1))
                c_in = 4 * c
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2048, 1000)

    def forward(self, x):
        h = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        return self.fc(ops.flatten(self.avgpool(h), 1))


def alexnet():
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2))
    classifier = nn.Sequential(nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096),
                               nn.ReLU(), nn.Linear(4096, 1000))
    return nn.Sequential({"features": features, "avgpool": nn.AdaptiveAvgPool2d((6, 6)), "flatten": nn.Flatten(),
                          "classifier": classifier})


@cache
def of_images(make):
    return summary(make(), (3, 224, 224))


def of(layer, *shapes, dtypes=None):
    """The row of a layer that is called on inputs of these shapes."""
    return summary(layer, *shapes, dtypes=dtypes).rows[-1]


# --- how it looks ----------------------------------------------------------------------------------------------

def test_lenet5_is_the_classic_table():
    assert str(models.lenet5().summary()) == repr(models.lenet5().summary()) == LENET5


def test_a_wide_table_has_all_columns_under_whole_names():
    lines = models.lenet5().summary().to_text(None).splitlines()
    assert lines[0].split("  ")[0] == "name" and "receptive field" in lines[0] and "multiplications" in lines[0]
    assert lines[3].split() == ["c1", "Conv2d", "1x32x32", "->", "6x28x28", "5x5", "s1", "p0", "156", "117,600", "5",
                                "18.4", "KiB"]
    assert models.lenet5().summary().to_text(200).splitlines() == lines


@pytest.mark.parametrize("make", [ResNet50, alexnet])
def test_large_networks_fit_80_columns(make):
    found = of_images(make)
    lines = str(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert len({len(line) for line in lines[1:-4] if not line.startswith(("layer", "features", "classifier"))}) == 1


def test_resnet50():
    """torchvision: 25,557,032 parameters and 4.09 G multiplications; Araujo et al. 2019: it sees 483 pixels with the
    stride in the 1x1 convolutions, with it in the 3x3 ones the last block of each size saves half a step."""
    found = of_images(ResNet50)
    assert (found.parameters, found.multiplications) == (25_557_032, 4_089_184_256)
    assert found["layer1.0.conv2"].multiplications == 56 * 56 * 64 * 64 * 9
    assert found["layer4.2.conv2"].receptive_field == (427, 427) and found["layer4.2.conv2"].jump == (32, 32)
    assert found["fc"].receptive_field == ("all", "all")
    text = str(found)
    assert "\nlayer1.0\n  conv1        Conv2d 1x1 s1 p0    64x56x56       4,096  12,845,056  11  784K\n" in text
    assert "\n  downsample.0 Conv2d 1x1 s1 p0" in text and "\nlayer1.1\n  conv1 " in text
    assert text.count("\nlayer1.0\n") == 1 and "\navgpool        AdaptiveAvgPool2d" in text


def test_alexnet():
    """61,100,840 parameters; 195 pixels: Araujo et al. 2019."""
    found = of_images(alexnet)
    assert (found.parameters, found.multiplications) == (61_100_840, 714_188_480)
    assert found["features.12"].receptive_field == (195, 195)
    assert found["classifier.1"].receptive_field == ("all", "all")


def test_nothing_is_wider_than_it_must_be():
    long = nn.Sequential({"a" * 90: nn.Linear(4, 4)})
    lines = str(summary(long, (4,))).splitlines()
    assert lines[3].startswith("a" * 90 + " Linear 4 ")            # the narrowest, though it does not fit


def test_shapes_of_several_inputs_and_results():
    a, b = Input((4, 3), name="a"), Input((2, 3), name="b")
    h = ops.concat([a, b], 1, name="both")
    found = Graph([a, b], [h, *ops.topk(h, 2), ops.sum(h), ops.reshape(h, (-1, 3)), h + h]).summary()
    lines = {line.split()[0]: line for line in str(found).splitlines()}
    assert "2 inputs -> 6x3" in lines["both"] and "6x3 -> 6x2, 6x2" in lines["topk_1"]
    assert "6x3 -> []" in lines["sum_1"] and "6x3 -> [6nx3]" in lines["reshape_1"]
    assert found["both"].input_shapes == (("n", 4, 3), ("n", 2, 3)) and found["both"].inputs == ("a", "b")
    assert found["add_1"].input_shapes == (("n", 6, 3),)


def test_markdown():
    x = Input((3, 4, 4), name="x|y")
    lines = Graph(x, nn.Conv2d(3, 2, 3)(x, name="c")).summary().to_markdown().splitlines()
    assert lines[0].startswith("| name ") and set(lines[1]) == set("|-: ") and len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == [
        "c", "Conv2d", "3x4x4 -> 2x2x2", "3x3 s1 p0", "56", "216", "3", "32 B"]
    assert r"x\|y" in lines[2] and "**216**" in lines[4]
    assert lines[1].split("|")[5].strip().endswith(":") and not lines[1].split("|")[1].strip().endswith(":")


def test_csv(tmp_path):
    found = models.lenet5().summary()
    rows = list(csv.DictReader(found.to_csv().splitlines()))
    assert [row["name"] for row in rows] == [*[row.name for row in found], "total"]
    c3 = rows[4]
    assert (c3["kernel_size"], c3["stride"], c3["padding"], c3["parameters"], c3["multiplications"]) == (
        "5x5", "1x1", "0x0", "2416", "240000")
    assert (c3["receptive_field"], c3["jump"], c3["memory"], c3["output_shapes"]) == ("14x14", "2x2", "6400",
                                                                                      "nx16x10x10")
    assert rows[1]["inputs"] == "image" and rows[2]["kernel_size"] == ""
    assert (rows[-1]["parameters"], rows[-1]["multiplications"]) == ("61706", "416520")
    assert found.to_csv(tmp_path / "table.csv") is None
    assert (tmp_path / "table.csv").read_bytes().decode() == found.to_csv()
    with pytest.raises(OSError, match="the summary cannot be written"):
        found.to_csv(tmp_path / "none" / "table.csv")
    assert os.listdir(tmp_path) == ["table.csv"]


def test_what_json_can_hold():
    found = models.lenet5().summary()
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["total"] == {"parameters": 61_706, "trainable": 61_706, "multiplications": 416_520,
                                "memory": found.memory, "parameter_bytes": 4 * 61_706}
    c1 = content["nodes"][1]
    assert c1["output_shapes"] == [["n", 6, 28, 28]] and c1["kernel_size"] == [5, 5] and c1["receptive_field"] == [5, 5]
    assert content["nodes"][2]["kernel_size"] is None and "error" not in content


def test_a_notebook_shows_it():
    html = Graph(x := Input((3,), name="<x>"), nn.Linear(3, 2)(x))
    text = html.summary()._repr_html_()
    assert "&lt;x&gt;" in text and "<x>" not in text and text.count("<tr>") == 4 and "<th" in text


def test_rows_by_name():
    found = models.lenet5().summary()
    assert len(found) == 13 and [row.name for row in found][:2] == ["image", "c1"] and found["f7"].parameters == 850
    with pytest.raises(KeyError, match="the summary has no row 'f8'; it has image, c1"):
        found["f8"]


# --- parameters and memory -------------------------------------------------------------------------------------

def test_a_shared_layer_counts_its_parameters_once_and_its_work_twice():
    x = Input((4,))
    layer = nn.Linear(4, 4)
    found = Graph(x, layer(layer(x, name="fc"))).summary()
    assert (found.parameters, found.multiplications) == (20, 32)
    assert found["linear_1"].parameters == 0 and found["linear_1"].multiplications == 16


def test_what_is_frozen_is_said():
    net = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2))
    net[0].trainable = False
    found = summary(net, (4,))
    assert (found.parameters, found.trainable) == (37, 12) and found["0"].trainable == 0
    assert "total  37 parameters, 12 of them trainable, 148 B" in str(found)


def test_memory_is_that_of_one_example():
    layer = nn.Conv2d(3, 8, 3).to("float64")
    x = Input((3, 10, 10), dtype="float64")
    found = Graph(x, ops.argmax(layer(x, name="c"), 1, name="best")).summary()
    assert found["c"].memory == 8 * 8 * 8 * 8 and found["c"].parameter_bytes == (8 * 27 + 8) * 8
    assert found["best"].memory == 8 * 8 * 8
    assert found.memory == 3 * 100 * 8 + 8 ** 4 + 8 ** 3


@pytest.mark.parametrize(("size", "long", "short"), [
    (0, "0 B", "0"), (999, "999 B", "999"), (1000, "1.0 KiB", "1.0K"), (18_816, "18.4 KiB", "18.4K"),
    (102_348, "99.9 KiB", "99.9K"), (102_400, "100 KiB", "100K"), (1024 * 999, "999 KiB", "999K"),
    (1024 * 1000, "1.0 MiB", "1.0M"), (5 << 30, "5.0 GiB", "5.0G"), (3 << 52, "12288 TiB", "12288T"), (None, "-", "-")])
def test_bytes_in_words(size, long, short):
    from minigrad.graph.table import human
    assert (human(size), human(size, short=True)) == (long, short)


# --- windows ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("layer", "shape", "text"), [
    (nn.Conv2d(4, 8, (5, 3), (2, 1), (2, 1)), (4, 9, 9), "5x3 s2x1 p2x1"),
    (nn.Conv2d(4, 8, 3, dilation=2, groups=4, padding="same"), (4, 9, 9), "3x3 s1 same d2 g4"),
    (nn.Conv1d(4, 8, 7, 2, 3), (4, 9), "7 s2 p3"),
    (nn.ConvTranspose2d(4, 8, 2, 2), (4, 9, 9), "2x2 s2 p0"),
    (nn.MaxPool2d(3, 2, 1), (4, 9, 9), "3x3 s2 p1"),
    (nn.MaxPool1d(2), (4, 9), "2 s2 p0"),
    (nn.AvgPool2d((1, 3)), (4, 9, 9), "1x3 s1x3 p0"),
    (nn.LPPool2d(2, 3), (4, 9, 9), "3x3 s3 p0"),
    (nn.Unfold(2, stride=3), (4, 9, 9), "2x2 s3 p0"),
    (nn.ReLU(), (4, 9, 9), ""),
])
def test_windows(layer, shape, text):
    assert str(of(layer, shape).window or "") == text


def test_windows_of_functions():
    x = Input((3, 8, 8))
    weight = nn.Parameter(mg.ones(4, 3, 3, 3))
    found = Graph(x, ops.max_pool2d(ops.conv2d(x, weight, None, 1, 1), 2)).summary()
    assert str(found["conv2d_1"].window) == "3x3 s1 p1" and str(found["max_pool2d_1"].window) == "2x2 s2 p0"
    assert found["conv2d_1"].parameters == 108


class Odd(nn.Module):
    """Somebody's layer, which means something else by these words."""

    def __init__(self):
        self.kernel_size, self.stride = "large", None

    def forward(self, x):
        return x * 2.0


def test_a_strange_kernel_size_is_no_window():
    assert of(Odd(), (3, 4, 4)).window is None
