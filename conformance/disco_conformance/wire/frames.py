"""Frames, read strictly and explained kindly.

The reader takes bytes in any pieces. It gives a frame, None when more bytes are needed, or raises
FrameFault with one sentence that tells an author what to look for. It never reads past a fault: what
follows has no meaning any more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MAX_NAME = 10
MAX_PAYLOAD = 100 << 20
MAX_LENGTH_DIGITS = 10
HEADER = re.compile(rb"([A-Z_]{1,10}) (0|[1-9][0-9]{0,9}) ")
_MAX_HEADER = MAX_NAME + 1 + MAX_LENGTH_DIGITS + 1
_SHOWN = 60


class FrameFault(ValueError):
    """The bytes are no frame. `bytes_kept` is where it was seen."""

    def __init__(self, reason: str, bytes_kept: bytes = b"") -> None:
        super().__init__(reason)
        self.reason, self.bytes_kept = reason, bytes_kept


@dataclass(frozen=True)
class Frame:
    name: str
    payload: bytes

    def __str__(self) -> str:
        return f"{self.name} {len(self.payload)} {shown(self.payload)}"


def encode(name: str, payload: bytes) -> bytes:
    return b"%s %d %s\n" % (name.encode(), len(payload), payload)


def shown(data: bytes, limit: int = 600) -> str:
    text = data[:limit].decode("utf-8", "backslashreplace").replace("\n", "\\n").replace("\r", "\\r")
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(data) <= limit else f"{text}… ({len(data)} bytes)"


class FrameReader:
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._need = 0

    @property
    def pending(self) -> bytes:
        """The bytes of a frame that is not complete."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_frame(self) -> Frame | None:
        if len(self._buffer) < self._need or not self._buffer:
            return None
        header = HEADER.match(self._buffer)
        if header is None:
            self._refuse_header()
            return None
        length = int(header[2])
        if length > MAX_PAYLOAD:
            raise FrameFault(f"LENGTH {length} is above the limit of {MAX_PAYLOAD} bytes", self._shown())
        end = header.end() + length
        if len(self._buffer) <= end:
            self._early_end(header.end(), end)
            self._need = end + 1
            return None
        if self._buffer[end] != 0x0A:
            raise FrameFault(self._wrong_length(header.end(), length), self._shown())
        frame = Frame(header[1].decode(), bytes(self._buffer[header.end() : end]))
        del self._buffer[: end + 1]
        self._need = 0
        return frame

    def _shown(self) -> bytes:
        return bytes(self._buffer[:_SHOWN])

    def _refuse_header(self) -> None:
        """Raises unless the bytes so far may still become a header."""
        line = bytes(self._buffer[: _MAX_HEADER + 1])
        if re.fullmatch(rb"[A-Z_]{1,10}( (0|[1-9][0-9]{0,9})?)?", line):
            return
        raise FrameFault(header_fault(line), self._shown())

    def _early_end(self, start: int, end: int) -> None:
        """A LENGTH that is too large would be waited for: say so as soon as a frame follows."""
        text = bytes(self._buffer[start:])
        line, newline, rest = text.partition(b"\n")
        if newline and HEADER.match(rest):
            raise FrameFault(
                f"you wrote LENGTH {end - start} but the payload is {len(line)} bytes long", self._shown()
            )

    def _wrong_length(self, start: int, length: int) -> str:
        text = bytes(self._buffer[start : start + length + 4096])
        line = text.partition(b"\n")[0]
        characters = len(line.decode("utf-8", "replace"))
        if characters == length != len(line):
            return f"you wrote LENGTH {length} but the payload is {len(line)} bytes long: lengths count bytes"
        if line.endswith(b"\r"):
            return "the frame ends with CR LF: it must end with LF alone"
        if len(line) != length and _is_json(line):
            return f"you wrote LENGTH {length} but the payload is {len(line)} bytes long"
        return f"no LF stands after the {length} bytes of the payload: LENGTH and payload disagree"


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def header_fault(line: bytes) -> str:
    """Why `line` begins no frame."""
    name, space, rest = line.partition(b" ")
    text = shown(line.partition(b"\n")[0], _SHOWN)
    if not re.fullmatch(rb"[A-Z_]+", name):
        return (
            f"these bytes are no frame: {text!r}; something else than the protocol writes to standard error"
        )
    if len(name) > MAX_NAME:
        return f"the name {shown(name)!r} is longer than {MAX_NAME} bytes"
    if not space:
        return f"no space stands after the name in {text!r}"
    if rest.startswith(b" "):
        return f"two spaces stand after the name in {text!r}"
    if re.match(rb"0[0-9]", rest):
        return f"LENGTH has a leading zero in {text!r}"
    return f"LENGTH is not a decimal number in {text!r}"
