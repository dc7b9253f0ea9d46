"""Fetching a file from the web: with its checksum, resuming what broke off, whole or not at all.

What has come so far lies beside the file as `NAME.partial`, and in `NAME.partial.from` the address and the version
(ETag or Last-Modified) that it came from. A later try, in this process or another, asks the server for the rest alone
(`Range`), provided that it still has that version (`If-Range`). Source: RFC 9110, sections 13.1.5 and 14.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from time import sleep
from typing import BinaryIO

from .dataset import DataError, as_int

Progress = Callable[[int, int | None], object]      # bytes so far, and of the whole where the server says it

CHUNK = 1 << 16
AGENT = "minigrad (+https://pypi.org/project/minigrad)"
PASSING = (408, 425, 429, 500, 502, 503, 504)       # statuses that may be others a moment later


class Broken(Exception):
    """A try failed and another one may do better."""


class Unreachable(Broken):
    """There was no answer at all."""


class Refused(Exception):
    """Trying this address again is of no use."""


def download(urls: str | Sequence[str], path: str | os.PathLike[str], checksum: str | None = None, *, tries: int = 5,
             timeout: float = 30.0, pause: float = 1.0, progress: Progress | None = None) -> Path:
    """Fetch a file to `path` and return that, at once if it is there already with the right checksum.

    urls: the official address and any mirrors, which are tried in this order. checksum: "md5:..." or "sha256:..."; a
    file that has another is removed. tries: how often an address is asked before the next one; each try resumes where
    the last one broke off. timeout: seconds without a byte. pause: seconds before the second try, twice as many before
    each further one. progress(done, total): is called with bytes as they come.

    The file appears complete or not at all. Raises DataError: what each address answered, and what to do by hand.
    """
    urls, path = [urls] if isinstance(urls, str) else list(urls), Path(path)
    tries = as_int(tries, "download", "tries", 1)
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise DataError(f"download: expected addresses with http:// or https://, {url!r} came")
    if checksum is not None:
        split_checksum(checksum)
    try:
        if path.is_file() and (checksum is None or digest(path, checksum) == checksum):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with Partial(path) as partial:
            problems = []
            for url in urls:
                try:
                    fetch(url, partial, checksum, tries, timeout, pause, progress or (lambda done, total: None))
                    partial.finish()
                    return path
                except Refused as error:
                    problems.append(f"{url}: {error}")
            raise DataError(f"{path}: cannot be fetched ({'; '.join(problems)}): {partial.advice(urls[0])}")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def fetch(url: str, partial: Partial, checksum: str | None, tries: int, timeout: float, pause: float,
          progress: Progress) -> None:
    """Bring the partial file to its end from one address, and check it. Refused where that cannot be done."""
    for i in range(tries):
        if i:
            sleep(pause * 2 ** (i - 1))
        resumed = partial.size
        try:
            receive(url, partial, checksum is not None, timeout, progress)
        except Broken as error:
            problem = str(error)
            if i == 0 and isinstance(error, Unreachable):
                break                               # no network, or no such server: waiting would not help
            continue
        found = digest(partial.path, checksum) if checksum is not None else None
        if found == checksum:
            return
        partial.clear()
        problem = (f"its checksum is {found}, expected {checksum}: it is not the file that was meant, or was damaged "
                   "on the way, and has been removed")
        if not resumed:
            raise Refused(problem)                  # otherwise two versions may have been joined: once more, whole
    raise Refused(problem + f", {i + 1} tries" * (i > 0))


def receive(url: str, partial: Partial, checked: bool, timeout: float, progress: Progress) -> None:
    """One try: append to the partial file what comes. Broken where it is not the whole."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **partial.ask_for_rest(url, checked)}
    with answered(urllib.request.Request(url, headers=headers), partial, timeout) as response:
        if response is None:
            return                                  # there was nothing left to send
        total = begin(response, url, partial)
        progress(partial.size, total)
        for chunk in chunks(response):
            partial.write(chunk)
            progress(partial.size, total)
    if total is not None and partial.size != total:
        raise Broken(f"the connection broke off at {partial.size:,} of {total:,} bytes")


