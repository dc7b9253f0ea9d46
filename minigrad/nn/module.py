"""Module: a layer, or a tree of layers, with its parameters and buffers.

Parameters, child modules and buffers are plain attributes, found in the order in which they were set. Buffers (running
statistics) are raw arrays: they never are on the tape. A layer's `forward` also runs on arrays without values, which is
how a graph finds its output shape; so it calls functions, not methods, and does nothing with values there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import signature
from typing import Any, NamedTuple, TypeVar

import numpy

from ..backend import FLOATS, Array, device_of, is_array, using
from ..misuse import MISUSES, explained, given, is_ours, named_by_class, origin
from ..ops.creation import from_python
from ..tensor import Tensor, observer
from .arrays import as_array, clear_grad, join, lookup, moved, moved_like, once, target_of
from .config import Configured
from .hooks import Hooked
from .scope import scope, symbol_in

__all__ = ["Module", "Parameter"]

M = TypeVar("M", bound="Module")

MANY, FIRST = 12, 4             # names that an error lists, and of more than that


class Parameter(Tensor):
    """A tensor that a module learns: as its attribute it is found by `parameters()`.

    data: a tensor or an array, whose memory is shared, or nested lists of numbers.
    """

    __slots__ = ("frozen",)
    is_parameter = True

    frozen: bool                # whether it lost its gradient to trainable=False, and gets it back from trainable=True

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data if isinstance(data, Tensor) or is_array(data) else from_python(data), requires_grad)
        self.frozen = False

    def freeze(self, on: bool = True) -> None:
        """Need no gradient any more, and have none; or (on=False) need one again, if a freeze took it away."""
        if on and self.requires_grad:
            self.requires_grad, self.frozen, self.grad = False, True, None      # an optimizer passes it over
        elif not on and self.frozen:
            self.requires_grad, self.frozen = True, False

    def __deepcopy__(self, memo: dict) -> Parameter:
        twin: Any = super().__deepcopy__(memo)
        twin.frozen = self.frozen
        return twin

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class LoadResult(NamedTuple):
    """What `load_state_dict(strict=False)` did not find, and found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def check_state_dict(state: Any) -> None:
    """TypeError for what is no dict of values."""
    if not isinstance(state, Mapping):
        cure = ": pass its state_dict()" if isinstance(state, Module) else ""
        raise TypeError(f"load_state_dict: expected a dict, name -> array, {type(state).__name__} came{cure}")


def several(names: list[str]) -> str:
    """Names in a row; of very many, as where the values are another architecture's, the first and how many follow."""
    return ", ".join(names) if len(names) <= MANY else f"{', '.join(names[:FIRST])} and {len(names) - FIRST} more"


