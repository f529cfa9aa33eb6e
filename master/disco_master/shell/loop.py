"""The loop: one thread owns the core and drains a queue of events.

Invariant: whatever a batch of events recorded is committed before any other action of that batch is
carried out, and before anyone who waits for those events is answered. A commit that fails (a full
disk) is tried again until it succeeds: the master stands still rather than forget.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from ..actions import Action, Record
from ..core.master import Core
from ..events import Event, Tick
from ..model import MasterView
from ..store.journal import Journal, JournalError
from ..web.door import Unavailable

BATCH_EVENTS = 1000
ANSWER_TIMEOUT_S = 60.0
COMMIT_RETRY_S = 1.0

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Question:
    """What only the core can say, and no view holds. It must change nothing."""

    ask: Callable[[Core], Any]


Item = tuple[Event | Question, Future[Any] | None]


class Loop:
    """Events in, from any thread; actions out, to `perform`, on the loop's own thread."""

    def __init__(
        self,
        core: Core,
        journal: Journal,
        perform: Callable[[list[Action]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`failed` is told when the core itself breaks: the master can only end, and start again."""
        self._core, self._journal, self._perform, self._failed = core, journal, perform, failed
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._view = core.snapshot()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="core", daemon=True)

    def start(self, first: list[Action]) -> None:
        """Carry out what a restart left to do, then take events."""
        self._settle(first)
        self._thread.start()

    def stop(self) -> None:
        """Handle what is queued, then end. Whoever asks afterwards is refused."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def put(self, event: Event) -> None:
        """Hand over an event; nobody waits for it."""
        self._queue.put((event, None))

    def tell(self, event: Event) -> MasterView:
        """Hand over an event and wait until it is handled and committed."""
        view: MasterView = self._wait_for(event)
        return view

    def ask(self, question: Callable[[Core], Answer]) -> Answer:
        """What the core answers once it has handled all that came before; asked on the loop's own thread."""
        answer: Answer = self._wait_for(Question(question))
        return answer

    def waiting(self) -> int:
        """How many events have not been handled yet."""
        return self._queue.qsize()

    def _wait_for(self, item: Event | Question) -> Any:
        if self._stopping.is_set():
            raise Unavailable("the master is stopping; try again when it is back")
        answer: Future[Any] = Future()
        self._queue.put((item, answer))
        try:
            return answer.result(ANSWER_TIMEOUT_S)
        except TimeoutError:
            reason = f"the master did not get to it in {ANSWER_TIMEOUT_S:.0f} s; try again"
            raise Unavailable(reason) from None

    def view(self) -> MasterView:
        return self._view

    def wait_for_change(self, version: int, timeout_s: float) -> MasterView:
        with self._changed:
            self._changed.wait_for(lambda: self._view.version > version or self._stopping.is_set(), timeout_s)
            return self._view

    def _run(self) -> None:
        try:
            self._drain()
        except Exception as error:
            log.critical("the core broke", exc_info=True)
            self._stopping.set()
            self._failed(error)

    def _drain(self) -> None:
        for batch in self._batches():
            now = time.time()
            actions: list[Action] = []
            for item, _ in batch:
                if not isinstance(item, Question):
                    actions += self._core.handle(item, now)
            self._settle(actions)
            for item, answer in batch:
                if answer is not None:
                    self._answer(item, answer)

    def _answer(self, item: Event | Question, answer: Future[Any]) -> None:
        if not isinstance(item, Question):
            answer.set_result(self._view)
            return
        try:
            answer.set_result(item.ask(self._core))
        except Exception as error:  # the asker's mistake, and no reason to end the master
            answer.set_exception(error)

    def _batches(self) -> Iterator[list[Item]]:
        """Lists of waiting events; a Tick when the core's deadline passes first."""
        while True:
            deadline = self._core.next_deadline()
            try:
                item = self._queue.get(timeout=None if deadline is None else max(0.0, deadline - time.time()))
            except queue.Empty:
                yield [(Tick(), None)]
                continue
            batch = []
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH_EVENTS:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            yield batch
            if item is None:
                return

    def _settle(self, actions: list[Action]) -> None:
        """Commit, carry out, publish: in this order."""
        records = [action for action in actions if isinstance(action, Record)]
        if records:
            self._commit(records)
        self._perform([action for action in actions if not isinstance(action, Record)])
        with self._changed:
            self._view = self._core.snapshot()
            self._changed.notify_all()

    def _commit(self, records: list[Record]) -> None:
        while True:
            try:
                self._journal.append(records)
                return
            except JournalError as error:
                if self._stopping.is_set():
                    raise
                log.error("journal: %s; trying again in %.0f s", error, COMMIT_RETRY_S)
                self._stopping.wait(COMMIT_RETRY_S)
