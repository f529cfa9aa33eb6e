"""The nouns of the master: frozen values that every room of it shares.

Nothing here decides or does anything. A job has one or two *modes* (map, reduce); a mode has
*tasks*; a task is tried by *attempts*, one at a time, each on a *node*. An attempt's number is
unique for the whole life of the master, restarts included, so whatever carries one can be told
from the remains of an earlier attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

MAX_CORES_DEFAULT = 2**31


class Mode(StrEnum):
    """The phase that a task belongs to, as the TASK reply names it."""

    MAP = "map"
    REDUCE = "reduce"


class JobStatus(StrEnum):
    """As the REST interface names it; an unknown job has no status."""

    ACTIVE = "active"
    READY = "ready"
    DEAD = "dead"


class Outcome(StrEnum):
    """How an attempt ended. Each launch has exactly one."""

    DONE = "done"
    FAILED = "failed"  # the worker said ERROR or FATAL, or broke the protocol
    CRASHED = "crashed"  # the process ended, or was ended by a limit, before it said how
    KILLED = "killed"  # on the master's order
    NODE_LOST = "node_lost"
    ENGINE_ERROR = "engine_error"  # never started: job home, disk, executable


class OutputKind(StrEnum):
    DISCO = "disco"
    PART = "part"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a task: the same data at one or more places, best first.

    A replica's id is its index in `urls`.
    """

    id: int
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """One output of an attempt. `url` is absolute (`disco://…` or `tag://…`)."""

    url: str
    kind: OutputKind
    label: int = 0
    size_bytes: int = 0  # 0: not known


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """All that a node needs to start one attempt. The rest is in the job pack, which it fetches once."""

    job: str
    mode: Mode
    task: int
    attempt: int
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What is known of an attempt after it ended; times in seconds, memory in bytes.

    `message` is the text for the user: the worker's own ERROR or FATAL text, or what the node saw.
    `fatal` ends the job. `last_words` are a crashed worker's last bytes that were no frame,
    as text, or else its last messages.
    """

    outcome: Outcome
    message: str = ""
    fatal: bool = False
    outputs: tuple[Output, ...] = ()
    exit_status: int | None = None
    signal: int | None = None
    last_words: str = ""
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    unreadable: tuple[str, ...] = ()  # URLs of inputs that the worker gave up on


@dataclass(frozen=True, slots=True)
class FoundAttempt:
    """An attempt that a node still runs, or has ended and not told of, when the master and it meet again."""

    attempt: int
    job: str
    mode: Mode
    task: int


@dataclass(frozen=True, slots=True)
class SchedulerOptions:
    """The job dict's `scheduler` object, checked."""

    max_cores: int = MAX_CORES_DEFAULT
    force_local: bool = False
    force_remote: bool = False
    max_failures: int | None = None  # per task; None: the master's setting
    max_job_failures: int | None = None  # of all tasks together; None: no limit
    backup_tasks: bool = False  # a second attempt for stragglers near the end of a phase
    task_timeout_s: int | None = None  # for one attempt, from launch to end; None: no limit


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A submitted job, as its job dict describes it. `name` is the unique name."""

    name: str
    prefix: str
    owner: str
    worker: str
    inputs: tuple[tuple[str, ...], ...]
    has_map: bool
    has_reduce: bool
    nr_reduces: int
    scheduler: SchedulerOptions = field(default_factory=SchedulerOptions)


class Counts(NamedTuple):
    """Tasks of one mode by state."""

    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0  # attempts that failed and were tried again


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as outsiders see it: immutable, cheap to hold, safe to read from any thread."""

    name: str
    owner: str
    worker: str
    started_s: float  # since the epoch
    status: JobStatus
    has_map: bool
    has_reduce: bool
    map: Counts
    reduce: Counts
    inputs: tuple[tuple[str, ...], ...]  # the first 100
    hosts: tuple[str, ...]  # one entry a running task
    results: tuple[str, ...] = ()
    map_results: tuple[str, ...] | None = None  # None until the map phase is done
    failure: str = ""  # why a dead job died
    ended_s: float | None = None
    phase: str = ""  # map, shuffle, reduce: what is going on


@dataclass(frozen=True, slots=True)
class NodeView:
    name: str
    connected: bool
    blacklisted: bool
    slots: int
    running: tuple[str, ...]  # job names, one a running task
    job_ok: int = 0
    data_error: int = 0
    error: int = 0
    disk_free_bytes: int = 0
    disk_used_bytes: int = 0
    closed: str = ""  # why a node that is there and not blacklisted gets no tasks


@dataclass(frozen=True, slots=True)
class MasterView:
    """The whole master at one instant. `version` grows with every change."""

    version: int
    jobs: dict[str, JobView]  # oldest first; never mutated
    nodes: dict[str, NodeView]
    node_table: tuple[tuple[str, str], ...]  # rows as the administrator wrote them: (host spec, slots)
    blacklist: tuple[str, ...]
    gc_blacklist: tuple[str, ...]
    max_failure_rate: int
