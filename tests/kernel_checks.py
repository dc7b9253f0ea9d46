"""What the tests of kernels share: a kernel called by itself, in every layout and with several threads, is its op's
definition."""

import numpy as np

import minigrad as mg
from minigrad import layout


def as_images(x):
    """The same values with channels last in memory."""
    y = layout.images(x.shape, x.dtype)
    y[...] = x
    return y


def backwards(x):
    """The same values, the last one first in memory."""
    return np.flip(np.flip(x).copy())


LAYOUTS = {"channels last": as_images, "C order": np.ascontiguousarray, "backwards": backwards,
           "Fortran order": np.asfortranarray}


def defined(op, args, seeds):
    """The definition's outputs, and its gradients of the arguments that are arrays of floats."""
    with mg.config(kernels="definition"):
        leaves = [mg.tensor(a, requires_grad=True) if is_float(a) else a for a in args]
        ys = op(*leaves)
        ys = ys if isinstance(ys, tuple) else (ys,)
        seeded = [(y, mg.tensor(s)) for y, s in zip(ys, seeds, strict=True) if s is not None]
        gs = mg.grad([y for y, _ in seeded], [x for x in leaves if isinstance(x, mg.Tensor)], [s for _, s in seeded])
    return [y.numpy() for y in ys], [g.numpy() for g in gs]


def is_float(a):
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def agree_with_definition(op, args, seeds, rtol=1e-10, threads=(1, 2, 3), layouts=tuple(LAYOUTS)):
    """Outputs and gradients of the kernel that takes these arguments, float64 and with all defaults given."""
    ys, gs = defined(op, args, seeds)
    needs = [is_float(a) for a in args]
    for place in [LAYOUTS[name] for name in layouts]:
        moved = [place(a) if is_float(a) and a.ndim == 4 else a for a in args]
        arrived = [place(s) if s is not None and s.ndim == 4 else s for s in seeds]
        before = [a.copy() for a in moved if is_float(a)]
        for n in threads:
            with mg.config(threads=n):
                kernel = op.kernel_for(moved)
                out, kept = kernel.forward(needs, *moved)
                out = out if isinstance(out, tuple) else (out,)
                found = kernel.backward(needs, arrived if len(out) > 1 else arrived[0], kept, *moved)
                again = kernel.forward([False] * len(args), *moved)[0]
            again = again if isinstance(again, tuple) else (again,)
            for y, once_more, expected in zip(out, again, ys, strict=True):
                close(y, expected, rtol)
                np.testing.assert_array_equal(once_more, y)
                assert y.base is None and y.dtype == expected.dtype
            for g, expected in zip([g for g, need in zip(found, needs, strict=True) if need], gs, strict=True):
                close(g, expected, rtol)
                assert g.base is None and g.flags.writeable
        for a, b in zip(before, [a for a in moved if is_float(a)], strict=True):
            np.testing.assert_array_equal(a, b)


def close(a, b, rtol):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(1.0, np.abs(b[np.isfinite(b)]).max(initial=0)))
