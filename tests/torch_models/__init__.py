"""A model of PyTorch for every architecture, with the same names of parameters: torchvision's where it has the model.

The others are written out here once more, in torch.nn and from the papers alone. `theirs` makes one by its name,
`narrowed` one with the channels and values of a model here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TORCHVISION = ("alexnet", "googlenet", "inception_v3", *[f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")],
               *[f"resnet{n}" for n in (18, 34, 50, 101, 152)], "wide_resnet50_2", "wide_resnet101_2",
               *[f"densenet{n}" for n in (121, 161, 169, 201)])


def theirs(name: str, device: str = "cpu") -> Any:
    """PyTorch's model of that name, with its first weights; device "meta": without any."""
    import torch

    with torch.device(device):
        if name in TORCHVISION:
            from .from_torchvision import make

            return make(name)
        from . import from_papers

        return from_papers.MODELS[name]()


def narrowed(name: str, mine: Any) -> Any:
    """PyTorch's model with as many channels in each layer as `mine` has, and the values of `mine`."""
    from torch import nn

    state = mine.state_dict()
    model = theirs(name, "meta")
    for path, layer in list(model.named_modules()):
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.Linear)):
            parent, _, own = path.rpartition(".")
            setattr(model.get_submodule(parent), own, like(layer, state[f"{path}.weight"].shape))
    give(state, model)
    return model


def like(layer: Any, shape: tuple[int, ...]) -> Any:
    """A layer of the same settings with a weight of that shape."""
    from torch import nn

    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(shape[0], eps=layer.eps)
    if isinstance(layer, nn.Linear):
        return nn.Linear(shape[1], shape[0])
    if isinstance(layer, nn.ConvTranspose2d):
        return nn.ConvTranspose2d(shape[0], shape[1], layer.kernel_size, layer.stride)
    return nn.Conv2d(shape[1] * layer.groups, shape[0], layer.kernel_size, layer.stride, layer.padding,
                     layer.dilation, layer.groups, layer.bias is not None)


def give(state: Any, model: Any) -> None:
    """Load arrays by name into PyTorch's model, strictly, in place of what it has."""
    import torch

    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()}, assign=True)


def to_numpy(model: Any) -> dict[str, np.ndarray]:
    """The state dict of a model of PyTorch, as arrays."""
    return {name: value.numpy(force=True) for name, value in model.state_dict().items()}
