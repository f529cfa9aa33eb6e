"""The blob server as a real process on a real port (5.3, 5.4, M213 M226-M228)."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import stat
import subprocess
import sys
import threading

import pytest

from disco_master.node.storage import blobserver
from disco_master.node.storage.blobserver import BlobApp, Gate
from disco_master.node.storage.volumes import Check, Volumes, check_blob

NAME = "blob:x$5a1-b2c3-0a"


def start_blob_server(root, ports, *options):
    """The process, once it listens, and its ports."""
    module = "disco_master.node.storage.blobserver"
    command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--name", "node1"]
    command += ["--ddfs-data", str(root / "ddfs"), "--disco-data", str(root / "disco")]
    for port in ports:
        command += ["--port", str(port)]
    command += options
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        return process, json.loads(process.stdout.readline())["ports"]
    except ValueError:
        process.communicate()
        raise


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("node")
    process, ports = start_blob_server(root, [0, 0])
    yield root, ports
    process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()


def ask(place, method, path, body=None, headers=None, port=0):
    connection = http.client.HTTPConnection("127.0.0.1", place[1][port], timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def test_a_blob_goes_in_and_comes_out(place):
    """M226 M227: 201 with the blob's URL as JSON; mode 0400; a sum is kept."""
    content = bytes(range(256)) * 9000  # more than is held in memory
    status, headers, body = ask(place, "PUT", f"/ddfs/{NAME}", content)
    hh = hashlib.md5(NAME.encode()).hexdigest()[:2]
    assert (status, headers["Content-Type"]) == (201, "application/json")
    assert json.loads(body) == f"disco://node1/ddfs/vol0/blob/{hh}/{NAME}"
    path = place[0] / "ddfs/vol0/blob" / hh / NAME
    assert path.read_bytes() == content and stat.S_IMODE(path.stat().st_mode) == 0o400
    assert check_blob(path) in (Check.GOOD, Check.UNKNOWN)
    for port in (0, 1):
        status, headers, body = ask(place, "GET", f"/ddfs/vol0/blob/{hh}/{NAME}", port=port)
        assert status == 200 and body == content
        assert headers["Content-Type"] == "application/octet-stream"
    status, headers, body = ask(place, "HEAD", f"/ddfs/vol0/blob/{hh}/{NAME}")
    assert (status, headers["Content-Length"], body) == (200, str(len(content)), b"")


def test_an_empty_blob_and_a_chunked_body(place):
    assert ask(place, "PUT", "/ddfs/empty$1-0-0", b"")[0] == 201
    status, _, body = ask(place, "PUT", "/ddfs/chunked$1-0-0", iter([b"ab", b"cd"]))
    assert status == 201
    path = json.loads(body).removeprefix("disco://node1")
    assert ask(place, "GET", path)[2] == b"abcd"
    empty = hashlib.md5(b"empty$1-0-0").hexdigest()[:2]
    assert ask(place, "GET", f"/ddfs/vol0/blob/{empty}/empty$1-0-0")[::2] == (200, b"")


def test_a_blob_is_written_once(place):
    assert ask(place, "PUT", "/ddfs/once$1-0-0", b"first")[0] == 201
    status, _, body = ask(place, "PUT", "/ddfs/once$1-0-0", b"second")
    assert status == 500 and body.startswith(b"File exists (path: ")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("PUT", "/ddfs/nostamp", 403, b"Invalid blob name"),
        ("PUT", "/ddfs/bad%20name$1-0-0", 403, b"Invalid blob name"),
        ("PUT", "/ddfs/../../x$1-0-0", 403, b"Invalid blob name"),
        ("PUT", "/ddfs/%2e%2e%2fx$1-0-0", 403, b"Invalid blob name"),
        ("PUT", "/ddfs/vol0/blob/aa/x$1-0-0", 403, b"Invalid blob name"),
        ("PUT", "/other/x$1-0-0", 404, b"Not found."),
        ("POST", "/ddfs/x$1-0-0", 501, b"Method not supported"),
        ("DELETE", "/ddfs/vol0/blob/aa/x$1-0-0", 501, b"Method not supported"),
        ("GET", "/", 404, b"Not found."),
        ("GET", "/disco", 404, b"Not found."),
        ("GET", "/ddfs/vol0/blob/aa/missing$1-0-0", 404, b"Not found."),
        ("GET", "/ddfs/vol0", 403, b"Forbidden"),
        ("GET", "/ddfs/vol0/", 403, b"Forbidden"),
        ("GET", "/ddfs/vol0/../../disco/node1", 404, b"Not found."),
        ("GET", "/ddfs/secret", 404, b"Not found."),
        ("GET", "/ddfs/%2e%2e/disco/node1/file", 404, b"Not found."),
        ("GET", "/disco/..%2f..%2f..%2f..%2fetc/passwd", 404, b"Not found."),
        ("GET", "/disco//etc/passwd", 404, b"Not found."),
        ("GET", "/disco/node1/link/passwd", 404, b"Not found."),
        ("GET", "/disco/node1/file%00", 404, b"Not found."),
        ("GET", "/disco/node1/%ff", 404, b"Not found."),
    ],
)
def test_refusals(place, method, path, status, text):
    """5.3, 5.4, and every way out of the data directories."""
    (place[0] / "disco/node1").mkdir(parents=True, exist_ok=True)
    (place[0] / "disco/node1/file").write_text("x")
    (place[0] / "ddfs/secret").write_text("x")
    if not (place[0] / "disco/node1/link").is_symlink():
        (place[0] / "disco/node1/link").symlink_to("/etc")
    found = ask(place, method, path, body=b"" if method == "PUT" else None)
    assert (found[0], found[2]) == (status, text)


