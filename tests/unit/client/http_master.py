"""A real HTTP server that answers as a master is told to, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


class HttpMaster:
    """`answers` maps a path (without query) to a JSON value, (status, body), or a function of the body."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, bytes]] = []
        master = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                master.answer(self)

            do_POST = do_PUT = do_GET  # noqa: N815 - names of http.server

            def log_message(self, *args: Any) -> None:
                """Tests look at `asked`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.asked.append((request.command, request.path, body))
        found = self.answers.get(request.path.partition("?")[0], (404, "not here"))
        value = found(request, body) if callable(found) else found
        status, content = value if isinstance(value, tuple) else (200, value)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def posted(self, path: str) -> list[Any]:
        return [json.loads(body) for _, asked, body in self.asked if asked.partition("?")[0] == path]


@contextmanager
def running_master() -> Iterator[HttpMaster]:
    master = HttpMaster()
    thread = threading.Thread(target=master.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield master
    finally:
        master.server.shutdown()
        thread.join()
        master.server.server_close()
