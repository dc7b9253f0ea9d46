"""Models and weights in files: what is read is what was written, and damage is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import strict_cupy
from round_trips import assert_same_weights, classifier, outputs

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import models, nn, optim
from minigrad.graph import Graph, Input, load, load_weights, save
from minigrad.graph.as_json import to_json
from minigrad.graph.weights import KEY, packed


def test_weights_survive_a_file(tmp_path):
    net, other = models.lenet5(), models.lenet5()
    save(net, tmp_path / "m.safetensors")
    other.load_state_dict(load_weights(tmp_path / "m.safetensors"))
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
    for read in load, load_weights:
        with pytest.raises(FileNotFoundError, match="this folder has no graph.json and no weights.safetensors"):
            read(tmp_path)


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


# --- whole models -----------------------------------------------------------------------------------------------

def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 1, 8, 8)).astype("f4"), rng.integers(0, 3, 6)


def trained(model, steps=3):
    """The weights after a few steps from where the model is."""
    images, labels = map(mg.tensor, data())
    optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
    mg.manual_seed(5)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return {name: array.copy() for name, array in model.state_dict().items()}


@pytest.mark.parametrize("name", ["m.safetensors", "m", "m/", "v1.2/m"])
def test_a_model_survives(tmp_path, name):
    path = f"{tmp_path}/{name}"
    Path(path).parent.mkdir(exist_ok=True)
    model = classifier()
    mg.save(model, path)
    twin = mg.load(path)
    assert type(twin) is Graph and [repr(node) for node in twin.nodes] == [repr(node) for node in model.nodes]
    assert_same_weights(twin.state_dict(), model.state_dict())
    assert_same_weights(load_weights(path), model.state_dict())
    for a, b in zip(outputs(model, [data()[0]]), outputs(twin, [data()[0]]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert_same_weights(trained(twin), trained(model))
    assert sorted(os.listdir(path)) == ["graph.json", "weights.safetensors"] if "." not in name.split("/")[-1] else \
        Path(path).is_file()


def test_where_a_folder_is_made(tmp_path):
    (tmp_path / "old").write_bytes(b"a file without a suffix stays a file")
    (tmp_path / "dir.d").mkdir()
    model = classifier()
    for name in ("old", "dir.d", "new.d", "deep/er/m/"):
        model.save(f"{tmp_path}/{name}") if name != "new.d" else model.save(tmp_path / name)
        assert to_json(load(tmp_path / name))[0] == to_json(model)[0]
    assert (tmp_path / "old").is_file() and (tmp_path / "new.d").is_file()
    assert (tmp_path / "dir.d/graph.json").is_file() and (tmp_path / "deep/er/m/graph.json").is_file()


def test_lenet5_without_the_code_that_built_it(tmp_path):
    """In a process that has no minigrad.models, and has not drawn a random number."""
    model, images = models.lenet5().eval(), np.random.default_rng(1).standard_normal((3, 1, 32, 32)).astype("f4")
    save(model, tmp_path / "lenet5.safetensors")
    save({"images": images, "expected": model(mg.tensor(images)).data}, tmp_path / "data.safetensors")
    code = """
import sys
import minigrad as mg
del mg.models
for name in [name for name in sys.modules if name.startswith("minigrad.models")]:
    sys.modules[name] = None
folder = sys.argv[1]
model, data = mg.load(folder + "/lenet5.safetensors"), mg.load(folder + "/data.safetensors")
drawn = mg.rand(3).numpy()
mg.manual_seed(0)
assert (model(mg.tensor(data["images"])).numpy() == data["expected"]).all()
print(model.summary())
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(model.summary()).strip()


def test_loading_draws_no_random_numbers(tmp_path):
    save(classifier(), tmp_path / "m.safetensors")
    mg.manual_seed(7)
    load(tmp_path / "m.safetensors")
    after = mg.rand(4).numpy()
    mg.manual_seed(7)
    np.testing.assert_array_equal(after, mg.rand(4).numpy())


def test_the_same_model_makes_the_same_bytes(tmp_path):
    for name in "a.safetensors", "b.safetensors":
        save(classifier(), tmp_path / name)
        save(classifier(), f"{tmp_path}/{name}.d/")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    for name in "graph.json", "weights.safetensors":
        assert (tmp_path / "a.safetensors.d" / name).read_bytes() == (tmp_path / "b.safetensors.d" / name).read_bytes()


def test_layers_and_ops_are_passed_on(tmp_path):
    class Twice(nn.Module):
        def forward(self, x):
            return x * 2

    x = Input((3,))
    save(Graph(x, Twice()(x, name="twice")), tmp_path / "m.safetensors")
    assert isinstance(load(tmp_path / "m.safetensors", layers={"Twice": Twice}).node("twice").what, Twice)
    with pytest.raises(ValueError, match="m.safetensors: layer twice, Twice: it is none of minigrad's layers"):
        load(tmp_path / "m.safetensors")
    with pytest.raises(TypeError, match="load: layers must be a dict"):
        load(tmp_path / "m.safetensors", layers=[Twice])


