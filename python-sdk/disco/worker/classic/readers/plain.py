"""Readers of bytes: gzip, regular expressions, and Disco's oldest format."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from ....error import DataError


def gzip_reader(fd: Any, size: int | None, url: str, params: Any) -> tuple[Any, int | None, str]:
    """Wraps the input in a `gzip.GzipFile` object."""
    import gzip

    return gzip.GzipFile(fileobj=fd), None, url


def gzip_line_reader(fd: Any, size: int | None, url: str, params: Any) -> Iterator[bytes]:
    """Yields as many lines from the gzipped fd as possible, prints the exception if it fails."""
    import gzip
    import zlib

    try:
        yield from gzip.GzipFile(fileobj=fd)
    except (OSError, EOFError, zlib.error) as error:
        print(f"gzip_line_reader: {url}: {type(error).__name__}: {error}; the rest is left out")


def string_input_stream(string: str | bytes, size: int | None, url: str, params: Any) -> tuple[Any, int, str]:
    """The given text as a stream."""
    data = string.encode() if isinstance(string, str) else string
    return io.BytesIO(data), len(data), url


def re_reader(
    item_re_str: str | bytes,
    fd: Any,
    size: int | None,
    fname: str,
    output_tail: bool = False,
    read_buffer_size: int = 8192,
) -> Iterator[Any]:
    """Yields the groups of each match of a regular expression, which must cover all of the input.

    Input that ends before `size` bytes is a DataError. An unmatched tail is yielded with `output_tail`, else
    a message warns of it. A pattern given as text matches the input as UTF-8, and gives text.
    """
    as_text = isinstance(item_re_str, str)
    pattern: re.Pattern[Any] = re.compile(
        item_re_str.encode() if isinstance(item_re_str, str) else item_re_str
    )
    buffer = b""
    total = 0
    while True:
        data = fd.read(min(read_buffer_size, size - total) if size else read_buffer_size)
        if data:
            total += len(data)
            buffer += data.encode() if isinstance(data, str) else data
        position = 0
        while (match := pattern.match(buffer, position)) and match.end() > position:
            if data and match.end() == len(buffer):
                break  # more input may make the match longer
            position = match.end()
            yield tuple(map(_text, match.groups())) if as_text else match.groups()
        buffer = buffer[position:]
        if not data:
            break
    if size and total < size:
        raise DataError(f"Truncated input: expected {size} bytes, got {total}", fname)
    if buffer:
        if output_tail:
            yield [_text(buffer) if as_text else buffer]
        else:
            print(
                f"Couldn't match the last {len(buffer)} bytes in {fname}. "
                "Some bytes may be missing from input."
            )


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "surrogateescape")


def old_netstr_reader(fd: Any, size: int, fname: str, head: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """Reads the key-value text format of Disco before 0.3: `klen key vlen value` lines of `size` bytes."""
    if size is None:
        raise DataError("the content length must be known to read this format", fname)
    data = head + fd.read(size - len(head))
    if len(data) < size:
        raise DataError(f"Truncated input: expected {size} bytes, got {len(data)}", fname)
    position = 0
    while position < len(data):
        key, position = _netstring(data, position, b" ", fname)
        value, position = _netstring(data, position, b"\n", fname)
        yield key, value


def _netstring(data: bytes, start: int, end_mark: bytes, fname: str) -> tuple[bytes, int]:
    """The string at `start` and the offset behind its end mark."""
    space = data.find(b" ", start, start + 12)
    length = data[start:space]
    if space < 0 or not length.isdigit():
        raise DataError(f"Corrupted input: no length of a string at byte {start}", fname)
    begin, end = space + 1, space + 1 + int(length)
    if data[end : end + 1] != end_mark:
        raise DataError(f"Corrupted input: the string at byte {start} does not end where it should", fname)
    return data[begin:end], end + 1
