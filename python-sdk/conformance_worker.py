#!/usr/bin/env python3
"""The worker that the conformance sessions play with: every behaviour of conformance/spec/behaviours.md, on
the SDK's own template process, channel, inputs and outputs.

It brings no job: the part of the job name before `@` says what to do, the part after it is an argument. A
conversation that goes wrong here goes wrong for every job that is written in Python.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from disco.error import DiscoError
from disco.protocol.messages import Ping
from disco.schemes import open as open_url
from disco.task import Task
from disco.worker import Worker, boot, current
from disco.worker.inputs import open_indexes

DEFAULT_NUMBER = "3"  # of labels, messages and pings
DEFAULT_SLOW_S = "1"


class Player(Worker):
    """A worker whose tasks do what their job's name says."""

    def run_mode(self, task: Task, job: Any, jobargs: Any) -> None:
        name, _, argument = task.jobname.partition("@")
        if name not in BEHAVIOURS:
            raise DiscoError(f"this worker has no behaviour {name!r}; it knows {', '.join(BEHAVIOURS)}")
        self["save"] = name == "save"
        BEHAVIOURS[name](self, task, argument)

    def lines(self, task: Task) -> Iterator[bytes]:
        """The lines of all inputs; the last one of an input may have no end."""
        label = str(task.taskid) if task.mode == "reduce" else None
        return iter(self.input(task, open=open_indexes(open_url, label)))

    def write(self, task: Task, pieces: Iterable[bytes], label: int | None = None) -> None:
        """Make an output of `pieces`: of type `disco`, or `part` with a label."""
        self.output(task, label).file.write(b"".join(pieces))


def echo(player: Player, task: Task, argument: str) -> None:
    player.write(task, player.lines(task))


def wordcount(player: Player, task: Task, argument: str) -> None:
    counts: Counter[bytes] = Counter()
    for line in player.lines(task):
        if task.mode == "map":
            counts.update(line.split())
        else:
            word, _, count = line.rpartition(b" ")
            counts[word] += int(count)
    player.write(task, (b"%s %d\n" % pair for pair in sorted(counts.items())), label=0)


def split(player: Player, task: Task, argument: str) -> None:
    labels = int(argument or DEFAULT_NUMBER)
    parts: dict[int, list[bytes]] = {}
    for line in player.lines(task):
        for word in line.split():
            parts.setdefault(zlib.crc32(word) % labels, []).append(word + b"\n")
    for label, words in sorted(parts.items()):
        player.write(task, words, label)


def say(player: Player, task: Task, argument: str) -> None:
    for number in range(int(argument or DEFAULT_NUMBER)):
        print(f"line {number} — ünïcode")
    echo(player, task, argument)


def ping(player: Player, task: Task, argument: str) -> None:
    assert current.channel is not None
    for _ in range(int(argument or DEFAULT_NUMBER)):
        current.channel.ask(Ping())
    echo(player, task, argument)


def fail_error(player: Player, task: Task, argument: str) -> None:
    raise OSError("told to fail: café")


def fail_fatal(player: Player, task: Task, argument: str) -> None:
    raise DiscoError("told to fail for good: café")


def crash(player: Player, task: Task, argument: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def noisy(player: Player, task: Task, argument: str) -> None:
    print("a print")
    print('DONE 2 ""')
    os.write(2, b"a warning without end of line")
    echo(player, task, argument)


def slow(player: Player, task: Task, argument: str) -> None:
    time.sleep(float(argument or DEFAULT_SLOW_S))
    echo(player, task, argument)


def spawn_child(player: Player, task: Task, argument: str) -> None:
    subprocess.run(["/bin/sh", "-c", "echo from the child; echo and its errors >&2"], check=True)
    echo(player, task, argument)


def print_bytes(player: Player, task: Task, argument: str) -> None:
    data, _, times = argument.partition("*")
    os.write(1, bytes.fromhex(data) * int(times or 1))
    echo(player, task, argument)


def litter(player: Player, task: Task, argument: str) -> None:
    player.write(task, list(player.lines(task)))
    os.environ["LITTER"] = "left"
    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir("/")


BEHAVIOURS: dict[str, Callable[[Player, Task, str], None]] = {
    "echo": echo, "wordcount": wordcount, "split": split, "say": say, "ping": ping, "fail-error": fail_error,
    "fail-fatal": fail_fatal, "crash": crash, "noisy": noisy, "slow": slow, "spawn-child": spawn_child,
    "print": print_bytes, "litter": litter, "save": echo,
}  # fmt: skip

if __name__ == "__main__":
    boot.main(lambda jobfile: (Player(), None, {}))
