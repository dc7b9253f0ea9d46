"""Downloads from a server on this machine: whole, cut, resumed, changed, refused. Nothing waits, nothing leaves."""

import hashlib
import http.server
import io
import re
import socket
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import data
from minigrad.data import DataError, cifar10, fashion_mnist, mnist, official
from minigrad.data.download import CHUNK, Partial, digest, download
from minigrad.data.download_progress import Lines, bar, shown
from minigrad.data.official import CIFAR10, CIFAR100, FASHION_MNIST, MNIST, cache_folder

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()


def md5(content=CONTENT):
    return "md5:" + hashlib.md5(content).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, path -> bytes, as `behave` says; notes the requests.

    ranges: whether it understands Range. cut: how many bytes of its answers come before it hangs up, one number for
    each request, None for all. length: what it says of the length. etag, modified: the version.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests = {"/file": CONTENT}, []
        self.ranges, self.cut, self.length, self.status, self.etag, self.modified = True, [], None, {}, '"1"', None
        self.before = lambda number: None           # is called before each answer
        self.chunked, self.shift = False, 0         # shift: of a range from where it was asked for, of unsaid length

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass                                        # the client hung up: some tests want that


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        number = len(server.requests)
        server.requests.append((self.path, dict(self.headers)))
        server.before(number)
        status = server.status.get(self.path) or server.status.get(number)
        if status:
            return self.answer(status[0], b"", status[1])
        content = server.files.get(self.path)
        if content is None:
            return self.answer(404, b"not here")
        version = {"ETag": server.etag, "Last-Modified": server.modified}
        version = {name: value for name, value in version.items() if value}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not wanted or not server.ranges or condition and condition not in (server.etag, server.modified):
            return self.answer(200, content, version, number)
        start = int(wanted[1]) + server.shift
        if start >= len(content):
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        spelled = f"bytes {start}-{len(content) - 1}/{len(content) if not server.shift else '*'}"
        return self.answer(206, content[start:], {**version, "Content-Range": spelled}, number)

    def answer(self, status, content, headers=(), number=None):
        server = self.server
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if server.chunked and number is not None:
            self.send_header("Transfer-Encoding", "chunked")
        elif server.length is None or number is None:
            self.send_header("Content-Length", str(len(content)))
        elif server.length != "unsaid":
            self.send_header("Content-Length", str(server.length))
        self.send_header("Connection", "close")
        self.end_headers()
        cut = server.cut[number] if number is not None and number < len(server.cut) else None
        body = content[:cut]
        if server.chunked and number is not None:
            body = b"%x\r\n%s" % (len(content), body) + (b"\r\n0\r\n\r\n" if cut is None else b"")
        self.wfile.write(body)
        self.close_connection = True


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def fetch(server, path, checksum=None, **options):
    return download(f"{server.url}/file", path, checksum, pause=0, timeout=20, **options)


def nothing_but(folder, *names):
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


