"""Gradients of whole architectures in float64, against differences of their values; heads and BatchNorm in training."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import SMALL, images, lively, outputs, small, without_dropout

import minigrad as mg
from minigrad.testing import corrupted

STEPS = (1e-5, 1e-6, 1e-7, 1e-8)        # smaller ones meet fewer kinks, larger ones less rounding


class Along:
    """A model's value, one number, on a line through its images and all of its parameters."""

    def __init__(self, name: str, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.model = small(name)
        self.model.load_state_dict(lively(self.model, seed))
        self.model.to("float64").train()
        without_dropout(self.model)
        self.x = images(name, 2, seed, "float64")
        self.x.requires_grad = True
        self.tensors = [self.x, *self.model.parameters()]
        self.start = [t.numpy() for t in self.tensors]
        self.way = [rng.normal(size=t.shape) * np.sqrt(np.mean(t**2)) for t in self.start]
        with mg.no_grad():
            self.weights = [mg.tensor(rng.normal(size=y.shape) / y.numpy().size) for y in outputs(self.model(self.x))]

    def value(self):
        return sum([(y * w).sum() for y, w in zip(outputs(self.model(self.x)), self.weights, strict=True)])

    def at(self, step: float) -> float:
        for tensor, start, way in zip(self.tensors, self.start, self.way, strict=True):
            tensor.data[...] = start + step * way
        with mg.no_grad():
            return float(self.value().numpy())

    def analytic(self) -> float:
        gradients = mg.grad(self.value(), self.tensors)
        return float(sum([(g.numpy() * way).sum() for g, way in zip(gradients, self.way, strict=True)]))

    def numeric(self) -> float:
        """By central differences with two steps, extrapolated to step 0; a kink between makes them contradict."""
        tries = []
        for step in STEPS:
            left, near_left, near_right, right = [self.at(k * step) for k in (-1.0, -0.5, 0.5, 1.0)]
            wide, narrow = (right - left) / (2 * step), (near_right - near_left) / step
            tries.append((abs(wide - narrow), (4 * narrow - wide) / 3))
            if tries[-1][0] <= 1e-7 * abs(narrow):
                break
        return min(tries)[1]


def assert_proven(name: str) -> None:
    line = Along(name)
    analytic = line.analytic()
    assert abs(line.numeric() - analytic) <= 1e-6 * abs(analytic), (line.numeric(), analytic)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_of_the_whole_network(name):
    assert_proven(name)


def test_the_check_has_teeth():
    """Filters' gradients that are 1 % too large are found, though they are only one part of all."""
    with corrupted(mg.ops.conv2d, 1, lambda g: 1.01 * g), pytest.raises(AssertionError):
        assert_proven("resnet20_cifar")
