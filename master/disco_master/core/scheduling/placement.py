"""Where a task may run, and where it should.

A node is a *candidate* for a task if it is usable, is not ruled out by force_local or force_remote (both are
for the map only), and the task has not failed there. When the last rule leaves no candidate it is dropped:
trying again where it failed beats waiting for ever. A map task should run next to any replica of its
input, a reduce task where `preferred` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ...model import SchedulerOptions
from ..inputs import hosts_of
from ..task import Task
from ..texts import nowhere_text

FREE = SchedulerOptions()


class Placement:
    """`cluster` are the nodes that count as places; no task may wait while it changes, but for `join`."""

    def __init__(
        self, inputs: Sequence[tuple[str, ...]] | None = None, options: SchedulerOptions = FREE
    ) -> None:
        self._inputs = inputs
        self._options = options
        self.preferred: list[str] = []
        self.cluster: dict[str, None] = {}
        self._near: dict[str, list[int]] | None = None  # host -> tasks that name it; made when asked for

    @property
    def may_move(self) -> bool:
        return not self._options.force_local

    def where(self, task: Task) -> tuple[str, ...]:
        """The nodes in whose queues the task stands."""
        if self._options.force_remote:
            return ()
        return self._homes(task)

    def near(self, node: str, count: int) -> list[int]:
        """Which of the `count` tasks name the node as a place of their input."""
        if self._near is None:
            self._near = {}
            for task in range(count):
                for host in self._hosts(task):
                    self._near.setdefault(host, []).append(task)
        return self._near.get(node, [])

    def prefer(self, preferred: list[str]) -> None:
        self.preferred, self._near = preferred, None

    def shun(self, task: Task, usable: Collection[str]) -> tuple[str, ...]:
        """The nodes where the task must not run now, sorted. Forgets its failures' nodes if need be."""
        forbidden = self._homes(task) if self._options.force_remote else ()
        if task.trouble and task.trouble.avoid and self._is_cornered(task, usable):
            task.trouble.avoid = ()
        if not forbidden and not task.trouble:
            return ()
        return tuple(sorted(dict.fromkeys((*forbidden, *task.avoid))))

    def may_run(self, task: Task, node: str) -> bool:
        """Whether the options let the task run there. Its failures are another matter."""
        if self._options.force_local:
            return node in self._homes(task)
        return not self._options.force_remote or node not in self._homes(task)

    def count_allowed(self, task: Task, usable: Collection[str]) -> int:
        """How many of the usable nodes could run the task, its failures aside."""
        if not (self._options.force_local or self._options.force_remote):
            return len(usable)
        at_home = sum(home in usable for home in self._homes(task))
        return at_home if self._options.force_local else len(usable) - at_home

    def impossible(self, tasks: Iterable[Task], cluster: Mapping[str, None]) -> str:
        """Why one of the tasks can't run on any node of the cluster, ever; "" if all can.

        An empty cluster rules nothing out: a job may be submitted before there are nodes.
        """
        options = self._options
        if options.max_cores < 1:
            return f"max_cores is {options.max_cores}: no task could ever run"
        if self._inputs is None or not cluster:
            return ""
        for task in tasks if options.force_local or options.force_remote else ():
            urls = self._inputs[task.id]
            hosts = hosts_of(urls)
            if options.force_local and not any(host in cluster for host in hosts):
                return nowhere_text("local", urls)
            if options.force_remote and all(node in hosts for node in cluster):
                return nowhere_text("remote", urls)
        return ""

    def _is_cornered(self, task: Task, usable: Collection[str]) -> bool:
        """Whether the task has failed on every node that could run it, and there is one."""
        if self._options.force_local:
            places: Iterable[str] = [home for home in self._homes(task) if home in usable]
        else:
            places = (node for node in usable if self.may_run(task, node))
        found = False
        for node in places:
            if node not in task.avoid:
                return False
            found = True
        return found

    def _hosts(self, task: int) -> tuple[str, ...]:
        if self._inputs is not None:
            return hosts_of(self._inputs[task])
        return (self.preferred[task],) if self.preferred else ()

    def _homes(self, task: Task) -> tuple[str, ...]:
        return tuple(host for host in self._hosts(task.id) if host in self.cluster)
