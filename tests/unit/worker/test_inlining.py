"""The map without its generator does what the map with it does, or is not made."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.worker import sample_jobs as jobs

from disco.worker.classic.inlining import collecting, source_of, summing

Pair = tuple[Any, Any]
OFFSET = 2


def plain(entry: str, params: Any) -> Iterator[Pair]:
    for word in entry.split():
        yield word, 1


def with_return_and_locals(entry: str, params: Any) -> Iterator[Pair]:
    if entry.startswith("a"):
        count = len(entry)
    if not entry:
        return
    for word in [part.upper() for part in entry.split()]:
        if word == "STOP":
            return
        yield word[:1], len(word) + OFFSET
        yield ("all",), params.get("weight", 1)
    yield count, 1


class Mapper:
    factor = 3

    def method(self, entry: str, params: Any) -> Iterator[Pair]:
        yield entry, self.factor

    @staticmethod
    def static(entry: str, params: Any) -> Iterator[Pair]:
        yield entry, 1.5


MAPS: list[Callable[..., Any]] = [plain, with_return_and_locals, Mapper().method, Mapper.static]


def by_generator(function: Any, entries: list[str]) -> Any:
    sums: dict[Any, Any] = {}
    try:
        for entry in entries:
            for key, value in function(entry, {"weight": 5}):
                sums[key] = sums.get(key, 0) + value
    except Exception as error:
        return sums, repr(error)
    return sums, None


def by_inlining(function: Any, entries: list[str]) -> Any:
    add = summing(function, source_of(function))
    assert add is not None
    sums: dict[Any, Any] = {}
    try:
        for entry in entries:
            add(entry, {"weight": 5}, sums, sums.get)
    except Exception as error:
        return sums, repr(error)
    return sums, None


@pytest.mark.parametrize("function", MAPS)
@given(entries=st.lists(st.sampled_from(["", "a b", "b a stop a", "abc", "stop", "x y x"])))
def test_it_gives_the_same_sums_and_errors(function: Any, entries: list[str]) -> None:
    """M421: order of keys, early returns, unassigned names and all."""
    expected, error = by_generator(function, entries)
    found, found_error = by_inlining(function, entries)
    assert (list(found.items()), found_error) == (list(expected.items()), error)


def pairs_by_generator(function: Any, entries: list[str]) -> Any:
    pairs: list[Pair] = []
    try:
        for entry in entries:
            for pair in function(entry, {"weight": 5}):
                pairs.append(pair)
    except Exception as error:
        return pairs, repr(error)
    return pairs, None


def pairs_by_inlining(function: Any, entries: list[str], limit: int) -> Any:
    made = collecting(function, source_of(function))
    assert made is not None
    keys: list[Any] = []
    values: list[Any] = []
    pairs: list[Pair] = []

    def flush() -> int:
        assert len(keys) <= limit and (not values if made.same else len(values) == len(keys))
        pairs.extend(zip(keys, values or [*(made.same or ())] * len(keys), strict=False))
        keys.clear()
        values.clear()
        return limit

    try:
        for entry in entries:
            made.run(entry, {"weight": 5}, keys, values, len, limit, flush)
    except Exception as error:
        return pairs, repr(error)
    flush()
    return pairs, None


@pytest.mark.parametrize("function", MAPS)
@given(
    entries=st.lists(st.sampled_from(["", "a b", "b a stop a", "abc", "stop", "x y x"])),
    limit=st.integers(1, 5),
)
def test_it_gives_the_same_pairs_and_errors(function: Any, entries: list[str], limit: int) -> None:
    """M366: in batches of any size; an error comes after the batches before it."""
    expected, error = pairs_by_generator(function, entries)
    found, found_error = pairs_by_inlining(function, entries, limit)
    assert found_error == error
    assert found == (expected[: len(found)] if error else expected)
    assert len(expected) - len(found) < limit


def counts_everything(entry: str, params: Any) -> Iterator[Pair]:
    yield "entries", 1
    for word in entry.split():
        yield word, 1


def yields_true_and_one(entry: str, params: Any) -> Iterator[Pair]:
    yield entry, 1
    yield entry, True


@pytest.mark.parametrize(
    ("function", "same"),
    [(plain, (1,)), (counts_everything, (1,)), (yields_true_and_one, None), (Mapper.static, None),
     (with_return_and_locals, None)],
)  # fmt: skip
def test_one_value_for_all_is_known_beforehand(function: Any, same: tuple[Any] | None) -> None:
    """Values that can be told apart, like 0.0 and -0.0 among floats, are taken one by one."""
    made = collecting(function, source_of(function))
    assert made is not None and repr(made.same) == repr(same)


def looks_at_frames(entry: str, params: Any) -> Iterator[Pair]:
    yield entry, len(locals())


def yields_in_try(entry: str, params: Any) -> Iterator[Pair]:
    try:
        yield entry, [1]
    except TypeError:
        yield "error", 1


def uses_the_sent_value(entry: str, params: Any) -> Iterator[Pair]:
    found = yield entry, 1
    assert found is None


def yields_from(entry: str, params: Any) -> Iterator[Pair]:
    yield from [(entry, 1)]


def yields_a_name(entry: str, params: Any) -> Iterator[Pair]:
    pair = (entry, 1)
    yield pair


def with_default(entry: str, params: Any, more: int = 1) -> Iterator[Pair]:
    yield entry, more


def returns_a_list(entry: str, params: Any) -> list[Pair]:
    return [(entry, 1)]


def closing_over(number: int) -> Callable[..., Any]:
    def inner(entry: str, params: Any) -> Iterator[Pair]:
        yield entry, number

    return inner


@pytest.mark.parametrize(
    "function",
    [looks_at_frames, yields_in_try, uses_the_sent_value, yields_from, yields_a_name, with_default,
     returns_a_list, closing_over(1), len, lambda entry, params: [(entry, 1)]],
)  # fmt: skip
def test_what_might_differ_stays_a_generator(function: Any) -> None:
    assert summing(function, source_of(function)) is None
    assert collecting(function, source_of(function)) is None


def test_source_that_is_not_the_functions_is_not_used() -> None:
    """The file may have changed since the function was made."""
    source = source_of(plain)
    assert summing(plain, source) is not None
    assert summing(plain, source.replace("1", "2")) is None
    assert summing(plain, source.replace("split", "strip")) is None
    assert summing(plain, "def plain(:") is None
    assert summing(plain, "") is None


def test_errors_are_shown_at_the_users_line() -> None:
    add = summing(jobs.words, source_of(jobs.words))
    assert add is not None
    sums: dict[Any, Any] = {b"a": "text"}
    with pytest.raises(TypeError) as caught:
        add(b"a", None, sums, sums.get)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert frame.filename == jobs.__file__ and frame.line == "yield word, 1"
