"""The verdict on what `GradientHealth` saw: one word, the numbers behind it, likely causes, and what helps.

What is not found is not claimed: "healthy" says what was looked at, and that none of the known faults shows there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, log10
from textwrap import fill
from typing import Any

import numpy as np

from .health import GradientHealth
from .health_evidence import Evidence, share_of_all
from .health_words import CAUSES, REMEDIES, percent, place, places, several, times
from .show import WIDTH

KINDS = ("healthy", "vanishing", "exploding", "dead", "saturated", "not finite", "unknown")

SPAN = 1e3          # between the first and the last layer's gradients: no one learning rate serves both
DEAD_LAYER = 0.9    # of the units of one layer: hardly anything passes it
DEAD_ALL = 0.4      # of all ReLUs: so many a learning rate that is too high can kill (CS231n, Neural networks 1)
SATURATED = 0.5     # of the values behind the hidden layers: most of the gradient stops there (Glorot & Bengio, fig. 3)
TOO_FAR = 1.0       # an update as large as the weights leaves nothing of them; 0.001 is usual
SOME_FLAT, FAST = 0.1, 0.1      # of the values saturated, of the weights changed by a step: a cause to name
SMALL, LARGE = 0.8, 1.7         # how much weights stretch what comes in, on either side of He's and Glorot's 1 to 1.4
GROWN = 1e3         # of the gradient from the first step to the last finite one


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a network's gradients; str() of it are a few sentences.

    kind: one of KINDS   found: what was found, in a sentence or two   causes, remedies: what may be behind it, and what
    helps, with the papers   remarks: what else is worth knowing   numbers: what it rests on, by name
    """

    kind: str
    found: str
    causes: Sequence[str] = ()
    remedies: Sequence[str] = ()
    remarks: Sequence[str] = ()
    numbers: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [self.found]
        if self.causes:
            lines.append(f"Likely causes: {'; '.join(self.causes)}.")
        if self.remedies:
            lines.append(f"What helps: {'; '.join(self.remedies)}.")
        return "\n".join([fill(line, WIDTH) for line in [*lines, *self.remarks]])

    def as_dict(self) -> dict[str, Any]:
        """The same in what JSON has."""
        return {"kind": self.kind, "found": self.found, "causes": list(self.causes), "remedies": list(self.remedies),
                "remarks": list(self.remarks),
                "numbers": {name: x if not isinstance(x, float) or isfinite(x) else None if x != x else repr(x)
                            for name, x in self.numbers.items()}}


def verdict_of(health: GradientHealth) -> Verdict:
    """The first fault that shows, of those that explain most; else healthy, or unknown where nothing was seen."""
    if not health.steps:
        return Verdict("unknown", "Unknown: no step was watched yet. A whole step goes inside `with health.watch():`.")
    seen = Evidence(health)
    for find in (exploding, not_finite, dead, vanishing, saturated, unknown, healthy):
        verdict = find(seen)
        if verdict is not None:
            return verdict
    raise RuntimeError("a network is healthy where nothing else is found")


def told(seen: Evidence, kind: str, found: str) -> Verdict:
    """A verdict with the causes and remedies of its kind."""
    return Verdict(kind, f"{kind.capitalize()}: {found}", causes(seen, kind), REMEDIES.get(kind, ()),
                   remarks(seen, kind), seen.numbers())


def causes(seen: Evidence, kind: str) -> list[str]:
    """Those that the numbers speak for, and those on which they are silent; all of the kind if that leaves none."""
    flat = seen.shares("saturated")
    holds = {"": True, "slope": bool(flat), "flat": max(flat.values(), default=0.0) >= SOME_FLAT,
             "small": seen.gain < SMALL, "large": seen.gain > LARGE, "fast": seen.fastest > FAST,
             "bias": bool(seen.low_biases)}
    found = [text for test, text in CAUSES.get(kind, ()) if holds[test]]
    return found or [text for _, text in CAUSES.get(kind, ())]


# --- the kinds ------------------------------------------------------------------------------------------------

def exploding(seen: Evidence) -> Verdict | None:
    after = f" From step {seen.bad} on it is no longer finite." if seen.bad else ""
    if seen.span >= SPAN:
        return told(seen, "exploding", f"the gradient grows {times(seen.factor)} per layer from {seen.top} down "
                    f"to {seen.bottom}, {times(seen.span)} over {len(seen.depth)} layers.{after}{gains(seen)}")
    if seen.update >= TOO_FAR:
        return told(seen, "exploding", f"a step changes the weights by {times(seen.update)} their own size; 0.001 is "
                    f"usual.{after}{gains(seen)}")
    if seen.bad and seen.growth >= GROWN:
        return told(seen, "exploding", f"the gradient grew {times(seen.growth)} from the first step that was watched "
                    f"to the last that was finite.{after}{gains(seen)}")
    return None


def not_finite(seen: Evidence) -> Verdict | None:
    if not seen.bad:
        return None
    return told(seen, "not finite", f"from step {seen.bad} on there is nan or inf, first at {place(seen.worst)}, as "
                "the gradient comes down to it.")


def dead(seen: Evidence) -> Verdict | None:
    shares = seen.dead
    worst = {key: x for key, x in shares.items() if x >= DEAD_LAYER}
    if not shares or not worst and share_of_all(shares) < DEAD_ALL:
        return None
    worst = worst or {key: x for key, x in shares.items() if x >= DEAD_ALL}
    places = several([f"{place(key[0])} ({percent(x)} of {key[2]})" for key, x in worst.items()])
    text = (f"{percent(share_of_all(shares))} of the ReLU units gave nothing but 0, for all inputs of the steps that "
            f"count: behind {places}. No gradient passes a unit that is off, so it does not learn.")
    means = [f"{place(layer)} {mean:.2g}" for layer, mean in seen.low_biases.items()]
    text += f" The mean of the biases is far below 0: {several(means)}." if means else ""
    return told(seen, "dead", text)


