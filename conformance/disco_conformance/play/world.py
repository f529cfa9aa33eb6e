"""Where a case happens: a scratch job home, Disco's data directories, the files it serves, and the words
for them.

`{here}` is the task's own host and `{there}` another name for the same machine, so a `disco://{there}/…`
URL must go over HTTP. `{http}` is HOST:PORT of the file server, `{dead}` a port where nobody listens,
`{home}` the job home.
"""

from __future__ import annotations

import contextlib
import gzip
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from disco_conformance.play.ddfs import BlobService
from disco_conformance.play.web import FileServer
from disco_conformance.session.matching import fill
from disco_conformance.session.model import File, Head

HERE, THERE = "localhost", "127.0.0.1"
JOB = "conformance@1:2:3"
PREFIXES = {"disco": "disco_data", "ddfs": "ddfs_data"}


class World:
    def __init__(self, head: Head, name: str, keep: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"conformance-{name}-", dir=keep))
        place = self.root / head.home
        self.home = place / "home"
        self.data = {"disco_data": place / "data", "ddfs_data": place / "ddfs"}
        for folder in (self.home, *self.data.values()):
            folder.mkdir(parents=True)
        self.jobfile = self.home / "jobfile"
        self.jobfile.write_bytes(b"")
        self._closed_port = _closed_port()
        self.ddfs = BlobService(head.ddfs, (THERE, HERE)) if head.ddfs else None
        self.server: FileServer | None = None
        port = self._closed_port.getsockname()[1]
        if head.files or self.ddfs or any(_needs_server(url) for url in _urls(head)):
            self.server = FileServer(self.ddfs)
            port = self.server.port
        self.words = {
            "here": HERE,
            "there": THERE,
            "http": f"{THERE}:{port}",
            "port": str(port),
            "dead": f"{THERE}:{self._closed_port.getsockname()[1]}",
            "home": str(self.home),
            "disco_data": str(self.data["disco_data"]),
            "ddfs_data": str(self.data["ddfs_data"]),
            "jobfile": str(self.jobfile),
        }
        for file in head.files:
            self._offer(file)

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.server is not None:
            self.server.close()
        self._closed_port.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def _offer(self, file: File) -> None:
        data = _filled(file, self.words)
        if "http" in file.at and self.server is not None:
            self.server.offer(file, data)
        prefix, _, rest = file.path.partition("/")
        if "local" in file.at and prefix in PREFIXES:
            path = self.data[PREFIXES[prefix]] / rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def fill(self, text: str) -> str:
        return fill(text, self.words)

    def task(self) -> dict[str, Any]:
        """The object that `{"$base": "task"}` stands for."""
        return {
            "host": HERE,
            "master": f"http://{self.words['http']}",
            "jobname": JOB,
            "taskid": 0,
            "mode": "map",
            "disco_port": int(self.words["port"]),
            "put_port": int(self.words["port"]),
            "disco_data": self.words["disco_data"],
            "ddfs_data": self.words["ddfs_data"],
            "jobfile": self.words["jobfile"],
        }


def _filled(file: File, words: dict[str, str]) -> bytes:
    """The content. Index files name URLs, which name ports."""
    data = file.data
    if b"{" in data:
        with contextlib.suppress(UnicodeDecodeError):
            data = fill(data.decode(), words).encode()
    data *= file.repeat
    return gzip.compress(data, mtime=0) if file.gzip else data


def _urls(head: Head) -> list[str]:
    return [url for i in head.inputs for _, url in (*i.replicas, *i.spare, *i.made)]


def _needs_server(url: str) -> bool:
    return "{there}" in url or "{here}" in url or "{http}" in url


def _closed_port() -> socket.socket:
    """A port that is ours and refuses connections: bound, never listened on."""
    holder = socket.socket()
    holder.bind((THERE, 0))
    return holder
