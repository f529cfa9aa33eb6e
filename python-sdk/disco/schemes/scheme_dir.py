"""`dir://HOST/…`: an index of outputs, one `label url` a line, gzip when its name ends in .gz.

Read as a stream, an index gives the bytes of its outputs one after another.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import IO, Any

from ..error import DataError
from .scheme_disco import input_stream as open_disco

MAX_INDEX_BYTES = 256 * 1024 * 1024  # unpacked: more than a million outputs


def read_index(url: str) -> Iterator[tuple[str, str]]:
    """The (label, url) pairs of an index. Raises DataError when it can't be read."""
    file, _, _ = open_disco(None, None, url, None)
    with file:
        content = file.read()
    if url.endswith(".gz"):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(content, MAX_INDEX_BYTES)
        except zlib.error as error:
            raise DataError(f"the index is damaged ({error})", url) from error
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise DataError("the index is cut off, or too large", url)
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        label, found, output = line.partition(" ")
        if not found:
            raise DataError(f"a line of the index is not `label url`: {line[:100]!r}", url)
        yield label, output


def parse_dir(dir: str, partition: str | int | None = None) -> list[str]:
    """Translates a directory URL to a sorted list of normal URLs: all of them, or one partition's."""
    wanted = None if partition is None else str(partition)
    return sorted({url for label, url in read_index(dir) if wanted is None or label == wanted})


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int | None, str]:
    """Opens the outputs in an index as one file, one after the other."""
    from . import open as open_url

    return io.BufferedReader(_Joined(open_url(output) for output in parse_dir(url))), None, url


class _Joined(io.RawIOBase):
    """Files read as one; each is opened when its turn comes."""

    def __init__(self, files: Iterator[IO[bytes]]) -> None:
        self._files = files
        self._file: IO[bytes] | None = next(files, None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._file is not None:
            data = self._file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._file.close()
            self._file = next(self._files, None)
        return 0
