"""Frames: `NAME SP LENGTH SP PAYLOAD LF`, and nothing else.

NAME is 1 to 10 bytes of A-Z and _; LENGTH is canonical decimal and counts the bytes of PAYLOAD; a payload
has at most `MAX_PAYLOAD_BYTES`, and a larger one is refused as soon as its length is known. What a payload
says is left to `messages`: here it is bytes.

The reader is a prefix machine: the *first byte that cannot stand where it stands* decides the fault, so the
same bytes give the same frames and the same fault however they were split on their way.

Invariant: the reader never looks at a byte of a payload twice, so a frame costs time proportional to its
length even when it arrives in small pieces. Once a fault is found it stays: a stream that lost its framing
has no next frame, and all later bytes are only kept as last words.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from disco.protocol.errors import Fault, FrameError, quoted

MAX_NAME_BYTES = 10
SHORTEST_FRAME_BYTES = len(b"A 0 \n")
MAX_PAYLOAD_BYTES = 100 * 1024 * 1024
MAX_LAST_WORDS_BYTES = 100 * 1024

_HEADER = re.compile(rb"([A-Z_]{1,10}) (0|[1-9][0-9]{0,8}) ")
_NAME_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset(b"0123456789")
_SPACE = 0x20
_LINE_FEED = 0x0A
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Frame(NamedTuple):
    """One frame as it was on the wire, without its length."""

    name: str
    payload: bytes


class _Header(NamedTuple):
    name: str
    payload_start: int
    payload_end: int


def encode(name: str, payload: object) -> bytes:
    r"""The frame of `name` whose payload is the compact JSON text of `payload`, in UTF-8.

    A lone surrogate (Python's stand-in for an undecodable byte) is written as its JSON escape, `\udc80`.
    Raises `ValueError` for a payload that JSON cannot express or that is over `MAX_PAYLOAD_BYTES`.
    """
    return encode_bytes(name, _to_json(payload).encode("utf-8", "backslashreplace"))


def encode_bytes(name: str, payload: bytes) -> bytes:
    """The frame of `name` with `payload` as its bytes. Raises `ValueError` outside the limits."""
    frame = b"%s %d %s\n" % (name.encode("ascii"), len(payload), payload)
    header = _HEADER.match(frame)
    if header is None or len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(
            f"Frame {name!r} with a payload of {len(payload)} bytes cannot be sent: "
            f"a name has 1 to {MAX_NAME_BYTES} of A-Z and _, a payload at most {MAX_PAYLOAD_BYTES} bytes"
        )
    return frame


class FrameReader:
    """Turns pieces of a byte stream into frames.

    `feed` what was read, then call `next_frame` until it gives None.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0  # of the frame being read
        self._header: _Header | None = None
        self._failure: FrameError | None = None

    def feed(self, data: bytes) -> None:
        """Take in what was read. After a fault it is kept as last words, up to the limit."""
        if self._failure is None:
            self._buffer += data
        else:
            self._buffer += data[: max(0, MAX_LAST_WORDS_BYTES - len(self._buffer))]

    def next_frame(self) -> Frame | None:
        """The next whole frame, or None when more bytes are needed. Raises `FrameError`, for ever."""
        if self._failure is not None:
            raise self._failure
        header = self._header or self._read_header()
        if header is None or len(self._buffer) <= header.payload_end:
            self._forget_frames_read()
            return None
        if self._buffer[header.payload_end] != _LINE_FEED:
            found = quoted(bytes(self._buffer[header.payload_end : header.payload_end + 1]))
            length = header.payload_end - header.payload_start
            raise self._failed(
                Fault.TERMINATOR,
                f"a line feed must follow the {length} bytes of payload that {header.name} announced, "
                f"not {found} (lengths count bytes, not characters)",
            )
        with memoryview(self._buffer) as view:
            payload = bytes(view[header.payload_start : header.payload_end])
        self._start = header.payload_end + 1
        self._header = None
        return Frame(header.name, payload)

    def end_of_input(self) -> None:
        """Say that no byte will follow. Raises `FrameError` when a frame was left unfinished."""
        if self._failure is not None:
            raise self._failure
        if self.unfinished:
            raise self._failed(Fault.TRUNCATED, "the stream ended in the middle of a frame")

    @property
    def unfinished(self) -> bool:
        """Bytes have come that `next_frame` has not given out: after it gave None, a frame's beginning."""
        return len(self._buffer) > self._start

    @property
    def missing(self) -> int:
        """At least so many bytes, and at least 1, are missing from the frame that is being read.

        Ask after `next_frame` gave None. Who reads no more than these at a time leaves what follows the
        frame unread, for another process to read, say.
        """
        if self._header is not None:
            return self._header.payload_end + 1 - len(self._buffer)
        return max(1, SHORTEST_FRAME_BYTES - (len(self._buffer) - self._start))

    @property
    def last_words(self) -> bytes:
        """What came instead of a frame, from the start of the frame that broke."""
        return bytes(self._buffer[self._start : self._start + MAX_LAST_WORDS_BYTES])

    def _read_header(self) -> _Header | None:
        match = _HEADER.match(self._buffer, self._start)
        if match is None:
            self._check_beginning()
            return None
        length = int(match[2])
        if length > MAX_PAYLOAD_BYTES:
            raise self._failed(Fault.TOO_LARGE, _too_large(match[2]))
        self._header = _Header(match[1].decode("ascii"), match.end(), match.end() + length)
        return self._header

    def _check_beginning(self) -> None:
        """Raise for the first byte that no header can have; return when only more bytes can tell."""
        beginning = bytes(self._buffer[self._start : self._start + MAX_NAME_BYTES + 1])
        name = beginning.partition(b" ")[0]
        for byte in name[:MAX_NAME_BYTES]:
            if byte not in _NAME_BYTES:
                raise self._failed(Fault.NAME, f"a name has only A-Z and _, not {quoted(bytes([byte]))}")
        if len(name) > MAX_NAME_BYTES:
            raise self._failed(Fault.NAME, f"a name has at most {MAX_NAME_BYTES} bytes")
        if len(name) == len(beginning):
            return
        if not name:
            raise self._failed(Fault.NAME, "the name is missing")
        self._check_length(self._start + len(name) + 1)

    def _check_length(self, start: int) -> None:
        digits = b""
        for byte in self._buffer[start : start + len(str(MAX_PAYLOAD_BYTES)) + 1]:
            if byte == _SPACE and not digits:
                raise self._failed(Fault.LENGTH, "the length is missing")
            if byte not in _DIGITS:
                raise self._failed(Fault.LENGTH, f"a length has only digits, not {quoted(bytes([byte]))}")
            if digits == b"0":
                raise self._failed(Fault.LENGTH, "a length has no leading zero")
            digits += bytes([byte])
            if int(digits) > MAX_PAYLOAD_BYTES:
                raise self._failed(Fault.TOO_LARGE, _too_large(digits))

    def _failed(self, fault: Fault, reason: str) -> FrameError:
        self._forget_frames_read()
        self._header = None
        del self._buffer[MAX_LAST_WORDS_BYTES:]
        self._failure = FrameError(fault, reason, bytes(self._buffer))
        return self._failure

    def _forget_frames_read(self) -> None:
        if self._start:
            del self._buffer[: self._start]
            if self._header is not None:
                name, start, end = self._header
                self._header = _Header(name, start - self._start, end - self._start)
            self._start = 0


def _too_large(digits: bytes) -> str:
    return f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, the length begins with {digits.decode('ascii')}"
