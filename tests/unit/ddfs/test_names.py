"""Names, stamps and what a URL tells (M679, F7, F18, F19)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_master.ddfs.names import (
    MAX_NAME_CHARACTERS,
    MAX_STORED_CHARACTERS,
    BadNameError,
    LongNameError,
    ObjectName,
    Stamp,
    check_name,
    check_new_name,
    hash_dir,
    host_of,
    is_name,
    parse_object,
    set_identity,
)

LEGAL = "ABCXYZabcxyz0189:@-_"
legal_names = st.text(LEGAL, min_size=1, max_size=40)
stamps = st.builds(Stamp.at, st.integers(0, 10**17))


@given(legal_names, stamps)
def test_object_names_come_back(name: str, stamp: Stamp) -> None:
    assert parse_object(str(ObjectName(name, stamp))) == ObjectName(name, stamp)


@given(st.integers(0, 10**17))
def test_stamps_keep_their_time(epoch_us: int) -> None:
    assert Stamp.at(epoch_us).epoch_us == epoch_us


@given(st.integers(0, 10**17), st.integers(0, 10**17))
def test_later_stamps_are_greater(a: int, b: int) -> None:
    assert (Stamp.at(a) < Stamp.at(b)) == (a < b)


def test_stamps_are_compared_as_numbers_not_as_text() -> None:
    older, newer = parse_object("a$9-1-1"), parse_object("a$10-1-1")
    assert older.stamp < newer.stamp
    assert str(older) > str(newer)


def test_stamp_text_as_seen_on_the_original() -> None:
    """F19: hex, no padding, a zero part is `00`."""
    assert str(parse_object("t10_txt-0$703-7b1ce-e85e5")) == "t10_txt-0$703-7b1ce-e85e5"
    assert str(Stamp(0, 10, 0)) == "00-a-00"
    assert parse_object("a$00-a-00").stamp == Stamp(0, 10, 0)


@pytest.mark.parametrize("name", ["a", "data:log:website", "x@y-z_0", "A" * MAX_NAME_CHARACTERS])
def test_legal_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "a.b", "+deleted", "é", "a\n", "A" * (MAX_NAME_CHARACTERS + 1)]
)
def test_illegal_names(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(BadNameError, match="is no name"):
        check_new_name(name)


def test_a_new_name_must_fit_a_file() -> None:
    assert check_new_name("a" * MAX_STORED_CHARACTERS)
    with pytest.raises(LongNameError, match="201 characters"):
        check_new_name("a" * (MAX_STORED_CHARACTERS + 1))


@pytest.mark.parametrize(
    "text", ["a", "a$1-2", "a$1-2-3-4", "a$x-1-1", "$1-1-1", "a$1-1-G", "!partial.a$1-1-1", "+x$1-1-1"]
)
def test_what_is_no_object_name(text: str) -> None:
    with pytest.raises(BadNameError):
        parse_object(text)


def test_the_metatag_has_object_names() -> None:
    assert parse_object("+deleted$1-2-3").name == "+deleted"


def test_hash_dir_is_the_first_md5_byte() -> None:
    """F18: of the whole object name, with its stamp."""
    name = "t10_txt-0$703-7b1ce-e85e5"
    assert hash_dir(name) == hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:2]


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("disco://host/ddfs/vol0/blob/4e/name-0$1-2-3", "name-0"),
        ("disco://host/ddfs/vol0/blob/4e/a:b@c$1-2-3", "a:b@c"),
        ("tag://data:x", "data:x"),
        ("http://host/file.txt", None),
        ("disco://host/ddfs/vol0/blob/4e/no-stamp", None),
    ],
)
def test_identity_of_a_set(url: str, identity: str | None) -> None:
    """F7: the blob's name, not the URL, tells duplicates."""
    assert set_identity((url, "disco://other/ddfs/vol1/blob/00/other$1-1-1")) == identity


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("disco://n1/ddfs/x", "n1"),
        ("http://n1:8989/x", "n1"),
        ("http://user:secret@n1:8989/x", "n1"),
        ("http://[::1]:8989/x", "[::1]"),
        ("tag://n1", "n1"),
        ("raw", ""),
    ],
)
def test_host_of_a_url(url: str, host: str) -> None:
    assert host_of(url) == host
