"""The README says what is so: its Python runs, it has its two commands, and its links and pictures exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from readme_blocks import blocks, commands

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def local_links(markdown: str) -> list[str]:
    """The targets of links and pictures, Markdown's and HTML's, that are neither of another site nor of this page."""
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(\s*<?([^)\s>]+)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    return [target.partition("#")[0] for target in found if not re.match(r"[a-z]+:|#", target)]


@pytest.mark.parametrize("name", ["README.md", "docs/layer_graphs.md", "docs/training.md", "docs/speed.md",
                                  "docs/gradient_health.md"])
def test_python_blocks_run_in_order(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks((ROOT / name).read_text(encoding="utf-8"), "python")
    assert found, f"{name} has no ```python block"
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in found:         # the line numbers of a traceback are the page's
        exec(compile("\n" * (block.line - 1) + block.text, str(ROOT / name), "exec"), namespace)


def test_the_listing_is_what_the_command_prints() -> None:
    """But for the numbers, whose last digits are the machine's. Calls are counted from the start of a process."""
    pytest.importorskip("sklearn")
    listing, = blocks(README.read_text(encoding="utf-8"), "text")
    done = subprocess.run([sys.executable, "-m", "minigrad", "step", "lenet5", "--into", "conv2d"], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    printed = without_decimals(done.stdout).splitlines()
    assert [line for line in without_decimals(listing.text).splitlines() if line not in printed] == []


def without_decimals(text: str) -> str:
    return re.sub(r"\d\.\d+", "0.0", text)


def test_two_commands() -> None:
    job, tests = commands(README.read_text(encoding="utf-8"))
    assert "minigrad train" in job and "pytest" in tests
    for command in (job, tests):
        assert command.startswith("python3 -m venv .venv"), f"{command}: must begin by making its environment"


GUIDES = sorted([f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *GUIDES])
def test_links_lead_somewhere(name: str) -> None:
    targets = local_links((ROOT / name).read_text(encoding="utf-8"))
    missing = [target for target in targets if not ((ROOT / name).parent / target).exists()]
    assert not missing, f"{name} points at what does not exist: {', '.join(missing)}"


# --- the reading of Markdown has teeth ------------------------------------------------------------------------

SAMPLE = """
# Title [here](docs/a.md) ![curve](curve.png) <img src="b.svg"> [far](https://example.org/c.md) [above](#title)
```sh
one && two
```
text
```python
x = 1     # [not a link](nowhere.md)

y = x
```
```sh
three
```
"""


def test_blocks_are_found() -> None:
    assert blocks(SAMPLE, "python") == [(8, "x = 1     # [not a link](nowhere.md)\n\ny = x")]
    assert commands(SAMPLE) == ["one && two", "three"]
    assert local_links(SAMPLE) == ["docs/a.md", "curve.png", "b.svg"]


@pytest.mark.parametrize(("text", "complaint"), [
    ("```sh\na\n```\n", "found 1"),
    (SAMPLE + "```sh\nfour\n```\n", "found 3"),
    ("```sh\na\nb\n```\n```sh\nc\n```\n", "one command line"),
    ("```sh\na\n```\n```sh\n```\n", "one command line"),
    ("```sh\na\n", "never closed"),
])
def test_a_readme_without_two_commands_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=complaint):
        commands(text)
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, ROOT / "tests" / "readme_blocks.py", tmp_path / "README.md", tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 1 and complaint in done.stderr and "Traceback" not in done.stderr


def test_the_script_writes_the_commands(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(SAMPLE, encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "tests" / "readme_blocks.py", tmp_path / "README.md", tmp_path], check=True)
    assert (tmp_path / "1.sh").read_text(encoding="utf-8") == "one && two\n"
    assert (tmp_path / "2.sh").read_text(encoding="utf-8") == "three\n"
