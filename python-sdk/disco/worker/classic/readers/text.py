"""Readers of text formats: CSV and JSON lines.

A record that is not of the format is a DataError which names the line: another replica is tried, and a job
whose data are wrong everywhere ends with that text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from ....error import DataError

MAX_FIELD_CHARS = 64 * 2**20  # of CSV; Python's own limit is 128 Ki


def csv_reader(
    fd: Any,
    size: int | None,
    url: str,
    params: Any = None,
    *,
    encoding: str = "utf-8-sig",
    **format: Any,
) -> Iterator[list[str]]:
    """Yields each row of a CSV file as a list of texts. Empty lines are left out.

    `format` is what `csv.reader` takes: `delimiter`, `quotechar`, `dialect`, `strict` and others. A row may
    go on over several lines, if its line ends are quoted. Raises DataError for text in another encoding, and
    for what `csv` can't parse.
    """
    import csv

    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD_CHARS))
    rows = csv.reader(_text(fd, encoding), **format)
    return (row for row in _checked(rows, encoding, url) if row)


def csv_dict_reader(
    fd: Any,
    size: int | None,
    url: str,
    params: Any = None,
    *,
    fieldnames: Iterable[str] | None = None,
    **options: Any,
) -> Iterator[dict[str, str]]:
    """Yields each row of a CSV file as a dictionary; its first row names the fields, or `fieldnames` does.

    `options` are those of `csv_reader`. Raises DataError for a row that has more or fewer fields than names.
    """
    rows = csv_reader(fd, size, url, params, **options)
    names = next(rows, None) if fieldnames is None else list(fieldnames)
    if names is None:
        return
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise DataError(f"record {number} has {len(row)} fields, not {len(names)}: {row!r:.200}", url)
        yield dict(zip(names, row, strict=True))


def json_reader(
    fd: Any, size: int | None, url: str, params: Any = None, *, skip_bad_lines: bool = False
) -> Iterator[Any]:
    """Yields the value of each line of a file of JSON lines. Empty lines are left out.

    Raises DataError for a line that is no JSON; with `skip_bad_lines`, such lines are left out, and a message
    says how many they were.
    """
    decode = json.JSONDecoder().raw_decode  # half the time of `json.loads`, which looks for the encoding
    skipped = 0
    for number, line in enumerate(_binary(fd), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip(" \t\r\n")
            if not text:
                continue
            value, end = decode(text)
            if end < len(text):
                raise ValueError(f"more than one value, the second at character {end}")
        except (ValueError, RecursionError) as error:
            if not skip_bad_lines:
                raise DataError(f"line {number} is no JSON ({error}): {line[:100]!r}", url) from error
            skipped += 1
        else:
            yield value
    if skipped:
        print(f"json_reader: {url}: {skipped} lines were no JSON, and were left out")


def _checked(rows: Any, encoding: str, url: str) -> Iterator[list[str]]:
    import csv

    try:
        yield from rows
    except csv.Error as error:
        raise DataError(f"line {rows.line_num} is no CSV: {error}", url) from error
    except UnicodeError as error:
        raise DataError(
            f"the text after line {rows.line_num} is not {encoding} ({error}); give its `encoding`", url
        ) from error


def _binary(fd: Any) -> Any:
    """The file of bytes behind what a reader of the user's own is handed."""
    return getattr(fd, "binary", fd)


def _text(fd: Any, encoding: str) -> io.TextIOBase:
    return io.TextIOWrapper(_binary(fd), encoding, newline="")
