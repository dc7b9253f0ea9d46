"""The strict double of CuPy: each refusal and each peculiarity that it claims, and that backend.py works on it."""

from __future__ import annotations

import copy
import inspect
import operator
import weakref
from types import ModuleType

import numpy as np
import pytest
import strict_cupy
import strict_cupy_calls
from strict_cupy import NAMES, cupy, cupyx, installed, ndarray, only_on_the_double, syncs

from minigrad import backend

pytestmark = only_on_the_double
X = np.arange(6.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def double():
    with installed():
        yield


@pytest.fixture
def x():
    return cupy.array(X)


def named(value):
    """Half of a test's name."""
    return value if isinstance(value, str) else ""


def check(y, expected, dtype=None):
    """An array of the double with these values; never a scalar, never a NumPy array."""
    assert type(y) is ndarray
    np.testing.assert_array_equal(y._host, expected)
    assert y.dtype == (dtype or np.asarray(expected).dtype)


# --- what is refused ------------------------------------------------------------------------------------------

def test_no_implicit_conversion(x):
    for convert in (np.asarray, np.array, lambda x: np.array(x, dtype="f4"), lambda x: np.ones(6).reshape(2, x)):
        with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed|as an integer"):
            convert(x)
    assert not isinstance(x, np.ndarray)


OPERATORS = "add sub mul truediv floordiv mod pow matmul eq ne lt le gt ge".split()


@pytest.mark.parametrize("other", [X.copy(), X.tolist(), np.float64(2) * np.ones(3)], ids=["numpy", "list", "row"])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_refuse_numpy_arrays_and_lists(x, name, other):
    function = getattr(operator, name)
    for a, b in ((x, other), (other, x)):
        with pytest.raises(TypeError, match="Unsupported type"):
            function(a, b)


@pytest.mark.parametrize("call", [
    lambda x: cupy.maximum(x, X), lambda x: cupy.exp(X), lambda x: cupy.exp([1.0]), lambda x: cupy.sum(X),
    lambda x: cupy.sum([1.0, 2.0]), lambda x: cupy.sum(3.0), lambda x: cupy.where(X > 1, x, x),
    lambda x: cupy.where(True, x, x), lambda x: cupy.where(x > 1, x, X), lambda x: cupy.concatenate([x, X]),
    lambda x: cupy.stack([x, X.tolist()]), lambda x: cupy.stack((x, 1.0)), lambda x: cupy.einsum("ij,ij", x, X),
    lambda x: cupy.take(x, [0, 1]), lambda x: cupy.take(x, np.array([0])), lambda x: cupy.broadcast_to(X, (2, 2, 3)),
    lambda x: cupy.full((2,), X[0, :2]), lambda x: x.dot(X.T), lambda x: cupy.add(x, x, out=X),
    lambda x: x.__iadd__(X), lambda x: x.__setitem__(..., X), lambda x: x.__setitem__((0, [0, 1]), [1.0, 2.0]),
    lambda x: cupy.add.at(x, 0, X[0]), lambda x: np.add(X, x), lambda x: np.concatenate([X, x]),
    lambda x: cupy.tensordot(x, X), lambda x: cupy.pad(X, 1), lambda x: cupy.exp("1"), lambda x: cupy.zeros_like(X),
    lambda x: cupy.empty_like(X), lambda x: cupy.split(X, 2), lambda x: x + "1", lambda x: cupy.clip(x, X, None),
    lambda x: np.where(x > 1, X, x), lambda x: cupy.array([x, X.copy()]),
])
def test_functions_refuse_host_operands(x, call):
    with pytest.raises(TypeError):
        call(x)
    np.testing.assert_array_equal(x._host, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("call", [
    lambda n: cupy.zeros(n), lambda n: cupy.zeros((2, n)), lambda n: cupy.arange(n),
    lambda n: cupy.ones(3).reshape(n), lambda n: cupy.expand_dims(cupy.ones(3), n),
    lambda n: cupy.ones((1, 3)).sum(axis=n), lambda n: [1, 2, 3, 4][n], lambda n: range(n),
    lambda n: cupy.split(cupy.ones(3), n), lambda n: cupy.repeat(cupy.ones(3), n),
])
def test_an_array_of_the_device_is_no_number_of_the_host(call):
    with pytest.raises(TypeError):
        call(cupy.array(3))
    assert syncs == []


@pytest.mark.parametrize("name", ["sum", "mean", "max", "prod"])
def test_keywords_that_cupy_lacks(x, name):
    for function in (getattr(cupy, name), lambda x, **kwargs: getattr(x, name)(**kwargs)):
        with pytest.raises(TypeError, match=f"{name}.*of CuPy 14.*unexpected keyword argument 'where'"):
            function(x, where=x > 1)


@pytest.mark.parametrize("call", [
    lambda x: cupy.var(x, correction=1), lambda x: x.std(correction=1),
    lambda x: cupy.take(x, x.argmax(), mode="clip"), lambda x: cupy.take_along_axis(x, x.argmax(1, keepdims=True)),
    lambda x: cupy.exp(x, where=x > 1), lambda x: cupy.reshape(x, shape=(6,)),
    lambda x: x.astype("f4", casting="safe"), lambda x: cupy.einsum_path("ij", x),
    lambda x: cupy.clip(x, min=0, max=1), lambda x: cupy.linspace(0, 1, 3, device="cpu"), lambda x: x.item(0),
])
def test_arguments_that_cupy_lacks(x, call):
    with pytest.raises((TypeError, AttributeError)):
        call(x)


@pytest.mark.parametrize("dtype", ["longdouble", "clongdouble", "O", "U3", "S3", "M8[s]", ">f4"])
def test_no_other_dtypes(x, dtype):
    for make in (lambda: cupy.zeros(2, dtype), lambda: cupy.empty(2, dtype), lambda: cupy.array(np.zeros(2, dtype)),
                 lambda: x.astype(dtype)):
        with pytest.raises(ValueError, match="Unsupported dtype"):
            make()


@pytest.mark.parametrize("name", ["einsum_path", "unstack", "nanpercentile", "float128", "object_", "matrix"])
def test_names_that_cupy_lacks(name):
    with pytest.raises(AttributeError, match=f"module 'cupy' of CuPy 14.* has no attribute '{name}'"):
        getattr(cupy, name)
    with pytest.raises(AttributeError, match="module 'cupy.lib.stride_tricks' of CuPy"):
        _ = cupy.lib.stride_tricks.broadcast_to
    with pytest.raises(AttributeError, match="CuPy 14.* has cupy.RawKernel, its strict double has not"):
        _ = cupy.RawKernel


def test_array_has_no_attributes_of_its_own_and_no_hash(x):
    with pytest.raises(AttributeError):
        x.name = "x"
    with pytest.raises(AttributeError):
        _ = x.flags.writeable
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    assert weakref.ref(x)() is x


# --- the list of names ----------------------------------------------------------------------------------------

def modules():
    for owner in (cupy, cupy.cuda, cupy.cuda.runtime, cupy.random, cupy.linalg, cupy.lib.stride_tricks, cupyx):
        yield owner.__name__, owner
    for owner in (cupy.random.Generator, cupy.cuda.Device, cupy.cuda.Stream, cupy.cuda.MemoryPool, cupy.ufunc):
        special = {"ufunc": "cupy.ufunc", "Generator": "cupy.random.Generator"}
        yield special.get(owner.__name__, f"cupy.cuda.{owner.__name__}"), owner
    yield "cupy.ndarray", ndarray
    yield "cupy.ndarray.flags", cupy.ones(1).flags


@pytest.mark.parametrize("where, owner", list(modules()), ids=named)
def test_everything_offered_is_in_the_list(where, owner):
    known = NAMES[where].keys() | ({"id"} if where == "cupy.cuda.Device" else set())
    known |= {"bit_generator"} if where.endswith("Generator") else set()
    offered = {name for name in dir(owner) if not name.startswith("_")}
    assert offered and offered <= known, sorted(offered - known)


def test_special_methods_are_in_the_list():
    """Under the names that Cython gives them: one for all comparisons, one for an operator and its reflection."""
    cython = {"__bool__": "__nonzero__", "__format__": "__format__"}
    cython |= {f"__{name}__": "__richcmp__" for name in strict_cupy.COMPARE}
    cython |= {f"__r{name}__": f"__{name}__" for name in strict_cupy.BINARY}
    defined = {name for name, value in vars(ndarray).items() if name.startswith("__") and callable(value)}
    assert {cython.get(name, name) for name in defined} <= NAMES["cupy.ndarray"].keys()


def hand_written():
    """Functions and methods of the double that are not lifted from NumPy, where the list says what CuPy's take."""
    for where, owner in modules():
        for name, function in vars(owner if isinstance(owner, (type, ModuleType)) else type(owner)).items():
            if inspect.isfunction(function) and name[0] != "_" and NAMES[where].get(name):
                if function.__module__ != "strict_cupy_calls" or where == "cupy.ufunc":
                    yield where, name, function


@pytest.mark.parametrize("where, name, function", list(hand_written()), ids=named)
def test_hand_written_functions_take_what_cupys_take(where, name, function):
    ours = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    theirs = list(strict_cupy_calls.signature(NAMES[where][name]).parameters)
    assert ours == theirs or where == "cupy.random.Generator" and ours == theirs[:len(ours)]


def test_the_list_covers_what_it_must():
    assert NAMES["version"].startswith("14.")
    assert NAMES["cupy"]["sum"] == "(a, axis=None, dtype=None, out=None, keepdims=False)"
    assert NAMES["cupy"]["exp"] == NAMES["cupy"]["float32"] == ""
    assert NAMES["cupy.ndarray"]["astype"] == "(dtype, order='K', casting=None, subok=None, copy=True)"
    assert NAMES["cupy.random.Generator"]["standard_normal"] == "(size=None, dtype=numpy.float64, out=None)"
    assert {"scatter_add", "rsqrt"} <= NAMES["cupyx"].keys()
    assert {"T", "device", "base", "size", "flags"} <= NAMES["cupy.ndarray"].keys()
    assert {"getDeviceCount", "CUDARuntimeError"} <= NAMES["cupy.cuda.runtime"].keys()


SOURCES = {
    "cupy/_version.py": "__version__ = '14.9.9'\n",
    "cupy/__init__.py": "from __future__ import annotations\nfrom numpy import float32\nfrom cupy import _core\n"
                        "from cupy._math import double as twice\nfrom cupy._core import dot\nroot = _core.root\n"
                        "again = twice\n",
    "cupy/_math.py": "def double(a: int, *, out=None) -> int:\n    pass\n",
    "cupy/_core/__init__.py": "from cupy._core.core import dot\nfrom cupy._core.core import root\n",
    "cupy/_core/core.pyx": """
class ndarray(_ndarray_base):
    pass

cdef class _ndarray_base:
    @property
    def T(self):
        pass
    cpdef _ndarray_base sum(
            self, axis=None,
            bint keepdims=False):
        pass

cpdef dot(_ndarray_base a, Py_ssize_t b=1):
    pass

root = create_ufunc()
""",
    "cupy/_core/core.pxd": "cdef class _ndarray_base:\n    cdef:\n        readonly Py_ssize_t size\n"
                           "cdef class ndarray:\n",
}


def test_the_script_reads_sources(tmp_path):
    import make_cupy_names
    empty = dict.fromkeys(["cupy/random.py", "cupy/linalg.py", "cupy/fft.py", "cupy/exceptions.py", "cupyx/profiler.py",
                           "cupyx/__init__.py", "cupy/lib/stride_tricks.py", "cupy/cuda/__init__.py"], "")
    compiled = {path: f"class {owner}:\n    def act(self, int n):\n        pass\n\n"
                for _, path, owner in make_cupy_names.COMPILED if "core.pyx" not in path}
    for path, text in {**empty, **compiled, **SOURCES}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    stream = tmp_path / "cupy/cuda/stream.pyx"
    stream.write_text("class _BaseStream:\n    pass\n\nclass Stream(_BaseStream):\n    pass\n\n")
    (tmp_path / "cupy/cuda/memory.pyx").write_text("class MemoryPool:\n    pass\n\nclass MemoryPointer:\n    pass\n\n")
    names = make_cupy_names.list_names(tmp_path)
    assert names["version"] == "14.9.9"
    assert names["cupy"] == {"again": "(a, *, out=None)", "cuda": "", "dot": "(a, b=1)", "float32": "", "lib": "",
                             "random": "", "root": "", "twice": "(a, *, out=None)"}
    assert names["cupy.ndarray"] == {"T": "", "size": "", "sum": "(axis=None, keepdims=False)"}
    assert names["cupy.cuda.Device"] == {"act": "(n)"}


# --- what is returned -----------------------------------------------------------------------------------------

def test_zero_d_arrays_never_scalars(x):
    check(x.sum(), 15.0)
    check(cupy.max(x), 5.0)
    check(x[1, 2], 5.0)
    check(x.argmax(), np.int64(5))
    check(cupy.sqrt(4.0), 2.0)
    check(cupy.array_equal(x, x), np.True_)
    check(cupy.allclose(x, x + 1), np.False_)
    check(cupy.count_nonzero(x), np.int64(5))
    check(x.sum() + x.sum(), 30.0)
    check(next(iter(x[0])), 0.0)
    check(np.float64(2) * x.sum(), 30.0)
    assert syncs == []


def test_numpy_functions_dispatch_to_the_double(x):
    check(np.exp(x), np.exp(X))
    check(np.sum(x, axis=0), X.sum(0))
    check(np.concatenate([x, x]), np.concatenate([X, X]))
    check(np.add.outer(x[0], x[1]), np.add.outer(X[0], X[1]))
    check(np.linalg.norm(x), np.linalg.norm(X))
    with pytest.raises(TypeError):
        np.unstack(x)


def test_promotion_is_nep_50():
    half = cupy.ones(2, np.float16)
    assert (half * 2.0).dtype == np.float16
    assert (half * np.float64(2)).dtype == np.float64
    assert (half + cupy.array(1.0)).dtype == np.float64
    assert (cupy.ones(2, np.float32) + cupy.ones(2, np.int64)).dtype == np.float64
    with pytest.raises(TypeError, match="same_kind"):
        half += cupy.ones(2, np.complex64)


class Other:
    """An operand that wants Python to call its reflected operator."""
    __array_ufunc__ = None

    def __radd__(self, other):
        return "radd"

    def __eq__(self, other):
        return "eq"

    __hash__ = None


class Priority(Other):
    __array_ufunc__ = property(lambda self: (_ for _ in ()).throw(AttributeError))
    __array_priority__ = 1000


def test_operators_leave_it_to_types_that_ask_for_it(x):
    for other in (Other(), Priority()):
        assert x + other == "radd"
        assert (x == other) == "eq"
    check(x == None, np.zeros((2, 3), bool))                        # noqa: E711  what CuPy answers
    check(x != object(), np.ones((2, 3), bool))
    with pytest.raises(TypeError):
        _ = x < None


def test_arithmetic_agrees_with_numpy(x):
    for name in OPERATORS:
        function = getattr(operator, name)
        other = X.T if name == "matmul" else X + 1
        check(function(x, cupy.array(other)), function(X, other))
        if name != "matmul":
            check(function(x, 2), function(X, 2))
            check(function(2.0, x + 1), function(2.0, X + 1))
    y = x
    y += x
    y *= 2
    assert y is x
    check(x, X * 4)
    check(-x, -X * 4)
    check(~cupy.array([True]), [False])


def test_layouts_are_c_where_cupys_are():
    """By CuPy's sources ufuncs, reductions and concatenate write C order; astype, copy, *_like and pad keep F order."""
    f = cupy.array(np.asfortranarray(X))
    assert f.flags.f_contiguous and not f.flags.c_contiguous and f.flags.fnc
    for y in (f + f, -f, cupy.exp(f), cupy.where(f > 1, f, f), f[:, [0, 1]], cupy.concatenate([f, f]), f.copy(),
              cupy.stack([f, f]).sum(0), cupy.cumsum(f, axis=0), cupy.take(f, cupy.array([0, 1]), axis=0),
              cupy.matmul(f.T, f)):
        assert y.flags.c_contiguous
    for y in (f.astype("f4"), f.copy(order="K"), cupy.copy(f), cupy.zeros_like(f), cupy.empty_like(f), cupy.pad(f, 1)):
        assert y.flags.fnc
    assert f.get().flags.c_contiguous and f.get(order="A").flags.f_contiguous
    assert f.astype(f.dtype, copy=False) is f and f.astype(f.dtype) is not f and cupy.asarray(f) is f
    assert (f.strides, f.itemsize, f.nbytes, f.size, len(f)) == ((8, 16), 8, 48, 6, 2)


def test_bfloat16_has_no_batched_product():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    check(cupy.ones((2, 2), bfloat16) @ cupy.ones((2, 2), bfloat16), np.full((2, 2), 2.0), bfloat16)
    with pytest.raises(TypeError, match="no batched product for bfloat16"):
        cupy.ones((3, 2, 2), bfloat16) @ cupy.ones((3, 2, 2), bfloat16)


def test_views_share_memory_and_know_their_base(x):
    row = x[0]
    for view in (row, x.T, x.reshape(6), cupy.transpose(x), cupy.broadcast_to(x, (2, 2, 3)), x[0, 0], x[:, ::-1],
                 x[None], *cupy.split(x, 2), x.mT, cupy.swapaxes(x, 0, 1), x.view(), row[1:],
                 cupy.lib.stride_tricks.sliding_window_view(x, (2, 2), (0, 1))):
        assert view.base is x and not view.flags.owndata
    for y in (x + 0, x[[0]], x.T.reshape(6), x.copy(), x[cupy.array(0)], cupy.array(x), x.flatten()):
        assert y.base is None and y.flags["OWNDATA"]
    row[...] = 9
    check(x[0], [9.0, 9.0, 9.0])
    row[1] = 0
    check(x[0], [9.0, 0.0, 9.0])
    host = X.copy()
    made = cupy.array(host)
    host[:] = 0
    check(made, X)


def test_uninitialised_memory_is_poisoned(x):
    for y in (cupy.empty((2, 3)), cupy.empty_like(x), cupy.ndarray((2, 3), "f4")):
        assert np.isnan(y._host).all()


# --- indexing -------------------------------------------------------------------------------------------------

INDICES = [0, -1, np.int64(1), slice(None), slice(None, None, -1), Ellipsis, None, (0, 1), (Ellipsis, 0), (None, 0),
           [0, 1], [], (slice(None), [2, 0]), ([0, 1], [1, 2]), (0, [1, 2]), ([1], slice(None), None), ((0, 1),),
           np.array([1, 0]),
           (np.array([[0], [1]]), np.array([0, 2])), np.array(1), X > 2, np.array([True, False]), True, False,
           (slice(None), np.array([True, False, True])), (Ellipsis, [0, 2]), np.array([-1, -2]),
           (np.array([True, True]), 1)]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indexing_agrees_with_numpy(x, index):
    check(x[index], X[index])
    expected = X.copy()
    expected[index] = 7
    x[index] = 7
    check(x, expected)


def test_indices_may_be_arrays_of_the_device(x):
    check(x[cupy.array([1, 0]), cupy.array([2, 0])], X[[1, 0], [2, 0]])
    assert syncs == []
    check(x[x > 2], X[X > 2])
    assert syncs == ["index with a mask"]
    x[x > 2] = 0
    check(x, np.where(X > 2, 0, X))
    with pytest.raises(IndexError, match="integer or boolean"):
        x[cupy.array([0.0])]


def test_integers_in_arrays_wrap_around(x):
    check(cupy.arange(3)[[1, 3]], [1, 0])
    check(x[:, [3, -4, 7]], X[:, [0, 2, 1]])
    check(cupy.take(x, cupy.array([3, 4]), axis=1), X[:, [0, 1]])
    check(x.take(cupy.array([-7])), [5.0])
    check(cupy.take_along_axis(x, cupy.array([[3], [5]]), 1), [[0.0], [5.0]])
    check(x[cupy.array([2]), 0], [0.0])
    y = cupy.zeros(3)
    y[[4]] = 1
    cupy.add.at(y, cupy.array([5, 2]), 1.0)
    cupy.put_along_axis(y, cupy.array([3]), 5.0, 0)
    check(y, [5.0, 1.0, 2.0])
    with pytest.raises(IndexError):
        x[2]
    with pytest.raises(IndexError):
        x[0, -4]


def test_duplicates_in_an_assignment_have_a_random_winner():
    seen = set()
    for _ in range(64):
        y = cupy.zeros(2)
        y[[0, 0, 0, 1]] = cupy.array([1.0, 2.0, 3.0, 4.0])
        seen.add(tuple(y._host))
    assert seen == {(1.0, 4.0), (2.0, 4.0), (3.0, 4.0)}


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "i8", "u4", "u8", "i1", "u1", "i2", "c8", "?"])
def test_scatter_add_takes_the_types_of_cudas_atomics(dtype):
    expected, y, index = np.zeros((3, 2), dtype), cupy.zeros((3, 2), dtype), np.array([0, 2, 0])
    if dtype in ("i1", "u1", "i2", "c8", "?"):
        with pytest.raises(TypeError, match="does not support"):
            cupy.add.at(y, index, 1)
        return
    np.add.at(expected, index, np.ones((3, 2), dtype))
    cupy.add.at(y, cupy.array(index), cupy.ones((1, 3, 2), dtype))
    check(y, expected)
    y = cupy.zeros((3, 2), dtype)
    with pytest.warns(DeprecationWarning, match="scatter_add"):
        cupyx.scatter_add(y, (index, slice(None)), 1)
    check(y, expected)


