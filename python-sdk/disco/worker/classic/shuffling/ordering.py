"""An order for keys of any type.

Keys of one type are in their own order; so are numbers among each other. Keys that can't be compared
(None and text, say) are ordered by the names of their types first, tuples element by element. The order
of a set of keys that can be compared does not depend on whether others are there, so runs that were
sorted before a strange key turned up stay sorted.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

NUMBERS = frozenset({int, float, bool})
_PLAIN = (frozenset({bytes}), frozenset({str}), NUMBERS)

OrderKey = Callable[[Any], Any] | None  # as sort's `key`; None: the keys' own order


def order_for(types: Iterable[type]) -> OrderKey:
    """The order key for keys of these types."""
    found = frozenset(types)
    return None if any(found <= plain for plain in _PLAIN) else general_order


def general_order(key: Any) -> Any:
    """A value that sorts where `key` belongs among keys of all types."""
    kind = type(key)
    if kind in NUMBERS:
        return ("number", key)
    if kind is tuple:
        return ("tuple", tuple(map(general_order, key)))
    if kind is list:
        return ("list", tuple(map(general_order, key)))
    if key is None:
        return ("", "")
    if isinstance(key, bytes | str):
        return (kind.__name__, key)
    if isinstance(key, frozenset | set):
        return (kind.__name__, tuple(sorted(map(general_order, key))))
    return (f"{kind.__module__}.{kind.__qualname__}", _Unplain(key))


class _Unplain:
    """A key of a class of the user's: its own order where it has one, else that of its pickle."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unplain) and bool(self.key == other.key)

    def __lt__(self, other: _Unplain) -> bool:
        try:
            return bool(self.key < other.key)
        except TypeError:
            return pickle.dumps(self.key) < pickle.dumps(other.key)

    __hash__ = None  # type: ignore[assignment]  # only ever sorted
