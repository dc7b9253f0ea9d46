"""Where ops find their kernels. The package `minigrad.kernels` is only speed: without it every op still works."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy import ndarray

from ..formula import unpacked
from ..fused import Fused
from ..op import Op
from ..settings import kernel_mode

PACKAGE = __name__.rpartition(".ops.")[0] + ".kernels"
PRESENT = (Path(__file__).parent.parent / "kernels" / "__init__.py").exists()
MANY = 1 << 14                  # elements from which on a primitive's kernel is worth the look for it


def kernel(op: Fused, library: str, module: str, is_exact: bool = True) -> None:
    """Give `op` the kernel in minigrad/kernels/<library>/<module>.py: its `<op>_forward`, `<op>_backward` and, where it
    does not fit every call, `<op>_fits`. Nothing happens where the package has been taken away."""
    if PRESENT:
        functions = import_module(f"{PACKAGE}.{library}.{module}")
        op.kernel(library, getattr(functions, f"{op.name}_forward"), getattr(functions, f"{op.name}_backward"),
                  getattr(functions, f"{op.name}_fits", None), is_exact)


def primitive_kernel(op: Op, module: str) -> None:
    """Give a primitive the kernel in minigrad/kernels/numpy/<module>.py: `<op>_forward(*args)` and, for inputs that
    have one, `<op>_g<input>(g, ...)`, which takes what the input's formula takes.

    They work on float32 and float64 arrays of many elements, all of one dtype; all else goes the plain way, and what
    `<op>_fits`, where there is one, declines: it is asked with the same arguments as the function that would run.
    """
    if not PRESENT:
        return
    functions = import_module(f"{PACKAGE}.numpy.{module}")
    fits = getattr(functions, f"{op.name}_fits", None)
    op.forward = faster(op.forward, getattr(functions, f"{op.name}_forward"), fits)
    for i, formula in op.formulas.items():
        fast = getattr(functions, f"{op.name}_g{op.names[i]}", None)
        if fast is not None:
            formula.function = faster(formula.function, fast, fits)
    op.recipes = unpacked(op.formulas)


def faster(plain: Callable, fast: Callable, fits: Callable[..., bool] | None = None) -> Callable:
    """`fast` for large arrays of full precision, if the mode lets kernels run; else `plain`."""
    def chosen(x: Any, *rest: Any) -> Any:
        if type(x) is ndarray and x.size >= MANY and x.dtype in ("f4", "f8") and kernel_mode.get() != "definition" \
                and all([a.dtype in (x.dtype, bool) for a in rest if type(a) is ndarray]) \
                and (fits is None or fits(x, *rest)):
            return fast(x, *rest)
        return plain(x, *rest)

    vars(chosen)["__wrapped__"] = plain         # what is shown of it
    return chosen
