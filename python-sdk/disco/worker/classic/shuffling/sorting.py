"""Sorting the input of a reduce within a given amount of memory.

Batches are collected, as pairs or, once a batch of groups comes, as a dictionary of lists. When they take
more memory than allowed they are sorted and spilled to a file, and in the end the spilled runs are merged
(`merging`). If nothing was spilled, runs that came sorted are laid end to end and sorted again, which the
built-in sort does by merging them.

Invariant: the values of a key come in the order of the input, and the order of keys is that of `ordering`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby, starmap
from operator import itemgetter
from typing import IO, Any, NamedTuple

from ..grouping import Group, Pair, ReduceInput
from .memory import ENTRY_BYTES, PAIR_BYTES, column_bytes
from .merging import Block, merged
from .ordering import order_for
from .runs import (
    MAX_HUNK_OBJECTS,
    Batch,
    BatchWriter,
    Groups,
    Pairs,
    Values,
    each,
    joined,
    pairs_of_group,
    read_batches,
    weight,
)

MAX_RUNS = 64  # open at a time; more are merged into one first
_key = itemgetter(0)
_value = itemgetter(1)


class Run(NamedTuple):
    """A spilled file of sorted pairs, or of sorted groups, where a large group may come in parts."""

    file: IO[bytes]
    is_grouped: bool


class Sorter:
    """Takes batches (`add`), then gives them back sorted (`finish`)."""

    def __init__(self, memory_bytes: int, directory: str | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._directory = directory
        self._pairs: list[Pair] = []
        self._groups: dict[Any, Values] | None = None
        self._held_bytes = self._held_objects = 0
        self._hunk_objects = MAX_HUNK_OBJECTS
        self._types: set[type] = set()
        self._runs: list[Run] = []
        self.spilled = 0  # how many runs have been written to disk

    def add(self, batch: Batch) -> None:
        self._types.update(map(type, batch.keys))
        if isinstance(batch, Groups):
            self._add_groups(batch)
        elif batch.values is None:
            raise ValueError("only (key, value) pairs can be sorted; the input has bare entries")
        else:
            self._add_pairs(batch, batch.values)
        if self._held_bytes > self._memory_bytes:
            self._spill()

    def finish(self) -> ReduceInput:
        """Everything that was added, sorted by key."""
        if not self._runs:
            groups, pairs = self._groups, self._sorted_pairs()
            return from_pairs(lambda: iter(pairs)) if groups is None else from_groups(self._sorted_groups)
        if self._pairs or self._groups:
            self._spill()
        while len(self._runs) > MAX_RUNS:
            some, self._runs = self._runs[:MAX_RUNS], self._runs[MAX_RUNS:]
            self._runs.insert(0, self._write(*self._merged(some)))
        blocks, are_grouped = self._merged(self._runs)
        items = chain.from_iterable(blocks)
        return from_groups(lambda: items) if are_grouped else from_pairs(lambda: items)

    def _add_groups(self, batch: Groups) -> None:
        if self._groups is None:
            self._groups = {}
            for pair in self._pairs:
                _add_value(self._groups, *pair)
            self._pairs = []
        groups, before = self._groups, len(self._groups)
        for key, values in zip(batch.keys, batch.values, strict=True):
            groups[key] = joined(groups[key], values) if key in groups else values
        lists = [values for values in batch.values if type(values) is list]
        keys_bytes = column_bytes(batch.keys) + ENTRY_BYTES * len(batch.keys)
        self._held_bytes += keys_bytes * (len(groups) - before) // len(batch.keys)
        self._held_bytes += sum(map(column_bytes, lists))
        self._held_objects += sum(map(weight, batch.values))

    def _add_pairs(self, batch: Pairs, values: list[Any]) -> None:
        if self._groups is not None and not _are_hashable(batch.keys):
            self._spill()
        if self._groups is None:
            self._pairs += batch.pairs()
        else:
            for key, value in batch.pairs():
                _add_value(self._groups, key, value)
        self._held_bytes += column_bytes(batch.keys) + column_bytes(values) + PAIR_BYTES * len(batch)
        self._held_objects += len(batch)

    def _sorted_pairs(self) -> list[Pair]:
        order = order_for(self._types)
        pairs, self._pairs = self._pairs, []
        pairs.sort(key=_key if order is None else lambda pair: order(pair[0]))
        return pairs

    def _sorted_groups(self) -> Iterator[tuple[Any, Values]]:
        groups = self._groups or {}
        return ((key, groups[key]) for key in sorted(groups, key=order_for(self._types)))

    def _spill(self) -> None:
        # the batches of all runs that are merged at a time take about half of the memory
        object_bytes = self._held_bytes // self._held_objects + 1
        fitting = self._memory_bytes // (2 * MAX_RUNS) // object_bytes
        self._hunk_objects = max(1, min(self._hunk_objects, fitting))
        is_grouped = self._groups is not None
        block = list(self._sorted_groups()) if is_grouped else self._sorted_pairs()
        self._runs.append(self._write(iter([block]), is_grouped))
        self.spilled += 1
        self._groups, self._held_bytes, self._held_objects = None, 0, 0

    def _write(self, blocks: Iterator[Block], are_grouped: bool) -> Run:
        file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed by who reads the run
        writer = BatchWriter(file, self._hunk_objects)
        write = writer.groups if are_grouped else writer.pairs
        for block in blocks:
            write([key for key, _ in block], [values for _, values in block])
        writer.flush()
        file.seek(0)
        return Run(file, are_grouped)

    def _merged(self, runs: list[Run]) -> tuple[Iterator[Block], bool]:
        """The blocks of runs, merged: groups if any of the runs has groups, else pairs."""
        are_grouped = any(run.is_grouped for run in runs)
        return merged([_read(run, are_grouped) for run in runs], order_for(self._types)), are_grouped


def from_pairs(pairs: Callable[[], Iterator[Pair]]) -> ReduceInput:
    """A reduce input over sorted pairs."""
    return ReduceInput(pairs, lambda: ((key, map(_value, same)) for key, same in groupby(pairs(), _key)))


def from_groups(groups: Callable[[], Iterator[tuple[Any, Values]]]) -> ReduceInput:
    """A reduce input over sorted groups, of which a large one may come in parts."""

    def pairs() -> Iterator[Pair]:
        return chain.from_iterable(starmap(pairs_of_group, groups()))

    def each_group() -> Iterator[Group]:
        for key, parts in groupby(groups(), _key):
            yield key, chain.from_iterable(each(values) for _, values in parts)

    return ReduceInput(pairs, each_group)


def _read(run: Run, as_groups: bool) -> Iterator[Block]:
    with run.file as file:
        for batch in read_batches(file, "a spilled run"):
            assert batch.values is not None
            values: Iterable[Any] = batch.values
            if as_groups and not run.is_grouped:
                values = ([value] for value in values)
            yield list(zip(batch.keys, values, strict=True))


def _add_value(groups: dict[Any, Values], key: Any, value: Any) -> None:
    held = groups.get(key)
    if type(held) is list:
        held.append(value)
    else:
        groups[key] = [value] if held is None else joined(held, [value])


def _are_hashable(keys: Iterable[Any]) -> bool:
    try:
        set(keys)
    except TypeError:
        return False
    return True
