"""The newest version of the tags in use, one slot and one lock a tag, bounded in number and in size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..ddfs.names import ObjectName
from ..ddfs.tag import ReplicaSets, Tag

MAX_TAGS = 10_000
MAX_BYTES = 256 * 1024 * 1024


@dataclass(slots=True)
class PendingAppend:
    """An append that waits to be committed, with others, by whoever gets the tag's lock first."""

    urls: ReplicaSets
    token: str | None
    update: bool
    done: threading.Event = field(default_factory=threading.Event)
    answer: list[str] | None = None
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Slot:
    """One tag. `lock` guards everything but `pending`, which `TagSlots.lock` guards."""

    name: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    version: ObjectName | None = None
    tag: Tag | None = None
    urls: list[str] | None = None  # of the replicas of `version`, once known
    size: int = 0
    pending: list[PendingAppend] = field(default_factory=list)
    users: int = 0

    def hold(self, version: ObjectName, tag: Tag, size: int, urls: list[str] | None) -> None:
        self.version, self.tag, self.size, self.urls = version, tag, size, urls

    def clear(self) -> None:
        self.version, self.tag, self.size, self.urls = None, None, 0, None


class TagSlots:
    """Slots in use stay; of the others, the least recently used go when there are too many."""

    def __init__(self, max_tags: int = MAX_TAGS, max_bytes: int = MAX_BYTES) -> None:
        self._max_tags, self._max_bytes = max_tags, max_bytes
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._bytes = 0
        self.lock = threading.Lock()

    @contextmanager
    def use(self, name: str) -> Iterator[Slot]:
        with self.lock:
            slot = self._slots.setdefault(name, Slot(name))
            self._slots.move_to_end(name)
            if slot.users == 0:
                self._bytes -= slot.size
            slot.users += 1
        try:
            yield slot
        finally:
            with self.lock:
                slot.users -= 1
                if slot.users == 0:
                    self._bytes += slot.size
                    self._evict()

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def idle_bytes(self) -> int:
        return self._bytes

    def _evict(self) -> None:
        while len(self._slots) > self._max_tags or self._bytes > self._max_bytes:
            oldest = next((slot for slot in self._slots.values() if slot.users == 0), None)
            if oldest is None:
                return
            del self._slots[oldest.name]
            self._bytes -= oldest.size
