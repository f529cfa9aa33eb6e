"""The stream formats of Disco 0.4 and before, for reading old chunks and results.

    hunk   = 0x81 | compressed u8 | crc32 u32 | stored_len u64 | stored bytes      (0.3 to 0.5; little-endian)
    record = klen SP key SP vlen SP value LF               (before 0.3: text lengths, told by a first digit)

A hunk holds pickles one after the other, compressed with zlib where the flag says so; its crc is of the
*uncompressed* bytes. Writers ended a stream with an empty hunk. The original stopped reading there, so that
concatenated uncompressed streams lost all but the first; here reading goes on.

Text that was pickled as Python 2's `str` comes out as bytes, which is what it was.
"""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from typing import Any, Final

from disco.records.source import CorruptHunk, Source

MAGIC = 0x81
HEADER: Final = struct.Struct("<BIQ")
MAX_RAW_BYTES = 1024 * 1024 * 1024
MAX_LENGTH_DIGITS = 10

Entries = tuple[list[Any], list[Any] | None]


def starts(first: int) -> bool:
    """Whether a byte at the start of a hunk says that an old format follows."""
    return first == MAGIC or first in b"0123456789"


def read_batch(source: Source, start: int, first: bytes) -> Entries:
    """The old hunk or record whose first byte was read. Raises `DataError`."""
    if first[0] == MAGIC:
        return _read_hunk(source, start), None
    key = source.take(_read_length(source, start, first))
    if source.take(1) != b" ":
        raise source.damaged(start, "a space must follow the key")
    value = source.take(_read_length(source, start, b""))
    if source.take(1) != b"\n":
        raise source.damaged(start, "a line feed must follow the value")
    return [key], [value]


def _read_hunk(source: Source, start: int) -> list[Any]:
    compressed, crc32, stored_len = HEADER.unpack(source.take(HEADER.size))
    if compressed > 1:
        raise source.damaged(start, f"the compression flag is {compressed}, not 0 or 1")
    if stored_len > MAX_RAW_BYTES:
        raise source.damaged(start, f"a hunk has at most {MAX_RAW_BYTES} bytes, the header says {stored_len}")
    raw = source.take(stored_len)
    try:
        if compressed:
            machine = zlib.decompressobj()
            raw = machine.decompress(raw, MAX_RAW_BYTES)
            if not machine.eof:
                raise ValueError("the compressed data is cut short, or grows beyond the limit")
        if zlib.crc32(raw) != crc32:
            raise ValueError("the checksum does not match")
        return _unpickle_all(raw)
    except (ValueError, zlib.error) as error:
        raise CorruptHunk.at(source, start, error) from error


def _unpickle_all(raw: bytes) -> list[Any]:
    stream = io.BytesIO(raw)
    entries = []
    try:
        while stream.tell() < len(raw):
            entries.append(pickle.Unpickler(stream, encoding="bytes").load())
    except (ImportError, AttributeError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"not a pickle: {error}") from error
    return entries


def _read_length(source: Source, start: int, digits: bytes) -> int:
    while (byte := source.take(1)) != b" ":
        if not byte.isdigit() or len(digits) == MAX_LENGTH_DIGITS:
            raise source.damaged(start, f"a length is up to {MAX_LENGTH_DIGITS} digits and a space")
        digits += byte
    if not digits or int(digits) > MAX_RAW_BYTES:
        raise source.damaged(start, f"a length is from 0 to {MAX_RAW_BYTES}")
    return int(digits)
