"""Session files: a TOML head between `+++` lines, then one step a line.

`parse` gives the cases of a file: one, or one for each row of `[[each]]`, whose values stand wherever the
file says `{{name}}`. A row may also hold keys of the head, which then count for that case alone.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from disco_conformance.session import lines
from disco_conformance.session.head import HEAD_KEYS, read_head
from disco_conformance.session.model import Session, SessionError

FENCE = "+++"
_HOLE = re.compile(r"\{\{([a-z_]+)\}\}")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
MAX_SOURCE_BYTES = 4 << 20


def parse_file(path: Path) -> list[Session]:
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            raise SessionError(f"a session file is at most {MAX_SOURCE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SessionError(f"not UTF-8: {error.reason} at byte {error.start}", path=str(path)) from None
    except OSError as error:
        raise SessionError(f"cannot be read: {error.strerror}", path=str(path)) from None
    return parse(text, str(path))


def parse(text: str, path: str = "") -> list[Session]:
    try:
        head_text, body, first = split_source(text)
        table = _toml(head_text)
        rows = table.pop("each", None)
        if rows is None:
            _no_holes(table, body)
            return [_session(table, body, first, path)]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
            raise SessionError("each must be an array of tables: [[each]]")
        return _expand(table, rows, body, first, path)
    except SessionError as error:
        raise error.at(path) if path and error.path is None else error from None


def split_source(text: str) -> tuple[str, str, int]:
    """Head, body, and the number of lines before the body."""
    rows = text.split("\n")
    if rows[0].strip() != FENCE:
        raise SessionError(f"the file must begin with a {FENCE} line", 1)
    try:
        end = next(at for at, row in enumerate(rows[1:], 1) if row.strip() == FENCE)
    except StopIteration:
        raise SessionError(f"the head is not closed: a second {FENCE} line is missing", 1) from None
    return "\n".join(rows[1:end]), "\n".join(rows[end + 1 :]), end + 1


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_LINE.search(str(error))
        reason = _TOML_LINE.sub("", str(error)).strip()
        raise SessionError(f"the head is not TOML: {reason}", int(place[1]) + 1 if place else None) from None


def _session(table: dict[str, Any], body: str, first: int, path: str) -> Session:
    return Session(read_head(table), lines.read_steps(body, first), path, body)


def _expand(
    table: dict[str, Any], rows: list[dict[str, Any]], body: str, first: int, path: str
) -> list[Session]:
    sessions = []
    for row in rows:
        overrides = {key: value for key, value in row.items() if key in HEAD_KEYS}
        filled = _fill({**table, **overrides}, row)
        sessions.append(_session(filled, _HOLE.sub(lambda m: str(_value(row, m[1])), body), first, path))  # noqa: B023
    return sessions


def _fill(value: Any, row: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {_fill(key, row): _fill(item, row) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, row) for item in value]
    if not isinstance(value, str):
        return value
    whole = _HOLE.fullmatch(value)
    if whole:
        return _value(row, whole[1])
    return _HOLE.sub(lambda m: str(_value(row, m[1])), value)


def _value(row: dict[str, Any], key: str) -> Any:
    if key not in row:
        raise SessionError(
            f"{{{{{key}}}}} has no value in a row of [[each]] (it has {', '.join(sorted(row))})"
        )
    return row[key]


def _no_holes(table: dict[str, Any], body: str) -> None:
    hole = _HOLE.search(f"{table}\n{body}")
    if hole:
        raise SessionError(f"{hole[0]} stands in a file that has no [[each]]")
