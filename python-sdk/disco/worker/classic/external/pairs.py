"""What goes over the pipes of an external program, as bytes.

    string       =  size (u32, little-endian) bytes
    pair         =  string string                         key, value; to the program
    result list  =  count (u32, little-endian) {pair}     from the program

Sizes are checked before anything is kept for them, and memory is taken only for bytes that have come.
"""

from __future__ import annotations

import struct
from typing import Any

from ....error import DiscoError

MAX_STRING_BYTES = 1 << 30  # of a key or a value; the C library refuses longer ones too
NUMBER_BYTES = 4

Pair = tuple[bytes, bytes]

_pack = struct.Struct("<I").pack
_unpack_from = struct.Struct("<I").unpack_from


def check_size(size_bytes: int, what: str) -> None:
    """Raise DiscoError for a string that is too long."""
    if size_bytes > MAX_STRING_BYTES:
        raise DiscoError(f"{what} of {size_bytes} bytes is too long: at most {MAX_STRING_BYTES} are allowed")


def entry_parts(entry: Any) -> list[bytes]:
    """The pair for an entry of a reader, in pieces: a pair as it is, or a string with an empty key."""
    key, value = entry if isinstance(entry, tuple) and len(entry) == 2 else (b"", entry)
    key, value = _string(key, "a key"), _string(value, "a value")
    return [_pack(len(key)), key, _pack(len(value)), value]


def _string(text: Any, what: str) -> bytes:
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    elif not isinstance(text, bytes):
        raise TypeError(
            f"an external program takes strings: {what} is {type(text).__name__} ({text!r:.80}); "
            "let the reader, or the map before it, give str or bytes"
        )
    check_size(len(text), what)
    return bytes(text)


class ResultLists:
    """Takes the bytes of result lists as they come and gives their pairs.

    `begun` lists have come, the last perhaps in part.
    """

    def __init__(self) -> None:
        self.begun = 0
        self._pairs_left = 0  # of the last list
        self._buffer = bytearray()
        self._wanted_bytes = NUMBER_BYTES  # in the buffer, before anything more can be told

    @property
    def is_between(self) -> bool:
        """Whether all that has come is whole lists."""
        return not self._buffer and not self._pairs_left

    def take(self, data: bytes) -> list[Pair]:
        """The pairs that these bytes complete. Raises DiscoError for a string that is too long."""
        buffer = self._buffer
        buffer += data
        pairs: list[Pair] = []
        at = 0
        while len(buffer) - at >= self._wanted_bytes:
            self._wanted_bytes = NUMBER_BYTES
            if not self._pairs_left:
                (self._pairs_left,) = _unpack_from(buffer, at)
                self.begun += 1
                at += NUMBER_BYTES
            elif (pair := self._pair(at)) is not None:
                pairs.append(pair)
                self._pairs_left -= 1
                at += 2 * NUMBER_BYTES + len(pair[0]) + len(pair[1])
        del buffer[:at]
        return pairs

    def _pair(self, at: int) -> Pair | None:
        """The pair at an offset, if all of it is there; else sets how many bytes it takes to go on."""
        buffer = self._buffer
        sizes = []
        end = at
        for what in ("a key", "a value"):
            end += NUMBER_BYTES
            if len(buffer) >= end:
                (size,) = _unpack_from(buffer, end - NUMBER_BYTES)
                check_size(size, f"result list {self.begun}: {what}")
                sizes.append(size)
                end += size
            if len(buffer) < end:
                self._wanted_bytes = end - at
                return None
        key_at = at + NUMBER_BYTES
        value_at = end - sizes[1]
        view = memoryview(buffer)
        pair = bytes(view[key_at : key_at + sizes[0]]), bytes(view[value_at:end])
        view.release()  # a buffer that is looked at can't be cut
        return pair
