"""Weights in files: what is read is what was written, and damage is named."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import models, nn
from minigrad.graph import load, save


def test_weights_survive_a_file(tmp_path):
    net, other = models.lenet5(), models.lenet5()
    save(net, tmp_path / "m.safetensors")
    other.load_state_dict(load(tmp_path / "m.safetensors"))
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], array)
        assert other.state_dict()[name].dtype == array.dtype
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_state_dict_survives_a_file(tmp_path):
    """As PyTorch's listings save: save(model.state_dict(), path), model.load_state_dict(load(path))."""
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    mg.save(model.state_dict() | {"step": mg.tensor(3)}, tmp_path / "m.safetensors")
    state = mg.load(tmp_path / "m.safetensors")
    assert state.pop("step") == 3
    twin.load_state_dict(state)
    assert (twin.weight == model.weight).all()
    for wrong in (7, {"optimizer": {"lr": 1}}, {"epoch": 3}):
        with pytest.raises(TypeError, match="save: expected a module, or a state dict"):
            mg.save(wrong, tmp_path / "wrong.safetensors")
    assert not (tmp_path / "wrong.safetensors").exists()


def test_arrays_that_lie_otherwise_in_memory(tmp_path):
    layer = nn.Linear(3, 2)
    layer.weight.data = np.asfortranarray(layer.weight.data)
    save(layer, str(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(load(str(tmp_path / "m.safetensors"))["weight"], layer.weight.data)


DAMAGE = {
    "empty": (lambda b: b"", r"cut off: it has 0 bytes, 8 come before the header"),
    "in its header": (lambda b: b[:30], r"cut off: it has 30 bytes, its header alone \d+"),
    "at its end": (lambda b: b[:-4], "damaged or of another kind"),
    "longer": (lambda b: b + b"more", "damaged or of another kind"),
    "text": (lambda b: b"these are no weights at all", "damaged or of another kind"),
    "header": (lambda b: b[:9] + b"?" + b[10:], "damaged or of another kind"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_named(tmp_path, kind):
    damage, message = DAMAGE[kind]
    path = tmp_path / "m.safetensors"
    save(nn.Linear(3, 2), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"m.safetensors: expected a safetensors file, .*{message}"):
        load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.safetensors: the weights cannot be read"):
        load(tmp_path / "none.safetensors")


def test_a_failing_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    save(nn.Linear(3, 2), path)
    before = path.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="m.safetensors: the weights cannot be written .No space left"):
        save(nn.Linear(3, 2), path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
