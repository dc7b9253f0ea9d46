"""Modules that hold modules: as a list, as a dict, or one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeVar

from ..settings import fusing
from ..tensor import Tensor, observer
from .activation import ReLU
from .container_parts import place, update, value_of
from .module import Module
from .pooling import MaxPool1d, MaxPool2d

__all__ = ["ModuleDict", "ModuleList", "Sequential"]

L = TypeVar("L", bound="Listed")
S = TypeVar("S", bound="Sequential")
POOLINGS = (MaxPool1d, MaxPool2d)


class Listed(Module):
    """What Sequential and ModuleList share: modules in order, by index; one module may occur twice."""

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children().values())

    def __getitem__(self, index: Any) -> Any:
        """The module at an index; of a slice, the same kind of container with those modules."""
        if isinstance(index, slice):
            return self._of(dict(list(self._children().items())[index]))
        return list(self._children().values())[place(self, index, len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        self._add(list(self._children())[place(self, index, len(self))], module)

    def __delitem__(self, index: Any) -> None:
        """Take out the module at an index, or those of a slice; the others are then called "0", "1", ..."""
        kept = list(self._children().values())
        del kept[index if isinstance(index, slice) else place(self, index, len(self))]
        self._set(kept)

    def _of(self, modules: dict[str, Module]) -> Any:
        """A container of the same kind with these modules."""
        raise TypeError(f"{type(self).__name__} cannot be sliced")

    def _add(self, name: str, module: Any) -> None:
        if module is None:
            raise TypeError(f"{type(self).__name__}: {name} must be a Module, None came")
        self.add_module(name, module)

    def _set(self, modules: Iterable[Module]) -> None:
        """Hold these modules, called "0", "1", ..."""
        for name in self._children():
            delattr(self, name)
        for i, module in enumerate(modules):
            self._add(str(i), module)

    def append(self: L, module: Module) -> L:
        """Add a module at the end; returns the container."""
        number = len(self)
        while hasattr(self, str(number)):           # a slice keeps the names it had
            number += 1
        self._add(str(number), module)
        return self

    def extend(self: L, modules: Iterable[Module]) -> L:
        """Add modules at the end; returns the container."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}: extend takes a list of modules, {type(modules).__name__} came")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: L, index: int, module: Module) -> L:
        """Put a module before the one at an index; all are then called "0", "1", ... Returns the container."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: insert takes a Module, {type(module).__name__} came")
        modules = list(self._children().values())
        modules.insert(place(self, index, len(self), end=1), module)
        self._set(modules)
        return self

    def pop(self, key: Any) -> Any:
        """Take out the module at an index, or those of a slice, and return it or them."""
        taken = self[key]
        del self[key]
        return taken


def poolings_first(modules: list[Any]) -> list[Any]:
    """A ReLU in front of a max pooling runs behind it, on fewer elements. That changes nothing: relu of the largest is
    the largest of the relus, and the gradient goes to the same element, or to none where all are below 0."""
    order = list(modules)
    for i, (module, after) in enumerate(zip(modules, modules[1:], strict=False)):
        if type(module) is ReLU and type(after) in POOLINGS and not (
                after.return_indices or module.is_changed or after.is_changed):
            order[i:i + 2] = after, module
    return order


class Sequential(Listed):
    """Modules one after the other, each on what the one before gave.

    Sequential(first, second, ...), or Sequential({"name": first, ...}): without names they are called "0", "1", ...
    """

    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._add(name, module)
        else:
            self.extend(modules)

    def get_config(self) -> dict[str, Any]:
        return {"modules": self._children()}

    @classmethod
    def from_config(cls: type[S], config: dict[str, Any]) -> S:
        return cls(config["modules"])

    def _of(self, modules: dict[str, Module]) -> Sequential:
        return Sequential(modules)

    def forward(self, input: Any) -> Any:
        modules = list(self._children().values())
        unseen = type(input) is Tensor and fusing.get() and observer.get() is None
        for module in poolings_first(modules) if unseen else modules:
            input = module(input)
        return input

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *self._like(other))

    def __iadd__(self, other: Sequential) -> Sequential:
        return self.extend(self._like(other))

    def _like(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"Sequential: + expects another Sequential, {type(other).__name__} came; extend takes a "
                             "list of modules")
        return other

    def __mul__(self, other: int) -> Sequential:
        """The same modules, which share their parameters, so many times."""
        if not isinstance(other, int):
            raise TypeError(f"Sequential: * expects an int, {type(other).__name__} came")
        if other <= 0:
            raise ValueError(f"Sequential: * expects a number above 0, {other} came")
        return Sequential(*list(self) * other)

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Sequential:
        return self.extend(list(self * other)[len(self):])


class ModuleList(Listed):
    """A list of modules, whose parameters are found; what is done with them is said by the module that has it."""

    def __init__(self, modules: Iterable[Module] | None = None):
        self.extend([] if modules is None else modules)

    def get_config(self) -> dict[str, Any]:
        return {"modules": list(self)}

    def _of(self, modules: dict[str, Module]) -> ModuleList:
        return ModuleList(modules.values())

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> ModuleList:
        return self.extend(other)

    def _shown(self) -> Iterable[tuple[str, str]]:
        """Equal modules in a row are shown once, with their number."""
        start = 0
        for shown, equal in groupby(map(repr, self)):
            n = len(list(equal))
            yield (str(start), shown) if n == 1 else (f"{start}-{start + n - 1}", f"{n} x {shown}")
            start += n


class ModuleDict(Module):
    """A dict of modules, in the order in which they came, whose parameters are found."""

    def __init__(self, modules: Any = None):
        self.update({} if modules is None else modules)

    def get_config(self) -> dict[str, Any]:
        return {"modules": self._children()}

    def __getitem__(self, key: str) -> Module:
        return value_of(self, self._children(), key)

    def __setitem__(self, key: str, module: Module) -> None:
        if module is None:
            raise TypeError(f"ModuleDict: {key} must be a Module, None came")
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        value_of(self, self._children(), key)
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[str]:
        return iter(self._children())

    def __contains__(self, key: object) -> bool:
        return key in self._children()

    def clear(self) -> None:
        """Take out all modules."""
        for key in self._children():
            delattr(self, key)

    def pop(self, key: str) -> Module:
        """Take out the module of that name and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> Iterable[str]:
        return self._children().keys()

    def values(self) -> Iterable[Module]:
        return self._children().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        return self._children().items()

    def update(self, modules: Any) -> None:
        """Take over the modules of a mapping, or of (name, module) pairs, under their names."""
        update(self, modules)