def begin(response: HTTPResponse, url: str, partial: Partial) -> int | None:
    """Prepare the partial file for what the response brings, the rest or the whole. How long that is, if known."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != partial.size:
            partial.clear()
            raise Broken("it sent another part of the file than was asked for")
        return int(found[2]) if found[2] != "*" else None if total is None else partial.size + total
    partial.clear()                                 # no ranges here, or the file changed: from the beginning
    partial.note(url, response.headers)
    return total


@contextmanager
def answered(request: urllib.request.Request, partial: Partial, timeout: float) -> Iterator[HTTPResponse | None]:
    """The response; None where all has come already. Broken or Refused where there is none."""
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:                   # "Range Not Satisfiable": we have all, or too much
                if error.headers.get("Content-Range") == f"bytes */{partial.size}":
                    yield None
                    return
                partial.clear()
                raise Broken("what came earlier does not fit the file any more") from error
            said = f"{error.code} {cause(error)}"
            raise (Broken if error.code in PASSING else Refused)(said) from error
    except (OSError, HTTPException, ValueError) as error:       # ValueError: a redirection to nonsense
        raise Unreachable(f"no connection ({cause(error)})") from error
    with response:
        yield response


def chunks(response: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, HTTPException) as error:
            raise Broken(f"the connection broke off ({cause(error)})") from error
        if not chunk:
            return
        yield chunk


def cause(error: BaseException) -> str:
    """What went wrong, in a few words."""
    reason = getattr(error, "reason", error)
    said = str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
    return " ".join(said.split())


class Partial:
    """The file beside `path` that holds what has come so far; inside `with` nobody else writes it."""

    def __init__(self, path: Path):
        self.target = path
        self.path, self.origin = [path.with_name(path.name + end) for end in (".partial", ".partial.from")]
        self.file: BinaryIO

    def __enter__(self) -> Partial:
        self.file = open(self.path, "ab")           # noqa: SIM115  closed at the end of the with
        try:
            lock(self.file)
        except BlockingIOError as error:
            self.file.close()
            raise DataError(f"{self.target}: another process is fetching it: wait until that has ended") from error
        return self

    def __exit__(self, *error: object) -> None:
        empty = self.size == 0
        self.file.close()
        if empty:
            self.path.unlink(missing_ok=True)
            self.origin.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def write(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.file.flush()

    def clear(self) -> None:
        self.file.truncate(0)
        self.origin.unlink(missing_ok=True)

    def note(self, url: str, headers: Message) -> None:
        """Remember which version of which address the bytes to come are of; weak ETags do not tell versions apart."""
        tag = headers.get("ETag") or ""
        version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or ""
        self.origin.write_text(f"{url}\n{version}\n", encoding="utf-8")

    def ask_for_rest(self, url: str, checked: bool) -> dict[str, str]:
        """Headers that ask for what is missing. Nothing, which means the whole, where nothing would tell that the parts
        belong together: neither the server's version nor a checksum."""
        if not self.size:
            return {}
        try:
            origin, version = self.origin.read_text(encoding="utf-8").split("\n")[:2]
        except (OSError, ValueError):
            origin = version = ""
        same = origin == url and version != ""
        if not same and not checked:
            self.clear()
            return {}
        return {"Range": f"bytes={self.size}-", **({"If-Range": version} if same else {})}

    def finish(self) -> None:
        """Give the file its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        os.replace(self.path, self.target)
        self.origin.unlink(missing_ok=True)

    def advice(self, url: str) -> str:
        kept = f"the {self.size:,} bytes that came are kept, and the next call resumes; or " if self.size else ""
        return f"{kept}fetch {url} by hand and put it at {self.target}"


def lock(file: BinaryIO) -> None:
    """BlockingIOError if another process has it. The system unlocks it when its process ends. Windows has no such lock:
    there the checksum tells where two have written."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# --- checksums ------------------------------------------------------------------------------------------------

LENGTHS = {"md5": 32, "sha256": 64}


def split_checksum(checksum: str) -> tuple[str, str]:
    """"md5:0123..." -> ("md5", "0123..."). Raises DataError for what is no checksum."""
    kind, _, value = checksum.partition(":")
    if LENGTHS.get(kind) != len(value) or not re.fullmatch("[0-9a-f]*", value):
        raise DataError(f'download: expected a checksum as "md5:" and 32 hexadecimal digits in lower case, or '
                        f'"sha256:" and 64, {checksum!r} came')
    return kind, value


def digest(path: Path, like: str) -> str:
    """The checksum of a file, of the kind of `like`: "md5:..." or "sha256:..."."""
    kind = split_checksum(like)[0]
    with open(path, "rb") as file:
        return f"{kind}:{hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()}"
