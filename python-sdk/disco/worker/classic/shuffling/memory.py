"""How much memory records take, judged by a sample, and how much a task may use for them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from sys import getsizeof
from typing import Any

from ....error import DiscoError

SAMPLE = 64
PAIR_BYTES = 64  # a tuple of two, and its place in a list
ENTRY_BYTES = 160  # an entry of a dictionary, with an empty list
MIN_BUFFER_BYTES = 64 * 1024
FIRST_BATCH, LARGEST_BATCH = 64, 4096  # pairs; more would leave the processor's cache
BATCH_BYTES = 256 * 1024
_UNITS = {"": 1, "b": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def buffer_bytes(size: str | int) -> int:
    """`sort_buffer_size`: "10%" of this machine's memory, "100M", or bytes. Raises DiscoError.

    Small values are raised to MIN_BUFFER_BYTES.
    """
    text = str(size).strip()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|b|[KMGT])?B?", text, re.IGNORECASE)
    if not found:
        raise DiscoError(f'sort_buffer_size {size!r} is no size; give a percentage ("10%"), "100M", or bytes')
    number, unit = float(found[1]), found[2] or ""
    if unit == "%":
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(MIN_BUFFER_BYTES, int(total * min(number, 100.0) / 100))
    unit = unit if unit == "b" else unit.upper()
    return max(MIN_BUFFER_BYTES, int(number * _UNITS.get(unit, 1)))


def column_bytes(column: Sequence[Any]) -> int:
    """About how much memory a column and what it holds take."""
    count = len(column)
    if not count:
        return 0
    step = max(1, count // SAMPLE)
    sample = column[::step]
    return count * 8 + sum(map(deep_bytes, sample)) * count // len(sample)


def next_batch(keys: Sequence[Any], values: Sequence[Any]) -> int:
    """How many pairs to take at a time after a batch of these: few where they are large."""
    pair_bytes = (column_bytes(keys) + column_bytes(values)) // len(keys) or 1
    return max(1, min(LARGEST_BATCH, 2 * len(keys), BATCH_BYTES // pair_bytes))


def deep_bytes(item: Any, levels: int = 3) -> int:
    """The size of an object with what it holds, a few levels deep."""
    size = getsizeof(item, 64)
    if levels and type(item) in (tuple, list, set, frozenset):
        inner = list(item)
        shown = inner[:SAMPLE]
        if shown:
            size += sum(deep_bytes(one, levels - 1) for one in shown) * len(inner) // len(shown)
    elif levels and type(item) is dict:
        size += column_bytes(list(item.keys())) + column_bytes(list(item.values()))
    return size
