"""Which partition a key belongs to: `crc32(canonical bytes of the key) mod n`.

The number is the same in every process, on every node and in every language, so that a key's records meet
in one reduce whoever emitted them. (Python's own `hash` is salted anew in each process.) Canonical bytes:

    bytes       as they are
    text        UTF-8; a lone surrogate as the three bytes it would have
    None        empty
    integer     decimal ASCII; True and False are 1 and 0
    number      one that equals an integer, like that integer (1.0 like 1, -0.0 like 0); any other that a
                float can hold, like that float; other fractions as NUMERATOR/DENOMINATOR
    tuple       the canonical bytes of each element after their length as u32, little-endian
    other       its pickle, protocol 3, made without a memo, so that it does not depend on which equal parts
                are one object. Equal objects must pickle equally: sets do not.

Invariant: built-in keys that compare equal have equal canonical bytes, as grouping requires; what was seen
to be equal to an earlier key may therefore be answered from a cache.
"""

from __future__ import annotations

import io
import numbers
import pickle
import struct
from collections.abc import Callable
from typing import Any, Final, SupportsFloat
from zlib import crc32

MAX_CACHED_KEYS = 65_536
MAX_CACHED_KEY_CHARS = 256
MAX_DIGITS_AT_ONCE = 4000
"""Python refuses to print longer integers in one go."""

_PICKLE_PROTOCOL = 3  # later ones cut a pickle into frames, whose sizes nobody promises
_length: Final = struct.Struct("<I").pack


def partition(key: Any, n: int) -> int:
    """The partition of `key`, from 0 to `n` - 1. Raises `ValueError` when `n` is not positive."""
    if n < 1:
        raise ValueError(f"There must be at least 1 partition, not {n}")
    if type(key) is str and key.isascii():
        return crc32(key.encode("ascii")) % n
    return crc32(canonical_bytes(key)) % n


def partitioner(n: int) -> Callable[[Any], int]:
    """`partition` for a fixed `n`, with the answers for recent keys at hand: for loops over records."""
    if n < 1:
        raise ValueError(f"There must be at least 1 partition, not {n}")
    if n == 1:
        return lambda key: 0
    recent = _Recent(n)

    def assign(key: Any) -> int:
        try:
            return recent[key]
        except TypeError:  # not hashable
            return partition(key, n)

    return assign


def canonical_bytes(key: Any) -> bytes:
    """The bytes that stand for `key`, as described above."""
    if isinstance(key, str):
        return key.encode("utf-8", "surrogatepass")
    if isinstance(key, bytes | bytearray | memoryview):
        return bytes(key)
    if isinstance(key, int):
        return _decimal(int(key))
    if key is None:
        return b""
    if isinstance(key, tuple):
        parts = [canonical_bytes(item) for item in key]
        return b"".join(_length(len(part)) + part for part in parts)
    if isinstance(key, numbers.Number):
        return _canonical_number(key)
    return _pickled(key)


class _Recent(dict[Any, int]):
    """Partitions by key. A key is computed when it is missing, and all are forgotten when they are many."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._n = n

    def __missing__(self, key: Any) -> int:
        answer = partition(key, self._n)
        if (type(key) is str or type(key) is bytes) and len(key) > MAX_CACHED_KEY_CHARS:
            return answer
        if len(self) >= MAX_CACHED_KEYS:
            self.clear()
        self[key] = answer
        return answer


def _decimal(number: int) -> bytes:
    # 3 bits a digit is an under-estimate: such an integer surely prints.
    if number.bit_length() <= 3 * MAX_DIGITS_AT_ONCE:
        return b"%d" % number
    if number < 0:
        return b"-" + _decimal(-number)
    low_digits = 1
    while 6 * low_digits < number.bit_length() // 2:
        low_digits *= 2
    high, low = divmod(number, 10**low_digits)
    return _decimal(high) + _decimal(low).rjust(low_digits, b"0")


def _canonical_number(key: Any) -> bytes:
    try:
        whole = int(key)
        if whole == key:
            return _decimal(whole)
    except (TypeError, ValueError, ArithmeticError):  # complex, not a number, infinite
        pass
    if isinstance(key, complex) and key.imag == 0:
        return _canonical_number(key.real)
    if isinstance(key, SupportsFloat):
        try:
            nearest = float(key)
            if nearest == key:
                return _pickled(nearest)
        except (ValueError, ArithmeticError):
            pass
    try:
        numerator, denominator = key.as_integer_ratio()
    except (AttributeError, ValueError, ArithmeticError):  # no fraction: complex, infinite, not a number
        return _pickled(key)
    return _decimal(numerator) + b"/" + _decimal(denominator)


def _pickled(key: Any) -> bytes:
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, _PICKLE_PROTOCOL)
    pickler.fast = True
    pickler.dump(key)
    return stream.getvalue()
