"""Comparing what two implementations of one op give."""

import numpy as np


def outputs(result):
    """One output or several, of whichever library, as a tuple of NumPy arrays."""
    parts = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(np.asarray(part.numpy() if hasattr(part, "numpy") else part) for part in parts)


def assert_same(actual, expected, rtol=1e-12, atol=1e-13):
    """As many outputs, of the same shapes, with the same values."""
    actual, expected = outputs(actual), outputs(expected)
    assert [part.shape for part in actual] == [part.shape for part in expected]
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)
