"""How our bytes reach the other side: whole, chopped, split, slow, late, or several messages in one write.

An axis is the delivery of a whole session: `plain`, `bytewise`, `joined`, or `split@K`. A delivery line
counts for the next message only, and comes before the axis.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

MAX_PIECES = 600
JOIN_WAIT_S = 0.005


class Sender:
    """`write` puts bytes on the pipe; `pause` waits until they were taken."""

    def __init__(self, write: Callable[[bytes], None], pause: Callable[[], None], axis: str) -> None:
        self._write, self._pause, self._axis = write, pause, axis
        self._lines: list[tuple[str, float]] = []
        self._held = b""
        self._joining = 0

    @property
    def may_flush(self) -> bool:
        """An axis that joins gives way when the worker waits; an explicit join does so too, or nobody would
        move."""
        return bool(self._held)

    def next_delivery(self, kind: str, amount: float) -> None:
        if kind == "join":
            self._joining = int(amount)
        else:
            self._lines.append((kind, amount))

    def send(self, data: bytes) -> None:
        if self._joining or self._axis == "joined":
            self._held += data
            self._joining = max(0, self._joining - 1)
            if self._joining or self._axis == "joined":
                return
            data, self._held = self._held, b""
        self._deliver(data)

    def flush(self) -> None:
        data, self._held, self._joining = self._held, b"", 0
        if data:
            self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        lines, self._lines = self._lines, []
        for kind, amount in lines:
            if kind == "delay":
                time.sleep(amount)
        rate = next((amount for kind, amount in lines if kind == "slow"), 0)
        pieces = list(self._pieces(data, lines))
        for at, piece in enumerate(pieces):
            self._write(piece)
            if at + 1 < len(pieces):
                self._pause()
                if rate:
                    time.sleep(len(piece) / rate)

    def _pieces(self, data: bytes, lines: list[tuple[str, float]]) -> Iterator[bytes]:
        size, offset = len(data), 0
        for kind, amount in lines:
            if kind == "chop":
                size = int(amount)
            elif kind == "split":
                offset = int(amount)
            elif kind == "slow":
                size = max(1, int(amount) // 20)
        if not lines and self._axis == "bytewise":
            size = 1
        if not lines and self._axis.startswith("split@"):
            offset = min(int(self._axis[6:]), len(data) - 1)
        if offset:
            yield data[:offset]
            yield data[offset:]
            return
        size = max(size, -(-len(data) // MAX_PIECES))
        for start in range(0, len(data), size):
            yield data[start : start + size]
