"""Chunking: what goes in comes out, within the limits (M288, M552, W19)."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco.client import chunk
from disco.client.chunk import MAX_RECORD_BYTES, Chunker
from disco.error import CommError, DataError
from disco.records.hunks import read_hunks, read_records

LINES = b"".join(b"line %d of a file that is longer than a few chunks\n" % number for number in range(5000))


def chunks_of(content: bytes, url: str = "x", **options):
    made = []
    for name, file in Chunker(lambda _url: io.BytesIO(content), **options).chunks(url):
        with file:
            made.append((name, file.read()))
    return made


def records_of(chunks) -> list:
    return [record for _, data in chunks for record in read_records(io.BytesIO(data), "test", entries=True)]


def values_of(chunks) -> list:
    return [
        value for _, data in chunks for _, values in read_hunks(io.BytesIO(data), "test") for value in values
    ]


@given(
    st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=60), st.booleans()
)
def test_any_lines_in_are_the_same_lines_out_m288(lines, ends):
    content = b"\n".join(lines) + (b"\n" if ends else b"")
    for size in (1, 50, 1 << 20):
        assert values_of(chunks_of(content, chunk_size=size)) == io.BytesIO(content).readlines()


def test_chunks_keep_to_their_size_and_are_numbered_m288():
    chunks = chunks_of(LINES, "/data/log.2013.txt", chunk_size=10_000)
    assert len(chunks) > 1
    assert max(len(data) for _, data in chunks) <= 10_000
    assert [name for name, _ in chunks[:2]] == ["log_2013_txt-0", "log_2013_txt-1"]
    assert b"".join(values_of(chunks)) == LINES


def test_a_chunk_may_be_read_by_any_language():
    for _, data in chunks_of(LINES):
        assert all(set(keys) == {b""} for keys, _ in read_hunks(io.BytesIO(data), "test"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("-", "stdin-0"),
        ("http://host/a/b.txt?x=1", "b_txt-0"),
        ("disco://n/ddfs/vol0/blob/aa/data:x$1-2-3", "data:x-0"),
        (["file:///a/b", "file:///c/d"], "b-0"),
    ],
)
def test_chunks_are_named_after_their_input(url, name):
    """M209."""
    assert [found for found, _ in chunks_of(b"x\n", url)] == [name]


def test_a_record_at_the_limit_and_one_over_it():
    line = b"x" * (MAX_RECORD_BYTES - 1) + b"\n"
    assert values_of(chunks_of(b"a\n" + line + line + b"b\n")) == [b"a\n", line, line, b"b\n"]
    for content in (b"a\nx" + line, b"x" * (MAX_RECORD_BYTES + 1), b"x" * (4 * MAX_RECORD_BYTES)):
        with pytest.raises(DataError, match=f"larger than {MAX_RECORD_BYTES} bytes: use a reader"):
            chunks_of(content)
    with pytest.raises(DataError, match="larger than"):
        chunks_of(b"", reader=lambda *_: iter(["x" * (MAX_RECORD_BYTES + 1)]))


def test_a_reader_of_its_own_makes_the_records_m288():
    def reader(fd, size, url, params):
        assert (size, url) == (7, "x")
        for line in fd:
            yield (params, int(line))

    chunks = chunks_of(b"1\n2\n33\n", reader=reader, params="p")
    assert records_of(chunks) == [("p", 1), ("p", 2), ("p", 33)]


def test_text_records_are_stored_as_utf8_entries():
    assert values_of(chunks_of(b"", reader=lambda *_: iter(["grün", b"x"]))) == ["grün".encode(), b"x"]


def test_records_that_do_not_fit_together_are_cut():
    records = list(range(chunk.MAX_RECORDS_A_HUNK + 5))
    chunks = chunks_of(b"", reader=lambda *_: iter(records), chunk_size=1 << 20)
    assert records_of(chunks) == records


def test_input_streams_open_the_input_one_after_the_other_m288():
    def upper(stream, size, url, params):
        return io.BytesIO(stream.read().upper())

    def lines(stream, size, url, params):
        return stream, size, url

    assert values_of(chunks_of(b"a\nb\n", input_stream=[upper, lines])) == [b"A\n", b"B\n"]


def test_no_input_makes_no_chunk():
    assert chunks_of(b"") == []


@pytest.mark.parametrize("size", [0, -1])
def test_a_chunk_has_at_least_a_byte(size):
    with pytest.raises(ValueError, match="too small"):
        chunks_of(b"x", chunk_size=size)
    assert len(chunks_of(b"x", chunk_size=1)) == 1


def test_other_codecs():
    assert b"".join(values_of(chunks_of(LINES, codec="none"))) == LINES


def test_chunks_are_pushed_and_tagged_m288(ddfs, master, tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(LINES)
    _, blobs = ddfs.chunk("data:log", [str(path), path.as_uri()], chunk_size=20_000, replicas=1)
    assert ddfs.urls("data:log") == blobs
    found = []
    for file in ddfs.pull("data:log"):
        with file:
            found += [value for _, values in read_hunks(file, "blob") for value in values]
    assert b"".join(found) == LINES * 2


def test_tags_and_replica_lists_are_chunked_m288(ddfs, master):
    ddfs.push("raw", [(io.BytesIO(b"a\n"), "a"), (io.BytesIO(b"b\n"), "b")], replicas=2)
    master.files["/x"] = b"c\n"
    _, blobs = ddfs.chunk("data", ["tag://raw", ["http://127.0.0.1:1/x", f"{master.url}/x"]])
    assert [ddfs.blob_name(blob[0]) for blob in blobs] == ["a-0", "b-0", "x-0"]


def test_a_missing_tag_is_an_error_as_input(ddfs):
    with pytest.raises(CommError):
        ddfs.chunk("data", ["tag://gone"])
