"""Storing blobs: from a file here to K nodes.

A blob is sent to all the nodes that the master names, or counts as not stored: when one of them fails, the
master is asked again without it, for a new name, since replicas of one blob carry one name. What was already
sent under the old name belongs to no tag, and garbage collection takes it.
"""

from __future__ import annotations

import logging
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar
from urllib.parse import urlsplit

from ..error import CommError
from ..settings import DiscoSettings
from .http import HttpClient, web_url

TRANSFERS = 2  # at a time: a node takes 3
BLOCK_BYTES = 1 << 20
_FORBIDDEN = 403
_CREATED = 201
log = logging.getLogger("disco.ddfs")

Item = TypeVar("Item")
Result = TypeVar("Result")


class BlobNamer(Protocol):
    """Where the URLs to PUT a blob to come from: a DDFS master."""

    def new_blob(self, name: str, replicas: int | None = None, exclude: Iterable[str] = ()) -> list[str]: ...


@dataclass(frozen=True)
class BlobStore:
    """Sends blobs. `retries` is the number of nodes that may fail a blob before it is given up."""

    namer: BlobNamer
    http: HttpClient
    settings: DiscoSettings
    replicas: int | None = None
    retries: int = 10

    def store(self, source: str | Path | BinaryIO, name: str) -> list[str]:
        """Store a file, a path or an open one from where it stands; returns the URLs of the replicas."""
        if isinstance(source, str | Path):
            with Path(source).open("rb") as file:
                return self._store(file, name)
        if source.seekable():
            return self._store(source, name)
        with tempfile.TemporaryFile() as copy:  # a second replica needs the bytes again
            while block := source.read(BLOCK_BYTES):
                copy.write(block)
            copy.seek(0)
            return self._store(copy, name)

    def _store(self, file: BinaryIO, name: str) -> list[str]:
        start = file.tell()
        exclude: list[str] = []
        failure: CommError | None = None
        while True:
            targets = self._targets(name, exclude, failure)
            stored: list[str] = []
            for target in targets:
                file.seek(start)
                try:
                    stored.append(self._put(target, file))
                except CommError as error:
                    failure = error
                    exclude.append(urlsplit(target).hostname or "")
                    break
            else:
                return stored
            if len(exclude) > self.retries:
                raise failure
            log.warning("storing %s: %s failed (%s); trying other nodes", name, exclude[-1], failure.msg)

    def _targets(self, name: str, exclude: list[str], failure: CommError | None) -> list[str]:
        """PUT URLs for as many replicas as wanted, or as many as there are nodes."""
        wanted = self.replicas
        while True:
            try:
                targets = self.namer.new_blob(name, wanted, exclude)
            except CommError as error:
                if error.code != _FORBIDDEN or "nodes" not in error.msg:
                    raise
                if wanted is None or wanted <= 1:
                    raise failure or error from None
                wanted -= 1
            else:
                if self.replicas and len(targets) < self.replicas:
                    log.warning("storing %s: %d of %d replicas", name, len(targets), self.replicas)
                return targets

    def _put(self, target: str, file: BinaryIO) -> str:
        url = web_url(target, self.settings, "PUT")
        reply = self.http.request("PUT", url, file)
        if reply.status != _CREATED:
            raise CommError(
                f"the node did not say that it stored the blob: {reply.text!r}", url, reply.status
            )
        return str(reply.json())


def concurrently(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in order, TRANSFERS at a time; items are taken only as fast as they are worked off."""
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(TRANSFERS) as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) > TRANSFERS:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
