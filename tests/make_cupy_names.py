"""Writes cupy_names.json: what CuPy offers, read from its sources without importing it; needs neither GPU nor CUDA.

    python tests/make_cupy_names.py                  # asks pip for the newest CuPy of version 14
    python tests/make_cupy_names.py cupy-14.2.0      # or reads unpacked sources

The names come from the source archive "cupy". The wheels (cupy-cuda12x, cupy-cuda13x) carry the same .py files, but
ndarray, Generator and the CUDA runtime are compiled in them; only the archive has their .pyx text.

The list maps a module or class to its names, and a name to its parameters: "(a, axis=None)". An empty string is a name
that is no function with a head in Python or Cython: a ufunc, a class, a constant.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("cupy_names.json")
MODULES = """cupy cupy.random cupy.linalg cupy.fft cupy.exceptions cupy.lib.stride_tricks cupy.cuda
             cupyx cupyx.profiler""".split()
# Compiled things: what the list calls them, the file, the class in it ("" is the module itself).
COMPILED = [
    ("cupy.ndarray", "cupy/_core/core.pyx", "_ndarray_base"),
    ("cupy.ndarray", "cupy/_core/core.pyx", "ndarray"),
    ("cupy.ndarray.flags", "cupy/_core/flags.pyx", "Flags"),
    ("cupy.ufunc", "cupy/_core/_kernel.pyx", "ufunc"),
    ("cupy.random.Generator", "cupy/random/_generator_api.pyx", "Generator"),
    ("cupy.cuda.Device", "cupy/cuda/device.pyx", "Device"),
    ("cupy.cuda.Stream", "cupy/cuda/stream.pyx", "_BaseStream"),
    ("cupy.cuda.Stream", "cupy/cuda/stream.pyx", "Stream"),
    ("cupy.cuda.MemoryPool", "cupy/cuda/memory.pyx", "MemoryPool"),
    ("cupy.cuda.MemoryPointer", "cupy/cuda/memory.pyx", "MemoryPointer"),
    ("cupy.cuda.runtime", "cupy_backends/cuda/api/runtime.pyx", ""),
]


# --- sources ----------------------------------------------------------------------------------------------

def download(folder: Path) -> Path:
    """The unpacked source archive of the newest CuPy 14. Pip asks a source archive for its metadata, and CuPy's refuses
    to tell them where there is no CUDA, unless it is to be built on stubs."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "cupy", "--dest",
                    str(folder), "cupy>=14,<15"], check=True, env={**os.environ, "CUPY_INSTALL_USE_STUB": "1"})
    with tarfile.open(next(folder.glob("cupy-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.glob("cupy-*") if path.is_dir())


class Sources:
    """Names and parameters in a tree of CuPy's sources; imports between its modules are followed."""

    def __init__(self, root: Path):
        self.root = root
        self.tree = cache(self._tree)
        self.text = cache(lambda path: (root / path).read_text())

    def version(self) -> str:
        return re.search(r"__version__ = '(.+)'", self.text("cupy/_version.py"))[1]

    def _tree(self, module: str) -> dict[str, ast.AST | str] | None:
        """Top-level names of a Python module: its definition, or "module:name" for an import, or None for what is not
        there. Branches of `if` and `try` count, as in `bool` for NumPy 2."""
        for path in (module.replace(".", "/") + ".py", module.replace(".", "/") + "/__init__.py"):
            if (self.root / path).exists():
                return dict(top_level(ast.parse(self.text(path)).body))
        return None

    def parameters(self, module: str, name: str, depth: int = 9) -> str:
        """"(a, axis=None)" of a function, followed through imports and `b = a`; "" where it is something else."""
        names = self.tree(module)
        if names is None or not depth:
            compiled = self.root / (module.replace(".", "/") + ".pyx")
            return cython_function(compiled.read_text(), name) if compiled.exists() else ""
        found = names.get(name)
        if isinstance(found, str):
            return self.parameters(*found.split(":"), depth - 1)
        if isinstance(found, ast.FunctionDef):
            return f"({ast.unparse(without_annotations(found.args))})"
        if isinstance(found, ast.Name):
            return self.parameters(module, found.id, depth - 1)
        if isinstance(found, ast.Attribute) and isinstance(found.value, ast.Name):     # sqrt = _core.sqrt
            owner = names.get(found.value.id)
            return self.parameters(owner.replace(":", "."), found.attr, depth - 1) if isinstance(owner, str) else ""
        return ""


def top_level(body: list[ast.stmt]):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield from ((alias.asname or alias.name, f"{node.module}:{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, (ast.If, ast.Try)):
            yield from top_level(node.body)
            yield from top_level(node.orelse)
            yield from (pair for handler in getattr(node, "handlers", ()) for pair in top_level(handler.body))
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":        # names that are imported late
            yield from ((key, ast.Constant(key)) for key in re.findall(r"key == '(\w+)'", ast.unparse(node)))


def without_annotations(arguments: ast.arguments) -> ast.arguments:
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return arguments


# --- Cython -----------------------------------------------------------------------------------------------

FUNCTION = r"^{indent}(?:cpdef|def)\s[^\n(]*?\b{name}\(([^)]*(?:\([^)]*\)[^)]*)*)\)[^\n]*:"


def cython_parameters(text: str) -> str:
    """"self, _ndarray_base b, bint x=False" -> "(b, x=False)"."""
    parts = [part.strip() for part in re.sub(r"#[^\n]*", "", text).replace("\n", " ").split(",")]
    names = [re.sub(r"^.*?(\*{0,2}\w+)\s*(=.*)?$", lambda m: m[1] + (m[2] or "").replace("= ", "="), part)
             for part in parts if part]
    return f"({', '.join(name for name in names if name not in ('self', 'cls'))})"


def cython_function(text: str, name: str, indent: str = "") -> str:
    found = re.search(FUNCTION.format(indent=indent, name=re.escape(name)), text, re.MULTILINE)
    return cython_parameters(found[1]) if found else ""


def cython_names(text: str, owner: str) -> dict[str, str]:
    """Functions and properties of a class, or of the module where `owner` is empty."""
    indent = ""
    if owner:
        indent = "    "
        start = re.search(rf"^(?:cdef )?class {owner}\b.*$", text, re.MULTILINE)
        end = re.search(r"^\w", text[start.end():], re.MULTILINE)
        text = text[start.end():][:end.start() if end else None]
    functions = re.findall(rf"^{indent}(?:cpdef|def)\s[^\n(]*?(\w+)\(", text, re.MULTILINE)
    others = re.findall(rf"^{indent}(?:property (\w+):|class (\w+)\b|(\w+) = |(?:cdef )?readonly \w+ (\w+)$)", text,
                        re.MULTILINE)
    properties = re.findall(rf"@property\n{indent}def (\w+)\(", text)
    names = {name: cython_function(text, name, indent) for name in functions}
    names.update({name: "" for name in [*properties, *("".join(groups) for groups in others)]})
    return names


def attributes(text: str) -> dict[str, str]:
    """Fields that a .pxd declares as readable from Python."""
    return {name: "" for line in re.findall(r"(?:readonly|public) [\w.]+ ([\w, ]+)", text) for name in line.split(", ")}


# --- the list ---------------------------------------------------------------------------------------------

def public(names: dict[str, str], of_class: bool) -> dict[str, str]:
    """Without private names; a class keeps its special methods."""
    return {name: names[name] for name in sorted(names)
            if not name.startswith("_") or of_class and re.fullmatch("__.+__", name)}


def list_names(root: Path) -> dict:
    sources = Sources(root)
    found: dict[str, dict[str, str]] = {}
    for module in MODULES:
        submodules = [path.stem for path in (root / module.replace(".", "/")).glob("*") if path.is_dir()]
        names = {name: sources.parameters(module, name) for name in sources.tree(module)}
        names.update({name: "" for name in submodules})
        found[module] = names
    for name, path, owner in COMPILED:
        text = sources.text(path)
        found.setdefault(name, {}).update(cython_names(text, owner))
    found["cupy.ndarray"].update(attributes(sources.text("cupy/_core/core.pxd").partition("cdef class ndarray")[0]))
    return {"version": sources.version(),
            **{owner: public(names, owner not in MODULES) for owner, names in found.items()}}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else download(Path(folder))
        names = list_names(root)
    LIST.write_text(json.dumps(names, indent=0) + "\n")
    counts = ", ".join(f"{owner} {len(group)}" for owner, group in names.items() if owner != "version")
    print(f"{LIST.name}: CuPy {names['version']}; {counts}")


if __name__ == "__main__":
    main()
