"""Compression of hunks: numbers on disk, names in programs, and decompression that cannot be made to explode.

zlib is everywhere; zstd and lz4 (its frame format) are used where a library for them can be imported. Level 1
throughout: a hunk is written and read once or twice, and level 2 of zlib costs a sixth of the speed for 3 %
of the size.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

LEVEL = 1
NUMBERS: Final = {"none": 0, "zlib": 1, "zstd": 2, "lz4": 3}
NAMES: Final = {number: name for name, number in NUMBERS.items()}
_WHAT_TO_INSTALL: Final = {"zstd": "Python 3.14, or the package zstandard", "lz4": "the package lz4"}


class CodecError(ValueError):
    """Stored bytes that do not decompress to what was said of them, or a codec that is not to be had here."""


class Codec(NamedTuple):
    """`decompress(stored, raw_len)` gives exactly `raw_len` bytes or raises `CodecError`."""

    number: int
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes, int], bytes]


@cache
def by_name(name: str) -> Codec:
    """The codec called `name`. Raises `CodecError` naming what is missing."""
    if name not in NUMBERS:
        raise CodecError(f"Codec {name!r} is unknown: there are {', '.join(NUMBERS)}")
    codec = _MAKERS[name]()
    if codec is None:
        raise CodecError(f"Codec {name} cannot be imported here: it needs {_WHAT_TO_INSTALL[name]}")
    return codec


def by_number(number: int) -> Codec:
    """The codec that a hunk header calls `number`. Raises `CodecError`."""
    if number not in NAMES:
        raise CodecError(f"codec number {number} is unknown")
    return by_name(NAMES[number])


def available() -> tuple[str, ...]:
    """The names of the codecs that can be used here, the best for data on its way first."""

    def usable(name: str) -> bool:
        try:
            by_name(name)
        except CodecError:
            return False
        return True

    return tuple(name for name in ("zstd", "lz4", "zlib", "none") if usable(name))


def _none() -> Codec:
    def same(stored: bytes, raw_len: int) -> bytes:
        return _exact("none", stored, raw_len)

    return Codec(NUMBERS["none"], bytes, same)


def _zlib() -> Codec:
    def decompress(stored: bytes, raw_len: int) -> bytes:
        return _bounded("zlib", zlib.decompressobj(), stored, raw_len, zlib.error)

    return Codec(NUMBERS["zlib"], lambda raw: zlib.compress(raw, LEVEL), decompress)


def _zstd() -> Codec | None:
    module = _import("compression.zstd") or _import("backports.zstd")
    if module is not None:

        def decompress(stored: bytes, raw_len: int) -> bytes:
            return _bounded("zstd", module.ZstdDecompressor(), stored, raw_len, module.ZstdError)

        return Codec(NUMBERS["zstd"], lambda raw: bytes(module.compress(raw, level=LEVEL)), decompress)
    package = _import("zstandard")
    if package is None:
        return None

    def decompress_streaming(stored: bytes, raw_len: int) -> bytes:
        # Not decompress(): it believes the content size that the frame itself claims.
        try:
            raw = package.ZstdDecompressor().stream_reader(stored).read(raw_len + 1)
        except package.ZstdError as error:
            raise CodecError(f"zstd: {error}") from error
        return _exact("zstd", raw, raw_len)

    return Codec(NUMBERS["zstd"], package.ZstdCompressor(level=LEVEL).compress, decompress_streaming)


def _lz4() -> Codec | None:
    frame = _import("lz4.frame")
    if frame is None:
        return None

    def decompress(stored: bytes, raw_len: int) -> bytes:
        return _bounded("lz4", frame.LZ4FrameDecompressor(), stored, raw_len, RuntimeError)

    return Codec(NUMBERS["lz4"], frame.compress, decompress)


def _import(name: str) -> Any | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _bounded(name: str, machine: Any, stored: bytes, raw_len: int, error: type[Exception]) -> bytes:
    """Decompress with one byte to spare, so that too much shows, and the end of the stream is reached."""
    try:
        raw = machine.decompress(stored, raw_len + 1)
    except error as reason:
        raise CodecError(f"{name}: {reason}") from reason
    _exact(name, raw, raw_len)
    if not machine.eof:
        raise CodecError(f"{name}: the compressed data is cut short")
    if machine.unused_data:
        raise CodecError(f"{name}: {len(machine.unused_data)} bytes follow the compressed data")
    return bytes(raw)


def _exact(name: str, raw: bytes, raw_len: int) -> bytes:
    if len(raw) != raw_len:
        came = f"more than {raw_len}" if len(raw) > raw_len else str(len(raw))
        raise CodecError(f"{name}: {came} bytes where the header says {raw_len}")
    return raw


_MAKERS: Final[dict[str, Callable[[], Codec | None]]] = {
    "none": _none,
    "zlib": _zlib,
    "zstd": _zstd,
    "lz4": _lz4,
}
