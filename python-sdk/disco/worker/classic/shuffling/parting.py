"""The way from map to reduce in Disco's own format: parted by key, grouped where keys repeat.

Pairs are taken in batches. While keys repeat, a batch becomes a dictionary of lists, which grows until the
memory for it is used up; its keys are then sorted, parted and written as a run of groups. When hardly any
key repeats, grouping is given up: pairs are parted and written as they come, or, for a job that sorts,
collected and sorted. The values of a key stay in their order in every case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import chain, compress, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ....records.partition import partition as stable_partition
from .. import func
from ..streams import open_output
from .memory import buffer_bytes, column_bytes
from .ordering import general_order, order_for
from .runs import BatchWriter

if TYPE_CHECKING:
    from ....task import Task
    from ..mapping import MapJob
    from ..worker import Worker

Pair = tuple[Any, Any]

BATCH = 65_536
MIN_SAMPLE = 1000  # fewer pairs say nothing about repeats, and cost nothing either way
MIN_REPEATS = 2  # pairs a distinct key, on average, that make grouping worth it
GROUP_BYTES = 128 * 2**20  # groups are written when they take this much memory
_END: Any = object()
_key = itemgetter(0)


class Shuffle:
    """Takes the pairs of one map task and writes the files of its partitions."""

    def __init__(self, worker: Worker, task: Task, job: MapJob) -> None:
        self._worker = worker
        self._task = task
        self._job = job
        self._count = job.partitions or 1
        self._writers: dict[int, BatchWriter] = {}
        self._run_bytes = min(GROUP_BYTES, buffer_bytes(job.sort_buffer_size))

    def take(self, pairs: Iterator[Pair]) -> None:
        """Take all pairs. The map may not change a key or value after it has given it out."""
        left: Iterator[Pair] | None = pairs
        if self._count == 1 or self._job.partition is func.default_partition:
            left = self._take_groups(pairs)
        # else: a partition function of the user's is called for every pair
        if left is not None:
            self._take_pairs(left)

    def write_pairs(self, pairs: list[Pair], sort: bool) -> None:
        """Part pairs and write them, sorted by key if asked to."""
        if sort:
            sort_pairs(pairs)
        if self._count == 1:
            self._columns(0, pairs)
            return
        for label, parted in self._parted(pairs, [key for key, _ in pairs]).items():
            self._columns(label, parted)

    def write_results(self, sums: dict[Any, Any]) -> None:
        """The job has no reduce: these pairs are its results, in the format of results."""
        for label, parted in self._parted(list(sums.items()), list(sums)).items():
            name = str(label)
            output: Any = self._worker.output(self._task, name, open=partial(self._open_result, name)).file
            for key, value in parted:
                output.add(key, value)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _take_groups(self, pairs: Iterator[Pair]) -> Iterator[Pair] | None:
        """Group pairs while keys repeat. Returns the rest of the pairs when they do not, else None."""
        groups: defaultdict[Any, list[Any]] = defaultdict(list)
        size = 0
        rest: list[Pair] = []  # pairs whose keys can't be in a dictionary
        while (first := next(pairs, _END)) is not _END:
            is_first = not size
            for key, value in chain((first,), islice(pairs, BATCH - 1)):
                try:
                    groups[key].append(value)
                except TypeError:
                    rest.append((key, value))
            size += BATCH
            if rest or (is_first and _hardly_repeats(groups)):
                return chain(_ungrouped(groups), rest, pairs)
            if self._groups_bytes(groups, size) > self._run_bytes:
                self._write_groups(groups)
                groups.clear()
                size = 0
        self._write_groups(groups)
        return None

    def _take_pairs(self, pairs: Iterator[Pair]) -> None:
        kept: list[Pair] = []
        kept_bytes = 0
        while batch := list(islice(pairs, BATCH)):
            if not self._job.sort:
                self.write_pairs(batch, sort=False)
                continue
            kept += batch
            kept_bytes += column_bytes(batch)
            if kept_bytes > self._run_bytes:
                self.write_pairs(kept, sort=True)
                kept, kept_bytes = [], 0
        if kept:
            self.write_pairs(kept, sort=True)

    @staticmethod
    def _groups_bytes(groups: dict[Any, list[Any]], size: int) -> int:
        sample = list(islice(groups.items(), 64))
        pairs = sum(len(values) for _, values in sample) or 1
        values_bytes = sum(column_bytes(values) for _, values in sample) * size // pairs
        return min(values_bytes, size * 4096) + 100 * len(groups)

    def _write_groups(self, groups: dict[Any, list[Any]]) -> None:
        keys = self._in_order(list(groups))
        if self._count == 1:
            if keys:
                self._writer(0).groups(keys, [groups[key] for key in keys])
            return
        for label, parted in self._parted(keys, keys).items():
            self._writer(label).groups(parted, [groups[key] for key in parted])

    def _in_order(self, keys: list[Any]) -> list[Any]:
        try:
            sort_keys(keys)
        except Exception:
            if self._job.sort:
                raise
            # such keys have no order; nobody asked for one
        return keys

    def _columns(self, label: int, pairs: list[Pair]) -> None:
        if pairs:
            self._writer(label).pairs([key for key, _ in pairs], [value for _, value in pairs])

    def _parted(self, items: list[Any], keys: list[Any]) -> dict[int, list[Any]]:
        """Items by the labels of their keys, in order."""
        labels = self._labels(keys)
        found = sorted(set(labels))
        if len(found) <= 4:
            return {label: list(compress(items, map(label.__eq__, labels))) for label in found}
        parted: dict[int, list[Any]] = {label: [] for label in found}
        for item, label in zip(items, labels, strict=True):
            parted[label].append(item)
        return parted

    def _labels(self, keys: list[Any]) -> list[int]:
        count, partition = self._count, self._job.partition
        if partition is not func.default_partition:
            from ..mapping import checked_label

            params = self._job.params
            return [checked_label(partition(key, count, params), count) for key in keys]
        kinds = set(map(type, keys))
        if kinds == {bytes}:
            return [crc32(key) % count for key in keys]
        return list(map(stable_partition, keys, repeat(count)))

    def _writer(self, label: int) -> BatchWriter:
        if label not in self._writers:
            output = self._worker.output(self._task, str(label))
            self._writers[label] = BatchWriter(output.file)
        return self._writers[label]

    def _open_result(self, name: str, path: str) -> Any:
        return open_output(self._job.output_stream, path, name, self._job.params)


def sort_pairs(pairs: list[Pair]) -> None:
    """Sort by key alone, stably, whatever the types of the keys."""
    order = order_for(set(map(type, map(_key, pairs))))
    pairs.sort(key=_key if order is None else _ordered_key)


def sort_keys(keys: list[Any]) -> None:
    """Sort keys of any types."""
    keys.sort(key=order_for(set(map(type, keys))))


def _ordered_key(pair: Pair) -> Any:
    return general_order(pair[0])


def _hardly_repeats(groups: dict[Any, list[Any]]) -> bool:
    pairs = sum(map(len, groups.values()))
    return pairs >= MIN_SAMPLE and len(groups) * MIN_REPEATS > pairs


def _ungrouped(groups: dict[Any, list[Any]]) -> Iterator[Pair]:
    for key, values in groups.items():
        for value in values:
            yield key, value