def test_other_ufuncs_scatter_or_refuse():
    y = cupy.zeros(3, np.float32)
    cupy.maximum.at(y, [0, 0], cupy.array([2.0, 1.0]))
    check(y, [2.0, 0.0, 0.0], np.float32)
    cupy.add.at(y, slice(1, None), 1.0)
    cupy.add.at(y, y > 1.5, 1.0)
    check(y, [3.0, 1.0, 1.0], np.float32)
    with pytest.raises(TypeError):
        cupy.subtract.at(y, [0], 1.0)
    for refused in (lambda: cupy.multiply.at(y, [0], 1.0), lambda: cupy.maximum.reduce(y)):
        with pytest.raises(NotImplementedError):
            refused()
    check(cupy.add.reduce(y), 5.0, np.float32)


# --- syncs, devices, memory -----------------------------------------------------------------------------------

@pytest.mark.parametrize("name, wait", {
    "bool": lambda x: bool(x[0, 0]), "float": lambda x: float(x[0, 0]), "int": lambda x: int(x[0, 0]),
    "item": lambda x: x[0, 0].item(), "get": lambda x: x.get(), "tolist": lambda x: x.tolist(), "repr": repr,
    "str": str, "format": lambda x: f"{x[0, 0]:.1f}",
    "cupy.nonzero": cupy.nonzero, "cupy.where": lambda x: cupy.where(x), "cupy.ndarray.nonzero": lambda x: x.nonzero(),
    "index with a mask": lambda x: x[x > 0], "cupy.unique": cupy.unique, "complex": lambda x: complex(x[0, 0]),
    "Stream.synchronize": lambda x: cupy.cuda.get_current_stream().synchronize(),
    "Device.synchronize": lambda x: x.device.synchronize(),
    "deviceSynchronize": lambda x: cupy.cuda.runtime.deviceSynchronize(),
}.items(), ids=named)
def test_what_waits_is_counted(x, name, wait):
    wait(x)
    assert syncs == [name]


