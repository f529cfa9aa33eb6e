"""The administrator's node table: rows of (host spec, slots). Pure; the web and the core read it alike.

A host spec is one host (a name, an IPv4 address, an IPv6 address in brackets), or a numbered run of them:
`name01:12` means name01, name02, … name12, all as wide as the last (M35).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NODES_MAX = 10_000
SLOTS_MAX = 10_000
_HOST = re.compile(r"[A-Za-z0-9_.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]", re.ASCII)
_RUN = re.compile(r"(?P<stem>[A-Za-z0-9_.\-]*?)(?P<first>\d{1,9}):(?P<last>\d{1,9})", re.ASCII)
_SLOTS = re.compile(r"\d{1,6}", re.ASCII)

Rows = tuple[tuple[str, str], ...]


class TableError(ValueError):
    """`invalid config` or `duplicate nodes`, as clients know them."""


def check_table(value: object) -> Rows:
    """The rows of a decoded JSON table. Raises TableError."""
    if not isinstance(value, list):
        raise TableError("invalid config")
    rows = tuple(_check_row(row) for row in value)
    expand_rows(rows)
    return rows


def expand_rows(rows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The rows as host -> slots, in their order. Raises TableError."""
    table: dict[str, int] = {}
    for spec, slots in rows:
        if not _SLOTS.fullmatch(slots.strip()) or int(slots) > SLOTS_MAX:
            raise TableError("invalid config")
        for host in expand(spec.strip()):
            if host in table:
                raise TableError("duplicate nodes")
            table[host] = int(slots)
        if len(table) > NODES_MAX:
            raise TableError("invalid config")
    return table


def expand(spec: str) -> list[str]:
    """The hosts that a spec means. Raises TableError."""
    run = _RUN.fullmatch(spec)
    if run is None:
        if not _HOST.fullmatch(spec):
            raise TableError("invalid config")
        return [spec]
    first, last = int(run["first"]), int(run["last"])
    if last < first or last - first >= NODES_MAX:
        raise TableError("invalid config")
    width = len(run["last"])
    return [f"{run['stem']}{number:0{width}}" for number in range(first, last + 1)]


def _check_row(row: object) -> tuple[str, str]:
    if not isinstance(row, list) or len(row) != 2 or not all(isinstance(cell, str) for cell in row):
        raise TableError("invalid config")
    return row[0].strip(), row[1].strip()
