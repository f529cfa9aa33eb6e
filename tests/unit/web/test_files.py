"""Files of this host over HTTP (M227, M239, M495; ranges, escapes, directories, tokens)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.web.fakes import Site

DATA = bytes(range(256)) * 16
JOB_FILE = "/disco/n1/aa/wc@1:2:3/out/part-0"
BLOB = "/ddfs/vol0/blob/4e/name$1-2-3"


@pytest.fixture
def place(site: Site) -> Path:
    for path in (
        site.config.disco_data / JOB_FILE.removeprefix("/disco/"),
        site.config.ddfs_data / BLOB.removeprefix("/ddfs/"),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(DATA)
    return site.config.disco_data.parent


@pytest.mark.parametrize("path", [JOB_FILE, BLOB])
def test_get_and_head(site: Site, place: Path, path: str) -> None:
    reply = site.get(path)
    assert (reply.status_code, reply.content) == (200, DATA)
    assert reply.headers["Content-Type"] == "application/octet-stream"
    head = site.ask("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(DATA))
    assert head.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=4090-", 4090, 4096),
        ("bytes=-6", 4090, 4096),
        ("bytes=4000-9999", 4000, 4096),
    ],
)
@pytest.mark.parametrize("path", [JOB_FILE, BLOB])
def test_ranges(site: Site, place: Path, path: str, header: str, start: int, stop: int) -> None:
    reply = site.get(path, headers={"Range": header})
    assert (reply.status_code, reply.content) == (206, DATA[start:stop])
    assert reply.headers["Content-Range"] == f"bytes {start}-{stop - 1}/4096"
    assert site.ask("HEAD", path, headers={"Range": header}).headers["Content-Length"] == str(stop - start)


def test_a_range_beyond_the_file(site: Site, place: Path) -> None:
    reply = site.get(JOB_FILE, headers={"Range": "bytes=4096-"})
    assert reply.status_code == 416
    assert reply.headers["Content-Range"] == "bytes */4096"


@pytest.mark.parametrize("header", ["bytes=1-2,4-5", "lines=1-2", "bytes=x", "bytes=5-1"])
def test_ranges_that_are_none_give_the_whole_file(site: Site, place: Path, header: str) -> None:
    assert site.get(JOB_FILE, headers={"Range": header}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods(site: Site, place: Path, method: str) -> None:
    assert site.ask(method, BLOB, data=b"").status_code == 405
    assert (site.config.ddfs_data / BLOB.removeprefix("/ddfs/")).read_bytes() == DATA


@pytest.mark.parametrize(
    "path", ["/disco/n1/aa", "/disco/n1/aa/wc@1:2:3/out", "/ddfs/vol0/blob", "/ddfs/vol0/blob/4e"]
)
def test_directories_are_forbidden(site: Site, place: Path, path: str) -> None:
    reply = site.get(path)
    assert (reply.status_code, reply.text) == (403, "Forbidden")


@pytest.mark.parametrize(
    "path",
    [
        "/disco/n2/aa/wc@1:2:3/out/part-0",  # another host's
        "/disco/_disco_8989/aa/x/jobfile",
        "/disco/n1/aa/nothing",
        "/disco/n1/aa/wc@1:2:3/out/part-0/more",
        "/disco/n1/../../master/x",
        "/disco/n1/%2e%2e/%2e%2e/secret",
        "/disco/n1/..%2f..%2fsecret",
        "/disco/n1/%2fetc/passwd",
        "/disco/n1//etc/passwd",
        "/disco/n1/aa/./x",
        "/disco/n1/x%00y",
        "/disco/../secret",
        "/ddfs/vol0/../secret",
        "/ddfs/vol0/%2e%2e/%2e%2e/secret",
        "/ddfs/other/blob/4e/name$1-2-3",
        "/ddfs/vol0/other/4e/name$1-2-3",
        "/ddfs/vol0/blob/4e/!partial-1.name$1-2-3",
        "/ddfs/vol9/blob/4e/name$1-2-3",
    ],
)
def test_what_is_not_served(site: Site, place: Path, path: str) -> None:
    """Sent as they are, so that no client tidies them up first."""
    (place / "secret").write_text("secret")
    partial = site.config.ddfs_data / "vol0/blob/4e/!partial-1.name$1-2-3"
    partial.write_text("secret")
    master = site.config.disco_data / "_disco_8989/aa/x/jobfile"
    master.parent.mkdir(parents=True)
    master.write_text("secret")
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: n1\r\n\r\n".encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert reply.split()[1] == b"404"
    assert b"secret" not in reply


def test_links_that_lead_outside_are_not_followed(site: Site, place: Path) -> None:
    (place / "secret").write_text("secret")
    (site.config.disco_data / "n1/aa/link").symlink_to(place / "secret")
    (site.config.ddfs_data / "vol0/blob/4e/link").symlink_to(place / "secret")
    assert site.get("/disco/n1/aa/link").status_code == 404
    assert site.get("/ddfs/vol0/blob/4e/link").status_code == 404


def test_a_volume_may_be_a_link_to_a_disk(site: Site, place: Path) -> None:
    """M223."""
    (place / "disk/blob/4e").mkdir(parents=True)
    (place / "disk/blob/4e/name$1-2-3").write_bytes(b"there")
    (site.config.ddfs_data / "vol1").symlink_to(place / "disk")
    assert site.get("/ddfs/vol1/blob/4e/name$1-2-3").content == b"there"


@pytest.mark.parametrize(("token", "status"), [("null", 200), ('"t"', 403), ('""', 403)])
def test_a_tag_file_that_holds_tokens_is_not_shown(site: Site, place: Path, token: str, status: int) -> None:
    """M229: the file begins with them."""
    path = site.config.ddfs_data / "vol0/tag/4e/t$1-2-3"
    path.parent.mkdir(parents=True)
    path.write_text(f'{{"version":1,"id":"t$1-2-3","read-token":null, "write-token":{token},"urls":[]}}')
    assert site.get("/ddfs/vol0/tag/4e/t$1-2-3").status_code == status
    assert site.get("/ddfs/vol0/tag/4e/other$1-2-3").status_code == 404


def test_an_empty_file(site: Site, place: Path) -> None:
    (site.config.disco_data / "n1/aa/empty").touch()
    reply = site.get("/disco/n1/aa/empty")
    assert (reply.status_code, reply.content) == (200, b"")
    assert site.get("/disco/n1/aa/empty", headers={"Range": "bytes=0-"}).status_code == 416


def test_no_file_stays_open(site: Site, place: Path) -> None:
    """After whole, partial, refused and abandoned replies alike."""
    big = site.config.disco_data / "n1/aa/big"
    with big.open("wb") as file:
        file.truncate(64 * 1024**2)
    for _ in range(3):
        site.get(JOB_FILE)
        site.ask("HEAD", JOB_FILE)
        site.get(JOB_FILE, headers={"Range": "bytes=5-"})
        site.get(JOB_FILE, headers={"Range": "bytes=99999-"})
        with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as connection:
            connection.sendall(b"GET /disco/n1/aa/big HTTP/1.0\r\nHost: n1\r\n\r\n")
            assert connection.recv(1000)
    root = str(site.config.disco_data)
    for _ in range(10_000):
        if not any(target.startswith(root) for target in open_files()):
            return
    raise AssertionError(f"still open: {open_files()}")


def open_files() -> list[str]:
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(descriptor.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return targets


def test_slow_readers_hold_no_thread(make_site: Callable[..., Site]) -> None:
    """More readers that do not read than there are threads, and others are still served."""
    site = make_site(threads=2)
    big = site.config.disco_data / "n1/aa/big"
    big.parent.mkdir(parents=True)
    with big.open("wb") as file:
        file.truncate(64 * 1024**2)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", site.server.port), 10))
            connection.sendall(b"GET /disco/n1/aa/big HTTP/1.0\r\nHost: n1\r\n\r\n")
            assert connection.recv(100)
        assert site.get("/disco/version").status_code == 200
