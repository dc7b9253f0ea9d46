"""Devices: moving between them, mixing them, and what is said where there is no GPU."""

import sys
import types

import numpy as np
import pytest
from strict_cupy import cupy, installed, ndarray, syncs

import minigrad as mg
from minigrad import backend, ops


@pytest.fixture
def gpu():
    with installed():
        yield


@pytest.fixture
def no_cupy(monkeypatch):
    """As on a machine without CuPy, whatever this one has."""
    monkeypatch.setattr(backend, "LIBRARIES", {k: v for k, v in backend.LIBRARIES.items() if v.name != "cupy"})
    monkeypatch.setitem(sys.modules, "cupy", None)


# --- without a GPU ---------------------------------------------------------------------------------------

def test_without_cupy_the_error_says_what_to_install(no_cupy):
    x = mg.tensor([1.0])
    for attempt in (lambda: mg.zeros(2, device="cuda"), lambda: x.to("cuda"), lambda: x.cuda()):
        with pytest.raises(mg.DeviceError, match=r'needs CuPy.*pip install "minigrad\[cuda12\]"'):
            attempt()
    assert not mg.cuda_available()


def fake_cupy(count):
    class CUDARuntimeError(RuntimeError):
        pass

    def get_device_count():
        if count is None:
            raise CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return count

    module = types.ModuleType("cupy")
    module.ndarray = type("ndarray", (), {})
    module.cuda = types.SimpleNamespace(
        runtime=types.SimpleNamespace(getDeviceCount=get_device_count, CUDARuntimeError=CUDARuntimeError))
    return module


@pytest.mark.parametrize("count, message", [(None, "finds no usable GPU.*no CUDA-capable device"), (0, "has no GPU")])
def test_cupy_without_a_gpu_is_another_error(no_cupy, monkeypatch, count, message):
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(count))
    with pytest.raises(mg.DeviceError, match=message):
        mg.zeros(2, device="cuda")


def test_unknown_devices():
    for name in ("gpu", "cuda:x", "cpu:1", "cuda:-1", ""):
        with pytest.raises(ValueError, match='expected "cpu", "cuda" or "cuda:<number>"'):
            mg.zeros(2, device=name)


# --- moving -------------------------------------------------------------------------------------------------

def test_to_and_back_with_gradients(gpu):
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = x.to("cuda")
    assert y.device == "cuda:0" and type(y.data) is ndarray and x.to("cpu") is x and y.to("cuda:0") is y
    (y * y).sum().backward()
    assert x.grad.device == "cpu" and x.grad.tolist() == [2, 4]
    assert y.cpu().device == "cpu" and "cuda:0" in repr(y)


def test_second_order_through_a_transfer(gpu):
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    (g,) = mg.grad((x.to("cuda") ** 3).sum().to("cpu"), [x], create_graph=True)
    (h,) = mg.grad(g.sum(), [x])
    assert h.tolist() == [6, 12] and h.device == "cpu"


def test_new_tensors_are_made_on_the_device_that_is_named(gpu):
    for make in (mg.zeros, mg.ones, mg.empty, mg.rand, mg.randn):
        assert make(2, 3, device="cuda:1").device == "cuda:1"
    for t in (mg.full(2, 7.0, device="cuda"), mg.arange(3, device="cuda"), mg.eye(2, device="cuda"),
              mg.linspace(0, 1, 3, device="cuda"), mg.tensor([1.0], device="cuda"),
              mg.randint(0, 3, (2,), device="cuda")):
        assert t.device == "cuda:0"
    with pytest.raises(mg.DeviceError, match='"cuda:7" does not exist: this machine has 2 GPUs'):
        mg.tensor([1.0], device="cuda:7")


def test_a_whole_step_on_the_second_device(gpu):
    x = mg.randn(2, 1, 6, 6, device="cuda:1")
    w = mg.randn(3, 1, 3, 3, device="cuda:1", requires_grad=True)
    loss = ops.cross_entropy(ops.conv2d(x, w).reshape(2, -1), mg.tensor([1, 2], device="cuda:1"))
    loss.backward()
    loss.detach()
    first = w.grad.numpy()
    ops.cross_entropy(ops.conv2d(x, w).reshape(2, -1), mg.tensor([1, 2], device="cuda:1")).backward()
    assert w.grad.device == "cuda:1" and cupy.cuda.runtime.getDevice() == 0
    np.testing.assert_allclose(w.grad.numpy(), 2 * first, rtol=1e-6)


