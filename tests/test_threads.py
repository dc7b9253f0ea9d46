"""Settings, threads, the limit on BLAS, scratch memory and the layout of images: what kernels stand on."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from minigrad import config, get_num_threads, scratch, set_num_threads
from minigrad.blas import OneThread, one_thread
from minigrad.layout import as_pixels, images, pixels
from minigrad.settings import fusing, kernel_mode, usable_cpus
from minigrad.threads import in_pieces, split, workers

knows_blas = pytest.mark.skipif(one_thread.functions is None, reason="the library of NumPy's products is unknown")


@pytest.fixture(autouse=True)
def threads_as_before():
    before = get_num_threads()
    yield
    set_num_threads(before)


def blas_threads() -> int:
    return one_thread.functions[0]()


# --- settings ---------------------------------------------------------------------------------------------------

def test_config_sets_what_it_names_and_restores_it():
    before = kernel_mode.get(), fusing.get(), get_num_threads()
    with config(kernels="exact"):
        assert (kernel_mode.get(), fusing.get(), get_num_threads()) == ("exact", *before[1:])
        with config(fuse=False, threads=before[2] + 3):
            assert (kernel_mode.get(), fusing.get(), get_num_threads()) == ("exact", False, before[2] + 3)
    assert (kernel_mode.get(), fusing.get(), get_num_threads()) == before


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "two", True])
def test_wrong_numbers_of_threads(wrong):
    with pytest.raises(ValueError, match=f"whole number from 1 up, {wrong!r} came"):
        set_num_threads(wrong)
    with pytest.raises(ValueError, match="whole number from 1 up"), config(threads=wrong):
        pass


def test_wrong_mode():
    with pytest.raises(ValueError, match="'auto', 'exact', 'definition', 'fast' came"), config(kernels="fast"):
        pass


@pytest.mark.parametrize("wrong", ["no", 1, []])
def test_wrong_fuse(wrong):
    with pytest.raises(ValueError, match="fuse must be True or False"), config(fuse=wrong):
        pass


def started(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True,
                          text=True, check=False)


def test_environment_variable():
    code = "import minigrad; print(minigrad.get_num_threads())"
    assert started(code, MINIGRAD_NUM_THREADS="7").stdout == "7\n"
    assert "MINIGRAD_NUM_THREADS" in started(code, MINIGRAD_NUM_THREADS="many").stderr
    without = {name: value for name, value in os.environ.items() if name != "MINIGRAD_NUM_THREADS"}
    answer = subprocess.run([sys.executable, "-c", code], env=without, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{usable_cpus()}\n"


def test_set_num_threads_is_for_every_thread_and_config_for_its_own():
    set_num_threads(5)
    seen = []
    with config(threads=2):
        thread = threading.Thread(target=lambda: seen.append(get_num_threads()))
        thread.start()
        thread.join()
        assert get_num_threads() == 2
    assert seen == [5]


# --- split ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 100])
def test_split_covers_the_range_in_order(threads, n):
    with config(threads=threads):
        parts = split(lambda low, high: list(range(low, high)), n)
    assert [i for part in parts for i in part] == list(range(n))
    assert len(parts) == min(threads, n)


def test_split_gives_a_thread_at_least_so_much():
    with config(threads=4):
        assert split(lambda low, high: high - low, 100, least=40) == [50, 50]
        assert split(lambda low, high: high - low, 100, least=51) == [100]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_pieces_cover_the_range_in_order(threads, n, piece):
    with config(threads=threads):
        pieces = in_pieces(lambda low, high: (low, high), n, piece)
    assert [i for low, high in pieces for i in range(low, high)] == list(range(n))
    sizes = [high - low for low, high in pieces]
    assert all(0 < size <= piece for size in sizes) and max(sizes, default=0) - min(sizes, default=0) <= 1
    if threads > 1 and n >= threads:
        assert len(pieces) % threads == 0 or len(pieces) == n


def test_a_thread_that_is_ready_takes_the_next_piece():
    """One thread is kept at its first piece until the other has done all the rest."""
    rest, done = threading.Event(), []

    def work(low, high):
        done.append((threading.get_ident(), low))
        if low == 0:
            assert rest.wait(30)
        elif len(done) == 6:
            rest.set()

    with config(threads=2):
        in_pieces(work, 6, 1)
    slow = done[[low for _, low in done].index(0)][0]
    assert sorted(low for _, low in done) == list(range(6)) and [who for who, _ in done].count(slow) == 1


def test_pieces_have_at_least_so_much_for_a_thread():
    with config(threads=4):
        assert in_pieces(lambda low, high: high - low, 10, 100, 6) == [10]
        assert sum(in_pieces(lambda low, high: high - low, 12, 100, 6)) == 12


def test_an_error_in_a_piece_is_raised():
    def work(low, high):
        if low == 3:
            raise LookupError("piece 3")

    with config(threads=2), pytest.raises(LookupError, match="piece 3"):
        in_pieces(work, 6, 1)


def test_parts_run_in_threads_of_their_own_and_split_no_further():
    def names(low, high):
        return threading.current_thread().name, len(split(lambda low, high: None, 100))

    with config(threads=3):
        (first, once), *others = split(names, 3)
    assert first == threading.current_thread().name and once == 1
    assert all(name == "minigrad" and inner == 1 for name, inner in others)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_comes_when_all_parts_have_ended(bad):
    ended = []

    def work(low, high):
        if low == bad:
            raise ArithmeticError(f"part {low}")
        threading.Event().wait(0.01)
        ended.append(low)

    with config(threads=3), pytest.raises(ArithmeticError, match=f"part {bad}"):
        split(work, 3)
    assert sorted(ended) == [i for i in range(3) if i != bad]
    with config(threads=3):
        assert split(lambda low, high: low, 3) == [0, 1, 2]             # and the workers live


def test_ctrl_c_comes_when_all_parts_have_ended():
    """The caller gets what interrupts its waiting only after nobody writes into its arrays any more."""
    ended = []

    def work(low, high):
        if low == 0:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
        else:
            threading.Event().wait(0.3)
            ended.append(low)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with config(threads=2), pytest.raises(KeyboardInterrupt):
            split(work, 2)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ended == [1] and one_thread.users == 0


def test_floating_point_errors_are_handled_as_the_caller_has_asked():
    def work(low, high):
        return np.ones(2) / np.zeros(2)

    with config(threads=2), np.errstate(divide="ignore"):
        split(work, 2)
    with config(threads=2), np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        split(lambda low, high: work(low, high) if low else None, 2)


def test_several_user_threads_at_once():
    results: list[list] = [[] for _ in range(4)]

    def user(k: int) -> None:
        for _ in range(20):
            results[k].append(sum(split(lambda low, high: float(np.arange(low, high).sum()), 1000)))

    with config(threads=3):
        users = [threading.Thread(target=user, args=(k,)) for k in range(4)]
        for thread in users:
            thread.start()
        for thread in users:
            thread.join()
    assert results == [[499500.0] * 20] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_the_child_has_workers_of_its_own():
    code = ("import os, sys, minigrad as mg\n"
            "from minigrad.threads import split\n"
            "from minigrad.blas import one_thread\n"
            "mg.set_num_threads(3)\n"
            "assert split(lambda low, high: low, 3) == [0, 1, 2]\n"
            "before = one_thread.functions and one_thread.functions[0]()\n"
            "with one_thread:\n"
            "    child = os.fork()\n"
            "    if not child:\n"
            "        same = split(lambda low, high: low, 3) == [0, 1, 2]\n"
            "        free = (one_thread.functions and one_thread.functions[0]()) == before\n"
            "        os._exit(0 if same and free else 1)\n"
            "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
            "assert split(lambda low, high: low, 3) == [0, 1, 2]\n")
    done = started(code)
    assert done.returncode == 0, done.stderr


def test_workers_are_not_more_than_needed():
    with config(threads=3):
        split(lambda low, high: None, 3)
    many = workers.count
    with config(threads=3):
        for _ in range(10):
            split(lambda low, high: None, 3)
    assert workers.count == many >= 2


# --- BLAS -------------------------------------------------------------------------------------------------------

@knows_blas
def test_one_thread_of_blas_inside_and_as_before_outside():
    before = blas_threads()
    with config(threads=2):
        assert split(lambda low, high: blas_threads(), 2) == [1, 1]
        with pytest.raises(ArithmeticError):
            split(lambda low, high: 1 // 0, 2)
    assert blas_threads() == before


def test_the_first_who_enters_limits_and_the_last_who_leaves_restores():
    state, changes = [4], []

    def change(n: int) -> None:
        state[0] = n
        changes.append(n)

    limit = OneThread((lambda: state[0], change))
    with limit:
        with limit:
            assert state == [1]
        assert state == [1]
    assert changes == [1, 4]
    with pytest.raises(KeyError), limit:
        raise KeyError
    assert changes == [1, 4, 1, 4]


def test_a_library_that_is_not_known_is_left_alone():
    with OneThread(None):
        pass


# --- scratch memory ---------------------------------------------------------------------------------------------

@pytest.fixture
def no_scratch():
    scratch.free()
    yield
    scratch.set_limit(scratch.DEFAULT_LIMIT)
    scratch.free()


def test_scratch_is_reused_aligned_and_counted(no_scratch):
    a = scratch.scratch("a", (3, 5), "f4")
    assert a.shape == (3, 5) and a.dtype == "f4" and a.ctypes.data % scratch.ALIGNMENT == 0
    held = scratch.held()
    assert held >= a.nbytes
    assert np.shares_memory(a, scratch.scratch("a", (7,), "f8")) and scratch.held() == held
    assert not np.shares_memory(a, scratch.scratch("b", (3, 5), "f4")) and scratch.held() > held
    scratch.free()
    assert scratch.held() == 0
    a[:] = 1                                                            # who still has it may still use it


def test_scratch_has_a_limit(no_scratch):
    scratch.set_limit(1000)
    small, large = scratch.scratch("small", (100,), "f4"), scratch.scratch("large", (1000,), "f4")
    assert small.size == 100 and large.size == 1000 and scratch.held() <= 1000
    assert not np.shares_memory(large, scratch.scratch("large", (1000,), "f4"))
    scratch.set_limit(100)
    assert scratch.held() <= 100
    with pytest.raises(ValueError, match="number of bytes, 'much' came"):
        scratch.set_limit("much")


def test_scratch_belongs_to_a_thread_and_goes_with_it(no_scratch):
    mine, others = scratch.scratch("x", (10,), "f4"), []
    thread = threading.Thread(target=lambda: others.append(scratch.scratch("x", (10,), "f4")))
    held = scratch.held()
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, others[0])
    others.clear()
    gc.collect()
    assert scratch.held() == held


# --- layout -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 1), (3, 1, 5, 1), (0, 3, 2, 2), (64, 48, 8, 16)])
def test_images_lie_channels_last_in_memory_of_their_own(shape):
    x = images(shape, "f4")
    assert x.shape == shape and x.flags.owndata and x.base is None and as_pixels(x).flags.c_contiguous
    x[...] = np.arange(x.size).reshape(shape)
    assert (x + 1).transpose(0, 2, 3, 1).flags.c_contiguous             # elementwise functions keep it
    assert np.shares_memory(pixels(x), x) or not x.size
    for other in (x.copy(order="C"), x.copy(order="F"), x[..., ::-1][..., ::-1]):
        assert pixels(other).flags.c_contiguous and (pixels(other) == x.transpose(0, 2, 3, 1)).all()
