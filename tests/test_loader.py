"""The loader: which batches, in which order, the same whatever the number of threads, and clean ends."""

import threading

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.data import Arrays, DataError, Dataset, Loader, Subset


class OneByOne:
    """A data set that knows single ints only, and nothing else."""

    def __init__(self, n, example=lambda i: (np.full((2, 3), i, np.float32), i)):
        self.n, self.example = n, example

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if type(i) is not int:
            raise TypeError(f"an int, {type(i)} came")
        return self.example(i)


def noise(inputs, targets, generator):
    return inputs + generator.integers(0, 1000, inputs.shape), targets


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("minigrad-loader")]


def assert_same(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for (x, y), (u, v) in zip(first, second, strict=True):
        assert x.dtype == u.dtype and y.dtype == v.dtype
        assert (x == u).all() and (y == v).all() and x.shape == u.shape and y.shape == v.shape


# --- what comes out -------------------------------------------------------------------------------------------

@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 4), st.booleans(), st.booleans())
@example(3, 4, 0, False, True)
def test_every_example_comes_once(n, size, workers, shuffle, drop_last):
    if drop_last and n < size:
        with pytest.raises(DataError, match=f"{n} examples, which make no whole batch of {size}: use batch_size={n}"):
            Loader(OneByOne(n), size, drop_last=True)
        return
    loader = Loader(OneByOne(n), size, shuffle, workers=workers, drop_last=drop_last)
    batches = list(loader)
    assert len(batches) == len(loader)
    seen = [int(i) for _, y in batches for i in y]
    assert len(set(seen)) == len(seen) == (n - n % size if drop_last else n)
    for x, y in batches:
        assert x.dtype == np.float32 and y.dtype == np.int64 and x.shape == (len(y), 2, 3) and (x[:, 0, 0] == y).all()
    assert all(len(y) == size for _, y in batches[:-1])
    if not shuffle:
        assert seen == list(range(len(seen)))


@given(st.data())
def test_threads_and_resuming_change_nothing(data):
    n, size = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 8))
    seed, number = data.draw(st.integers(0, 2**70)), data.draw(st.integers(1, 5))
    whole = list(Loader(OneByOne(n), size, True, seed, transform=noise).epoch(number))
    other = Loader(OneByOne(n), size, True, seed, workers=data.draw(st.integers(0, 4)),
                   prefetch=data.draw(st.integers(1, 3)), transform=noise)
    start = data.draw(st.integers(0, len(other)))
    assert_same(other.epoch(number, start), whole[start:])
    x, y = np.repeat(np.arange(n, dtype=np.float32), 6).reshape(n, 2, 3), np.arange(n)
    assert_same(Loader(Arrays(x, y), size, True, seed, transform=noise).epoch(number), whole)      # nor taking indices


def test_epochs_differ_and_iter_counts_on():
    loader = Loader(OneByOne(50), 50, shuffle=True, seed=3)
    orders = [next(iter(loader))[1].tolist() for _ in range(3)]
    assert [sorted(order) for order in orders] == [list(range(50))] * 3
    assert orders[0] != orders[1] != orders[2]
    assert loader.next_epoch == 4
    again = Loader(OneByOne(50), 50, shuffle=True, seed=3)
    assert [next(again.epoch(number))[1].tolist() for number in (1, 2, 3)] == orders
    assert next(iter(Loader(OneByOne(50), 50, shuffle=True, seed=4)))[1].tolist() != orders[0]
    again.next_epoch = 3                            # a run that resumes
    assert next(iter(again))[1].tolist() == orders[2]


def test_the_order_is_for_ever():
    """The same on every machine and with every NumPy."""
    assert Loader(OneByOne(10), shuffle=True).order(1).tolist() == [6, 4, 8, 9, 1, 3, 2, 7, 5, 0]
    assert Loader(OneByOne(5), shuffle=False).order(7).tolist() == [0, 1, 2, 3, 4]


def test_draws_of_different_batches_and_epochs_differ():
    """Also where numbers could be mixed up: (seed, epoch) with (seed, epoch, 0), a large seed with two small ones."""
    drawn = set()
    for seed in (0, 1, 2**32, 2**32 + 1, 2**64):
        loader = Loader(OneByOne(3), 1, shuffle=True, seed=seed)
        for number in (1, 2):
            drawn |= {int(loader.generator(number, i).integers(2**62)) for i in range(3)}
    assert len(drawn) == 5 * 2 * 3
    loader = Loader(OneByOne(3), shuffle=True)
    first = loader.generator(1, 0).bit_generator.random_raw(100)
    assert (Loader(OneByOne(100), shuffle=True).order(1) != np.argsort(first)).any()


