"""Metrics: what is counted over the batches of an epoch beside the loss, where the model is.

    accuracy = metrics.Accuracy()
    for inputs, targets in loader:
        accuracy.update(model(inputs), targets)
    accuracy.compute()                              # 0.9875

`update` adds to counts on the device of the outputs and never waits for it; `compute` reads them, once. Counts are
whole numbers in int64, so the order and the size of the batches change nothing, however many there are.

What comes, everywhere: outputs (n, c) or (n, c, *places), one score per class, of any scale, for logits and
probabilities have the same order; targets (n,) or (n, *places), the numbers of the classes, as ints. Two classes may
also be told by one score: outputs (n,), (n, 1) or (n, 1, *places), where more than `threshold` means class 1; then
targets may have the shape of the outputs, and be bools or floats (0.0 and 1.0) as `binary_cross_entropy` wants them.
"""

from .by_name import get
from .confusion import ConfusionMatrix, ForegroundIoU, IoU
from .hits import Accuracy, PixelAccuracy, TopK
from .mean import Mean, MeanLoss
from .metric import Metric

__all__ = ["Accuracy", "ConfusionMatrix", "ForegroundIoU", "IoU", "Mean", "MeanLoss", "Metric", "PixelAccuracy", "TopK",
           "get"]
