"""The administrator's node table: rows of (host spec, slots), checked before the master takes them.

A host spec is one host, or a numbered run of them: `name01:12` means name01, name02, … name12, all as wide
as the last. The core reads the rows in the same way; this check tells a client what is wrong. Pure.
"""

from __future__ import annotations

import re

MAX_NODES = 10_000
MAX_SLOTS = 10_000
_HOST = re.compile(r"[A-Za-z0-9_.\-]{1,253}", re.ASCII)
_RUN = re.compile(r"(?P<stem>[A-Za-z0-9_.\-]*?)(?P<first>\d{1,9}):(?P<last>\d{1,9})", re.ASCII)
_SLOTS = re.compile(r"\d{1,6}", re.ASCII)

Rows = tuple[tuple[str, str], ...]


class TableError(ValueError):
    """`invalid config` or `duplicate nodes`, as clients know them."""


def check_table(value: object) -> Rows:
    """Raises TableError."""
    if not isinstance(value, list):
        raise TableError("invalid config")
    rows = tuple(_check_row(row) for row in value)
    nodes = [host for spec, _ in rows for host in expand(spec)]
    if len(nodes) > MAX_NODES:
        raise TableError("invalid config")
    if len(set(nodes)) < len(nodes):
        raise TableError("duplicate nodes")
    return rows


def _check_row(row: object) -> tuple[str, str]:
    if not isinstance(row, list) or len(row) != 2 or not all(isinstance(cell, str) for cell in row):
        raise TableError("invalid config")
    spec, slots = row[0].strip(), row[1].strip()
    if not _SLOTS.fullmatch(slots) or int(slots) > MAX_SLOTS:
        raise TableError("invalid config")
    return spec, slots


def expand(spec: str) -> list[str]:
    """The hosts that a spec means. Raises TableError."""
    run = _RUN.fullmatch(spec)
    if run is None:
        if not _HOST.fullmatch(spec):
            raise TableError("invalid config")
        return [spec]
    first, last = int(run["first"]), int(run["last"])
    if last < first or last - first >= MAX_NODES:
        raise TableError("invalid config")
    width = len(run["last"])
    return [f"{run['stem']}{number:0{width}}" for number in range(first, last + 1)]
