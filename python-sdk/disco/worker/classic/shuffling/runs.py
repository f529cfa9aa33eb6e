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

GROUPS = b"\0disco groups\0\x8d\x1b\xe4\x57\xa0\x3c\xf2\x69"
GROUPED_PAIRS_A_HUNK = 65_536
CODEC = "none"  # measured: on local disks every codec costs more time than it saves

Pair = tuple[Any, Any]
_VALUES_ALIKE = frozenset({int, str, bytes, bool, type(None)})  # equal ones can't be told apart


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


def compact(values: list[Any]) -> Values:
    """The values of one key, shorter if all are one plain value."""
    first = values[0]
    kind = type(first)
    if kind in _VALUES_ALIKE and values.count(first) == len(values) > 1 and set(map(type, values)) == {kind}:
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
    """Writes batches to a file, marshalled where the types allow, else pickled."""

    def __init__(self, file: IO[bytes] | Any) -> None:
        self._file = file
        self._hunks = HunkWriter(file, Encoding.MARSHAL, CODEC)

    def pairs(self, keys: list[Any], values: list[Any]) -> None:
        self._hunks.add_columns(keys, values)

    def groups(self, keys: list[Any], values: list[Values]) -> None:
        """Groups in the order of `keys`; a large group is cut, and its key comes again."""
        start = size = 0
        values = [compact(one) if type(one) is list else one for one in values]
        for place, of_key in enumerate(values):
            size += weight(of_key)
            if size >= GROUPED_PAIRS_A_HUNK:
                self._write(keys[start : place + 1], values[start : place + 1])
                start, size = place + 1, 0
        if start < len(keys):
            self._write(keys[start:], values[start:])

    def _write(self, keys: list[Any], values: list[Values]) -> None:
        whole = values[0]
        if len(keys) == 1 and type(whole) is list and len(whole) > 2 * GROUPED_PAIRS_A_HUNK:
            for start in range(0, len(whole), GROUPED_PAIRS_A_HUNK):
                part = whole[start : start + GROUPED_PAIRS_A_HUNK]
                self._hunks.write_hunk([GROUPS, keys], [len(part), [part]])
        else:
            size = sum(one[1] if type(one) is tuple else len(one) for one in values)
            self._hunks.write_hunk([GROUPS, keys], [size, values])

    def close(self) -> None:
        self._hunks.close()
        self._file.close()


def read_batches(file: Any, url: str, ignore_corrupt: bool = False) -> Iterator[Batch]:
    """The batches of a stream, of whichever kind. Raises DataError."""
    for keys, values in read_hunks(file, url, entries=True, ignore_corrupt=ignore_corrupt):
        if len(keys) == 2 and values is not None and type(keys[0]) is bytes and keys[0] == GROUPS:
            yield Groups(keys[1], values[1])
        else:
            yield Pairs(keys, values)
