"""The doors through which web requests reach the rest of the master. The shell hands them in.

A view never touches the core or a node: it reads an immutable `MasterView`, submits an event, or asks
the tag service. Every method here may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ..events import Event
from ..model import MasterView, Mode


class TaskName(NamedTuple):
    """A task of a job, as it is written: `map:7`."""

    mode: Mode
    task: int


class AttemptLogEntry(NamedTuple):
    """Where one attempt's log lies."""

    node: str
    mode: str
    task: int
    attempt: int
    size_bytes: int


class MasterDoor(Protocol):
    def view(self) -> MasterView:
        """The newest view."""

    def wait_for_change(self, version: int, timeout_s: float) -> MasterView:
        """The first view newer than `version`, or the current one when the time is over."""

    def tell(self, event: Event) -> MasterView:
        """Hand an event to the core; return the view in which it has been handled and, if durable, committed.

        Raises Unavailable when the master is stopping or does not get to it in time.
        """

    def submit(self, pack: bytes) -> str:
        """Keep the job pack, start its job, return the job's unique name.

        Raises jobpack.format.PackError when the pack is refused.
        """

    def job_file(self, job: str) -> Path | None:
        """The job pack of a job that is not forgotten."""

    def events_file(self, job: str) -> Path | None:
        """The job's event log (one JSON array a line); everything logged before the call is in it."""

    def why(self, job: str) -> list[str]:
        """Why the job's tasks wait: a line for each reason. Raises Unavailable."""

    def attempt_logs(self, job: str, task: TaskName | None) -> list[AttemptLogEntry]:
        """The logs that nodes keep of the job's attempts, or of those of one task, in order of the tasks."""

    def attempt_log(self, job: str, task: TaskName, attempt: int, node: str) -> str | None:
        """One of these logs; None when there is none. Raises Unavailable when its node does not answer."""

    def state(self) -> dict[str, object]:
        """The state of the process, for a person who looks for what is wrong: plain JSON values."""


class TagError(Exception):
    """A refused tag operation: `status` is the HTTP status, `reason` the body."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"{status} {reason}")


class TagDoor(Protocol):
    """The tag operations of DDFS. Each raises TagError. Tokens are None when the request carried none."""

    def new_blob(
        self, name: str, *, replicas: int | None, exclude: Sequence[str], include: Sequence[str]
    ) -> list[str]: ...
    def names(self, prefix: str) -> list[str]: ...
    def get(self, name: str, token: str | None) -> dict[str, object]:
        """The tag object without its tokens."""

    def append(
        self, name: str, urls: list[list[str]], token: str | None, *, update: bool, delayed: bool
    ) -> list[str]: ...
    def replace(self, name: str, urls: list[list[str]], token: str | None) -> list[str]: ...
    def delete(self, name: str, token: str | None) -> None: ...
    def get_attribute(self, name: str, attribute: str, token: str | None) -> object: ...
    def set_attribute(self, name: str, attribute: str, value: str, token: str | None) -> list[str]: ...
    def delete_attribute(self, name: str, attribute: str, token: str | None) -> None: ...
    def hosted(self, node: str) -> list[str]:
        """Names of the tags that keep data on `node`."""


class Unavailable(Exception):
    """The master can't take the request now; the client may try again (503)."""
