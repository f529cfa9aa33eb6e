"""Readers for common formats: functions that come last in a chain of input streams.

Each takes (fd, size, url, params), as every `map_reader` does, and gives the entries that the map gets. Those
with options of their own take them by keyword: `map_reader=partial(csv_reader, delimiter=";")`.

    plain     gzip, regular expressions, Disco's oldest format
    text      CSV, JSON lines
    columns   Parquet and Arrow files, through pyarrow where it is installed
"""

from __future__ import annotations

from .columns import arrow_reader, parquet_reader
from .plain import gzip_line_reader, gzip_reader, old_netstr_reader, re_reader, string_input_stream
from .text import csv_dict_reader, csv_reader, json_reader

__all__ = [
    "arrow_reader", "csv_dict_reader", "csv_reader", "gzip_line_reader", "gzip_reader", "json_reader",
    "old_netstr_reader", "parquet_reader", "re_reader", "string_input_stream",
]  # fmt: skip
