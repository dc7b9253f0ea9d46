"""What the C library keeps of freed memory: the second step has no page faults, and who said otherwise is heard."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minigrad import heap, scratch

GLIBC = pytest.mark.skipif(heap.glibc() is None, reason="the C library is not glibc")
PROGRAM = """
import resource
import numpy
import minigrad
def step():
    arrays = [numpy.ones(1 << 18) for _ in range(20)]       # 40 MiB, freed at the end
    return sum(array[-1] for array in arrays)
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**words):
    """Page faults of five steps in a new process with these environment variables."""
    found = {name: word for name, word in os.environ.items() if name not in (*heap.OWN_WORDS, "GLIBC_TUNABLES")}
    answer = subprocess.run([sys.executable, "-c", PROGRAM], env=found | words, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return int(answer.stdout)


@GLIBC
def test_what_a_step_has_freed_the_next_finds_again():
    """Each would fetch some 10,000 pages."""
    assert faults(MINIGRAD_KEEP_FREED="1") < 500


@GLIBC
@pytest.mark.parametrize("words", [{"MINIGRAD_KEEP_FREED": "0", "MALLOC_TRIM_THRESHOLD_": "131072"},
                                   {"MALLOC_TRIM_THRESHOLD_": "131072"}])
def test_who_says_otherwise_is_heard(words):
    assert faults(**words) > 5000


@pytest.mark.parametrize("name, word", [("MINIGRAD_KEEP_FREED", "0"), ("MALLOC_TRIM_THRESHOLD_", "1"),
                                        ("MALLOC_TOP_PAD_", "1"), ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1")])
def test_the_environment_decides(monkeypatch, name, word):
    for one in (*heap.OWN_WORDS, "GLIBC_TUNABLES", "MINIGRAD_KEEP_FREED"):
        monkeypatch.delenv(one, raising=False)
    library = object()
    assert heap.ours(library) is library and heap.ours(None) is None
    monkeypatch.setenv(name, word)
    assert heap.ours(library) is None


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(heap, "LIBRARY", None)
    heap.keep_freed()
    heap.give_back()
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())
    assert heap.glibc() is None


def test_freeing_scratch_memory_gives_back_what_is_free(monkeypatch):
    class Library:
        trimmed = 0

        def malloc_trim(self, rest):
            self.trimmed += 1

    library = Library()
    monkeypatch.setattr(heap, "LIBRARY", library)
    scratch.free()
    assert library.trimmed == 1