def test_what_is_not_persistent_is_in_the_file_but_in_no_state_dict(tmp_path):
    model = classifier()
    model.node("fc").what.register_buffer("scale", mg.randn(3).data, persistent=False)
    for name in "m.safetensors", "m":
        save(model, tmp_path / name)
        assert list(load_weights(tmp_path / name)) == list(model.state_dict())
        np.testing.assert_array_equal(load(tmp_path / name).node("fc").what.scale, model.node("fc").what.scale)


def test_a_graph_is_no_state_dict():
    with pytest.raises(TypeError, match=r"load_state_dict: expected a dict, name -> array, Graph came: pass its "
                                        r"state_di"):
        classifier().load_state_dict(classifier())


# --- all kinds of arrays --------------------------------------------------------------------------------------

def zoo():
    """Arrays of all dtypes, shapes and layouts."""
    import ml_dtypes
    rng = np.random.default_rng(3)
    table = rng.integers(0, 2, (3, 4, 5))
    found = {f"{dtype}": table.astype(dtype) for dtype in (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
        "float64", "complex64")}
    read_only = rng.standard_normal((2, 3))
    read_only.flags.writeable = False
    return found | {
        "bfloat16": rng.standard_normal((3, 2)).astype(ml_dtypes.bfloat16), "read only": read_only,
        "scalar": np.array(3.5), "empty": np.empty((0, 3), "f2"), "none": np.empty((2, 0, 3)),
        "fortran": np.asfortranarray(table * 1.5), "turned": (table * 2.5).transpose(2, 0, 1),
        "strided": table[::2, ::-1],
        "broadcast": np.broadcast_to(np.float32(2), (3, 2)), "big endian": np.arange(3, dtype=">f4"),
        "special": np.array([np.nan, -np.inf, -0.0, 5e-324]), "one": np.ones((1, 1, 1)), "name.with/üñí\n": np.zeros(2)}


