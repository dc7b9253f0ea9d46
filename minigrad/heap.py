"""How much freed memory the C library keeps for the next array, where it is glibc.

It returns the end of its heap to the system as soon as 128 KiB are free there, later twice the largest block that was
freed, and larger blocks at once. A training step, which frees all it has made, then asks for the same pages again, and
each of them costs a page fault: 14,000 to 18,000 a step of ResNet-18. So it shall keep what is free. Who has told glibc
otherwise, by its own environment variables or with MINIGRAD_KEEP_FREED=0, is not overruled.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3         # glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
FREE_AT_THE_END = 1 << 30                       # bytes that may stay there
LARGEST = 32 << 20                              # bytes of a block that the heap holds; glibc allows no more
OWN_WORDS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


def glibc() -> Any:
    """The C library of this process, if it is glibc; else None."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):                # Windows
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None


def ours(library: Any) -> Any:
    """The library if its thresholds are ours to set, else None."""
    told = any([word in os.environ for word in OWN_WORDS]) or "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", "")
    return None if told or os.environ.get("MINIGRAD_KEEP_FREED") == "0" else library


def keep_freed() -> None:
    """Let the heap hold blocks of up to 32 MiB, and 1 GiB of free bytes at its end."""
    if LIBRARY is not None:
        LIBRARY.mallopt(MMAP_THRESHOLD, LARGEST)
        LIBRARY.mallopt(TRIM_THRESHOLD, FREE_AT_THE_END)


def give_back() -> None:
    """Return what is free to the system now."""
    if LIBRARY is not None:
        LIBRARY.malloc_trim(0)


LIBRARY = ours(glibc())
keep_freed()
