"""Servers that break off, mislead or never end."""

import gzip
import os
import random
import time

import pytest
import requests
from file_server import BODY, LONG_AGO, SHA, left, reply, reset, rest, serving

from advkd.data.archives import download as module
from advkd.data.archives.download import download
from advkd.errors import UserError

OTHER = bytes(reversed(BODY))
PACKED = gzip.compress(BODY)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with serving() as state:
        yield state


@pytest.fixture
def target(tmp_path):
    return tmp_path / "archives" / "set.zip"


@pytest.mark.parametrize("seed", range(4))
def test_connections_that_are_reset_at_random_places(server, target, seed):
    rng = random.Random(seed)

    def broken(handler, asked):
        start = int(asked[6:-1]) if asked else 0
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        handler.send_header("Content-Length", str(len(BODY) - start))
        handler.end_headers()
        handler.wfile.write(BODY[start : start + rng.randint(1, 40_000)])
        reset(handler)

    server.answers = [broken] * 25 + [rest]
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY and left(target) == ["set.zip"]


@pytest.mark.parametrize("ends", ["stalls", "is cut"])
def test_a_trickle_is_not_given_up_and_not_lost(server, target, monkeypatch, ends):
    """The whole takes longer than any one wait may, and more connections, of ten bytes each, than may be fruitless."""
    monkeypatch.setattr(module, "TIMEOUT", (1, 1))
    monkeypatch.setattr(module, "TRIES", 2)
    body = BODY[:40]

    def trickle(handler, asked):
        start = int(asked[6:-1]) if asked else 0
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-39/40")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.send_header("Last-Modified", LONG_AGO)
        handler.end_headers()
        for byte in body[start : start + 10]:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)
        if ends == "stalls":
            server.over.wait(5)

    server.answers = [trickle]
    download(server.url, target, None, len(body))
    assert target.read_bytes() == body
    assert server.seen == [None, "bytes=10-", "bytes=20-", "bytes=30-"]


def test_a_server_that_says_nothing_is_given_up(server, target, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", (0.5, 0.5))
    server.answers = [lambda *_: server.over.wait(5)]
    with pytest.raises(UserError, match=r"cannot download .*start again to resume"):
        download(server.url, target, SHA, None)
    assert len(server.seen) == 1 + module.TRIES and left(target) == ["set.zip.part"]


@pytest.mark.parametrize("asks", ["86400", "Fri, 01 Jan 2100 00:00:00 GMT", "0", None])
def test_a_busy_server_may_name_a_time_but_no_day(server, target, monkeypatch, asks):
    slept = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    server.answers = [lambda handler, _: reply(handler, b"", 503, Retry_After=asks), rest]
    download(server.url, target, SHA, None)
    assert target.read_bytes() == BODY and sum(slept) <= module.LONGEST_WAIT


@pytest.mark.parametrize(("status", "times"), [(403, 1), (404, 1), (410, 1), (500, 6), (503, 6)])
def test_a_server_that_refuses_is_told_and_the_part_kept(server, target, status, times):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(BODY[:1000])
    server.answers = [lambda handler, _: reply(handler, b"<html>no</html>", status)]
    words = f"answers {status}" if times == 1 else "out of order"
    with pytest.raises(UserError, match=rf"{words}.*kept.*start again.*--config mirror=DIR") as raised:
        download(server.url, target, SHA, None)
    assert "\n" not in str(raised.value) and len(server.seen) == times
    assert target.with_name("set.zip.part").read_bytes() == BODY[:1000]


def test_a_redirect_loop_is_told(server, target):
    server.answers = [lambda handler, _: reply(handler, b"", 302, Location=server.url)]
    with pytest.raises(UserError, match=r"Exceeded 30 redirects"):
        download(server.url, target, SHA, None)


@pytest.mark.parametrize("place", ["/other.zip", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "//"])
def test_a_redirect_elsewhere_gives_no_other_file(server, target, place):
    server.answers = [
        lambda handler, _: reply(handler, b"", 301, Location=place),
        lambda handler, _: reply(handler, b"another"),
    ]
    with pytest.raises(UserError, match=r"start again") as raised:
        download(server.url, target, SHA, None)
    assert not target.exists() and "\n" not in str(raised.value)


def test_a_range_that_was_not_asked_for_is_not_taken(server, target):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(BODY[:1000])
    server.answers = [lambda handler, _: rest(handler, "bytes=5000-"), rest]
    download(server.url, target, None, None)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("span", [None, "bytes", "bytes 1000-x/y", "bytes 1000-2000"])
def test_a_range_without_a_place_is_not_taken(server, target, span):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(BODY[:1000])
    server.answers = [lambda handler, _: reply(handler, b"junk", 206, Content_Range=span), rest]
    download(server.url, target, None, None)
    assert target.read_bytes() == BODY


def test_a_server_that_gives_less_than_asked_for_is_asked_for_the_rest(server, target):
    server.answers = [lambda handler, asked: rest(handler, asked or "bytes=0-", limit=100_000)]
    download(server.url, target, None, None)
    assert target.read_bytes() == BODY and len(server.seen) == 6


@pytest.mark.parametrize("length", [len(BODY) - 1, len(BODY) + 1])
@pytest.mark.parametrize("size", [None, len(BODY)])
def test_a_wrong_content_length_is_never_taken(server, target, length, size):
    server.answers = [lambda handler, _: reply(handler, BODY, Content_Length=str(length))]
    with pytest.raises(UserError, match="start again") as raised:
        download(server.url, target, SHA, size)
    assert not target.exists() and "\n" not in str(raised.value)


def test_a_file_longer_than_published_is_cut_short(server, target):
    def endless(handler, _):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):  # an end far enough, but not one that a fault of ours could fill a disk with
            handler.wfile.write(BODY)

    server.answers = [endless]
    with pytest.raises(UserError, match=r"in place of 512,000") as raised:
        download(server.url, target, None, len(BODY))
    assert int(str(raised.value).split("(")[1].split()[0].replace(",", "")) <= len(BODY) + module.CHUNK
    assert left(target) == []


