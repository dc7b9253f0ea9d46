"""A folder, or a zip file, as a tree of files: both are read in one way."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from threading import Lock

from .dataset import DataError
from .picture import SUFFIXES

PathLike = str | os.PathLike[str]
PARTS = {"train": ("train", "training"), "test": ("test", "testing"), "validation": ("val", "valid", "validation")}


class Tree:
    """Files by their names relative to the root, with slashes: "train/cat/1.png". Threads may read at once.

    What operating systems leave behind (hidden files, __MACOSX) is left out.
    """

    def __init__(self, root: Path, names: list[str]):
        """names: of all files and, with a slash at the end, of folders, which only empty ones need."""
        self.root = root
        wanted = [name for name in names if not is_litter(name)]
        self.names = sorted([name for name in wanted if not name.endswith("/")], key=natural)
        self.folders = sorted([name for name in wanted if name.endswith("/")], key=natural)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises DataError, naming it."""
        raise TypeError(f"{type(self).__name__} reads nothing: write read")

    def where(self, name: str = "") -> str:
        """What errors call a file."""
        return os.path.join(self.root, name).rstrip("/")

    def top(self, under: str = "") -> list[str]:
        """The names of the folders directly in folder `under`, "" or with a slash at its end."""
        inside = [name[len(under):] for name in self.names + self.folders if name.startswith(under)]
        return list(dict.fromkeys([name.partition("/")[0] for name in inside if "/" in name]))

    def files(self, under: str = "") -> list[str]:
        """The full names of all files in folder `under`, at any depth."""
        return [name for name in self.names if name.startswith(under)]

    def heart(self) -> str:
        """"": where the data begin; "flowers/" where all lies in one folder of folders, as in most zip files."""
        heart = ""
        while len(folders := self.top(heart)) == 1 and self.top(f"{heart}{folders[0]}/"):
            if any(["/" not in name[len(heart):] and is_picture(name) for name in self.files(heart)]):
                break
            heart += f"{folders[0]}/"
        return heart

    def parts(self, heart: str) -> dict[str, str]:
        """"train", "test", "validation" -> its folder, if the folders at `heart` are named like that; otherwise {}."""
        folders = self.top(heart)
        known = {folder: part for folder in folders for part, names in PARTS.items() if folder.lower() in names}
        named = set(known.values())
        if len(known) < len(folders) or "train" not in named or not 1 < len(named) == len(known):
            return {}
        return {part: f"{heart}{folder}/" for part in PARTS for folder in folders if known[folder] == part}


class Folder(Tree):
    """The files below a folder; links are followed."""

    def __init__(self, root: Path):
        def fail(error: OSError) -> None:
            raise DataError(f"{error.filename}: cannot be looked into: {error.strerror or error}") from error

        names, seen = [], set()
        for place, folders, files in os.walk(root, onerror=fail, followlinks=True):
            if (real := os.path.realpath(place)) in seen:
                folders.clear()                     # a link to a folder above it: the same files for ever
                continue
            seen.add(real)
            folder = "" if (inside := Path(place).relative_to(root).as_posix()) == "." else f"{inside}/"
            names += [folder + name for name in files] + [f"{folder}{name}/" for name in folders]
        super().__init__(root, names)

    def read(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise DataError(f"{self.where(name)}: cannot be read: {error.strerror or error}") from error


class Zip(Tree):
    """The files in a zip file, which stays open and is not unpacked."""

    def __init__(self, root: Path):
        try:
            self.zip = zipfile.ZipFile(root)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise DataError(f"{root}: expected a zip file, it is damaged or of another kind "
                            f"({getattr(error, 'strerror', None) or error})") from error
        self.lock = Lock()
        super().__init__(root, self.zip.namelist())

    def read(self, name: str) -> bytes:
        try:
            with self.lock:                         # the threads share one place in the file
                return self.zip.read(name)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
            # RuntimeError: encrypted, or packed in a way that Python does not know
            raise DataError(f"{self.where(name)}: cannot be unpacked: {error}") from error


def open_tree(root: PathLike) -> Tree:
    """A folder or a zip file as a tree of files. Raises DataError where it is neither."""
    path = Path(root)
    try:
        if path.is_dir():
            return Folder(path)
        if not path.exists():
            raise DataError(f"{path}: expected a folder or a zip file, no such file came")
    except OSError as error:
        raise DataError(f"{path}: cannot be looked into: {error.strerror or error}") from error
    return Zip(path)


def is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def is_litter(name: str) -> bool:
    return any([part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts])


def natural(name: str) -> tuple[str | int, ...]:
    """A key that sorts 2.png before 10.png."""
    return tuple([int(part) if i % 2 else part for i, part in enumerate(re.split("([0-9]+)", name))])
