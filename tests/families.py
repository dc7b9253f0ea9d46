"""Tables that are written in several files, one a family of ops: cases, oracles, PyTorch's answers."""

from importlib import import_module
from pkgutil import iter_modules


def merged(path, package, table, before=lambda family: None):
    """The tables of this name in all files of a package, as one. before: called with each family's name first."""
    whole = {}
    for family in sorted([module.name for module in iter_modules(path)]):
        before(family)
        for name, entry in getattr(import_module(f"{package}.{family}"), table).items():
            if name in whole:
                raise ValueError(f"{package}: {name} is in two files, the second is {family}")
            whole[name] = entry
    return whole
