import fcntl
import resource

import pytest
from file_server import BODY, SHA, left, serving

from advkd.data.archives import download as module
from advkd.data.archives.download import download
from advkd.errors import UserError


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with serving() as state:
        yield state


@pytest.fixture
def target(tmp_path):
    return tmp_path / "archives" / "set.zip"


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


def test_full_disk_keeps_the_part(server, target):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(UserError, match=r"cannot write .*set\.zip\.part \(.*\).*start again to resume"):
            download(server.url, target, SHA, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left(target) == ["set.zip.part"]
    download(server.url, target, SHA, None)
    assert target.read_bytes() == BODY and server.seen[-1] == "bytes=100000-"


def test_two_downloads_of_one_file_do_not_mix(server, target):
    target.parent.mkdir()
    with target.with_name("set.zip.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process"):
            download(server.url, target, SHA, None)


def test_a_part_that_another_process_completes_meanwhile_is_left_alone(server, target, monkeypatch):
    lock, part = fcntl.flock, target.with_name("set.zip.part")

    def late(file, kind):
        part.write_bytes(BODY)
        part.rename(target)
        lock(file, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(UserError, match="another process"):
        download(server.url, target, SHA, None)
    assert target.read_bytes() == BODY and left(target) == ["set.zip"] and server.seen == []
