"""Flips, rolls, tiles, repeats, triangles, diagonals, cuts, padding."""

import itertools

import torch

WORDS = {"axis": "dim", "k": "diagonal", "axis1": "dim1", "axis2": "dim2"}


def in_its_words(function):
    """PyTorch's function, called with NumPy's keywords."""
    return lambda *args, **options: function(*args, **{WORDS.get(key, key): n for key, n in options.items()})


def flip(x, axis=None):
    return x.flip(tuple(range(x.ndim)) if axis is None else axis)


def repeat(x, repeats, axis=None):
    if isinstance(repeats, (tuple, list)):
        repeats = torch.tensor(repeats)
    return torch.repeat_interleave(x, repeats, axis)


def put_diagonal(x, shape, offset=0, axis1=0, axis2=1):
    y = torch.zeros(shape, dtype=x.dtype)
    return torch.diagonal_scatter(y, x, offset, axis1, axis2)


def sources(n, before, after, mode):
    """Which elements stand on a padded axis."""
    if mode == "edge":
        return torch.arange(-before, n + after).clamp(0, n - 1)
    period = {"wrap": range(n), "symmetric": [*range(n), *reversed(range(n))],
              "reflect": [*range(n), *reversed(range(1, n - 1))]}[mode]
    places = itertools.islice(itertools.cycle(period), before * len(period) - before,
                              before * len(period) + n + after)
    return torch.tensor(list(places))


def widths(pad_width, ndim):
    return torch.broadcast_to(torch.tensor(pad_width), (ndim, 2)).tolist()


def pad(x, pad_width, mode="constant", constant_values=0):
    pairs = widths(pad_width, x.ndim)
    if mode == "constant":
        return torch.nn.functional.pad(x, [n for pair in reversed(pairs) for n in pair], value=constant_values)
    for axis, (before, after) in enumerate(pairs):
        x = x.index_select(axis, sources(x.shape[axis], before, after, mode))
    return x


def unpad(x, shape, pad_width, mode):
    whole = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
    return torch.autograd.grad(pad(whole, pad_width, mode), whole, x, create_graph=True)[0]


TORCH = {
    "flip": flip,
    "roll": lambda x, shift, axis=None: torch.roll(x, shift, axis),
    "tile": lambda x, repetitions: x.tile((repetitions,) if isinstance(repetitions, int) else repetitions),
    "repeat": repeat,
    "broadcast_arrays": torch.broadcast_tensors,
    "matrix_transpose": lambda x: x.mT,
    "chunk": in_its_words(torch.chunk),
    "unstack": in_its_words(torch.unbind),
    "tril": in_its_words(torch.tril),
    "triu": in_its_words(torch.triu),
    "diagonal": in_its_words(torch.diagonal),
    "put_diagonal": put_diagonal,
    "diag": in_its_words(torch.diag),
    "trace": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2).sum(-1),
    "pad": pad,
    "unpad": unpad,
}
