"""The master under test: the real core, its journal, and a process that may end at any instant.

An event is handled as the shell does it: the core decides, its records are committed, its other orders are
carried out, whoever waits is answered. A crash may come before the commit, after it, or between any two
orders; what was not committed is gone, what was committed is what the next start has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from simulation.ledger import Ledger

from disco_master.actions import Action, DeleteJob, Record
from disco_master.core.master import Core
from disco_master.events import Event

MakeCore = Callable[[], Core]


class Master:
    def __init__(
        self,
        make_core: MakeCore,
        ledger: Ledger,
        obey: Callable[[Action], None],
        decided: Callable[[Event, Sequence[Action]], None],
    ) -> None:
        """`obey` sees every action, the records too, once it is certain that it happens.

        `decided` sees before that what the master was told, and all that follows.
        """
        self._make_core, self.ledger, self._obey, self._decided = make_core, ledger, obey, decided
        self.core: Core | None = None
        self._crash_after: int | None = None  # orders that are still carried out
        self._before_commit = False
        self.crashes = 0

    @property
    def is_up(self) -> bool:
        return self.core is not None

    def start(self, now: float) -> None:
        core = self._make_core()
        for event, when in self.ledger.replay():
            core.restore(event, when)
        self.core = core
        self._settle(core.resume(now))

    def doom(self, orders: int | None) -> None:
        """The process ends at the next event: after that many orders, or (None) before its commit."""
        self._before_commit, self._crash_after = orders is None, orders or 0

    @property
    def is_doomed(self) -> bool:
        return self._before_commit or self._crash_after is not None

    def handle(self, event: Event, now: float) -> bool:
        """Whether whoever sent the event is answered."""
        assert self.core is not None
        actions = self.core.handle(event, now)
        if not self._before_commit:
            self._decided(event, actions)
        return self._settle(actions)

    def _settle(self, actions: list[Action]) -> bool:
        if self._before_commit:
            self._end()
            return False
        records = [action for action in actions if isinstance(action, Record)]
        if records:
            self.ledger.append(records)
        orders = [action for action in actions if not isinstance(action, Record)]
        for action in (*records, *islice(orders, self._crash_after)):
            self._obey(action)
            if isinstance(action, DeleteJob):
                self.ledger.forget(action.job)
        if self._crash_after is not None:
            self._end()
            return False
        return True

    def _end(self) -> None:
        self.core, self._before_commit, self._crash_after = None, False, None
        self.crashes += 1
        self.ledger.crash()