def test_what_does_not_wait_is_not_counted(x):
    len(x), x.shape, x.device.id, x.get(blocking=False), cupy.array(X), x.set(X), x.sum(), x.argmax(), x.astype("f4")
    x[...] = 1
    x[[0, 0]] = cupy.ones(3)
    cupy.result_type(x, np.float32), cupy.where(x > 1, x, 0.0), cupy.zeros(0).get()
    cupy.random.default_rng(0).random(3)
    assert syncs == []


def test_truth_of_arrays(x):
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.warns(DeprecationWarning):
        assert not bool(cupy.zeros(0))


def test_devices():
    Device = cupy.cuda.Device
    assert cupy.cuda.runtime.getDeviceCount() == 2
    with Device(1) as device:
        assert Device() == device and cupy.cuda.runtime.getDevice() == 1 == int(device)
        x = cupy.ones(3)
        with Device(0):
            assert cupy.ones(1).device.id == 0
        check(x + x, [2.0, 2.0, 2.0])
    assert x.device.id == 1 and x[:2].device.id == 1 and Device().id == 0
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="invalid device ordinal"):
        with Device(2):
            pass
    assert cupy.cuda.runtime.getDeviceProperties(1)["name"].decode() == "strict double of CuPy"


@pytest.mark.parametrize("call", [
    lambda a, b: a + b, lambda a, b: b + b, lambda a, b: b.sum(), lambda a, b: cupy.concatenate([a, b]),
    lambda a, b: b.copy() + b, lambda a, b: b[[0]], lambda a, b: a[b.astype("i8")],
    lambda a, b: a.__setitem__(..., b), lambda a, b: b.__setitem__(0, 1.0), lambda a, b: cupy.add(a, a, out=b),
    lambda a, b: cupy.add.at(a, [0], b), lambda a, b: b.astype("f4"), lambda a, b: b.sort(),
    lambda a, b: a.__iadd__(b), lambda a, b: b.fill(0), lambda a, b: cupy.where(a > 0, a, b),
])
def test_kernels_want_arrays_of_the_current_device(call):
    a = cupy.ones(3)
    with cupy.cuda.Device(1):
        b = cupy.ones(3)
    with cupy.cuda.Device(1):
        index = cupy.array([0, 1])
    with pytest.raises(ValueError, match="current device"):
        _ = a[index]
    with pytest.raises(ValueError, match=r"where the array resides \(1\) is different from the current device \(0\)"):
        call(a, b)
    assert (a + a).device.id == 0


