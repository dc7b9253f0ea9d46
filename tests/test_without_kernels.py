"""Kernels are only about speed: with the folder minigrad/kernels deleted everything works, with the same numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).resolve().parent.parent

# Two steps of a network that uses every fused op: convolution, pooling, normalising, then attention over the positions.
PROGRAM = """
import sys
# An editable install would find the missing folder in its own tree.
sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
import numpy
import minigrad as mg
import minigrad.nn.functional as F
from minigrad import models, ops, optim

package, target = sys.argv[1:]
if not mg.__file__.startswith(package):
    sys.exit(f"imported {mg.__file__}, not the copy in {package}")

random = numpy.random.default_rng(0)

def draw(*shape):
    return mg.tensor(random.standard_normal(shape) / 2, requires_grad=True)         # float64

kernel, bias, scale, shift = draw(8, 3, 3, 3), draw(8), draw(8), draw(8)
grouped, gain, offset = draw(8, 4, 3, 3), draw(8), draw(8)
query, key, value, out, out_bias = draw(8, 8), draw(8, 8), draw(8, 8), draw(5, 8), draw(5)
parameters = [kernel, bias, scale, shift, grouped, gain, offset, query, key, value, out, out_bias]

def network(x):
    h = F.conv2d(x, kernel, bias, stride=2, padding=1)                              # n 8 8 8
    h = F.relu(F.batch_norm(h, None, None, scale, shift, training=True))
    h = F.max_pool2d(F.conv2d(h, grouped, padding=2, dilation=2, groups=2), 3, stride=1, padding=1)
    h = F.avg_pool2d(h, 2)                                                          # n 8 4 4
    h = h.reshape(h.shape[0], 8, 16).permute_dims((0, 2, 1))                        # n t d
    h = F.layer_norm(h, (8,), gain, offset)
    h = h + F.scaled_dot_product_attention(F.linear(h, query), F.linear(h, key), F.linear(h, value), is_causal=True)
    return F.linear(h.mean(axis=1), out, out_bias)                                  # n 5

x, labels = random.standard_normal((6, 3, 16, 16)), mg.tensor([0, 1, 2, 3, 4, 0])
optimizer = optim.SGD(parameters, lr=0.1, momentum=0.9)
results = {}
for step in range(2):
    optimizer.zero_grad()
    logits = network(mg.tensor(x))
    loss = F.cross_entropy(logits, labels) + F.cross_entropy(logits, labels, label_smoothing=0.1)
    loss = loss + F.log_softmax(logits, dim=1).square().mean() + (F.softmax(logits, dim=0) ** 2).sum()
    loss.backward()
    results[f"loss{step}"] = loss.numpy()
    results |= {f"gradient{step}.{i}": p.grad.numpy() for i, p in enumerate(parameters)}
    optimizer.step()

mg.manual_seed(0)
lenet = models.lenet5()
results["lenet"] = lenet(mg.tensor(random.standard_normal((2, 1, 32, 32)).astype("float32"))).numpy()
results["kernels"] = numpy.array(any(name.startswith("minigrad.kernels") for name in sys.modules))
numpy.savez(target, **results)
"""


def step(package: Path, target: Path) -> dict[str, numpy.ndarray]:
    """The numbers of the program, run in a process that sees minigrad in the folder `package` alone."""
    environment = {name: value for name, value in os.environ.items() if name != "MINIGRAD_KERNELS"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM, str(package), str(target)],
                          capture_output=True, text=True, cwd=target.parent,
                          env=environment | {"PYTHONPATH": str(package)})
    if done.returncode:
        pytest.fail(f"in {package}:\n{done.stderr}")
    with numpy.load(target) as arrays:
        return dict(arrays)


def test_without_the_kernels_folder(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "minigrad", copy / "minigrad", ignore=shutil.ignore_patterns("kernels", "__pycache__"))
    with_kernels, without = step(ROOT, tmp_path / "with.npz"), step(copy, tmp_path / "without.npz")

    assert with_kernels.pop("kernels") and not without.pop("kernels")
    assert with_kernels.keys() == without.keys()
    for name, expected in with_kernels.items():
        assert numpy.abs(expected).max() > 0, f"{name} is all zeros: it proves nothing"
        tolerance = 1e-6 * max(1.0, float(numpy.abs(expected).max()))
        numpy.testing.assert_allclose(without[name], expected, rtol=1e-6, atol=tolerance, err_msg=name)
