"""autocast: where ops choose their precision themselves. The lists of ops are in minigrad/casting.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy

from .. import casting
from ..backend import parse_device
from ..nn.arrays import float_dtype

START = {"cpu": "bfloat16", "cuda": "float16"}      # the precision that PyTorch takes on each kind of device


class autocast:
    """Context, or decorator, in which ops on tensors choose their precision themselves.

    Products (matmul, linear, convolutions, attention, recurrent cells, einsum) run in `dtype`, where digits cost most
    and matter least. Losses, softmax, exponentials, logarithms, powers, sums, layer and group normalisation run in
    float32, for in half precision their values would not fit, or lose their digits. All others run in the precision in
    which their arguments come: relu, pooling, batch normalisation; of arguments in two precisions, as in a + b, the
    wider one counts. `minigrad/casting.py` has the lists, which are PyTorch's for GPUs, here on both kinds of device.
    The gradient of a cast is cast back: parameters in float32 get theirs in float32.

    device_type: "cpu" or "cuda"; tensors on the other kind of device are left alone.
    dtype: "float16", which has digits and needs a `GradScaler`, or "bfloat16", which has range (NumPy has it with
    ml_dtypes); None: PyTorch's choice, bfloat16 on the CPU and float16 on GPUs.
    enabled: False switches the casts off, also those of an autocast around it. cache_enabled: a parameter that is used
    again is cast once.

    float64 and whole numbers are never cast, nor is anything on bare arrays. Symbols are left alone: a graph built
    inside is the same. Call backward() outside, as PyTorch says; its precision follows from the forward pass. Like
    `no_grad` it is seen by its own thread only.
    """

    def __init__(self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True,
                 cache_enabled: bool | None = True):
        self.device_type = kind_of_device(device_type)
        if not isinstance(enabled, (bool, numpy.bool_)):
            raise TypeError(f"autocast: enabled must be True or False, {enabled!r} came")
        self.enabled, self.cache_enabled = bool(enabled), cache_enabled is not False
        self.dtype = low_precision(START[self.device_type] if dtype is None else dtype) if enabled else None

    def __enter__(self) -> autocast:
        casting.enter(self.device_type, self.dtype, self.cache_enabled)
        return self

    def __exit__(self, *exception: Any) -> None:
        casting.leave()

    def __call__(self, function: Callable) -> Callable:
        """Decorator: the function runs inside."""
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)
        return call

    def __repr__(self) -> str:
        return f"autocast({self.device_type!r}, {str(self.dtype)!r})" if self.enabled else \
            f"autocast({self.device_type!r}, enabled=False)"


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether ops on tensors of this kind of device are cast here."""
    return get_autocast_dtype(device_type) is not None


def get_autocast_dtype(device_type: str = "cpu") -> numpy.dtype | None:
    """The low precision in which products run here; None outside of `autocast`."""
    kind, now = kind_of_device(device_type), casting.casts.get()
    return now.dtypes.get(kind) if now else None


def kind_of_device(device_type: Any) -> str:
    """"cpu" or "cuda"; a number behind it is of no importance."""
    try:
        return parse_device(device_type)[0]
    except ValueError:
        cure = f'; the precision comes second: autocast("cpu", {device_type!r})' if "float" in str(device_type) else ""
        raise ValueError(f'autocast: device_type must be "cpu" or "cuda", {device_type!r} came{cure}') from None


def low_precision(dtype: Any) -> numpy.dtype:
    """The dtype, if it is one of half precision."""
    try:
        found = float_dtype(dtype)
    except TypeError:
        found = None
    if found is None or not casting.is_half(found):
        raise ValueError(f'autocast: dtype must be "float16" or "bfloat16", {dtype!r} came')
    return found
