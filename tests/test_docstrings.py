"""The examples in docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import minigrad
from minigrad.op import OPS

MODULES = [module.name for module in pkgutil.walk_packages(minigrad.__path__, "minigrad.")
           if "__main__" not in module.name]


@pytest.mark.parametrize("name", ["minigrad", *MODULES])
def test_examples(name):
    before = dict(OPS)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    OPS.clear()
    OPS.update(before)                              # an op that an example makes is its own
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    tests = [test for name in MODULES for test in finder.find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in tests) >= 15
