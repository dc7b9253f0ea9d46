"""A batch on its way: NumPy arrays from a loader become tensors on the device, and arguments of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backend import device_of, to_numpy
from ..data.nested import leaves, mapped
from ..graph import Graph
from ..nn import Module
from ..ops import tensor
from ..tensor import Tensor, bare, no_grad


def examples_in(inputs: Any) -> int:
    """How many examples a batch has: n of its first array (n, ...)."""
    return len(next(x for _, x in leaves(inputs)))


def device_of_model(model: Module) -> str:
    """Where its first parameter or buffer is; "cpu" if it has none."""
    first = next((p.data for p in model.parameters()), next(model.buffers(), None))
    return "cpu" if first is None else device_of(first)


def dtype_of_model(model: Module) -> Any:
    """The floating-point dtype of all its parameters; None if they have several, or there are none."""
    dtypes = {p.dtype for p in model.parameters() if p.dtype.kind == "f"}
    return dtypes.pop() if len(dtypes) == 1 else None


def to_tensors(x: Any, device: str, dtype: Any) -> Any:
    """The arrays of a batch, nested, as tensors on the device; floating-point ones in `dtype`, if there is one."""
    def to_tensor(array: np.ndarray) -> Tensor:
        if dtype is not None and array.dtype.kind == "f":
            array = array.astype(dtype, copy=False)
        return tensor(array, device=device)
    return mapped(x, to_tensor)


def to_arrays(x: Any) -> Any:
    """Tensors, nested, as NumPy arrays on the host."""
    return mapped(x, lambda y: to_numpy(bare(y)))


def call(model: Module, inputs: Any) -> Any:
    """model(x) for one input, model(x, y) for a tuple; of a dict each goes to the input of its name.

    Raises ValueError where a graph has other inputs.
    """
    if isinstance(inputs, tuple):
        return model(*inputs)
    if not isinstance(inputs, dict):
        return model(inputs)
    if not isinstance(model, Graph):
        return model(**inputs)
    if set(inputs) != set(model.inputs):
        raise ValueError(f"the inputs of the data are called {names(inputs)}, those of the graph "
                         f"{names(model.inputs)}: they must be the same")
    return model(*[inputs[name] for name in model.inputs])


def named(outputs: Any) -> Mapping[str, Any] | None:
    """The outputs of a model by name, where they have names: those of a dict or of a named tuple; None is no output."""
    found = outputs._asdict() if hasattr(outputs, "_asdict") else outputs
    return {name: y for name, y in found.items() if y is not None} if isinstance(found, dict) else None


def names(known: Any) -> str:
    """For an error: "main, aux"; "none"."""
    return ", ".join(map(str, known)) or "none"


def spelled(outputs: Any) -> str:
    """What a model gave, for an error: "a Tensor (4, 3)", "a tuple of 2"."""
    if isinstance(outputs, (tuple, list, dict)):
        return f"a {type(outputs).__name__} of {len(outputs)}"
    return f"a {type(outputs).__name__} {getattr(outputs, 'shape', '')}".rstrip()


@contextmanager
def evaluating(*modules: Module) -> Iterator[None]:
    """Inside, the modules are in eval mode and nothing is recorded; afterwards each layer is in the mode it was in."""
    modes = [(layer, layer.training) for module in modules for layer in module.modules()]
    try:
        for module in modules:
            module.eval()
        with no_grad():
            yield
    finally:
        for layer, training in modes:
            layer.training = training
