"""Record streams: a run of hunks, each of about 1 MiB, that can be laid end to end.

    hunk = magic 0xD1 | encoding u8 | codec u8 | 0 u8 | raw_len u32 | stored_len u32 | records u32 | crc32 u32
           | stored bytes                                  (all little-endian; the crc is of the stored bytes)

There is no beginning and no end of a stream: concatenated streams are a stream. A reader checks a hunk's
sizes before it takes memory for it, and its checksum before it looks inside; damage is a `DataError` that
names URL, offset and reason. `skip` makes a reader go on where another replica broke off: it counts records,
so that replicas need not be cut into hunks alike, and whole hunks are passed over unread.

Invariant: records come out in the order they went in, and what a hunk holds is given out whole or not at all.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from disco.records import codecs, columns, legacy
from disco.records.codecs import CodecError
from disco.records.columns import Batch, ColumnsError, Encoding
from disco.records.source import CorruptHunk, Readable, Source

__all__ = ["Batch", "Encoding", "HunkWriter", "read_hunks", "read_records"]

MAGIC = 0xD1
HEADER: Final = struct.Struct("<BBBBIIII")
TARGET_RAW_BYTES = 1024 * 1024
MAX_RECORDS_A_HUNK = 65_536
MAX_HUNK_RAW_BYTES = 1024 * 1024 * 1024
MAX_GROWTH_BYTES = 1024 * 1024
"""What no codec exceeds the raw bytes by; a hunk that claims more is damaged."""

_MAX_WINDOW = 256


class Writable(Protocol):
    """A binary stream whose `write` takes all of what it is given."""

    def write(self, data: bytes, /) -> Any: ...


class HunkWriter:
    """Writes records to `file` as hunks. `close` or `flush` writes what is left; `file` stays open.

    Hunks are cut by number and by estimated size: the size of every 256th record is looked at, more
    often where records are large.
    """

    def __init__(
        self,
        file: Writable,
        encoding: Encoding = Encoding.PICKLE,
        codec: str = "zlib",
        *,
        max_raw_bytes: int = MAX_HUNK_RAW_BYTES,
    ) -> None:
        """Raises `ValueError` for a codec that cannot be used here."""
        self.bytes_written = 0
        self.records_written = 0
        self._file = file
        self._encoding = Encoding(encoding)
        self._codec = codecs.by_name(codec)
        self._max_raw_bytes = max_raw_bytes
        self._window = 1
        self._start_batch(entries=False)

    def add(self, key: Any, value: Any) -> None:
        """One pair."""
        if self._bare:
            self._switch_to(entries=False)
        self._keys.append(key)
        self._values.append(value)
        if len(self._keys) == self._look_at:
            self._look()

    def add_entry(self, entry: Any) -> None:
        """One record that is no pair."""
        self.add_columns([entry], None)

    def add_columns(self, keys: Sequence[Any], values: Sequence[Any] | None) -> None:
        """Many records: pairs, or bare entries where `values` is None. The fast way in."""
        if values is not None and len(keys) != len(values):
            raise ValueError(f"{len(keys)} keys and {len(values)} values are no columns")
        if (values is None) != self._bare:
            self._switch_to(entries=values is None)
        position = 0
        while position < len(keys):
            stop = position + self._look_at - len(self._keys)
            self._keys += keys[position:stop]
            if values is not None:
                self._values += values[position:stop]
            position = stop
            if len(self._keys) == self._look_at:
                self._look()

    def write_hunk(self, keys: list[Any], values: list[Any] | None) -> None:
        """These columns as one hunk, whatever their size: for writers that cut hunks themselves."""
        self.flush()
        if keys:
            self._write(keys, values)

    def flush(self) -> None:
        """Write what was added so far as a hunk."""
        keys, values = self._keys, None if self._bare else self._values
        self._start_batch(self._bare)
        if keys:
            self._write(keys, values)

    def close(self) -> None:
        """The same: a stream has no end mark."""
        self.flush()

    def __enter__(self) -> HunkWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()

    def _start_batch(self, entries: bool) -> None:
        self._bare = entries
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._weight = 0
        self._look_at = self._window

    def _switch_to(self, entries: bool) -> None:
        self.flush()
        self._start_batch(entries)

    def _look(self) -> None:
        """Judge the records since the last look by their last one."""
        size = columns.rough_bytes(self._keys[-1])
        if not self._bare:
            size += columns.rough_bytes(self._values[-1])
        self._weight += size * self._window
        self._window = max(1, min(2 * self._window, _MAX_WINDOW, TARGET_RAW_BYTES // (4 * size)))
        if self._weight >= TARGET_RAW_BYTES or len(self._keys) >= MAX_RECORDS_A_HUNK:
            self.flush()
        else:
            self._look_at = min(len(self._keys) + self._window, MAX_RECORDS_A_HUNK)

    def _write(self, keys: list[Any], values: list[Any] | None) -> None:
        encoding, raw = columns.encode(self._encoding, keys, values)
        if len(raw) > self._max_raw_bytes:
            self._write_halves(keys, values, len(raw))
            return
        codec, stored = self._codec, self._codec.compress(raw)
        if len(stored) >= len(raw):
            codec, stored = codecs.by_name("none"), raw
        header = HEADER.pack(
            MAGIC, encoding, codec.number, 0, len(raw), len(stored), len(keys), zlib.crc32(stored)
        )
        self._file.write(header + stored)
        self.bytes_written += len(header) + len(stored)
        self.records_written += len(keys)

    def _write_halves(self, keys: list[Any], values: list[Any] | None, raw_bytes: int) -> None:
        if len(keys) == 1:
            raise ValueError(
                f"Record of {raw_bytes} bytes is too big: a record stream takes at most {self._max_raw_bytes}"
            )
        half = len(keys) // 2
        self._write(keys[:half], None if values is None else values[:half])
        self._write(keys[half:], None if values is None else values[half:])


class Header(NamedTuple):
    """The fields of a hunk's header."""

    encoding: int
    codec: int
    reserved: int
    raw_len: int
    stored_len: int
    records: int
    crc32: int

    def fault(self) -> str | None:
        """What cannot be true of it, found without reading further."""
        if self.reserved:
            return f"byte 3 of the header is {self.reserved}, not 0"
        if self.encoding not in tuple(Encoding):
            return f"encoding number {self.encoding} is unknown"
        if self.codec not in codecs.NAMES:
            return f"codec number {self.codec} is unknown"
        if self.raw_len > MAX_HUNK_RAW_BYTES:
            return f"a hunk has at most {MAX_HUNK_RAW_BYTES} raw bytes, the header says {self.raw_len}"
        if self.stored_len > self.raw_len + MAX_GROWTH_BYTES:
            return f"{self.stored_len} stored bytes for {self.raw_len} raw ones"
        if self.records > self.raw_len:
            return f"{self.records} records in {self.raw_len} bytes"
        return None