def vanishing(seen: Evidence) -> Verdict | None:
    if seen.lost:
        text = f"the gradient is exactly 0 at {places(seen.lost)}: it became smaller than {dtypes(seen)} can hold"
        if isfinite(seen.factor) and seen.factor < 1:
            text += f", {times(seen.factor)} per layer from {seen.top} down"
        return told(seen, "vanishing", f"{text}.{flatness(seen)}")
    if not seen.span <= 1 / SPAN:
        return None
    return told(seen, "vanishing", f"the gradient shrinks {times(seen.factor)} per layer from {seen.top} down to "
                f"{seen.bottom}, to {seen.span:.1g} of its size over {len(seen.depth)} layers.{flatness(seen)}")


def saturated(seen: Evidence) -> Verdict | None:
    shares = seen.shares("saturated", hidden=True)
    if not shares or np.mean(list(shares.values())) < SATURATED:
        return None
    worst = max(shares, key=lambda key: shares[key])
    return told(seen, "saturated", f"{percent(float(np.mean(list(shares.values()))))} of what the {kinds(shares)} "
                f"give is where their slope is nearly 0, most behind {place(worst[0])} ({percent(shares[worst])}): "
                "they pass hardly any gradient.")


def unknown(seen: Evidence) -> Verdict | None:
    health = seen.health
    if any([isfinite(health.recent(layer, "gradient")) for layer in health.parameters]):
        return None
    if seen.depth:
        return told(seen, "unknown", "the layers' outputs had gradients, but the parameters have none at the end of "
                    "the step: call zero_grad() before backward(), not after the optimizer's step.")
    if all([health.recent(layer, "frozen") == 1 for layer in health.parameters]):
        return told(seen, "unknown", "all layers are frozen: no gradient is asked for.")
    return told(seen, "unknown", "no gradient reached a layer: forward, backward and the optimizer's step of this very "
                "model go inside `with health.watch():`.")


def healthy(seen: Evidence) -> Verdict | None:
    health, parts = seen.health, []
    if isfinite(seen.span):
        parts.append(f"from {seen.top} down to {seen.bottom}, {len(seen.depth)} layers with weights, the "
                     f"gradient changes {times(seen.factor)} per layer, {times(seen.span)} in all")
    if seen.updates:
        low, high = min(seen.updates.values()), max(seen.updates.values())
        parts.append(f"a step changes the weights by {seen.update:.2g} of their size (from {low:.1g} to {high:.1g}; "
                     "about 0.001 is usual)")
    if seen.dead:
        parts.append(f"{percent(share_of_all(seen.dead))} of the {sum([key[2] for key in seen.dead]):,} ReLU units are "
                     "dead")
    flat = seen.shares("saturated", hidden=True)
    if flat:
        parts.append(f"the {kinds(flat)} are {percent(float(np.mean(list(flat.values()))))} saturated")
    n = len(health.steps)
    parts.append("nan and inf did not occur")
    return told(seen, "healthy", f"in {n:,} watched step{'s' * (n != 1)} none of the known faults shows: "
                f"{'; '.join(parts)}.")


# --- what goes with them --------------------------------------------------------------------------------------

def flatness(seen: Evidence) -> str:
    """How far the activations that can saturate do."""
    shares = seen.shares("saturated", hidden=True)
    if not shares:
        return ""
    mean = float(np.mean(list(shares.values())))
    slope = " Even where it is steepest a sigmoid passes only a quarter of the gradient." \
        if any([key[1] == "sigmoid" for key in shares]) else ""
    return f" The {kinds(shares)} are {percent(mean)} saturated.{slope}"


def kinds(shares: dict[tuple[str, str, int], float]) -> str:
    """sigmoids and tanhs"""
    return " and ".join([f"{kind}s" for kind in dict.fromkeys([key[1] for key in shares])])


def gains(seen: Evidence) -> str:
    """How much the weights stretch what comes in."""
    return (f" At the first watched step the weights stretched what came in {seen.gain:.2g}× (the median of the "
            "layers); 1 keeps its size, behind ReLUs 1.4.") if isfinite(seen.gain) else ""


def dtypes(seen: Evidence) -> str:
    return " or ".join(dict.fromkeys([str(p.dtype) for ps in seen.health.parameters.values() for p in ps.values()]))


def remarks(seen: Evidence, kind: str) -> list[str]:
    """What else is worth knowing: layers without gradients, updates that are far from usual."""
    health, found = seen.health, []
    frozen = [layer for layer in health.layers if health.recent(layer, "frozen") == 1]
    alone = [layer for layer in health.layers if layer not in frozen and np.isnan(health.recent(layer, "gradient"))]
    if frozen and len(frozen) < len(health.parameters):
        found.append(f"Frozen, and so without a gradient: {places(frozen)}.")
    if alone and kind != "unknown":
        found.append(f"No gradient reaches {places(alone)}: the loss does not depend on that, or a detach() is "
                     "between.")
    far = {layer: x for layer, x in seen.updates.items() if x > 0 and abs(log10(x) + 3) > 1.5}
    if kind in ("healthy", "saturated") and far and len(far) * 2 > len(seen.updates):
        high = seen.update > 1e-3
        found.append(f"The updates are {'large' if high else 'small'}: a {'smaller' if high else 'larger'} learning "
                     "rate may do better.")
    return found
