"""Sorting, grouping and parting against plain Python, with buffers so small that runs are spilled."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import groupby, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disco.error import DiscoError
from disco.records.partition import partition
from disco.util import kvgroup
from disco.worker.classic import func
from disco.worker.classic.grouping import ReduceInput
from disco.worker.classic.mapping import MapJob
from disco.worker.classic.shuffling.memory import MIN_BUFFER_BYTES, buffer_bytes, column_bytes
from disco.worker.classic.shuffling.ordering import general_order, order_for
from disco.worker.classic.shuffling.parting import Shuffle
from disco.worker.classic.shuffling.runs import (
    MAX_HUNK_OBJECTS,
    BatchWriter,
    Groups,
    Pairs,
    compact,
    each,
    joined,
    pairs_of_group,
    read_batches,
)
from disco.worker.classic.shuffling.sorting import MAX_RUNS, Sorter

Pair = tuple[Any, Any]
words = st.text("abc", max_size=2)
plain_keys = st.one_of(st.lists(words), st.lists(st.binary(max_size=2)), st.lists(st.integers(-9, 9)))
any_key = st.one_of(
    words, st.binary(max_size=2), st.integers(-3, 3), st.none(), st.floats(allow_nan=False, width=16),
    st.tuples(st.integers(0, 2), st.one_of(words, st.none())), st.booleans(),
    st.frozensets(st.integers(0, 3)),
)  # fmt: skip


def numbered(keys: Iterable[Any]) -> list[Pair]:
    """Each key with its place, so that any change of order shows."""
    return [(key, place) for place, key in enumerate(keys)]


def batches_of(pairs: list[Pair], size: int, grouped: bool) -> list[Pairs | Groups]:
    made: list[Pairs | Groups] = []
    for start in range(0, len(pairs), size):
        part = pairs[start : start + size]
        if grouped and start % (2 * size) == 0:  # both kinds mixed
            groups: dict[Any, list[Any]] = {}
            for key, value in part:
                groups.setdefault(key, []).append(value)
            made.append(Groups(list(groups), list(groups.values())))
        else:
            made.append(Pairs([k for k, _ in part], [v for _, v in part]))
    return made


def sorted_by(sorter: Sorter, batches: Iterable[Pairs | Groups]) -> ReduceInput:
    for batch in batches:
        sorter.add(batch)
    return sorter.finish()


@pytest.mark.parametrize("memory_bytes", [10**9, 300])
@given(keys=plain_keys, size=st.integers(1, 5), grouped=st.booleans())
@settings(max_examples=60, deadline=None)
def test_sorting_is_pythons_stable_sort_by_key(
    memory_bytes: int, keys: list[Any], size: int, grouped: bool
) -> None:
    """M172, M382: in memory and with spilled runs."""
    pairs = numbered(keys)
    found = sorted_by(Sorter(memory_bytes), batches_of(pairs, size, grouped))
    assert list(found) == sorted(pairs, key=lambda pair: pair[0])


@pytest.mark.parametrize("memory_bytes", [10**9, 300])
@given(keys=st.lists(any_key, max_size=25), size=st.integers(1, 5), grouped=st.booleans())
@settings(max_examples=80, deadline=None)
def test_any_keys_come_in_groups_and_in_one_order(
    memory_bytes: int, keys: list[Any], size: int, grouped: bool
) -> None:
    """M382: equal keys are adjacent, their values in order, nothing is lost, whatever the types."""
    pairs = numbered(keys)
    groups = [
        (k, list(vs)) for k, vs in kvgroup(sorted_by(Sorter(memory_bytes), batches_of(pairs, size, grouped)))
    ]
    expected: dict[Any, list[int]] = {}
    for key, value in pairs:
        expected.setdefault(key, []).append(value)
    assert dict(groups) == expected
    assert len(groups) == len(expected)
    ordered = [key for key, _ in groups]
    assert ordered == sorted(ordered, key=general_order)


def test_many_runs_are_merged_in_steps() -> None:
    """A sort never holds more than MAX_RUNS files open for its last merge."""
    sorter = Sorter(1)
    pairs = numbered(f"{n * 7919 % 1000:03d}" for n in range(2 * MAX_RUNS + 5))
    found = list(sorted_by(sorter, batches_of(pairs, 1, False)))
    assert sorter.spilled == len(pairs) > MAX_RUNS
    assert found == sorted(pairs, key=lambda pair: pair[0])


def test_memory_is_bounded_by_the_buffer() -> None:
    """M383: a buffer of 1 MB sorts 20 MB, and holds about 1 MB of it."""
    sorter = Sorter(2**20)
    expected = 0
    for start in range(100):
        keys = [f"{(start * 2000 + n) * 7919 % 200_003:06d}" for n in range(2000)]
        sorter.add(Pairs(keys, [b"v" * 50] * 2000))
        expected += len(keys)
        assert sorter._held_bytes <= 2**20
    assert sorter.spilled > 10
    ordered = [key for key, _ in sorter.finish()]
    assert ordered == sorted(ordered) and len(ordered) == expected


def test_bare_entries_cannot_be_sorted() -> None:
    with pytest.raises(ValueError, match="bare entries"):
        Sorter(1000).add(Pairs(["x"], None))


@pytest.mark.parametrize("memory_bytes", [10**9, 10])
def test_unhashable_keys_beside_groups(memory_bytes: int) -> None:
    batches = [Groups(["a"], [[1, 2]]), Pairs([["x"], "a"], [3, 4]), Pairs([["x"]], [5])]
    found = [(key, list(values)) for key, values in kvgroup(sorted_by(Sorter(memory_bytes), batches))]
    assert sorted(found, key=repr) == [("a", [1, 2, 4]), (["x"], [3, 5])]


@given(st.lists(st.tuples(words, st.integers())))
def test_kvgroup_groups_consecutive_keys(pairs: list[Pair]) -> None:
    """M461: without sorting, and values may be left unread."""
    expected = [(key, [value for _, value in same]) for key, same in groupby(pairs, lambda pair: pair[0])]
    assert [(key, list(values)) for key, values in kvgroup(pairs)] == expected
    assert [key for key, _ in kvgroup(iter(pairs))] == [key for key, _ in expected]


def test_kvgroup_after_pairs_were_taken_groups_the_rest() -> None:
    found = sorted_by(Sorter(10**9), [Groups(["a", "b"], [[1, 2], [3]])])
    assert next(found) == ("a", 1)
    assert [(key, list(values)) for key, values in kvgroup(found)] == [("a", [2]), ("b", [3])]


def test_a_reduce_input_is_read_once() -> None:
    found = sorted_by(Sorter(10**9), [Groups(["a"], [[1]])])
    assert [key for key, _ in kvgroup(found)] == ["a"]
    assert list(found) == []


@pytest.mark.parametrize("values", [[1, 1, 1], [1, True, 1], [1.0, 1.0], ["x", "x"], [[1], [1]], [0.0, -0.0]])
def test_pairs_of_a_group_are_its_own_values(values: list[Any]) -> None:
    """Equal values may share a pair only if nobody can tell them apart."""
    short = compact(list(values))
    found = list(pairs_of_group("k", short))
    assert repr(found) == repr([("k", value) for value in values])
    assert repr(list(each(joined(short, compact([values[0]]))))) == repr([*values, values[0]])
    if isinstance(values[0], list):
        assert all(pair[1] is value for pair, value in zip(found, values, strict=True))


@given(st.lists(st.tuples(words, st.integers()), min_size=1), st.integers(1, 30))
def test_groups_survive_a_file(pairs: list[Pair], cut: int) -> None:
    """Written groups are read as they were; large ones are cut, and their keys come again."""
    groups: dict[Any, list[Any]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    file = io.BytesIO()
    writer = BatchWriter(file)
    writer.groups(list(groups), list(groups.values()))
    writer.flush()
    file.seek(0)
    found: dict[Any, list[Any]] = {}
    for batch in read_batches(file, "x"):
        assert isinstance(batch, Groups)
        for key, values in zip(batch.keys, batch.values, strict=True):
            found.setdefault(key, []).extend(each(values))
    assert found == groups


def test_a_very_large_group_is_cut() -> None:
    file = io.BytesIO()
    writer = BatchWriter(file)
    writer.groups(["k"], [list(range(200_000))])
    file.seek(0)
    batches = list(read_batches(file, "x"))
    assert len(batches) == 200_000 // MAX_HUNK_OBJECTS + 1
    assert [value for batch in batches for _, value in batch.pairs()] == list(range(200_000))


def test_hunks_of_large_values_hold_few_of_them() -> None:
    """M383: who reads a hunk must have all of it in memory."""
    file = io.BytesIO()
    values = [[bytes([n, m]) * 2**19 for m in range(5)] for n in range(10)]
    BatchWriter(file).groups(list(range(10)), values)  # type: ignore[arg-type]
    file.seek(0)
    batches = list(read_batches(file, "x"))
    assert all(len(list(batch.pairs())) <= 4 for batch in batches)
    found = [value for batch in batches for _, value in batch.pairs()]
    assert found == [value for of_key in values for value in of_key]


def test_users_keys_that_look_like_a_mark_stay_pairs() -> None:
    file = io.BytesIO()
    writer = BatchWriter(file)
    writer.pairs([b"\0disco groups\0", "x"], [1, 2])
    writer.flush()
    file.seek(0)
    assert list(read_batches(file, "x")) == [Pairs([b"\0disco groups\0", "x"], [1, 2])]


# ---- the map's side


class CollectingWorker:
    """Stands where a worker makes output files, and keeps them in memory."""

    def __init__(self) -> None:
        self.files: dict[str, io.BytesIO] = {}

    def output(self, task: Any, label: str, **options: Any) -> Any:
        file = self.files.setdefault(label, io.BytesIO())
        file.close = lambda: None  # type: ignore[method-assign]

        class Opened:
            pass

        Opened.file = file  # type: ignore[attr-defined]
        return Opened

    def pairs(self) -> dict[int, list[Pair]]:
        found = {}
        for label, file in self.files.items():
            file.seek(0)
            found[int(label)] = [pair for batch in read_batches(file, "x") for pair in batch.pairs()]
        return found


def shuffled(pairs: Iterable[Pair], **options: Any) -> dict[int, list[Pair]]:
    """The pairs of each label after the way through a map's files."""
    job = {
        "partitions": 3,
        "sort": False,
        "sort_buffer_size": "64K",
        "partition": func.default_partition,
        **options,
    }
    worker = CollectingWorker()
    settings = MapJob(
        map=func.nop_map, combiner=None, output_stream=(), has_reduce=True, params=None, **job
    )  # fmt: skip
    shuffle = Shuffle(worker, None, settings)  # type: ignore[arg-type]
    rest = iter(pairs)
    while batch := list(islice(rest, shuffle.batch)):
        shuffle.add([key for key, _ in batch], [value for _, value in batch])
    shuffle.close()
    return worker.pairs()


