"""What a metric is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Metric:
    """What `fit` asks of a metric. A subclass adds up in `update` what `compute` makes a number of.

    name: of its column in the history. better: "max" or "min", by which checkpoints and early stopping compare; None
    where `compute` gives no single number. Its state is the attributes that `parts` names, arrays or numbers; None
    before the first batch.
    """

    name: str = "metric"
    better: str | None = "max"
    parts: tuple[str, ...] = ()

    def update(self, outputs: Any, targets: Any) -> None:
        """Count a batch."""
        raise TypeError(f"{type(self).__name__} does not say what it counts: it has no method update")

    def compute(self) -> Any:
        """What was counted, as a float or a NumPy array; nan if that was nothing. This waits for the device."""
        raise TypeError(f"{type(self).__name__} does not say what its counts mean: it has no method compute")

    def reset(self) -> None:
        """Forget what was counted, before the next epoch."""
        for part in self.parts:
            setattr(self, part, None)

    def state_dict(self) -> dict[str, Any]:
        """Name -> array or number: with `load_state_dict` an interrupted epoch goes on exactly. {} before a batch."""
        return {part: getattr(self, part) for part in self.parts if getattr(self, part) is not None}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave. ValueError if it is another metric's; then this one is as it was."""
        if state_dict and set(state_dict) != set(self.parts):
            raise ValueError(f"{type(self).__name__}: expected a state of {', '.join(self.parts)}, "
                             f"one of {', '.join(map(str, state_dict))} came")
        checked = {part: self.check_part(part, state_dict[part]) for part in self.parts if state_dict}
        self.reset()
        for part, value in checked.items():
            setattr(self, part, value)

    def check_part(self, part: str, value: Any) -> Any:
        """A part of a state that comes from elsewhere, as the metric keeps it; ValueError if it cannot be one."""
        return value

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
