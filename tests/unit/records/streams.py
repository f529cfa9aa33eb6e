"""Streams for the tests of records: damaged, dripping, and in the old formats."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from collections.abc import Iterable
from typing import Any

from disco.records.hunks import Encoding, HunkWriter, read_records

URL = "disco://node1/disco/some/file"


class Dripping(io.RawIOBase):
    """A stream that gives at most `most` bytes a read, as a socket may."""

    def __init__(self, data: bytes, most: int = 1) -> None:
        self._inner = io.BytesIO(data)
        self._most = most

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, self._most))


def written(
    keys: list[Any], values: list[Any] | None, encoding: Encoding = Encoding.PICKLE, codec: str = "zlib"
) -> bytes:
    file = io.BytesIO()
    with HunkWriter(file, encoding, codec) as writer:
        writer.add_columns(keys, values)
    return file.getvalue()


def records(data: bytes, **options: Any) -> list[Any]:
    return list(read_records(io.BytesIO(data), URL, **options))


def old_hunk(entries: Iterable[Any], compress: bool = True, protocol: int = 1) -> bytes:
    """A hunk as Disco 0.4 wrote it."""
    raw = b"".join(pickle.dumps(entry, protocol) for entry in entries)
    stored = zlib.compress(raw, 2) if compress else raw
    return struct.pack("<BBIQ", 0x81, compress, zlib.crc32(raw), len(stored)) + stored
