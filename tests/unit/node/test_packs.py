"""Packs that come over HTTP from a master on another machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from disco_master.node.packs import Packs

JOB = "wc@1:2:3"
DATA = os.urandom(3_000_000)


class Master(ThreadingHTTPServer):
    """Answers `parameters`; `cut` bytes of the pack are left out."""

    daemon_threads = True
    status, cut = 200, 0
    asked: list[str]


class Request(BaseHTTPRequestHandler):
    server: Master

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        assert parts.path == "/disco/ctrl/parameters"
        self.server.asked += parse_qs(parts.query)["name"]
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[: len(DATA) - self.server.cut])

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def master() -> Iterator[Master]:
    server = Master(("127.0.0.1", 0), Request)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def packs(master: Master, tmp_path: Path) -> Packs:
    return Packs(f"http://127.0.0.1:{master.server_port}", tmp_path / "packs")


def test_a_pack_is_fetched_whole(packs: Packs, master: Master) -> None:
    assert packs.fetch(JOB).read_bytes() == DATA
    assert master.asked == [JOB]


def test_what_was_linked_or_left_is_removed(packs: Packs, master: Master, tmp_path: Path) -> None:
    linked, waiting = packs.fetch("a@1:1:1"), packs.fetch("b@1:1:1")
    os.link(linked, tmp_path / "home")
    latest = packs.fetch("c@1:1:1")
    assert sorted((tmp_path / "packs").iterdir()) == sorted([waiting, latest])
    Packs("http://127.0.0.1:1", tmp_path / "packs")
    assert not (tmp_path / "packs").exists()


def spoil_status(master: Master) -> None:
    master.status = 404


def spoil_length(master: Master) -> None:
    master.cut = 1


@pytest.mark.parametrize("spoil", [spoil_status, spoil_length])
def test_anything_but_the_whole_pack_is_an_error(
    packs: Packs, master: Master, tmp_path: Path, spoil: Callable[[Master], None]
) -> None:
    spoil(master)
    with pytest.raises(OSError, match="parameters"):
        packs.fetch(JOB)
    assert list((tmp_path / "packs").iterdir()) == []


def test_a_master_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="can't be fetched"):
        Packs("http://127.0.0.1:1", tmp_path / "packs").fetch(JOB)
