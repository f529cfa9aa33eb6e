"""Job functions that the tests send to real workers. Imports nothing that is slow."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from disco.core import Job
from disco.error import DataError
from disco.job import SimpleJob
from disco.util import kvgroup
from disco.worker.classic import worker as classic_worker
from disco.worker.classic.external import package
from disco.worker.classic.func import chain_reader
from disco.worker.classic.worker import this_host, this_inputs, this_master, this_name, this_partition

Pair = tuple[Any, Any]


def words(line: bytes, params: Any) -> Iterator[Pair]:
    for word in line.split():
        yield word, 1


def count_sorted(iter: Iterable[Pair], params: Any) -> Iterator[Pair]:
    for word, counts in kvgroup(sorted(iter)):
        yield word, sum(counts)


def count_grouped(iter: Iterable[Pair], params: Any) -> Iterator[Pair]:
    for word, counts in kvgroup(iter):
        yield word, sum(counts)


def count_added(iter: Iterable[Pair], out: Any, params: Any) -> None:
    found: dict[Any, int] = {}
    for key, value in iter:
        found[key] = found.get(key, 0) + value
    for key, value in found.items():
        out.add(key, value)


def values_in_order(iter: Iterable[Pair], params: Any) -> Iterator[Pair]:
    for key, values in kvgroup(iter):
        yield key, list(values)


def all_pairs(iter: Iterable[Pair], params: Any) -> Iterator[Pair]:
    yield from iter


def evaluated(line: bytes, params: Any) -> Iterator[Pair]:
    """Each line is a Python expression for a list of pairs."""
    yield from eval(line)


def entry_itself(entry: Any, params: Any) -> Iterator[Pair]:
    yield entry, type(entry).__name__


def about_task(entry: bytes, params: Any) -> Iterator[Pair]:
    yield this_name(), (this_host(), this_master(), this_partition(), this_inputs())


def count_calls(entry: bytes, params: Any) -> Iterator[Pair]:
    params.seen = getattr(params, "seen", 0) + 1
    yield "seen", params.seen


def skip_two(input_iter: Iterator[Any], params: Any) -> None:
    next(input_iter)
    next(input_iter)
    params.seen = 100


def two_at_a_time(key: Any, value: Any, buffer: dict[Any, Any], done: bool, params: Any) -> Any:
    """Gives pairs out whenever the buffer holds two keys."""
    if done:
        return list(buffer.items())
    buffer[key] = buffer.get(key, 0) + value
    if len(buffer) == 2:
        out = list(buffer.items())
        buffer.clear()
        return out
    return None


def by_length(key: Any, nr_partitions: int, params: Any) -> int:
    return len(key) % nr_partitions


def out_of_range(key: Any, nr_partitions: int, params: Any) -> int:
    return nr_partitions


def upper_reader(fd: Any, size: int | None, url: str, params: Any) -> Iterator[str]:
    for line in fd:
        yield line.upper()


def reader_without_params(fd: Any, size: int | None, url: str) -> Iterator[tuple[str, int | None, bytes]]:
    yield url, size, fd.read()


class TagOutput:
    """An output stream that writes lines of its own."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def add(self, key: Any, value: Any) -> None:
        self.stream.write(f"{key!r}={value!r}\n".encode())

    def close(self) -> None:
        self.stream.write(b"end\n")


def line_output(stream: Any, partition: str | None, url: str, params: Any) -> TagOutput:
    return TagOutput(stream)


def prints(entry: bytes, params: Any) -> Iterator[Pair]:
    import warnings

    print("one\ntwo")
    print("no newline", end="")
    print("on stderr", file=sys.stderr)
    warnings.warn("a warning of mine", stacklevel=1)
    print("\udc80 half a character")
    sys.stdout.flush()
    os.write(1, b"from a file descriptor\n")
    os.system("echo from a child process; echo its complaint >&2")
    yield "done", 1


def fails(entry: bytes, params: Any) -> Iterator[Pair]:
    """Fails in the way that its input names."""
    how = entry.decode().strip()
    if how == "value":
        inner(0)
    elif how == "data":
        raise DataError("the data is gone", "http://somewhere/else")
    elif how == "memory":
        raise MemoryError
    elif how == "disk":
        raise OSError(28, "No space left on device")
    elif how == "exit":
        sys.exit(3)
    elif how == "interrupt":
        raise KeyboardInterrupt
    elif how == "recursion":
        endless(0)
    elif how == "ping":
        pong(0)
    elif how == "gone":
        os._exit(0)
    elif how == "surrogate":
        raise ValueError("bad \udcff text")
    elif how == "abort":
        os.write(2, b"about to die\n")
        os.abort()
    elif how == "_exit":
        os._exit(7)
    elif how == "broken":
        raise BrokenError
    yield how, 1


def misshapen(entry: bytes, params: Any) -> Any:
    how = entry.decode().strip()
    if how == "own":
        raise TypeError("my own")
    return {"number": [7], "triple": [(1, 2, 3)], "nothing": None}[how]


def tells_where_ddfs_is(entry: bytes, params: Any) -> Iterator[Pair]:
    from disco.ddfs import DDFS

    print(DDFS().master, DDFS().settings.port)
    yield "k", "v"


def moves_away(entry: bytes, params: Any) -> Iterator[Pair]:
    os.chdir("/")
    yield "k", "v"


def ping(depth: int) -> int:
    return pong(depth + 1)


