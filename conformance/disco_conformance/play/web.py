"""The files of a case over HTTP on the loopback, with the ways in which a file server can fail."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from disco_conformance.session.model import File

MAX_HEADERS_WAIT_S = 10


class FileServer:
    """Asked paths are kept in `asked`, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._offers: dict[str, tuple[File, bytes]] = {}
        self._fails: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def offer(self, file: File, data: bytes) -> None:
        self._offers["/" + file.path] = (file, data)
        self._fails["/" + file.path] = file.fails

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _find(self, path: str) -> tuple[File, bytes] | None:
        path = unquote(path.partition("?")[0])
        self.asked.append(path)
        return self._offers.get(path)

    def _failing(self, path: str) -> bool:
        path = unquote(path)
        left = self._fails.get(path, 0)
        self._fails[path] = max(0, left - 1)
        return left > 0

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        files = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = MAX_HEADERS_WAIT_S

            def do_GET(self) -> None:
                found = files._find(self.path)
                if found is None:
                    self._reply(404, b"no such file\n")
                elif files._failing(self.path):
                    self._reply(503, b"try again\n")
                else:
                    self._send_file(*found)

            def _send_file(self, file: File, data: bytes) -> None:
                offset = self._offset(len(data))
                status = 206 if offset and file.status == 200 else file.status
                self._reply(status, data[offset:], file.cut, file.location)

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

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: the transcript tells what matters."""

        return Handler
