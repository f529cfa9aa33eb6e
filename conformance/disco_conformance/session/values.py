"""Durations and byte strings, as a session file spells them."""

from __future__ import annotations

import json
import re
from typing import Any

from disco_conformance.session.model import SessionError

MAX_DURATION_S = 3600.0
_BYTE = re.compile(r"\\\\|\\x([0-9a-fA-F]{2})")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


def seconds(text: Any, line: int | None = None) -> float:
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise SessionError(f"{text!r} is no duration; write 2s, 0.5s or 200ms", line)
    value = float(match[1]) / (1000 if match[2] == "ms" else 1)
    if value > MAX_DURATION_S:
        raise SessionError(f"{text} is longer than an hour", line)
    return value


def spell_seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") + "s"


def quoted(text: str, line: int | None = None) -> bytes:
    r"""The bytes of a JSON string that may also hold `\xNN`, which stands for one byte."""
    try:
        value = json.loads(_BYTE.sub(lambda m: f"\\udc{m[1]}" if m[1] else m[0], text))
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise SessionError(f"{text} must be one string in double quotes", line)
    return b"".join(_byte(char, line) for char in value)


def _byte(char: str, line: int | None) -> bytes:
    code = ord(char)
    if 0xDC00 <= code <= 0xDCFF:
        return bytes([code - 0xDC00])
    try:
        return char.encode()
    except UnicodeEncodeError:
        raise SessionError("a lone surrogate has no bytes; use hex", line) from None


def quote(data: bytes) -> str:
    """The inverse of `quoted`: readable, with `\\xNN` for bytes that are no UTF-8."""
    parts = []
    for char in data.decode("utf-8", "surrogateescape"):
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            parts.append(f"\\x{code - 0xDC00:02x}")
        else:
            parts.append(json.dumps(char, ensure_ascii=False)[1:-1])
    return '"' + "".join(parts).replace("\x7f", "\\u007f") + '"'
