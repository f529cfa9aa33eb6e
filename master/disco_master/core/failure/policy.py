"""What a failure means: try again, when, or give up. Numbers and pure functions.

Recoverable failures are retried on another node after a pause that grows with the task's failures:
1 s, 2 s, 3 s, … up to 60 s, each within a quarter more or less. (The original added a random 1 to 30 s
to spread the retries of many tasks; a share of the pause spreads them as well and lets a first retry come
after about a second.)

These end a job: a FATAL; a task that has failed as often as it may (a job's own `max_failures`, else the
master's `max_failure_rate`); a job all of whose tasks together have failed as often as its `max_job_failures`
says; and a failure that is *deterministic*, since another try would only repeat it: the same message from
three different nodes, or three times where just one node can run the task. A job that names its own
`max_failures` has asked for that many tries and gets them: this is how to wait for an input server that
is down for long.

A kill, and a reduce that fails because it was reading from a node that is gone, are nobody's fault: they are
never counted. The loss of the node under a task is not a failure of the task either, but it has a limit of
its own: a task that takes every node down with it would else go through the whole cluster, again and again.
Where several nodes are lost at about the same time the reason lies elsewhere (a switch, a power line, a
master that stood still), and the tasks are excused; but not for ever.
"""

from __future__ import annotations

import hashlib
import re
from random import Random

from ...model import AttemptEnd, Outcome, SchedulerOptions
from ..task import Trouble

MAX_FAILURES_DEFAULT = 10
LOSSES_MAX = 10  # nodes that may be lost under one task
EXCUSES_MAX = 100  # losses of a task that are put down to something else
SAME_TIME_S = 10.0  # nodes lost within this time of each other are lost for one reason
SAME_FAILURE_LIMIT = 3
UNREADABLE_LIMIT = 3  # attempts that can't read what a node holds, before it is made again
REMAKES_MAX = 5  # how often what could not be read is made again before it counts as a failure of the reader
RETRY_STEP_S = 1.0
RETRY_PAUSE_MAX_S = 60.0
RETRY_JITTER = 0.25
OUTPUT_GRACE_S = 30.0  # how long a node may be away before what it holds counts as lost
SEEN_KEPT = 32  # failures of a task that are compared with each other
MESSAGE_KEPT = 16 * 1024  # characters of a failure's message, and of its last words
MESSAGE_SHOWN = 255  # characters of a worker's MSG in the event log

_RUN_SPECIFIC = re.compile(r"0x[0-9a-fA-F]+|\d{4,}")


def retry_pause_s(failures: int, rng: Random) -> float:
    """The pause before the retry that follows the task's `failures`-th failure."""
    pause = min(failures * RETRY_STEP_S, RETRY_PAUSE_MAX_S)
    return pause * rng.uniform(1 - RETRY_JITTER, 1 + RETRY_JITTER)


def is_counted(end: AttemptEnd) -> bool:
    """Whether this end of an attempt is a failure of its task."""
    return end.outcome in (Outcome.FAILED, Outcome.CRASHED, Outcome.ENGINE_ERROR)


def failure_limit(options: SchedulerOptions, max_failure_rate: int) -> int:
    return max_failure_rate if options.max_failures is None else options.max_failures


def fingerprint(end: AttemptEnd) -> bytes:
    """Equal for failures that say the same. Addresses and long numbers (pids, time stamps) don't count."""
    text = f"{end.outcome} {end.signal} {_RUN_SPECIFIC.sub('#', end.message[:MESSAGE_KEPT])}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def is_deterministic(trouble: Trouble, usable_nodes: int) -> bool:
    """Whether the newest failure is one that repeats itself. `usable_nodes` could run the task now."""
    newest = trouble.seen[-1][0]
    nodes = [node for mark, node in trouble.seen if mark == newest]
    if usable_nodes == 1:
        return len(nodes) >= SAME_FAILURE_LIMIT
    return len(dict.fromkeys(nodes)) >= SAME_FAILURE_LIMIT


class Losses:
    """Which nodes were lost of late: whether a loss has a cause that is not the task."""

    def __init__(self) -> None:
        self._latest: dict[str, float] = {}  # node -> when; the latest two nodes, the older one first

    def note(self, node: str, now: float) -> None:
        self._latest.pop(node, None)
        self._latest[node] = now
        if len(self._latest) > 2:
            del self._latest[next(iter(self._latest))]

    def is_excused(self, node: str, now: float, trouble: Trouble | None) -> bool:
        """Whether another node was lost at about the same time, and the task has excuses left."""
        others = [when for name, when in self._latest.items() if name != node]
        return any(now - when <= SAME_TIME_S for when in others) and (
            trouble is None or trouble.excuses < EXCUSES_MAX
        )
