"""Tasks as they are named on the command line: `map:7`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskName:
    """`map:7`."""

    mode: str
    number: int

    def __str__(self) -> str:
        return f"{self.mode}:{self.number}"


def read_task(text: str) -> TaskName:
    """Raises ValueError."""
    mode, mark, number = text.partition(":")
    if mode not in ("map", "reduce") or not mark or not (number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} is no task: write map:NUMBER or reduce:NUMBER")
    return TaskName(mode, int(number))