def read_hunks(
    file: Readable, url: str, *, entries: bool = False, skip: int = 0, ignore_corrupt: bool = False
) -> Iterator[Batch]:
    """Yield `(keys, values)` of each hunk of `file`; `values` is None where the records are bare entries.

    With `entries`, a kv hunk in which no record has a key holds bare entries: that is how lines are stored.
    `url` is for error texts. The first `skip` records are left out. With `ignore_corrupt`, hunks whose
    content is damaged are passed over; what comes after a damaged header can never be found. Raises
    `DataError`.
    """
    for encoding, keys, values in _read(Source(file, url), skip, ignore_corrupt):
        if entries and values is not None and encoding == Encoding.KV and not any(keys):
            yield values, None
        else:
            yield keys, values


def read_records(
    file: Readable, url: str, *, entries: bool = True, skip: int = 0, ignore_corrupt: bool = False
) -> Iterator[Any]:
    """Yield the records of `file` one by one: pairs as `(key, value)`, and bare entries alone.

    Without `entries` every record is a pair: a bare entry comes as `(b"", entry)` from a kv hunk, where that
    is how it is stored, and as `(None, entry)` from others. Raises `DataError`.
    """
    for keys, values in read_hunks(file, url, entries=entries, skip=skip, ignore_corrupt=ignore_corrupt):
        if values is not None:
            yield from zip(keys, values, strict=True)
        elif entries:
            yield from keys
        else:
            yield from ((None, entry) for entry in keys)


def _read(
    source: Source, skip: int, ignore_corrupt: bool
) -> Iterator[tuple[int, list[Any], list[Any] | None]]:
    while first := source.take_some(1):
        start = source.offset - 1
        encoding: int = Encoding.PICKLE
        try:
            if first[0] == MAGIC:
                header = _read_header(source, start)
                encoding = header.encoding
                if skip and header.records <= skip:
                    source.skip(header.stored_len)
                    skip -= header.records
                    continue
                keys, values = _read_columns(source, start, header)
            elif legacy.starts(first[0]):
                keys, values = legacy.read_batch(source, start, first)
            else:
                raise source.damaged(start, f"a hunk begins with byte 0x{MAGIC:02X}, not 0x{first[0]:02X}")
        except CorruptHunk:
            if not ignore_corrupt:
                raise
            continue
        if skip:
            passed, skip = skip, max(0, skip - len(keys))
            keys, values = keys[passed:], None if values is None else values[passed:]
        if keys:
            yield encoding, keys, values


def _read_header(source: Source, start: int) -> Header:
    header = Header(*HEADER.unpack(bytes([MAGIC]) + source.take(HEADER.size - 1))[1:])
    fault = header.fault()
    if fault is not None:
        raise source.damaged(start, fault)
    return header


def _read_columns(source: Source, start: int, header: Header) -> Batch:
    stored = source.take(header.stored_len)
    try:
        if zlib.crc32(stored) != header.crc32:
            raise ColumnsError("the checksum does not match")
        raw = codecs.by_number(header.codec).decompress(stored, header.raw_len)
        return columns.decode(header.encoding, raw, header.records)
    except (CodecError, ColumnsError) as error:
        raise CorruptHunk.at(source, start, error) from error
