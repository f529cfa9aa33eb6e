"""Counting records as they pass, and saying so now and then, without a call of ours per record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain, compress, count, islice
from typing import Any

MIN_PAUSE_S = 1.0  # between two messages: Disco slows down tasks that say more than ten things a second


class Progress:
    """Counts the items of an iterator; prints "N VERB" after every `interval` of them (0: never).

    Of messages that come too soon after the last one, some are left out.
    """

    def __init__(self, interval: int, verb: str) -> None:
        self.verb = verb
        self.interval = int(interval or 0)
        self._taken = count(1)
        self._asked = 0

    def of(self, items: Iterable[Any]) -> Iterator[Any]:
        """The same items, counted. To be called once."""
        counted = compress(items, self._taken)  # a count is drawn after each item, and is always true
        if self.interval <= 0:
            return counted
        return chain.from_iterable(self._spans(counted))

    def total(self) -> int:
        """How many items have passed."""
        self._asked += 1
        return next(self._taken) - self._asked

    def finish(self) -> None:
        """Say how many it were, unless they were too few for a message on the way."""
        if 0 < self.interval <= (total := self.total()):
            print(f"Done: {total} {self.verb}")

    def _spans(self, counted: Iterator[Any]) -> Iterator[Iterator[Any]]:
        reached, said_s = 0, -MIN_PAUSE_S
        while True:
            yield islice(counted, self.interval)
            now = self.total()
            if now - reached < self.interval:
                return
            reached = now
            if time.monotonic() - said_s >= MIN_PAUSE_S:
                said_s = time.monotonic()
                print(f"{now} {self.verb}")