def pong(depth: int) -> int:
    return ping(depth + 1)


def inner(number: int) -> float:
    return 1 / number if number else 1 // number


def endless(depth: int) -> int:
    return endless(depth + 1) + 1


class BrokenError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def puts(entry: bytes, params: Any) -> Iterator[Pair]:
    from disco.worker.classic.worker import put

    put("key", b"value")
    yield "put", 1


def uses_global_module(entry: bytes, params: Any) -> Iterator[Pair]:
    yield "pi", math.floor(3.9)  # type: ignore[name-defined]  # noqa: F821 - required_modules brings it


def reads_files(entry: bytes, params: Any) -> Iterator[Pair]:
    yield Path("words.txt").read_text(), Path("lib/words.txt").read_text()


class Grep(Job):
    """The documents' example of a subclass: parameters are attributes."""

    params = "b"
    partitions = None

    @staticmethod
    def map_reader(fd: Any, size: int | None, url: str, params: Any) -> Iterator[Pair]:
        for line in fd:
            if params in line:
                yield url, line

    @staticmethod
    def map(entry: Any, params: Any) -> Iterator[Pair]:
        yield entry


class Methods(Job):
    """Job functions that are methods."""

    partitions = 2
    sort = True
    map_reader = staticmethod(chain_reader)
    factor = 10

    def map(self, pair: Pair, params: Any) -> Iterator[Pair]:
        yield pair[0], pair[1] * self.factor

    def reduce(self, iter: Iterable[Pair], out: Any, params: Any) -> None:
        for key, values in kvgroup(iter):
            out.add(key, sum(values))


REMEMBERED: list[int] = []


def remembers(entry: bytes, params: Any) -> Iterator[Pair]:
    REMEMBERED.append(1)
    os.write(1, b"raw output\n")
    yield "remembered", len(REMEMBERED)


def fails_at_the_end(entry: bytes, params: Any) -> Iterator[Pair]:
    yield "k", "v"
    raise ValueError("too late")


def where_from(entry: bytes, params: Any) -> Iterator[Pair]:
    import cloudpickle

    import disco

    yield disco.__file__, cloudpickle.__file__


def saves(entry: bytes, params: Any) -> Iterator[Pair]:
    yield entry, 1


def killed_at_the_end(entry: bytes, params: Any) -> Iterator[Pair]:
    yield "k", "v"
    os.kill(os.getpid(), 9)


def words_as_text(line: bytes, params: Any) -> Iterator[Pair]:
    for word in line.split():
        yield word, "1"


def read_two_pairs(stream: Any, size: int | None, url: str) -> Iterator[Any]:
    yield "K", "a-b"
    yield b"c"


class External(Job):
    """Counts words by a program."""

    map = package([Path(__file__).with_name("external_op.py")])
    reduce = map


def process_number(entry: bytes, params: Any) -> Iterator[Pair]:
    yield entry, os.getpid()


class Upper(SimpleJob):
    """Its tasks do everything themselves."""

    def map(self, worker: Any, task: Any, **jobargs: Any) -> None:
        print(f"{task.mode}:{task.taskid}")
        output = worker.output(task, partition=0)
        for line in worker.input(task):
            output.file.write(line.upper() + jobargs["ending"])

    def reduce(self, worker: Any, task: Any, **jobargs: Any) -> None:
        output = worker.output(task)
        for line in worker.input(task):
            output.file.write(line)


def uses_requirement(entry: bytes, params: Any) -> Iterator[Pair]:
    import json

    import shipped_top  # type: ignore[import-not-found]

    yield shipped_top.VALUE, hasattr(json, "dumps")


def forks_and_prints(entry: bytes, params: Any) -> Iterator[Pair]:
    pid = os.fork()
    if pid == 0:
        print("from the child")
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print("from the parent")
    yield "child ended with", os.waitstatus_to_exitcode(status)


def forks_and_comes_back(entry: bytes, params: Any) -> Iterator[Pair]:
    """The child goes on as if it were the task."""
    pid = os.fork()
    if pid == 0:
        if params == "raise":
            raise ValueError
        yield "from the child", 0
        return
    _, status = os.waitpid(pid, 0)
    yield "child ended with", os.waitstatus_to_exitcode(status)


class NotingWorker(classic_worker.Worker):
    """Notes the steps of its task."""

    noted: list[str] = []  # noqa: RUF012 - a task has a process of its own

    def start(self, task: Any, job: Any, **jobargs: Any) -> None:
        self.noted.append(f"start {task.mode}:{task.taskid}")
        super().start(task, job, **jobargs)

    def run(self, task: Any, job: Any, **jobargs: Any) -> None:
        self.noted.append(f"run {task.mode}:{task.taskid}")
        super().run(task, job, **jobargs)

    def end(self, task: Any, job: Any, **jobargs: Any) -> None:
        self.noted.append(f"end {task.mode}:{task.taskid}")
        super().end(task, job, **jobargs)


def what_was_noted(entry: bytes, params: Any) -> Iterator[Pair]:
    yield "noted", list(NotingWorker.noted)


def upper_stream(stream: Any, size: int | None, url: str, params: Any) -> Any:
    return io.BytesIO(stream.read().upper()), size, url


def doubled_stream(stream: Any, size: int | None, url: str, params: Any) -> Iterator[Any]:
    for pair in stream:
        yield pair
        yield pair