def error_of(call):
    with pytest.raises(DataError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- whole ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("checksum", [None, md5(), "sha256:" + hashlib.sha256(CONTENT).hexdigest()])
@pytest.mark.parametrize("length", [None, "unsaid"])
def test_a_file_comes_whole(server, tmp_path, checksum, length):
    server.length, seen = length, []
    path = fetch(server, tmp_path / "new" / "folder" / "file.bin", checksum, progress=lambda *done: seen.append(done))
    assert path.read_bytes() == CONTENT
    nothing_but(path.parent, "file.bin")
    total = None if length else len(CONTENT)
    assert seen[0] == (0, total) and seen[-1] == (len(CONTENT), total) and [done for done, _ in seen] == sorted(
        done for done, _ in seen)
    assert server.requests[0][1]["User-Agent"].startswith("minigrad") and len(server.requests) == 1


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert fetch(server, path, md5()) == path and fetch(server, path) == path and server.requests == []
    path.write_bytes(b"of another version")
    fetch(server, path, md5())
    assert path.read_bytes() == CONTENT
    nothing_but(tmp_path, "file")


def test_chunked_and_empty_answers(server, tmp_path):
    server.chunked = True
    assert fetch(server, tmp_path / "a", md5()).read_bytes() == CONTENT
    server.cut = [None, 1000]                       # the second request
    assert fetch(server, tmp_path / "b", md5()).read_bytes() == CONTENT
    assert len(server.requests) == 3
    server.chunked, server.files = False, {"/file": b""}
    assert fetch(server, tmp_path / "c").read_bytes() == b""
    nothing_but(tmp_path, "a", "b", "c")


def test_redirections_are_followed(server, tmp_path):
    server.files["/elsewhere"] = CONTENT
    for code in (301, 302, 303, 307, 308):
        server.status = {"/file": (code, {"Location": "/elsewhere"})}
        assert fetch(server, tmp_path / str(code), md5()).read_bytes() == CONTENT
    server.status = {"/file": (302, {"Location": "/file"})}
    assert "302" in error_of(lambda: fetch(server, tmp_path / "circle"))
    server.status = {"/file": (302, {"Location": "nonsense://nowhere"})}
    assert "cannot be fetched" in error_of(lambda: fetch(server, tmp_path / "nonsense"))
    nothing_but(tmp_path, "301", "302", "303", "307", "308")


# --- cut and resumed ------------------------------------------------------------------------------------------

def test_a_cut_connection_is_resumed(server, tmp_path):
    server.cut = [100_000, 50_000, None]
    path = fetch(server, tmp_path / "file", md5())
    assert path.read_bytes() == CONTENT
    assert [headers.get("Range") for _, headers in server.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert [headers.get("If-Range") for _, headers in server.requests] == [None, '"1"', '"1"']
    nothing_but(tmp_path, "file")


@given(st.lists(st.integers(0, 120_000), max_size=4), st.booleans(), st.booleans(), st.booleans())
def test_however_it_is_cut_the_file_is_right(tmp_path_factory, cut, ranges, has_etag, checked):
    folder = tmp_path_factory.mktemp("cuts")
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        server.cut, server.ranges, server.etag = cut, ranges, '"7"' if has_etag else None
        try:
            path = fetch(server, folder / "file", md5() if checked else None)
        finally:
            server.shutdown()
    assert path.read_bytes() == CONTENT
    nothing_but(folder, "file")


def test_a_later_call_resumes(server, tmp_path):
    """As another process would: all that it knows lies beside the file."""
    server.cut = [100_000] + [0] * 4
    message = error_of(lambda: fetch(server, tmp_path / "file"))
    assert "the connection broke off at 100,000 of 300,000 bytes, 5 tries" in message
    assert "the 100,000 bytes that came are kept, and the next call resumes; or fetch" in message
    assert f"by hand and put it at {tmp_path / 'file'}" in message
    nothing_but(tmp_path, "file.partial", "file.partial.from")
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT
    assert server.requests[-1][1]["Range"] == "bytes=100000-"
    nothing_but(tmp_path, "file")


def test_only_so_many_tries(server, tmp_path):
    server.cut = [1000] * 9
    message = error_of(lambda: fetch(server, tmp_path / "file", md5(), tries=3))
    assert len(server.requests) == 3 and "3,000 of 300,000 bytes, 3 tries" in message


def test_no_ranges_begin_anew(server, tmp_path):
    server.ranges, server.cut, seen = False, [100_000, 200_000], []
    path = fetch(server, tmp_path / "file", md5(), progress=lambda done, total: seen.append(done))
    assert path.read_bytes() == CONTENT and len(server.requests) == 3
    assert seen.count(0) == 3


@pytest.mark.parametrize("version", ["etag", "modified", "none"])
@pytest.mark.parametrize("checked", [True, False])
def test_a_file_that_changes_meanwhile_is_fetched_anew(server, tmp_path, version, checked):
    """With its version known the server says so; without, the checksum does; without both nothing is resumed."""
    other = CONTENT[::-1]
    server.cut = [100_000]
    server.etag = '"old"' if version == "etag" else 'W/"weak"' if version == "none" else None
    server.modified = "Mon, 01 Jan 2024 00:00:00 GMT" if version == "modified" else None

    def change(number):
        if number == 1:
            server.files["/file"] = other
            server.etag = server.etag and server.etag.replace("old", "new")
            server.modified = server.modified and server.modified.replace("2024", "2025")

    server.before = change
    path = fetch(server, tmp_path / "file", md5(other) if checked else None)
    assert path.read_bytes() == other
    assert "If-Range" not in server.requests[-1][1] or version != "none"
    nothing_but(tmp_path, "file")


def test_a_partial_of_another_length_is_thrown_away(server, tmp_path):
    for extra in (CONTENT + b"more", CONTENT[::-1]):
        (tmp_path / "file.partial").write_bytes(extra)
        assert fetch(server, tmp_path / "file", md5()).read_bytes() == CONTENT
        (tmp_path / "file").unlink()
        nothing_but(tmp_path)
    (tmp_path / "file.partial").write_bytes(CONTENT)        # only its name was missing
    fetch(server, tmp_path / "file", md5())
    nothing_but(tmp_path, "file")


def test_a_partial_without_a_known_origin_is_resumed_by_its_checksum_alone(server, tmp_path):
    (tmp_path / "file.partial").write_bytes(CONTENT[:1234])
    fetch(server, tmp_path / "file", md5())
    assert server.requests[0][1]["Range"] == "bytes=1234-" and "If-Range" not in server.requests[0][1]
    (tmp_path / "file").unlink()
    (tmp_path / "file.partial").write_bytes(b"from who knows where")
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT
    assert "Range" not in server.requests[1][1]


def test_another_part_than_was_asked_for(server, tmp_path):
    (tmp_path / "file.partial").write_bytes(CONTENT[:1000])
    server.status = {0: (206, {"Content-Range": "bytes 5-9/10"}), 1: (206, {})}
    assert fetch(server, tmp_path / "file", md5()).read_bytes() == CONTENT
    server.shift, server.status = -400, {}
    (tmp_path / "c.partial").write_bytes(CONTENT[:1000])
    (tmp_path / "c.partial.from").write_text(f'{server.url}/file\n"1"\n')
    assert fetch(server, tmp_path / "c").read_bytes() == CONTENT       # no checksum would have told
    server.status = {number: (206, {}) for number in range(99)}
    assert "it sent another part of the file than was asked for" in error_of(lambda: fetch(server, tmp_path / "b"))


# --- refused --------------------------------------------------------------------------------------------------

def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    wrong = md5(b"another")
    message = error_of(lambda: fetch(server, tmp_path / "file", wrong))
    assert f"its checksum is {md5()}, expected {wrong}" in message and "has been removed" in message
    assert len(server.requests) == 1
    nothing_but(tmp_path)
    (tmp_path / "file.partial").write_bytes(CONTENT[:7])    # resumed, and so tried once more from the beginning
    assert wrong in error_of(lambda: fetch(server, tmp_path / "file", wrong))
    assert [headers.get("Range") for _, headers in server.requests[1:]] == ["bytes=7-", None]
    nothing_but(tmp_path)


@pytest.mark.parametrize(("length", "says"), [
    (250_000, "its checksum is"), (350_000, "the connection broke off at 300,000 of 350,000 bytes, 5 tries")])
def test_a_wrong_content_length(server, tmp_path, length, says):
    server.length, server.ranges = length, False
    assert says in error_of(lambda: fetch(server, tmp_path / "file", md5()))
    assert not (tmp_path / "file").exists()


def test_a_content_length_too_large_where_the_rest_can_be_asked_for(server, tmp_path):
    server.length = 350_000                                 # "416, bytes */300000" then says that all is there
    assert fetch(server, tmp_path / "file", md5()).read_bytes() == CONTENT


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_refusals_are_not_repeated(server, tmp_path, code):
    server.status = {"/file": (code, {})}
    message = error_of(lambda: fetch(server, tmp_path / "file"))
    assert message.startswith(f"{tmp_path / 'file'}: cannot be fetched ({server.url}/file: {code} ")
    assert f"fetch {server.url}/file by hand" in message and "kept" not in message
    assert len(server.requests) == 1
    nothing_but(tmp_path)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(server, tmp_path, code):
    server.status = {0: (code, {}), 1: (code, {})}
    assert fetch(server, tmp_path / "file", md5()).read_bytes() == CONTENT
    server.status = {"/file": (code, {})}
    assert f"{code} " in error_of(lambda: fetch(server, tmp_path / "other", tries=2))
    assert len(server.requests) == 5


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_mirrors_come_in_turn(server, tmp_path):
    server.files["/corrupt"] = b"corrupt"
    dead = f"http://127.0.0.1:{closed_port()}/file"
    urls = [dead, f"{server.url}/missing", f"{server.url}/corrupt", f"{server.url}/file"]
    assert download(urls, tmp_path / "file", md5(), pause=0).read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/missing", "/corrupt", "/file"]
    message = error_of(lambda: download(urls[:3], tmp_path / "other", md5(), pause=0))
    assert f"{dead}: no connection (Connection refused); {server.url}/missing: 404 Not Found; " in message
    assert f"{server.url}/corrupt: its checksum is" in message and f"fetch {dead} by hand" in message
    nothing_but(tmp_path, "file")


def test_a_mirror_goes_on_where_another_stopped(server, tmp_path):
    server.files["/mirror"] = CONTENT
    server.cut = [100_000]
    download([f"{server.url}/file", f"{server.url}/mirror"], tmp_path / "file", md5(), tries=1, pause=0)
    assert server.requests[1][0] == "/mirror" and server.requests[1][1]["Range"] == "bytes=100000-"
    assert "If-Range" not in server.requests[1][1]          # the version of one server is not the other's


def test_a_server_that_falls_silent(tmp_path):
    """It takes the request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        message = error_of(lambda: download(url, tmp_path / "file", timeout=0.05, pause=0))
    assert "no connection (timed out)" in message
    nothing_but(tmp_path)


def test_names_that_nobody_knows(tmp_path):
    message = error_of(lambda: download("http://nowhere.invalid/file", tmp_path / "file", pause=0))
    assert "http://nowhere.invalid/file: no connection (" in message


def test_pauses_grow(server, tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr("minigrad.data.download.sleep", waited.append)
    server.status = {number: (503, {}) for number in range(3)}
    download(f"{server.url}/file", tmp_path / "file", pause=0.5)
    assert waited == [0.5, 1, 2]


# --- files ----------------------------------------------------------------------------------------------------

def test_two_processes_do_not_write_one_file(server, tmp_path):
    pytest.importorskip("fcntl")
    with Partial(tmp_path / "file"):
        assert "another process is fetching it: wait" in error_of(lambda: fetch(server, tmp_path / "file"))
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT


def test_what_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be written: " in error_of(lambda: fetch(server, tmp_path / "file" / "below"))

    def full(self, chunk):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Partial, "write", full)
    assert "cannot be written: No space left on device" in error_of(lambda: fetch(server, tmp_path / "b"))
    assert not (tmp_path / "b").exists()


def test_an_interruption_keeps_what_came(server, tmp_path):
    def stop(done, total):
        if done >= CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path / "file", md5(), progress=stop)
    nothing_but(tmp_path, "file.partial", "file.partial.from")
    assert fetch(server, tmp_path / "file", md5()).read_bytes() == CONTENT
    assert server.requests[1][1]["If-Range"] == '"1"'


@pytest.mark.parametrize(("urls", "checksum", "says"), [
    ("ftp://a/b", None, "addresses with http:// or https://, 'ftp://a/b' came"),
    (["http://a/b", "/etc/passwd"], None, "'/etc/passwd' came"),
    ("http://a/b", "md5:123", 'a checksum as "md5:" and 32 hexadecimal digits in lower case, or "sha256:" .* came'),
    ("http://a/b", "md5:" + "G" * 32, "a checksum as"), ("http://a/b", "a" * 32, "a checksum as"),
])
def test_arguments_that_are_none(tmp_path, urls, checksum, says):
    assert re.search(says, error_of(lambda: download(urls, tmp_path / "file", checksum)))
    with pytest.raises(DataError, match="tries, a whole number from 1 on, 0 came"):
        download("http://a/b", tmp_path / "file", tries=0)


# --- the official files ---------------------------------------------------------------------------------------

def test_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path))
    assert cache_folder() == tmp_path and MNIST.folder(None) == tmp_path / "mnist"
    monkeypatch.setenv("MINIGRAD_DATA", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "minigrad"
    assert CIFAR10.folder("here").name == "here"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", homeless)
    assert error_of(cache_folder).startswith("there is no home folder to keep data in: name a folder in")


@pytest.mark.parametrize("source", [MNIST, FASHION_MNIST, CIFAR10, CIFAR100])
def test_official_checksums_are_checksums(source):
    assert all([re.fullmatch("md5:[0-9a-f]{32}", checksum) for checksum in source.files.values()])
    assert all([site.startswith("http") and site.endswith("/") for site in (source.home, *source.mirrors)])


def offer(server, monkeypatch, name, files):
    """Let `name`'s files be those of the server; returns the requests that are made."""
    source = getattr(official, name)
    monkeypatch.setitem(vars(source), "home", f"{server.url}/")
    monkeypatch.setitem(vars(source), "mirrors", ())
    monkeypatch.setitem(vars(source), "files", {name: md5(content) for name, content in files.items()})
    server.files = {f"/{name}": content for name, content in files.items()}


@pytest.mark.parametrize(("name", "read"), [("MNIST", mnist), ("FASHION_MNIST", fashion_mnist)])
def test_mnist_is_fetched_and_read(server, tmp_path, monkeypatch, capsys, name, read):
    import gzip

    from minigrad.data import write_idx
    files = {}
    for part, count in (("train", 12), ("t10k", 5)):
        for kind, array in (("images-idx3", np.full((count, 28, 28), 7)), ("labels-idx1", np.arange(count) % 10)):
            write_idx(tmp_path / "a", array.astype(np.uint8))
            files[f"{part}-{kind}-ubyte.gz"] = gzip.compress((tmp_path / "a").read_bytes())
    offer(server, monkeypatch, name, files)
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "cache"))
    message = error_of(read)
    assert "no such folder came: fetch with download=True (--download), or by hand from http://127.0.0.1" in message
    train, test = read(download=True)
    assert len(train) == 12 and len(test) == 5 and len(server.requests) == 4
    assert "train-images-idx3-ubyte.gz: 0.0 of 0.0 MB" in capsys.readouterr().err
    read(download=True)
    assert len(server.requests) == 4
    lost = tmp_path / "cache" / name.lower() / "t10k-labels-idx1-ubyte.gz"
    lost.rename(lost.with_name("mine.gz"))
    assert "t10k-labels-idx1-ubyte is missing: fetch with download=True" in error_of(read)
    read(download=True)
    assert len(server.requests) == 5 and lost.exists()


