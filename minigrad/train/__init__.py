"""Training: `fit` and what goes with it, the run folder that a command leaves behind, and its pictures."""

from .batch_norm import recompute_batch_norm, update_bn
from .callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    GradientClipping,
    HealthMonitor,
    HistoryPlot,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgressBar,
    RecomputeBatchNorm,
    TerminateOnNaN,
)
from .checkpoint import CheckpointError
from .ensemble import Ensemble
from .fit import evaluate, fit, predict
from .history import History
from .nonfinite import NonFiniteLoss
from .trainer import Interrupted, Trainer

__all__ = ["CSVLogger", "Callback", "CheckpointError", "EarlyStopping", "Ensemble", "GradientClipping", "HealthMonitor",
           "History", "HistoryPlot", "Interrupted", "LearningRateScheduler", "ModelCheckpoint", "NonFiniteLoss",
           "ProgressBar", "RecomputeBatchNorm", "TerminateOnNaN", "Trainer", "evaluate", "fit", "predict",
           "recompute_batch_norm", "update_bn"]
