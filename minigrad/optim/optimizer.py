"""What all optimizers share: groups of parameters, state per parameter, saving and loading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy

from ..backend import Array, device_of, is_array, namespace, on_device_of, to_device
from ..nn.arrays import as_array, clear_grad
from ..tensor import Tensor, enable_grad
from .pieces import update_in_pieces

# What schedules note in a group beside its hyper-parameters.
SCHEDULED = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")
FASTER = ("foreach", "fused", "capturable")     # PyTorch's arguments that choose how a step is computed, not what


class Optimizer:
    """Changes parameters in place by their gradients. A subclass writes `update` for one parameter.

    params: tensors, or groups of them, each a dict with "params" and hyper-parameters of its own:
    SGD([{"params": head}, {"params": body, "lr": 0.001}], lr=0.1).

    param_groups: the groups, every hyper-parameter filled in; change them there (`group["lr"] = 0.01`) at any time.
    is_elementwise: whether `update` treats every element by itself. Then a large parameter is updated in pieces, each
    as a parameter of its own, by several threads at once; an update that needs a norm, say, must not say so.
    state: parameter -> {name: array or number}, made at the parameter's first step, on its device and in its dtype
    (float32 for half precisions); it follows when the parameter moves.
    """

    is_elementwise = False

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any], options: Mapping[str, Any] | None = None):
        """options: arguments of PyTorch's optimizers that have no effect here, as FASTER and differentiable=False."""
        check_options(type(self).__name__, options or {}, defaults)
        if isinstance(params, (Tensor, Mapping)):
            raise TypeError(f"{type(self).__name__}: params must be a list of tensors or of groups (dicts), "
                            f"one {type(params).__name__} came")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.has_stepped = False                # schedules warn where they are ahead
        entries = list(params)
        if not entries:
            raise ValueError(f"{type(self).__name__}: there are no parameters to optimize")
        groups = entries if isinstance(entries[0], Mapping) else [{"params": entries}]
        for group in groups:
            self.add_param_group(group)

    def check(self, group: dict[str, Any]) -> None:
        """ValueError for hyper-parameters that make no sense."""

    def update(self, p: Tensor, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change p.data in place by the gradient g, which is not the optimizer's to change."""
        raise TypeError(f"{type(self).__name__} does not say how it updates a parameter: it has no method update")

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters, with hyper-parameters of their own where they differ from the defaults."""
        who = type(self).__name__
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f'{who}: a group must be a dict with "params", {group!r} came')
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{who}: parameter {i} must be a tensor, {type(p).__name__} came")
            if not p.is_leaf:
                raise ValueError(f"{who}: parameter {i}, of shape {p.shape}, was made by {p.node.op.name}: only "
                                 "leaves, tensors made by the user, can be optimized")
            if id(p) in known:
                raise ValueError(f"{who}: parameter {i}, of shape {p.shape}, came twice")
            known.add(id(p))
        unknown = set(group) - {"params", "name", *self.defaults, *SCHEDULED}
        if unknown:
            raise ValueError(f"{who}: has no hyper-parameter {', '.join(sorted(unknown))}; "
                             f"it has {', '.join(self.defaults)}")
        full = {**self.defaults, **group, "params": params}
        self.check(full)
        self.param_groups.append(full)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with set_to_none=False fill them with zeros instead."""
        for group in self.param_groups:
            for p in group["params"]:
                clear_grad(p, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient. Nothing waits for a GPU.

        closure: computes the loss and its gradients anew; its result is returned.
        """
        loss, self.has_stepped = None, True
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    if p.grad.shape != p.shape:
                        raise ValueError(f"step: a parameter of shape {p.shape} has a gradient of shape {p.grad.shape}")
                    with on_device_of(p.data):
                        if self.is_elementwise:
                            update_in_pieces(self.update, p, p.grad.data, self.state_of(p), group)
                        else:
                            self.update(p, p.grad.data, self.state_of(p), group)
                    p.touch()
        return loss

    def state_of(self, p: Tensor) -> dict[str, Any]:
        """The state of a parameter, brought to where the parameter is now."""
        state, device, dtype = self.state.setdefault(p, {}), device_of(p.data), state_dtype(p)
        for name, value in state.items():
            if is_array(value) and (value.dtype != dtype or device_of(value) != device):
                state[name] = to_device(value, device).astype(dtype, copy=False)
        return state

    def state_dict(self) -> dict[str, Any]:
        """{"state": {i: {name: array or number}}, "param_groups": [{..., "params": [i, ...]}]}, i counting parameters.

        The arrays are the optimizer's own and change with the next step: copy what shall stay.
        """
        for p in self.state:            # parameters may have moved since the last step
            self.state_of(p)
        number = {id(p): i for i, p in enumerate([p for group in self.param_groups for p in group["params"]])}
        groups = [{**group, "params": [number[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": {number[id(p)]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over copies of what `state_dict` gave, for as many parameters of the same shapes in the same order.

        ValueError if they do not fit, and then the optimizer is as it was.
        """
        who, groups = f"{type(self).__name__}.load_state_dict", state_dict["param_groups"]
        lengths, own = [len(group["params"]) for group in groups], [len(group["params"]) for group in self.param_groups]
        if lengths != own:
            raise ValueError(f"{who}: expected groups of {own} parameters, groups of {lengths} came")
        params = [p for group in self.param_groups for p in group["params"]]
        order = [i for group in groups for i in group["params"]]
        saved = [(p, i, state_dict["state"][i]) for p, i in zip(params, order, strict=True) if i in state_dict["state"]]
        state = {p: {name: loaded(name, value, p, f"{who}: {name} of parameter {i}") for name, value in values.items()}
                 for p, i, values in saved}
        merged = [{**mine, **{k: v for k, v in group.items() if k in {*mine, *SCHEDULED} and k != "params"}}
                  for mine, group in zip(self.param_groups, groups, strict=True)]
        for group in merged:
            self.check(group)
        for mine, group in zip(self.param_groups, merged, strict=True):
            mine.update(group)
        self.state = state

    def __repr__(self) -> str:
        groups = [", ".join([f"{len(group['params'])} parameters"]
                            + [f"{name}={value!r}" for name, value in group.items() if name != "params"])
                  for group in self.param_groups]
        return f"{type(self).__name__}({'; '.join(groups)})"


def loaded(name: str, value: Any, p: Tensor, what: str) -> Any:
    """A copy of an item of saved state: the number of steps, another number, or an array like the parameter."""
    if value is None:
        return None
    if name in NUMBERS:
        return NUMBERS[name](value)
    array = as_array(value)
    if array.shape != p.shape:
        raise ValueError(f"{what} has shape {array.shape}, the parameter {p.shape}")
    with on_device_of(p.data):
        copy = namespace(p.data).empty_like(p.data, dtype=state_dtype(p))       # which lies in memory as p does
        copy[...] = to_device(array, device_of(p.data))
        return copy


NUMBERS: dict[str, Callable] = {"step": int, "mu_product": float}       # what state holds that is no array


def state_dtype(p: Tensor) -> numpy.dtype:
    """The parameter's dtype, but float32 for half precisions: their digits are too few to gather in, or to square."""
    return numpy.dtype("float32") if p.dtype.itemsize == 2 else p.dtype


# --- parts of updates -------------------------------------------------------------------------------------------

def descent(p: Tensor, g: Array, group: Mapping[str, Any]) -> Array:
    """The gradient in the state's dtype, its sign turned to go up, with that of the penalty: g + weight_decay * p.

    With decoupled_weight_decay the penalty has no part in it: p itself becomes (1 - lr * weight_decay) * p, decay that
    the gradient's statistics do not see. Loshchilov & Hutter 2019.
    """
    dtype, decay = state_dtype(p), float(group["weight_decay"])
    g = g.astype(dtype, copy=False)
    if group["maximize"]:
        g = -g
    if decay and group.get("decoupled_weight_decay"):
        x = p.data
        x *= 1 - float(group["lr"]) * decay
    elif decay:
        g = p.data.astype(dtype, copy=False) * decay + g
    return g


def next_step(state: dict[str, Any]) -> int:
    """The number of this step, from 1 on, which the state keeps."""
    state["step"] = state.get("step", 0) + 1
    return state["step"]


def kept(state: dict[str, Any], name: str, like: Array, start: float = 0.0) -> Array:
    """The array of this name, made at the first step."""
    if name not in state:
        state[name] = namespace(like).full_like(like, start)
    return state[name]


def averaged(state: dict[str, Any], name: str, x: Array, beta: float) -> Array:
    """The moving average m = beta * m + (1 - beta) * x, in place; it starts at 0."""
    m = kept(state, name, x)
    m *= beta
    m += x * (1 - beta)
    return m


def move(p: Tensor, step: Array) -> None:
    """p = p - step"""
    x = p.data
    x -= step.astype(x.dtype, copy=False)


# --- what makes no sense ----------------------------------------------------------------------------------------

def check_options(who: str, options: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Refuse arguments that nobody knows, and a step on the tape; accept what only makes PyTorch's step faster."""
    for name, value in options.items():
        if name not in (*FASTER, "differentiable"):
            raise TypeError(f"{who}: has no argument {name!r}; it has {', '.join(defaults)}")
        if name == "differentiable" and value:
            raise ValueError(f"{who}: a step changes parameters in place and is not recorded, so it cannot be "
                             "differentiable: write the update in ops on the gradients of grad(create_graph=True)")


def check_numbers(who: str, group: Mapping[str, Any], *names: str) -> None:
    """ValueError unless these hyper-parameters are at least 0."""
    for name in names:
        check_number(who, name, group[name])


def check_betas(who: str, betas: Any) -> None:
    """ValueError unless these are two numbers in [0, 1)."""
    if len(betas) != 2:
        raise ValueError(f"{who}: betas must be a pair of numbers, {betas!r} came")
    for i, beta in enumerate(betas):
        check_number(who, f"betas[{i}]", beta, below=1.0)


def check_number(who: str, name: str, value: Any, low: float = 0.0, below: float | None = None) -> None:
    """ValueError unless low <= value, and value < below where there is such a bound."""
    if isinstance(value, Tensor) or is_array(value):
        raise TypeError(f"{who}: {name} must be a Python number, {type(value).__name__} came; float({name}) is one")
    if not low <= value or below is not None and not value < below:
        limit = f"at least {low:g}" if below is None else f"in [{low:g}, {below:g})"
        raise ValueError(f"{who}: {name} must be {limit}, {value!r} came")
