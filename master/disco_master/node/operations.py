"""The named operations that `Engine.call` carries out on a node.

Arguments and answers are plain JSON-like values, so that an engine may send them anywhere:

    op           arguments                                     answer
    shuffle      job, mode, outputs: [[url, kind, label], …]   {"index": url, "gone": why}; no url: nothing to
                                                               index; a reason: outputs are missing
    delete_job   job                                           null
    disk                                                       {"free_bytes": n, "used_bytes": n}
    attempt_log  job, mode, task, attempt                      text, or null: nothing was logged
    attempt_logs job; mode and task, for one task alone        [[mode, task, attempt, bytes], …], in order
    tag_names                                                  [object name, …]: every version this node has
    tag_read     name: `NAME$stamp`                            text, or null
    tag_write    name: `NAME$stamp`, text                      null; kept unfinished
    tag_commit   name: `NAME$stamp`                            url: `disco://…` of the finished file
    tag_delete   name: `NAME$stamp`                            true if it was there, finished or not

A refusal is an OperationError with the reason; the engine turns it into a NodeError.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..model import Mode, Output, OutputKind
from .attempt import find_logs, log_path
from .homes import HomeError, Homes
from .shuffle import ShuffleError, shuffle
from .storage.volumes import Kind, Volumes


class OperationError(Exception):
    """The operation is unknown, its arguments are wrong, or it could not be carried out."""


class Place(Protocol):
    """What an operation works on: a node, or enough of one."""

    @property
    def homes(self) -> Homes: ...
    @property
    def volumes(self) -> Volumes: ...
    def release_job(self, job: str) -> None:
        """End the idle workers of a job."""


Arguments = Mapping[str, Any]
Operation = Callable[[Place, Arguments], Any]


def run_operation(place: Place, op: str, args: Arguments) -> Any:
    """Raises OperationError."""
    operation = OPERATIONS.get(op)
    if operation is None:
        raise OperationError(f"there is no operation {op!r}; there are {', '.join(sorted(OPERATIONS))}")
    try:
        return operation(place, args)
    except KeyError as error:
        raise OperationError(f"argument {error} is missing") from error
    except (OSError, ValueError, TypeError, HomeError, ShuffleError) as error:
        raise OperationError(str(error)) from error


def _shuffle(place: Place, args: Arguments) -> dict[str, str]:
    job = args["job"]
    outputs = [_output(value) for value in args["outputs"]]
    try:
        home, url = place.homes.path(job), place.homes.base_url(job)
        index = shuffle(home, url, Mode(args["mode"]), outputs, args.get("number", 0))
    except ShuffleError as error:
        if not error.gone:
            raise
        return {"index": "", "gone": str(error)}
    return {"index": index, "gone": ""}


def _output(value: Any) -> Output:
    if isinstance(value, Output):  # an engine in this process sends it as it is
        return value
    url, kind, label = value
    return Output(url, OutputKind(kind), label)


def _delete_job(place: Place, args: Arguments) -> None:
    place.release_job(args["job"])
    place.homes.delete(args["job"])


def _disk(place: Place, args: Arguments) -> dict[str, int]:
    disk = place.volumes.disk()
    return {"free_bytes": disk.free_bytes, "used_bytes": disk.used_bytes}


def _attempt_log(place: Place, args: Arguments) -> str | None:
    home = place.homes.path(args["job"])
    path = log_path(home, Mode(args["mode"]), int(args["task"]), int(args["attempt"]))
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("utf-8", "replace")
    return None


def _attempt_logs(place: Place, args: Arguments) -> list[list[Any]]:
    one = (Mode(args["mode"]).value, str(int(args["task"]))) if "mode" in args else ()
    return [list(log) for log in find_logs(place.homes.path(args["job"]), *one)]


def _tag_names(place: Place, args: Arguments) -> list[str]:
    return sorted(place.volumes.names(Kind.TAG))


def _tag_read(place: Place, args: Arguments) -> str | None:
    path = place.volumes.find(Kind.TAG, args["name"])
    return None if path is None else path.read_text("utf-8")


def _tag_write(place: Place, args: Arguments) -> None:
    place.volumes.write_tag(args["name"], args["text"])


def _tag_commit(place: Place, args: Arguments) -> str:
    return place.volumes.url(place.volumes.commit_tag(args["name"]))


def _tag_delete(place: Place, args: Arguments) -> bool:
    return place.volumes.delete(Kind.TAG, args["name"])


OPERATIONS: Mapping[str, Operation] = {
    "shuffle": _shuffle,
    "delete_job": _delete_job,
    "disk": _disk,
    "attempt_log": _attempt_log,
    "attempt_logs": _attempt_logs,
    "tag_names": _tag_names,
    "tag_read": _tag_read,
    "tag_write": _tag_write,
    "tag_commit": _tag_commit,
    "tag_delete": _tag_delete,
}
