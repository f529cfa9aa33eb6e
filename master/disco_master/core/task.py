"""One task: what it is doing, and what is remembered of its failures.

States: WAITING (can run, or waits for a pause to pass), RUNNING, DONE. A task is RUNNING exactly while
one attempt of it counts, or two of a straggler; it is DONE exactly while the outputs of one attempt count.
DONE can be undone when the node that holds the outputs is lost. Tasks are many: an untroubled one is one
small object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from ..model import Mode
from .inputs import LocalOutputs

if TYPE_CHECKING:
    from .scheduling.waiting import Group


class TaskState(IntEnum):
    WAITING = 0
    RUNNING = 1
    DONE = 2


@dataclass(frozen=True, slots=True)
class Cause:
    """One failure, as the user is told of it."""

    mode: Mode
    task: int
    node: str
    attempt: int
    message: str
    exit_status: int | None
    signal: int | None
    peak_memory_bytes: int
    last_words: str


@dataclass(slots=True)
class Trouble:
    """A task's failures. `seen` are the latest: (fingerprint of the message, node)."""

    first: Cause
    failures: int = 0
    losses: int = 0  # nodes that were lost under it
    excuses: int = 0  # ends that were put down to something else
    avoid: tuple[str, ...] = ()  # nodes where it failed, sorted
    seen: list[tuple[bytes, str]] = field(default_factory=list)


class Task:
    """`group` is where it waits for a slot, None while it does not. `node` is where it last started."""

    __slots__ = ("group", "id", "local", "node", "state", "tags", "trouble")

    def __init__(self, id: int) -> None:
        self.id = id
        self.state = TaskState.WAITING
        self.group: Group | None = None
        self.trouble: Trouble | None = None
        self.node = ""
        self.local: LocalOutputs = ()
        self.tags: tuple[str, ...] = ()

    @property
    def avoid(self) -> tuple[str, ...]:
        return self.trouble.avoid if self.trouble else ()
