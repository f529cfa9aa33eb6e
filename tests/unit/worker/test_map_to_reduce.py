"""The whole way of pairs, out of maps and into reduces, against plain Python."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.worker.test_sorting import CollectingWorker, any_key

from disco.records.partition import partition
from disco.util import kvgroup
from disco.worker.classic import func
from disco.worker.classic.inlining import source_of
from disco.worker.classic.mapping import MapJob, _shuffled
from disco.worker.classic.shuffling.merging import merged
from disco.worker.classic.shuffling.ordering import general_order
from disco.worker.classic.shuffling.runs import read_batches
from disco.worker.classic.shuffling.sorting import Sorter

Pair = tuple[Any, Any]
PARTITIONS = 3


def as_they_are(entry: list[Pair], params: Any) -> Iterator[Pair]:
    for key, value in entry:  # noqa: UP028 - the form that can be inlined
        yield key, value


def counted(entry: list[Pair], params: Any) -> Iterator[Pair]:
    for key, _ in entry:
        yield key, 1


def mapped(map: Any, source: str, entries: list[list[Pair]]) -> dict[str, io.BytesIO]:
    """What one map task writes, by label. Without its source the map stays a generator."""
    worker: Any = CollectingWorker()
    worker.map_source = source
    job = MapJob(map, None, func.default_partition, PARTITIONS, (), True, True, "64K", None)
    _shuffled(worker, None, job, iter(entries))  # type: ignore[arg-type]
    return dict(worker.files)


@pytest.mark.parametrize("map", [as_they_are, counted])
@pytest.mark.parametrize("source", [True, False])
@pytest.mark.parametrize("memory_bytes", [10**9, 200])
@given(
    tasks=st.lists(st.lists(st.lists(any_key, max_size=4), max_size=5), max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_groups_are_those_of_a_dictionary(
    map: Any, source: bool, memory_bytes: int, tasks: list[list[list[Any]]]
) -> None:
    """M172, M382, C28: each key in its partition and once, keys in order, values as the maps gave them."""
    places = iter(range(10**6))
    inputs = [[[(key, next(places)) for key in entry] for entry in entries] for entries in tasks]
    files = [mapped(map, source_of(map) if source else "", entries) for entries in inputs]
    expected: list[dict[Any, list[Any]]] = [{} for _ in range(PARTITIONS)]
    for entry in (entry for entries in inputs for entry in entries):
        for key, value in map(entry, None):
            expected[partition(key, PARTITIONS)].setdefault(key, []).append(value)
    for label, groups in enumerate(expected):
        sorter = Sorter(memory_bytes)
        for file in (of_task[str(label)] for of_task in files if str(label) in of_task):
            file.seek(0)
            for batch in read_batches(file, "x"):
                sorter.add(batch)
        found = [(key, list(values)) for key, values in kvgroup(sorter.finish())]
        assert [key for key, _ in found] == sorted(groups, key=general_order)
        assert dict(found) == groups


@given(st.lists(st.lists(st.integers(0, 5))), st.integers(1, 4))
def test_merging_is_sorting_what_the_runs_hold(keys_of_runs: list[list[int]], size: int) -> None:
    """M382: stable, however the runs are cut into batches, and whatever key spans several of them."""
    runs = [
        [(key, (run, place)) for place, key in enumerate(sorted(keys))]
        for run, keys in enumerate(keys_of_runs)
    ]
    cut = [iter([run[start : start + size] for start in range(0, len(run), size)]) for run in runs]
    found = [item for block in merged(cut, None) for item in block]
    assert found == sorted((item for run in runs for item in run), key=lambda item: item[0])


def test_keys_without_an_order_do_not_stop_a_merge() -> None:
    nan = float("nan")
    runs = [iter([[(nan, 1), (1.0, 2)], [(nan, 3)]]), iter([[(0.0, 4), (nan, 5)]])]
    found = [value for block in merged(runs, None) for _, value in block]
    assert sorted(found) == [1, 2, 3, 4, 5]
