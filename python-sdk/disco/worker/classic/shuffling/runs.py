"""What flows from map to reduce when neither asks for another format: batches of pairs, or of groups.

Both are hunks of a record stream. A batch of groups is a hunk of two records: the key of the first is
GROUPS and its value the number of pairs; the second holds the distinct keys and the values of each: a list,
or, where all are one plain value, that value and how often it comes. Where keys repeat, this takes a fraction
of the time that pairs take.

A *run* is a stretch of batches whose keys ascend. Runs lie one behind the other, and nothing marks where
one ends: readers that need to know compare keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import IO, Any, NamedTuple

from ....records.hunks import Encoding, HunkWriter, read_hunks
from .memory import SAMPLE, column_bytes

GROUPS = b"\0disco groups\0\x8d\x1b\xe4\x57\xa0\x3c\xf2\x69"
HUNK_BYTES = 4 * 2**20  # in memory, not in the file
MAX_HUNK_OBJECTS = 65_536
CODEC = "none"  # measured: on local disks every codec costs more time than it saves

Pair = tuple[Any, Any]
VALUES_ALIKE = frozenset({int, str, bytes, bool, type(None)})  # equal ones can't be told apart


class Pairs(NamedTuple):
    """Records as two columns. `values` is None for bare entries."""

    keys: list[Any]
    values: list[Any] | None

    def __len__(self) -> int:
        return len(self.keys)

    def pairs(self) -> Iterator[Any]:
        return iter(self.keys) if self.values is None else zip(self.keys, self.values, strict=True)


Values = list[Any] | tuple[Any, int]  # of one key: a list, or (value, how often)


class Groups(NamedTuple):
    """Distinct keys, and the values of each."""

    keys: list[Any]
    values: list[Values]

    def pairs(self) -> Iterator[Pair]:
        return chain.from_iterable(map(pairs_of_group, self.keys, self.values))


Batch = Pairs | Groups


def compact(values: Values) -> Values:
    """The same values, shorter if all are one plain value."""
    if type(values) is tuple:
        return values
    first = values[0]
    kind = type(first)
    if kind in VALUES_ALIKE and values.count(first) == len(values) and set(map(type, values)) == {kind}:
        return first, len(values)
    return values


def each(values: Values) -> Iterable[Any]:
    """The values, one by one."""
    return repeat(*values) if type(values) is tuple else values


def joined(first: Values, second: Values) -> Values:
    """The values of both, in order. A list given first is extended, and must be the caller's own."""
    if type(first) is tuple:
        if type(second) is tuple and first[0] == second[0] and type(first[0]) is type(second[0]):
            return first[0], first[1] + second[1]
        first = list(each(first))
    assert isinstance(first, list)
    first.extend(each(second))
    return first


def weight(values: Values) -> int:
    """How many objects hold the values."""
    return 1 if type(values) is tuple else len(values)


def pairs_of_group(key: Any, values: Values) -> Iterable[Pair]:
    """The pairs of one key. A repeated value is one pair, given out again: it takes no time to make."""
    if type(values) is tuple:
        return repeat((key, values[0]), values[1])
    return zip(repeat(key), values)


class BatchWriter:
    """Writes batches to a file, marshalled where the types allow, else pickled.

    `hunk_objects` is how many records, or values of groups, a hunk holds; without it their size decides.
    """

    def __init__(self, file: IO[bytes] | Any, hunk_objects: int | None = None) -> None:
        self._file = file
        self._hunks = HunkWriter(file, Encoding.MARSHAL, CODEC)
        self._hunk_objects = hunk_objects

    def pairs(self, keys: list[Any], values: list[Any]) -> None:
        if self._hunk_objects is None:
            self._hunks.add_columns(keys, values)
            return
        for start in range(0, len(keys), self._hunk_objects):
            stop = start + self._hunk_objects
            self._hunks.write_hunk(keys[start:stop], values[start:stop])

    def groups(self, keys: list[Any], values: list[Values]) -> None:
        """Groups in the order of `keys`; a large group is cut, and its key comes again."""
        if not keys:
            return
        values = list(map(compact, values))
        limit = self._hunk_objects or _objects_a_hunk(keys, values)
        start = objects = 0
        for place, size in enumerate(map(weight, values)):
            if objects + size > limit:
                self._write_groups(keys[start:place], values[start:place])
                start, objects = place, 0
            if size > limit:
                for part in _cut(values[place], limit):
                    self._write_groups([keys[place]], [part])
                start = place + 1
            else:
                objects += size
        self._write_groups(keys[start:], values[start:])

    def _write_groups(self, keys: list[Any], values: list[Values]) -> None:
        if keys:
            pairs = sum(one[1] if type(one) is tuple else len(one) for one in values)
            self._hunks.write_hunk([GROUPS, keys], [pairs, values])

    def flush(self) -> None:
        self._hunks.flush()

    def close(self) -> None:
        self.flush()
        self._file.close()


def _objects_a_hunk(keys: list[Any], values: list[Values]) -> int:
    step = len(keys) // SAMPLE + 1
    some_keys, some_values = keys[::step], values[::step]
    held_bytes = column_bytes(some_keys) + column_bytes(some_values)
    return max(1, min(MAX_HUNK_OBJECTS, HUNK_BYTES * sum(map(weight, some_values)) // held_bytes))


def _cut(values: Values, limit: int) -> Iterator[Values]:
    assert type(values) is list  # a tuple is never large
    for start in range(0, len(values), limit):
        yield values[start : start + limit]


def read_batches(file: Any, url: str, ignore_corrupt: bool = False) -> Iterator[Batch]:
    """The batches of a stream, of whichever kind. Raises DataError."""
    for keys, values in read_hunks(file, url, entries=True, ignore_corrupt=ignore_corrupt):
        if len(keys) == 2 and values is not None and type(keys[0]) is bytes and keys[0] == GROUPS:
            yield Groups(keys[1], values[1])
        else:
            yield Pairs(keys, values)
