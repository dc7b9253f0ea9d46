"""What is measured while data go by: the means of the losses, and the metrics, by the names of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from ..tensor import Tensor
from .batch import named, names, spelled
from .losses import target_of
from .metrics import Mean, MeanLoss, Metric, get


class Scores:
    """Losses and metrics of the examples since `reset`. They add up where the model is; `compute` waits for it.

    metrics: metrics or their names ("accuracy"), or a dict of them by the names of the outputs, one or a list for each.
    A function (outputs, targets) -> number is one too: the mean over all examples. Raises ValueError for names that are
    unknown or come twice.
    """

    def __init__(self, metrics: Any = ()):
        self.by_name = isinstance(metrics, Mapping)
        self.columns: dict[str, tuple[str, Metric]] = {}        # column -> (output, metric); output "": all there is
        pairs = [(name, m) for name, each in metrics.items() for m in listed(each)] \
            if isinstance(metrics, Mapping) else [("", m) for m in listed(metrics)]
        for name, given in pairs:
            metric = deepcopy(MeanLoss(given, name=given.__name__) if is_function(given) else get(given))
            column = f"{name}_{metric.name}" if name else metric.name
            if column in self.columns:
                raise ValueError(f"fit: two metrics are called {column}: give one another name=")
            metric.reset()
            self.columns[column] = (name, metric)
        self.means: dict[str, Mean] = {}                        # of the losses, by column
        self.examples = 0
        self.seen: Mapping[str, Any] = {}                       # the outputs of the last batch by name

    def add(self, losses: Mapping[str, Tensor], outputs: Any, targets: Any, n: int) -> None:
        """Count a batch of n examples. Nothing waits for the device."""
        for name, loss in losses.items():
            if name not in self.means:
                self.means[name] = Mean(name)
            self.means[name].update(loss, n)
        self.examples += n
        if self.columns:
            by_name = self._outputs(outputs)
            for name, metric in self.columns.values():
                if not name:
                    metric.update(outputs, targets)
                elif name in by_name:
                    metric.update(by_name[name], target_of(targets, name))

    def _outputs(self, outputs: Any) -> Mapping[str, Any]:
        by_name = named(outputs)
        if self.by_name and by_name is None:
            wanted = names(dict.fromkeys([name for name, _ in self.columns.values()]))
            raise TypeError(f"fit: metrics came for the outputs {wanted}, but the model gives {spelled(outputs)}, "
                            "without names: metrics=[...] is for one output")
        if not self.by_name and by_name is not None and any([not isinstance(m, MeanLoss)
                                                             for _, m in self.columns.values()]):
            raise TypeError(f"fit: the model's outputs are {names(by_name)}: say of which the metrics are, "
                            "metrics={name: [...]}")
        self.seen = by_name or {}
        return self.seen

    def check_names(self) -> None:
        """ValueError for metrics of outputs that the model does not give in training."""
        unknown = [name for name, _ in self.columns.values() if name and name not in self.seen]
        if unknown:
            raise ValueError(f"fit: metrics came for {names(dict.fromkeys(unknown))}, the model's outputs are "
                             f"{names(self.seen)}")


    def compute(self) -> dict[str, Any]:
        """Column -> number, or a NumPy array of a metric that gives one; without what saw nothing."""
        found: dict[str, Any] = {name: mean.compute() for name, mean in self.means.items()}
        return found | {column: metric.compute() for column, (_, metric) in self.columns.items() if metric.state_dict()}

    def reset(self) -> None:
        """Forget what was seen."""
        self.means, self.examples = {}, 0
        for _, metric in self.columns.values():
            metric.reset()

    def better(self) -> dict[str, str | None]:
        """Column -> "max" or "min", which of two values of a metric is better."""
        return {column: metric.better for column, (_, metric) in self.columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """With `load_state_dict` an interrupted epoch goes on exactly."""
        return {"examples": self.examples, "means": {name: mean.state_dict() for name, mean in self.means.items()},
                "metrics": {column: metric.state_dict() for column, (_, metric) in self.columns.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave. ValueError for another set of metrics."""
        if set(state["metrics"]) != set(self.columns):
            raise ValueError(f"the metrics were {names(state['metrics'])}, they are {names(self.columns)}")
        self.reset()
        self.examples = state["examples"]
        for name, mean in state["means"].items():
            self.means[name] = Mean(name)
            self.means[name].load_state_dict(mean)
        for column, (_, metric) in self.columns.items():
            metric.load_state_dict(state["metrics"][column])


def listed(given: Any) -> list:
    """One metric or callback, or several, or None, as a list."""
    if given is None:
        return []
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def is_function(metric: Any) -> bool:
    """A function of the user's own, that gives a number for a batch."""
    return callable(metric) and not isinstance(metric, (Metric, type)) and hasattr(metric, "__name__")
