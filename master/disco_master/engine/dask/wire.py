"""What master and node say to each other. Pure; Dask carries the bytes and never looks into them.

Each message is one JSON object with an `op`. Both directions of a node's connection keep their order, and all
of an attempt travels on it, so an attempt's end can't overtake its messages.

    node to master                                   master to node
    hello     who joins: see Hello                   welcome
                                                     refused   why: the node tries again later
    started   attempt, pid                           launch    spec
    said      attempt, seq, text                     kill      attempt, reason
    ended     attempt, end                           end_job   job
    stats     free, used                             widen     slots
    answer    call, value | error                    call      call, name, args
    bye       why                                    stop      grace_s, why

JSON, because texts of users may hold what other encodings refuse (lone surrogates), and because nothing that
comes in can then name code to be run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from ...model import FoundAttempt
from ...plain import coders

VERSION = 1  # of this page; both sides must have the same

Message = dict[str, Any]
Kind = TypeVar("Kind")


class WireError(ValueError):
    """The other side sent what is no message of ours."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A node introduces itself. `attempts` are those that it kept while it was not connected."""

    node: str
    slots: int
    pid: int
    release: str
    version: int = VERSION
    secret: str = field(default="", repr=False)  # the cluster's; "" where there is none
    attempts: tuple[FoundAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files. Each side shows its certificate, and trusts what `ca` has signed."""

    ca: str
    certificate: str
    key: str


def dump(op: str, **values: Any) -> bytes:
    return json.dumps({"op": op, **values}, separators=(",", ":")).encode()


def load(data: object) -> Message:
    """Raises WireError."""
    try:
        message = json.loads(data) if isinstance(data, bytes | bytearray) else None
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        raise WireError("not an object with an op")
    return message


def plain(value: object) -> Any:
    """A value of the model, or a Hello, as it goes into a message."""
    return coders(cast(Any, type(value)))[0](value)


def typed(kind: type[Kind], value: Any) -> Kind:
    """The value that `plain` was given. Raises WireError."""
    try:
        return cast(Kind, coders(cast(Any, kind))[1](value))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError(f"no {kind.__name__}: {error!r}") from error
