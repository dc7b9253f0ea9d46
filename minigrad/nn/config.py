"""What a module is made of: the arguments of its constructor, read from the module as it is now.

    nn.Linear(784, 10).get_config()     # {"in_features": 784, "out_features": 10, "bias": True, "dtype": float32}
    nn.Linear.from_config(config)       # another one like it

The names are Keras'. Files of graphs are written by the first and read by the second.
"""

from __future__ import annotations

from inspect import Parameter as Argument
from inspect import ismethod, signature
from typing import TYPE_CHECKING, Any, TypeVar

from ..backend import FLOATS, is_array
from ..tensor import Tensor

if TYPE_CHECKING:
    pass

C = TypeVar("C", bound="Configured")
MISSING = Argument.empty
PLACE = "device"                # an argument that is about the machine, not about the module


class Configured:
    """get_config and from_config."""

    old_arguments: tuple[str, ...] = ()     # arguments of the constructor that are older words for others

    def get_config(self) -> dict[str, Any]:
        """Name -> value of the constructor's arguments that make a module like this one as it is now.

        An argument is the attribute of its name, so `dropout.p = 0.2` counts; a bool is whether there is a parameter or
        layer of that name; `dtype` is that of the parameters; `device` is left out. Parameters, buffers and modules
        among the values are the module's own. TypeError for an argument that is kept nowhere: a layer of one's own
        keeps each as an attribute, or writes a get_config.
        """
        return self._config()

    @classmethod
    def from_config(cls: type[C], config: dict[str, Any]) -> C:
        """A new module from what `get_config` gave; its parameters have their first values."""
        return cls(**config)

    def _config(self, **known: Any) -> dict[str, Any]:
        """The arguments of the constructor: those that are known, the others from the attributes."""
        return {name: known[name] if name in known else self._argument(argument)
                for name, argument in arguments(type(self)).items()
                if name != PLACE and not name.startswith("_") and name not in self.old_arguments}

    def _argument(self, argument: Argument) -> Any:
        """The attribute of the argument's name."""
        name, default = argument.name, argument.default
        value = getattr(self, name, MISSING)
        if name == "dtype" and value is MISSING:
            return dtype_of(self)
        if value is MISSING or ismethod(value) or argument.kind in (Argument.VAR_POSITIONAL, Argument.VAR_KEYWORD):
            raise TypeError(f"{type(self).__name__}: its constructor's argument {name} is not kept: set self.{name} "
                            f"there, or write get_config() and from_config(config)")
        there = value is None or isinstance(value, (Tensor, Configured)) or is_array(value)
        return value is not None if type(default) is bool and there else value


def arguments(cls: type) -> dict[str, Argument]:
    """Name -> argument of a constructor; none of a class without one."""
    return dict(signature(cls).parameters)


def dtype_of(module: Any) -> Any:
    """That of the first of a module's parameters and buffers that is of floating point; None if there is none."""
    found = [*module.parameters(), *module.buffers()]
    return next((x.dtype for x in found if x.dtype.kind in FLOATS), None)
