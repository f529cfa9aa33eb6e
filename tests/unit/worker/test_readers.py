"""Readers of CSV, JSON lines, Parquet and Arrow: alone, and in jobs on real workers."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs
from unit.worker.scripted_disco import TaskEnd

from disco.core import result_iterator
from disco.error import DataError, DiscoError
from disco.worker.classic import func
from disco.worker.classic.entries import text_stream
from disco.worker.classic.readers.text import MAX_FIELD_CHARS

RunJob = Callable[..., list[Any]]
RunMap = Callable[..., TaskEnd]
ROWS = [{"name": "Anna", "age": 3}, {"name": "Karenina, A.", "age": 4}, {"name": "Дарья", "age": None}]


class Forwards(io.RawIOBase):
    """A file that can't be read from its end, as one from the network can't."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read(reader: Any, data: bytes, **options: Any) -> list[Any]:
    return list(reader(io.BytesIO(data), len(data), "some://url", None, **options))


# ---- text


def test_rows_of_csv_with_quoted_line_ends_and_separators() -> None:
    """M371, B23: what Python's csv makes of it, without the mark that some programs begin files with."""
    data = '\ufeffa,b\r\n\r\n"x, y","two\nlines"\r\n'.encode()
    assert read(func.csv_reader, data) == [["a", "b"], ["x, y", "two\nlines"]]
    assert read(func.csv_reader, "a;ä\n".encode("latin-1"), delimiter=";", encoding="latin-1") == [["a", "ä"]]


def test_rows_of_csv_as_dictionaries() -> None:
    """B23."""
    assert read(func.csv_dict_reader, b"a,b\n1,2\n3,4\n") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    named = {"fieldnames": ["x", "y"], "delimiter": ";"}
    assert read(func.csv_dict_reader, b"1;2\n", **named) == [{"x": "1", "y": "2"}]
    assert read(func.csv_dict_reader, b"") == []
    with pytest.raises(DataError, match=r"record 2 has 1 fields, not 2.*some://url|some://url.*record 2"):
        read(func.csv_dict_reader, b"a,b\n1,2\n3\n")


def test_csv_in_another_encoding_is_told_with_its_place() -> None:
    """M455: another replica may be sound; else the text says what to give."""
    with pytest.raises(DataError, match=r"some://url.*after line 0 is not utf-8-sig.*encoding"):
        read(func.csv_reader, b"\xff\xfe\n")
    with pytest.raises(DataError, match="line 1 is no CSV"):
        read(func.csv_reader, b'"a"b\n', strict=True)


def test_long_fields_of_csv_are_read() -> None:
    """Longer than Python's own limit, 128 Ki; the limit of ours is far above."""
    assert MAX_FIELD_CHARS > 200_000
    assert [len(field) for field in read(func.csv_reader, b"x" * 200_000 + b",y\n")[0]] == [200_000, 1]


def test_json_lines() -> None:
    """B23: one value a line; empty lines left out; the last one may lack its line end."""
    data = b'{"a": [1, "\xc3\xa4"]}\n\n  \nnull\r\n17'
    assert read(func.json_reader, data) == [{"a": [1, "ä"]}, None, 17]
    assert read(func.json_reader, b"\xef\xbb\xbf  5 \n") == [5]  # some programs begin files with this mark


@pytest.mark.parametrize("bad", [b"{", b"\xff", b"[" * 100_000, b"1 2"])
def test_a_line_that_is_no_json_is_named(bad: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r"some://url.*line 2 is no JSON"):
        read(func.json_reader, b"1\n" + bad + b"\n3\n")
    assert read(func.json_reader, b"1\n" + bad + b"\n3\n", skip_bad_lines=True) == [1, 3]
    assert "1 lines were no JSON" in capsys.readouterr().out


def test_readers_may_be_called_by_a_reader_of_the_users_own() -> None:
    """What such a reader is handed gives lines of text; these readers need the bytes behind it."""
    stream = text_stream(io.BytesIO(b"1,2\n"), None, "x")
    assert list(func.csv_reader(stream, None, "x")) == [["1", "2"]]
    assert list(func.json_reader(text_stream(io.BytesIO(b"[1]"), None, "x"), None, "x")) == [[1]]


@pytest.mark.parametrize(
    ("reader", "data", "entries"),
    [
        (func.json_reader, b'[1]\n{"a": 2}\n', [[1], {"a": 2}]),
        (partial(func.csv_reader, delimiter=";"), b"1;2\n", [["1", "2"]]),
        (func.csv_dict_reader, b"a,b\n1,2\n", [{"a": "1", "b": "2"}]),
    ],
)
def test_jobs_read_text_formats(
    run_job: RunJob, tmp_path: Path, reader: Any, data: bytes, entries: list[Any]
) -> None:
    """M371, B23: as `map_reader`, options given by `functools.partial`; packed by gzip in a longer chain."""
    plain, packed = tmp_path / "plain", tmp_path / "packed.gz"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    options = {"map": jobs.entry_itself, "map_reader": reader, "partitions": None}
    assert [key for key, _ in run_job(input=[str(plain)], **options)] == entries
    found = run_job(input=[str(packed)], map_input_stream=func.gzip_stream, **options)
    assert [key for key, _ in found] == entries


