"""What is inside a hunk: two columns, the keys and the values of its records.

A pickle or a marshal holds `(keys, values)`, two lists; `values` may be None, and then the keys are bare
entries: records that are no pairs. A kv hunk holds `klen u32 | key | vlen u32 | value`, little-endian, for
every language; there an entry is a record with an empty key.

Two columns pickle fifteen times as fast as a pair at a time, because a pickle is started once and equal keys
can be one object. Only str and bytes keys are made one: among other types equal objects differ (1 and True).

marshal is faster still, but it turns arrays and bytearrays silently into bytes, so it is used only for
columns that were seen to consist of its own types, a few levels deep; others are pickled.
"""

from __future__ import annotations

import marshal
import pickle
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import chain
from typing import Any, Final

PICKLE_PROTOCOL = 5
MAX_NESTING = 4
"""How deep columns are searched for types that marshal cannot keep."""

Batch = tuple[list[Any], list[Any] | None]

_U32: Final = struct.Struct("<I")
_SHORT_LENGTHS: Final = [_U32.pack(length) for length in range(1024)]
_SCALARS: Final = frozenset({str, bytes, int, float, bool, complex, type(None)})
_SAMPLE = 512


class Encoding(IntEnum):
    """As the hunk header numbers it."""

    PICKLE = 0
    KV = 1
    MARSHAL = 2


class ColumnsError(ValueError):
    """Bytes that are no columns, or not as many records as was said."""


def encode(encoding: Encoding, keys: list[Any], values: list[Any] | None) -> tuple[Encoding, bytes]:
    """The bytes of a batch, and the encoding really used (pickle where marshal cannot keep the types)."""
    if encoding is Encoding.KV:
        return encoding, encode_kv([b""] * len(keys), keys) if values is None else encode_kv(keys, values)
    batch = (_with_equal_keys_one(keys), values)
    if encoding is Encoding.MARSHAL and _marshal_keeps(keys) and (values is None or _marshal_keeps(values)):
        try:
            return encoding, marshal.dumps(batch)
        except ValueError:  # integers beyond any bound, say
            pass
    return Encoding.PICKLE, pickle.dumps(batch, PICKLE_PROTOCOL)


def decode(encoding: int, raw: bytes, records: int) -> Batch:
    """The batch in `raw`. Raises `ColumnsError`; `ImportError` or `AttributeError` for a missing class."""
    keys: list[Any]
    values: list[Any] | None
    if encoding == Encoding.KV:
        keys, values = decode_kv(raw)
    elif encoding == Encoding.PICKLE:
        keys, values = _checked(_unpickle(raw))
    elif encoding == Encoding.MARSHAL:
        keys, values = _checked(_unmarshal(raw))
    else:
        raise ColumnsError(f"encoding number {encoding} is unknown")
    if len(keys) != records:
        raise ColumnsError(f"{len(keys)} records where the header says {records}")
    return keys, values


def encode_kv(keys: Sequence[Any], values: Sequence[Any]) -> bytes:
    """Keys and values one after the other, each after its length. Text is written as UTF-8."""
    parts: list[bytes] = [b""] * (4 * len(keys))
    parts[1::4] = _bytes_column(keys)
    parts[3::4] = _bytes_column(values)
    for lengths, column in ((0, 1), (2, 3)):
        try:
            parts[lengths::4] = map(_SHORT_LENGTHS.__getitem__, map(len, parts[column::4]))
        except IndexError:
            parts[lengths::4] = map(_U32.pack, map(len, parts[column::4]))
    return b"".join(parts)


def decode_kv(raw: bytes) -> tuple[list[Any], list[Any]]:
    """The two columns of a kv hunk. Raises `ColumnsError`."""
    keys: list[bytes] = []
    values: list[bytes] = []
    add_key, add_value, length_at = keys.append, values.append, _U32.unpack_from
    position, end = 0, len(raw)
    try:
        while position < end:
            start = position + 4
            stop = start + length_at(raw, position)[0]
            add_key(raw[start:stop])
            start = stop + 4
            position = start + length_at(raw, stop)[0]
            add_value(raw[start:position])
    except struct.error:
        position = end + 1
    if position != end:
        raise ColumnsError(
            f"the record after the first {max(0, len(values) - 1)} does not end within the hunk"
        )
    return keys, values


def rough_bytes(item: Any) -> int:
    """About how many bytes `item` takes in a hunk."""
    kind = type(item)
    if kind is str or kind is bytes:
        return len(item) + 4
    if kind is int or kind is float or item is None:
        return 8
    try:
        return len(pickle.dumps(item, PICKLE_PROTOCOL))
    except Exception:  # whatever its __reduce__ raises will be raised again, in its place, by encode
        return 64


def _bytes_column(column: Sequence[Any]) -> Iterable[bytes]:
    kinds = set(map(type, column))
    if kinds <= {bytes}:
        return column
    if kinds <= {str}:
        return map(str.encode, column)
    return map(_as_bytes, column)


def _as_bytes(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8")
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    raise TypeError(
        f"A kv stream holds bytes and text, not {type(item).__name__}: turn it into bytes, or use pickle"
    )


def _with_equal_keys_one(keys: list[Any]) -> list[Any]:
    kinds = set(map(type, keys))
    if kinds != {str} and kinds != {bytes}:
        return keys
    sample = keys[:_SAMPLE]
    if len(set(sample)) * 8 > len(sample) * 7:
        return keys  # hardly any repeats: not worth a look-up each
    first: dict[Any, Any] = {}
    return list(map(first.setdefault, keys, keys))


def _marshal_keeps(column: Iterable[Any], levels: int = MAX_NESTING) -> bool:
    column = column if isinstance(column, list) else list(column)
    kinds = set(map(type, column)) - _SCALARS
    if not kinds:
        return True
    if levels == 0 or not kinds <= {tuple, list, dict}:
        return False
    if kinds == {tuple} or kinds == {list}:
        mixed = [item for item in column if type(item) in kinds]
        return _marshal_keeps(chain.from_iterable(mixed), levels - 1)
    nested = [item for item in column if type(item) is tuple or type(item) is list]
    objects = [item for item in column if type(item) is dict]
    inner = chain(*nested, *objects, *(item.values() for item in objects))
    return _marshal_keeps(inner, levels - 1)


def _unpickle(raw: bytes) -> Any:
    try:
        return pickle.loads(raw)
    except (ImportError, AttributeError, MemoryError):
        raise  # the bytes may be right and the program wrong: not damage
    except Exception as error:
        raise ColumnsError(f"not a pickle: {error}") from error


def _unmarshal(raw: bytes) -> Any:
    try:
        return marshal.loads(raw)
    except (EOFError, ValueError, TypeError) as error:
        raise ColumnsError(f"not a marshal: {error}") from error


def _checked(batch: Any) -> Batch:
    if isinstance(batch, tuple) and len(batch) == 2:
        keys, values = batch
        if isinstance(keys, list) and (
            values is None or (isinstance(values, list) and len(values) == len(keys))
        ):
            return keys, values
    raise ColumnsError("no columns: two lists of one length, or a list and None, were expected")
