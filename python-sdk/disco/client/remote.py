"""A remote file that survives cuts.

The same data may lie at several places. Reading begins at the first that answers; when the connection
ends early, the rest is asked for (HTTP Range) at the next one, from the byte after the last one delivered.
The one promise: the reader sees every byte of one version of the data once, in order, or a CommError.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from ..error import CommError
from .http import HttpClient, Response, close_quietly, reason_of

BLOCK_BYTES = 1 << 20
MAX_RESUMES = 5  # in a row, without a byte in between


def open_replicas(client: HttpClient, urls: Sequence[str], token: str | None = None) -> BinaryIO:
    """A buffered file over replicas of the same data. The first request is made here."""
    remote = RemoteFile(client, list(urls), token)
    remote.connect()
    return cast(BinaryIO, io.BufferedReader(remote, BLOCK_BYTES))


class RemoteFile(io.RawIOBase):
    """Bytes of the first replica that gives them; after a cut, the rest from there on or from the next."""

    def __init__(self, client: HttpClient, urls: list[str], token: str | None) -> None:
        super().__init__()
        self._client = client
        self._urls = client.in_order(urls)
        self._token = token
        self._stream: BinaryIO | None = None
        self._position = 0
        self._resumes = 0
        self.size: int | None = None  # known once connected, unless the server does not say

    def readable(self) -> bool:
        return True

    def connect(self) -> None:
        """Open the first replica that answers. Raises the last CommError when none does."""
        failure: CommError | None = None
        for _ in range(len(self._urls)):
            try:
                return self._connect_to(self._urls[0])
            except CommError as error:
                failure = error
                self._urls.append(self._urls.pop(0))
        raise failure or CommError("there are no replicas to read", "")

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._stream is None:
                self.connect()
            assert self._stream is not None
            try:
                count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
            except Exception as error:  # http.client and urllib3 each have their own tree
                self._lost(reason_of(error))
                continue
            if count:
                self._position += count
                self._resumes = 0
                return count
            if self.size is None or self._position >= self.size:
                return 0
            self._lost(f"closed after {self._position} of {self.size} bytes")

    def close(self) -> None:
        close_quietly(self._stream)
        self._stream = None
        super().close()

    def _connect_to(self, url: str) -> None:
        reply = self._client.request(
            "GET", url, token=self._token, stream=True, offset=self._position or None
        )
        size = _whole_size(reply)
        if self.size is not None and size is not None and size != self.size:
            close_quietly(reply.stream)
            raise CommError(f"it changed while it was read: {size} bytes now, {self.size} before", url)
        self.size = size if self.size is None else self.size
        self._stream = reply.stream
        if self._position and reply.status != 206:
            self._skip(self._position)

    def _skip(self, count: int) -> None:
        """Read past what we have: the server does not know ranges."""
        assert self._stream is not None
        while count:
            block = self._stream.read(min(count, BLOCK_BYTES))
            if not block:
                raise CommError("it is shorter than before", self._urls[0])
            count -= len(block)

    def _lost(self, reason: str) -> None:
        close_quietly(self._stream)
        self._stream = None
        self._resumes += 1
        if self._resumes > MAX_RESUMES:
            raise CommError(f"cut {self._resumes} times at byte {self._position}: {reason}", self._urls[0])
        self._urls.append(self._urls.pop(0))


def _whole_size(reply: Response) -> int | None:
    if reply.status == 206:
        total = reply.headers.get("content-range", "").rpartition("/")[2]
    else:
        total = reply.headers.get("content-length", "")
    return int(total) if total.isdigit() else None
