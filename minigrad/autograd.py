"""PyTorch's `torch.autograd`: gradients as values. The walk itself is in walk.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import walk
from .tensor import Tensor

__all__ = ["grad"]


def grad(outputs: Tensor | Iterable[Tensor], inputs: Tensor | Iterable[Tensor], grad_outputs: Any = None,
         retain_graph: bool | None = None, create_graph: bool = False, only_inputs: bool = True,
         allow_unused: bool | None = None) -> tuple:
    """`minigrad.grad` with the arguments in PyTorch's order.

    only_inputs: PyTorch has given it up; False raises ValueError, backward() is what fills `.grad`.
    """
    if not only_inputs:
        raise ValueError("autograd.grad: only_inputs=False is no more, backward() leaves gradients in .grad")
    return walk.grad(outputs, inputs, grad_outputs, retain_graph, create_graph, bool(allow_unused))
