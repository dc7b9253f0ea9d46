"""Module: a layer, or a tree of layers, with its parameters and buffers.

Parameters, child modules and buffers are plain attributes, found in the order in which they were set. Buffers (running
statistics) are raw arrays: they never are on the tape. A layer's `forward` also runs on arrays without values, which is
how a graph finds its output shape; so it calls functions, not methods, and does nothing with values there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from typing import Any, NamedTuple, TypeVar

import numpy

from ..backend import FLOATS, Array, device_of, is_array, parse_device, to_device, using
from ..meta import Meta
from ..ops.creation import from_python
from ..tensor import Tensor, observer

M = TypeVar("M", bound="Module")


class Parameter(Tensor):
    """A tensor that a module learns: as its attribute it is found by `parameters()`.

    data: a tensor or an array, whose memory is shared, or nested lists of numbers.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data if isinstance(data, Tensor) or is_array(data) else from_python(data), requires_grad)


class LoadResult(NamedTuple):
    """What `load_state_dict(strict=False)` did not find, and found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """What all layers and models are: subclass it, set parameters and layers as attributes, and write `forward`.

    Calling a module runs `forward`. Called on a symbol of a graph, a module without children becomes one node; one with
    children shows what is inside, each node named by its path (`layer1.0.conv1`).
    """

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes. Every subclass that is called writes its own."""
        raise TypeError(f"{type(self).__name__} cannot be called: it has no forward method")

    def __call__(self, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """forward(*args, **kwargs). name: of the node, if this is a layer called on a symbol of a graph."""
        symbol = symbol_in((*args, *kwargs.values()) if kwargs else args)
        if symbol is not None:
            return self._on_symbol(symbol, args, kwargs, name)
        watcher = observer.get()
        if watcher is None:
            return self.forward(*args, **kwargs)
        watcher.enter(self)
        try:
            return self.forward(*args, **kwargs)
        finally:
            watcher.leave()

    def _on_symbol(self, symbol: Any, args: tuple, kwargs: dict, name: str | None) -> Any:
        """A layer is one node of the graph; a module with children runs, so that its layers are."""
        if self._children():
            with scope.inside(self, name):
                return self.forward(*args, **kwargs)
        if kwargs:
            bound = signature(self.forward).bind(*args, **kwargs)
            if bound.kwargs:
                raise TypeError(f"{type(self).__name__}: a layer on symbols takes positional arguments alone, "
                                f"{', '.join(bound.kwargs)} came by keyword")
            args = bound.args
        return symbol.add_layer(self, args, scope.name(self, name))

    # --- what is inside -------------------------------------------------------------------------------------
    def _children(self) -> dict[str, Module]:
        """Name -> child, a child that has two names twice."""
        return {name: x for name, x in vars(self).items() if isinstance(x, Module)}

    def _own_parameters(self) -> dict[str, Parameter]:
        return {name: x for name, x in vars(self).items() if isinstance(x, Parameter)}

    def _own_buffers(self) -> dict[str, Array]:
        own = vars(self)
        return {name: own[name] for name in own.get("_persistent", ()) if own.get(name) is not None}

    def register_buffer(self, name: str, array: Array | None, persistent: bool = True) -> None:
        """Let attribute `name` be a buffer: a raw array that moves with the module and, if persistent, is saved too."""
        if array is not None and not is_array(array):
            raise TypeError(f"register_buffer: {name} must be a raw array or None, {type(array).__name__} came"
                            + ("; pass its .data" if isinstance(array, Tensor) else ""))
        vars(self).setdefault("_persistent", {})[name] = persistent
        setattr(self, name, array)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """The same as setting the attribute; PyTorch's listings say it so."""
        setattr(self, name, parameter)

    def add_module(self, name: str, module: Module | None) -> None:
        """The same as setting the attribute, for names that are made up at run time."""
        setattr(self, name, module)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules directly inside, each once."""
        return once(self._children().items())

    def children(self) -> Iterator[Module]:
        """The modules directly inside, each once."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(dotted path, module) of this module, path "", and of all inside, parents before children."""
        return self._walk(prefix, set() if remove_duplicate else None)

    def _walk(self, path: str, seen: set[int] | None) -> Iterator[tuple[str, Module]]:
        if seen is not None:
            if id(self) in seen:
                return
            seen.add(id(self))
        yield path, self
        for name, child in self._children().items():
            yield from child._walk(join(path, name), seen)

    def modules(self) -> Iterator[Module]:
        """This module and all inside, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of all parameters, a shared one once."""
        return once((join(path, name), p) for path, module in self.named_modules()
                    for name, p in module._own_parameters().items())

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, a shared one once."""
        return (p for _, p in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """(dotted name, raw array) of all buffers, a shared one once."""
        return once((join(path, name), b) for path, module in self.named_modules()
                    for name, b in module._own_buffers().items())

    def buffers(self) -> Iterator[Array]:
        """All buffers, a shared one once."""
        return (b for _, b in self.named_buffers())

    # --- saving and loading ---------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Array]:
        """Dotted name -> raw array, of every parameter and persistent buffer.

        The arrays are the module's own and change as it trains: copy what shall stay.
        """
        state: dict[str, Array] = {}
        for path, module in self.named_modules(remove_duplicate=False):
            state |= {join(path, name): p.data for name, p in module._own_parameters().items()}
            kept = vars(module).get("_persistent", {})
            state |= {join(path, name): b for name, b in module._own_buffers().items() if kept[name]}
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy values into the parameters and buffers of the same names; each keeps its identity, dtype and device.

        state_dict: name -> array, tensor, or whatever NumPy makes an array of. ValueError lists all missing and (both
        only if strict) unexpected names and all wrong shapes, and then the module is as it was.
        """
        own = self.state_dict()
        # Files from before PyTorch counted batches lack that counter.
        missing = [name for name in own if name not in state_dict and not name.endswith("num_batches_tracked")]
        unexpected = [name for name in state_dict if name not in own]
        values = {name: as_array(value) for name, value in state_dict.items() if name in own}
        wrong = [f"{name} is {value.dtype} {value.shape}, expected {own[name].shape}" for name, value in values.items()
                 if value.shape != own[name].shape or value.dtype.kind not in "biuf" + FLOATS]
        problems = [("wrong", wrong)]
        if strict:
            problems += [("missing", missing), ("unexpected", unexpected)]
        if any(names for _, names in problems):
            raise ValueError(f"load_state_dict: the values do not fit this {type(self).__name__}, it stays as it was\n"
                             + "\n".join(f"  {kind}: {', '.join(names)}" for kind, names in problems if names))
        for name, value in values.items():
            device = device_of(own[name])
            with using(device):
                own[name][...] = to_device(value, device).astype(own[name].dtype, copy=False)
        for p in self.parameters():
            p.touch()
        return LoadResult(missing, unexpected)

    # --- changing all that is inside ------------------------------------------------------------------------
    def train(self: M, mode: bool = True) -> M:
        """Behave as in training (dropout drops, statistics are gathered); returns the module itself."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Behave as in evaluation; returns the module itself."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let all parameters require gradients, or none: then the module is frozen."""
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

    def to(self: M, device: Any = None, dtype: Any = None) -> M:
        """Move parameters, their gradients and buffers to a device, or convert those of floating point to a dtype.

        to("cuda"), to("float64"), to(device="cuda", dtype="float16"). In place: parameters stay the same tensors, so
        an optimizer that has them stays valid. Returns the module itself.
        """
        if device is not None and dtype is None and not str(device).startswith(("cpu", "cuda")):
            device, dtype = None, device
        if device is not None:
            parse_device(device)
        dtype = None if dtype is None else numpy.dtype(dtype)
        if dtype is not None and dtype.kind not in FLOATS:
            raise TypeError(f"to: parameters are of floating point, they cannot become {dtype}")
        for p in self.parameters():
            for tensor in (p, p.grad):
                if tensor is not None:
                    tensor.data = moved(tensor.data, device, dtype)
                    tensor.touch()
        for module in self.modules():
            for name, buffer in module._own_buffers().items():
                setattr(module, name, moved(buffer, device, dtype))
        return self

    def cpu(self: M) -> M:
        """to("cpu")"""
        return self.to("cpu")

    def cuda(self: M, device: int = 0) -> M:
        """to("cuda:<device>")"""
        return self.to(f"cuda:{device}")

    def float(self: M) -> M:
        """to("float32")"""
        return self.to("float32")

    def double(self: M) -> M:
        """to("float64")"""
        return self.to("float64")

    def half(self: M) -> M:
        """to("float16")"""
        return self.to("float16")

    # --- showing --------------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses: the constructor's arguments."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._children().items()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return "\n  ".join([f"{type(self).__name__}(", *([extra] if extra else []), *lines]) + "\n)"


# --- names of nodes -------------------------------------------------------------------------------------------

# Of the modules whose forward is running on symbols, outermost first: the prefix of their nodes' names, and by id the
# path of every module inside.
_running: ContextVar[tuple[tuple[str, dict[int, str]], ...]] = ContextVar("running", default=())


class Scope:
    """Where in the tree of modules a graph is being built: it names the nodes."""

    @property
    def prefix(self) -> str:
        """The path of the module that is running, with a dot at its end; "" outside of all."""
        running = _running.get()
        return running[-1][0] if running else ""

    def name(self, module: Module, own: str | None = None) -> str | None:
        """The dotted path of a module from the outermost that is running; None if it is in none of them.

        own: a name given with the call, which takes the place of the attribute's.
        """
        if own is not None:
            return self.prefix + own
        for prefix, paths in reversed(_running.get()):
            if id(module) in paths:
                return prefix + paths[id(module)]
        return None

    @contextmanager
    def inside(self, module: Module, own: str | None = None) -> Iterator[None]:
        """While the forward of this module runs."""
        name = self.name(module, own)
        paths = {id(m): path for path, m in module.named_modules() if m is not module}
        token = _running.set((*_running.get(), (f"{name}." if name else self.prefix, paths)))
        try:
            yield
        finally:
            _running.reset(token)


scope = Scope()


# --- helpers --------------------------------------------------------------------------------------------------

def symbol_in(values: Any) -> Any:
    """The first symbol (a tensor without values) among arguments, also inside lists and tuples; or None."""
    for x in values:
        if isinstance(x, Tensor):
            if type(x.data) is Meta:
                return x
        elif type(x) is list or type(x) is tuple:
            found = symbol_in(x)
            if found is not None:
                return found
    return None


def once(pairs: Any) -> Iterator:
    """(name, thing) pairs, without those whose thing came before."""
    seen: set[int] = set()
    for name, thing in pairs:
        if id(thing) not in seen:
            seen.add(id(thing))
            yield name, thing


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def as_array(value: Any) -> Array:
    """A tensor's array, an array, or what NumPy makes of it."""
    value = value.data if isinstance(value, Tensor) else value
    return value if is_array(value) else numpy.asarray(value)


def moved(x: Array, device: str | None, dtype: Any) -> Array:
    """The array on a device, converted if it is of floating point; itself if nothing changes."""
    x = x if device is None else to_device(x, device)
    if dtype is None or x.dtype.kind not in FLOATS:
        return x
    with using(device_of(x)):
        return x.astype(dtype, copy=False)


def clear_grad(x: Tensor, set_to_none: bool) -> None:
    """Forget the gradient of a leaf, or fill it with zeros."""
    if set_to_none or x.grad is None:
        x.grad = None
    else:
        with using(device_of(x.grad.data)):
            x.grad.data[...] = 0
        x.grad.touch()
