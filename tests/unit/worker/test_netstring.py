"""M452: dictionaries of strings as netstrings."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco.worker.classic import netstring as n

STRINGS = st.dictionaries(st.binary(max_size=20), st.binary(max_size=20), max_size=5)


def test_a_dictionary_is_lines_of_lengths_and_strings() -> None:
    """M439: and over a pipe, its size comes first."""
    strings = {"key": "value", "é": b"a\nb"}
    assert n.encode_netstring_str(strings) == b"3 key 5 value\n2 \xc3\xa9 3 a\nb\n"
    assert n.encode_netstring_fd(strings) == b"25\n3 key 5 value\n2 \xc3\xa9 3 a\nb\n"
    assert n.encode_netstring_fd({}) == b"0\n"


@given(STRINGS)
def test_what_is_written_is_read_back(strings: dict[bytes, bytes]) -> None:
    assert n.decode_netstring_str(n.encode_netstring_str(strings)) == strings
    file = io.BytesIO(n.encode_netstring_fd(strings) + b"pairs")
    assert n.decode_netstring_fd(file) == strings
    assert file.read() == b"pairs"


def test_the_later_of_two_values_counts() -> None:
    assert n.decode_netstring_str(b"1 k 1 a\n1 k 1 b\n") == {b"k": b"b"}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"x 1 a\n", "length and a space are missing at byte 0"),
        (b"1 k1 a\n", "string at byte 2"),
        (b"1 k 2 a\n", "string at byte 6"),
        (b"1 k 1 a", "string at byte 6"),
        (b"1 k 1 a\n ", "length and a space are missing at byte 8"),
        (b"12345678901 k 1 a\n", "length and a space are missing at byte 0"),
        (b"-1 k 1 a\n", "length and a space are missing at byte 0"),
    ],
)
def test_faults_are_named_with_their_place(data: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        n.decode_netstring_str(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "begin with their size"),
        (b"\n", "empty line"),
        (b"x\n", "begin with their size"),
        (b"8\n1 k 1", "end after 5 of 8 bytes"),
        (b"01234567890\n", "begin with their size"),
        (b"%d\n" % (n.MAX_NETSTRING_BYTES + 1), "too long"),
        (b"%d\n" % n.MAX_NETSTRING_BYTES, "end after 0 of"),
    ],
)
def test_faults_on_a_pipe(data: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        n.decode_netstring_fd(io.BytesIO(data))


def test_netstrings_hold_strings_only() -> None:
    with pytest.raises(TypeError, match=r"not int \(3\); use str\(3\)"):
        n.encode_netstring_str({"a": 3})  # type: ignore[dict-item]