def test_nested_examples():
    def example(i):
        return {"left": np.full(2, i), "right": (np.float64(i), np.zeros((1, 1), np.uint8))}, {"a": i / 2, "b": i > 1}

    for workers in (0, 2):
        (x, y), (last, _) = Loader(OneByOne(3, example), 2, workers=workers)
        assert x["left"].tolist() == [[0, 0], [1, 1]] and last["left"].tolist() == [[2, 2]]
        assert x["right"][0].dtype == np.float64 and x["right"][1].shape == (2, 1, 1)
        assert y["a"].dtype == np.float32 and y["a"].tolist() == [0, 0.5] and y["b"].dtype == bool
    x, y = next(iter(Loader([(mg.tensor([1.0, 2.0]), None)] * 3)))
    assert x.tolist() == [[1, 2]] * 3 and type(x) is np.ndarray and y is None


def test_pairs_of_arrays_and_lists_are_data():
    x, y = np.arange(12).reshape(6, 2), np.arange(6)
    assert_same(Loader((x, y), 4), Loader(Arrays(x, y), 4))
    assert_same(Loader(list(zip(x, y, strict=True)), 4), Loader(Arrays(x, y), 4))
    inputs, targets = next(iter(Loader(({"a": x}, {"b": y}), 6)))
    assert (inputs["a"] == x).all() and (targets["b"] == y).all()


def test_batches_are_the_consumers_own():
    x, y = np.zeros((6, 2)), np.zeros(6, int)
    for shuffle in (False, True):
        for inputs, targets in Loader((x, y), 3, shuffle):
            inputs += 1
            targets += 1
    assert not x.any() and not y.any()


# --- threads --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ending", ["whole", "break", "close", "raise", "never begun"])
def test_no_thread_stays(ending):
    loader = Loader(OneByOne(40), 2, workers=3)
    batches = iter(loader)
    if ending == "whole":
        assert len(list(batches)) == 20
    if ending == "break":
        for _ in loader:
            assert threads()
            break
    if ending == "close":
        next(batches)
        assert threads()
        batches.close()
    if ending == "raise":
        with pytest.raises(ZeroDivisionError):
            for _ in loader:
                1 / 0                                   # noqa: B018
    del batches
    assert not threads()


def test_threads_are_only_so_far_ahead():
    """Workers that wait for nobody: after k batches are taken, at most k + workers * prefetch + 1 were read."""
    read, lock = [], threading.Lock()

    def example(i):
        with lock:
            read.append(i)
        return np.zeros(1), i

    for workers, prefetch in ((1, 1), (2, 3)):
        read.clear()
        batches = iter(Loader(OneByOne(100, example), 1, workers=workers, prefetch=prefetch))
        for taken in range(1, 60):
            next(batches)
            assert len(read) <= taken + workers * prefetch
        batches.close()
        assert len(read) <= 59 + workers * prefetch


def test_threads_read_at_the_same_time():
    """Two examples that wait for each other."""
    meeting = threading.Barrier(2, timeout=20)

    def example(i):
        meeting.wait()
        return np.zeros(1), i

    assert [y.tolist() for _, y in Loader(OneByOne(8, example), 1, workers=2)] == [[i] for i in range(8)]


def test_threads_see_the_callers_context():
    def divide(inputs, targets, generator):
        return inputs / np.zeros(3), targets            # silent only under the caller's errstate

    with np.errstate(divide="ignore", invalid="ignore"):
        assert len(list(Loader((np.ones((4, 3)), np.ones(4)), 2, workers=2, transform=divide))) == 2


# --- errors ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("workers", [0, 2])
def test_errors_of_an_example_say_which(workers):
    def broken(i):
        if i == 5:
            raise KeyError("a bug of the user's")
        if i == 9:
            raise DataError("photo.jpg: is damaged")
        return np.zeros(2), i

    with pytest.raises(KeyError, match="a bug of the user's") as caught:
        list(Loader(OneByOne(8, broken), 3, workers=workers))
    assert caught.value.__notes__ == ["Loader: this was example 5"]
    assert caught.traceback[-1].name == "broken"
    batches = iter(Loader(Subset(OneByOne(12, broken), [0, 1, 9]), 1, workers=workers))
    assert next(batches)[1] == 0 and next(batches)[1] == 1      # those before it still come
    with pytest.raises(DataError, match=r"^example 2: photo.jpg: is damaged$"):
        next(batches)
    assert not threads()


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_of_the_transform_say_where(workers):
    def broken(inputs, targets, generator):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as caught:
        list(Loader(OneByOne(3), workers=workers, transform=broken))
    assert caught.value.__notes__ == ["Loader: this was the transform of batch 0 of epoch 1"]
    with pytest.raises(DataError, match=r"batch 0 of epoch 1: expected it to return \(inputs, targets\), ndarray came"):
        list(Loader(OneByOne(3), workers=workers, transform=lambda x, y, generator: x))


