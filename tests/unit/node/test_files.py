"""Paths stay below their root; ranges mean what RFC 9110 says (5.4, M227)."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_master.files import (
    MAX_PATH_BYTES,
    RangeError,
    UnsafePathError,
    names_no_token,
    open_part,
    parse_range,
    plan_reply,
    resolve_under,
)


@pytest.mark.parametrize(
    "relative",
    [
        "",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "a//b",
        "./a",
        "a/.",
        "a\0b",
        "a/",
        "\ud800",
        "//etc",
    ],
)
def test_unsafe_texts_are_refused(tmp_path, relative):
    with pytest.raises(UnsafePathError):
        resolve_under(tmp_path, relative)


@pytest.mark.parametrize(
    "relative", ["a", "a/b", "..a", "a..", "%2e%2e/x", "a\\..\\b", "é/ü", "..%2f..%2fetc"]
)
def test_odd_but_safe_texts_stay_inside(tmp_path, relative):
    """Percent-encoding is undone by the server, once; what looks encoded here is a name."""
    assert resolve_under(tmp_path, relative) == tmp_path.resolve() / relative


@pytest.mark.parametrize(("size", "refused"), [(MAX_PATH_BYTES, False), (MAX_PATH_BYTES + 1, True)])
def test_the_length_is_bounded(tmp_path, size, refused):
    text = ("x" * 100 + "/") * 50
    text = text[: size - 1].rstrip("/") + "y" * (size - len(text[: size - 1].rstrip("/")))
    assert len(text) == size
    if refused:
        with pytest.raises(UnsafePathError, match="longer"):
            resolve_under(tmp_path, text)
    else:
        resolve_under(tmp_path, text)


@given(
    st.lists(st.sampled_from(["a", "..", ".", "", "\0", "é", "/", "link", "~", "%2e%2e", " "]), max_size=8)
)
def test_whatever_is_asked_for_lies_below_the_root(elements):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve() / "root"
        root.mkdir()
        (root / "link").symlink_to("..")
        with contextlib.suppress(UnsafePathError):
            assert resolve_under(root, "/".join(elements)).is_relative_to(root)


def test_links_that_lead_out_are_refused_but_for_mounts(tmp_path):
    root, disk = tmp_path / "root", tmp_path / "disk"
    root.mkdir()
    disk.mkdir()
    (disk / "file").write_text("x")
    (disk / "out").symlink_to(tmp_path)
    (root / "vol0").symlink_to(disk)
    (root / "inside").symlink_to(root / "other")
    assert resolve_under(root, "inside") == root / "other"
    with pytest.raises(UnsafePathError, match="outside"):
        resolve_under(root, "vol0/file")
    assert resolve_under(root, "vol0/file", mounts=1) == disk / "file"
    with pytest.raises(UnsafePathError, match="outside"):
        resolve_under(root, "vol0/out/x", mounts=1)


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, None),
        ("", 10, None),
        ("bytes=0-", 10, (0, 10)),
        ("bytes=3-5", 10, (3, 6)),
        ("bytes=9-9", 10, (9, 10)),
        ("bytes=3-99", 10, (3, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-99", 10, (0, 10)),
        ("bytes=5-3", 10, None),
        ("bytes=-", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("lines=0-1", 10, None),
        ("bytes=a-b", 10, None),
        ("bytes=٣-", 10, None),
        ("bytes=" + "9" * 20 + "-", 10, None),
    ],
)
def test_ranges(header, size, expected):
    assert parse_range(header, size) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_ranges_outside_the_file(header, size):
    with pytest.raises(RangeError):
        parse_range(header, size)


def test_replies_are_planned_and_read(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"0123456789")
    whole, part = plan_reply(file, None), plan_reply(file, "bytes=2-4")
    assert whole.status == 200 and dict(whole.headers)["Content-Length"] == "10"
    assert part.status == 206 and dict(part.headers)["Content-Range"] == "bytes 2-4/10"
    with open_part(part) as opened:
        assert opened.read(part.stop - part.start) == b"234"
    with pytest.raises(IsADirectoryError):
        plan_reply(tmp_path, None)
    with pytest.raises(FileNotFoundError):
        plan_reply(tmp_path / "missing", None)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        plan_reply(tmp_path / "pipe", None)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ('{"version": 1, "id": "a$1-0-0", "read-token": null, "write-token": null, "urls": []}', True),
        ('{"version":1,"read-token":null,"write-token":null,"urls":[]}', True),
        ('{"version": 1, "read-token": "secret", "write-token": null, "urls": []}', False),
        ('{"version": 1, "read-token": null, "write-token": "secret", "urls": []}', False),
        ('{"urls": []}', False),
    ],
)
def test_a_tags_tokens_are_not_for_everybody(tmp_path, text, is_open):
    file = tmp_path / "tag"
    file.write_text(text)
    assert names_no_token(file) is is_open
