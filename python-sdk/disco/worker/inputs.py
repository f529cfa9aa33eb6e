"""Inputs of a task: which there are, where their replicas lie, and reading on when a replica fails.

An input is read from its best replica. When that fails in the middle, the next replica is read from the
record after the last one delivered, so the reader of the records never notices. Who knows the replicas
is a `Replicas`: on a client a list of URLs, in a task a talk with Disco (`TaskReplicas`).
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, compress, count, islice
from typing import TYPE_CHECKING, Any

from ..error import DataError
from ..protocol.messages import InputErr, InputReply, InputRequest, Retry, Wait
from .failures import DATA_FAULTS

if TYPE_CHECKING:
    from ..task import Task
    from .channel import Channel

FIRST_PAUSE_S = 0.1  # between two polls for inputs that are still being made
LONGEST_PAUSE_S = 5.0

Open = Callable[[str], Iterable[Any]]


class Replicas:
    """The places of one input, best first."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._left = list(enumerate(urls))
        self.made_anew = False  # what `best` names now is not a copy of what was read before

    def best(self) -> str:
        """The URL to read next. Raises DataError when none is left."""
        if not self._left:
            raise DataError("Exhausted all available replicas", "an input without URLs")
        return self._left[0][1]

    def urls(self) -> list[str]:
        """The places that are left, best first."""
        return [url for _, url in self._left]

    def failed(self, error: Exception) -> None:
        """Cross the best one off, because of `error`. Raises DataError when no other is left."""
        _, url = self._left.pop(0)
        if not self._left:
            raise DataError(f"Exhausted all available replicas; the last one: {error}", url) from error


class TaskReplicas(Replicas):
    """The replicas of input `input_id` of the running task, as Disco knows them."""

    def __init__(self, channel: Channel, input_id: int, replicas: Iterable[tuple[int, str]]) -> None:
        super().__init__(())
        self._channel = channel
        self.id = input_id
        self._left = list(replicas)

    def failed(self, error: Exception) -> None:
        tried = self._left[:1]  # none, when none was listed
        url = tried[0][1] if tried else f"input {self.id}"
        reply = self._channel.ask(InputErr(self.id, tuple(replica_id for replica_id, _ in tried)))
        if isinstance(reply, Retry) and reply.replicas:
            self._left = list(reply.replicas)
        elif isinstance(reply, Wait):
            time.sleep(reply.seconds)
            self._left = self._wait_until_made()
            self.made_anew = True
        else:
            raise DataError(f"Exhausted all available replicas; the last one: {error}", url) from error

    def _wait_until_made(self) -> list[tuple[int, str]]:
        pauses = _pauses()
        while True:
            reply = self._channel.ask(InputRequest("include", (self.id,)))
            for entry in reply.inputs:
                if entry.status == "failed":
                    raise DataError("Disco could not make this input again", f"input {entry.id}")
                if entry.status == "ok" and entry.replicas:
                    return list(entry.replicas)
            time.sleep(next(pauses))


def task_inputs(channel: Channel) -> Iterator[TaskReplicas]:
    """The inputs of the running task, each as soon as it can be read. Raises DataError for a failed one."""
    seen: list[int] = []
    pauses = _pauses()
    while True:
        request = InputRequest("exclude", tuple(seen)) if seen else InputRequest()
        reply: InputReply = channel.ask(request)
        is_waiting = reply.more
        is_new = False
        for entry in reply.inputs:
            if entry.id in seen:
                continue
            if entry.status == "failed":
                raise DataError("Disco has no replica of this input left", f"input {entry.id}")
            if entry.status == "busy":
                is_waiting = True
                continue
            seen.append(entry.id)
            is_new = True
            yield TaskReplicas(channel, entry.id, entry.replicas)
        if not is_waiting:
            return
        if is_new:
            pauses = _pauses()
        else:
            time.sleep(next(pauses))


def _pauses() -> Iterator[float]:
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def read_input(replicas: Replicas, open: Open) -> Iterator[Any]:
    """The records of one input, whatever happens to its replicas. Raises DataError when all failed."""
    delivered = 0
    while True:
        taken = count(1)
        opened: Any = None
        try:
            opened = open(replicas.best())
            records = iter(opened)
            if delivered:
                _skip(records, delivered)
            # counting in C: a selector is drawn for each record, after the record
            yield from compress(records, taken)
            return
        except DATA_FAULTS as error:
            delivered += next(taken) - 1
            replicas.failed(error)
            if replicas.made_anew and delivered:
                raise DataError(
                    f"this input was lost after {delivered} of its records had been read, and made again",
                    replicas.best(),
                ) from error
        finally:
            close_quietly(opened)


def read_all(urls: Iterable[str], open: Open) -> Iterator[Any]:
    """The records of files one after another, each closed after it."""
    for url in urls:
        opened = open(url)
        try:
            yield from opened
        finally:
            close_quietly(opened)


def open_indexes(open_one: Open, label: str | None) -> Open:
    """`open_one`, which opens the outputs in an index too: those of `label`, or all."""

    def open_any(url: str) -> Iterable[Any]:
        if not url.startswith("dir://"):
            return open_one(url)
        from ..schemes.scheme_dir import parse_dir

        return read_all(parse_dir(url, label), open_one)

    return open_any


def close_quietly(opened: Any) -> None:
    """Close what an `open` returned, if it can be closed; nothing is lost when that fails."""
    close = getattr(opened, "close", None)
    if close is not None:
        with suppress(Exception):
            close()


def _skip(records: Iterator[Any], number: int) -> None:
    skipped = sum(1 for _ in islice(records, number))
    if skipped < number:
        raise DataError(f"this replica has {skipped} records; another one had at least {number}", "a replica")


class Input:
    """An iterable over the records of one or more inputs, which survives failing replicas.

    `input` is a URL or a sequence of inputs, each a URL, a list of replica URLs, or a `Replicas`. `open`
    takes a URL and returns a file or any other iterable of records.
    """

    def __init__(self, input: Any, task: Task | None = None, open: Open | None = None, **kwds: Any) -> None:
        if kwds:
            raise TypeError(f"{type(self).__name__} knows no {', '.join(sorted(kwds))}")
        self.inputs: Iterable[Any] = [input] if isinstance(input, str) else input
        self.task = task
        self.open: Open = open or _open_file

    def replicas(self) -> Iterator[Replicas]:
        """The inputs, each with its replicas."""
        for one in self.inputs:
            if isinstance(one, Replicas):
                yield one
            else:
                yield Replicas([one] if isinstance(one, str) else one)

    def fetch(self, replicas: Replicas) -> Iterator[Any]:
        """The records of one input. Raises DataError when all of its replicas failed."""
        return read_input(replicas, self.open)

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(map(self.fetch, self.replicas()))


class SerialInput(Input):
    """Produces an iterator over the records in a list of sequential inputs."""


class ParallelInput(Input):
    """Produces an iterator over the records of a set of inputs, in no order that may be relied on.

    In a task, inputs that are still being made are read last.
    """


class MergedInput(Input):
    """Produces an iterator over the minimal head elements of the inputs, each of which must be sorted."""

    def __iter__(self) -> Iterator[Any]:
        return heapq.merge(*map(self.fetch, self.replicas()))


def _open_file(url: str) -> Iterable[Any]:
    from ..schemes import open as open_url

    file: Iterable[Any] = open_url(url)
    return file