def test_between_devices():
    x = cupy.array(X)
    with cupy.cuda.Device(1):
        y = cupy.array(x)
        assert y.device.id == 1 and x.device.id == 0
        assert copy.deepcopy(x).device.id == 0 and copy.copy(x).device.id == 1
        assert cupy.array(x.T).device.id == 1
        with pytest.raises(NotImplementedError, match="non-contiguous"):
            cupy.array(x[:, ::2])
        check(cupy.array(x[:, ::2], order="C"), X[:, ::2])
    np.testing.assert_array_equal(y.get(), X)


def test_memory_pool():
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    before = pool.used_bytes()
    x = cupy.zeros(1000, np.float32)
    view = x[1:]
    assert pool.used_bytes() - before == 4096
    del x
    assert pool.used_bytes() - before == 4096                   # the view still needs it
    assert view.base is not None
    del view
    assert pool.used_bytes() == before
    assert pool.total_bytes() - before == 4096 == pool.free_bytes()
    pool.free_all_blocks()
    assert pool.total_bytes() == before
    with cupy.cuda.Device(1):
        x = cupy.zeros(1)
    assert pool.used_bytes() == before and x.nbytes == 8


def test_set_and_fill(x):
    x.set(X + 1)
    check(x, X + 1)
    for wrong in (X.tolist(), X.astype("f4")):
        with pytest.raises(TypeError):
            x.set(wrong)
    with pytest.raises(ValueError):
        x.set(X[0])
    with pytest.raises(RuntimeError):
        x[:, ::2].set(X[:, ::2].copy())
    x.fill(x[0, 0])
    check(x, np.ones((2, 3)))
    with pytest.raises(ValueError):
        x.fill(X)