def test_cifar_is_fetched_and_read_from_its_archive(server, tmp_path, monkeypatch):
    from test_data_files import cifar_archive
    content = cifar_archive("cifar10")
    offer(server, monkeypatch, "CIFAR10", {"cifar-10-binary.tar.gz": content})
    seen = []
    train, test = cifar10(tmp_path / "new", download=True, progress=lambda done, total: seen.append((done, total)))
    assert len(train) == 10 and len(test) == 3 and seen[-1] == (len(content), len(content))
    data.load("cifar10", tmp_path / "new", download=True)
    assert len(server.requests) == 1
    message = error_of(lambda: mnist("a" * 300, download=True, progress=lambda *done: None))
    assert "cannot be written: File name too long" in message


# --- progress -------------------------------------------------------------------------------------------------

def test_lines_say_every_tenth():
    stream = io.StringIO()
    lines = Lines("a.gz", stream)
    for done in range(0, 50_000_001, 1_000_000):
        lines(done, 50_000_000)
    assert stream.getvalue().splitlines() == [f"a.gz: {done}.0 of 50.0 MB" for done in range(0, 51, 5)]
    stream.truncate(0)
    lines = Lines("b", stream)
    for done in range(0, 25_000_000, 1_000_000):
        lines(done, None)
    assert stream.getvalue().strip("\0").splitlines() == ["b: 0.0 MB", "b: 10.0 MB", "b: 20.0 MB"]


def test_a_bar_where_there_is_a_terminal(monkeypatch):
    pytest.importorskip("rich")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    with shown("a.gz", terminal) as show:
        show(0, 2_000_000)
        show(1_000_000, 2_000_000)
        show(2_000_000, 2_000_000)
    assert "a.gz" in terminal.getvalue() and "2.0/2.0 MB" in terminal.getvalue()
    quiet = Terminal()
    with bar("b", quiet):
        pass
    assert quiet.getvalue() == ""                   # nothing came, nothing is shown
    with shown("c", io.StringIO()) as show:
        assert isinstance(show, Lines)
    monkeypatch.setattr("sys.stderr", None)
    with shown("d") as show:
        show(1, 2)


def test_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a", "md5:" + "0" * 32) == "md5:900150983cd24fb0d6963f7d28e17f72"
    assert digest(tmp_path / "a", "sha256:" + "0" * 64).startswith("sha256:ba7816bf")
