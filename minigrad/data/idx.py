"""IDX, the format of the MNIST files: a magic number, the sizes, then the numbers, all big-endian.

    byte 0, 1    zero
    byte 2       type of the numbers: 8 uint8, 9 int8, 11 int16, 12 int32, 13 float32, 14 float64
    byte 3       d, how many dimensions
    d * 4 bytes  the size of each dimension, uint32
    the rest     the numbers in C order, and nothing after them

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, section on file formats.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .dataset import DataError

DTYPES: dict[int, np.dtype[Any]] = {0x08: np.dtype(">u1"), 0x09: np.dtype(">i1"), 0x0B: np.dtype(">i2"),
                                    0x0C: np.dtype(">i4"), 0x0D: np.dtype(">f4"), 0x0E: np.dtype(">f8")}
GZIP_MAGIC = b"\x1f\x8b"
MAX_DIMENSIONS = 64             # NumPy's own limit
CHUNK = 1 << 20                 # bytes read at once: a lying header must not make us reserve terabytes


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, in the machine's byte order; a name that ends in .gz is unpacked on the way.

    Raises DataError, naming the file, when it is missing or unreadable, is no IDX file, is shorter or longer than its
    header says, or is damaged gzip.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            if path.suffix != ".gz":
                return _parse(file, path)
            if file.read(2) != GZIP_MAGIC:
                raise DataError(f"{path}: expected gzip, as the name ends in .gz, other content came: "
                                "if it is already unpacked, take .gz off its name; otherwise fetch it again")
            file.seek(0)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _parse(unpacked, path)
    except EOFError as error:
        raise DataError(f"{path}: truncated: the gzip stream breaks off before its end: fetch it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip ({error}): fetch the file again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def write_idx(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write `array` as an IDX file, gzipped if the name ends in .gz. Raises DataError for a dtype that IDX lacks."""
    path = Path(path)
    native = array.dtype.newbyteorder("=")
    code = next((code for code, dtype in DTYPES.items() if dtype.newbyteorder("=") == native), None)
    if code is None or not 1 <= array.ndim <= MAX_DIMENSIONS:
        raise DataError(f"{path}: IDX holds uint8, int8, int16, int32, float32 and float64 in 1 to {MAX_DIMENSIONS} "
                        f"dimensions, {array.dtype} in {array.ndim} came")
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + array.astype(DTYPES[code]).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def _parse(file: BinaryIO | gzip.GzipFile, path: Path) -> np.ndarray:
    dtype, shape = _read_header(file, path)
    size = math.prod(shape) * dtype.itemsize
    content = _read_up_to(file, size + 1)           # one more: what follows the numbers is an error too
    said = f"its header says {' x '.join(map(str, shape))} of {dtype.newbyteorder('=')}, {size} bytes"
    if len(content) < size:
        raise DataError(f"{path}: truncated: {said}, only {len(content)} came: fetch the file again")
    if len(content) > size:
        raise DataError(f"{path}: trailing bytes: {said}, but more follow: fetch the file again")
    try:
        return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:                     # nothing by billions by billions
        raise DataError(f"{path}: {said}, a shape that no array can have ({error})") from error


def _read_header(file: BinaryIO | gzip.GzipFile, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = _read_up_to(file, 4)
    if magic[:2] == GZIP_MAGIC:
        raise DataError(f"{path}: expected a plain IDX file, gzip came: add .gz to its name")
    if len(magic) < 4:
        raise DataError(f"{path}: truncated: expected the 4 bytes of an IDX magic number, {len(magic)} came")
    if magic[:2] != b"\0\0" or magic[2] not in DTYPES or not 1 <= magic[3] <= MAX_DIMENSIONS:
        raise DataError(f"{path}: bad magic number: expected 0x0000, a type from 0x08 to 0x0e and 1 to "
                        f"{MAX_DIMENSIONS} dimensions, 0x{magic.hex()} came: this is no IDX file")
    sizes = _read_up_to(file, 4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{path}: truncated: expected the sizes of {magic[3]} dimensions, {4 * magic[3]} bytes, "
                        f"{len(sizes)} came")
    return DTYPES[magic[2]], tuple(np.frombuffer(sizes, ">u4").tolist())


def _read_up_to(file: BinaryIO | gzip.GzipFile, size: int) -> bytes:
    """`size` bytes, or all that there are."""
    content = bytearray()
    while len(content) < size:
        chunk = file.read(min(size - len(content), CHUNK))
        if not chunk:
            break
        content += chunk
    return bytes(content)
