"""Where in the tree of modules a graph is being built, and whether an argument is one of its symbols."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..meta import Meta
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

# Of the modules whose forward is running on symbols, outermost first: the prefix of their nodes' names, and by id the
# path of everything inside: modules, parameters, buffers.
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
        return self.path(module) if own is None else self.prefix + checked_name(own)

    def path(self, x: Any) -> str | None:
        """The dotted path of a module, parameter or buffer; None if it is in none of those that are running."""
        for prefix, paths in reversed(_running.get()):
            if id(x) in paths:
                return prefix + paths[id(x)]
        return None

    @contextmanager
    def inside(self, module: Module, own: str | None = None) -> Iterator[None]:
        """While the forward of this module runs."""
        name = self.name(module, own)
        inside = [*module.named_modules(), *module.named_parameters(), *module.named_buffers()]
        paths = {id(x): path for path, x in inside if x is not module}
        token = _running.set((*_running.get(), (f"{name}." if name else self.prefix, paths)))
        try:
            yield
        finally:
            _running.reset(token)


scope = Scope()


def checked_name(name: Any) -> str:
    """A node's name: as a part of parameters' names it must be text."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a node must be a string that is not empty, {name!r} came")
    return name


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
