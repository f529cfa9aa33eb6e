"""What a payload must look like: each check gives back its value, typed, or raises a precise `MessageError`.

A check is told where in which message it looks (`at`, for instance `OUTPUT label`), so that the author of a
worker reads what was expected there and what came instead.
"""

from __future__ import annotations

import json
import re
from typing import Any

from disco.protocol.errors import MessageError, quoted

_CANONICAL_INT = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def decode_json(name: str, payload: bytes) -> Any:
    """The value of the payload of the message `name`."""
    try:
        return json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise MessageError(
            name, f"the payload is not UTF-8 (byte {error.start}): {quoted(payload)}"
        ) from error
    except RecursionError as error:
        raise MessageError(name, f"the payload is nested too deeply: {quoted(payload)}") from error
    except ValueError as error:
        raise MessageError(name, f"the payload is not one JSON text ({error}): {quoted(payload)}") from error


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def wrong(at: str, expected: str, came: object) -> MessageError:
    """The error for the place `at`, whose first word is the message's name."""
    name, _, place = at.partition(" ")
    return MessageError(name, f"{place or 'the payload'} must be {expected}, not {quoted(came)}")


def no_payload(at: str, value: object) -> None:
    if value != "":
        raise wrong(at, 'the empty string ""', value)


def text(at: str, value: object) -> str:
    if not isinstance(value, str):
        raise wrong(at, "a string", value)
    return value


def line(at: str, value: object) -> str:
    """Text that can stand in a URL, a path or an index line: not empty, no control characters."""
    if not isinstance(value, str) or not value or _CONTROL.search(value):
        raise wrong(at, "a string, not empty and without control characters", value)
    return value


def integer(at: str, value: object, low: int | None = None, high: int | None = None) -> int:
    """An integer (true and 1.0 are none) from `low` to `high`, both included."""
    if type(value) is int and (low is None or low <= value) and (high is None or value <= high):
        return value
    if low is None:
        raise wrong(at, "an integer", value)
    raise wrong(
        at, f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}", value
    )


def integer_or_text(at: str, value: object, high: int) -> int:
    """An integer from 0 to `high`, or its canonical decimal text."""
    if isinstance(value, str) and _CANONICAL_INT.fullmatch(value) and int(value) <= high:
        return int(value)
    if type(value) is int and 0 <= value <= high:
        return value
    raise wrong(at, f"an integer from 0 to {high}, or its decimal text", value)


def one_of(at: str, value: object, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise wrong(at, "one of " + ", ".join(f'"{word}"' for word in words), value)
    return value


def integers(at: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise wrong(at, "a list of integers", value)
    return tuple(integer(f"{at}[{index}]", item) for index, item in enumerate(value))


def items(at: str, value: object, form: str, *lengths: int) -> list[Any]:
    """A list with one of `lengths` elements; `form` shows what they are."""
    if not isinstance(value, list) or len(value) not in lengths:
        raise wrong(at, form, value)
    return value


def mapping(at: str, value: object, keys: tuple[str, ...]) -> dict[str, Any]:
    """An object that has `keys`; what else it has is for later versions, and left alone."""
    if not isinstance(value, dict):
        raise wrong(at, "an object", value)
    missing = [key for key in keys if key not in value]
    if missing:
        raise wrong(at, "an object with " + ", ".join(f'"{key}"' for key in keys), value)
    return value