# --- random numbers -------------------------------------------------------------------------------------------

def test_generator():
    first, second = cupy.random.default_rng(3), cupy.random.default_rng(3)
    assert not np.array_equal(cupy.random.default_rng(3).random(3)._host, np.random.default_rng(3).random(3))
    check(first.random((2, 3), np.float32), second.random((2, 3), np.float32)._host, np.float32)
    assert first.random().shape == () and first.random(4, np.float16).dtype == np.float16
    assert first.standard_normal(4, np.float32).dtype == np.float32
    assert first.uniform(2, 3, 4, np.float32).dtype == np.float32
    drawn = first.integers(2, 5, 100)
    assert drawn.dtype == np.int64 and set(drawn._host) == {2, 3, 4}
    out = cupy.zeros(3, np.float32)
    assert first.random(dtype=np.float32, out=out) is out and out._host.all()
    with pytest.raises(TypeError, match="float16 for standard_normal"):
        first.standard_normal(4, np.float16)
    for name in ("normal", "choice", "permutation", "shuffle", "bytes"):
        assert not hasattr(first, name)
    with cupy.cuda.Device(1), pytest.raises(RuntimeError, match="different device"):
        first.random(3)


# --- backend.py on the double ---------------------------------------------------------------------------------

def test_backend_devices_and_transfers():
    assert backend.cuda_available() and backend.cuda_library().functions is cupy
    x = backend.to_device(X, "cuda")
    assert backend.device_of(x) == "cuda:0" and backend.library_of(x) == "cupy" and backend.namespace(x) is cupy
    assert backend.is_array(x) and backend.to_device(x, "cuda:0") is x
    moved = backend.to_device(x.T, "cuda:1")
    assert backend.device_of(moved) == "cuda:1"
    np.testing.assert_array_equal(backend.to_numpy(moved), X.T)
    assert syncs == ["get"]
    np.testing.assert_array_equal(backend.to_device(moved, "cpu"), X.T)
    np.testing.assert_array_equal(backend.to_numpy(backend.to_device(x[:, ::2], "cuda:1")), X[:, ::2])
    with pytest.raises(backend.DeviceError, match='"cuda:2" does not exist: this machine has 2 GPUs'):
        backend.to_device(X, "cuda:2")
    assert backend.device_name("cuda") == "strict double of CuPy"
    with backend.using("cuda:1"):
        assert backend.device_of(backend.library_for("cuda:1").zeros(2)) == "cuda:1"


