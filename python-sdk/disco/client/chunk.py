"""Chunking: from any input to chunks, blobs of whole records that a task can read by itself.

    input --reader--> records --batch--> hunks --cut--> chunks

A chunk is a record stream (`disco.records`) of at most `chunk_size` stored bytes, unless one hunk alone is
larger; it is cut between hunks, never in a record. Without a reader the records are lines, with their line
ends: bytes, written as bare kv entries that every language can read. Records of bytes or text from a reader
are written the same way; any others as pickles, for Python only.

Lines never pass through a Python loop one by one; hunks are compressed beside the reading. zlib is the
default codec even where zstd can be had, since a chunk outlives the machine that wrote it.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ..error import DataError
from .push import concurrently
from .tags import replace_illegal

DEFAULT_CHUNK_BYTES = 64 << 20
MAX_RECORD_BYTES = 1 << 20
HUNK_BYTES = 1 << 20
MAX_RECORDS_A_HUNK = 65_536

Url = str | Sequence[str]
Reader = Callable[..., Iterable[Any]]


class Chunker:
    """Cuts inputs into chunks.

    `reader(fd, size, url, params)` yields records, as a job's map_reader does; `input_stream` is a chain of
    functions `(stream, size, url, params) -> stream or (stream, size, url)` through which an input is opened.
    """

    def __init__(
        self,
        open_input: Callable[[Url], BinaryIO],
        *,
        chunk_size: int = DEFAULT_CHUNK_BYTES,
        reader: Reader | None = None,
        input_stream: Sequence[Callable[..., Any]] = (),
        params: Any = None,
        codec: str = "zlib",
    ) -> None:
        if chunk_size < 1:
            raise ValueError(f"A chunk size of {chunk_size} bytes is too small: give 1 or more")
        self.open_input = open_input
        self.chunk_bytes = chunk_size
        self.reader = reader
        self.input_stream = [input_stream] if callable(input_stream) else list(input_stream)
        self.params = params
        self.codec = codec

    def chunks(self, url: Url) -> Iterator[tuple[str, BinaryIO]]:
        """Yield (blob name, file at its beginning); the caller closes the files.

        Raises DataError when the input can't be read or a record is larger than MAX_RECORD_BYTES.
        """
        first = url if isinstance(url, str) else url[0]
        stem = _stem(first)
        with self.open_input(url) as file:
            for number, chunk in enumerate(self._cut(self._hunks(file, first))):
                chunk.seek(0)
                yield replace_illegal(f"{stem}-{number}"), chunk

    def _cut(self, hunks: Iterable[bytes]) -> Iterator[BinaryIO]:
        chunk: Any = None
        for hunk in hunks:
            if chunk is not None and chunk.tell() + len(hunk) > self.chunk_bytes:
                yield chunk
                chunk = None
            if chunk is None:
                chunk = tempfile.TemporaryFile()  # noqa: SIM115 - it is handed on
            chunk.write(hunk)
        if chunk is not None:
            yield chunk

    def _hunks(self, file: BinaryIO, url: str) -> Iterator[bytes]:
        target = max(1, min(HUNK_BYTES, self.chunk_bytes // 2))
        if self.reader is None and not self.input_stream:
            batches: Iterator[list[Any]] = line_batches(file, url, target)
        else:
            batches = record_batches(self._records(file, url), url, target)
        if self.codec == "zlib":  # its compressor lets other threads run, and may be shared by them
            return concurrently(self._pack, batches)
        return map(self._pack, batches)

    def _records(self, file: BinaryIO, url: str) -> Iterable[Any]:
        stream: Any = file
        size = _size(file)
        for opener in self.input_stream:
            opened = opener(stream, size, url, self.params)
            stream, size, url = opened if isinstance(opened, tuple) else (opened, size, url)
        return stream if self.reader is None else self.reader(stream, size, url, self.params)

    def _pack(self, batch: list[Any]) -> bytes:
        from ..records.hunks import Encoding, HunkWriter

        plain = set(map(type, batch)) <= {bytes, str}
        packed = io.BytesIO()
        with HunkWriter(packed, Encoding.KV if plain else Encoding.PICKLE, self.codec) as writer:
            for start in range(0, len(batch), MAX_RECORDS_A_HUNK):
                writer.write_hunk(batch[start : start + MAX_RECORDS_A_HUNK], None)
        return packed.getvalue()


def line_batches(file: BinaryIO, url: str, target_bytes: int) -> Iterator[list[Any]]:
    """Lists of lines, with their ends, of about `target_bytes` (at most MAX_RECORD_BYTES) together."""
    rest = b""
    while block := file.read(target_bytes):
        end = block.rfind(b"\n") + 1
        if not end:
            rest += block
            _check_size(len(rest), url)
            continue
        lines = io.BytesIO(rest + block[:end]).readlines()
        rest = block[end:]
        _check_size(len(lines[0]), url)  # the others lie within one block
        yield lines
    if rest:
        _check_size(len(rest), url)
        yield [rest]


def record_batches(records: Iterable[Any], url: str, target_bytes: int) -> Iterator[list[Any]]:
    """Lists of records of about `target_bytes` together."""
    from ..records.columns import rough_bytes

    batch: list[Any] = []
    weight = 0
    for record in records:
        size = len(record) if isinstance(record, bytes | str) else rough_bytes(record)
        _check_size(size, url)
        batch.append(record)
        weight += size
        if weight >= target_bytes or len(batch) == MAX_RECORDS_A_HUNK:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _check_size(size: int, url: str) -> None:
    if size > MAX_RECORD_BYTES:
        raise DataError(
            f"a record is larger than {MAX_RECORD_BYTES} bytes: use a reader that splits the input into "
            "smaller records, or push the file whole (`ddfs push`)",
            url,
        )


def _stem(url: str) -> str:
    if url == "-":
        return "stdin"
    path = urlsplit(url).path if "://" in url else url
    return PurePosixPath(path).name.partition("$")[0] or "input"


def _size(file: BinaryIO) -> int | None:
    """The size of the input, where it is known before it is read."""
    raw = getattr(file, "raw", file)
    size = getattr(raw, "size", None)
    if size is None and file.seekable():
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
    return size
