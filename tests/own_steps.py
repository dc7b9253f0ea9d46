"""Steps for processes of their own, which import this file and nothing of the tests."""

from __future__ import annotations

import os

import numpy as np


def counting(word):
    """A step that gives how often it was done, and whether the process was asked to leave the heap alone."""
    done = []

    def step():
        done.append(1)
        return np.array([len(done), int(os.environ[word] == "0")])

    return step


def failing():
    raise RuntimeError("no such engine")
