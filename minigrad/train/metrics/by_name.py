"""Metrics by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from re import fullmatch
from typing import Any

from .confusion import ConfusionMatrix, ForegroundIoU, IoU
from .hits import Accuracy, PixelAccuracy, TopK
from .metric import Metric

NAMES: dict[str, Callable[[], Metric]] = {
    "accuracy": Accuracy, "pixel_accuracy": PixelAccuracy, "top5": TopK, "confusion": ConfusionMatrix, "iou": IoU,
    "foreground_iou": ForegroundIoU,
}


def get(metric: Any) -> Metric:
    """The metric of that name: "accuracy", "top5" (or any other number, also "top-5"), "confusion", "iou",
    "foreground_iou", "pixel_accuracy"; a metric is returned as it is.

    ValueError, with the nearest names, for one that is unknown.
    """
    if isinstance(metric, Metric):
        return metric
    if not isinstance(metric, str):
        raise TypeError(f"a metric must be a name ({', '.join(NAMES)}) or a Metric such as metrics.TopK(3), "
                        f"{metric!r} came")
    top = fullmatch(r"top[-_ ]?([1-9]\d*)", metric)
    if top:
        return TopK(int(top[1]))
    if metric not in NAMES:
        near = get_close_matches(metric, NAMES, 3, 0.4) or list(NAMES)
        raise ValueError(f"there is no metric {metric!r}; there are {', '.join(near)}")
    return NAMES[metric]()
