"""The newest lines of a job's event log, read from its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

MAX_EVENTS = 1000
BLOCK_BYTES = 64 * 1024
# A filter that matches nothing must not read a huge log to its start.
MAX_SCAN_BYTES = 64 * 1024**2
_DROPPED = re.compile(r"[^a-zA-Z0-9:\-_!@ ]")


def newest_events(
    path: Path,
    count: int,
    text: str = "",
    *,
    scan_bytes: int = MAX_SCAN_BYTES,
    block_bytes: int = BLOCK_BYTES,
) -> list[bytes]:
    """At most `count` complete lines that hold `text` (any case), newest first, without their newlines.

    Of `text` only letters, digits, blanks and `: - _ ! @` count.
    """
    count = min(count, MAX_EVENTS)
    needle = _DROPPED.sub("", text).lower().encode()
    found: list[bytes] = []
    if count < 1:
        return found
    for line in _lines_backwards(path, scan_bytes, block_bytes):
        if line and needle in line.lower():
            found.append(line)
            if len(found) == count:
                break
    return found


def _lines_backwards(path: Path, scan_bytes: int, block_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        position = file.seek(0, 2)
        floor = max(0, position - scan_bytes)
        rest: list[bytes] = []  # pieces of a line whose start is not read yet, last piece first
        whole = False  # what follows the last newline is still being written
        while position > floor:
            step = min(block_bytes, position - floor)
            position -= step
            file.seek(position)
            *lines, tail = file.read(step).split(b"\n")
            rest.append(tail)
            if not lines:
                continue
            if whole:
                yield b"".join(reversed(rest))
            whole = True
            yield from reversed(lines[1:])
            rest = [lines[0]]
        if floor == 0 and whole:
            yield b"".join(reversed(rest))
