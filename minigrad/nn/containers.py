"""Modules that hold modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from .module import Module

L = TypeVar("L", bound="Listed")


class Listed(Module):
    """What Sequential and ModuleList share: modules in order, by index; one module may occur twice."""

    def _add(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: {name} must be a Module, {type(module).__name__} came")
        if not name or "." in name or hasattr(type(self), name):
            raise ValueError(f"{type(self).__name__}: {name!r} cannot name a module: it is empty, has a dot, or is the "
                             "name of a method")
        setattr(self, name, module)

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children().values())

    def _name_at(self, index: int) -> str:
        names = list(self._children())
        if not -len(names) <= index < len(names):
            raise IndexError(f"{type(self).__name__}: index {index}, but it holds {len(names)} modules")
        return names[index]

    def __getitem__(self, index: Any) -> Any:
        """The module at an index; of a slice, the same kind of container with those modules and their names."""
        if isinstance(index, slice):
            return self._of(dict(list(self._children().items())[index]))
        return self._children()[self._name_at(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self._add(self._name_at(index), module)

    def _of(self, modules: dict[str, Module]) -> Any:
        """A container of the same kind with these modules."""
        raise TypeError(f"{type(self).__name__} cannot be sliced")

    def append(self: L, module: Module) -> L:
        """Add a module at the end; returns the container."""
        number = len(self)
        while hasattr(self, str(number)):           # a slice keeps the names it had
            number += 1
        self._add(str(number), module)
        return self

    def extend(self: L, modules: Iterable[Module]) -> L:
        """Add modules at the end; returns the container."""
        for module in modules:
            self.append(module)
        return self


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

    def _of(self, modules: dict[str, Module]) -> Sequential:
        return Sequential(modules)

    def forward(self, input: Any) -> Any:
        for module in self._children().values():
            input = module(input)
        return input


class ModuleList(Listed):
    """A list of modules, whose parameters are found; what is done with them is said by the module that has it."""

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def _of(self, modules: dict[str, Module]) -> ModuleList:
        return ModuleList(modules.values())
