"""Virtual time: a heap of what is to happen, and when. Nothing here waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    def __init__(self, start_s: float) -> None:
        self.now = start_s
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def after(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self.now + seconds, self._count, call, args))

    def next_s(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """The next thing happens."""
        self.now, _, call, args = heapq.heappop(self._heap)
        call(*args)

    def __len__(self) -> int:
        return len(self._heap)
