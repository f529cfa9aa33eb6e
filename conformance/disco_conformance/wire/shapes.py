"""What each message may carry, in both directions. A check gives None, or a sentence that says what is wrong.

Written from the specification and from nothing else: neither player uses it to speak.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

VERSION = "1.0"
LONGEST_WAIT_S = 60
FLAGS, STATUSES, TYPES = ("more", "done"), ("ok", "busy", "failed"), ("disco", "part", "tag")
TASK_TEXTS = ("host", "jobname")
TASK_PATHS = ("disco_data", "ddfs_data", "jobfile")
TASK_PORTS = ("disco_port", "put_port")
Check = Callable[[Any], str | None]


def decode(payload: bytes) -> Any:
    """Raises ValueError for what is no JSON in UTF-8."""
    return json.loads(payload.decode("utf-8"), parse_constant=_no_constant)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _whole(value: Any, low: int = 0) -> bool:
    return type(value) is int and value >= low


def _wholes(value: Any) -> bool:
    return isinstance(value, list) and all(_whole(item) for item in value)


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "it must be a string"


def _empty(value: Any) -> str | None:
    return None if value == "" else "it must be the empty string"


def _ok(value: Any) -> str | None:
    return None if value == "ok" else 'it must be "ok"'


def _worker(value: Any) -> str | None:
    if not isinstance(value, dict) or not _whole(value.get("pid"), 1):
        return "it must be an object with a version and a pid"
    return None if value.get("version") == VERSION else f"the version must be {VERSION}"


def _input_request(value: Any) -> str | None:
    if value == "":
        return None
    chosen = isinstance(value, list) and len(value) == 2 and value[0] in ("include", "exclude")
    return (
        None if chosen and _wholes(value[1]) else "it must be empty, or include or exclude with a list of ids"
    )


def _input_err(value: Any) -> str | None:
    shaped = isinstance(value, list) and len(value) == 2 and _whole(value[0]) and _wholes(value[1])
    return None if shaped else "it must be the id of an input and a list of replicas"


def _output(value: Any) -> str | None:
    if not isinstance(value, list) or len(value) not in (2, 3) or not isinstance(value[0], str):
        return "it must be a location, a type and perhaps a label"
    location, kind, *label = value
    if kind not in TYPES:
        return "the type must be disco, part or tag"
    if label and not (kind == "part" and (_whole(label[0]) or _digits(label[0]))):
        return "a label is an integer from 0 on, of a part"
    path = PurePosixPath(location)
    if kind != "tag" and (not location or path.is_absolute() or ".." in path.parts):
        return "the location must be a path inside the job home"
    return None


def _digits(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def _task(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "it must be an object"
    good = {
        **{key: isinstance(value.get(key), str) and value[key] != "" for key in TASK_TEXTS},
        **{key: str(value.get(key, "")).startswith("/") for key in TASK_PATHS},
        **{key: _whole(value.get(key), 1) for key in TASK_PORTS},
        "taskid": _whole(value.get("taskid")),
        "mode": value.get("mode") in ("map", "reduce"),
        "master": str(value.get("master", "")).startswith("http://"),
    }
    wrong = next((key for key, fits in good.items() if not fits), None)
    return f"{wrong} is missing, or is not what it must be" if wrong else None


def pairs(value: Any) -> bool:
    """A list of replicas: [id, URL], with ids of their own."""
    if not isinstance(value, list):
        return False
    shaped = all(
        isinstance(p, list) and len(p) == 2 and _whole(p[0]) and isinstance(p[1], str) for p in value
    )
    return shaped and len({p[0] for p in value}) == len(value)


def _input_reply(value: Any) -> str | None:
    if not (isinstance(value, list) and len(value) == 2 and value[0] in FLAGS and isinstance(value[1], list)):
        return "it must be more or done, and a list of inputs"
    for entry in value[1]:
        shaped = isinstance(entry, list) and len(entry) == 3 and _whole(entry[0])
        if not shaped or entry[1] not in STATUSES or not pairs(entry[2]):
            return "an input is its id, ok, busy or failed, and its replicas"
        if entry[1] == "ok" and not entry[2]:
            return "an input that is ok has a replica"
    ids = [entry[0] for entry in value[1]]
    return None if len(set(ids)) == len(ids) else "it lists an input twice"


def _retry(value: Any) -> str | None:
    return None if pairs(value) and value else "it must be a list of replicas, one at least"


def _wait(value: Any) -> str | None:
    fits = _whole(value, 1) and value <= LONGEST_WAIT_S
    return None if fits else f"it must be a whole number of seconds from 1 to {LONGEST_WAIT_S}"


OF_WORKER: dict[str, Check] = {
    "WORKER": _worker, "TASK": _empty, "INPUT": _input_request, "INPUT_ERR": _input_err, "MSG": _text,
    "OUTPUT": _output, "PING": _empty, "DONE": _empty, "ERROR": _text, "FATAL": _text,
}  # fmt: skip
OF_DISCO: dict[str, Check] = {
    "OK": _ok, "TASK": _task, "INPUT": _input_reply, "RETRY": _retry, "WAIT": _wait, "FAIL": _empty,
}  # fmt: skip
REQUIREMENTS = {
    "WORKER": "hs.pid", "TASK": "task.fields", "INPUT": "input.reply", "RETRY": "replica.answer",
    "WAIT": "replica.answer", "FAIL": "replica.answer", "OK": "talk.reply",
}  # fmt: skip
