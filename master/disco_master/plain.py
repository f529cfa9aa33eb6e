"""Values of the model as plain JSON values and back, exactly. Pure; the journal and the nodes' wire use it.

The coders are built once for each type from its annotations: frozen dataclasses, named tuples, enums,
tuples, optional and plain values. A field that is missing takes its default.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

Coder = Callable[[Any], Any]


@cache
def coders(kind: Any) -> tuple[Coder, Coder]:
    """How to turn a value of this type into what JSON has, and back."""
    origin, args = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record_coders(cast(type[Any], kind))
    if isinstance(kind, type) and issubclass(kind, tuple):
        return list, lambda value: kind(*value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: value.value, kind
    if origin is tuple:
        return _tuple_coders(args)
    if origin in (Union, types.UnionType):
        (inner,) = (arg for arg in args if arg is not type(None))
        return _optional_coders(coders(inner))
    if kind in (str, int, float, bool):
        return _same, _same
    raise TypeError(f"no coder for {kind!r}")


def _record_coders(kind: type[Any]) -> tuple[Coder, Coder]:
    hints = get_type_hints(kind)
    known = [(field.name, *coders(hints[field.name])) for field in fields(kind)]
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]

    def to_json(value: Any) -> dict[str, Any]:
        return {name: write(getattr(value, name)) for name, write, _ in known}

    def from_json(value: dict[str, Any]) -> Any:
        for name in required:
            value[name]  # KeyError names the missing field
        return kind(**{name: read(value[name]) for name, _, read in known if name in value})

    return to_json, from_json


def _tuple_coders(args: tuple[Any, ...]) -> tuple[Coder, Coder]:
    """`tuple[X, ...]` and `tuple[X, X]`: all elements have one type."""
    write, read = coders(args[0])
    if write is _same:
        return list, tuple
    return lambda value: [write(item) for item in value], lambda value: tuple([read(item) for item in value])


def _optional_coders(inner: tuple[Coder, Coder]) -> tuple[Coder, Coder]:
    write, read = inner
    return (
        lambda value: None if value is None else write(value),
        lambda value: None if value is None else read(value),
    )


def _same(value: Any) -> Any:
    return value
