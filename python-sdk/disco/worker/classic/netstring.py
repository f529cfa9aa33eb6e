"""Dictionaries of strings as bytes: how an external program gets parameters that are a dictionary.

    netstrings   =  { length SP key SP length SP value LF }      lengths in bytes, decimal
    on a pipe    =  size-of-netstrings LF netstrings             so that a reader knows where they end

Text is UTF-8; what is read back is bytes. Of two values of one key, the later counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

MAX_NETSTRING_BYTES = 1 << 30  # of each string, and of all together; readers in C allow as much
MAX_SIZE_DIGITS = 10
_LENGTH = re.compile(rb"([0-9]{1,%d}) " % MAX_SIZE_DIGITS)

Text = str | bytes


def encode_netstring_str(strings: Mapping[Text, Text]) -> bytes:
    """The pairs of a dictionary, one a line. Raises TypeError for what is no string."""
    lines = []
    for pair in strings.items():
        key, value = map(_as_bytes, pair)
        lines.append(b"%d %b %d %b\n" % (len(key), key, len(value), value))
    return b"".join(lines)


def encode_netstring_fd(strings: Mapping[Text, Text]) -> bytes:
    """The same with its size before it, as it goes over a pipe. Raises ValueError when it is too long."""
    data = encode_netstring_str(strings)
    check_size(len(data))
    return b"%d\n%b" % (len(data), data)


def decode_netstring_str(data: bytes) -> dict[bytes, bytes]:
    """What `encode_netstring_str` wrote. Raises ValueError that names the offset of the fault."""
    strings: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        key, at = _string(data, at, b" ")
        strings[key], at = _string(data, at, b"\n")
    return strings


def decode_netstring_fd(file: BinaryIO) -> dict[bytes, bytes]:
    """What `encode_netstring_fd` wrote, read from a binary file and not a byte further."""
    digits = b""
    while (byte := file.read(1)) != b"\n":
        digits += byte
        if not byte.isdigit() or len(digits) > MAX_SIZE_DIGITS:
            raise ValueError(f"netstrings begin with their size and a line feed, not with {digits!r}")
    if not digits:
        raise ValueError("netstrings begin with their size; there is an empty line")
    size = int(digits)
    check_size(size)
    data = file.read(size)
    if len(data) != size:
        raise ValueError(f"the netstrings end after {len(data)} of {size} bytes")
    return decode_netstring_str(data)


def check_size(size_bytes: int) -> None:
    """Raise ValueError for more than netstrings may hold."""
    if size_bytes > MAX_NETSTRING_BYTES:
        raise ValueError(f"netstrings of {size_bytes} bytes are too long: at most {MAX_NETSTRING_BYTES}")


def _as_bytes(text: Text) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    if isinstance(text, bytes):
        return text
    raise TypeError(f"netstrings hold strings, not {type(text).__name__} ({text!r}); use str({text!r})")


def _string(data: bytes, at: int, end: bytes) -> tuple[bytes, int]:
    length = _LENGTH.match(data, at)
    if length is None:
        raise ValueError(f"a length and a space are missing at byte {at} of the netstrings")
    start = length.end()
    stop = start + int(length[1])
    if data[stop : stop + 1] != end:
        raise ValueError(f"the string at byte {start} of the netstrings has not its {stop - start} bytes")
    return data[start:stop], stop + 1
