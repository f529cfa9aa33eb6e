"""What a session file says, as frozen values.

A session is a head and a list of steps. `W` is the worker's side and `M` is Disco's. Whoever plays a side
sends its messages and expects the others', so a step never says "send" or "expect": that follows from the
role. A block holds branches of steps. Every step knows its line, because a failure must be able to point at
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WORKER, DISCO = "W", "M"
LEVELS = ("must", "should", "may")
ROLES = ("worker", "master")
AXES = ("plain", "bytewise", "joined", "split")
NAMES_OF_WORKER = ("WORKER", "TASK", "INPUT", "INPUT_ERR", "MSG", "OUTPUT", "PING", "DONE", "ERROR", "FATAL")
NAMES_OF_DISCO = ("OK", "TASK", "INPUT", "RETRY", "WAIT", "FAIL")
TERMINAL = ("DONE", "ERROR", "FATAL")
TOLERATED = ("MSG", "PING")
DEFAULT_TIMEOUT_S = 10.0


class SessionError(ValueError):
    """A session file that cannot be used. It names the file, the line, the reason and the way out."""

    def __init__(self, reason: str, line: int | None = None, path: str | None = None) -> None:
        self.reason, self.line, self.path = reason, line, path
        where = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{where}: {reason}" if where else reason)

    def at(self, path: str) -> SessionError:
        return SessionError(self.reason, self.line, path)


@dataclass(frozen=True)
class Step:
    line: int = field(compare=False)


@dataclass(frozen=True)
class Message(Step):
    side: str
    name: str
    text: str
    within_s: float | None = None


@dataclass(frozen=True)
class Raw(Step):
    """Bytes as they are, for what no frame can say. `times` repeats them."""

    side: str
    data: bytes
    times: int = 1
    spelt: str = "raw"


@dataclass(frozen=True)
class ServeInputs(Step):
    """The model of Disco answers every INPUT and INPUT_ERR, until the worker says something else."""

    within_s: float | None = None


@dataclass(frozen=True)
class Delivery(Step):
    """How the next message of Disco is delivered: chop n, split at k, join n, delay t, slow n/s."""

    kind: str
    amount: float


@dataclass(frozen=True)
class Close(Step):
    """Disco's side of the pipe is closed: the worker's standard input ends. Against a master: the worker
    closes its outputs and stays."""


@dataclass(frozen=True)
class Deaf(Step):
    """Disco stops reading and closes its end: the worker's standard error has no reader. Against a master:
    the worker closes its standard input."""


@dataclass(frozen=True)
class Nothing(Step):
    for_s: float


@dataclass(frozen=True)
class Eof(Step):
    within_s: float | None = None


@dataclass(frozen=True)
class Exit(Step):
    """`low` and `high` bound the exit status; both None is any end, by a signal too."""

    low: int | None
    high: int | None
    within_s: float | None = None


@dataclass(frozen=True)
class Signal(Step):
    name: str


@dataclass(frozen=True)
class Others(Step):
    """For the master's side: every other worker of the job has come to its end."""

    within_s: float | None = None


@dataclass(frozen=True)
class Grow(Step):
    """For the master's side: the worker takes so much memory. Refused it, it dies as a program does."""

    mib: int


@dataclass(frozen=True)
class Child(Step):
    """For the master's side: the worker starts a process that stays."""


@dataclass(frozen=True)
class Block(Step):
    """any-of: the first branch whose first step fits. maybe: none or once. repeat: low to high times.
    unordered: every branch once, in any order."""

    kind: str
    branches: tuple[tuple[Step, ...], ...]
    low: int = 1
    high: int = 1


@dataclass(frozen=True)
class Input:
    """An input as the model of Disco serves it. `status` holds one word per poll, the last one stays."""

    id: int
    replicas: tuple[tuple[int, str], ...]
    status: tuple[str, ...] = ("ok",)
    from_poll: int = 1
    spare: tuple[tuple[int, str], ...] = ()
    made: tuple[tuple[int, str], ...] = ()
    wait_s: int | None = None


@dataclass(frozen=True)
class File:
    """A file that the case offers. `at` says where: over http, on the local disk, or both. Over http a file
    that is `cut` breaks off after so many bytes, and one with `stall` stops there and sends nothing more. Its
    content is `data`, `repeat` times, compressed when it is `gzip`."""

    path: str
    data: bytes
    repeat: int = 1
    at: tuple[str, ...] = ("http", "local")
    status: int = 200
    cut: int | None = None
    fails: int = 0
    gzip: bool = False
    location: str = ""
    stall: int | None = None


@dataclass(frozen=True)
class Ddfs:
    """The DDFS that outputs may be saved in.

    A blob gets `replicas`; with a `token`, tags want it; a tag holds the text `earlier` of another task
    already. Hosts in `broken` refuse blobs, the first `busy` requests are put off with 503, and `tag_status`
    is what every request about a tag is refused with. The blobs of a tag have `size_bytes` together, where
    that is said.
    """

    replicas: int = 1
    token: str = ""
    earlier: str = ""
    broken: tuple[str, ...] = ()
    busy: int = 0
    tag_status: int = 0
    size_bytes: int | None = None


@dataclass(frozen=True)
class Job:
    """For the master's side: what the job pack asks for, beside the inputs. `crowd` more map tasks run beside
    the one of the session, at most `max_cores` tasks at a time. In a job with map and reduce the session is
    that of the first reduce task, and the map tasks before it are played for it. Map tasks other than the
    session's report `map_outputs`."""

    has_map: bool = True
    has_reduce: bool = False
    nr_reduces: int = 1
    max_failures: int | None = None
    max_cores: int | None = None
    crowd: int = 0
    map_outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """For the master's side: how the job ends. `reason` is a pattern, `attempts` counts every run of the
    worker, and every further task of a run."""

    status: str = "ready"
    reason: str = ""
    attempts: int = 1


@dataclass(frozen=True)
class Head:
    id: str
    title: str
    proves: tuple[str, ...]
    level: str = "must"
    roles: tuple[str, ...] = ("worker",)
    needs: tuple[str, ...] = ()
    kills: tuple[str, ...] = ()
    axes: tuple[str, ...] = ("plain",)
    timeout_s: float = DEFAULT_TIMEOUT_S
    cpu_s: float | None = None
    limits: tuple[tuple[str, int], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    inputs_grow: bool = False
    job: Job = Job()
    outcome: Outcome = Outcome()
    ddfs: Ddfs | None = None
    home: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Session:
    head: Head
    steps: tuple[Step, ...]
    path: str = field(default="", compare=False)
    source: str = field(default="", compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.head.id

    @property
    def category(self) -> str:
        return self.head.id.partition("/")[0]


def walk(steps: tuple[Step, ...]) -> list[Step]:
    """Every step, those inside blocks too, in the order of the file."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        if isinstance(step, Block):
            for branch in step.branches:
                found.extend(walk(branch))
    return found
