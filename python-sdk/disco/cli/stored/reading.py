"""What is in a blob: its bytes, or the records in it.

A chunk tells itself by its first bytes, which no text begins with: the magic of a record stream with a header
that makes sense.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from ..naming import Blob

if TYPE_CHECKING:
    from ...ddfs import DDFS

BLOCK_BYTES = 1 << 20
LINES_A_BLOCK = 4096
_MAGIC, _OLD_MAGIC = 0xD1, 0x81
_HIGHEST_ENCODING, _HIGHEST_CODEC = 2, 3


def is_chunk(head: bytes) -> bool:
    """Whether a blob that begins like this (4 bytes or more) is a record stream."""
    if len(head) < 4:
        return False
    if head[0] == _OLD_MAGIC:
        return head[1] <= 1
    return head[0] == _MAGIC and head[1] <= _HIGHEST_ENCODING and head[2] <= _HIGHEST_CODEC and head[3] == 0


def content(ddfs: DDFS, blob: Blob, raw: bool = False) -> Iterator[bytes]:
    """The bytes of a blob in blocks; of a chunk, its records as lines."""
    with ddfs.open_input(blob) as file:
        head = file.read(BLOCK_BYTES)
        if not raw and is_chunk(head):
            yield from text(decoded(_Joined(head, file), blob[0]))
            return
        while head:
            yield head
            head = file.read(BLOCK_BYTES)


def records(
    ddfs: DDFS, blob: Blob, reader: Callable[..., Any] | None, stream: Callable[..., Any] | None
) -> Iterator[Any]:
    """The records of a blob, by `reader` if there is one, after passing through `stream`."""
    with ddfs.open_input(blob) as file:
        data: Any = file
        if stream is not None:
            opened = stream(data, None, blob[0], None)
            data = opened[0] if isinstance(opened, tuple) else opened
        if reader is not None:
            yield from reader(data, None, blob[0], None)
        elif stream is not None:
            yield from data
        else:
            yield from decoded(data, blob[0])


def lines(ddfs: DDFS, blob: Blob) -> Iterator[bytes]:
    """The lines of a blob, without their ends: of a chunk, its records."""
    with ddfs.open_input(blob) as file:
        head = file.read(BLOCK_BYTES)
        source: Any = _Joined(head, file)
        found: Iterable[bytes] = map(line, decoded(source, blob[0])) if is_chunk(head) else source
        for one in found:
            yield one.removesuffix(b"\n")


def text(found: Iterable[Any], form: Callable[[Any], bytes] | None = None) -> Iterator[bytes]:
    """Records as lines, many at a time: a write for each would take longer than to decode them."""
    lines_left = map(form or line, found)
    while block := b"".join(islice(lines_left, LINES_A_BLOCK)):
        yield block


def line(record: Any) -> bytes:
    """A record as a line: the fields of a tuple with tabs between."""
    if isinstance(record, tuple):
        return b"\t".join(map(_field, record)) + b"\n"
    return _field(record).removesuffix(b"\n") + b"\n"


def json_line(record: Any) -> bytes:
    """A record as a line of JSON: bytes as text, what JSON does not know as Python shows it."""
    return json.dumps(_plain(record), ensure_ascii=False, default=repr).encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(held) for key, held in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _field(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def decoded(file: Any, url: str) -> Iterator[Any]:
    from ...records.hunks import read_records

    return read_records(file, url, entries=True)


class _Joined:
    """A file that goes on after bytes already read from it."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        self._file = file

    def read(self, size: int, /) -> bytes:
        if self._head:
            taken, self._head = self._head[:size], self._head[size:]
            return taken
        return self._file.read(size)

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        while block := self.read(BLOCK_BYTES):
            *whole, rest = (rest + block).split(b"\n")
            for one in whole:
                yield one + b"\n"
        if rest:
            yield rest
