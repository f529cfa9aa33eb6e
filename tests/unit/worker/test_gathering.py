"""What a map holds of its pairs: counted, grouped or as they came, with nothing lost and no order changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco.worker.classic.shuffling.gathering import JUDGED_PAIRS, Gathering
from disco.worker.classic.shuffling.runs import Groups, Pairs, Values, compact

Pair = tuple[Any, Any]
some_keys = st.one_of(
    st.sampled_from(["a", "b", b"a", 1, None, (1, 2)]), st.lists(st.integers(0, 1), max_size=1)
)
some_values = st.sampled_from([1, 1, 1, True, 1.0, "1", None])


def by_key(pairs: list[Pair]) -> list[tuple[str, list[str]]]:
    """The values of each key as they came. By repr: 1 and True are told apart."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(repr(key), []).append(repr(value))
    return sorted(found.items())


@given(
    st.lists(st.lists(st.tuples(some_keys, some_values), min_size=1, max_size=6), max_size=6), st.booleans()
)
def test_all_that_was_added_is_given_back(batches: list[list[Pair]], group: bool) -> None:
    """M382: in whatever form: values that only compare equal, keys that can't be hashed."""
    gathering = Gathering(group)
    for batch in batches:
        gathering.add([key for key, _ in batch], compact([value for _, value in batch]))
    assert by_key(list(gathering.take().pairs())) == by_key([pair for batch in batches for pair in batch])
    assert (list(gathering.take().pairs()), gathering.held_bytes) == ([], 0)


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([(["a", "b", "a"], (1, 3)), (["a"], [1])], Groups(["a", "b"], [(1, 3), (1, 1)])),
        ([(["a", "b", "a"], (1, 3)), (["a"], (True, 1))], Groups(["a", "b"], [[1, 1, True], [1]])),
        ([(["a", "b"], [1, 2]), (["a", "a"], (3, 2))], Groups(["a", "b"], [[1, 3, 3], [2]])),
        ([(["a", "a"], (1, 2)), (["b", [], "a"], (1, 3))], Pairs(["a", "a", "b", [], "a"], [1] * 5)),
        ([(["a", [], "a"], [1, 2, 3])], Pairs(["a", [], "a"], [1, 2, 3])),
    ],
)
def test_the_least_that_will_do(batches: list[tuple[list[Any], Values]], expected: Groups | Pairs) -> None:
    """Counts while all values are one, else groups, and pairs once a key can't be in a dictionary."""
    gathering = Gathering(group=True)
    for keys, values in batches:
        gathering.add(keys, values)
    assert gathering.take() == expected


@pytest.mark.parametrize("repeats", [1, 4])
def test_keys_that_hardly_repeat_are_not_grouped(repeats: int) -> None:
    gathering = Gathering(group=True)
    keys = [number // repeats for number in range(JUDGED_PAIRS)]
    gathering.add(keys[:-1], (None, len(keys) - 1))
    assert gathering.is_grouping
    gathering.add(keys[-1:], (None, 1))
    assert gathering.is_grouping == (repeats > 1)
    assert sorted(gathering.take().pairs()) == [(key, None) for key in keys]


@pytest.mark.parametrize("group", [True, False])
@pytest.mark.parametrize("values", [["x" * 100] * 1000, [f"{n:0100}" for n in range(1000)]])
def test_memory_grows_with_what_is_held(group: bool, values: list[str]) -> None:
    """M383."""
    gathering = Gathering(group)
    gathering.add([f"{n:050}" for n in range(1000)], values)
    first = gathering.held_bytes
    assert first > 100 * 1000
    gathering.add([f"{n:050}" for n in range(1000)], values)
    assert gathering.held_bytes > first or (group and compact(values) != values)
