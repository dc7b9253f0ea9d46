"""The tree's rules, read from its source: imports point one way, optional libraries stay so, no assert, no pickle.

Each rule is a function from a parsed file to complaints, and is shown to reject bad examples and to accept good ones.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "minigrad"
TOP = "the package itself"              # minigrad/__init__.py gathers the public names: nothing below may import it

# Each may import all before it.
CHAIN = ["files", "figures", "settings", "blas", "threads", "heap", "scratch", "layout", "products", "geometry",
         "backend", "cuda", "misuse", "meta", "tensor", "casting", "walk", "autograd", "formula", "outputs", "op",
         "variadic", "fused", "ops", "nn", "graph", "models"]


def below(layer: str) -> set[str]:
    return set(CHAIN[:CHAIN.index(layer)])


MAY_IMPORT: dict[str, set[str]] = {
    **{layer: below(layer) for layer in CHAIN},
    "ops": below("ops") | {"kernels"},
    "kernels": below("meta") - {"cuda", "misuse"},              # they know arrays only
    "amp": below("graph") | {"optim"},
    "optim": below("graph"),
    "testing": below("graph"),
    "data": below("models"),
    "debug": below("models") | {"testing"},
    "train": below("models") | {"amp", "data", "debug", "optim"},
}
MAY_IMPORT[TOP] = set(MAY_IMPORT)
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["__main__"] = {"cli"}


class File(NamedTuple):
    module: str                         # "minigrad.ops.conv"
    is_package: bool                    # whether it is an __init__.py
    tree: ast.Module


class Import(NamedTuple):
    target: str                         # "minigrad.ops.conv2d": with `from x import y`, x.y
    line: int
    in_function: bool


@cache                                  # every rule asks for them
def imports(file: File) -> list[Import]:
    """Every import of a file but those under `if TYPE_CHECKING:`."""
    def visit(node: ast.AST, in_function: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            children: list[ast.AST] = list(node.orelse)
        else:
            yield from (Import(target, getattr(node, "lineno", 0), in_function) for target in targets(node, file))
            children = list(ast.iter_child_nodes(node))
            in_function = in_function or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in children:
            yield from visit(child, in_function)
    return list(visit(file.tree, False))


def targets(node: ast.AST, file: File) -> list[str]:
    """The full names that one node imports."""
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = file.module.split(".")[:len(file.module.split(".")) - node.level + file.is_package]
            base = ".".join([*parents, *([node.module] if node.module else [])])
        return [f"{base}.{name.name}" for name in node.names]
    if isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
        return [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return []


def called(call: ast.Call) -> str:
    """The last name of what is called: "f" of `f()` and of `a.b.f()`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def root(target: str) -> str:
    return target.partition(".")[0]


def layer_of(module: str) -> str:
    """minigrad.ops.conv -> ops; a plain name of minigrad/__init__.py -> the top."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else TOP


# --- the rules ----------------------------------------------------------------------------------------------

def one_way(file: File) -> list[str]:
    """A file imports from its own layer and from those that MAY_IMPORT lists."""
    if file.module != "minigrad" and layer_of(file.module) == TOP:
        return [f"{file.module} is in no layer: give it a row in MAY_IMPORT"]
    own = layer_of(file.module)
    allowed = MAY_IMPORT[own] | {own}
    return [f"{file.module}:{found.line} imports {found.target}; {own} may import {', '.join(sorted(allowed))}"
            for found in imports(file) if root(found.target) == "minigrad" and layer_of(found.target) not in allowed]


def cupy_in_its_place(file: File) -> list[str]:
    """backend.py and kernels/cupy alone know CuPy."""
    if file.module == "minigrad.backend" or file.module.startswith("minigrad.kernels.cupy"):
        return []
    return [f"{file.module}:{found.line} imports {found.target}: ask minigrad.backend"
            for found in imports(file) if root(found.target) in ("cupy", "cupyx", "cupy_backends")]


def no_other_engine(file: File) -> list[str]:
    """minigrad stands on NumPy and CuPy, on no other engine: not even inside a function. What measures it beside
    PyTorch is the exception."""
    if file.module == "minigrad.cli.versus":
        return []
    engines = {"torch", "torchvision", "tensorflow", "keras", "jax", "autograd", "mxnet", "chainer"}
    return [f"{file.module}:{found.line} imports {found.target}"
            for found in imports(file) if root(found.target) in engines]


def optional_stays_optional(file: File) -> list[str]:
    """What the installed core does not bring is imported where it is used."""
    core = sys.stdlib_module_names | {"minigrad", "numpy", "safetensors"}
    return [f"{file.module}:{found.line} imports {found.target} when loaded: do so in the function that uses it"
            for found in imports(file) if root(found.target) not in core and not found.in_function]


def no_assert(file: File) -> list[str]:
    """`python -O` drops asserts; a user reads TypeError and ValueError."""
    return [f"{file.module}:{node.lineno} asserts: raise TypeError or ValueError with a message"
            for node in ast.walk(file.tree) if isinstance(node, ast.Assert)]


def no_pickle(file: File) -> list[str]:
    """A pickle runs code when it is read."""
    pickles = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    found = [f"{file.module}:{i.line} imports {i.target}" for i in imports(file) if root(i.target) in pickles]
    keywords = [node for node in ast.walk(file.tree) if isinstance(node, ast.keyword) and node.arg == "allow_pickle"]
    found += [f"{file.module}:{k.lineno} allows pickles" for k in keywords if ast.unparse(k.value) != "False"]
    return found


RULES: list[Callable[[File], list[str]]] = [
    one_way, cupy_in_its_place, no_other_engine, optional_stays_optional, no_assert, no_pickle]


# --- the tree keeps them ------------------------------------------------------------------------------------

@cache
def files() -> list[File]:
    """All of the package, parsed once."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("minigrad", *path.relative_to(PACKAGE).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        found.append(File(module, is_package, ast.parse(path.read_text(encoding="utf-8"), str(path))))
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[File], list[str]]) -> None:
    complaints = [complaint for file in files() for complaint in rule(file)]
    assert not complaints, "\n" + "\n".join(complaints)


