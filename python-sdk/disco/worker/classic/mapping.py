"""Running a map task: the loop over entries, chosen once for each task.

What a job's functions may see is always the same: `map` is called for each entry in order, then, for each
pair, `partition` and `combiner`. Where these are Disco's own, their calls can be left out, and the loop does
what they would have done:

    sum_combiner              one dictionary for all partitions, parted when it is written
    default partition         asked once for each distinct key of a run
    Disco's own output        columns instead of pairs; grouped by key where keys repeat (`shuffling`)

In these loops a map that yields plainly adds to the dictionary or the columns itself, without the way through
a generator (`inlining`). Anything else takes the plain loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from . import func
from .external import is_external, start_program
from .inlining import Collecting, collecting, summing
from .progress import Progress
from .shapes import blaming
from .shuffling.parting import Shuffle
from .streams import as_chain, open_output

if TYPE_CHECKING:
    from ...task import Task
    from .external.program import Program
    from .worker import Worker

Pair = tuple[Any, Any]


class MapJob(NamedTuple):
    """The parameters of a job that a map task needs."""

    map: Callable[[Any, Any], Iterable[Pair]]
    combiner: Callable[..., Any] | None
    partition: Callable[[Any, int, Any], int]
    partitions: int | None
    output_stream: tuple[Callable[..., Any], ...]
    has_reduce: bool
    sort: bool
    sort_buffer_size: str | int
    params: Any
    program: Program | None = None  # in place of the function


def run_map(worker: Worker, task: Task, job: Any, jobargs: Mapping[str, Any]) -> None:
    """Read the task's input, map it, write what comes out."""
    get = worker.getter(job, jobargs)
    with start_program("map", get) if is_external(get("map")) else nullcontext() as program:
        _run(worker, task, _settings(get, program), iter(worker.entries(task, job, jobargs, "map")), get)


def _settings(get: Callable[[str], Any], program: Program | None) -> MapJob:
    return MapJob(
        map=get("map"),
        combiner=get("combiner"),
        partition=get("partition"),
        partitions=get("partitions"),
        output_stream=as_chain(get("map_output_stream")),
        has_reduce=bool(get("reduce")),
        sort=bool(get("sort")),
        sort_buffer_size=get("sort_buffer_size"),
        params=get("params"),
        program=program,
    )


def _run(worker: Worker, task: Task, job: MapJob, entries: Iterator[Any], get: Callable[[str], Any]) -> None:
    if get("map_init"):
        get("map_init")(entries, job.params)
    progress = Progress(get("status_interval"), "entries mapped")
    with blaming("map", job.map):
        _choose(job)(worker, task, job, progress.of(entries))
    progress.finish()


Loop = Callable[["Worker", "Task", MapJob, Iterator[Any]], None]


def _pairs(job: MapJob, entries: Iterator[Any]) -> Iterator[Pair]:
    """What the map makes of the entries."""
    if job.program is not None:
        return job.program.map(entries)
    return chain.from_iterable(map(job.map, entries, repeat(job.params)))


def _choose(job: MapJob) -> Loop:
    is_own_output = job.output_stream == DEFAULT_OUTPUT
    if job.partitions is None:
        return _into_one if job.combiner is None else _plain
    if job.combiner is func.sum_combiner and is_own_output and job.partition is func.default_partition:
        return _summed
    if job.combiner is None and is_own_output and job.has_reduce:
        return _shuffled
    return _plain


DEFAULT_OUTPUT = (func.task_output_stream, func.disco_output_stream)


def _summed(worker: Worker, task: Task, job: MapJob, entries: Iterator[Any]) -> None:
    sums: dict[Any, Any] = {}
    get, params = sums.get, job.params
    add_pairs = summing(job.map, worker.map_source)
    if add_pairs is not None:
        for entry in entries:
            add_pairs(entry, params, sums, get)
    else:
        for key, value in _pairs(job, entries):
            sums[key] = get(key, 0) + value
    shuffle = Shuffle(worker, task, job)
    if job.has_reduce:
        shuffle.write_pairs(list(sums), list(sums.values()))
    else:
        shuffle.write_results(sums)
    shuffle.close()


def _shuffled(worker: Worker, task: Task, job: MapJob, entries: Iterator[Any]) -> None:
    shuffle = Shuffle(worker, task, job)
    made = collecting(job.map, worker.map_source)
    if made is not None:
        _collect(made, shuffle, job.params, entries)
    else:
        pairs = _pairs(job, entries)
        while batch := list(islice(pairs, shuffle.batch)):
            shuffle.add([key for key, _ in batch], [value for _, value in batch])
    shuffle.close()


def _collect(collecting: Collecting, shuffle: Shuffle, params: Any, entries: Iterator[Any]) -> None:
    """Let the map fill columns, and the shuffle take them whenever there is a batch."""
    keys: list[Any] = []
    values: list[Any] = []

    def flush() -> int:
        shuffle.add(keys, values if collecting.same is None else (*collecting.same, len(keys)))
        keys.clear()
        values.clear()
        return shuffle.batch

    for entry in entries:
        collecting.run(entry, params, keys, values, len, shuffle.batch, flush)
    flush()


def _into_one(worker: Worker, task: Task, job: MapJob, entries: Iterator[Any]) -> None:
    """No partitions: one file, in the order of the input."""
    add = _opener(worker, task, job)(None).add
    for key, value in _pairs(job, entries):
        add(key, value)


def _plain(worker: Worker, task: Task, job: MapJob, entries: Iterator[Any]) -> None:
    """Every function called as the documents say."""
    output = _opener(worker, task, job)
    combiner, partition, count, params = job.combiner, job.partition, job.partitions, job.params
    adds: dict[Any, Callable[[Any, Any], None]] = {}
    buffers: dict[Any, dict[Any, Any]] = {}
    for key, value in _pairs(job, entries):
        label = None if count is None else checked_label(partition(key, count, params), count)
        if label not in buffers:
            buffers[label] = {}
        if combiner is None:
            if label not in adds:
                adds[label] = output(label).add
            adds[label](key, value)
            continue
        combined = combiner(key, value, buffers[label], False, params)
        if combined is not None:
            with blaming("combiner", combiner):
                _add_all(adds, output, label, combined)
    if combiner is not None:
        for label, buffer in buffers.items():
            combined = combiner(None, None, buffer, True, params)
            if combined is not None:
                with blaming("combiner", combiner):
                    _add_all(adds, output, label, combined)


def _add_all(
    adds: dict[Any, Callable[[Any, Any], None]],
    output: Callable[[Any], Any],
    label: Any,
    pairs: Iterable[Pair],
) -> None:
    for key, value in pairs:
        if label not in adds:  # an output that gets nothing is never made
            adds[label] = output(label).add
        adds[label](key, value)


def _opener(worker: Worker, task: Task, job: MapJob) -> Callable[[Any], Any]:
    def output(label: Any) -> Any:
        name = None if label is None else str(label)
        return worker.output(
            task, name, open=lambda path: open_output(job.output_stream, path, name, job.params)
        ).file

    return output


class LabelError(ValueError):
    """A partition function returned something that is no label."""


def checked_label(label: Any, count: int) -> int:
    """The label that a partition function returned. Raises LabelError when it is none."""
    try:
        number = int(label)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < count:
        raise LabelError(
            f"the partition function returned {label!r}, which is not in range({count}); "
            "return a number from 0 to nr_partitions - 1"
        )
    return number
