"""The combiner of examples/mapreduce.py, around the number of values that it holds."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

Pair = tuple[bytes, bytes]
FILE = Path(__file__).resolve().parents[3] / "examples" / "mapreduce.py"


@pytest.fixture(scope="module")
def mapreduce() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mapreduce", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def total(key: bytes, values: Iterable[bytes]) -> Iterator[Pair]:
    yield key, b"%d" % sum(map(int, values))


def sums(pairs: Iterable[Pair]) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for key, value in pairs:
        found[key] += int(value)
    return found


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("keys", [1, 3, 10**9])
def test_sums_are_the_same_on_both_sides_of_the_limit(mapreduce: ModuleType, extra: int, keys: int) -> None:
    count = mapreduce.COMBINED_VALUES + extra
    pairs = [(b"%d" % (number % keys), b"1") for number in range(count)]
    made = list(mapreduce.combined(iter(pairs), total))
    assert sums(made) == sums(pairs)
    assert len(made) == min(keys, count)


def test_with_many_keys_pairs_leave_before_the_end(mapreduce: ModuleType) -> None:
    taken = 0

    def endless() -> Iterator[Pair]:
        nonlocal taken
        while True:
            taken += 1
            yield b"%d" % taken, b"1"

    assert next(mapreduce.combined(endless(), total)) == (b"1", b"1")
    assert taken == mapreduce.COMBINED_VALUES
