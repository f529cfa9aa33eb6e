"""The way from map to reduce in Disco's own format: parted by key, grouped where keys repeat.

Pairs are taken in batches and gathered until the memory for them is used up; then they are parted, sorted
by key and written as a run. A job that doesn't sort has what can't be grouped written as it comes. The values
of a key stay in their order in every case.
"""

from __future__ import annotations

from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ....records.partition import partition as stable_partition
from .. import func
from ..streams import open_output
from .gathering import Gathering
from .memory import FIRST_BATCH, buffer_bytes, next_batch
from .ordering import general_order, order_for
from .runs import BatchWriter, Groups, Values

if TYPE_CHECKING:
    from ....task import Task
    from ..mapping import MapJob
    from ..worker import Worker

Pair = tuple[Any, Any]
Places = list[int] | range

RUN_BYTES = 128 * 2**20  # a run is written when it takes this much memory
_key = itemgetter(0)


class Shuffle:
    """Takes the pairs of one map task (`add`) and writes the files of its partitions.

    `batch` is how many pairs `add` should be given next: fewer where they are large.
    """

    def __init__(self, worker: Worker, task: Task, job: MapJob) -> None:
        self._worker = worker
        self._task = task
        self._job = job
        self._count = job.partitions or 1
        self._writers: dict[int, BatchWriter] = {}
        self._run_bytes = min(RUN_BYTES, buffer_bytes(job.sort_buffer_size))
        # a partition function of the user's is asked about every pair
        self._gathering = Gathering(group=self._count == 1 or job.partition is func.default_partition)
        self.batch = FIRST_BATCH

    def add(self, keys: list[Any], values: Values) -> None:
        """Take pairs. The map may not change a key or value after it has given it out."""
        if not keys:
            return
        self._gathering.add(keys, values)
        self.batch = next_batch(keys, values)
        may_wait = self._job.sort or self._gathering.is_grouping
        if not may_wait or self._gathering.held_bytes > self._run_bytes:
            self._write_run()

    def write_pairs(self, keys: list[Any], values: list[Any]) -> None:
        """Part pairs and write them, sorted by key if the job asks for it."""
        for label, places in self._parted(keys).items():
            parted = _at(places, keys), _at(places, values)
            self._writer(label).pairs(*(sorted_by_key(*parted) if self._job.sort else parted))

    def write_results(self, sums: dict[Any, Any]) -> None:
        """The job has no reduce: these pairs are its results, in the format of results."""
        pairs = list(sums.items())
        for label, places in self._parted(list(sums)).items():
            name = str(label)
            output: Any = self._worker.output(self._task, name, open=partial(self._open_result, name)).file
            for key, value in _at(places, pairs):
                output.add(key, value)

    def close(self) -> None:
        """Write what is left."""
        self._write_run()
        for writer in self._writers.values():
            writer.close()

    def _write_run(self) -> None:
        held = self._gathering.take()
        if isinstance(held, Groups):
            values_of = dict(zip(held.keys, held.values, strict=True))
            keys = self._in_order(held.keys)
            for label, places in self._parted(keys).items():
                parted = _at(places, keys)
                self._writer(label).groups(parted, list(map(values_of.__getitem__, parted)))
        elif held.values:
            self.write_pairs(held.keys, held.values)

    def _in_order(self, keys: list[Any]) -> list[Any]:
        try:
            return sorted(keys, key=order_for(set(map(type, keys))))
        except Exception:
            if self._job.sort:
                raise
            return keys  # such keys have no order; nobody asked for one

    def _parted(self, keys: list[Any]) -> dict[int, Places]:
        """For each label that occurs, the places of its keys."""
        if self._count == 1:
            return {0: range(len(keys))} if keys else {}
        labels = self._labels(keys)
        places: dict[int, Any] = {label: [] for label in sorted(set(labels))}
        for place, label in enumerate(labels):
            places[label].append(place)
        return places

    def _labels(self, keys: list[Any]) -> list[int]:
        count, partition = self._count, self._job.partition
        if partition is not func.default_partition:
            from ..mapping import checked_label

            params = self._job.params
            return [checked_label(partition(key, count, params), count) for key in keys]
        if set(map(type, keys)) == {bytes}:
            return [crc32(key) % count for key in keys]
        return list(map(stable_partition, keys, repeat(count)))

    def _writer(self, label: int) -> BatchWriter:
        if label not in self._writers:
            output = self._worker.output(self._task, str(label))
            self._writers[label] = BatchWriter(output.file)
        return self._writers[label]

    def _open_result(self, name: str, path: str) -> Any:
        return open_output(self._job.output_stream, path, name, self._job.params)


def sorted_by_key(keys: list[Any], values: list[Any]) -> tuple[list[Any], list[Any]]:
    """Two columns sorted by key alone, stably, whatever the types of the keys."""
    order = order_for(set(map(type, keys)))
    pairs = sorted(zip(keys, values, strict=True), key=_key if order is None else _ordered_key)
    return [key for key, _ in pairs], [value for _, value in pairs]


def _ordered_key(pair: Pair) -> Any:
    return general_order(pair[0])


def _at(places: Places, column: list[Any]) -> list[Any]:
    return list(map(column.__getitem__, places))
