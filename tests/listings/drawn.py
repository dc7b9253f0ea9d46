"""First weights and data that both libraries get alike."""

import math

import numpy as np


def seeded(lib, model, seed=0):
    """The model in float64 with weights that depend on the seed and on their names alone; buffers stay."""
    rng, state = np.random.default_rng(seed), dict(model.state_dict())
    for name, p in model.named_parameters(remove_duplicate=False):
        scale = 1 / math.sqrt(math.prod(p.shape[1:])) if p.dim() > 1 else 0.2
        values = rng.standard_normal(tuple(p.shape)) * scale + (p.dim() == 1 and name.endswith("weight"))
        state[name] = lib.from_numpy(values)
    model.double().load_state_dict(state)
    return model


def normal(lib, *shape, seed=1):
    return lib.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def whole(lib, high, *shape, seed=1):
    return lib.from_numpy(np.random.default_rng(seed).integers(0, high, shape))