def test_results_can_be_read_by_the_same_readers(tmp_path: Path) -> None:
    """M323: `reader` of an iterator on the client."""
    (tmp_path / "file").write_bytes(b"[1]\n[2]\n")
    assert list(result_iterator([str(tmp_path / "file")], reader=func.json_reader)) == [[1], [2]]


def test_a_bad_line_is_a_fault_of_the_data(run_map: RunMap) -> None:
    """M455: the task is tried elsewhere; the message names input and line."""
    end = run_map(input=["raw://1%0Ax"], map=jobs.entry_itself, map_reader=func.json_reader)
    assert end.outcome == "error" and "line 2 is no JSON" in end.text and "raw://1%0Ax" in end.text


# ---- columns


def parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    sink = arrow.BufferOutputStream()
    pyarrow.parquet.write_table(arrow.Table.from_pylist(rows), sink, **options)
    return bytes(sink.getvalue())


def arrow_ipc(rows: list[dict[str, Any]], *, as_file: bool) -> bytes:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.ipc

    table = arrow.Table.from_pylist(rows)
    sink = arrow.BufferOutputStream()
    make = pyarrow.ipc.new_file if as_file else pyarrow.ipc.new_stream
    with make(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return bytes(sink.getvalue())


FORMATS = [
    (func.parquet_reader, lambda: parquet(ROWS, row_group_size=2)),
    (func.arrow_reader, lambda: arrow_ipc(ROWS, as_file=True)),
    (func.arrow_reader, lambda: arrow_ipc(ROWS, as_file=False)),
]


@pytest.mark.parametrize(("reader", "make"), FORMATS)
@pytest.mark.parametrize("wrap", [io.BytesIO, lambda data: io.BufferedReader(Forwards(data))])
def test_rows_of_columnar_files(reader: Any, make: Any, wrap: Any) -> None:
    """M16, B24: dictionaries of Python values; also from a file that can only be read forwards."""
    assert list(reader(wrap(make()), None, "u", None)) == ROWS


@pytest.mark.parametrize(("reader", "make"), FORMATS)
def test_columns_and_batches(reader: Any, make: Any) -> None:
    """B24: only some columns; whole batches for maps that compute with columns."""
    data = make()
    assert read(reader, data, columns=["age"]) == [{"age": row["age"]} for row in ROWS]
    batches = read(reader, data, as_batches=True)
    assert [row for batch in batches for row in batch.to_pylist()] == ROWS
    with pytest.raises(DiscoError, match=r"some://url has no column size; it has name, age"):
        read(reader, data, columns=["age", "size"])


@pytest.mark.parametrize(("reader", "make"), FORMATS)
def test_a_damaged_columnar_file_is_a_fault_of_the_data(reader: Any, make: Any) -> None:
    """M455: so another replica is tried."""
    whole = make()
    for data in (b"", b"no such format", whole[: len(whole) // 2]):
        with pytest.raises(DataError, match="some://url"):
            read(reader, data)


def test_a_job_reads_parquet_files(run_job: RunJob, tmp_path: Path) -> None:
    """B24: on a node, with a second replica after a damaged one."""
    (tmp_path / "bad").write_bytes(parquet(ROWS)[:50])
    (tmp_path / "good").write_bytes(parquet(ROWS))
    found = run_job(
        input=[[str(tmp_path / "bad"), str(tmp_path / "good")]],
        map=jobs.entry_itself,
        map_reader=partial(func.parquet_reader, columns=["name"]),
        partitions=None,
    )
    assert [key["name"] for key, _ in found] == [row["name"] for row in ROWS]


def test_a_node_without_pyarrow_says_what_to_do(run_map: RunMap) -> None:
    """Only jobs that use it need it; the message names the node, and both ways out."""
    end = run_map(
        input=["raw://x"],
        map=jobs.entry_itself,
        map_reader=func.parquet_reader,
        required_files={"pyarrow.py": "raise ImportError('not here')"},
    )
    assert end.outcome == "fatal"
    assert "can't be imported on node localhost (not here)" in end.text
    assert "pip install pyarrow" in end.text and "requirements=['pyarrow']" in end.text


def test_other_jobs_do_not_import_pyarrow(run_job: RunJob) -> None:
    found = run_job(
        input=["raw://x"],
        map=jobs.entry_itself,
        partitions=None,
        required_files={"pyarrow.py": "raise ImportError('not here')"},
    )
    assert found == [(b"x", "bytes")]


def test_json_is_what_python_says_it_is() -> None:
    """Every value that `json` writes comes back."""
    values = [ROWS, "\u2028", 1e300, -0.5, {}, [], True]
    data = "".join(json.dumps(value) + "\n" for value in values).encode()
    assert read(func.json_reader, data) == values


def test_the_page_on_python_jobs_names_readers_that_are_there() -> None:
    page = (Path(__file__).parents[3] / "docs" / "python-jobs.md").read_text()
    table = page.partition("| reader |")[2].partition("\n\n")[0]
    names = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert len(names) > 8 and all(callable(getattr(func, name)) for name in names)
