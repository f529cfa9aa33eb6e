"""The nodes that have a free slot, least loaded first, and what has changed among them.

Every waiting queue wants to know which of the free nodes it could use. Asking all of them for every
decision would cost as much as there are nodes. So this list keeps a short *log* of the nodes that got room,
and a queue that remembers how far it has read the log needs to look only at what has come since.

Invariant: a node is in the list exactly while it may run tasks and has a free slot, with its current load.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

LOG_KEPT = 4096  # entries; a reader that is further behind looks at all nodes instead


class FreeNodes:
    def __init__(self) -> None:
        self._order: list[tuple[float, str]] = []
        self._loads: dict[str, float] = {}
        self._log: list[str] = []
        self._dropped = 0  # entries that were cut from the front of the log

    def put(self, name: str, load: float) -> None:
        """The node has a free slot, and this load."""
        old = self._loads.get(name)
        if load == old:
            return
        if old is not None:
            del self._order[bisect_left(self._order, (old, name))]
        insort(self._order, (load, name))
        self._loads[name] = load
        if old is None or load < old:
            self._log.append(name)
            if len(self._log) > 2 * LOG_KEPT:
                del self._log[:LOG_KEPT]
                self._dropped += LOG_KEPT

    def drop(self, name: str) -> None:
        load = self._loads.pop(name, None)
        if load is not None:
            del self._order[bisect_left(self._order, (load, name))]

    def load(self, name: str) -> float | None:
        """The node's load; None if it is not free."""
        return self._loads.get(name)

    def best(self, shun: Sequence[str]) -> str | None:
        """The least loaded node that is not one of `shun`."""
        return next((name for _, name in self._order if name not in shun), None)

    @property
    def mark(self) -> int:
        """Grows when a node gets room. See `since`."""
        return self._dropped + len(self._log)

    def since(self, mark: int) -> Sequence[str] | None:
        """The nodes that got room since `mark`; None if it is cheaper to look at all of them."""
        start = mark - self._dropped
        if start < 0 or len(self._log) - start > len(self._order):
            return None
        return self._log[start:]

    def __iter__(self) -> Iterator[str]:
        return (name for _, name in self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, name: str) -> bool:
        return name in self._loads
