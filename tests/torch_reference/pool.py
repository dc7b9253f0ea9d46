"""Pooling."""

import torch
import torch.nn.functional as F


def with_indices(function):
    """A max pooling that gives the places too."""
    def pooled(x, *args, **options):
        return function(x, *args, **options, return_indices=True)

    return pooled


def pixel_numbers(x):
    h, w = x.shape[2:]
    return torch.arange(1, h * w + 1).reshape(1, 1, h, w)


def window_places(x, n, out):
    """Written out: what PyTorch's kernels compute for each window."""
    number = torch.arange(out)
    starts = number * n // max(out, 1)
    ends = ((number + 1) * n + out - 1) // max(out, 1)
    longest = int((ends - starts).max()) if out else 1
    return torch.minimum(torch.arange(longest)[:, None] + starts, ends - 1)


def adaptive_sum(x, output_size):
    """The mean times the number of elements."""
    counts = [torch.tensor([-(-(i + 1) * n // out) - i * n // out for i in range(out)], dtype=x.dtype)
              for n, out in zip(x.shape[2:], output_size, strict=True)]
    return F.adaptive_avg_pool2d(x, output_size) * counts[0][:, None] * counts[1]


def place_along_last(x, indices, length):
    return torch.zeros(*x.shape[:2], length, dtype=x.dtype).scatter(2, indices, x)


def size(output_size, axes):
    return (output_size,) * axes if isinstance(output_size, int) else tuple(output_size)


def max_unpool2d(x, indices, output_size):
    return torch._C._nn.max_unpool2d(x, indices, size(output_size, 2))


def max_unpool1d(x, indices, output_size):
    return max_unpool2d(x[:, :, None], indices[:, :, None], (1, *size(output_size, 1)))[:, :, 0]


TORCH = {
    "pixel_numbers": pixel_numbers,
    "max_pool1d": F.max_pool1d,
    "max_pool1d_with_indices": with_indices(F.max_pool1d),
    "max_pool2d": F.max_pool2d,
    "max_pool2d_with_indices": with_indices(F.max_pool2d),
    "avg_pool1d": F.avg_pool1d,
    "avg_pool2d": F.avg_pool2d,
    "lp_pool1d": F.lp_pool1d,
    "lp_pool2d": F.lp_pool2d,
    "window_places": window_places,
    "adaptive_sum": adaptive_sum,
    "adaptive_avg_pool1d": F.adaptive_avg_pool1d,
    "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "adaptive_max_pool1d": F.adaptive_max_pool1d,
    "adaptive_max_pool1d_with_indices": with_indices(F.adaptive_max_pool1d),
    "adaptive_max_pool2d": F.adaptive_max_pool2d,
    "adaptive_max_pool2d_with_indices": with_indices(F.adaptive_max_pool2d),
    "place_along_last": place_along_last,
    "max_unpool1d": max_unpool1d,
    "max_unpool2d": max_unpool2d,
}
