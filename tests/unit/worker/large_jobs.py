"""Job functions that make and check many records, and tell how much memory their task had at its peak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Pair = tuple[Any, Any]
STEP = 7919  # prime to the numbers of records, so that each key comes once, far from its neighbours


def peak_mb() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def distinct_keys(entry: bytes, params: Any) -> Iterator[Pair]:
    records = int(entry)
    for number in range(records):
        yield f"{number * STEP % records:08d}", number
    print("map peak", peak_mb())


def two_keys(entry: bytes, params: Any) -> Iterator[Pair]:
    """All but one record have the same key, and no two the same value."""
    for number in range(int(entry)):
        yield "first" if number == 0 else "many", f"value {number}"
    print("map peak", peak_mb())


def large_values(entry: bytes, params: Any) -> Iterator[Pair]:
    for number in range(int(entry)):
        yield "first" if number == 0 else "many", f"{number:100000}"
    print("map peak", peak_mb())


def checked_order(pairs: Iterable[Pair], params: Any) -> Iterator[Pair]:
    """The number of records, the sum of their values, and whether the keys ascended."""
    count = total = 0
    last = ""
    for key, value in pairs:
        assert last < key, (last, key)
        last = key
        count += 1
        total += value
    yield "count", count
    yield "total", total
    yield "peak", peak_mb()


def counted_groups(pairs: Iterable[Pair], params: Any) -> Iterator[Pair]:
    from disco.util import kvgroup

    for key, values in kvgroup(pairs):
        numbers = (int(value.removeprefix("value")) for value in values)
        yield key, sum(number == place for place, number in enumerate(numbers, start=key == "many"))
    yield "peak", peak_mb()
