"""Running a reduce task: what it reads, in which order, and how its output is taken.

`sum_reduce` over Disco's own format is not called but done here, a batch at a time. Anything else is handed
a `ReduceInput`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from .. import current
from . import func
from .external import is_external, start_program
from .grouping import ReduceInput
from .progress import Progress
from .shapes import blaming
from .shuffling.memory import FIRST_BATCH, buffer_bytes, next_batch
from .shuffling.ordering import order_for
from .shuffling.runs import Batch, Groups, Pairs, each, read_batches, weight
from .shuffling.sorting import Sorter
from .signatures import yields_pairs
from .streams import as_chain, open_input, open_output

if TYPE_CHECKING:
    from ...task import Task
    from .worker import Worker

MERGED_OBJECTS = 1_000_000  # of unsorted input, this much is merged in memory
OWN_INPUT = (func.task_input_stream, func.disco_input_stream)


def run_reduce(worker: Worker, task: Task, job: Any, jobargs: Mapping[str, Any]) -> None:
    """Read the task's input, reduce it, write what comes out."""
    get = worker.getter(job, jobargs)
    params = get("params")
    reduce = get("reduce")
    progress = Progress(get("status_interval"), "entries reduced")
    if reduce is func.sum_reduce and reads_own_format(worker, job, jobargs) and not get("reduce_init"):
        sums = _sums(_batches(worker, task, job, jobargs))
        keys = sorted(sums, key=order_for(map(type, sums))) if get("sort") else sums
        _write_all(_output(worker, task, get), ((key, sums[key]) for key in keys))
        return
    given = _reduce_input(worker, task, job, jobargs, progress)
    if get("reduce_init"):
        get("reduce_init")(given, params)
    if is_external(reduce):
        with start_program("reduce", get) as program:
            _write_all(_output(worker, task, get), program.reduce(given))
    elif yields_pairs(reduce):
        pairs = reduce(given, params)
        if pairs is not None:
            with blaming("reduce", reduce):
                _write_all(_output(worker, task, get), pairs)
    else:
        reduce(given, _output(worker, task, get), params)
    progress.finish()


def reads_own_format(worker: Worker, job: Any, jobargs: Mapping[str, Any]) -> bool:
    """Whether the reduce's input streams are Disco's own, so that batches can be read as they are."""
    return worker.input_streams(job, jobargs, "reduce") == OWN_INPUT


def _reduce_input(
    worker: Worker, task: Task, job: Any, jobargs: Mapping[str, Any], progress: Progress
) -> ReduceInput:
    get = worker.getter(job, jobargs)
    if get("sort"):
        sorter = Sorter(buffer_bytes(get("sort_buffer_size")), directory=str(current.home))
        batches = (
            _batches(worker, task, job, jobargs)
            if reads_own_format(worker, job, jobargs)
            else _pair_batches(worker.entries(task, job, jobargs, "reduce"))
        )
        for batch in batches:
            sorter.add(batch)
        return _counted(sorter.finish(), progress)
    if reads_own_format(worker, job, jobargs):
        return _counted(_as_they_come(_batches(worker, task, job, jobargs)), progress)
    return ReduceInput(lambda: progress.of(worker.entries(task, job, jobargs, "reduce")))


def _as_they_come(batches: Iterator[Batch]) -> ReduceInput:
    """Batches in no order that anybody asked for.

    A few that are groups all through are merged: then a reduce that sorts or groups has little left to do.
    """
    kept: list[Batch] = []
    held = 0
    for batch in batches:
        kept.append(batch)
        held += len(batch.keys)
        if isinstance(batch, Groups):
            held += sum(map(weight, batch.values))
        if held > MERGED_OBJECTS or not isinstance(batch, Groups) or not _has_order(batch):
            return _streamed(chain(kept, batches))
    sorter = Sorter(memory_bytes=sys.maxsize)
    for batch in kept:
        sorter.add(batch)
    return sorter.finish()


def _streamed(batches: Iterator[Batch]) -> ReduceInput:
    return ReduceInput(lambda: chain.from_iterable(batch.pairs() for batch in batches))


def _has_order(groups: Groups) -> bool:
    kinds = set(map(type, groups.keys))
    return order_for(kinds) is None


def _counted(given: ReduceInput, progress: Progress) -> ReduceInput:
    """Count pairs where they are taken one by one; groups pass as they are."""
    return ReduceInput(lambda: progress.of(given), given.groups_maker())


def _batches(worker: Worker, task: Task, job: Any, jobargs: Mapping[str, Any]) -> Iterator[Batch]:
    params = worker.getter(job, jobargs)("params")

    def open_batches(url: str) -> Iterator[Batch]:
        opened = open_input((func.task_input_stream,), url, params)
        try:
            yield from read_batches(opened, url)
        finally:
            opened.close()

    return iter(worker.input(task, open=worker.opener(task, job, jobargs, open_batches)))


def _pair_batches(records: Iterable[Any]) -> Iterator[Batch]:
    """Pairs from any reader, in batches."""
    records, size = iter(records), FIRST_BATCH
    while batch := list(islice(records, size)):
        keys, values = [key for key, _ in batch], [value for _, value in batch]
        size = next_batch(keys, values)
        yield Pairs(keys, values)


def _sums(batches: Iterable[Batch]) -> dict[Any, Any]:
    sums: dict[Any, Any] = {}
    get = sums.get
    for batch in batches:
        if isinstance(batch, Groups):
            for key, values in zip(batch.keys, batch.values, strict=True):
                if type(values) is tuple and type(values[0]) is int:
                    sums[key] = get(key, 0) + values[0] * values[1]
                else:
                    sums[key] = sum(each(values), get(key, 0))
        else:
            for key, value in batch.pairs():
                sums[key] = get(key, 0) + value
    return sums


def _output(worker: Worker, task: Task, get: Any) -> Any:
    """The task's one output: results of a reduce are not parted any further."""
    streams = as_chain(get("reduce_output_stream"))
    params = get("params")
    return worker.output(task, open=lambda path: open_output(streams, path, None, params)).file


def _write_all(output: Any, pairs: Iterable[tuple[Any, Any]]) -> None:
    add = output.add
    for key, value in pairs:
        add(key, value)
