"""The old stream formats: M203-M206."""

from __future__ import annotations

import struct
import zlib

import pytest
from unit.records.streams import old_hunk, records, written

from disco.error import DataError


def test_old_hunks_with_their_end_mark() -> None:
    """M203, M204."""
    entries = [("a", 1), "line", None, [b"x"]]
    assert records(old_hunk(entries[:2]) + old_hunk(entries[2:]) + old_hunk([])) == entries


def test_concatenated_old_streams_are_read_to_the_end() -> None:
    """M205, F5: the original stopped at the empty hunk of an uncompressed stream."""
    for compress in (True, False):
        stream = old_hunk([1, 2], compress) + old_hunk([], compress)
        assert records(stream + stream) == [1, 2, 1, 2]


def test_old_and_new_hunks_can_follow_each_other() -> None:
    data = old_hunk([1]) + written(["k"], [2]) + b"1 k 1 v\n" + old_hunk([3], compress=False)
    assert records(data) == [1, ("k", 2), (b"k", b"v"), 3]
    assert records(data, skip=1) == [("k", 2), (b"k", b"v"), 3]
    assert records(data, skip=3) == [3]


def test_text_of_python_2_is_bytes() -> None:
    python_2 = b"(U\x04caf\xe9q\x01K\x01t."  # there pickle.dumps(('caf\xe9', 1), 1)
    data = struct.pack("<BBIQ", 0x81, 0, zlib.crc32(python_2), len(python_2)) + python_2
    assert records(data) == [(b"caf\xe9", 1)]


def test_netstrings_of_the_first_format() -> None:
    """M206."""
    assert records(b"3 key 5 value\n0  0 \n10 0123456789 1 \n\n") == [
        (b"key", b"value"),
        (b"", b""),
        (b"0123456789", b"\n"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (old_hunk([1])[:-1], "Truncated data at"),
        (old_hunk([1])[:9], "Truncated data at 9"),
        (old_hunk([1])[:-1] + b"\x00", "Corrupted data between bytes 0-"),
        (old_hunk([1]).replace(b"\x81\x01", b"\x81\x02", 1), "the compression flag is 2"),
        (b"\x81\x00\x00\x00\x00\x00" + b"\xff" * 8, "at most 1073741824 bytes"),
        (b"\x81\x00\x8e\xef\x02\xd2\x01\x00\x00\x00\x00\x00\x00\x00\x00", "the checksum does not match"),
        (b"3 key 5 value", "Truncated data at 13"),
        (b"3 key 5 valueX", "a line feed must follow"),
        (b"3 keyX5 value\n", "a space must follow"),
        (b"3x key 5 value\n", "a length is up to"),
        (b"12345678901 ", "a length is up to 10 digits"),
        (b"9999999999 ", "a length is from 0 to"),
    ],
)
def test_damage_is_named(data: bytes, text: str) -> None:
    """M207."""
    with pytest.raises(DataError, match=text):
        records(data)


def test_damaged_content_can_be_passed_over() -> None:
    damaged = bytearray(old_hunk([1], compress=False))
    damaged[-2] ^= 1
    assert records(bytes(damaged) + old_hunk([2]), ignore_corrupt=True) == [2]
