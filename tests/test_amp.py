"""autocast: who is cast, where it shows on the tape, what comes back, and where nothing may happen."""

import contextvars
import threading

import numpy as np
import pytest
from cases import CASES
from compare import assert_same
from halves import HALVES
from hypothesis import given
from hypothesis import strategies as st
from rows import rows, subject
from strict_cupy import installed, only_on_the_double

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import amp, casting, config, debug, nn, ops, optim
from minigrad.amp import autocast
from minigrad.casting import FULL, LOW, POLICY, WIDEST
from minigrad.fused import Fused, fused
from minigrad.graph import Graph, Input
from minigrad.op import OPS, Op
from minigrad.tensor import Node
from minigrad.testing.gradcheck import is_floating
from minigrad.variadic import Variadic

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def quiet():
    """What does not fit into half precision is inf, as on a GPU: no warning."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        yield
    assert not casting.entered


def normal(*shape, dtype="f4", **options):
    return mg.tensor(RNG.standard_normal(shape).astype(dtype), **options)


def on_tape(*ys):
    """The names of the calls on the tape behind tensors, the oldest first; what is inside of fused ops is not."""
    seen, stack = set(), [y.node for y in ys]
    while stack:
        node = stack.pop()
        node = getattr(node, "node", node)              # of one of several outputs: the call
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            stack += node.edges
    return [node.op.name for node in sorted(seen, key=lambda node: node.serial)]


# --- which op in which precision ----------------------------------------------------------------------------------

def test_every_name_is_that_of_an_op_once():
    assert set(POLICY) <= set(OPS) and len(POLICY) == len(LOW) + len(FULL) + len(WIDEST)


def test_every_loss_is_in_full_precision():
    import minigrad.ops.classification_losses as classification
    import minigrad.ops.distances as distances
    import minigrad.ops.likelihood_losses as likelihood
    import minigrad.ops.margin_losses as margin
    import minigrad.ops.regression_losses as regression
    families = {module.__name__ for module in (classification, likelihood, margin, regression, distances)}
    assert {name for name, op in OPS.items() if op.module in families} <= set(FULL)


def flat(y):
    return [part for one in y for part in flat(one)] if isinstance(y, (tuple, list)) else [y]


def takes_floats(op, case):
    """All cases of the ops that are cast, and the first of all others."""
    return isinstance(op, Op) and not isinstance(op, Variadic) and any(is_floating(x) for x in case.inputs) \
        and (op.name in POLICY or case is CASES[op.name][0])


@pytest.mark.parametrize("op, case", rows(takes_floats))
def test_every_op_runs_and_gradients_come_in_the_precision_of_their_inputs(op, case):
    """The whole table on float32: products give float16, all others what they give outside; gradients are float32."""
    single = case.map(lambda x: x.astype("f4") if is_floating(x) else x)
    inputs = [mg.tensor(x, requires_grad=is_floating(x)) if isinstance(x, np.ndarray) else x for x in single.inputs]
    constants = [x.detach() if isinstance(x, mg.Tensor) else x for x in inputs]
    plain = flat(op(*constants, **single.params))
    with autocast("cpu", "float16"):
        found = flat(op(*inputs if op.formulas else constants, **single.params))
    for one, other in zip(found, plain, strict=True):
        if POLICY.get(op.name) == "low":
            assert one.dtype == "float16"
            np.testing.assert_allclose(one.numpy().astype("f4"), other.numpy(), rtol=0.02, atol=0.02)
        else:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    for y in found:
        if y.requires_grad:
            gradients = mg.grad(y.sum(), [x for x in inputs if isinstance(x, mg.Tensor) and x.requires_grad],
                                retain_graph=True, allow_unused=True)
            assert {g.dtype for g in gradients if g is not None} == {np.dtype("f4")}


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("op, case", rows(lambda op, case: getattr(op, "name", "") in FULL))
def test_full_ops_take_halves_and_give_what_float32_gives(op, case, dtype):
    halves = [mg.tensor(x.astype(dtype)) if is_floating(x) else x for x in case.inputs]
    singles = [x.astype("float32") if isinstance(x, mg.Tensor) else x for x in halves]
    with autocast("cpu", dtype):
        assert_same(op(*halves, **case.params), op(*singles, **case.params), 0, 0)
        for y in flat(op(*halves, **case.params)):
            assert y.dtype == "float32" or y.dtype.kind in "iub"


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu", "add", "multiply", "max_pool2d", "avg_pool2d",
                                  "mean", "batch_norm_train", "embedding", "reshape", "concat", "where", "dropout"])
def test_other_ops_take_what_comes(name):
    assert name not in POLICY


def test_of_two_precisions_the_wider():
    half, single = normal(2, 3).astype("float16"), normal(2, 3)
    index = mg.tensor(np.zeros((2, 3), int))
    with autocast("cpu", "float16"):
        assert (half + single).dtype == ops.concat([half, single]).dtype == "float32"
        for x, src in (half, single), (single, half):
            assert ops.scatter_add(x, 1, index, src).dtype == "float32"
        assert ops.scatter_add(half, 1, index, half).dtype == "float16"
        assert (half + half).dtype == "float16"


def test_a_matmul_is_that_of_the_halves():
    x, w = normal(4, 3), normal(3, 2)
    with autocast("cpu", "float16"):
        y = x @ w
    np.testing.assert_array_equal(y.numpy(), (x.astype("float16") @ w.astype("float16")).numpy())


def test_bfloat16_is_the_choice_on_the_cpu_and_float16_on_gpus():
    pytest.importorskip("ml_dtypes")
    with autocast():
        assert (normal(2, 2) @ normal(2, 2)).dtype == "bfloat16"
    assert autocast("cuda").dtype == autocast("cuda:1").dtype == "float16"


def test_an_op_of_ones_own_is_left_alone_whatever_it_is_called():
    there_was = OPS["exp"]

    @mg.op
    def exp(x):
        return np.exp(x)

    try:
        with autocast("cpu", "float16"):
            assert exp(normal(2).astype("float16")).dtype == "float16"
    finally:
        OPS["exp"] = there_was


# --- on the tape, and back ----------------------------------------------------------------------------------------

def test_casts_are_on_the_tape():
    x, w, b = normal(4, 3), normal(2, 3, requires_grad=True), normal(2, requires_grad=True)
    with autocast("cpu", "float16"):
        y = F.cross_entropy(F.linear(x, w, b), mg.tensor([0, 1, 1, 0]))
        with debug.record(sources=False) as record:
            F.linear(x, w, b)
    assert on_tape(y) == ["astype", "astype", "linear", "astype", "cross_entropy"] and y.dtype == "float32"
    assert [call.op.name for call in record.calls][-1] == "linear"


@given(st.integers(0, 2 ** 32 - 1))
def test_gradients_are_those_of_explicit_casts(seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape).astype("f4") for shape in ((5, 3), (4, 3), (4,))]

    def gradients(loss_of):
        xs = [mg.tensor(a, requires_grad=True) for a in arrays]
        loss_of(*xs).backward()
        assert {x.grad.dtype for x in xs} == {np.dtype("f4")}
        return [x.grad.numpy() for x in xs]

    def cast(x, w, b):
        with autocast("cpu", "float16"):
            return F.linear(x, w, b).relu().sum()

    def by_hand(x, w, b):
        y = F.linear(x.astype("float16"), w.astype("float16"), b.astype("float16"))
        return y.relu().astype("float32").sum()

    for ours, expected in zip(gradients(cast), gradients(by_hand), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_gradients_of_gradients():
    """Inside or outside, the second walk sees the precision of the first; and float32 agrees roughly."""
    def second(inside, dtype):
        x, w = mg.tensor([[0.5, -1.0]], requires_grad=True), mg.tensor([[1.0, 2.0], [0.5, 1.5]], requires_grad=True)
        with autocast("cpu", "float16", enabled=dtype):
            y = ops.exp(F.linear(x, w).tanh()).sum()
            if inside:
                (g,) = mg.grad(y, [x], create_graph=True)
        if not inside:
            (g,) = mg.grad(y, [x], create_graph=True)
        assert g.dtype == "float32"
        (g * g).sum().backward()
        assert x.grad.dtype == w.grad.dtype == "float32"
        return np.concatenate([x.grad.numpy(), w.grad.numpy()])

    np.testing.assert_array_equal(second(True, True), second(False, True))
    np.testing.assert_allclose(second(True, True), second(True, False), rtol=5e-3, atol=5e-3)


def test_a_walk_inside_runs_as_outside():
    """A backward formula is full of products: none of them is cast again."""
    x, w = normal(4, 3, requires_grad=True), normal(3, 2, requires_grad=True)
    y = (x @ w).sum()
    with autocast("cpu", "float16"):
        (g,) = mg.grad(y, [x], create_graph=True)
    assert "matmul" in on_tape(g) and "astype" not in on_tape(g) and g.dtype == "float32"


@fused
def product_inside(x, w):
    """A definition with an op that is cast elsewhere."""
    return ops.exp(x @ w)

product_inside.rules(x="gx = g * y w^T", w="gw = x^T (g * y)")


@pytest.mark.parametrize("needs", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_definition_is_left_alone(needs, dtype):
    x, w = [normal(2, 2, requires_grad=needs).detach().astype(dtype) for _ in range(2)]
    x.requires_grad = needs
    expected = product_inside(x, w)
    with autocast("cpu", "float16"):
        y = product_inside(x, w)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.numpy(), expected.numpy())
        if needs:
            (g,) = mg.grad(y.sum(), [x], create_graph=True)
            assert g.dtype == dtype and g.requires_grad


@pytest.mark.parametrize("kernels", ["auto", "definition"])
def test_with_kernels_and_without(kernels):
    mg.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(12, 5), nn.LayerNorm(5))
    x = mg.tensor(np.random.default_rng(0).standard_normal((2, 1, 6, 6)).astype("f4"))
    with config(kernels=kernels), autocast("cpu", "float16"):
        loss = F.cross_entropy(model(x), mg.tensor([0, 3]))
        loss.backward()
    assert loss.dtype == "float32" and {p.grad.dtype for p in model.parameters()} == {np.dtype("f4")}
    plain = F.cross_entropy(model(x), mg.tensor([0, 3]))
    assert float(loss) == pytest.approx(float(plain), rel=0.02)


def test_the_debugger_walks_and_steps_into_what_was_cast():
    """Also inside autocast: the definitions that it enters are those of the precision in which the op ran."""
    x, w = normal(4, 3), normal(2, 3, requires_grad=True)
    with autocast("cpu", "float16"):
        loss = F.cross_entropy(F.linear(x, w), mg.tensor([0, 1, 1, 0]))
        rules, inside = [], []
        for event in debug.walk(loss, retain_graph=True):
            if event.kind == "rule":
                rules.append((event.op, str(event.g.dtype)))
                if event.op == "linear":
                    inside = [(one.op, str(one.g.dtype)) for one in event.into() if one.kind == "rule"]
    assert rules == [("cross_entropy", "float32"), ("astype", "float32"), ("linear", "float16"), ("astype", "float16")]
    assert ("matmul", "float16") in inside and "astype" not in dict(inside)


# --- parameters are cast once -------------------------------------------------------------------------------------

def test_a_recurrent_network_casts_its_weights_once():
    rnn, x = nn.LSTM(3, 4), normal(6, 2, 3)

    with autocast("cpu", "float16"):
        y = rnn(x)[0]
    with autocast("cpu", "float16", cache_enabled=False):
        z = rnn(x)[0]
    assert y.dtype == "float16" and on_tape(y).count("lstm_cell") == 6
    weights = len(list(rnn.parameters()))
    assert on_tape(y).count("astype") == weights and on_tape(z).count("astype") == weights + 5 * 2
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    y.astype("float32").sum().backward()
    assert {p.grad.dtype for p in rnn.parameters()} == {np.dtype("f4")}
    expected = [p.grad.numpy() for p in rnn.parameters()]
    rnn.zero_grad()
    rnn(x)[0].sum().backward()
    for p, g in zip(rnn.parameters(), expected, strict=True):
        np.testing.assert_allclose(g, p.grad.numpy(), rtol=0.05, atol=0.05)


def test_a_cast_is_forgotten_when_the_parameter_changes():
    layer, x = nn.Linear(2, 2, bias=False), mg.ones(1, 2)
    optimizer = optim.SGD(layer.parameters(), lr=1.0)
    with autocast("cpu", "float16"):
        for _ in range(3):                          # whole steps inside: the walk has been through the cast each time
            optimizer.zero_grad()
            layer(x).sum().backward()
            optimizer.step()
            np.testing.assert_array_equal(layer(x).numpy()[0], layer.weight.numpy().astype("f2").sum(1))
        layer.weight.data = np.ones((2, 2), "f4")
        assert layer(x).numpy().tolist() == [[2, 2]]
        with mg.no_grad():
            layer.weight[...] = 3.0
            assert layer(x).numpy().tolist() == [[6, 6]] and not layer(x).requires_grad
        assert layer(x).requires_grad
        cast = layer(x).node.edges[1]
        with autocast("cpu", "float16"):            # what is inside shares the casts of what is outside
            assert layer(x).node.edges[1] is cast and cast.op.name == "astype"


# --- who is left alone --------------------------------------------------------------------------------------------

def test_arrays_are_left_alone():
    a = RNG.standard_normal((2, 2)).astype("f4")
    with autocast("cpu", "float16"):
        assert ops.matmul(a, a).dtype == ops.linear(a, a).dtype == "float32"
        assert ops.exp(a.astype("f2")).dtype == "float16"
        assert ops.matmul(mg.tensor(a), a).dtype == "float16"       # an array beside a tensor is a constant


@pytest.mark.parametrize("other", ["f4", "f8"])
def test_double_precision_is_left_alone(other):
    x, w = normal(2, 2, dtype="f8", requires_grad=True), normal(2, 2, dtype=other)
    with autocast("cpu", "float16"):
        y = x @ w
        assert on_tape(y) == ["matmul"] and y.dtype == ops.exp(y).dtype == "float64"


def test_whole_numbers_are_left_alone():
    with autocast("cpu", "float16"):
        assert (mg.tensor([[1, 2]]) @ mg.tensor([[3], [4]])).numpy().tolist() == [[11]]
        assert mg.tensor([True, False]).sum().dtype == "int64"
        assert ops.sum(mg.tensor([2 ** 40])).item() == 2 ** 40


def test_a_dtype_among_the_arguments_is_no_array():
    half = normal(3).astype("float16")
    with autocast("cpu", "float16"):
        assert half.sum(dtype=np.float64).dtype == "float64" and half.astype(np.float16).dtype == "float16"


def test_graphs_are_built_as_outside():
    def build():
        x = Input((3,), name="x")
        return Graph(x, ops.softmax(nn.Linear(3, 2)(x, name="fc"), 1))

    with autocast("cpu", "float16"):
        graph = build()
        assert [node.name for node in graph.nodes] == [node.name for node in build().nodes]
        y = graph.run(normal(4, 3), at=["fc", graph.nodes[-1].name])
        assert [v.dtype for v in y.values()] == ["float16", "float32"]
        counted = graph.summary()
    assert str(counted) == str(graph.summary())
    assert [node.result.dtype for node in graph.nodes] == ["float32"] * 3 and len(graph.nodes) == 3


@only_on_the_double
def test_tensors_on_the_other_kind_of_device_are_left_alone():
    with installed():
        here, there = normal(2, 2), normal(2, 2, device="cuda:1")
        with autocast("cuda", "float16"):
            assert (here @ here).dtype == "float32" and (there @ there).dtype == "float16"
            assert amp.is_autocast_enabled("cuda") and not amp.is_autocast_enabled("cpu")
            with autocast("cpu", HALVES[-1]):
                assert (here @ here).dtype == HALVES[-1] and (there @ there).dtype == "float16"
        assert (there @ there).dtype == "float32"


def test_on_the_double():
    with installed():
        mg.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)).cuda()
        x = normal(4, 1, 6, 6, device="cuda")
        with autocast("cuda", "float16"):
            y = model(x)
            loss = F.cross_entropy(y, mg.tensor([0, 1, 2, 0], device="cuda"))
        loss.backward()
        assert (y.dtype, loss.dtype, y.device) == ("float16", "float32", "cuda:0")
        assert {(p.grad.dtype.name, p.grad.device) for p in model.parameters()} == {("float32", "cuda:0")}
        (g,) = mg.grad(model(x).sum(), [model[0].weight], create_graph=True)
        assert g.dtype == "float32"


# --- a context ----------------------------------------------------------------------------------------------------

def product():
    a = mg.ones(1, 1)
    return (a @ a).dtype


def test_it_nests():
    assert amp.get_autocast_dtype() is None
    with autocast("cpu", "float16"):
        assert product() == "float16" == amp.get_autocast_dtype()
        with autocast("cpu", enabled=False):
            assert product() == "float32" and not amp.is_autocast_enabled()
            with autocast("cpu", HALVES[-1]):
                assert product() == HALVES[-1]
            assert product() == "float32"
        assert product() == "float16"
    assert product() == "float32" and not amp.is_autocast_enabled()


def test_an_error_inside_leaves_it():
    with pytest.raises(ValueError, match="^matmul: 3 columns of a against 2 rows of b"), autocast("cpu", "float16"):
        normal(2, 3) @ normal(2, 3)
    assert product() == "float32"


def test_one_object_serves_often_and_as_decorator():
    half = autocast("cpu", "float16")
    for _ in range(2):
        with half, half:
            assert product() == "float16"
    assert product() == "float32"

    @half
    def count_down(n):
        """Docs."""
        return [product()] + (count_down(n - 1) if n else [])

    assert count_down(2) == ["float16"] * 3 and product() == "float32" and count_down.__doc__ == "Docs."


def test_other_threads_see_nothing_of_it():
    seen, inside, done = {}, threading.Barrier(2), threading.Barrier(2)

    def work(name, dtype):
        with autocast("cpu", dtype, enabled=dtype != "float32"):
            inside.wait()
            seen[name] = [product() for _ in range(50)]
            done.wait()

    threads = [threading.Thread(target=work, args=pair) for pair in (("a", "float16"), ("b", "float32"))]
    with autocast("cpu", HALVES[-1]):
        fresh = threading.Thread(target=lambda: seen.update(c=product()))
        fresh.start(), fresh.join()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen["a"]) == {np.dtype("f2")} and set(seen["b"]) == {np.dtype("f4")} and seen["c"] == "float32"


def test_a_copied_context_outlives_it():
    with autocast("cpu", "float16"):
        copied = contextvars.copy_context()
    assert product() == "float32" and copied.run(product) == "float16"
    del copied


def test_a_model_trains_as_in_float32():
    """The UCI digits, a small network, the same batches."""
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    images = ((images - 4.9) / 6).astype("f4").reshape(-1, 1, 8, 8)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1000], order[1000:]

    def accuracy(enabled):
        mg.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10))
        optimizer, scaler = optim.SGD(model.parameters(), lr=0.1, momentum=0.9), amp.GradScaler(enabled=enabled)
        for epoch in range(3):
            index = np.random.default_rng(epoch).permutation(train)
            for i in range(0, len(index), 50):
                batch = index[i:i + 50]
                with autocast("cpu", "float16", enabled=enabled):
                    loss = F.cross_entropy(model(mg.tensor(images[batch])), mg.tensor(labels[batch]))
                optimizer.zero_grad()
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
        assert {p.dtype.name for p in model.parameters()} == {"float32"}
        with mg.no_grad(), autocast("cpu", "float16", enabled=enabled):
            return (model(mg.tensor(images[test])).numpy().argmax(1) == labels[test]).mean()

    single, mixed = accuracy(False), accuracy(True)
    assert single > 0.9 and abs(single - mixed) < 0.02


# --- errors -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: autocast("gpu"), ValueError, "autocast: device_type must be \"cpu\" or \"cuda\", 'gpu' came"),
    (lambda: autocast(len), ValueError, "autocast: device_type must be"),
    (lambda: autocast("float16"), ValueError, "'float16' came; the precision comes second: autocast.\"cpu\", 'float"),
    (lambda: autocast("cpu", "float32"), ValueError, "dtype must be \"float16\" or \"bfloat16\", 'float32' came"),
    (lambda: autocast("cpu", "int8"), ValueError, "dtype must be \"float16\" or \"bfloat16\", 'int8' came"),
    (lambda: autocast("cpu", "int16"), ValueError, "dtype must be \"float16\" or \"bfloat16\", 'int16' came"),
    (lambda: autocast("cpu", "half a float"), ValueError, "dtype must be \"float16\" or"),
    (lambda: autocast("cpu", "float16", 1), TypeError, "autocast: enabled must be True or False, 1 came"),
    (lambda: amp.is_autocast_enabled("tpu"), ValueError, "device_type must be"),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_it_shows_what_it_does():
    assert repr(autocast("cpu", "float16")) == "autocast('cpu', 'float16')"
    assert repr(autocast("cuda", enabled=False)) == "autocast('cuda', enabled=False)"
    assert mg.autocast is autocast


def test_bfloat16_without_its_package(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ImportError, match="pip install ml_dtypes"):
        autocast("cpu", "bfloat16")


def test_names_in_the_table_are_rows_too():
    """Every op with a policy is in the tests' table, so the tests above have seen it."""
    missing = {name for name in POLICY if name not in CASES} - {"contract", "bernoulli_nll"}
    assert not missing and isinstance(subject("linear"), Fused)
