"""The job's objects as bytes: functions and classes of the main program by value, all else by name."""

from __future__ import annotations

import io
import linecache
import pickle
from collections import ChainMap
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import IO, Any, ClassVar

from ...error import DiscoError
from ...worker.jobdata import header

PROTOCOL = 5
ANONYMOUS = "<dynamic-code>"  # cloudpickle's name for every file
MAX_SOURCE_CHARS = 1_000_000


def dump_objects(objects: Any) -> bytes:
    """Job data: `disco.worker.jobdata.load_objects` is the other way.

    Raises DiscoError naming what can't be sent.
    """
    body = io.BytesIO()
    files: dict[str, None] = {}
    try:
        _pickler(body, files).dump(objects)
    except Exception as error:
        raise DiscoError(
            f"{_culprit(objects)} can't be sent to the nodes: {error}; make it in the task itself"
        ) from error
    head = pickle.dumps(header(_sources(files)), protocol=2)  # any Python can read this part
    return head + body.getvalue()


def _pickler(target: IO[bytes], files: dict[str, None]) -> Any:
    """A pickler that sends code with the name of its file, and notes these names in `files`.

    Newer releases of cloudpickle leave the name out; without it no traceback can show the user's line.
    """
    import cloudpickle

    table = cloudpickle.Pickler.dispatch_table
    reduce_code = table[CodeType]

    def with_file(code: CodeType) -> Any:
        made, values = reduce_code(code)
        files[code.co_filename] = None
        return made, tuple(code.co_filename if value == ANONYMOUS else value for value in values)

    class JobPickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar[Any] = ChainMap({CodeType: with_file}, table)

    return JobPickler(target, protocol=PROTOCOL)


def _sources(files: Iterable[str]) -> dict[str, str]:
    """The text of the files that code was sent from, as far as it is not too much to send."""
    sources: dict[str, str] = {}
    left = MAX_SOURCE_CHARS
    for file in files:
        text = "".join(linecache.getlines(file))
        if text and len(text) <= left:
            sources[file] = text
            left -= len(text)
    return sources


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
    if isinstance(value, FunctionType | MethodType | partial):
        return _used_by(own, value)
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


def _used_by(own: str, function: Any) -> list[tuple[str, Any]]:
    """What a function takes along: for a method its object, else its arguments, closure and globals."""
    if isinstance(function, MethodType):
        return [(own, function.__func__), (f"the object of {own}", function.__self__)]
    if isinstance(function, partial):
        given = [*enumerate(function.args), *function.keywords.items()]
        return [(own, function.func), *((f"argument {key} of {own}", value) for key, value in given)]
    names = [*function.__code__.co_names]
    for constant in function.__code__.co_consts:  # functions within it use globals too
        names += getattr(constant, "co_names", ())
    known = {name: function.__globals__[name] for name in names if name in function.__globals__}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it is still empty
            known[name] = cell.cell_contents
    known.update(enumerate(function.__defaults__ or ()))
    return [(f"{name}, used by {own},", value) for name, value in known.items() if value is not function]


def _can_be_sent(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value, protocol=PROTOCOL)
    except Exception:
        return False
    return True
