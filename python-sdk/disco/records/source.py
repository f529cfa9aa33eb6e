"""Reading a stream exactly, and knowing where one is when it is damaged."""

from __future__ import annotations

from typing import Protocol

from disco.error import DataError

PIECE_BYTES = 8 * 1024 * 1024
"""Memory is taken as bytes arrive, not as a header claims: this much at a time."""


class Readable(Protocol):
    """A binary stream: `read(n)` gives 1 to n bytes, and b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


class CorruptHunk(DataError):
    """A hunk whose content is damaged, while its end is known: what follows it can be read."""

    @classmethod
    def at(cls, source: Source, start: int, reason: object) -> CorruptHunk:
        return cls(source.damage_text(start, reason), source.url)


class Source:
    """A stream with its URL and the number of bytes read so far."""

    def __init__(self, file: Readable, url: str) -> None:
        self._read = file.read
        self.url = url
        self.offset = 0

    def take_some(self, size: int) -> bytes:
        """`size` bytes, or fewer where the stream ends."""
        data = self._read(min(size, PIECE_BYTES))
        self.offset += len(data)
        if len(data) == size or not data:
            return data
        pieces = [data]
        missing = size - len(data)
        while missing and (data := self._read(min(missing, PIECE_BYTES))):
            pieces.append(data)
            missing -= len(data)
            self.offset += len(data)
        return b"".join(pieces)

    def take(self, size: int) -> bytes:
        """`size` bytes. Raises `DataError` where the stream ends before."""
        data = self.take_some(size)
        if len(data) != size:
            raise DataError(
                f"Truncated data at {self.offset} bytes: {size - len(data)} more expected", self.url
            )
        return data

    def skip(self, size: int) -> None:
        """Pass over `size` bytes. Raises `DataError` where the stream ends before."""
        while size:
            size -= len(self.take(min(size, PIECE_BYTES)))

    def damaged(self, start: int, reason: object) -> DataError:
        """The error for what was read since `start`."""
        return DataError(self.damage_text(start, reason), self.url)

    def damage_text(self, start: int, reason: object) -> str:
        return f"Corrupted data between bytes {start}-{self.offset}: {reason}"