@pytest.mark.parametrize(
    ("wanted", "status", "content", "shown"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("nonsense", 200, b"0123456789", None),
    ],
)
def test_ranges(place, wanted, status, content, shown):
    file = place[0] / "disco/node1/aa/job@1/out"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"0123456789")
    found = ask(place, "GET", "/disco/node1/aa/job@1/out", headers={"Range": wanted})
    assert (found[0], found[2], found[1].get("Content-Range")) == (status, content, shown)


def test_a_range_outside_the_file(place):
    file = place[0] / "disco/node1/short"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"0123456789")
    status, headers, _ = ask(place, "GET", "/disco/node1/short", headers={"Range": "bytes=10-"})
    assert (status, headers["Content-Range"]) == (416, "bytes */10")


def test_an_upload_that_breaks_off_leaves_nothing(place):
    with socket.create_connection(("127.0.0.1", place[1][0]), 20) as client:
        client.sendall(b"PUT /ddfs/broken$1-0-0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert ask(place, "PUT", "/ddfs/after$1-0-0", b"x")[0] == 201
    assert list((place[0] / "ddfs").rglob("*broken*")) == []


def test_slow_readers_do_not_hold_up_others(place):
    """Fifty half-read downloads of a large file, then one more request."""
    file = place[0] / "disco/node1/large"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        out.truncate(64 << 20)
    clients = []
    for _ in range(50):
        client = socket.create_connection(("127.0.0.1", place[1][0]), 20)
        client.sendall(b"GET /disco/node1/large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        clients.append(client)
    (place[0] / "disco/node1/small").write_bytes(b"x")
    assert ask(place, "GET", "/disco/node1/small")[0] == 200
    for client in clients:
        client.close()


def test_tags_with_tokens_and_unfinished_files_are_not_served(place):
    directory = place[0] / "ddfs/vol0/tag/aa"
    directory.mkdir(parents=True, exist_ok=True)
    for name, token in (("open$1-0-0", "null"), ("closed$1-0-0", '"secret"'), ("!partial.x$1-0-0", "null")):
        (directory / name).write_text('{"read-token": null, "write-token": ' + token + ', "urls": []}')
    found = {
        path.name: ask(place, "GET", f"/ddfs/vol0/tag/aa/{path.name}")[0] for path in directory.iterdir()
    }
    assert found == {"open$1-0-0": 200, "closed$1-0-0": 403, "!partial.x$1-0-0": 404}


def test_it_ends_with_its_parents_pipe(tmp_path):
    process, ports = start_blob_server(tmp_path, [0])
    assert process.poll() is None and len(ports) == 1
    process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()


@pytest.mark.parametrize(("size", "status"), [(10, 201), (11, 413)])
def test_the_size_of_a_blob_is_bounded(tmp_path, size, status):
    process, ports = start_blob_server(tmp_path, [0], "--max-blob-bytes", "10")
    assert ask((tmp_path, ports), "PUT", f"/ddfs/{NAME}", b"x" * size)[0] == status
    assert len(list((tmp_path / "ddfs").rglob("*" + NAME))) == (status == 201)
    process.communicate()


def test_a_port_in_use_is_said_and_the_process_ends(tmp_path, place, capfd):
    with pytest.raises(ValueError):  # no line with ports
        start_blob_server(tmp_path, [place[1][0]])
    assert "Address already in use" in capfd.readouterr().err


@pytest.mark.parametrize("waiting", [0, 2])
def test_the_gate_counts(waiting):
    """M228: so many pass, so many wait, the next is refused; a place is free again afterwards."""
    gate = Gate(1, waiting)
    assert gate.enter()
    passed = threading.Semaphore(0)

    def upload():
        assert gate.enter()
        passed.release()
        gate.leave()

    threads = [threading.Thread(target=upload) for _ in range(waiting)]
    for thread in threads:
        thread.start()
    while gate.free:
        pass
    assert not gate.enter() and not passed.acquire(blocking=False)
    gate.leave()
    for thread in threads:
        thread.join(10)
    assert all(passed.acquire(blocking=False) for _ in threads)
    assert gate.enter()


def test_too_many_uploads_are_told_to_come_again(tmp_path):
    """5.3: 503 with Retry-After, before anything is read."""
    app = BlobApp(Volumes(tmp_path / "ddfs", "n"), tmp_path)
    app.uploads = Gate(0, 0)
    answers = []
    environ = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/ddfs/x$1-0-0", "wsgi.input": None}
    body = app(environ, lambda status, headers: answers.append((status, dict(headers))))
    assert answers[0][0] == "503 Service Unavailable" and int(answers[0][1]["Retry-After"]) > 0
    assert list(body) == [b"Maximum number of uploaders reached. Try again later"]
    assert (blobserver.UPLOADS_ACTIVE, blobserver.UPLOADS_WAITING) == (3, 100)
    assert blobserver.MAX_BLOB_BYTES == 1 << 40


def test_too_many_downloads_are_told_to_come_again_and_closed_ones_count_no_more(tmp_path):
    app = BlobApp(Volumes(tmp_path / "ddfs", "n"), tmp_path)
    app.downloads = threading.Semaphore(1)
    (tmp_path / "f").write_bytes(b"x")
    kept, answers = [], []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/disco/f",
        "wsgi.file_wrapper": lambda file, size: kept.append(file) or [],
    }
    for _ in range(2):
        app(environ, lambda status, headers: answers.append(status))
    kept[0].close()
    kept[0].close()
    app(environ, lambda status, headers: answers.append(status))
    kept[1].close()
    assert answers == ["200 OK", "503 Service Unavailable", "200 OK"]