def test_a_file_whose_end_nobody_could_tell_is_refused(server, target):
    server.length = False
    with pytest.raises(UserError, match="does not say how long the file is"):
        download(server.url, target, None, None)
    assert not target.exists()


def test_a_web_page_in_place_of_the_file_costs_nothing_that_has_arrived(server, target):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(BODY[:1000])
    page = lambda handler, _: reply(handler, b"<html>log in</html>", Content_Type="text/html; charset=utf-8")  # noqa: E731
    server.answers = [page, rest]
    with pytest.raises(UserError, match=r"answers with a web page.*kept in .*set\.zip\.part"):
        download(server.url, target, None, None)
    download(server.url, target, None, None)
    assert target.read_bytes() == BODY and server.seen == ["bytes=1000-"] * 2


@pytest.mark.parametrize(("name", "arrives"), [("set.zip", BODY), ("set.tgz", PACKED)])
def test_what_a_server_calls_compressed(server, target, name, arrives):
    """Some compress what is none of theirs; some call an archive's own compression an encoding of it."""
    server.answers = [lambda handler, _: reply(handler, PACKED, Content_Encoding="gzip")]
    download(server.url.replace("set.zip", name), target, None, len(arrives))
    assert target.read_bytes() == arrives


@pytest.mark.parametrize("tells", ["ETag", "size"])
def test_a_file_that_changes_between_two_tries_is_begun_again(server, target, tells):
    new = OTHER if tells == "ETag" else OTHER + b"more"
    tags = ({"ETag": '"1"'}, {"ETag": '"2"'}) if tells == "ETag" else ({}, {})

    def first(handler, _):
        reply(handler, BODY[:70_000], Content_Length=str(len(BODY)), **tags[0])
        reset(handler)

    server.answers = [first, lambda handler, asked: rest(handler, asked, new, **tags[1])]
    download(server.url, target, None, None)
    assert target.read_bytes() == new


@pytest.mark.parametrize("changed", [True, False])
def test_a_part_of_an_older_file_is_dropped(server, target, changed):
    target.parent.mkdir()
    part = target.with_name("set.zip.part")
    part.write_bytes(BODY[:1000])
    os.utime(part, (1e9, 1e9))  # 9 September 2001
    when = f"{'Mon, 10' if changed else 'Sat, 08'} Sep 2001 00:00:00 GMT"
    server.answers = [lambda handler, asked: rest(handler, asked, OTHER if changed else BODY, Last_Modified=when)]
    download(server.url, target, None, None)
    assert target.read_bytes() == (OTHER if changed else BODY) and len(server.seen) == 1 + changed


def test_a_part_of_another_file_is_noticed_by_the_checksum(server, target):
    target.parent.mkdir()
    target.with_name("set.zip.part").write_bytes(OTHER[:1000])
    with pytest.raises(UserError, match=r"not the published file \(sha256:.* in place of sha256:.*start again"):
        download(server.url, target, SHA, None)
    assert left(target) == []
    download(server.url, target, SHA, None)
    assert target.read_bytes() == BODY


def test_who_dies_while_verifying_has_lost_nothing(server, target, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "_verify", interrupt)
        download(server.url, target, SHA, len(BODY))
    assert left(target) == ["set.zip.part"]
    download(server.url, target, SHA, len(BODY))
    assert target.read_bytes() == BODY and server.seen == [None]


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>log in", b'\n {"error": "quota"}', b"<?xml version='1.0'?>"])
def test_a_text_in_place_of_the_file_is_known_whatever_its_type_says(server, target, body):
    server.answers = [lambda handler, _: reply(handler, body, Content_Type="application/zip")]
    with pytest.raises(UserError, match="answers with a text that is no archive"):
        download(server.url, target, None, None)
    assert not target.exists()


def test_a_file_that_nobody_could_compare_is_never_joined(server, target):
    """The server replaces it by one of the same length between two connections, without a tag or a time."""
    server.answers = [
        lambda handler, requested: rest(
            handler, requested, limit=9000, Last_Modified=None, Content_Length=str(len(BODY))
        ),
        lambda handler, requested: rest(handler, requested, OTHER, Last_Modified=None),
    ]
    download(server.url, target, None, len(BODY))
    assert target.read_bytes() == OTHER


def test_an_untrusted_certificate_is_named():
    error = requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED")
    assert "certificate cannot be trusted" in module._reason(error)
