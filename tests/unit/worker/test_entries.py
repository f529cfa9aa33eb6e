"""What a map without a reader sees, and what a reader of the user's own is handed (M366, M371, M608-M614)."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path

import pytest

from disco.records.hunks import Encoding, HunkWriter
from disco.worker.classic.entries import begins_as_hunk, default_reader, text_stream
from disco.worker.classic.func import chain_reader

LINES = [b"one\n", b"two \xd1\x80\n", b"last"]


def chunked(lines: list[bytes], encoding: Encoding = Encoding.KV) -> bytes:
    file = io.BytesIO()
    with HunkWriter(file, encoding) as writer:
        writer.add_columns(lines, None)
    return file.getvalue()


@pytest.mark.parametrize("encoding", [Encoding.KV, Encoding.PICKLE])
def test_chunks_and_text_give_the_same_lines(tmp_path: Path, encoding: Encoding) -> None:
    (tmp_path / "text").write_bytes(b"".join(LINES))
    (tmp_path / "chunk").write_bytes(chunked(LINES, encoding))
    for name in ("text", "chunk"):
        with (tmp_path / name).open("rb") as file:
            assert list(default_reader(file, None, name)) == LINES
        memory = io.BytesIO((tmp_path / name).read_bytes())
        assert list(default_reader(memory, None, name)) == LINES


@pytest.mark.parametrize("text", ["", "р", "ра", "раз\n", "\xd1", "Ñ\x00\x00\x00"])
def test_no_text_is_taken_for_a_hunk(text: str) -> None:
    """Cyrillic text begins with the hunk's first byte, too."""
    data = text.encode()
    assert not begins_as_hunk(data)
    assert b"".join(default_reader(io.BytesIO(data), None, "x")) == data


def test_readers_may_iterate_text_or_read_bytes() -> None:
    rows = b'1, "alpha"\r\n2, beta\n'
    assert list(csv.reader(text_stream(io.BytesIO(rows), None, "x"))) == [["1", ' "alpha"'], ["2", " beta"]]
    matching = [line for line in text_stream(io.BytesIO(rows), None, "x") if re.match("2", line)]
    assert matching == ["2, beta\n"]
    assert text_stream(io.BytesIO(rows), None, "x").read(1) == b"1"
    packed = io.BytesIO(gzip.compress(rows))
    assert gzip.GzipFile(fileobj=text_stream(packed, None, "x")).read() == rows  # type: ignore[arg-type]
    assert list(chain_reader(text_stream(io.BytesIO(chunked(LINES)), None, "x"), None, "x")) == LINES


def test_other_bytes_come_through_text_unharmed() -> None:
    (line,) = text_stream(io.BytesIO(b"\xff\xfe\n"), None, "x")
    assert line.encode("utf-8", "surrogateescape") == b"\xff\xfe\n"