@pytest.mark.parametrize("sort", [False, True])
@given(keys=st.lists(any_key, max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_shuffle_parts_by_key_and_keeps_the_order_of_values(sort: bool, keys: list[Any]) -> None:
    """M162, C28: each pair in its partition, the values of a key as they came."""
    found = shuffled(numbered(keys), sort=sort)
    for label, pairs in found.items():
        assert all(partition(key, 3) == label for key, _ in pairs)
    flat = [pair for pairs in found.values() for pair in pairs]
    assert sorted(value for _, value in flat) == list(range(len(keys)))
    by_key: dict[Any, list[int]] = {}
    for key, value in flat:
        by_key.setdefault(key, []).append(value)
    assert all(values == sorted(values) for values in by_key.values())


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("distinct", [50, 100_000])
def test_large_outputs_with_and_without_repeats(sort: bool, distinct: int) -> None:
    """Both ways through the shuffle, over several batches and runs."""
    keys = [f"key{n * 7919 % distinct}" for n in range(150_000)]
    found = shuffled(numbered(keys), sort=sort)
    assert sum(map(len, found.values())) == len(keys)
    for label, pairs in found.items():
        last: dict[str, int] = {}
        for key, value in pairs:
            assert last.get(key, -1) < value
            last[key] = value
        assert {partition(key, 3) for key in last} == {label}


def test_a_users_partition_function_is_called_for_every_pair() -> None:
    """M402: such a function need not give a key the same label twice."""
    calls: list[Any] = []

    def in_turn(key: Any, count: int, params: Any) -> int:
        calls.append(key)
        return len(calls) % count

    found = shuffled(numbered(["a"] * 10), partition=in_turn)
    assert len(calls) == 10
    assert {label: len(pairs) for label, pairs in found.items()} == {0: 3, 1: 4, 2: 3}


# ---- order and memory


@given(st.lists(any_key), st.lists(any_key))
def test_the_general_order_agrees_with_keys_own_order(left: list[Any], right: list[Any]) -> None:
    for a, b in zip(left, right, strict=False):
        if type(a) is type(b) and isinstance(a, str | bytes | int):
            assert (general_order(a) < general_order(b)) == (a < b)
        if a == b:
            assert not general_order(a) < general_order(b) and not general_order(b) < general_order(a)


def test_plain_keys_need_no_order_function() -> None:
    assert order_for([str]) is None and order_for([int, float]) is None
    assert order_for([str, bytes]) is general_order


@pytest.mark.parametrize(
    ("given_size", "bytes_"),
    [
        ("100M", 100 * 2**20),
        ("1G", 2**30),
        ("128K", 128 * 1024),
        (10**6, 10**6),
        ("1000000b", 10**6),
        ("1", MIN_BUFFER_BYTES),
    ],
)
def test_sort_buffer_sizes(given_size: Any, bytes_: int) -> None:
    """M383."""
    assert buffer_bytes(given_size) == bytes_


def test_a_sort_buffer_may_be_a_part_of_the_memory() -> None:
    assert 0 < buffer_bytes("10%") * 9 < buffer_bytes("100%")
    for wrong in ("ten", "-5", "10X", ""):
        with pytest.raises(DiscoError, match="sort_buffer_size"):
            buffer_bytes(wrong)


def test_memory_is_judged_by_what_is_held() -> None:
    assert column_bytes([]) == 0
    assert column_bytes(["x" * 1000] * 10) > 10_000
    assert column_bytes([["x" * 100] * 10]) > 1000
    assert column_bytes([{"k": "x" * 1000}]) > 1000
