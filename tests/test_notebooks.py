"""The notebooks run from a clean kernel and are what their sources say; the exercise's check knows right from wrong."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.testing import check_op

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOURCES = sorted((NOTEBOOKS / "src").glob("*.py"))
nbformat = pytest.importorskip("nbformat", reason='needs nbformat: pip install "minigrad[test]"')


def load_build() -> ModuleType:
    """notebooks/build.py, which is no package."""
    spec = importlib.util.spec_from_file_location("notebooks_build", NOTEBOOKS / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = load_build()


def made(path: Path) -> Any:
    return build.notebook(path.read_text(encoding="utf-8"))


def committed(path: Path) -> Any:
    return nbformat.read(NOTEBOOKS / f"{path.stem}.ipynb", as_version=4)


def test_there_are_notebooks() -> None:
    assert [path.stem for path in SOURCES] == sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) != []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_is_what_its_source_says(path: Path) -> None:
    book, source = committed(path), made(path)
    nbformat.validate(book)
    said, expected = ([(cell.cell_type, cell.source) for cell in each.cells] for each in (book, source))
    assert said == expected, f"run: python notebooks/build.py {path.stem}"
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert outputs and not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (NOTEBOOKS / f"{path.stem}.ipynb").stat().st_size < 300_000


@pytest.mark.filterwarnings("default")      # those of the notebook's own machinery are not ours
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_runs_from_a_clean_kernel(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nbclient", reason='needs nbclient: pip install "minigrad[test]"')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    book = build.executed(made(path))       # raises for a cell that raises or takes more than 120 s
    ran = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    assert ran == list(range(1, len(ran) + 1))
    warned = [o.text for cell in book.cells for o in cell.get("outputs", []) if o.get("name") == "stderr"]
    assert not [text for text in warned if "non-interactive" not in text], warned


def test_a_failing_cell_fails() -> None:
    pytest.importorskip("nbclient", reason='needs nbclient: pip install "minigrad[test]"')
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        build.executed(build.notebook("# %%\n1 / 0\n"))


# --- the exercise of the first notebook -----------------------------------------------------------------------

BACKPROP = NOTEBOOKS / "src" / "01_backprop_by_hand.py"


@pytest.fixture
def exercise() -> dict[str, Any]:
    """What the exercise's cells define: its op, the holes, the check."""
    names: dict[str, Any] = {"__name__": "exercise", "mg": mg, "np": np, "check_op": check_op}
    for cell in made(BACKPROP).cells:
        if {"exercise", "hole", "check"} & set(cell.metadata.get("tags", [])):
            exec(cell.source, names)
    return names


@pytest.fixture
def solution(exercise: dict[str, Any]) -> dict[str, Any]:
    """The rules that the notebook gives as its solution."""
    text = made(BACKPROP).cells[-1].source
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    names = {"__name__": "exercise", "mg": mg}
    exec(found[1], names)
    return {name: names[name] for name in ("rule_x", "rule_a", "rule_z")}


def test_the_published_solution_is_right(exercise, solution, capsys) -> None:
    assert exercise["check"](**solution) is True
    assert capsys.readouterr().out.startswith("right!")


def test_the_holes_are_not_a_solution(exercise, capsys) -> None:
    assert exercise["check"](exercise["rule_x"], exercise["rule_a"], exercise["rule_z"]) is False
    assert capsys.readouterr().out.startswith("not yet")


WRONG = [
    ("rule_x", "forgot what arrived", lambda g, a, z: z @ a.T),
    ("rule_x", "sign", lambda g, a, z: -g[:, None] * (z @ a.T)),
    ("rule_x", "transposed", lambda g, a, z: g[:, None] * (z @ a)),
    ("rule_x", "factor two", lambda g, a, z: 2 * g[:, None] * (z @ a.T)),
    ("rule_x", "a mean for the sum", lambda g, a, z: g[:, None] * (z @ a.T) / z.shape[1]),
    ("rule_x", "summed over the batch", lambda g, a, z: (g[:, None] * (z @ a.T)).sum(axis=0, keepdims=True)),
    ("rule_x", "one percent off", lambda g, a, z: 1.01 * g[:, None] * (z @ a.T)),
    ("rule_x", "zero", lambda g, a, z: 0 * g[:, None] * (z @ a.T)),
    ("rule_x", "nothing", lambda g, a, z: None),
    ("rule_x", "g along the wrong axis", lambda g, a, z: g * (z @ a.T)),
    ("rule_a", "forgot what arrived", lambda g, x, z: x.T @ z),
    ("rule_a", "sign", lambda g, x, z: -(g[:, None] * x).T @ z),
    ("rule_a", "transposed", lambda g, x, z: z.T @ (g[:, None] * x)),
    ("rule_a", "forgot the sum: the first row only", lambda g, x, z: (g[:1, None] * x[:1]).T @ z[:1]),
    ("rule_a", "forgot the sum: the last row only", lambda g, x, z: (g[-1:, None] * x[-1:]).T @ z[-1:]),
    ("rule_a", "a mean for the sum", lambda g, x, z: (g[:, None] * x).T @ z / x.shape[0]),
    ("rule_a", "elementwise", lambda g, x, z: g[:, None] * x * z),
    ("rule_a", "what arrived, squared", lambda g, x, z: (g[:, None] * g[:, None] * x).T @ z),
    ("rule_z", "forgot what arrived", lambda g, x, a: x @ a),
    ("rule_z", "sign", lambda g, x, a: g[:, None] * -(x @ a)),
    ("rule_z", "transposed", lambda g, x, a: g[:, None] * (x @ a.T)),
    ("rule_z", "the wrong factor", lambda g, x, a: g[:, None] * x),
    ("rule_z", "shifted", lambda g, x, a: g[:, None] * (x @ a) + 1e-3),
    ("rule_z", "no name that exists", lambda g, x, a: h * (x @ a)),        # noqa: F821
]


@pytest.mark.parametrize(("name", "mistake", "rule"), WRONG, ids=[f"{name}: {mistake}" for name, mistake, _ in WRONG])
def test_a_wrong_rule_is_rejected(exercise, solution, capsys, name: str, mistake: str, rule: Any) -> None:
    assert exercise["check"](**{**solution, name: rule}) is False
    assert capsys.readouterr().out.startswith("not yet: ")


def test_swapped_rules_are_rejected(exercise, solution) -> None:
    rule_x, rule_z = (lambda g, a, z: solution["rule_z"](g, z, a)), (lambda g, x, a: solution["rule_x"](g, a, x))
    assert exercise["check"](rule_x, solution["rule_a"], rule_z) is False
