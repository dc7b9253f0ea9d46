"""Copy what git tracks, as it stands in the working tree, to a new folder: python3 clean_copy.py SOURCE TARGET.

Where git is missing, or the source was unpacked from an archive, everything but environments, caches and build output.
"""

import shutil
import subprocess
import sys
from pathlib import Path

LEAVE = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build", "dist", "runs")


def tracked(source: Path) -> list[str] | None:
    """The paths that git tracks under `source`; None where git cannot say."""
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [path for path in listing.stdout.split("\0") if path and (source / path).is_file()]


def main(source: Path, target: Path) -> None:
    paths = tracked(source)
    if paths is None:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEAVE))
        print(f"no git here: copied everything but {', '.join(LEAVE)}")
        return
    if not paths:
        sys.exit("clean_copy: git tracks no file here; add them first (git add)")
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, target / path)
    print(f"copied {len(paths)} tracked files")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
