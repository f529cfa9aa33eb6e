"""Durable events as JSON text and back, exactly.

Each kind of event has a version, stored beside it. An event of a kind or version that is not known here was
written by another release, and reading on without it would give a wrong state: it is refused. A field that
is missing takes its default, so adding one with a default needs no new version; any other change does.
"""

from __future__ import annotations

import json
from typing import Any, cast

from .. import events as ev
from ..events import Event
from ..plain import coders

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
        json.dumps(coders(cast(Any, kind))[0](event), separators=(",", ":")),
    )


def decode(kind: str, version: int, body: str) -> Event:
    """Raises CodecError."""
    known = KINDS.get(kind)
    if known is None or VERSIONS[known] != version:
        raise CodecError(f"event {kind!r}, version {version}, is not known to this release")
    try:
        return cast(Event, coders(cast(Any, known))[1](json.loads(body)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CodecError(f"event {kind!r} is damaged: {error!r}") from error
