"""PyTorch's `torch.cuda`, as far as a listing needs it to choose its device."""

from .backend import cuda_available, cuda_library

__all__ = ["device_count", "is_available"]

is_available = cuda_available


def device_count() -> int:
    """How many GPUs there are; 0 where none is usable."""
    return cuda_library().functions.cuda.runtime.getDeviceCount() if cuda_available() else 0
