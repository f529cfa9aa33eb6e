"""What the last reader of a chain is handed, and what a map without a reader sees.

A map without a reader reads lines, as bytes with their line feed. An input that is a record stream, as the
chunks of `ddfs chunk` and the results of other jobs are, gives its records instead: no text begins as a
hunk does, since byte 0xD1 never stands before a byte below 0x80 in UTF-8.

A reader of the user's own may iterate its input as text (`csv.reader(fd)`, `re.match` with a pattern of
text), as the documents' readers do, or read bytes from it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from ...records.hunks import MAGIC
from .streams import disco_input_stream

HUNK_START_BYTES = 4
LAST_ENCODING, LAST_CODEC = 2, 3


def default_reader(stream: Any, size: int | None, url: str) -> Any:
    """The records of a record stream, or the lines of anything else."""
    if not hasattr(stream, "peek"):
        if not isinstance(stream, io.BytesIO | io.RawIOBase):
            return stream
        stream = io.BufferedReader(stream)
    if begins_as_hunk(stream.peek(HUNK_START_BYTES)):
        return disco_input_stream(stream, size, url)
    return stream


def begins_as_hunk(data: bytes) -> bool:
    """Whether bytes can begin a hunk: magic, encoding, codec, and a zero."""
    return (
        len(data) >= HUNK_START_BYTES
        and data[0] == MAGIC
        and data[1] <= LAST_ENCODING
        and data[2] <= LAST_CODEC
        and data[3] == 0
    )


def text_stream(stream: Any, size: int | None, url: str) -> TextLines:
    """The input as a reader of the user's own sees it."""
    return TextLines(stream)


class TextLines:
    """Iterated, it gives lines of text (UTF-8; other bytes as lone surrogates); else it is the file."""

    def __init__(self, stream: Any) -> None:
        self.binary = stream

    def __iter__(self) -> Iterator[str]:
        stream: Any = self.binary
        if isinstance(stream, io.BufferedReader | io.BytesIO):
            return io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline="\n")
        return (line.decode("utf-8", "surrogateescape") for line in stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.binary, name)
