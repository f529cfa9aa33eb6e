"""What a map task holds of its pairs until it writes them: as little as they allow.

    counted    while all values are one plain value, as the 1 of a word count: how often it came with each key
    grouped    else: the values of each key, in a list
    as pairs   once hardly any key repeats, or a key can't be in a dictionary: two columns

Invariant: the values of a key stay in the order in which they came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from typing import Any

from .memory import ENTRY_BYTES, PAIR_BYTES, column_bytes
from .runs import Batch, Groups, Pairs, Values, compact, each

JUDGED_PAIRS = 65_536  # so many must have come before repeats are judged
MIN_REPEATS = 2  # pairs a distinct key, on average, that make grouping worth it


class Gathering:
    """Takes batches of pairs (`add`), knows their size in memory, gives them back as one batch (`take`)."""

    def __init__(self, group: bool) -> None:
        self.is_grouping = group
        self._clear()

    def add(self, keys: list[Any], values: Values) -> None:
        """Take pairs as two columns; values that are one plain value may be given as (value, how often)."""
        taken = 0
        if self.is_grouping:
            taken = self._group(keys, compact(values))
            is_judged = self._size - taken < JUDGED_PAIRS <= self._size
            if taken < len(keys) or (is_judged and self._hardly_repeats()):
                self._stop_grouping()
        if taken < len(keys):
            self._append(keys[taken:], list(islice(each(values), taken, None)))

    def take(self) -> Batch:
        """All that was added since the last time."""
        batch: Batch = Pairs(self._keys, self._values)
        if self._counts:
            batch = Groups(list(self._counts), [(self._alike, count) for count in self._counts.values()])
        elif self._groups:
            batch = Groups(list(self._groups), list(self._groups.values()))
        self._clear()
        return batch

    def _clear(self) -> None:
        self._counts: Counter[Any] = Counter()
        self._alike: Any = None  # the value that all of them came with
        self._groups: defaultdict[Any, list[Any]] = defaultdict(list)
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._size = 0
        self.held_bytes = 0

    def _group(self, keys: list[Any], values: Values) -> int:
        """Add pairs to the groups, up to the first key that can't be in a dictionary. Returns how many."""
        held = self._place_for(values)
        distinct, taken = len(held), len(keys)
        try:
            if held is self._counts:
                held.update(keys)
            else:
                for key, value in zip(keys, each(values), strict=False):
                    held[key].append(value)
        except TypeError:
            taken = self._total() - self._size
        self._size += taken
        new_keys = list(islice(reversed(held), len(held) - distinct))
        self.held_bytes += column_bytes(new_keys) + ENTRY_BYTES * len(new_keys)
        if held is self._groups:
            self.held_bytes += 8 * taken if type(values) is tuple else column_bytes(values)
        return taken

    def _place_for(self, values: Values) -> Any:
        """The counts, if these values are what is counted there, else the groups."""
        if not self._groups and type(values) is tuple:
            value = values[0]
            if not self._counts:
                self._alike = value
            if value == self._alike and type(value) is type(self._alike):
                return self._counts
        if self._counts:
            self._groups.update((key, [self._alike] * count) for key, count in self._counts.items())
            self._counts.clear()
            self.held_bytes += 8 * self._size
        return self._groups

    def _total(self) -> int:
        return self._counts.total() or sum(map(len, self._groups.values()))

    def _hardly_repeats(self) -> bool:
        return (len(self._counts) + len(self._groups)) * MIN_REPEATS > self._size

    def _stop_grouping(self) -> None:
        self.is_grouping = False
        groups = self.take()
        keys, values = zip(*groups.pairs(), strict=True) if len(groups.keys) else ((), ())
        self._append(list(keys), list(values))

    def _append(self, keys: list[Any], values: list[Any]) -> None:
        self._keys += keys
        self._values += values
        self.held_bytes += column_bytes(keys) + column_bytes(values) + PAIR_BYTES * len(keys)
