"""What a model makes of many images: logarithms of probabilities, batch by batch, with a bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..graph import Graph
from ..graph.node import Ref
from ..ops import log_softmax, tensor
from ..tensor import Tensor, no_grad
from .bar import shown
from .errors import Ended

BATCH = 256                     # images at once, at most


def log_probabilities(graph: Graph, batches: Iterable[Any], total: int, device: str, quiet: bool) -> np.ndarray:
    """`total` batches of images (n, c, h, w), and whatever beside them -> log p (all, k), in eval mode on `device`."""
    graph.to(device).eval()
    with no_grad(), np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([log_softmax(scores(run(graph, images, device)), 1).numpy()
                               for images, _ in shown(batches, total, "batch", quiet)])


def run(graph: Graph, images: np.ndarray, device: str) -> Any:
    """The outputs of a model; Ended where the images do not go through it."""
    try:
        return graph(tensor(images, device=device))
    except ValueError as error:
        raise Ended(f"images of {' x '.join(map(str, images.shape[1:]))} do not go through the model: {error}"
                    ) from error


def scores(y: Any) -> Tensor:
    """The classes' scores (n, k): a model's only output, the one named main, or its first."""
    if isinstance(y, dict):
        y = y["main"] if "main" in y else next(iter(y.values()))
    y = y[0] if isinstance(y, tuple) else y
    if y.ndim != 2:
        raise Ended(f"the model gives {y.shape}, not scores (n, classes): it does not classify images")
    return y


def marks_pixels(graph: Graph) -> bool:
    """Whether a model gives scores for every pixel (n, classes, h, w)."""
    return isinstance(graph.outputs, Ref) and len(graph.node(graph.outputs.node).shape) == 4


def image_shape(graph: Graph, called: str) -> tuple[int | None, ...]:
    """(c, h, w) of the images that a model reads, None where any size will do."""
    shapes = [graph.node(name).shape[1:] for name in graph.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        raise Ended(f"{called} does not read one image (channels, height, width): it reads "
                    f"{', '.join([f'{name} {shape}' for name, shape in zip(graph.inputs, shapes, strict=True)])}")
    return tuple([size if isinstance(size, int) else None for size in shapes[0]])