def test_backend_synchronize():
    backend.synchronize("cuda:1")
    assert syncs == ["Stream.synchronize"]
    backend.synchronize("cpu")
    assert syncs == ["Stream.synchronize"]


def test_backend_scatter_add():
    x, index = cupy.zeros((3, 2), np.float32), np.array([0, 2, 0])
    backend.scatter_add(x, cupy.array(index), cupy.ones((3, 2), np.float32))
    expected = np.zeros((3, 2), np.float32)
    backend.scatter_add(expected, index, np.ones((3, 2), np.float32))
    check(x, expected)
    assert syncs == []


def test_backend_generators():
    backend.manual_seed(5)
    with backend.using("cuda:1"):
        first = backend.default_generator("cuda:1").random(3)
    backend.manual_seed(5)
    with backend.using("cuda:1"):
        again = backend.default_generator("cuda:1").random(3)
        assert first.device.id == 1
        check(first == again, [True] * 3)
    assert backend.make_generator("cuda", 1) is not backend.make_generator("cuda", 1)


def test_installed_begins_with_new_generators():
    outer = backend.default_generator("cuda")
    with installed():
        assert backend.default_generator("cuda") is not outer
    assert backend.default_generator("cuda") is outer


def test_installed_leaves_nothing_behind():
    libraries, generators, seed = dict(backend.LIBRARIES), dict(backend._generators), list(backend._seed)
    with pytest.raises(KeyError), installed():
        backend.manual_seed(77)
        backend.default_generator("cuda:1")
        cupy.cuda.Device(1).use()
        raise KeyError
    assert (backend.LIBRARIES, backend._generators, backend._seed) == (libraries, generators, seed)
    assert cupy.cuda.Device().id == 0