@pytest.mark.parametrize(("example", "says"), [
    (lambda i: (np.zeros(2 + i), 0), r"example 1: its input is \(3,\) of float64, that of example 0 in the same batch "
                                     r"is \(2,\) of float64: make all alike .* size=.*batch_size=1"),
    (lambda i: (np.zeros(2, [int, float][i]), 0), r"example 1: its input is \(2,\) of float64"),
    (lambda i: ({"ab"[i]: np.zeros(1)}, 0), "example 1: its input is a dict of 'b', .* is a dict of 'a'"),
    (lambda i: ({"a": np.zeros(1 + i)}, 0), r"example 1: its input\['a'\] is \(2,\)"),
    (lambda i: ((0,) * (i + 1), 0), "example 1: its input is a tuple of 2, .* is a tuple of 1"),
    (lambda i: (0, [None, 1][i]), "example 1: its target is int, .* is NoneType"),
    (lambda i: (0, "cat"), "example 0: its target must be an array of numbers, str came"),
    (lambda i: (0, [[1], [1, 2]]), "example 0: its target is no array"),
    (lambda i: np.zeros(2), r"example 0: expected a pair \(input, target\), ndarray came"),
    (lambda i: (1, 2, 3), r"example 0: expected a pair \(input, target\), a tuple of 3 came"),
])
def test_examples_that_make_no_batch(example, says):
    with pytest.raises(DataError, match=says) as caught:
        next(iter(Loader(OneByOne(2, example))))
    assert "\n" not in str(caught.value)
    if "same batch" in str(caught.value):
        assert len(list(Loader(OneByOne(2, example), batch_size=1))) == 2


@pytest.mark.parametrize(("options", "says"), [
    ({"batch_size": 0}, "batch_size, a whole number from 1 on, 0 came"),
    ({"batch_size": 2.5}, "batch_size, a whole number from 1 on, 2.5 came"),
    ({"batch_size": True}, "batch_size, a whole number from 1 on, True came"),
    ({"seed": -1}, "seed, a whole number from 0 on, -1 came"),
    ({"workers": -1}, "workers, a whole number from 0 on, -1 came"),
    ({"workers": None}, "workers, a whole number from 0 on, None came"),
    ({"prefetch": 0}, "prefetch, a whole number from 1 on, 0 came"),
    ({"transform": 3}, "expected a transform, .* int came"),
])
def test_options_that_are_none(options, says):
    with pytest.raises(DataError, match=f"^Loader: expected (a )?{says.removeprefix('expected a ')}$"):
        Loader(OneByOne(3), **options)


def test_no_data():
    with pytest.raises(DataError, match="^Loader: OneByOne has no examples, expected at least one$"):
        Loader(OneByOne(0))
    with pytest.raises(DataError, match="^Loader: empty has no examples"):
        Loader(Dataset("empty", np.zeros((0, 1, 2, 2), np.uint8), np.zeros(0, int), ()))
    for data in (None, 3, "mnist", {"a": 1}, np.zeros(3), iter([])):
        with pytest.raises(DataError, match=f"expected a data set, .* {type(data).__name__} came"):
            Loader(data)
    assert len(Loader(OneByOne(3), 100)) == 1               # a batch larger than the data is all of them


@pytest.mark.parametrize(("number", "start", "says"), [
    (0, 0, "number, a whole number from 1 on, 0 came"), (1, -1, "start, a whole number from 0 on, -1 came"),
    (1, 4, "a start from 0 to 3, there are no more batches, 4 came")])
def test_epochs_that_are_none(number, start, says):
    with pytest.raises(DataError, match=f"^Loader.epoch: expected {says}$"):      # at the call, not at the first batch
        Loader(OneByOne(3), 1).epoch(number, start)
    assert list(Loader(OneByOne(3), 1).epoch(1, 3)) == []


def test_repr():
    loader = Loader(Arrays(np.zeros((4, 2)), np.zeros(4, int)), 2, shuffle=True)
    assert repr(loader) == ("Loader(Arrays(inputs (4, 2), targets (4,)), batch_size=2, shuffle=True, seed=0, "
                            "workers=0, drop_last=False, transform=None)")
