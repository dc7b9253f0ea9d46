"""Where fused ops find their kernels. The package `minigrad.kernels` is only speed: without it every op still works."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..fused import Fused

PACKAGE = __name__.rpartition(".ops.")[0] + ".kernels"
PRESENT = (Path(__file__).parent.parent / "kernels" / "__init__.py").exists()


def kernel(op: Fused, library: str, module: str) -> None:
    """Give `op` the kernel in minigrad/kernels/<library>/<module>.py: its `<op>_forward`, `<op>_backward` and, where it
    does not fit every call, `<op>_fits`. Nothing happens where the package has been taken away."""
    if PRESENT:
        functions = import_module(f"{PACKAGE}.{library}.{module}")
        op.kernel(library, getattr(functions, f"{op.name}_forward"), getattr(functions, f"{op.name}_backward"),
                  getattr(functions, f"{op.name}_fits", None))
