"""Durable events as JSON text and back, exactly.

Each kind of event has a version, stored beside it. An event of a kind or version that is not known here was
written by another release, and reading on without it would give a wrong state: it is refused. A field that
is missing takes its default, so adding one with a default needs no new version; any other change does.

The coders are built once for each type from its annotations: frozen dataclasses, named tuples, enums,
tuples, optional and plain values.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from .. import events as ev
from ..events import Event

Coder = Callable[[Any], Any]

VERSIONS: dict[type[Any], int] = {
    ev.MasterStarted: 1,
    ev.JobSubmitted: 1,
    ev.JobKilled: 1,
    ev.JobCleaned: 1,
    ev.JobEnded: 1,
    ev.AttemptEnded: 1,
    ev.ShuffleEnded: 1,
    ev.OutputsLost: 1,
    ev.NodeTableSaved: 1,
    ev.BlacklistChanged: 1,
    ev.SettingChanged: 1,
}
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in VERSIONS}


class CodecError(ValueError):
    """A stored event that can't be read."""


def encode(event: Event) -> tuple[str, int, str]:
    """(kind, version, JSON text, plain ASCII). TypeError for an event that is not durable."""
    kind = type(event)
    if kind not in VERSIONS:
        raise TypeError(f"{kind.__name__} is not a durable event")
    return (
        kind.__name__,
        VERSIONS[kind],
        json.dumps(_coders(cast(Any, kind))[0](event), separators=(",", ":")),
    )


def decode(kind: str, version: int, body: str) -> Event:
    """Raises CodecError."""
    known = KINDS.get(kind)
    if known is None or VERSIONS[known] != version:
        raise CodecError(f"event {kind!r}, version {version}, is not known to this release")
    try:
        return cast(Event, _coders(cast(Any, known))[1](json.loads(body)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CodecError(f"event {kind!r} is damaged: {error!r}") from error


@cache
def _coders(kind: Any) -> tuple[Coder, Coder]:
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
        return _optional_coders(_coders(inner))
    if kind in (str, int, float, bool):
        return _same, _same
    raise TypeError(f"no coder for {kind!r}")


def _record_coders(kind: type[Any]) -> tuple[Coder, Coder]:
    hints = get_type_hints(kind)
    coders = [(field.name, *_coders(hints[field.name])) for field in fields(kind)]
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]

    def to_json(value: Any) -> dict[str, Any]:
        return {name: write(getattr(value, name)) for name, write, _ in coders}

    def from_json(value: dict[str, Any]) -> Any:
        for name in required:
            value[name]  # KeyError names the missing field
        return kind(**{name: read(value[name]) for name, _, read in coders if name in value})

    return to_json, from_json


def _tuple_coders(args: tuple[Any, ...]) -> tuple[Coder, Coder]:
    """`tuple[X, ...]` and `tuple[X, X]`: all elements have one type."""
    write, read = _coders(args[0])
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