class Module(Hooked, Configured):
    """What all layers and models are: subclass it, set parameters and layers as attributes, and write `forward`.

    Calling a module runs `forward`. Called on a symbol of a graph, a module without children becomes one node; one with
    children shows what is inside, each node named by its path (`layer1.0.conv1`). Hooks: hooks.py.
    """

    training: bool = True
    one_node: bool = False          # whether it is one node of a graph though it has children
    _trainable: bool = True

    def __init_subclass__(cls) -> None:
        """The constructors of the layers here say in their errors which layer it is."""
        super().__init_subclass__()
        if "__init__" in vars(cls) and cls.__module__.startswith(__package__):
            type.__setattr__(cls, "__init__", named_by_class(vars(cls)["__init__"]))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes. Every subclass that is called writes its own."""
        raise TypeError(f"{type(self).__name__} cannot be called: it has no forward method")

    def __call__(self, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """forward(*args, **kwargs). name: of the node, if this is a layer called on a symbol of a graph."""
        symbol = symbol_in((*args, *kwargs.values()) if kwargs else args)
        if symbol is not None:
            return self._on_symbol(symbol, args, kwargs, name)
        watcher, hooks = observer.get(), self._hooks
        if watcher is not None:
            watcher.enter(self)
        try:
            return self.forward(*args, **kwargs) if hooks is None else hooks.run(self, args, kwargs)
        except MISUSES as error:
            if not is_ours(error):
                raise
            raise explained(type(self).__name__, error, given(self.forward, args, kwargs)) from origin(error)
        finally:
            if watcher is not None:
                watcher.leave()

    def _on_symbol(self, symbol: Any, args: tuple, kwargs: dict, name: str | None) -> Any:
        """A layer is one node of the graph; a module with children runs, so that its layers are."""
        if self._children() and not self.one_node:
            with scope.inside(self, name):
                return self.forward(*args, **kwargs)
        if kwargs:
            bound = signature(self.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        return symbol.add_layer(self, args, scope.name(self, name), kwargs)

    # --- what is inside -------------------------------------------------------------------------------------
    def _children(self) -> dict[str, Module]:
        """Name -> child, a child that has two names twice."""
        return {name: x for name, x in vars(self).items() if isinstance(x, Module)}

    def _own_parameters(self) -> dict[str, Parameter]:
        return {name: x for name, x in vars(self).items() if isinstance(x, Parameter)}

    def _own_buffers(self) -> dict[str, Array]:
        own = vars(self)
        return {name: own[name] for name in own.get("_persistent", ()) if own.get(name) is not None}

    def register_buffer(self, name: str, tensor: Tensor | Array | None, persistent: bool = True) -> None:
        """Let attribute `name` be a buffer: a raw array that moves with the module and, if persistent, is saved too.

        tensor: the array, or a constant tensor whose array it becomes.
        """
        self._check_name("buffer", name)
        if isinstance(tensor, Tensor):
            if tensor.requires_grad:
                raise TypeError(f"register_buffer: {name} requires gradients, a buffer has none: pass its .detach()")
            tensor = tensor.data
        if tensor is not None and not is_array(tensor):
            raise TypeError(f"register_buffer: {name} must be an array, a tensor or None, {type(tensor).__name__} came")
        vars(self).setdefault("_persistent", {})[name] = persistent
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The same as setting the attribute; PyTorch's listings say it so."""
        self._check_name("parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name} must be a Parameter or None, {type(param).__name__} came")
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """The same as setting the attribute, for names that are made up at run time."""
        self._check_name("module", name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: {name} must be a Module, {type(module).__name__} came")
        setattr(self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """add_module under its other name."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name: Any) -> None:
        """A name by which a parameter, buffer or module can be found: in state dicts dots separate the paths."""
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: the name of a {kind} must be a string, {name!r} came")
        if not name or "." in name or hasattr(type(self), name):
            raise ValueError(f"{type(self).__name__}: {name!r} cannot name a {kind}: it is empty, has a dot, or is the "
                             "name of a method")

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules directly inside, each once."""
        return once(self._children().items())

    def children(self) -> Iterator[Module]:
        """The modules directly inside, each once."""
        return (child for _, child in self.named_children())

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(dotted path, module) of this module, path "", and of all inside, parents before children.

        memo: modules that are left out, to which those that come are added.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._children().items():
            yield from child.named_modules(memo, join(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all inside, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of all parameters, or without recurse of the module's own; a shared one once."""
        return self._named(lambda module: module._own_parameters(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, or without recurse the module's own; a shared one once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Array]]:
        """(dotted name, raw array) of all buffers, or without recurse of the module's own; a shared one once."""
        return self._named(lambda module: module._own_buffers(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Array]:
        """All buffers, or without recurse the module's own; a shared one once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def _named(self, own: Callable[[Module], dict], prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator:
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        pairs = ((join(path, name), x) for path, module in modules for name, x in own(module).items())
        return once(pairs) if remove_duplicate else pairs

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; AttributeError if there is none."""
        return lookup("submodule", type(self).__name__, target, self.named_modules(remove_duplicate=False))

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name; AttributeError if there is none."""
        return lookup("parameter", type(self).__name__, target, self.named_parameters(remove_duplicate=False))

    def get_buffer(self, target: str) -> Array:
        """The buffer of a dotted name; AttributeError if there is none."""
        return lookup("buffer", type(self).__name__, target, self.named_buffers(remove_duplicate=False))

    # --- saving and loading ---------------------------------------------------------------------------------
    def state_dict(self, *, prefix: str = "") -> dict[str, Array]:
        """Dotted name, behind the prefix -> raw array, of every parameter and persistent buffer.

        The arrays are the module's own and change as it trains: copy what shall stay.
        """
        state: dict[str, Array] = {}
        for path, module in self.named_modules(remove_duplicate=False):
            state |= {join(path, name): p.data for name, p in module._own_parameters().items()}
            kept = vars(module).get("_persistent", {})
            state |= {join(path, name): b for name, b in module._own_buffers().items() if kept[name]}
        return {prefix + name: array for name, array in state.items()} if prefix else state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy values into the parameters and buffers of the same names; each keeps its identity, dtype and device.

        state_dict: name -> array, tensor, or whatever NumPy makes an array of. ValueError lists missing and (both only
        if strict) unexpected names and wrong shapes, of many the first. After any error the module is as it was.
        """
        check_state_dict(state_dict)
        own = self.state_dict()
        # Files from before PyTorch counted batches lack that counter.
        missing = [name for name in own if name not in state_dict and not name.endswith("num_batches_tracked")]
        unexpected = [name for name in state_dict if name not in own]
        values = {name: as_array(value) for name, value in state_dict.items() if name in own}
        fixed = [name for name in values if not getattr(own[name].flags, "writeable", True)]
        wrong = [f"{name} is {value.dtype} {value.shape}, expected {own[name].shape}" for name, value in values.items()
                 if value.shape != own[name].shape or value.dtype.kind not in "biuf" + FLOATS]
        problems = [("wrong", wrong), ("read-only", fixed)]
        if strict:
            problems += [("missing", missing), ("unexpected", unexpected)]
        if any(names for _, names in problems):
            raise ValueError(f"load_state_dict: the values do not fit this {type(self).__name__}, it stays as it was\n"
                             + "\n".join(f"  {kind}: {several(names)}" for kind, names in problems if names))
        ready = {name: moved_like(value, own[name]) for name, value in values.items()}      # which may raise
        for name in values:
            with using(device_of(own[name])):
                own[name][...] = ready[name]
        for p in self.parameters():
            p.touch()
        return LoadResult(missing, unexpected)

    # --- changing all that is inside ------------------------------------------------------------------------
    def train(self: M, mode: bool = True) -> M:
        """Behave as in training (dropout drops, statistics are gathered); returns the module itself."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, {mode!r} came")
        self.training = mode
        for child in self.children():       # their own train: it may be overridden
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Behave as in evaluation; returns the module itself."""
        return self.train(False)

    @property
    def trainable(self) -> bool:
        """Whether it learns. False freezes the module and all that is inside it at that time; True thaws them.

        The parameters of a frozen layer need no gradients, so nothing is recorded for them, and lose those that they
        have, so optimizers pass them over, weight decay included. Running statistics (of BatchNorm; of InstanceNorm
        where it tracks them) normalise and stay as they are, also in train mode. All else is decided by `train()` and
        `eval()`: a frozen Dropout drops in train mode. Thawed, those parameters need gradients that did before. A
        parameter that several modules share does what was set last. This is Keras' rule; what the statistics of new
        data do to layers that know the old is told in its guide to transfer learning (Chollet 2020).
        Raises TypeError for anything but True or False.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, on: bool) -> None:
        if not isinstance(on, (bool, numpy.bool_)):
            raise TypeError(f"{type(self).__name__}: trainable must be True or False, {on!r} came")
        for module in self.modules():
            module._trainable = bool(on)
        for p in self.parameters():
            p.freeze(not on)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let all parameters require gradients, or none. Running statistics go on: `trainable` freezes these too."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with set_to_none=False fill them with zeros instead."""
        for p in self.parameters():
            clear_grad(p, set_to_none)

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call `function` with every module inside, children before their parents, and with this one last."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self: M, device: Any = None, dtype: Any = None, non_blocking: bool = False) -> M:
        """Move parameters, their gradients and buffers to a device, or convert those of floating point to a dtype.

        to("cuda"), to("float64"), to("cuda", "float16"), to(tensor): where and as that tensor is. In place: parameters
        stay the same tensors, so an optimizer that has them stays valid, and its state follows them. non_blocking has
        no effect. Returns the module itself.
        """
        device, dtype = target_of(device, dtype)
        for p in self.parameters():
            for tensor in (p, p.grad):
                if tensor is not None:
                    tensor.data = moved(tensor.data, device, dtype)
                    tensor.touch()
        for module in self.modules():
            for name, buffer in module._own_buffers().items():
                setattr(module, name, moved(buffer, device, dtype))
        return self

    def type(self: M, dst_type: Any) -> M:
        """to(dst_type)"""
        return self.to(None, dst_type)

    def cpu(self: M) -> M:
        """to("cpu")"""
        return self.to("cpu")

    def cuda(self: M, device: int | str = 0) -> M:
        """to("cuda:<device>")"""
        return self.to(device)

    def float(self: M) -> M:
        """to("float32")"""
        return self.to("float32")

    def double(self: M) -> M:
        """to("float64")"""
        return self.to("float64")

    def half(self: M) -> M:
        """to("float16")"""
        return self.to("float16")

    def bfloat16(self: M) -> M:
        """to("bfloat16")"""
        return self.to("bfloat16")

    # --- showing --------------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses: the constructor's arguments."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        lines = [f"({name}): {shown}".replace("\n", "\n  ") for name, shown in self._shown()]
        if len(extra) == 1 and not lines or not extra + lines:
            return f"{type(self).__name__}({''.join(extra)})"
        return "\n  ".join([f"{type(self).__name__}(", *extra, *lines]) + "\n)"

    def _shown(self) -> Iterable[tuple[str, str]]:
        """(name, repr) of what is shown inside."""
        return [(name, repr(child)) for name, child in self._children().items()]
