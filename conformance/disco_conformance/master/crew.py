"""The workers of one job, and when each may go on.

What a session shows about several workers must not hang on who is quick. So the crowd says nothing until
the session's worker has its TASK, the session's worker does nothing until every other has its own, and those
wait, in the middle of their conversations, until the session comes to `others end`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from disco_conformance.master.results import Done
from disco_conformance.play.channel import Deadline
from disco_conformance.play.result import TIMEOUT, Failed
from disco_conformance.session.model import Others, Session, walk

GATHER_S = 45.0
EARLY, REMAKE = "early-reduce", "remake"


class Crew:
    def __init__(self, session: Session, limit: Deadline, patience: float = 1.0) -> None:
        job, head = session.head.job, session.head
        self.two_phases = job.has_map and job.has_reduce
        self._crowd = job.crowd
        self._waits = any(isinstance(step, Others) for step in walk(session.steps))
        self._maps = len(head.inputs) * (2 if REMAKE in head.needs else 1)
        self._early = EARLY in head.needs
        self.limit, self.patience = limit, patience
        self._turn = threading.Condition()
        self._claimed = self._begun = self._released = False
        self._given = 0
        self.done: list[Done] = []

    @property
    def claimed(self) -> bool:
        return self._claimed

    def claim(self) -> bool:
        """Whether the one who asks plays the session: the first."""
        with self._turn:
            first, self._claimed = not self._claimed, True
        return first

    def finished(self, tasks: Sequence[Done]) -> None:
        with self._turn:
            self.done.extend(tasks)
            self._turn.notify_all()

    def session_has_task(self) -> None:
        """Raises Failed when the others were not started beside it."""
        with self._turn:
            self._begun = True
            self._turn.notify_all()
            if self.two_phases or not self._waits:
                return
            self._turn.wait_for(
                lambda: self._given >= self._crowd or self._released, GATHER_S * self.patience
            )
            if self._given < self._crowd and not self._released:
                reason = f"{self._given} of {self._crowd} other workers were started: each needs a slot"
                raise Failed(reason, verdict=TIMEOUT)

    def session_is_over(self) -> None:
        with self._turn:
            self._begun = self._released = True
            self._turn.notify_all()

    def other_may_begin(self) -> None:
        if self._waits and not self.two_phases:
            with self._turn:
                self._turn.wait_for(lambda: self._begun, self.limit.left)

    def other_has_task(self) -> None:
        with self._turn:
            self._given += 1
            self._turn.notify_all()
            if self._waits and (self._claimed or self._early):
                self._turn.wait_for(lambda: self._released, self.limit.left)

    def others_end(self, limit: Deadline) -> bool:
        """Lets the others go on, and waits for them."""
        with self._turn:
            self._released = True
            self._turn.notify_all()
            return self._turn.wait_for(self._all_others, limit.left)

    def _all_others(self) -> bool:
        maps = [task for task in self.done if task.info.get("mode") == "map"]
        return len(maps) >= (self._maps if self.two_phases else self._crowd)
