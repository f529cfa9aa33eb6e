"""Backup attempts: a second try of a task whose first one takes suspiciously long.

Only for a job that asks for them, and only when its phase is near its end: nothing waits any more and most
tasks are done, so the slots would be idle, and one slow node would hold up the whole job. A *straggler* is
a task that has run twice as long as the median of those that are done. The first of the two attempts to
finish counts; the other is killed, and what it wrote is nobody's.

Invariant: `_single` holds the running tasks that have one attempt, the oldest first.
"""

from __future__ import annotations

from bisect import insort

NEAR_END = 0.75  # the part of a phase that must be done
SLOWNESS = 2.0  # times the median that a task may take before it gets a backup
SOONEST_S = 5.0  # no backup before a task has run for so long: shorter ones are not worth it
DONE_MIN = 3  # below, the median says nothing


class Stragglers:
    """Of one phase. Times in seconds, on the core's clock."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._times: list[float] = []  # of the attempts that finished, sorted
        self._single: dict[int, float] = {}

    def started(self, task: int, now: float, attempts: int) -> None:
        """An attempt has started: it is the task's only one, or its second."""
        if attempts == 1:
            self._single[task] = now
        else:
            self._single.pop(task, None)

    def ended(self, task: int) -> None:
        """The attempts of the task count no more."""
        self._single.pop(task, None)

    def finished(self, seconds: float) -> None:
        insort(self._times, seconds)

    def overdue(self, now: float, done: int) -> tuple[list[int], float | None]:
        """The stragglers now, the slowest first, and when there will be one more, if nothing else happens."""
        if len(self._times) < DONE_MIN or done < self._count * NEAR_END:
            return [], None
        allowed = max(SOONEST_S, SLOWNESS * self._times[len(self._times) // 2])
        late: list[int] = []
        for task, since in self._single.items():
            if since + allowed > now:
                return late, since + allowed
            late.append(task)
        return late, None
