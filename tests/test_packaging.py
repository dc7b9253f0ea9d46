"""What is installed: metadata, extras, every package and py.typed; and a core that asks for nothing beyond NumPy."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).resolve().parent.parent
CUDA = {"cuda12", "cuda13"}


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py tells setuptools."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: told.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"), run_name="__main__")
    return told


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=ROOT,
                          env=os.environ | {"PYTHONPATH": str(ROOT)} | variables)


def requirements(metadata: dict[str, Any]) -> list[str]:
    return metadata["install_requires"] + [r for extra in metadata["extras_require"].values() for r in extra]


def test_version_is_the_package_s(metadata: dict[str, Any]) -> None:
    import minigrad

    assert metadata["name"] == "minigrad"
    assert metadata["version"] == minigrad.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?", metadata["version"])


def test_the_core_is_numpy_and_safetensors(metadata: dict[str, Any]) -> None:
    assert metadata["install_requires"] == ["numpy>=2.0", "safetensors"]
    assert metadata["python_requires"] == ">=3.11"


def test_nothing_is_pinned_from_above(metadata: dict[str, Any]) -> None:
    assert [r for r in requirements(metadata) if re.search(r"<|==|~=", r)] == []


def test_extras(metadata: dict[str, Any]) -> None:
    extras = metadata["extras_require"]
    assert set(extras) == CUDA | {"demo", "draw", "test", "parity", "dev", "all"}
    assert set(extras["demo"]) <= set(extras["test"]), "the tests run the demo"
    assert set(extras["all"]) == {r for name in set(extras) - CUDA - {"all"} for r in extras[name]}


def test_every_package_is_installed(metadata: dict[str, Any]) -> None:
    folders = {path.parent for path in (ROOT / "minigrad").rglob("*.py")}
    assert set(metadata["packages"]) == {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    listed = [ROOT.joinpath(*name.split("."), file) for name, files in metadata["package_data"].items()
              for file in files]
    beside = {path for path in (ROOT / "minigrad").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert set(listed) == beside and ROOT / "minigrad" / "py.typed" in beside


def test_the_command_s_function_exists(metadata: dict[str, Any]) -> None:
    (command,) = metadata["entry_points"]["console_scripts"]
    assert command == "minigrad = minigrad.cli:main"
    from minigrad.cli import main

    assert callable(main)


def test_pyproject_holds_tool_settings_only() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(settings) == {"build-system", "tool"}


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_ci_run_is_a_script() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_python_m_minigrad() -> None:
    told = run("-m", "minigrad", "--help")
    assert told.returncode == 0 and "train" in told.stdout
    refused = run("-m", "minigrad", "tarin")
    assert refused.returncode != 0 and "Traceback" not in refused.stderr


LEAVE = {".git", ".venv", "__pycache__", "build", "dist", "runs"}


def text_files() -> dict[str, bytes]:
    """Path -> content of what git tracks, without what has a zero byte; where git cannot say, of all but caches."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True) if shutil.which(
        "git") and (ROOT / ".git").exists() else None
    if listing is not None and listing.returncode == 0:
        paths = [ROOT / path for path in listing.stdout.split("\0") if path]
    else:
        paths = [path for path in ROOT.rglob("*") if not any(
            part in LEAVE or part.endswith(("_cache", ".egg-info")) or part == ".hypothesis"
            for part in path.relative_to(ROOT).parts)]
    contents = {str(path.relative_to(ROOT)): path.read_bytes() for path in paths if path.is_file()}
    return {name: content for name, content in contents.items() if b"\0" not in content and not name.endswith(".svg")}


def untidy(content: bytes) -> str:
    """What the hooks of .pre-commit-config.yaml would change in a file; "" if nothing."""
    if content and not content.endswith(b"\n"):
        return "does not end in a newline"
    if content.endswith(b"\n\n") or content == b"\n":
        return "ends in an empty line"
    found = re.search(rb"[ \t\r]+$", content, re.MULTILINE)
    return f"has a trailing blank in line {content.count(bytes([10]), 0, found.start()) + 1}" if found else ""


def test_text_files_end_in_one_newline_and_no_line_in_blanks() -> None:
    files = text_files()
    assert {"setup.py", "README.md", "minigrad/cli/__init__.py", ".pre-commit-config.yaml"} <= set(files)
    assert {name: what for name, content in files.items() if (what := untidy(content))} == {}


@pytest.mark.parametrize(("content", "what"), [
    (b"", ""), (b"a\n", ""), (b"a\n\nb\n", ""), (b"a", "does not end in a newline"),
    (b"a\n\n", "ends in an empty line"), (b"\n", "ends in an empty line"),
    (b"a\nb \n", "has a trailing blank in line 2"),
    (b"a\t\nb\n", "has a trailing blank in line 1"), (b"a\r\n", "has a trailing blank in line 1")])
def test_untidy_files_are_seen(content: bytes, what: str) -> None:
    assert untidy(content) == what


OPTIONAL = {"cupy", "cupyx", "hypothesis", "matplotlib", "ml_dtypes", "pytest", "rich", "scipy", "sklearn", "torch"}
BLOCK = f"""
import sys

class Nothing:      # optional libraries cannot be found
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nothing())
"""


def test_the_core_works_with_numpy_alone() -> None:
    program = BLOCK + """
import minigrad as mg
from minigrad import models, optim
model = models.lenet5()
loss = mg.nn.functional.cross_entropy(model(mg.zeros((2, 1, 32, 32))), mg.tensor([3, 4]))
loss.backward()
optim.SGD(model.parameters(), lr=0.1).step()
"""
    done = run("-W", "error", "-c", program)
    assert done.returncode == 0, done.stderr


def test_without_cupy_the_error_says_what_to_install() -> None:
    done = run("-c", BLOCK + "import minigrad as mg\nmg.zeros((2,), device='cuda')")
    assert done.returncode != 0
    assert "DeviceError" in done.stderr and "minigrad[cuda12]" in done.stderr


def test_importing_loads_no_optional_library() -> None:
    done = run("-c", "import sys, minigrad; print(*{name.partition('.')[0] for name in sys.modules})")
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & OPTIONAL


def test_every_public_op_is_at_the_top_and_everything_exported_exists():
    import minigrad
    from minigrad import ops
    from minigrad.op import OPS

    inner = {name for name, op in OPS.items() if op.module.startswith("minigrad.ops")} - set(ops.__all__)
    assert inner == {
        "adaptive_sum", "at_least", "bernoulli_nll", "causal_mask", "contract", "first_places", "gate", "identity",
        "pixel_numbers", "place_along_last", "put", "put_diagonal", "resample", "resample_back", "transfer", "unpad",
        "window_places",
    }, "ops that no __all__ names, and that are no parts of others"
    assert set(ops.__all__) <= set(minigrad.__all__)
    assert all(hasattr(minigrad, name) for name in minigrad.__all__)
    assert sorted(set(minigrad.__all__)) == minigrad.__all__
