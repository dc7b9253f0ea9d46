"""Several models that answer as one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import log
from typing import Any

from .. import ops
from ..backend import FLOATS
from ..data.nested import leaves, mapped
from ..graph import load
from ..nn import Module, ModuleList
from ..ops.precision import narrowed, widened
from ..tensor import no_grad
from .batch import evaluating

WAYS = ("logits", "probabilities")


class Ensemble(Module):
    """The average of what several models give, as one module.

        ensemble = Ensemble([load(f"runs/{seed}/weights.safetensors") for seed in range(5)])
        ensemble(images).argmax(1)

    models: modules with outputs of the same shapes: scores (n, c) or (n, c, ...), classes along axis 1; or (n,),
    (n, 1) or (n, 1, ...), one logit for two classes. Several outputs, in a tuple or by name in a dict, are averaged
    each by itself.
    average: "logits", the mean of the outputs, whatever they are (a regression's too): for softmax the geometric mean
    of the probabilities. "probabilities": the arithmetic mean of the probabilities, given as its logarithm (for a
    single logit: as the logit of the mean), so that in both cases softmax (sigmoid) makes probabilities of the result,
    argmax the decision and cross_entropy the loss. That loss is at most the mean of the models' losses in both cases,
    for it is convex: the ensemble cannot be worse than its worst member.

    The models run one after the other and in eval mode, whatever mode they are in, which they keep; nothing is
    recorded, so memory is that of one. Half precision is averaged in float32. Their parameters and buffers are
    `models.0....` and so on. Raises ValueError where outputs differ in kind, names or shape, TypeError for what is no
    floating-point number. Hansen & Salamon 1990, Neural Network Ensembles.
    """

    def __init__(self, models: Iterable[Module], average: str = "logits"):
        members = list(models) if isinstance(models, Iterable) else [models]
        for i, model in enumerate(members):
            if not isinstance(model, Module):
                raise TypeError(f"Ensemble: model {i} must be a Module, {type(model).__name__} came")
        if not members:
            raise ValueError("Ensemble: there are no models")
        if average not in WAYS:
            raise ValueError(f"Ensemble: average must be {' or '.join(map(repr, WAYS))}, {average!r} came")
        self.models, self.average = ModuleList(members), average

    @classmethod
    def of_runs(cls, paths: Iterable[str | os.PathLike[str]], average: str = "logits") -> Ensemble:
        """Of models in files or folders that `minigrad.save` wrote of graphs, as runs leave them.

        Raises what `minigrad.load` raises, and ValueError for a file that has weights alone.
        """
        given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        models = [load(path) for path in given]
        for path, model in zip(given, models, strict=True):
            if not isinstance(model, Module):
                raise ValueError(f"Ensemble: {path} has weights alone, of which no model can be built: build it, "
                                 "load_state_dict them, and pass the models")
        return cls(models, average)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        outputs: Any = None
        sums: dict[str, list] = {}                                      # path of an output -> what is added up
        with no_grad():
            for i, model in enumerate(self.models):
                with evaluating(model):
                    y = model(*args, **kwargs)
                if i:
                    check_alike(outputs, y, i)
                outputs = y
                for path, x in leaves(y):
                    parts = self.parts(x)
                    sums[path] = [self.plus(a, b) for a, b in zip(sums[path], parts, strict=True)] if i else parts
            means = iter([narrowed(self.mean(sums[path]), x) for path, x in leaves(outputs)])
            return mapped(outputs, lambda x: next(means))

    # --- of a single output ---------------------------------------------------------------------------------
    def parts(self, y: Any) -> list:
        """What is added up: the output; or log(p), and for a single logit log(1 - p) too."""
        if y.dtype.kind not in FLOATS:
            raise TypeError(f"Ensemble: outputs must be floating-point numbers to be averaged, {y.dtype} came")
        y = widened(y)
        if self.average == "logits":
            return [y]
        if len(y.shape) < 2 or y.shape[1] == 1:
            return [ops.logsigmoid(y), ops.logsigmoid(-y)]
        return [ops.log_softmax(y, 1)]

    def plus(self, a: Any, b: Any) -> Any:
        """The sum of two logits; of two probabilities, in logarithms."""
        return a + b if self.average == "logits" else ops.logaddexp(a, b)

    def mean(self, sums: list) -> Any:
        """The output of the ensemble, from sums over its members."""
        if self.average == "logits":
            return sums[0] / len(self.models)
        return sums[0] - (sums[1] if len(sums) == 2 else log(len(self.models)))

    def extra_repr(self) -> str:
        return f"average={self.average!r}"


def check_alike(first: Any, y: Any, number: int) -> None:
    """ValueError where a model gives other outputs than the one before it."""
    expected, found = [{path: x.shape for path, x in leaves(outputs)} for outputs in (first, y)]
    if type(first) is not type(y) or expected != found:
        raise ValueError(f"Ensemble: the models must give like outputs; model {number} gives {spelled(y)}, "
                         f"model {number - 1} {spelled(first)}")


def spelled(outputs: Any) -> str:
    """(4, 10); ['main'] (4, 10), ['aux'] (4, 10)"""
    return ", ".join([f"{path} {x.shape}".strip() for path, x in leaves(outputs)]) or "nothing"
