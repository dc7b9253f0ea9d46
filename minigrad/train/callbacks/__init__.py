"""What may be told how a training goes, and change it: fit(..., callbacks=[...])."""

from .callback import Callback
from .early_stopping import EarlyStopping
from .gradient_clipping import GradientClipping
from .health_monitor import HealthMonitor
from .learning_rate import LearningRateScheduler
from .loggers import CSVLogger, HistoryPlot
from .model_checkpoint import ModelCheckpoint
from .progress import ProgressBar
from .recompute_batch_norm import RecomputeBatchNorm
from .terminate_on_nan import TerminateOnNaN

__all__ = ["CSVLogger", "Callback", "EarlyStopping", "GradientClipping", "HealthMonitor", "HistoryPlot",
           "LearningRateScheduler", "ModelCheckpoint", "ProgressBar", "RecomputeBatchNorm", "TerminateOnNaN"]
