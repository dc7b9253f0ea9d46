"""What is minimised: one loss of all that the model gives, or one for each named output, each with a weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any

from .. import nn
from ..nn import functional as F
from ..nn.loss import Loss
from ..tensor import Tensor
from .batch import named, names, spelled

NAMED: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": F.cross_entropy, "nll": F.nll_loss, "bce": F.binary_cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy, "bce_with_logits": F.binary_cross_entropy_with_logits,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits, "mse": F.mse_loss, "l1": F.l1_loss,
    "mae": F.l1_loss, "smooth_l1": F.smooth_l1_loss, "huber": F.huber_loss, "kl_div": F.kl_div,
}
NAMED |= {function.__name__: function for function in list(NAMED.values())}


class Losses:
    """losses(outputs, targets, training) -> {"loss": what is minimised, "<output>_loss": of each named output}.

    loss: a name ("cross_entropy", "mse", ...), a module or a function (outputs, targets) -> one number, which gets
    what the model and the data gave; or a dict with one of these for every output by name, None for an output that has
    none. What is minimised then is sum weights[name] * loss[name](outputs[name], targets[name]).
    weights: a number for each output with a loss; None: all 1.
    targets: a dict by the outputs' names, or one for all outputs.

    Outputs and losses are matched by name alone: a name that one side lacks is a ValueError that lists both. An output
    that the model gives in training only is left out in evaluation.
    """

    def __init__(self, loss: Any, weights: Mapping[str, float] | None = None):
        self.by_name = isinstance(loss, Mapping)
        self.functions = {name: resolve(each, f"the loss of {name}") for name, each in loss.items()} \
            if isinstance(loss, Mapping) else {"": resolve(loss, "loss")}
        self.single = isinstance(loss, (str, Loss)) or loss in NAMED.values()      # reads one output, one target
        self.with_loss = {name: function for name, function in self.functions.items() if function is not None}
        if not self.with_loss:
            raise ValueError("fit: expected a loss for one output at least, none came: loss={\"<output>\": "
                             "\"cross_entropy\", ...}")
        self.weights = self._checked(weights)
        self.modules = nn.ModuleList([f for f in self.functions.values() if isinstance(f, nn.Module)])

    def _checked(self, weights: Mapping[str, float] | None) -> dict[str, float]:
        if weights is None:
            return dict.fromkeys(self.with_loss, 1.0)
        if not self.by_name or not isinstance(weights, Mapping):
            raise TypeError("fit: weights are a dict, output name -> number, beside a dict of losses; "
                            f"weights {weights!r} came beside {'a dict of losses' if self.by_name else 'one loss'}")
        if set(weights) != set(self.with_loss):
            raise ValueError(f"fit: weights came for {names(weights)}, the outputs with a loss are "
                             f"{names(self.with_loss)}: each needs one, and nothing else has one")
        wrong = [f"{name}: {w!r}" for name, w in weights.items()
                 if isinstance(w, bool) or not isinstance(w, (int, float)) or not isfinite(w)]
        if wrong:
            raise ValueError(f"fit: weights must be finite numbers, {', '.join(wrong)} came")
        return {name: float(weights[name]) for name in self.with_loss}

    def columns(self) -> list[str]:
        """The names of what a call gives, those of training included."""
        return ["loss", *[f"{name}_loss" for name in self.with_loss if name]]

    def __call__(self, outputs: Any, targets: Any, training: bool) -> dict[str, Tensor]:
        if not self.by_name:
            if self.single and isinstance(outputs, (tuple, list, dict)):
                raise TypeError(f"fit: {self} is of one output, the model gives {spelled(outputs)}"
                                f"{of(outputs)}: say which output has it, loss={{name: {self}}}, or write a function "
                                "(outputs, targets) -> number")
            return {"loss": checked(self.with_loss[""](outputs, targets), "loss")}
        by_name = self._outputs(outputs, training)
        self._check_targets(targets)
        found = {}
        total: Any = None
        for name, weight in self.weights.items():
            if name in by_name:
                value = checked(self.with_loss[name](by_name[name], target_of(targets, name)), f"the loss of {name}")
                found[f"{name}_loss"] = value
                weighted = value if weight == 1 else value * weight
                total = weighted if total is None else total + weighted
        if total is None:
            raise ValueError(f"fit: none of the outputs with a loss, {names(self.weights)}, is there in evaluation")
        return {"loss": total, **found}

    def _outputs(self, outputs: Any, training: bool) -> Mapping[str, Any]:
        by_name = named(outputs)
        if by_name is None:
            raise TypeError(f"fit: losses came for the outputs {names(self.functions)}, but the model gives "
                            f"{spelled(outputs)}, without names: let it give a dict, Graph(inputs, {{name: ...}})")
        unknown = [name for name in by_name if name not in self.functions]
        missing = [name for name in self.functions if name not in by_name] if training else []
        if unknown or missing:
            raise ValueError(f"fit: losses came for {names(self.functions)}, the model's outputs are {names(by_name)}"
                             + f"; no loss for {names(unknown)} (None: it needs none)" * bool(unknown)
                             + f"; no output {names(missing)}" * bool(missing))
        return by_name

    def _check_targets(self, targets: Any) -> None:
        if not isinstance(targets, dict):
            return
        unknown = [name for name in targets if name not in self.functions]
        missing = [name for name in self.weights if name not in targets]
        if unknown or missing:
            raise ValueError(f"fit: the targets are called {names(targets)}, the outputs with a loss "
                             f"{names(self.weights)}" + f"; no output {names(unknown)}" * bool(unknown)
                             + f"; no target {names(missing)}" * bool(missing))

    def described(self) -> Any:
        """What a checkpoint says of them: names, and weights."""
        shown = {name or "loss": with_settings(f) for name, f in self.functions.items()}
        return {"loss": shown, "weights": self.weights} if self.by_name else shown

    def __repr__(self) -> str:
        return ", ".join([f"{name}: {title(f)}" if name else title(f) for name, f in self.functions.items()])


def resolve(loss: Any, what: str) -> Callable[..., Tensor] | None:
    """A loss by name, or a callable as it is."""
    if isinstance(loss, str):
        if loss not in NAMED:
            near = get_close_matches(loss, NAMED, 3)
            raise ValueError(f"fit: {what} {loss!r} is unknown: "
                             + (f"did you mean {' or '.join(near)}?" if near else f"there are {names(sorted(NAMED))}"))
        return NAMED[loss]
    if isinstance(loss, type):
        raise TypeError(f"fit: {what} is the class {loss.__name__}, expected one of it: {loss.__name__}()")
    if loss is not None and not callable(loss):
        raise TypeError(f"fit: {what} must be a name, a module or a function (outputs, targets) -> number, "
                        f"{type(loss).__name__} came")
    if loss is None and what == "loss":
        raise TypeError("fit: expected a loss, None came")
    return loss


def target_of(targets: Any, name: str) -> Any:
    """The target of an output: by name, or the one that all share."""
    return targets[name] if isinstance(targets, dict) else targets


def checked(value: Any, what: str) -> Tensor:
    """A loss that can be minimised: one number."""
    if not isinstance(value, Tensor):
        raise TypeError(f"fit: {what} must be a tensor of one number, {type(value).__name__} came")
    if value.shape != ():
        raise ValueError(f"fit: {what} must be one number, {value.shape} came: take its mean (reduction=\"mean\")")
    return value


def title(function: Any) -> str:
    """A loss, for people."""
    if function is None:
        return "None"
    return repr(function) if isinstance(function, nn.Module) else getattr(function, "__name__", type(function).__name__)


def with_settings(function: Any) -> str:
    """A loss with what it was made with: "CrossEntropyLoss(label_smoothing=0.1)"."""
    if not isinstance(function, Loss):
        return title(function)
    settings = [f"{name}={x!r}" for name, x in function.get_config().items() if isinstance(x, (bool, int, float, str))]
    return f"{type(function).__name__}({', '.join(settings)})"


def of(outputs: Any) -> str:
    """For an error: the names of the outputs, if they have some."""
    by_name = named(outputs)
    return f" ({names(by_name)})" if by_name is not None else ""
