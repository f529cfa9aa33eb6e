"""The blob server: takes PUT of blobs and serves files, in a process of its own.

    PUT  /ddfs/NAME$stamp                          a new blob on the emptiest volume
    GET  /ddfs/volN/{blob,tag}/HH/NAME$stamp       files of DDFS, with Range
    GET  /disco/HOST/HH/JOB/…                      files of jobs, with Range

Its own process, because large transfers next to the threads that start tasks would slow every start down. It
ends when its standard input does, so it can't outlive its node. One line on standard output tells the ports.
Uploads are bounded in number: a few are written at a time, some wait, more are told to come again. Downloads
only by a total: a reader may keep many files open at once, and must not wait for itself.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...address import bracketed
from ...files import RangeError, UnsafePathError, names_no_token, plan_reply, resolve_under
from .volumes import NameRefusedError, NoVolumeError, Volumes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BLOB_BYTES = 1 << 40
UPLOADS_ACTIVE = 3
UPLOADS_WAITING = 100
DOWNLOADS_OPEN = 1000
OTHER_THREADS = 8  # for requests that are neither written nor wait
CONNECTIONS = 2000
RETRY_AFTER_S = 5
RECEIVE_BYTES = 256 * 1024  # with the library's default, uploads are 2.4 times slower
_INCOMING = "!incoming"  # where the HTTP library collects request bodies; no volume has this name
_REASONS = {
    200: "OK",
    201: "Created",
    206: "Partial Content",
    403: "Forbidden",
    404: "Not Found",
    416: "Range Not Satisfiable",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Refusal(Exception):
    """A request that is answered with `status`; the text is the body."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        self.status, self.text, self.headers = status, text, headers
        super().__init__(text)


class Gate:
    """Lets `active` through at a time and `waiting` wait for it; refuses the others."""

    def __init__(self, active: int, waiting: int) -> None:
        self.free = active + waiting  # places, to wait or to be active
        self._active = active
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """False: come again later."""
        with self._changed:
            if self.free == 0:
                return False
            self.free -= 1
            self._changed.wait_for(lambda: self._active > 0)
            self._active -= 1
        return True

    def leave(self) -> None:
        with self._changed:
            self.free += 1
            self._active += 1
            self._changed.notify()


class BlobApp:
    """The WSGI application."""

    def __init__(self, volumes: Volumes, disco_data: Path) -> None:
        self.volumes, self.disco_data = volumes, disco_data
        self.uploads = Gate(UPLOADS_ACTIVE, UPLOADS_WAITING)
        self.downloads = threading.Semaphore(DOWNLOADS_OPEN)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "surrogateescape")
            if environ["REQUEST_METHOD"] == "PUT":
                return self._put(path, environ["wsgi.input"], start_response)
            if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
                return self._get(path, environ, start_response)
            raise Refusal(501, "Method not supported")
        except Refusal as refusal:
            body = refusal.text.encode("utf-8", "replace")
            headers = [("Content-Length", str(len(body))), *refusal.headers]
            start_response(f"{refusal.status} {_REASONS[refusal.status]}", headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _put(self, path: str, data: BinaryIO, start_response: StartResponse) -> Iterable[bytes]:
        if not path.startswith("/ddfs/"):
            raise Refusal(404, "Not found.")
        if not self.uploads.enter():
            text = "Maximum number of uploaders reached. Try again later"
            raise Refusal(503, text, ("Retry-After", str(RETRY_AFTER_S)))
        try:
            blob = self.volumes.put_blob(path.removeprefix("/ddfs/"), data)
        except NameRefusedError as error:
            raise Refusal(403, "Invalid blob name") from error
        except NoVolumeError as error:
            raise Refusal(500, "No volumes") from error
        except OSError as error:
            raise Refusal(500, f"{error.strerror} (path: {error.filename}): {error.errno}") from error
        finally:
            self.uploads.leave()
        body = json.dumps(self.volumes.url(blob)).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("201 Created", headers)
        return [body]

    def _get(self, path: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            part = plan_reply(self._file(path), environ.get("HTTP_RANGE"))
            if environ["REQUEST_METHOD"] == "HEAD":
                start_response(f"{part.status} {_REASONS[part.status]}", part.headers)
                return []
            file = _Download(part.path, part.start, self.downloads)
        except IsADirectoryError as error:
            raise Refusal(403, "Forbidden") from error
        except RangeError as error:
            raise Refusal(416, str(error), ("Content-Range", f"bytes */{error.size}")) from error
        except (OSError, UnsafePathError) as error:
            raise Refusal(404, "Not found.") from error
        start_response(f"{part.status} {_REASONS[part.status]}", part.headers)
        wrap: Callable[[BinaryIO, int], Iterable[bytes]] = environ["wsgi.file_wrapper"]
        return wrap(file, RECEIVE_BYTES)  # sent by the server's own loop: a slow reader holds no thread

    def _file(self, path: str) -> Path:
        area, _, relative = path.rstrip("/").removeprefix("/").partition("/")
        if area == "ddfs" and relative.startswith("vol") and "/!" not in relative:  # nothing unfinished
            file = resolve_under(self.volumes.root, relative, mounts=1)
            if relative.split("/")[1:2] == ["tag"] and file.is_file() and not names_no_token(file):
                raise Refusal(403, "Forbidden")
            return file
        if area == "disco":
            return resolve_under(self.disco_data, relative)
        raise UnsafePathError(path, "neither /ddfs/vol… nor /disco/…")


class _Download(io.FileIO):
    """A file being sent, which counts until it is closed."""

    def __init__(self, path: Path, start: int, open_downloads: threading.Semaphore) -> None:
        self._open_downloads: threading.Semaphore | None = None
        if not open_downloads.acquire(blocking=False):
            text = "Maximum number of downloaders reached. Try again later"
            raise Refusal(503, text, ("Retry-After", str(RETRY_AFTER_S)))
        self._open_downloads = open_downloads
        super().__init__(path, "rb")
        self.seek(start)

    def close(self) -> None:
        super().close()
        counted, self._open_downloads = self._open_downloads, None
        if counted is not None:
            counted.release()


def _end_with_stdin() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(0)


def main(arguments: Sequence[str] | None = None) -> None:
    from waitress.server import create_server

    parser = ArgumentParser(prog="python -m disco_master.node.storage.blobserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--name", help="the node's name, for URLs; default: --host")
    parser.add_argument("--port", type=int, action="append", required=True, help="may be repeated")
    parser.add_argument("--max-blob-bytes", type=int, default=MAX_BLOB_BYTES)
    parser.add_argument("--ddfs-data", type=Path, required=True)
    parser.add_argument("--disco-data", type=Path, required=True)
    options = parser.parse_args(arguments)
    volumes = Volumes(options.ddfs_data, options.name or options.host)
    incoming = volumes.emptiest() / _INCOMING
    incoming.mkdir(exist_ok=True)
    tempfile.tempdir = str(incoming)  # request bodies must not fill a small /tmp
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    server: Any = create_server(
        BlobApp(volumes, options.disco_data),
        listen=" ".join(f"{bracketed(options.host)}:{port}" for port in options.port),
        threads=UPLOADS_ACTIVE + UPLOADS_WAITING + OTHER_THREADS,
        connection_limit=CONNECTIONS,
        max_request_body_size=options.max_blob_bytes + 1,  # waitress refuses from there on
        recv_bytes=RECEIVE_BYTES,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )
    bound = getattr(server, "effective_listen", None) or [(options.host, server.effective_port)]
    print(json.dumps({"ports": [int(port) for _, port in bound]}), flush=True)
    server.run()


if __name__ == "__main__":
    main()
