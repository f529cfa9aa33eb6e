"""From frames to messages: the shape of every payload, checked word by word.

The names INPUT and TASK mean a request from a worker and a reply from Disco, so `parse` must be told who
spoke. What is wrong is said as exactly as it is known: the message, the place in it, what was expected, what
came. Keys that this version does not know are left alone in objects (that is how versions grow); a list has
exactly the elements of its form.

Invariant: `parse(frame of m, sender of m) == m` for every message `m` that can be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from disco.protocol import shape
from disco.protocol.errors import MessageError, VersionMismatch, quoted
from disco.protocol.frames import Frame
from disco.protocol.messages import (
    MAX_LABEL,
    MAX_LOCATION_BYTES,
    MAX_PORT,
    MAX_WAIT_S,
    MIN_WAIT_S,
    TASK_KEYS,
    VERSION,
    Done,
    Error,
    Fail,
    Fatal,
    InputEntry,
    InputErr,
    InputReply,
    InputRequest,
    Message,
    Msg,
    Ok,
    OutputMsg,
    OutputType,
    Ping,
    Replica,
    Retry,
    Role,
    Selection,
    Status,
    TaskInfo,
    TaskRequest,
    Wait,
    Worker,
)


def parse(frame: Frame, sender: Role) -> Message:
    """The message in `frame`, which `sender` sent. Raises `MessageError` and `VersionMismatch`."""
    parsers = _PARSERS[sender]
    parser = parsers.get(frame.name)
    if parser is None:
        known = ", ".join(parsers)
        reason = f"the {sender} end may only send {known}; the payload was {quoted(frame.payload)}"
        raise MessageError(frame.name, reason)
    return parser(shape.decode_json(frame.name, frame.payload))


def _worker(value: Any) -> Worker:
    said = shape.mapping("WORKER", value, ("version",))
    version = shape.text("WORKER version", said["version"])
    if version != VERSION:
        raise VersionMismatch(version, VERSION)
    said = shape.mapping("WORKER", value, ("version", "pid"))
    reuse = said.get("reuse", False)
    if not isinstance(reuse, bool):
        raise shape.wrong("WORKER reuse", "true or false", reuse)
    return Worker(shape.integer("WORKER pid", said["pid"], low=1), reuse, version)


def _input_request(value: Any) -> InputRequest:
    if value == "":
        return InputRequest()
    form = '"", ["exclude", [id, …]] or ["include", [id, …]]'
    select, ids = shape.items("INPUT", value, form, 2)
    word = shape.one_of("INPUT selection", select, ("exclude", "include"))
    return InputRequest(cast(Selection, word), shape.integers("INPUT ids", ids))


def _input_err(value: Any) -> InputErr:
    input_id, replica_ids = shape.items("INPUT_ERR", value, "[input_id, [replica_id, …]]", 2)
    return InputErr(
        shape.integer("INPUT_ERR input_id", input_id), shape.integers("INPUT_ERR replica_ids", replica_ids)
    )


def _output(value: Any) -> OutputMsg:
    parts = shape.items("OUTPUT", value, "[location, type] or [location, type, label]", 2, 3)
    kind = cast(OutputType, shape.one_of("OUTPUT type", parts[1], ("disco", "part", "tag")))
    location = _location(parts[0], kind)
    if len(parts) == 2:
        return OutputMsg(location, kind)
    if kind != "part":
        raise MessageError(
            "OUTPUT", f'only type "part" has a label, but "{kind}" came with {quoted(parts[2])}'
        )
    return OutputMsg(location, kind, shape.integer_or_text("OUTPUT label", parts[2], MAX_LABEL))


def _location(value: object, kind: OutputType) -> str:
    location = shape.line("OUTPUT location", value)
    try:
        size = len(location.encode("utf-8"))
    except UnicodeEncodeError:
        raise shape.wrong("OUTPUT location", "text that UTF-8 can express", location) from None
    if size > MAX_LOCATION_BYTES:
        raise shape.wrong("OUTPUT location", f"at most {MAX_LOCATION_BYTES} bytes long", location)
    if kind != "tag":
        steps = location.split("/")
        if location.startswith("/") or ".." in steps or not set(steps) - {"", "."}:
            raise shape.wrong("OUTPUT location", "a path relative to the job home, without '..'", location)
    return location


def _task_info(value: Any) -> TaskInfo:
    said = shape.mapping("TASK", value, TASK_KEYS)
    master = shape.line("TASK master", said["master"])
    if not master.startswith(("http://", "https://")):
        raise shape.wrong("TASK master", "a URL, http://host:port", master)
    return TaskInfo(
        host=shape.line("TASK host", said["host"]),
        master=master,
        jobname=shape.line("TASK jobname", said["jobname"]),
        taskid=shape.integer("TASK taskid", said["taskid"], low=0),
        mode=shape.one_of("TASK mode", said["mode"], ("map", "reduce")),
        disco_port=shape.integer("TASK disco_port", said["disco_port"], 0, MAX_PORT),
        put_port=shape.integer("TASK put_port", said["put_port"], 0, MAX_PORT),
        disco_data=_absolute("TASK disco_data", said["disco_data"]),
        ddfs_data=_absolute("TASK ddfs_data", said["ddfs_data"]),
        jobfile=_absolute("TASK jobfile", said["jobfile"]),
    )


def _absolute(at: str, value: object) -> str:
    path = shape.line(at, value)
    if not path.startswith("/"):
        raise shape.wrong(at, "an absolute path", path)
    return path


def _input_reply(value: Any) -> InputReply:
    flag, entries = shape.items("INPUT", value, '["more" or "done", [input, …]]', 2)
    more = shape.one_of("INPUT flag", flag, ("more", "done")) == "more"
    if not isinstance(entries, list):
        raise shape.wrong("INPUT inputs", "a list", entries)
    return InputReply(more, tuple(_entry(f"INPUT inputs[{n}]", entry) for n, entry in enumerate(entries)))


def _entry(at: str, value: object) -> InputEntry:
    input_id, status, replicas = shape.items(at, value, "[input_id, status, [replica, …]]", 3)
    return InputEntry(
        shape.integer(f"{at}.id", input_id),
        cast(Status, shape.one_of(f"{at}.status", status, ("ok", "busy", "failed"))),
        _replicas(f"{at}.replicas", replicas),
    )


def _replicas(at: str, value: object) -> tuple[Replica, ...]:
    if not isinstance(value, list):
        raise shape.wrong(at, "a list of [replica_id, url]", value)
    return tuple(_replica(f"{at}[{n}]", item) for n, item in enumerate(value))


def _replica(at: str, value: object) -> Replica:
    replica_id, url = shape.items(at, value, "[replica_id, url]", 2)
    return Replica(shape.integer(f"{at}.id", replica_id), shape.text(f"{at}.url", url))


def _retry(value: Any) -> Retry:
    replicas = _replicas("RETRY replicas", value)
    if not replicas:
        raise shape.wrong("RETRY", "a list of at least one [replica_id, url]", value)
    return Retry(replicas)


def _bare(cls: type[Message]) -> Callable[[Any], Message]:
    message = cls()

    def parser(value: Any) -> Message:
        shape.no_payload(cls.name, value)
        return message

    return parser


_OK = Ok()
_PARSERS: dict[Role, dict[str, Callable[[Any], Message]]] = {
    Role.WORKER: {
        "WORKER": _worker,
        "TASK": _bare(TaskRequest),
        "INPUT": _input_request,
        "INPUT_ERR": _input_err,
        "MSG": lambda value: Msg(shape.text("MSG", value)),
        "OUTPUT": _output,
        "PING": _bare(Ping),
        "DONE": _bare(Done),
        "ERROR": lambda value: Error(shape.text("ERROR", value)),
        "FATAL": lambda value: Fatal(shape.text("FATAL", value)),
    },
    Role.DISCO: {
        "OK": lambda value: _OK,
        "TASK": _task_info,
        "INPUT": _input_reply,
        "RETRY": _retry,
        "WAIT": lambda value: Wait(shape.integer("WAIT", value, MIN_WAIT_S, MAX_WAIT_S)),
        "FAIL": _bare(Fail),
    },
}
