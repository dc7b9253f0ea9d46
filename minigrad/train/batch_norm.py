"""Running statistics of BatchNorm over a whole training set, in place of the trail of averages that training leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ..backend import FLOATS, namespace, on_device_of
from ..data import Loader
from ..data.loader import as_examples
from ..data.nested import mapped
from ..nn import Module
from ..nn.normalization import BatchNorm
from ..ops import tensor
from ..tensor import Tensor, bare
from .batch import call, device_of_model, dtype_of_model, evaluating


def recompute_batch_norm(model: Module, data: Any, batch_size: int = 128, device: str | None = None) -> list[str]:
    """Give every BatchNorm the mean and the variance of what it sees of `data`; the names of those that were changed.

    The running statistics of training are averages over changing weights, in which the latest batches count most. After
    weights have been averaged or changed otherwise, or of a small batch size, they are off. Here the weights stand
    still, and the statistics of the batches are put together to those of the whole (N values in a channel, n of them in
    batch b):

        mean = sum of n mean_b / N      variance = sum of ((n - 1) variance_b + n (mean_b - mean)^2) / (N - 1)

    Every value counts alike, also those of a smaller last batch, and the variance is unbiased, as running_var is. For
    layers that no other BatchNorm comes before these are the statistics of the whole set whatever batch_size is. In
    deeper layers they depend on it a little: during the pass each layer is normalised by its batch, as in training, so
    that one pass is enough. Wu & Johnson 2021, Rethinking "Batch" in BatchNorm, section 3.

    data: a data set or a pair of arrays, read in batches of `batch_size`; a Loader, whose next epoch is read, with its
    transform, without counting; or any list or iterator of batches, each the inputs or (inputs, targets). Inputs are
    arrays or tensors; a tuple of several goes to the model as arguments, a dict by name. device: where the model is,
    None: where its parameters are.

    All other layers are in eval mode: dropout drops nothing. Frozen BatchNorms (`trainable = False`), those without
    running statistics, and those that the model does not reach in eval mode stay as they are. num_batches_tracked
    becomes the number of batches. Nothing is recorded; afterwards all modes and momenta are as before. After an error
    so are the statistics. Raises ValueError if there is no data, or if a layer has one value in a channel alone.
    """
    layers = {name: layer for name, layer in model.named_modules() if gathers(layer)}
    if not layers:
        return []
    pooled = {name: Pooled(layer) for name, layer in layers.items()}
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        for part in pooled.values():
            stack.enter_context(part.gathering())
        run(model, batches(data, batch_size), device)
    return [name for name, part in pooled.items() if part.write()]


def update_bn(loader: Any, model: Module, device: str | None = None) -> None:
    """Recompute running statistics as torch.optim.swa_utils.update_bn does.

    As `recompute_batch_norm`, but the statistics are plain means of the batches', the variance that of the mean within
    batches, and the whole model is in train mode, dropout included. Where the batches differ, `recompute_batch_norm`
    is right and this is what PyTorch gives.
    """
    layers: list[Any] = [layer for layer in model.modules() if gathers(layer)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    with evaluating(model):
        try:
            model.train()
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None
            run(model, batches(loader, 128), device)
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum


def gathers(layer: Module) -> bool:
    """Whether it is a BatchNorm whose running statistics training would change."""
    return isinstance(layer, BatchNorm) and layer.trainable and layer.track_running_stats \
        and layer.running_mean is not None


# --- one layer ------------------------------------------------------------------------------------------------

class Pooled:
    """The statistics of a BatchNorm over all that it has seen: a count, mean and sum of squares around it, in float64.

    Batches are added by the formula of Chan, Golub & LeVeque 1979, which loses no digits where a mean is large.
    """

    def __init__(self, layer: Any):
        self.layer, self.calls, self.count = layer, 0, 0
        self.mean: Any = None
        self.squares: Any = None

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Inside, the layer puts the statistics of each batch into buffers of this object, and is in train mode."""
        layer = self.layer
        names = ("running_mean", "running_var", "num_batches_tracked")
        kept = {name: getattr(layer, name) for name in names}
        momentum, handle = layer.momentum, layer.register_forward_hook(self.add, with_kwargs=True)
        try:
            for name, buffer in kept.items():
                with on_device_of(buffer):
                    dtype = "float64" if buffer.dtype.kind in FLOATS else buffer.dtype
                    setattr(layer, name, namespace(buffer).zeros(buffer.shape, dtype))
            layer.momentum, layer.training = 1.0, True          # the next batch replaces what is there
            yield
        finally:
            handle.remove()
            layer.momentum = momentum
            for name, buffer in kept.items():
                setattr(layer, name, buffer)

    def add(self, layer: Any, args: tuple, kwargs: dict, output: Any) -> None:
        """A forward hook: what the layer found in a batch. Nothing waits for the device."""
        x = bare(args[0] if args else kwargs["input"])
        n = x.size // x.shape[1]
        if n == 0:
            return
        mean, var = layer.running_mean, layer.running_var
        with on_device_of(mean):
            if self.count == 0:
                self.mean, self.squares = mean.copy(), var * (n - 1)
            else:
                total, change = self.count + n, mean - self.mean
                self.mean = self.mean + change * (n / total)
                self.squares = self.squares + var * (n - 1) + change * change * (self.count * n / total)
            mean[...] = 0                       # 0 * nan would be nan for ever
            var[...] = 0
        self.count, self.calls = self.count + n, self.calls + 1

    def write(self) -> bool:
        """Give the layer what was found, if anything was."""
        if not self.calls:
            return False
        layer = self.layer
        with on_device_of(layer.running_mean):
            layer.running_mean[...] = self.mean.astype(layer.running_mean.dtype)
            layer.running_var[...] = (self.squares / (self.count - 1)).astype(layer.running_var.dtype)
            layer.num_batches_tracked[...] = self.calls
        return True


# --- reading the data -----------------------------------------------------------------------------------------

def batches(data: Any, batch_size: int) -> Iterator[Any]:
    """The inputs of each batch, whatever the data are."""
    if isinstance(data, Loader):
        loaded: Iterable = data.epoch(data.next_epoch)
    elif isinstance(data, list) or not hasattr(data, "__getitem__") and hasattr(data, "__iter__"):
        loaded = data
    else:
        loaded = whole(as_examples(data), batch_size)
    for batch in loaded:
        yield batch[0] if isinstance(batch, (tuple, list)) else batch


def whole(data: Any, batch_size: int) -> Iterator[Any]:
    """All examples in order, in batches of about this size, none of a single one, of which there is no variance."""
    size = int(batch_size)
    while size < len(data) and len(data) % size == 1:
        size += 1
    return Loader(data, size).epoch(1)


def run(model: Module, inputs: Iterator[Any], device: str | None) -> None:
    """Call the model on every batch, floating-point numbers in the precision of its parameters. ValueError if there
    is none."""
    home, dtype = device or device_of_model(model), dtype_of_model(model)

    def to_tensor(x: Any) -> Tensor:
        y = x.to(home) if isinstance(x, Tensor) else tensor(x, device=home)
        return y.astype(dtype) if dtype is not None and y.dtype.kind in FLOATS and y.dtype != dtype else y

    is_empty = True
    for batch in inputs:
        call(model, mapped(batch, to_tensor))
        is_empty = False
    if is_empty:
        raise ValueError("the data have no batch, from which statistics could come")
