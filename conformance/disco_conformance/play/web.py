"""The files of a case over HTTP on the loopback, with the ways in which a file server can fail; and its
DDFS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from disco_conformance.play.ddfs import BlobService
from disco_conformance.session.model import File

MAX_HEADERS_WAIT_S = 10


class FileServer:
    """Asked paths are kept in `asked`, in order."""

    def __init__(self, ddfs: BlobService | None = None) -> None:
        self.ddfs = ddfs
        self.closing = threading.Event()
        self.asked: list[str] = []
        self._offers: dict[str, tuple[File, bytes]] = {}
        self._fails: dict[str, int] = {}
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def offer(self, file: File, data: bytes) -> None:
        self._offers["/" + file.path] = (file, data)
        self._fails["/" + file.path] = file.fails

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def find(self, path: str) -> tuple[File, bytes] | None:
        path = unquote(path.partition("?")[0])
        self.asked.append(path)
        return self._offers.get(path)

    def is_failing(self, path: str) -> bool:
        """Whether this request is one of those that fail."""
        path = unquote(path)
        left = self._fails.get(path, 0)
        self._fails[path] = max(0, left - 1)
        return left > 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, files: FileServer) -> None:
        self.files = files
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = MAX_HEADERS_WAIT_S

    @property
    def files(self) -> FileServer:
        assert isinstance(self.server, _Server)
        return self.server.files

    def do_GET(self) -> None:
        found = self.files.find(self.path)
        if found is None:
            self._ask_ddfs()
        elif self.files.is_failing(self.path):
            self._reply(503, b"try again\n")
        else:
            self._send_file(*found)

    def do_POST(self) -> None:
        self._ask_ddfs()

    def do_PUT(self) -> None:
        self._ask_ddfs()

    def _ask_ddfs(self) -> None:
        if self.files.ddfs is None:
            self._reply(404, b"no such file\n")
            return
        headers, body = dict(self.headers.items()), b"".join(self._body())
        self._reply(*self.files.ddfs.answer(self.command, self.path, headers, body))

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _send_file(self, file: File, data: bytes) -> None:
        offset = self._offset(len(data))
        status = 206 if offset and file.status == 200 else file.status
        if file.stall is None:
            self._reply(status, data[offset:], file.cut, file.location)
        else:
            self._reply(status, data[offset:], file.stall, file.location)
            self.files.closing.wait()

    def _offset(self, size: int) -> int:
        first = self.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
        return int(first) if first.isdigit() and int(first) < size else 0

    def _reply(self, status: int, body: bytes, cut: int | None = None, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        if cut is not None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the transcript tells what matters."""
