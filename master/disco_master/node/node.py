"""One node: its slots, each a long-lived thread that drives one worker process at a time.

Attempts wait in one line; an idle slot is woken to claim one. Woken first is a slot whose parked worker
belongs to the same job, then an empty one, then one whose parked worker has to go. A slot claims what suits
its parked worker before anything else.

Invariant: each attempt that was launched is reported ended once, whatever becomes of its worker, its slot or
the node.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import deque
from typing import Protocol

from ..model import AttemptEnd, Outcome, TaskSpec
from .attempt import Attempt
from .config import NodeConfig
from .homes import HomeError, Homes
from .process import ProgramError
from .session_driver import SessionDriver
from .storage.volumes import Volumes
from .warden import Warden

END_S = 5.0  # for the slots to end their attempts, and then their threads
DISPLACE_S = 1.0  # for a parked worker to exit when a worker of another job needs its slot
_log = logging.getLogger(__name__)


class AttemptEvents(Protocol):
    """What a node tells its engine, from the slots' threads. Each call returns at once and never raises."""

    def attempt_started(self, attempt: int, pid: int) -> None: ...
    def attempt_message(self, attempt: int, seq: int, text: str) -> None: ...
    def attempt_ended(self, node: str, spec: TaskSpec, end: AttemptEnd) -> None: ...


class Node:
    """Call `start` first and `stop` last; all else from any thread."""

    def __init__(self, config: NodeConfig, events: AttemptEvents) -> None:
        self.config, self.events = config, events
        self.homes = Homes(config.disco_data, config.name, config.fetch)
        self.volumes = Volumes(config.ddfs_data, config.name)
        self.warden = Warden()
        self.closing = False
        self._lock = threading.Lock()
        self._all_ended = threading.Condition(self._lock)
        self._attempts: dict[int, Attempt] = {}  # launched and not reported ended
        self._line: deque[Attempt] = deque()  # not claimed by a slot
        self._refusing: tuple[Outcome, str] | None = None  # how new attempts end
        self._slots = [Slot(self, number) for number in range(config.slots)]

    def start(self) -> None:
        """Raises OSError when the data directories can't be used."""
        self.homes.root.mkdir(parents=True, exist_ok=True)
        self.homes.clear_leftovers()
        self.volumes.list()
        self.warden.start()
        for slot in self._slots:
            slot.start()

    def stop(self, grace_s: float, outcome: Outcome, reason: str) -> None:
        """Take no more attempts, give those that are here `grace_s`, then end them with `outcome`."""
        with self._lock:
            self._refusing = (outcome, reason)
            self._all_ended.wait_for(lambda: not self._attempts, grace_s)
            left = list(self._attempts.values())
        for attempt in left:
            attempt.stop(outcome, reason)
        with self._lock:
            self._all_ended.wait_for(lambda: not self._attempts, END_S)
        for attempt in left:  # a slot may hang in a call of the kernel's; its attempt must not
            attempt.settle(AttemptEnd(outcome, reason))
        self.closing = True
        for slot in self._slots:
            slot.wake()
        for slot in self._slots:
            slot.join(END_S)
        self.warden.stop()  # kills what a stuck slot may have left

    def launch(self, spec: TaskSpec) -> None:
        attempt = Attempt(spec, self._settled)
        with self._lock:
            refusing = self._refusing
            self._attempts[spec.attempt] = attempt
            if refusing is None:
                self._line.append(attempt)
                self._wake_best(spec.job)
        if refusing is not None:
            attempt.stop(*refusing)

    def attempts(self) -> list[TaskSpec]:
        """Those that were launched and have not been reported ended."""
        with self._lock:
            return [attempt.spec for attempt in self._attempts.values()]

    def widen(self, slots: int) -> None:
        """Have at least so many slots. The master never sends more attempts than it wants to run."""
        with self._lock:
            added = [Slot(self, number) for number in range(len(self._slots), slots)]
            if self._refusing is None:
                self._slots += added
                for slot in added:
                    slot.start()

    def kill(self, attempt: int, reason: str) -> None:
        """An attempt that is not here has ended; that report is on its way."""
        with self._lock:
            found = self._attempts.get(attempt)
        if found is not None:
            found.stop(Outcome.KILLED, reason)

    def release_job(self, job: str) -> None:
        """Let the workers of a job go, now if they are parked, else when their attempt ends."""
        self.homes.forget(job)
        with self._lock:
            for slot in self._slots:
                if slot.job == job:
                    slot.releasing = True
                    slot.wake()

    def claim(self, slot: Slot, parked_job: str | None) -> Attempt | None:
        """What `slot` shall do next, given its parked worker. None: it is idle now, and will be woken."""
        with self._lock:
            best = None
            for attempt in self._line:
                if attempt.stopped is None and (best is None or attempt.spec.job == parked_job):
                    best = attempt
                    if attempt.spec.job == parked_job:
                        break
            if best is None:
                self._line.clear()  # all of them were stopped while they waited
            else:
                self._line.remove(best)
            job = parked_job if best is None else best.spec.job
            if job != slot.job:
                slot.job, slot.releasing = job, False
            slot.idle = best is None
        return best

    def leave(self, slot: Slot) -> None:
        """`slot` is busy with itself: don't wake it for an attempt."""
        with self._lock:
            slot.idle = False

    def _wake_best(self, job: str) -> None:
        def fit(slot: Slot) -> int:
            return 0 if slot.job == job else 1 if slot.job is None else 2

        best = min((slot for slot in self._slots if slot.idle), key=fit, default=None)
        if best is not None:
            best.idle = False  # the next attempt wakes another
            best.wake()

    def _settled(self, attempt: Attempt, end: AttemptEnd) -> None:
        self.events.attempt_ended(self.config.name, attempt.spec, end)
        with self._lock:
            self._attempts.pop(attempt.spec.attempt, None)
            self._all_ended.notify_all()


