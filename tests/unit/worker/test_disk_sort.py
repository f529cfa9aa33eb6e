"""Sorting on disk, as old programs call it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disco.error import DataError, DiscoError
from disco.worker.classic.func import disk_sort, unix_sort


@pytest.mark.parametrize("size", ["10%", "100K", 100_000])
def test_pairs_are_sorted_by_key_and_stay_in_order_within_one(size: Any, tmp_path: Path) -> None:
    """M423, M382, M383: in memory, or with most of it in files that are gone afterwards."""
    chance = random.Random(1)
    pairs = [(f"key {chance.randrange(500)}", number) for number in range(20_000)]
    found = list(disk_sort(None, pairs, str(tmp_path / "sorted"), sort_buffer_size=size))
    assert found == sorted(pairs, key=lambda pair: pair[0])
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_is_none_is_refused(tmp_path: Path) -> None:
    """M383."""
    with pytest.raises(DiscoError, match="sort_buffer_size 'much' is no size"):
        disk_sort(None, [], str(tmp_path / "x"), sort_buffer_size="much")


KEYS = st.binary(max_size=5).filter(lambda key: b"\xff" not in key and b"\0" not in key)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(KEYS, KEYS), max_size=20))
def test_a_file_is_sorted_byte_by_byte(tmp_path_factory: pytest.TempPathFactory, pairs: Any) -> None:
    """M382, M423, M698: keys with line feeds in them too, whatever the locale says."""
    file = tmp_path_factory.mktemp("unix_sort") / "records"
    file.write_bytes(b"".join(key + b"\xff" + value + b"\0" for key, value in pairs))
    unix_sort(str(file))
    records = [record.split(b"\xff") for record in file.read_bytes().split(b"\0")[:-1]]
    assert [tuple(record) for record in records] == sorted(pairs, key=lambda pair: pair[0])


def test_a_failing_sort_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    """M694: so the task is tried elsewhere, and the program's words are kept."""
    with pytest.raises(DataError, match=r"sort ended with exit code 2: .*none"):
        unix_sort(str(tmp_path / "none"))
