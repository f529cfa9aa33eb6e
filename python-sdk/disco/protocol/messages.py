"""The messages of protocol 1.0, as values: what a worker may say, and what Disco may answer.

Every class is one message, and `to_frame` gives its bytes; `parse.parse` makes it from a frame. Two frame
names, INPUT and TASK, are a request when a worker says them and a reply when Disco does: these are two
classes each. A value that is made here is taken as it is: shapes are checked where they come from outside,
in `parse`; when a message may be said is decided in `session`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple

from disco.protocol.frames import encode

VERSION = "1.0"
MIN_WAIT_S = 1
MAX_WAIT_S = 60
MAX_LABEL = 2**31 - 1
MAX_LOCATION_BYTES = 4096
MAX_PORT = 65535

Selection = Literal["all", "exclude", "include"]
Status = Literal["ok", "busy", "failed"]
OutputType = Literal["disco", "part", "tag"]
TASK_KEYS = (
    "host",
    "master",
    "jobname",
    "taskid",
    "mode",
    "disco_port",
    "put_port",
    "disco_data",
    "ddfs_data",
    "jobfile",
)


class Role(StrEnum):
    """Who speaks."""

    WORKER = "worker"
    DISCO = "disco"


class Message:
    """Base of all messages. `name` is the frame's name; a message without content has the payload `""`."""

    __slots__ = ()
    name: ClassVar[str]

    def payload(self) -> Any:
        """What the frame's payload says, as JSON values."""
        return ""

    def to_frame(self) -> bytes:
        return encode(self.name, self.payload())


class Request(Message):
    """What a worker says."""

    __slots__ = ()


class Reply(Message):
    """What Disco answers."""

    __slots__ = ()


class Replica(NamedTuple):
    """One place where an input can be read. Lists of replicas are best first."""

    id: int
    url: str


class InputEntry(NamedTuple):
    """One input of the task: `ok`, `busy` (replicas are being made: poll), `failed` (thought to be lost)."""

    id: int
    status: Status
    replicas: tuple[Replica, ...]


@dataclass(frozen=True, slots=True)
class Worker(Request):
    """First and once. `reuse`: this process can go on with another task after DONE."""

    name = "WORKER"
    pid: int
    reuse: bool = False
    version: str = VERSION

    def payload(self) -> Any:
        said: dict[str, Any] = {"version": self.version, "pid": self.pid}
        return said | {"reuse": True} if self.reuse else said


@dataclass(frozen=True, slots=True)
class TaskRequest(Request):
    """Asks for the task."""

    name = "TASK"


@dataclass(frozen=True, slots=True)
class InputRequest(Request):
    """Asks for the inputs: all, all but some (`exclude`), or only some (`include`) by their ids."""

    name = "INPUT"
    select: Selection = "all"
    ids: tuple[int, ...] = ()

    def payload(self) -> Any:
        return "" if self.select == "all" else [self.select, list(self.ids)]


@dataclass(frozen=True, slots=True)
class InputErr(Request):
    """These replicas of an input could not be read."""

    name = "INPUT_ERR"
    input_id: int
    replica_ids: tuple[int, ...]

    def payload(self) -> Any:
        return [self.input_id, list(self.replica_ids)]


@dataclass(frozen=True, slots=True)
class Msg(Request):
    """A line for the pages and the log."""

    name = "MSG"
    text: str

    def payload(self) -> Any:
        return self.text


@dataclass(frozen=True, slots=True)
class OutputMsg(Request):
    """An output: a file of the job home (`disco`, `part`) or a tag's name (`tag`). A label is for parts."""

    name = "OUTPUT"
    location: str
    type: OutputType
    label: int = 0

    def payload(self) -> Any:
        return [self.location, self.type, self.label] if self.type == "part" else [self.location, self.type]


@dataclass(frozen=True, slots=True)
class Ping(Request):
    """Is anybody there?"""

    name = "PING"


@dataclass(frozen=True, slots=True)
class Done(Request):
    """The task is finished and its outputs are written."""

    name = "DONE"


@dataclass(frozen=True, slots=True)
class Error(Request):
    """The attempt failed; another one may succeed."""

    name = "ERROR"
    text: str

    def payload(self) -> Any:
        return self.text


@dataclass(frozen=True, slots=True)
class Fatal(Request):
    """The job cannot succeed."""

    name = "FATAL"
    text: str

    def payload(self) -> Any:
        return self.text


@dataclass(frozen=True, slots=True)
class Ok(Reply):
    """Heard. A worker takes any payload of OK for this."""

    name = "OK"

    def payload(self) -> Any:
        return "ok"


@dataclass(frozen=True, slots=True)
class TaskInfo(Reply):
    """The task. `master` is a URL; ports are integers; the last three are absolute paths on this node."""

    name = "TASK"
    host: str
    master: str
    jobname: str
    taskid: int
    mode: str
    disco_port: int
    put_port: int
    disco_data: str
    ddfs_data: str
    jobfile: str

    def payload(self) -> Any:
        return {key: getattr(self, key) for key in TASK_KEYS}


@dataclass(frozen=True, slots=True)
class InputReply(Reply):
    """The inputs. `more`: others may come, poll again."""

    name = "INPUT"
    more: bool
    inputs: tuple[InputEntry, ...]

    def payload(self) -> Any:
        entries = [[entry.id, entry.status, _pairs(entry.replicas)] for entry in self.inputs]
        return ["more" if self.more else "done", entries]


@dataclass(frozen=True, slots=True)
class Retry(Reply):
    """Other replicas of the input that could not be read."""

    name = "RETRY"
    replicas: tuple[Replica, ...]

    def payload(self) -> Any:
        return _pairs(self.replicas)


@dataclass(frozen=True, slots=True)
class Wait(Reply):
    """Replicas are being made: wait, then poll INPUT."""

    name = "WAIT"
    seconds: int

    def payload(self) -> Any:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Fail(Reply):
    """No replica is left."""

    name = "FAIL"


def _pairs(replicas: tuple[Replica, ...]) -> list[list[Any]]:
    return [[replica.id, replica.url] for replica in replicas]