class Slot(threading.Thread):
    """Carries out one attempt after the other.

    `idle`, `job` (whose worker it runs or has parked) and `releasing` are written under the node's lock.
    """

    def __init__(self, node: Node, number: int) -> None:
        super().__init__(name=f"{node.config.name}-slot-{number}", daemon=True)
        self.idle = False
        self.job: str | None = None
        self.releasing = False
        self._node = node
        self._driver: SessionDriver | None = None
        self._park_until = 0.0
        self._wake_lock = threading.Lock()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def wake(self) -> None:
        with self._wake_lock:
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    def run(self) -> None:
        while not self._node.closing:
            attempt = self._node.claim(self, self._driver.home.job if self._driver else None)
            if attempt is None:
                self._idle()
            else:
                self._carry_out(attempt)
        self._drop_driver(DISPLACE_S)
        with self._wake_lock:
            os.close(self._wake_fd)
            self._wake_fd = -1

    def _idle(self) -> None:
        """Until the slot is woken, or its parked worker is of no more use."""
        if self._driver is None:
            poll = select.poll()
            poll.register(self._wake_fd, select.POLLIN)
            poll.poll()
            os.eventfd_read(self._wake_fd)
        elif self.releasing or not self._driver.wait_parked(self._park_until):
            self._node.leave(self)
            self._drop_driver(self._node.config.limits.exit_s)

    def _carry_out(self, attempt: Attempt) -> None:
        try:
            end = self._attempt(attempt)
        except (HomeError, ProgramError, OSError) as error:
            self._drop_driver(0.0)
            lasting = isinstance(error, ProgramError) or (isinstance(error, HomeError) and error.lasting)
            end = AttemptEnd(Outcome.ENGINE_ERROR, str(error), fatal=lasting)
        except Exception as error:  # a fault of ours must not cost the node its slot
            _log.exception("attempt %d of %s", attempt.spec.attempt, attempt.spec.job)
            self._drop_driver(0.0)
            end = AttemptEnd(Outcome.ENGINE_ERROR, f"the node failed: {error!r}")
        if end is not None:
            attempt.settle(end)

    def _attempt(self, attempt: Attempt) -> AttemptEnd | None:
        """None: it was stopped before a worker had it."""
        node, spec = self._node, attempt.spec
        if self._driver is not None and self._driver.home.job != spec.job:
            self._drop_driver(DISPLACE_S)
        if self._driver is None:
            home = node.homes.open(spec.job)
            self._driver = SessionDriver(
                home, node.config, self._wake_fd, node.warden, node.events.attempt_message
            )
        driver = self._driver
        if not attempt.start(self.wake):
            if not driver.parked:
                self._drop_driver(0.0)
            return None
        node.events.attempt_started(spec.attempt, driver.pid)
        end = driver.run(attempt)
        if end.outcome is not Outcome.DONE:
            driver.home.remove_unfinished(spec.mode, spec.task)
        if driver.parked:
            self._park_until = time.monotonic() + node.config.limits.park_s
        else:
            self._driver = None
        return end

    def _drop_driver(self, grace_s: float) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.release(grace_s)
