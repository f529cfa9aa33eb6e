"""What was said in a case, with times: the two columns that a report shows."""

from __future__ import annotations

import time
from dataclasses import dataclass

MAX_ENTRIES = 2000
MAX_SHOWN = 700


@dataclass(frozen=True)
class Entry:
    """`side` is W, M, or `·` for what the player itself did or saw."""

    at_s: float
    side: str
    text: str


class Transcript:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._start = time.monotonic()

    def add(self, side: str, text: str) -> None:
        if len(self.entries) < MAX_ENTRIES:
            shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text)} characters)"
            self.entries.append(Entry(round(time.monotonic() - self._start, 4), side, shown))
        elif len(self.entries) == MAX_ENTRIES:
            self.entries.append(Entry(round(time.monotonic() - self._start, 4), "·", "the rest is left out"))

    def lines(self) -> list[str]:
        return [f"{entry.at_s:8.3f} {entry.side} {entry.text}" for entry in self.entries]
