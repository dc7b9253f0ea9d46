"""The words of a verdict: likely causes and remedies by kind, and how numbers are spelled in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

GLOROT = "Glorot & Bengio 2010"
HE_INIT = "He et al. 2015, Delving deep into rectifiers"
HE_RESIDUAL = "He et al. 2015, Deep residual learning"
IOFFE = "Ioffe & Szegedy 2015"

# kind -> (which number must speak for it, "" for none; the cause)
CAUSES: dict[str, list[tuple[str, str]]] = {
    "vanishing": [("slope", "activations whose slope is below 1, one upon the other"),
                  ("flat", "saturated units, where the slope is nearly 0"),
                  ("small", "weights that are too small for their number of inputs")],
    "exploding": [("large", "weights that are too large for their number of inputs"),
                  ("fast", "a learning rate that is too high"),
                  ("", "many layers, or steps of a recurrent layer, one upon the other without normalisation")],
    "dead": [("bias", "biases far below 0"),
             ("fast", "a learning rate so high that one step threw the weights where no input reaches them"),
             ("", "inputs that are not centred and scaled")],
    "saturated": [("large", "weights that are too large"), ("fast", "a learning rate that is too high"),
                  ("", "inputs that are too large")],
    "not finite": [("", "log, sqrt or a division of a value that it is not defined for"),
                   ("", "an overflow, of exp or of float16"), ("", "nan in the data"),
                   ("fast", "a learning rate that is too high")],
}
REMEDIES: dict[str, list[str]] = {
    "vanishing": [f"ReLU in place of sigmoid and tanh, with nn.init.kaiming_normal_ ({HE_INIT})",
                  f"for tanh nn.init.xavier_uniform_ ({GLOROT})", f"BatchNorm between layer and activation ({IOFFE})",
                  f"shortcuts around blocks ({HE_RESIDUAL})"],
    "exploding": [f"first values by the number of inputs, nn.init.xavier_uniform_ ({GLOROT}) or, behind ReLUs, "
                  f"nn.init.kaiming_normal_ ({HE_INIT})", f"BatchNorm ({IOFFE})", "a smaller learning rate",
                  "clipping, nn.utils.clip_grad_norm_ (Pascanu et al. 2013)"],
    "dead": ["biases that begin at 0", "a smaller learning rate", f"nn.init.kaiming_normal_ ({HE_INIT})",
             f"BatchNorm before the ReLU ({IOFFE})",
             "LeakyReLU or PReLU, which pass something below 0 too (Maas et al. 2013; He et al. 2015)"],
    "saturated": [f"nn.init.xavier_uniform_ ({GLOROT})", "inputs with mean 0 and variance 1 (LeCun et al. 1998, "
                  "Efficient backprop)", f"BatchNorm before the activation ({IOFFE})", "a smaller learning rate"],
    "not finite": ["debug.record() around a forward pass, and first_nonfinite() of the recorder, which names the call "
                   "that made it", "a smaller learning rate, or clipping (Pascanu et al. 2013)"],
}
MANY = 5                        # names that a sentence lists


def place(layer: str) -> str:
    """A layer's name in a sentence: those of a Sequential are numbers."""
    return f"layer {layer}" if layer.replace(".", "").isdigit() else layer


def places(layers: Sequence[str]) -> str:
    """Several of them."""
    return several([place(layer) for layer in layers])


def several(names: Sequence[str]) -> str:
    """fc1, fc2 and fc3; of many the first and how many follow."""
    if len(names) > MANY:
        return f"{', '.join(names[:MANY - 1])} and {len(names) - MANY + 1} more"
    return " and ".join([part for part in (", ".join(names[:-1]), *names[-1:]) if part])


def times(x: float) -> str:
    """0.21×, 3.0×, 240,000×"""
    if not isfinite(x):
        return f"{x}×"
    return f"{x:,.0f}×" if 100 <= x < 1e7 else f"{x:.1e}×" if x >= 1e7 or x < 1e-3 else f"{x:.2g}×" if x < 1 \
        else f"{x:.2f}×" if x < 10 else f"{x:.1f}×"


def percent(share: float) -> str:
    """83 %; of small shares more digits."""
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.2g} %"