def test_the_files_are_found() -> None:
    modules = {file.module for file in files()}
    assert {"minigrad.backend", "minigrad.tensor", "minigrad.op"} <= modules


# --- the rules have teeth -----------------------------------------------------------------------------------

BAD = [
    (one_way, "minigrad.tensor", "from .ops import add"),
    (one_way, "minigrad.tensor", "def f():\n    from minigrad.ops.shape import reshape"),
    (one_way, "minigrad.tensor", "from . import op"),
    (one_way, "minigrad.backend", "import minigrad.tensor"),
    (one_way, "minigrad.ops.conv", "from minigrad import Tensor"),
    (one_way, "minigrad.ops.conv", "from ..nn import functional"),
    (one_way, "minigrad.nn.module", "import minigrad as mg"),
    (one_way, "minigrad.nn.module", "from minigrad.kernels.numpy import conv2d"),
    (one_way, "minigrad.kernels.numpy.conv", "from minigrad.tensor import Tensor"),
    (one_way, "minigrad.kernels.numpy.conv", "from ...op import Op"),
    (one_way, "minigrad.optim.sgd", "import importlib\nimportlib.import_module('minigrad.graph')"),
    (one_way, "minigrad.optim.sgd", "__import__('minigrad.graph')"),
    (one_way, "minigrad.debug.walk", "if True:\n    from ..train import loop"),
    (one_way, "minigrad.train.loop", "from ..models import lenet5"),
    (one_way, "minigrad.graph.graph", "from ..cli import main"),
    (one_way, "minigrad.helpers", ""),
    (cupy_in_its_place, "minigrad.ops.conv", "import cupy as cp"),
    (cupy_in_its_place, "minigrad.kernels.numpy.conv", "def f():\n    from cupyx.scipy import signal"),
    (no_other_engine, "minigrad.models.resnet", "def f():\n    import torch.nn"),
    (no_other_engine, "minigrad.models.resnet", "from torchvision import models"),
    (optional_stays_optional, "minigrad.train.pictures", "import matplotlib.pyplot as plt"),
    (optional_stays_optional, "minigrad.train.bar", "try:\n    import rich\nexcept ImportError:\n    pass"),
    (optional_stays_optional, "minigrad.data.digits", "class Digits:\n    import sklearn"),
    (no_assert, "minigrad.ops.conv", "def f(x):\n    assert x.ndim == 4"),
    (no_pickle, "minigrad.train.checkpoint", "def f():\n    import pickle"),
    (no_pickle, "minigrad.train.checkpoint", "from joblib import dump"),
    (no_pickle, "minigrad.train.checkpoint", "import numpy\nnumpy.load('x.npy', allow_pickle=True)"),
    (no_pickle, "minigrad.train.checkpoint", "import numpy\nnumpy.save('x.npy', x, allow_pickle=flag)"),
]
GOOD = [
    ("minigrad.backend", False, "import numpy\ndef f():\n    import cupy, cupyx"),
    ("minigrad.tensor", False, "if TYPE_CHECKING:\n    from .op import Op\nelse:\n    Op = object"),
    ("minigrad.tensor", False, "import typing\nif typing.TYPE_CHECKING:\n    from .ops import add"),
    ("minigrad.ops", True, "from .conv import conv2d\nfrom . import shape"),
    ("minigrad.ops.conv", False, "from ..fused import fused\nfrom . import shape\nfrom ..kernels.numpy import conv"),
    ("minigrad.kernels.numpy", True, "from . import conv\nfrom ...backend import namespace"),
    ("minigrad.graph", True, "from .. import nn\nfrom ..nn import functional as F"),
    ("minigrad.train.pictures", False, "from safetensors.numpy import save\ndef f():\n    import matplotlib.pyplot"),
    ("minigrad.train.loop", False, "import numpy as np\nnp.load('x.npy', allow_pickle=False)"),
    ("minigrad", True, "from . import models\nfrom .tensor import Tensor"),
    ("minigrad.cli", False, "import minigrad as mg\nfrom minigrad.models import lenet5"),
]


@pytest.mark.parametrize(("rule", "module", "source"), BAD, ids=lambda value: getattr(value, "__name__", None))
def test_a_bad_example_is_rejected(rule: Callable[[File], list[str]], module: str, source: str) -> None:
    assert len(rule(File(module, False, ast.parse(source)))) == 1


@pytest.mark.parametrize(("module", "is_package", "source"), GOOD)
def test_a_good_example_is_accepted(module: str, is_package: bool, source: str) -> None:
    file = File(module, is_package, ast.parse(source))
    assert [complaint for rule in RULES for complaint in rule(file)] == []
