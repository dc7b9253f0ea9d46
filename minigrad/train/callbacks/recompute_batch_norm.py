"""RecomputeBatchNorm: running statistics of the final weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..batch_norm import recompute_batch_norm
from .callback import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer


class RecomputeBatchNorm(Callback):
    """At the end of a training, gives every BatchNorm the statistics of the whole training set under the final weights.

    data, batch_size: of which data, see `train.batch_norm.recompute_batch_norm`; None: the training data as they were
    learned from, with their transform. The histories and checkpoints of `fit` were written before.
    """

    comes_last = True           # after the best weights are back

    def __init__(self, data: Any = None, batch_size: int = 128):
        self.data, self.batch_size = data, batch_size

    def on_train_end(self, trainer: Trainer) -> None:
        data = trainer.loader if self.data is None else self.data
        recompute_batch_norm(trainer.model, data, self.batch_size, trainer.device)
