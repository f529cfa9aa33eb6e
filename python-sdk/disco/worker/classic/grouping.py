"""Groups of consecutive equal keys, and the input of a reduce that may know its groups already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

Pair = tuple[Any, Any]
Group = tuple[Any, Iterable[Any]]

_key = itemgetter(0)
_value = itemgetter(1)


class ReduceInput:
    """The (key, value) pairs that a reduce is handed: an iterator, to be read once.

    When the engine has sorted them it knows their groups, and `kvgroup` takes these as they are.
    """

    def __init__(
        self, pairs: Callable[[], Iterator[Pair]], groups: Callable[[], Iterator[Group]] | None = None
    ) -> None:
        self._make_pairs = pairs
        self._make_groups = groups
        self._pairs: Iterator[Pair] | None = None

    def __iter__(self) -> Iterator[Pair]:
        # the inner iterator itself: a loop over it runs without a call of ours per record
        if self._pairs is None:
            self._pairs = self._make_pairs()
        return self._pairs

    def __next__(self) -> Pair:
        return next(iter(self))

    def groups_maker(self) -> Callable[[], Iterator[Group]] | None:
        """What makes the groups, if they are known and no pair has been taken yet."""
        return None if self._pairs is not None else self._make_groups

    def groups(self) -> Iterator[Group] | None:
        """The groups, if they are known and no pair has been taken yet."""
        make = self.groups_maker()
        if make is None:
            return None
        self._pairs = iter(())  # the groups take all there is
        return make()


def kvgroup(kviter: Iterable[Pair]) -> Iterator[Group]:
    """Group the values of consecutive keys which compare equal.

    Takes an iterator over k, v pairs, and returns an iterator over k, vs. Does not sort the input first.
    The values of a group are an iterator, which must be used before the next group is asked for.
    """
    if isinstance(kviter, ReduceInput):
        groups = kviter.groups()
        if groups is not None:
            return ((key, iter(values)) for key, values in groups)
    return ((key, map(_value, pairs)) for key, pairs in groupby(kviter, _key))
