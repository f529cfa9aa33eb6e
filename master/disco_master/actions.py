"""What the shell must do: orders, in the order in which the core gives them.

`Record` comes first: the shell commits every record of a batch, then carries out the rest. An order
that fails comes back as an event (a launch that can't be carried out ends as ENGINE_ERROR).
"""

from __future__ import annotations

from dataclasses import dataclass

from .events import Event
from .model import Mode, Output, TaskSpec


@dataclass(frozen=True, slots=True)
class Record:
    """Commit this event to the journal before anything else of the batch. `now` is epoch seconds."""

    event: Event
    now: float


@dataclass(frozen=True, slots=True)
class Launch:
    node: str
    generation: int
    spec: TaskSpec


@dataclass(frozen=True, slots=True)
class Kill:
    """End an attempt, its whole process group. It still ends with an AttemptEnded (KILLED)."""

    attempt: int
    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Have `node` merge one mode's local outputs by label, write the index file, and answer ShuffleEnded."""

    job: str
    mode: Mode
    node: str
    generation: int
    outputs: tuple[Output, ...]
    number: int = 0  # to be given back in the answer


@dataclass(frozen=True, slots=True)
class EndJob:
    """The job is over: nodes may let go of its idle workers. Its data stay."""

    job: str


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete the master's files of the job; with `data`, the nodes' files and the OOB tag too."""

    job: str
    data: bool


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the job's event log. `host` is "master" or a node; `text` is uncut."""

    job: str
    host: str
    text: str


Action = Record | Launch | Kill | Shuffle | EndJob | DeleteJob | Log
