"""Modules that hold parameters: as a list, or as a dict."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..tensor import Tensor
from .container_parts import place, update, value_of
from .module import Module, Parameter

__all__ = ["ParameterDict", "ParameterList"]


def as_parameter(value: Any) -> Any:
    """A tensor as a Parameter, which shares its memory; anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def shown_value(name: object, value: Any) -> str:
    """A line of a repr."""
    if not isinstance(value, Tensor):
        return f"  ({name}): Object of type: {type(value).__name__}"
    size, where = "x".join(map(str, value.shape)), "" if value.device == "cpu" else f" ({value.device})"
    return f"  ({name}): Parameter containing: [{value.dtype} of size {size}{where}]"


class ParameterList(Module):
    """A list of parameters, which are found under the names "0", "1", ...; a tensor put in becomes a Parameter."""

    def __init__(self, values: Iterable[Any] | None = None):
        self._size = 0
        self.extend([] if values is None else values)

    def get_config(self) -> dict[str, Any]:
        return {"values": list(self)}

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(len(self))[index]])
        return vars(self)[str(place(self, index, len(self), "values"))]

    def __setitem__(self, index: int, param: Any) -> None:
        setattr(self, str(place(self, index, len(self), "values")), as_parameter(param))

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end; returns the list."""
        self._size += 1
        self[-1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end; returns the list."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList: extend takes a list of tensors, {type(values).__name__} came")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, parameters: Iterable[Any]) -> ParameterList:
        return self.extend(parameters)

    def extra_repr(self) -> str:
        return "\n".join([shown_value(i, value) for i, value in enumerate(self)])


class ParameterDict(Module):
    """A dict of parameters, in the order in which they came; a tensor put in becomes a Parameter."""

    def __init__(self, parameters: Any = None):
        self._keys: dict[str, None] = {}
        self.update({} if parameters is None else parameters)

    def get_config(self) -> dict[str, Any]:
        return {"parameters": self.items()}

    def __getitem__(self, key: str) -> Any:
        return value_of(self, dict(self.items()), key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._check_name("parameter", key)
        self._keys[key] = None
        setattr(self, key, as_parameter(value))

    def __delitem__(self, key: str) -> None:
        value_of(self, self._keys, key)
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __or__(self, other: Any) -> ParameterDict:
        both = self.copy()
        both.update(other)
        return both

    def __ror__(self, other: Any) -> ParameterDict:
        both = ParameterDict(other)
        both.update(self)
        return both

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def copy(self) -> ParameterDict:
        """Another dict of the same parameters."""
        return ParameterDict(self.items())

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of that name; if there is none, `default`, which is put in."""
        if key not in self:
            self[key] = default
        return self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dict with one value under all these names."""
        return ParameterDict([(key, default) for key in keys])

    def pop(self, key: str) -> Any:
        """Take out the value of that name and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take out what was put in last and return its name and value."""
        key = next(reversed(self._keys), None)
        if key is None:
            raise KeyError("popitem: this ParameterDict is empty")
        return key, self.pop(key)

    def clear(self) -> None:
        """Take out all."""
        for key in list(self._keys):
            del self[key]

    def keys(self) -> Iterable[str]:
        return self._keys.keys()

    def values(self) -> Iterable[Any]:
        return [value for _, value in self.items()]

    def items(self) -> Iterable[tuple[str, Any]]:
        return [(key, vars(self)[key]) for key in self._keys]

    def update(self, parameters: Any) -> None:
        """Take over the values of a mapping, or of (name, value) pairs, under their names.

        Of a plain dict in the order of the names, as in PyTorch: optimizers count parameters.
        """
        plain = isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict)
        update(self, sorted(parameters.items()) if plain else parameters)

    def extra_repr(self) -> str:
        return "\n".join([shown_value(key, value) for key, value in self.items()])
