"""Where the official files of well-known data sets are, their checksums, and where they lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .dataset import DataError
from .download import Progress, download
from .download_progress import shown


def cache_folder() -> Path:
    """Where fetched data lie: the environment's MINIGRAD_DATA, or ~/.cache/minigrad."""
    named = os.environ.get("MINIGRAD_DATA")
    try:
        return Path(named) if named else Path.home() / ".cache" / "minigrad"
    except RuntimeError as error:
        raise DataError("there is no home folder to keep data in: name a folder in the environment as MINIGRAD_DATA"
                        ) from error


@dataclass(frozen=True)
class Official:
    """The files of a data set, and where they are to be had."""

    name: str                       # of the data set and of its folder in the cache
    home: str                       # the official address of the files
    files: dict[str, str]           # name -> checksum
    mirrors: tuple[str, ...] = ()   # asked before the official one, which may be slow or locked

    def folder(self, root: str | os.PathLike[str] | None) -> Path:
        """`root`, or the folder in the cache where none is named."""
        return Path(root) if root is not None else cache_folder() / self.name

    def fetch(self, folder: Path, names: Iterable[str] | None = None, progress: Progress | None = None) -> None:
        """Bring files, by default all, into a folder; those there with the right checksum stay. Raises DataError.

        progress(done, total) is called for each file in turn; by default it is shown on the terminal.
        """
        for name in self.files if names is None else names:
            with shown(name) as show:
                download([site + name for site in (*self.mirrors, self.home)], folder / name, self.files[name],
                         progress=progress or show)

    def advice(self, folder: Path) -> str:
        """What to do where files are missing."""
        return (f"fetch with download=True (--download), or by hand from {self.home} the files "
                f"{', '.join(self.files)}, and put them into {folder}")


MNIST = Official(
    "mnist",
    "http://yann.lecun.com/exdb/mnist/",
    {"train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
     "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
     "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
     "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c"},
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"))

FASHION_MNIST = Official(
    "fashion_mnist",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    {"train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
     "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
     "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
     "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310"})

CIFAR10 = Official("cifar10", "https://www.cs.toronto.edu/~kriz/",
                   {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"})

CIFAR100 = Official("cifar100", "https://www.cs.toronto.edu/~kriz/",
                    {"cifar-100-binary.tar.gz": "md5:03b5dce01913d631647c71ecec9e9cb8"})
