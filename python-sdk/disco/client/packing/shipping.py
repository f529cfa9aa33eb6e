"""The job's objects as bytes: functions and classes of the main program by value, all else by name."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

from ...error import DiscoError
from ...worker.jobdata import header

PROTOCOL = 5


def dump_objects(objects: Any) -> bytes:
    """Job data: `disco.worker.jobdata.load_objects` is the other way.

    Raises DiscoError naming what can't be sent.
    """
    import cloudpickle

    data = io.BytesIO()
    pickle.dump(header(), data, protocol=2)  # any Python can read this part
    try:
        cloudpickle.dump(objects, data, protocol=PROTOCOL)
    except Exception as error:
        raise DiscoError(f"{_culprit(objects)} can't be sent to the nodes: {error}") from error
    return data.getvalue()


def _culprit(objects: Any) -> str:
    """The name of the first part, down to attributes and items, that can't be pickled."""
    name, value = "the job", objects
    for _ in range(8):
        for part_name, part in _parts(name, value):
            if not _can_be_sent(part):
                name, value = part_name, part
                break
        else:
            break
    return f"{name} (a {type(value).__name__})"


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    own = name if name != "the job" else ""
    if isinstance(value, Mapping):
        return [(f"{own}[{key!r}]" if own else str(key), part) for key, part in value.items()]
    if isinstance(value, tuple | list | set | frozenset):
        return [(f"{own}[{place}]" if own else "the job", part) for place, part in enumerate(value)]
    if isinstance(value, type) and value.__module__ == "__main__":
        return [
            (f"{value.__name__}.{key}", part) for key, part in vars(value).items() if not key.startswith("__")
        ]
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        class_parts = [(type(value).__name__, type(value))] if type(value).__module__ == "__main__" else []
        return [
            *((f"{own or type(value).__name__}.{key}", part) for key, part in attributes.items()),
            *class_parts,
        ]
    return []


def _can_be_sent(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value, protocol=PROTOCOL)
    except Exception:
        return False
    return True