def test_recorded_walk_on_the_second_device(gpu):
    x = mg.randn(3, device="cuda:1", requires_grad=True)
    (g,) = mg.grad((x * x * x).sum(), [x], create_graph=True)
    (h,) = mg.grad((g * g).sum(), [x])
    np.testing.assert_allclose(h.numpy(), 36 * x.numpy() ** 3, rtol=1e-5)


# --- mixing -------------------------------------------------------------------------------------------------

def test_mixing_devices_names_both_and_the_cure(gpu):
    a, b = mg.rand(2, 2, requires_grad=True), mg.rand(2, 2, device="cuda", requires_grad=True)
    with pytest.raises(TypeError, match=r"matmul: a is on cpu, b is on cuda:0; b.to\('cpu'\) mends it"):
        a @ b
    with pytest.raises(TypeError, match=r"multiply: a is on cuda:0, b is on cpu; b.to\('cuda:0'\) mends it"):
        b * a
    mixes = [lambda: ops.conv2d(mg.rand(1, 1, 2, 2), mg.rand(1, 1, 2, 2, device="cuda")), lambda: b + np.ones((2, 2)),
             lambda: ops.concat([a, b]), lambda: ops.stack([b, a]), lambda: ops.einsum("ij,jk", a, b),
             lambda: mg.rand(2, device="cuda") * mg.rand(2, device="cuda:1"), lambda: b[mg.tensor([0, 1])],
             lambda: b[:, mg.tensor([0, 1])]]
    for recorded in (True, False):
        with mg.set_grad_enabled(recorded):
            for mix in mixes:
                with pytest.raises(TypeError, match="mends it"):
                    mix()


def test_a_seed_gradient_on_another_device(gpu):
    x = mg.rand(2, device="cuda", requires_grad=True)
    with pytest.raises(TypeError, match=r"gradient is on cpu, the output on cuda:0; gradient.to\('cuda:0'\) mends it"):
        (x * 2.0).backward(mg.ones(2))


def test_a_cuda_tensor_does_not_become_numpy_by_itself(gpu):
    with pytest.raises(TypeError, match=r"x.numpy\(\) copies it"):
        np.asarray(mg.rand(2, device="cuda"))


def test_lists_are_indices_on_any_device(gpu):
    x = mg.arange(12, dtype="float32", device="cuda", requires_grad=True)
    x[[0, 3, 3]].sum().backward()
    assert x.grad.tolist()[:5] == [1, 0, 0, 2, 0]


# --- random numbers and syncs -------------------------------------------------------------------------------

def test_manual_seed_starts_every_device_anew(gpu):
    def draws():
        return [mg.rand(3, device=d).tolist() for d in ("cpu", "cuda", "cuda:1")]
    mg.manual_seed(5)
    first = draws()
    assert draws() != first
    mg.manual_seed(5)
    assert draws() == first
    for bad in (-1, 1.5, True, "1"):
        with pytest.raises(ValueError, match="non-negative int"):
            mg.manual_seed(bad)


def test_a_backward_pass_asks_the_host_for_nothing(gpu):
    x, w = mg.rand(4, 5, device="cuda"), mg.rand(3, 5, device="cuda", requires_grad=True)
    target = mg.tensor([0, 1, 2, 0], device="cuda")
    syncs.clear()
    loss = ops.cross_entropy(ops.linear(ops.tanh(x), w), target)
    loss.backward()
    assert syncs == []
    loss.item()
    assert len(syncs) == 1


def test_a_device_that_does_not_exist_is_named_by_whatever_makes_arrays(gpu):
    x = mg.ones(2)
    for make in (lambda: mg.ones(2, device="cuda:3"), lambda: mg.rand(2, device="cuda:3"), lambda: x.to("cuda:3")):
        with pytest.raises(mg.DeviceError, match='"cuda:3" does not exist: this machine has 2 GPUs, .*'):
            make()


def test_the_array_apis_own_methods():
    x = mg.arange(3, dtype="float32")
    assert x.__array_namespace__() is mg and x.to_device("cpu") is x
    np.testing.assert_array_equal(np.from_dlpack(x), [0, 1, 2])
    with pytest.raises(TypeError, match=r"hand over x.detach\(\)"):
        np.from_dlpack(mg.ones(2, requires_grad=True))


def test_methods_say_what_their_ops_say():
    assert mg.Tensor.sum.__doc__ == ops.sum.__doc__ and mg.Tensor.exp.__doc__ == ops.exp.__doc__
