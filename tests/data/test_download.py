import errno
import hashlib
import http.server
import threading
from types import SimpleNamespace

import pytest

from advkd.data import download as module
from advkd.data.download import download
from advkd.errors import UserError

BODY = bytes(range(256)) * 2000
SHA = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """A file server whose faults are set by attributes: bytes after which it cuts, statuses it answers first, …"""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    state = SimpleNamespace(body=BODY, cut=None, cuts=99, statuses=[], ranges=True, length=True, seen=[])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            state.seen.append(asked)
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            start = int(asked[6:-1]) if asked and state.ranges else 0
            if start >= len(state.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = state.body[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.body) - 1}/{len(state.body)}")
            if state.length:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if state.cut and state.cuts:
                state.cuts -= 1
                data = data[: state.cut]
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        threading.Thread(target=service.serve_forever, args=(0.01,), daemon=True).start()
        state.url = f"http://127.0.0.1:{service.server_port}/set.zip"
        yield state
        service.shutdown()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "archives" / "set.zip"


def left(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_whole_file_in_one_go(server, target):
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY
    assert left(target) == ["set.zip"]
    assert server.seen == [None]


def test_cut_connections_are_resumed_where_they_broke(server, target):
    server.cut = 100_000
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY
    starts = [int(asked[6:-1]) for asked in server.seen[1:]]
    assert starts == sorted(starts) and 0 < starts[0] <= 100_000
    assert len(starts) >= len(BODY) // 100_000


def test_a_part_of_an_earlier_run_is_continued(server, target):
    target.parent.mkdir()
    part = target.with_name("set.zip.part")
    part.write_bytes(BODY[:77_777])
    download(server.url, target, SHA, None)
    assert server.seen == ["bytes=77777-"]
    assert target.read_bytes() == BODY


def test_a_complete_part_needs_no_second_download(server, target):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(BODY)
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY


def test_a_part_longer_than_the_file_is_dropped(server, target):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(BODY + b"more")
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY


def test_a_server_without_ranges_is_read_from_the_start(server, target):
    server.ranges, server.cut, server.cuts = False, 100_000, 1
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY


def test_a_server_that_always_cuts_is_given_up_and_the_part_kept(server, target):
    server.ranges, server.cut = False, 100_000
    with pytest.raises(UserError, match=r"breaking off.*kept.*start again to resume.*--config mirror=DIR") as raised:
        download(server.url, target, SHA, len(BODY))
    assert server.url in str(raised.value) and "\n" not in str(raised.value)
    assert left(target) == ["set.zip.part"]


def test_early_end_without_content_length_is_noticed_by_the_published_size(server, target):
    server.length, server.cut, server.cuts = False, 100_000, 1
    download(server.url, target, None, len(BODY))
    assert target.read_bytes() == BODY


def test_wrong_bytes_are_deleted(server, target):
    server.body = BODY[:-1] + b"!"
    with pytest.raises(UserError, match=r"not the published file.*deleted"):
        download(server.url, target, SHA, len(BODY))
    assert left(target) == []


def test_wrong_size_is_deleted(server, target):
    with pytest.raises(UserError, match="512,000 bytes in place of 512,001"):
        download(server.url, target, None, len(BODY) + 1)
    assert left(target) == []


def test_missing_file_is_told_at_once(server, target):
    server.statuses = [404]
    with pytest.raises(UserError, match=r"the server answers 404"):
        download(server.url, target, SHA, None)
    assert len(server.seen) == 1


def test_a_busy_server_is_asked_again(server, target):
    server.statuses = [503, 503]
    download(server.url, target, SHA, None)
    assert target.read_bytes() == BODY


def test_no_server(target, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with pytest.raises(UserError, match="no connection"):
        download("http://127.0.0.1:9/set.zip", target, None, None)


def test_a_malformed_address_is_no_checksum_error(target):
    with pytest.raises(UserError, match="cannot download"):
        download("http://", target, SHA, None)


def test_full_disk_keeps_the_part(server, target, monkeypatch):
    class Full:
        def __init__(self, response):
            self.response = response

        def __call__(self, chunk):
            yield b"x" * 1000
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.requests.Response, "iter_content", lambda self, size: Full(self)(size))
    with pytest.raises(UserError, match=r"No space left on device.*start again to resume"):
        download(server.url, target, SHA, None)
    assert target.with_name("set.zip.part").stat().st_size == 1000


def test_two_downloads_of_one_file_do_not_mix(server, target):
    import fcntl

    target.parent.mkdir()
    with target.with_name("set.zip.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process"):
            download(server.url, target, SHA, None)
