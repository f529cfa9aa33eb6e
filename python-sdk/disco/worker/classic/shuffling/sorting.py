"""Sorting the input of a reduce within a given amount of memory.

Batches are collected, as pairs or, once a batch of groups comes, as a dictionary of lists. When they take
more memory than allowed they are sorted and spilled to a file; in the end the spilled runs and what is left
are merged. If nothing was spilled, runs that came sorted are laid end to end and sorted again, which the
built-in sort does by merging them.

Invariant: the values of a key come in the order of the input, and the order of keys is that of `ordering`.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import IO, Any

from ..grouping import Group, Pair, ReduceInput
from .memory import column_bytes
from .ordering import general_order, order_for
from .runs import (
    Batch,
    BatchWriter,
    Groups,
    Values,
    each,
    joined,
    pairs_of_group,
    read_batches,
    weight,
)

MAX_RUNS = 64  # open at a time; more are merged into one first
PAIR_BYTES = 64  # a tuple of two, and its place in a list
GROUP_BYTES = 160  # an entry of a dictionary, with an empty list
_key = itemgetter(0)
_value = itemgetter(1)


class Sorter:
    """Takes batches (`add`), then gives them back sorted (`finish`)."""

    def __init__(self, memory_bytes: int, directory: str | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._directory = directory
        self._pairs: list[Pair] = []
        self._groups: dict[Any, Values] | None = None
        self._held_bytes = 0
        self._types: set[type] = set()
        self._runs: list[IO[bytes]] = []
        self.spilled = 0  # how many runs have been written to disk

    def add(self, batch: Batch) -> None:
        self._types.update(map(type, batch.keys))
        if isinstance(batch, Groups):
            if self._groups is None:
                self._groups = _grouped(self._pairs)
                self._pairs = []
            _extend(self._groups, batch)
            lists = [values for values in batch.values if type(values) is list]
            self._held_bytes += sum(map(column_bytes, lists)) + GROUP_BYTES * len(batch.keys)
        else:
            if batch.values is None:
                raise ValueError("only (key, value) pairs can be sorted; the input has bare entries")
            if self._groups is not None and not self._take_into_groups(batch):
                self._spill()
            if self._groups is None:
                self._pairs += batch.pairs()
            self._held_bytes += (
                column_bytes(batch.keys) + column_bytes(batch.values) + PAIR_BYTES * len(batch)
            )
        if self._held_bytes > self._memory_bytes:
            self._spill()

    def finish(self) -> ReduceInput:
        """Everything that was added, sorted by key."""
        if not self._runs:
            return self._in_memory()
        if self._pairs or self._groups:
            self._spill()
        order = order_for(self._types)
        while len(self._runs) > MAX_RUNS:
            merged = _merged(list(map(_read_run, self._runs[:MAX_RUNS])), order)
            self._runs[:MAX_RUNS] = [self._write(merged)]
        runs, self._runs = self._runs, []
        return from_groups(lambda: _merged(list(map(_read_run, runs)), order))

    def _in_memory(self) -> ReduceInput:
        order = order_for(self._types)
        if self._groups is not None:
            groups = self._groups
            keys = sorted(groups, key=order)
            return from_groups(lambda: ((key, groups[key]) for key in keys))
        return from_pairs(self._sorted_pairs())

    def _sorted_pairs(self) -> list[Pair]:
        order = order_for(self._types)
        pairs, self._pairs = self._pairs, []
        pairs.sort(key=_key if order is None else lambda pair: order(pair[0]))
        return pairs

    def _take_into_groups(self, batch: Any) -> bool:
        """Add pairs to the groups; False, with nothing added, if a key can't be in a dictionary."""
        assert self._groups is not None
        try:
            set(batch.keys)
        except TypeError:
            return False
        for key, value in batch.pairs():
            self._groups[key] = joined(self._groups.get(key, []), [value])
        return True

    def _spill(self) -> None:
        order = order_for(self._types)
        groups: Iterable[tuple[Any, Values]]
        if self._groups is not None:
            held = self._groups
            groups = ((key, held[key]) for key in sorted(held, key=order))
        else:
            groups = ((key, [v for _, v in same]) for key, same in groupby(self._sorted_pairs(), _key))
        self._runs.append(self._write(groups))
        self.spilled += 1
        self._groups, self._pairs, self._held_bytes = None, [], 0

    def _write(self, groups: Iterable[tuple[Any, Values]]) -> IO[bytes]:
        file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed by who reads the run
        writer = _RunWriter(file)
        for key, values in groups:
            writer.add(key, values)
        writer.flush()
        file.seek(0)
        return file


class _RunWriter:
    """Writes sorted groups to a file, a batch at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._batches = BatchWriter(file)
        self._keys: list[Any] = []
        self._values: list[Values] = []
        self._size = 0

    def add(self, key: Any, values: Values) -> None:
        self._keys.append(key)
        self._values.append(values)
        self._size += weight(values)
        if self._size >= 16_384:
            self.flush()

    def flush(self) -> None:
        self._batches.groups(self._keys, self._values)
        self._keys, self._values, self._size = [], [], 0


def from_pairs(pairs: list[Pair]) -> ReduceInput:
    """A reduce input over sorted pairs."""
    return ReduceInput(lambda: iter(pairs), lambda: ((k, map(_value, g)) for k, g in groupby(pairs, _key)))


def from_groups(groups: Callable[[], Iterator[tuple[Any, Values]]]) -> ReduceInput:
    """A reduce input over sorted groups."""

    def pairs() -> Iterator[Pair]:
        return chain.from_iterable(pairs_of_group(key, values) for key, values in groups())

    def each_group() -> Iterator[Group]:
        return ((key, each(values)) for key, values in groups())

    return ReduceInput(pairs, each_group)


def _grouped(pairs: list[Pair]) -> dict[Any, Values]:
    groups: dict[Any, Any] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _extend(groups: dict[Any, Values], batch: Groups) -> None:
    for key, values in zip(batch.keys, batch.values, strict=True):
        if key in groups:
            groups[key] = joined(groups[key], values)
        else:
            groups[key] = values


def _read_run(file: IO[bytes]) -> Iterator[tuple[Any, Values]]:
    with file:
        batches: Any = read_batches(file, "a spilled run")
        for batch in batches:
            yield from zip(batch.keys, batch.values, strict=True)


def _merged(runs: list[Iterator[tuple[Any, Values]]], order: Any) -> Iterator[tuple[Any, Values]]:
    """Groups of all runs in order; the values of a key follow the order of the runs."""
    by_key = _key if order is None else lambda group: general_order(group[0])
    for key, same in groupby(heapq.merge(*runs, key=by_key), _key):
        values: Values | None = None
        for _, more in same:
            values = more if values is None else joined(values, more)
        assert values is not None
        yield key, values
