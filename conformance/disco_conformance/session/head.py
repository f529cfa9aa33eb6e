"""The head of a session: a TOML table, checked key by key."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from disco_conformance.session.model import (
    AXES,
    DEFAULT_TIMEOUT_S,
    LEVELS,
    ROLES,
    Ddfs,
    File,
    Head,
    Input,
    Job,
    Outcome,
    SessionError,
)
from disco_conformance.session.values import seconds

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*")
NAME = re.compile(r"[a-z0-9]+([-.:@][a-z0-9]+)*")
STATUSES = ("ok", "busy", "failed")
LIMITS = ("file_bytes", "open_files", "data_bytes")
HOME = re.compile(r"[^/\0]+")
HEAD_KEYS = frozenset(
    (
        *(
            "id",
            "title",
            "proves",
            "level",
            "roles",
            "needs",
            "kills",
            "axes",
            "timeout",
            "cpu",
            "limits",
            "env",
        ),
        *("inputs", "outputs", "files", "inputs_grow", "job", "outcome", "ddfs", "home", "memory_bytes"),
    )
)
_INPUT_KEYS = frozenset(["id", "replicas", "status", "from_poll", "spare", "made", "wait", "times"])
MAX_TIMES = 10_000
_FILE_KEYS = frozenset(["text", "hex", "repeat", "at", "status", "cut", "fails", "gzip", "location", "stall"])
MAX_FILE_BYTES = 256 << 20


def read_head(table: dict[str, Any]) -> Head:
    """Raises SessionError, without a line: TOML has lost it."""
    _known(table, HEAD_KEYS, "the head")
    return Head(
        id=_pattern(table, "id", ID, "two words joined by a slash, in lower case and dashes"),
        title=_text(table, "title"),
        proves=_names(table, "proves", required=True),
        level=_one_of(table.get("level", "must"), LEVELS, "level"),
        roles=_all_of(table.get("roles", ["worker"]), ROLES, "roles"),
        needs=_names(table, "needs"),
        kills=_names(table, "kills"),
        axes=_all_of(table.get("axes", ["plain"]), AXES, "axes"),
        timeout_s=seconds(table["timeout"]) if "timeout" in table else DEFAULT_TIMEOUT_S,
        cpu_s=seconds(table["cpu"]) if "cpu" in table else None,
        limits=tuple(
            (_one_of(k, LIMITS, "limits"), _whole(v, f"limits.{k}")) for k, v in _table(table, "limits")
        ),
        env=tuple((k, _string(v, f"env.{k}")) for k, v in _table(table, "env")),
        inputs=_inputs(table.get("inputs", [])),
        outputs=tuple((_label(k), _string(v, f"outputs.{k}")) for k, v in _table(table, "outputs")),
        files=tuple(_file(path, spec) for path, spec in _table(table, "files")),
        inputs_grow=_flag(table.get("inputs_grow", False), "inputs_grow"),
        job=_job(dict(_table(table, "job"))),
        outcome=_outcome(dict(_table(table, "outcome"))),
        ddfs=_ddfs(dict(_table(table, "ddfs"))) if "ddfs" in table else None,
        home=_pattern(table, "home", HOME, "the name of a folder") if "home" in table else "",
        memory_bytes=_whole(table["memory_bytes"], "memory_bytes", 1) if "memory_bytes" in table else None,
    )


def _ddfs(table: dict[str, Any]) -> Ddfs:
    _known(table, frozenset(item.name for item in fields(Ddfs)), "ddfs")
    broken = table.get("broken", [])
    if not isinstance(broken, list):
        raise SessionError("ddfs.broken must be a list of hosts")
    return Ddfs(
        _whole(table.get("replicas", 1), "ddfs.replicas", 1),
        _string(table.get("token", ""), "ddfs.token"),
        _string(table.get("earlier", ""), "ddfs.earlier"),
        tuple(_string(host, "ddfs.broken") for host in broken),
        _whole(table.get("busy", 0), "ddfs.busy"),
        _whole(table.get("tag_status", 0), "ddfs.tag_status"),
        _whole(table["size_bytes"], "ddfs.size_bytes") if "size_bytes" in table else None,
    )


def _job(table: dict[str, Any]) -> Job:
    _known(table, frozenset(item.name for item in fields(Job)), "job")
    outputs = dict(_table(table, "map_outputs"))
    return Job(
        _flag(table.get("has_map", True), "job.has_map"),
        _flag(table.get("has_reduce", False), "job.has_reduce"),
        _whole(table.get("nr_reduces", 1), "job.nr_reduces"),
        _whole(table["max_failures"], "job.max_failures") if "max_failures" in table else None,
        _whole(table["max_cores"], "job.max_cores", 1) if "max_cores" in table else None,
        _whole(table.get("crowd", 0), "job.crowd"),
        tuple((_label(key), _string(text, f"job.map_outputs.{key}")) for key, text in outputs.items()),
    )


def _outcome(table: dict[str, Any]) -> Outcome:
    _known(table, frozenset(("status", "reason", "attempts")), "outcome")
    reason = _string(table.get("reason", ""), "outcome.reason")
    try:
        re.compile(reason)
    except re.error as error:
        raise SessionError(f"outcome.reason is no regular expression: {error}") from None
    status = _one_of(table.get("status", "ready"), ("ready", "dead"), "outcome.status")
    return Outcome(status, reason, _whole(table.get("attempts", 1), "outcome.attempts", 1))


def _known(table: dict[str, Any], keys: frozenset[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise SessionError(f"{where} has the unknown key {key!r}; known are {', '.join(sorted(keys))}")


def _text(table: dict[str, Any], key: str) -> str:
    if not isinstance(table.get(key), str) or not table[key].strip():
        raise SessionError(f"the head needs {key}, a text")
    return str(table[key])


def _pattern(table: dict[str, Any], key: str, pattern: re.Pattern[str], like: str) -> str:
    value = _text(table, key)
    if not pattern.fullmatch(value):
        raise SessionError(f"{key} is {value!r}; it must be {like}")
    return value


def _names(table: dict[str, Any], key: str, *, required: bool = False) -> tuple[str, ...]:
    names = table.get(key, [])
    if not isinstance(names, list) or not all(isinstance(n, str) and NAME.fullmatch(n) for n in names):
        raise SessionError(f"{key} must be a list of names")
    if required and not names:
        raise SessionError(f"the head needs {key}: what would this case be for?")
    if len(set(names)) != len(names):
        raise SessionError(f"{key} names something twice")
    return tuple(names)


def _one_of(value: Any, words: tuple[str, ...], key: str) -> str:
    if value not in words:
        raise SessionError(f"{key} is {value!r}; it must be one of {', '.join(words)}")
    return str(value)


def _all_of(values: Any, words: tuple[str, ...], key: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise SessionError(f"{key} must be a list out of {', '.join(words)}")
    return tuple(_one_of(value, words, key) for value in values)


def _table(table: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise SessionError(f"{key} must be a table")
    return list(value.items())


def _string(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise SessionError(f"{key} must be a string")
    return value


def _whole(value: Any, key: str, low: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise SessionError(f"{key} must be an integer of at least {low}")
    return value


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise SessionError(f"{key} must be true or false")
    return value


def _label(key: str) -> str:
    if key not in ("disco", "tag") and not (key.isdigit() and str(int(key)) == key):
        raise SessionError(f"outputs.{key}: a label, or disco, or tag")
    return key


def _inputs(entries: Any) -> tuple[Input, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SessionError("inputs must be an array of tables: [[inputs]]")
    inputs = tuple(item for entry in entries for item in _times(_input(entry), entry.get("times", 1)))
    ids = [i.id for i in inputs]
    if len(set(ids)) != len(ids):
        raise SessionError("two inputs have the same id")
    return inputs


def _times(item: Input, times: Any) -> list[Input]:
    """The input, and as many more like it as were asked for, with the ids that follow."""
    if _whole(times, "inputs.times", 1) > MAX_TIMES:
        raise SessionError(f"inputs.times is {times}; at most {MAX_TIMES}")
    return [replace(item, id=item.id + more) for more in range(times)]


def _input(entry: dict[str, Any]) -> Input:
    _known(entry, _INPUT_KEYS, "an input")
    id_ = _whole(entry.get("id"), "inputs.id")
    words = entry.get("status", "ok")
    listed = _replicas(entry.get("replicas", []), 0, "replicas")
    spare = _replicas(entry.get("spare", []), 1000, "spare")
    made = _replicas(entry.get("made", []), 2000, "made")
    if made and "wait" not in entry:
        raise SessionError(f"input {id_}: made replicas appear after a wait; say how long: wait = 1")
    return Input(
        id=id_,
        replicas=listed,
        status=_all_of(words if isinstance(words, list) else [words], STATUSES, "inputs.status"),
        from_poll=_whole(entry.get("from_poll", 1), "inputs.from_poll", 1),
        spare=spare,
        made=made,
        wait_s=_whole(entry["wait"], "inputs.wait", 1) if "wait" in entry else None,
    )


def _replicas(entries: Any, first: int, key: str) -> tuple[tuple[int, str], ...]:
    """A list of URLs, or of [rep_id, URL] where the ids matter."""
    if not isinstance(entries, list):
        raise SessionError(f"inputs.{key} must be a list of URLs")
    found = []
    for at, entry in enumerate(entries):
        rep_id, url = (first + at, entry) if isinstance(entry, str) else _pair(entry, key)
        found.append((rep_id, url))
    return tuple(found)


def _pair(entry: Any, key: str) -> tuple[int, str]:
    if (
        isinstance(entry, list)
        and len(entry) == 2
        and isinstance(entry[0], int)
        and isinstance(entry[1], str)
    ):
        return entry[0], entry[1]
    raise SessionError(f"inputs.{key} holds {entry!r}; it must be a URL or [rep_id, URL]")


def _file(path: str, spec: Any) -> File:
    if path.startswith("/") or ".." in path.split("/"):
        raise SessionError(f"files.{path!r}: a path relative to the served roots, without ..")
    if isinstance(spec, str):
        return File(path, spec.encode())
    if not isinstance(spec, dict):
        raise SessionError(f"files.{path!r} must be a text or a table")
    _known(spec, _FILE_KEYS, f"files.{path!r}")
    status = _whole(spec.get("status", 200), "files.status", 100)
    return File(
        path=path,
        data=_data(path, spec),
        repeat=_whole(spec.get("repeat", 1), "files.repeat", 1),
        at=_all_of(spec.get("at", ["http", "local"]), ("http", "local"), "files.at"),
        status=status,
        cut=_whole(spec["cut"], "files.cut") if "cut" in spec else None,
        fails=_whole(spec.get("fails", 0), "files.fails"),
        gzip=_flag(spec.get("gzip", False), "files.gzip"),
        location=_string(spec.get("location", ""), "files.location"),
        stall=_whole(spec["stall"], "files.stall") if "stall" in spec else None,
    )


def _data(path: str, spec: dict[str, Any]) -> bytes:
    if "text" in spec and "hex" in spec:
        raise SessionError(f"files.{path!r} has both text and hex")
    make: Callable[[Any], bytes]
    make, key = (bytes.fromhex, "hex") if "hex" in spec else (str.encode, "text")
    try:
        data = make(_string(spec.get(key, ""), f"files.{key}"))
    except ValueError:
        raise SessionError(f"files.{path!r}: hex must be pairs of hexadecimal digits") from None
    times = _whole(spec.get("repeat", 1), "files.repeat", 1)
    if len(data) * times > MAX_FILE_BYTES:
        raise SessionError(f"files.{path!r} would be larger than {MAX_FILE_BYTES} bytes")
    return data