def test_all_kinds_of_arrays(tmp_path):
    state = zoo()
    save(state, tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors")
    assert set(found) == set(state)
    for name, array in state.items():
        got = found[name]
        assert got.shape == array.shape and got.dtype == array.dtype.newbyteorder("=") and got.flags.writeable
        assert got.flags.c_contiguous
        assert np.ascontiguousarray(array).astype(got.dtype).tobytes() == got.tobytes()


def test_arrays_that_no_file_has(tmp_path):
    for wrong in (np.array(["text"]), np.ones(2, np.longdouble), np.array([object()]), np.ones(2, complex)):
        with pytest.raises(TypeError, match="save: x is .*, which files of weights have not; there are float64"):
            save({"x": wrong}, tmp_path / "m.safetensors")
    with pytest.raises(TypeError, match="save: expected a module, or a state dict"):
        save({3: np.ones(2)}, tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_models_of_other_precision(tmp_path, dtype):
    model = classifier().to(dtype)
    save(model, tmp_path / "m.safetensors")
    twin = load(tmp_path / "m.safetensors")
    assert_same_weights(twin.state_dict(), model.state_dict())
    assert str(twin.node("c1").what.weight.dtype) == dtype
    images = mg.tensor(data()[0]).astype(model.node("c1").what.weight.dtype)
    np.testing.assert_array_equal(twin.eval()(images).numpy(), model.eval()(images).numpy())
    assert dtype != "float64" or {node.result.dtype.name for node in twin.nodes} == {dtype}


def test_layers_that_were_converted_and_go_together_no_more(tmp_path):
    x = Input((3,), name="x")
    model = Graph(x, nn.PReLU()(nn.Linear(3, 3)(x, name="fc"), name="prelu"))
    save(model.to("float64"), tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").node("x").result.dtype == "float64"
    x = Input((3,), name="x")
    model = Graph(x, nn.PReLU()(nn.PReLU()(x, name="a"), name="b"))
    model.node("a").what.to("float64")
    with pytest.raises(ValueError, match="save: its layers were converted since it was built, .*prelu: x is float32"):
        save(model, tmp_path / "other.safetensors")


def test_read_only_memory_does_not_come_back_read_only(tmp_path):
    model = classifier()
    model.node("fc").what.weight.data.flags.writeable = False
    save(model, tmp_path / "m.safetensors")
    load(tmp_path / "m.safetensors").load_state_dict(model.state_dict())
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"it stays as it was\n  read-only: fc.weight"):
        model.load_state_dict({name: array + 1 for name, array in before.items()})
    assert_same_weights(model.state_dict(), before)


def test_a_value_that_cannot_be_converted_leaves_the_model_as_it_was():
    model = nn.Linear(3, 2, dtype="float16")
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        model.load_state_dict({"weight": np.ones((2, 3)), "bias": np.full(2, 1e30)})
    assert_same_weights(model.state_dict(), before)


def test_a_model_on_a_gpu(tmp_path):
    """On the strict double of CuPy: files are of the host's memory, and what is loaded is there."""
    with strict_cupy.installed():
        model = classifier().to("cuda")
        for name in "m.safetensors", "m":
            save(model, tmp_path / name)
            twin = load(tmp_path / name)
            assert {type(array) for array in twin.state_dict().values()} == {np.ndarray}
            other = classifier(seed=1).to("cuda")
            other.load_state_dict(load_weights(tmp_path / name))
            for name, array in model.cpu().state_dict().items():
                np.testing.assert_array_equal(twin.state_dict()[name], array)
                np.testing.assert_array_equal(other.state_dict()[name].get(), array)
            model.to("cuda")


# --- files of others ------------------------------------------------------------------------------------------

def test_files_of_other_programs(tmp_path):
    from safetensors.numpy import load_file, save_file
    state = {"conv1.weight": np.ones((2, 3), "f4"), "fc.bias": np.zeros(3)}
    save_file(state, tmp_path / "theirs.safetensors")
    assert_same_weights(dict(sorted(load(tmp_path / "theirs.safetensors").items())), state)
    save_file(state, tmp_path / "theirs.safetensors", {"format": "pt", "note": "{}"})
    assert set(load_weights(tmp_path / "theirs.safetensors")) == set(state)
    save(classifier(), tmp_path / "ours.safetensors")
    assert_same_weights(dict(sorted(load_file(tmp_path / "ours.safetensors").items())),
                        dict(sorted(classifier().state_dict().items())))


@pytest.mark.parity
def test_pytorch_reads_and_writes_the_same_files(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file
    save(classifier(), tmp_path / "ours.safetensors")
    theirs = load_file(tmp_path / "ours.safetensors")
    for name, array in classifier().state_dict().items():
        np.testing.assert_array_equal(theirs[name].numpy(), array)
    save_file({"x": torch.arange(6.0).reshape(2, 3).bfloat16()}, tmp_path / "theirs.safetensors")
    assert load(tmp_path / "theirs.safetensors")["x"].astype("f4").tolist() == [[0, 1, 2], [3, 4, 5]]


def with_metadata(text, key=KEY):
    from safetensors.numpy import save as to_bytes
    return to_bytes({"x": np.ones(2, "f4")}, {key: text})


METADATA = {
    "no JSON": (with_metadata("{"), "the metadata is no JSON"),
    "no object": (with_metadata("[1]"), "its metadata must have a checksum, and perhaps a graph"),
    "no checksum": (with_metadata('{"graph": {}}'), "its metadata must have a checksum"),
    "another key": (with_metadata('{"checksum": "", "x": 1}'), "its metadata must have a checksum"),
    "a key twice": (with_metadata('{"checksum": "", "checksum": ""}'), "'checksum' comes twice"),
    "a number that is none": (with_metadata('{"checksum": NaN}'), "NaN is no number of JSON's"),
    "a wrong checksum": (with_metadata('{"checksum": "sha256:00"}'), "does not have the checksum that it was written"),
    "a damaged name": (with_metadata('{"checksum":"sha256:00"}', "minigrae"), "its metadata has 'minigrae' in place "
                                                                              "of"),
    "nested": (with_metadata('{"checksum": ' + "[" * 100_000 + "]" * 100_000 + "}"), "the metadata is nested too "
                                                                                     "deeply"),
    "a graph that is none": (packed({"x": np.ones(2, "f4")}, [1]), "expected a graph of minigrad's"),
}


@pytest.mark.parametrize("what", METADATA)
def test_metadata_that_is_wrong(tmp_path, what):
    content, message = METADATA[what]
    (tmp_path / "m.safetensors").write_bytes(content)
    for read in load, load_weights:
        with pytest.raises(ValueError, match=f"m.safetensors: .*{message}"):
            read(tmp_path / "m.safetensors")


def test_a_header_that_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("minigrad.graph.weights.LARGEST", 100)
    save(classifier(), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="m.safetensors: the header has [0-9]+ bytes, at most 100 are read"):
        load(tmp_path / "m.safetensors")


def test_a_dtype_that_numpy_has_not(tmp_path):
    header = json.dumps({"x": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"12")
    with pytest.raises(ValueError, match="m.safetensors: x has type F8_E4M3, which NumPy has not; there are F64"):
        load(tmp_path / "m.safetensors")


def test_bfloat16_without_ml_dtypes(tmp_path, monkeypatch):
    save(classifier().to("bfloat16"), tmp_path / "m.safetensors")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ImportError, match="m.safetensors: .*bfloat16 is a dtype that NumPy has with ml_dtypes: pip "
                                          "ins"):
        load(tmp_path / "m.safetensors")
