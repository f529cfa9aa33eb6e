"""The partition function: M410, M690, C28, W18."""

from __future__ import annotations

import base64
import enum
import os
import subprocess
import sys
from collections import Counter, namedtuple
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.protocol.deliver import vector_json

from disco.records import partition as module
from disco.records.partition import canonical_bytes, partition, partitioner

ROWS = vector_json("partition", "vectors")
NUMBERS = st.one_of(st.booleans(), st.integers(), st.floats(), st.fractions(), st.decimals(allow_nan=False))
KEYS = st.recursive(
    st.one_of(st.none(), st.text(), st.binary(), NUMBERS),
    lambda inner: st.tuples(inner, inner) | st.tuples(inner),
)
Point = namedtuple("Point", "x y")


class Colour(enum.IntEnum):
    RED = 1


def key_of(row: dict[str, Any]) -> Any:
    kind, key = row["key_type"], row["key"]
    if kind == "bytes":
        return base64.b64decode(row["canonical"])
    if kind == "tuple":
        return deep_tuple(key)
    return {"integer": int, "float": float}.get(kind, lambda same: same)(key)


def deep_tuple(value: Any) -> Any:
    return tuple(map(deep_tuple, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['key_type']}-{str(row['key'])[:12]}-{row['n']}")
def test_vector(row: dict[str, Any]) -> None:
    key = key_of(row)
    assert canonical_bytes(key) == base64.b64decode(row["canonical"])
    assert partition(key, row["n"]) == partitioner(row["n"])(key) == row["partition"]


@given(KEYS, st.integers(1, 1000))
def test_a_partition_is_in_range_and_the_quick_way_agrees(key: Any, n: int) -> None:
    assert partition(key, n) == crc32(canonical_bytes(key)) % n
    assign = partitioner(n)
    assert assign(key) == assign(key) == partition(key, n)


@given(NUMBERS, NUMBERS)
def test_equal_numbers_meet(a: Any, b: Any) -> None:
    if a == b:
        assert canonical_bytes(a) == canonical_bytes(b)


@pytest.mark.parametrize(
    "keys",
    [
        (1, True, 1.0, Decimal(1), Decimal("1.00"), Fraction(1), complex(1), Colour.RED),
        (0, False, 0.0, -0.0, Decimal("-0")),
        (0.5, Decimal("0.5"), Fraction(1, 2), complex(0.5)),
        (Decimal("0.008"), Fraction(1, 125)),  # no float is equal to them
        ((1, 2), Point(1, 2), (True, 2.0)),
        (10**30, Decimal(10) ** 30),
        (b"x", bytearray(b"x")),
    ],
)
def test_equal_keys_of_many_types_meet_in_any_order(keys: tuple[Any, ...]) -> None:
    """What the cache answers for a key it answers for all equal to it."""
    for order in (keys, keys[::-1]):
        assign = partitioner(1_000_003)
        assert len({assign(key) for key in order} | {partition(key, 1_000_003) for key in order}) == 1


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("digits", [3612, 3613, 4300, 4301, 20_000])
def test_integers_that_python_does_not_print(digits: int, sign: int) -> None:
    number = sign * (10 ** (digits - 1) + 7)
    text = b"-" * (sign < 0) + b"1" + b"0" * (digits - 2) + b"7"
    assert canonical_bytes(number) == text


def test_pickled_keys_do_not_depend_on_shared_parts() -> None:
    part = "".join(["a", "b"])
    assert canonical_bytes([part, part]) == canonical_bytes(["ab", "".join(["a", "b"])])


def test_keys_that_cannot_be_hashed_work_and_cyclic_ones_are_an_error() -> None:
    assign = partitioner(7)
    assert assign(["a"]) == partition(["a"], 7) and assign({"a": 1}) == partition({"a": 1}, 7)
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises((ValueError, RecursionError)):
        assign(cyclic)


@pytest.mark.parametrize("n", [0, -1])
def test_there_is_at_least_one_partition(n: int) -> None:
    for make in (lambda: partition("a", n), lambda: partitioner(n)):
        with pytest.raises(ValueError, match="at least 1 partition"):
            make()
    assert partition("a", 1) == partitioner(1)("a") == 0


def test_the_cache_is_bounded_in_number_and_in_length_of_keys() -> None:
    recent = module._Recent(7)
    for number in range(module.MAX_CACHED_KEYS):
        assert recent[number] == partition(number, 7)
    assert len(recent) == module.MAX_CACHED_KEYS
    assert recent["one more"] == partition("one more", 7) and len(recent) == 1
    longest = "x" * module.MAX_CACHED_KEY_CHARS
    assert recent[longest] == partition(longest, 7) and len(recent) == 2
    assert recent[longest + "x"] == partition(longest + "x", 7) and len(recent) == 2


def test_partitions_are_even() -> None:
    """W18."""
    counts = Counter(partition(f"user-{i}", 10) for i in range(20_000))
    assert len(counts) == 10 and max(counts.values()) < 1.15 * min(counts.values())


def test_the_same_in_processes_with_other_hash_seeds() -> None:
    """M410: Python's own hash differs between processes."""
    program = (
        "import base64, json, sys\n"
        "from disco.records.partition import partition, partitioner\n"
        "keys = ['the', b'the', 'cl\\u00e9', 7, None, ('a', (1, None)), 0.5, ['x', 'x'], True]\n"
        "print([partition(k, 1009) for k in keys], [partitioner(97)(k) for k in keys])\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242", "random")
    }
    assert len(printed) == 1 and printed.pop().startswith("[")
