"""What happened: past facts, the only way anything reaches the core.

Events marked *durable* are what a restart needs. The core hands each of them that it accepted back
in a `Record` action; the shell commits it before it carries out any action that came with it, and a
restarted master gives the same events, in the same order, to `Core.restore`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import AttemptEnd, FoundAttempt, JobSpec, JobView, Mode


@dataclass(frozen=True, slots=True)
class MasterStarted:
    """Durable. `epoch` counts the starts of this master; attempt numbers begin with it."""

    epoch: int


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """Durable. The job pack is already safe on disk."""

    spec: JobSpec


@dataclass(frozen=True, slots=True)
class JobKilled:
    """Durable. Somebody asked for it."""

    job: str


@dataclass(frozen=True, slots=True)
class JobCleaned:
    """Durable. The job is forgotten; `purge` also deletes its data on the nodes."""

    job: str
    purge: bool


@dataclass(frozen=True, slots=True)
class NodeUp:
    """A node is there. Every start of a node is a new, higher `generation`.

    `attempts` are those that it kept while the master was away. The core takes them over, or orders a Kill.
    """

    node: str
    generation: int
    slots: int
    attempts: tuple[FoundAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeDown:
    node: str
    generation: int
    why: str


@dataclass(frozen=True, slots=True)
class NodeStats:
    node: str
    generation: int
    disk_free_bytes: int
    disk_used_bytes: int


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    attempt: int
    pid: int


@dataclass(frozen=True, slots=True)
class AttemptMessage:
    """The worker's MSG, for the job's event log. `seq` counts within the attempt."""

    attempt: int
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """Durable once accepted. `job`, `mode`, `task` and `node` let a restarted master place it.

    `excused` is the core's own: the end says nothing about the task, and is not held against it.
    """

    attempt: int
    job: str
    mode: Mode
    task: int
    node: str
    end: AttemptEnd
    excused: bool = False


@dataclass(frozen=True, slots=True)
class ShuffleEnded:
    """Durable. A node has merged what its tasks of one mode wrote, or could not.

    `index` is the URL of the index file (`dir://…`), "" when there was nothing to merge;
    `error` is "" on success. `gone`: the node is there, what its tasks wrote is not. `number` is that of
    the order: the answer to one that is out of date does not count.
    """

    job: str
    mode: Mode
    node: str
    index: str
    error: str = ""
    gone: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class JobEnded:
    """Durable. The job is ready or dead, and this is its last view.

    Whether a job dies can hang on what the journal does not hold (how many nodes were up), so that it
    died is a fact of its own. With it, no earlier record of the job is needed any more.
    """

    view: JobView


@dataclass(frozen=True, slots=True)
class OutputsLost:
    """Durable. What a node held for an unfinished job is gone: the tasks that made it run again."""

    job: str
    node: str


@dataclass(frozen=True, slots=True)
class NodeTableSaved:
    """Durable. Rows are (host spec, slots) as the administrator wrote them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BlacklistChanged:
    """Durable. `kind` is "tasks" or "gc"."""

    kind: str
    node: str
    listed: bool


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """Durable. The only name so far is `max_failure_rate`."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that `Core.next_deadline` named has come."""


Event = (
    MasterStarted
    | JobSubmitted
    | JobKilled
    | JobCleaned
    | NodeUp
    | NodeDown
    | NodeStats
    | AttemptStarted
    | AttemptMessage
    | AttemptEnded
    | ShuffleEnded
    | JobEnded
    | OutputsLost
    | NodeTableSaved
    | BlacklistChanged
    | SettingChanged
    | Tick
)
