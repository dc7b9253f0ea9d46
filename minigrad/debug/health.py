"""GradientHealth: whether a network can learn, layer by layer: its gradients, its updates, its activations.

    health = debug.GradientHealth(model)
    for x, target in batches:
        with health.watch():                    # a whole step is inside
            optimizer.zero_grad()
            F.cross_entropy(model(x), target).backward()
            optimizer.step()
    print(health.verdict())                     # in words; health.table(), health.plot("health.png")
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import Array, copied, device_of, on_device_of, to_device, to_numpy
from ..nn import Module, Parameter
from .health_watch import UnitKey, Units, Watch

if TYPE_CHECKING:
    from .health_verdict import Verdict

KEPT = 1000                     # steps remembered; then every second one is forgotten, and half as many are watched
RECENT = 50                     # watched steps that count for table and verdict

# What is known of a layer and of the activations behind it in a watched step; nan where there is nothing to know.
LAYER = ("gradient", "weight", "update", "output", "not_finite", "frozen")
UNITS = ("zeros", "dead", "saturated")
RATIOS = {"gradient_to_weight": ("gradient", "weight"), "update_to_weight": ("update", "weight")}


class GradientHealth:
    """Watches training steps of a model, and says how it is.

    Of every layer that has parameters, and every watched step (`series`):

        gradient        norm of the gradient of its parameters when the step ends: clipped and unscaled, as the
                        optimizer saw it       weight: norm of its parameters before the step
        update          norm of what the step added to them
        gradient_to_weight, update_to_weight    the quotients; an update of about 0.001 of the weights is usual
        output          norm of the gradient that arrives at the layer's output, behind a ReLU or BatchNorm that runs
                        in one pass with it; of a layer that is called several times, of all together
        not_finite      how many elements of all these are nan or inf

    and of the ReLU, ReLU6, tanh, sigmoid, hardtanh and hardsigmoid units behind a layer:

        zeros           the share of zeros (ReLU, ReLU6)
        dead            the share of units (channels, of images) that gave nothing but 0 in the last 50 to 100 watched
                        steps; of fewer steps in all
        saturated       the share of values where the slope is below 0.06 of the largest

    The training goes on to the last bit as it would. A watched step holds a copy of the parameters while it lasts,
    goes over parameters, gradients and outputs once, and makes one small copy to the host: of a step on one CPU core
    6 % for ResNet-20, 30 % for LeNet-5 and small MLPs. `every` spares it: every tenth step tells as much of a long
    training. Of more than a thousand watched steps every second one is forgotten, and `every` doubles.

    model: the layers are those that have parameters, by their dotted names. every: watch one step of so many.
    Raises TypeError for what is no model, ValueError for one without parameters.
    """

    def __init__(self, model: Module, every: int = 1):
        if not isinstance(model, Module):
            raise TypeError(f"GradientHealth: expected a model, {type(model).__name__} came")
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"GradientHealth: every must be a number of steps from 1 on, {every!r} came")
        self.model, self.every = model, every
        self.parameters: dict[str, dict[str, Parameter]] = {}       # layer -> name -> parameter
        for name, p in model.named_parameters():
            layer, _, last = name.rpartition(".")
            self.parameters.setdefault(layer or type(model).__name__.lower(), {})[last] = p
        if not self.parameters:
            raise ValueError("GradientHealth: the model has no parameters, so no gradients to watch")
        self.owners = {id(p): layer for layer, ps in self.parameters.items() for p in ps.values()}
        self.units: dict[UnitKey, Units] = {}
        self.called: list[str] = []                 # the layers in the order in which the forward pass met them
        self.seen = 0                               # steps, watched or not
        self.steps: list[int] = []                  # the numbers of those watched, from 1 on
        self.layer_rows: list[np.ndarray] = []      # of each, (layers, len(LAYER))
        self.unit_rows: list[np.ndarray] = []       # of each, (kinds of units known then, len(UNITS))
        self.opened: tuple[Watch, dict[str, Array]] | None = None

    # --- watching ---------------------------------------------------------------------------------------------
    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around a whole step: zero_grad, forward, backward, the optimizer's step. After an error it is forgotten."""
        self.begin()
        try:
            yield
        except BaseException:
            self.abandon()
            raise
        self.end()

    def begin(self) -> None:
        """A step begins: before the forward pass. For loops in which `watch` has no place; `end` belongs to it."""
        self.abandon()
        self.seen += 1
        if (self.seen - 1) % self.every == 0:
            copies = {name: copied(p.data) for name, p in self.model.named_parameters() if p.requires_grad}
            self.opened = Watch(self.owners, self.units), copies

    def abandon(self) -> None:
        """Forget the step that has begun."""
        if self.opened is not None:
            self.opened[0].stop()
        self.opened = None

    def end(self, may_overflow: bool = False) -> None:
        """The step is over: after the optimizer's step, with the gradients still there.

        may_overflow: leave a step out whose gradients are not finite, as with a loss scale that is too large (amp).
        """
        if self.opened is None:
            return
        (watch, before), self.opened = self.opened, None
        watch.stop()
        for layer, p, old in self.changes(before):
            if old is not None:
                watch.measure((layer, "weight"), old)
                with on_device_of(p.data):
                    watch.measure((layer, "update"), p.data - to_device(old, p.device))
                if p.grad is not None:
                    watch.measure((layer, "gradient"), p.grad.data)
            else:
                watch.measure((layer, "weight"), p.data)
        for key, units in self.units.items():
            if units.values:
                with on_device_of(units.awake):
                    watch.numbers.add((key, "dead"), units.asleep(), device_of(units.awake))
        self.add_row(watch, may_overflow)

    def changes(self, before: Mapping[str, Array]) -> Iterator[tuple[str, Parameter, Array | None]]:
        """(layer, parameter, its values before the step; None of a frozen one)."""
        for name, p in self.model.named_parameters():
            if id(p) in self.owners:
                yield self.owners[id(p)], p, before.get(name)

    def add_row(self, watch: Watch, may_overflow: bool) -> None:
        """Read what was measured, and remember it."""
        found = watch.numbers.read()
        row = np.full((len(self.parameters), len(LAYER)), np.nan)
        for i, (layer, parameters) in enumerate(self.parameters.items()):
            for j, what in enumerate(LAYER[:4]):
                if (layer, what) in found:
                    squares = found[layer, what]
                    row[i, j] = np.sqrt(squares) if np.isfinite(squares) else np.inf
            row[i, 4] = found.get((layer, "not_finite"), 0.0)
            row[i, 5] = not any([p.requires_grad for p in parameters.values()])
        if may_overflow and not np.isfinite(row[:, 0][~np.isnan(row[:, 0])]).all():
            return
        shares = np.full((len(self.units), len(UNITS)), np.nan)
        for i, key in enumerate(self.units):
            for j, what in enumerate(UNITS):
                if (key, what) in found and key in watch.sizes:
                    shares[i, j] = found[key, what] / (key[2] if what == "dead" else watch.sizes[key])
        self.called += [layer for layer in watch.calls if layer not in self.called]
        self.steps.append(self.seen)
        self.layer_rows.append(row)
        self.unit_rows.append(shares)
        if len(self.steps) % RECENT == 0:
            for units in self.units.values():
                units.turn_over()
        if len(self.steps) > KEPT:
            self.every *= 2
            self.steps, self.layer_rows, self.unit_rows = self.steps[::2], self.layer_rows[::2], self.unit_rows[::2]

    # --- what was seen ----------------------------------------------------------------------------------------
    @property
    def layers(self) -> list[str]:
        """All that have parameters, in the order of the forward pass; one that was not met before the one that follows
        it in the model."""
        met = {layer: i for i, layer in enumerate(self.called)}
        places, place = {}, len(met)
        for layer in reversed(self.parameters):
            place = met.get(layer, place)
            places[layer] = place, layer in met
        return sorted(self.parameters, key=lambda layer: places[layer])

    def series(self, layer: str, what: str) -> np.ndarray:
        """A number for each watched step: (steps,), nan where there is none. what: see the class. KeyError else."""
        if layer not in self.parameters:
            raise KeyError(f"there is no layer {layer!r} with parameters; there are {', '.join(self.layers)}")
        if what in UNITS:
            found = [self.unit_series(key, what) for key in self.units if key[0] == layer]
            return np.fmax.reduce(found) if found else np.full(len(self.steps), np.nan)
        if what in RATIOS:
            over, under = RATIOS[what]
            with np.errstate(divide="ignore", invalid="ignore"):
                return self.series(layer, over) / self.series(layer, under)
        if what not in LAYER:
            raise KeyError(f"there is no {what!r}; there are {', '.join([*LAYER[:5], *RATIOS, *UNITS])}")
        i, j = list(self.parameters).index(layer), LAYER.index(what)
        return np.array([row[i, j] for row in self.layer_rows])

    def unit_series(self, key: UnitKey, what: str) -> np.ndarray:
        """The same of the units of one kind behind a layer."""
        i, j = list(self.units).index(key), UNITS.index(what)
        return np.array([row[i, j] if i < len(row) else np.nan for row in self.unit_rows])

    def recent(self, layer: str, what: str) -> float:
        """The median of the last watched steps that have a number; nan if none has."""
        return middle(self.series(layer, what)[-RECENT:])

    def verdict(self) -> Verdict:
        """What is to be said of it, in words: str() of the answer. See `Verdict`."""
        from .health_verdict import verdict_of
        return verdict_of(self)

    def table(self) -> str:
        """A line a layer, the medians of the last 50 watched steps: text."""
        from .health_show import table
        return table(self)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line for each watched step and layer; the file appears whole."""
        from .health_show import write_csv
        write_csv(self, path)

    def plot(self, path: str | os.PathLike[str], title: str = "Gradient health") -> None:
        """Draw it over the steps into a PNG file: gradients, updates, dead and saturated units. Needs matplotlib.

        Raises ValueError if no step was watched.
        """
        from .health_picture import draw
        draw(self, path, title)

    def as_dict(self) -> dict[str, Any]:
        """All of it in what JSON has: None for what is not there, "inf" for what is not finite."""
        from .health_show import as_dict
        return as_dict(self)

    def __repr__(self) -> str:
        return f"<GradientHealth: {len(self.steps)} steps of {len(self.parameters)} layers>"

    # --- to go on later ---------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """All that was seen, as numbers, texts and arrays."""
        width = max([len(row) for row in self.unit_rows], default=0)
        rows = [np.pad(row, ((0, width - len(row)), (0, 0)), constant_values=np.nan) for row in self.unit_rows]
        return {"every": self.every, "seen": self.seen, "steps": self.steps, "called": self.called,
                "layers": list(self.parameters), "layer_rows": np.array(self.layer_rows), "unit_rows": np.array(rows),
                "units": [{"key": list(key), "values": units.values, "awake": to_numpy(units.awake),
                           "awake_before": None if units.awake_before is None else to_numpy(units.awake_before)}
                          for key, units in self.units.items()]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave. ValueError if that is another model's."""
        if list(state["layers"]) != list(self.parameters):
            raise ValueError("GradientHealth: the state is another model's, with layers "
                             f"{', '.join(state['layers'])}; this one has {', '.join(self.parameters)}")
        self.every, self.seen = state["every"], state["seen"]
        self.steps, self.called = list(state["steps"]), list(state["called"])
        self.layer_rows, self.unit_rows = list(state["layer_rows"]), list(state["unit_rows"])
        self.units = {}
        for entry in state["units"]:
            layer, kind, count = entry["key"]
            self.units[layer, kind, count] = Units(layer, kind, entry["awake"], entry["awake_before"], entry["values"])


def middle(values: np.ndarray) -> float:
    """The median without nan; nan of nothing."""
    there = values[~np.isnan(values)]
    return float(np.median(there)) if there.size else float("nan")
