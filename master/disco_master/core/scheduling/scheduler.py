"""Who gets the next free slot.

*fair* (the default) gives it to the job with the fewest tasks in flight, so that jobs have equal shares;
among equals, to the one that has waited longest since it last got one. A job of long tasks that has the
whole cluster gives way as its tasks end, since every slot that comes free goes to the others until the
shares are equal. *fifo* gives it to the oldest job. A job below its `max_cores`, with a task waiting, is
*runnable*, and only those are looked at. The task is chosen only now that there is a slot (late binding), so
no slot stays idle while a task that may use it waits.

The runnable jobs are kept in a sorted list: a decision is a binary search, not a pass over all jobs.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Literal

from ..job import Job
from ..task import Task
from .free import FreeNodes

Kind = Literal["fair", "fifo"]
Key = tuple[int, int, int]


class Scheduler:
    def __init__(self, kind: Kind = "fair") -> None:
        if kind not in ("fair", "fifo"):
            raise ValueError(f"unknown scheduler {kind!r}: it is 'fair' or 'fifo'")
        self._kind = kind
        self._order: list[Key] = []
        self._keys: dict[int, Key] = {}  # job number -> its key in the order
        self._jobs: dict[int, Job] = {}
        self._turn = 0
        self._changes = 0  # how often a runnable job has changed
        self._exhausted = (-1, -1)  # changes of jobs and of nodes when nothing was left to decide
        self.steps = 0  # jobs looked at so far: the cost of the decisions

    def place(self, job: Job) -> None:
        """Something about the job has changed: put it where it belongs in the order, or take it out."""
        key = self._key(job) if job.is_runnable() else None
        if key is not None:
            self._changes += 1
        old = self._keys.get(job.number)
        if key == old:
            return
        if old is not None:
            del self._order[bisect_left(self._order, old)]
            del self._keys[job.number], self._jobs[job.number]
        if key is not None:
            insort(self._order, key)
            self._keys[job.number], self._jobs[job.number] = key, job

    def choose(self, free: FreeNodes) -> tuple[Job, Task, str] | None:
        """The next job to be served, its task, and the free node for it. The task waits no more.

        None if no waiting task may run on any of the nodes. This is remembered until a job or node changes.
        """
        now = (self._changes, free.mark)
        if not free or now == self._exhausted:
            return None
        for key in self._order:
            self.steps += 1
            job = self._jobs[key[2]]
            phase = job.open_phase()
            taken = phase.waiting.take(free) if phase else None
            if taken:
                self._turn += 1
                job.served = self._turn
                return job, *taken
        self._exhausted = now
        return None

    def _key(self, job: Job) -> Key:
        if self._kind == "fifo":
            return (0, 0, job.number)
        return (job.in_flight, job.served, job.number)
