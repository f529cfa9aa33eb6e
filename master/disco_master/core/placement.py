"""Which waiting task a free node gets.

A node is a *candidate* for a task if it is usable, is not ruled out by force_local or force_remote (both are
for the map only), and the task has not failed there. When the last rule leaves no candidate it is dropped:
trying again where it failed beats waiting for ever. A map task should run next to any replica of its
input, a reduce task where `preferred` says.

The waiting tasks of a phase are so arranged that a node's next one is found at once. Tasks that shun the
same nodes form a *group*; nearly always there is one group, shunning none. Within a group a task stands in
the queue of every node that has its input, or in `rest` if no node has. A task is taken from one queue and
left in the others, where it is skipped when it comes up: it counts only while `task.group` is the group.
`counts` are exact, so an exhausted queue is dropped with its leftovers.

Invariant: a task is in at most one group, and only while its state is WAITING and no pause holds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..model import SchedulerOptions
from .inputs import hosts_of
from .task import Task
from .texts import nowhere_text

FREE = SchedulerOptions()

Where = Callable[[Task], tuple[str, ...]]


class Placement:
    """`cluster` are the nodes that count as places; it must only change while no task waits."""

    def __init__(
        self, inputs: Sequence[tuple[str, ...]] | None = None, options: SchedulerOptions = FREE
    ) -> None:
        self._inputs = inputs
        self._options = options
        self.preferred: list[str] = []
        self.cluster: dict[str, None] = {}

    @property
    def may_move(self) -> bool:
        return not self._options.force_local

    def where(self, task: Task) -> tuple[str, ...]:
        """The nodes in whose queues the task stands."""
        if self._options.force_remote:
            return ()
        return self._homes(task)

    def shun(self, task: Task, usable: Sequence[str]) -> tuple[str, ...]:
        """The nodes where the task must not run now, sorted. Forgets its failures' nodes if need be."""
        forbidden = self._homes(task) if self._options.force_remote else ()
        if task.trouble and task.trouble.avoid:
            allowed = self._allowed(task, usable)
            if allowed and all(node in task.trouble.avoid for node in allowed):
                task.trouble.avoid = ()
        if not forbidden and not task.trouble:
            return ()
        return tuple(sorted(dict.fromkeys((*forbidden, *task.avoid))))

    def count_allowed(self, task: Task, usable: Sequence[str]) -> int:
        """How many of the usable nodes could run the task, its failures aside."""
        return len(self._allowed(task, usable))

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

    def _homes(self, task: Task) -> tuple[str, ...]:
        if self._inputs is not None:
            hosts = hosts_of(self._inputs[task.id])
            return tuple(host for host in hosts if host in self.cluster)
        if self.preferred and self.preferred[task.id] in self.cluster:
            return (self.preferred[task.id],)
        return ()

    def _allowed(self, task: Task, nodes: Sequence[str]) -> list[str]:
        if not (self._options.force_local or self._options.force_remote):
            return list(nodes)
        homes = self._homes(task)
        local, remote = self._options.force_local, self._options.force_remote
        return [node for node in nodes if (node in homes or not local) and (node not in homes or not remote)]


class Group:
    """Waiting tasks that must not run on the nodes in `shun`."""

    __slots__ = ("counts", "queues", "rest", "shun", "size")

    def __init__(self, shun: tuple[str, ...]) -> None:
        self.shun = shun
        self.size = 0
        self.queues: dict[str, deque[Task]] = {}
        self.counts: dict[str, int] = {}
        self.rest: deque[Task] = deque()

    def add(self, task: Task, hosts: tuple[str, ...]) -> None:
        task.group = self
        self.size += 1
        if not hosts:
            self.rest.append(task)
        for host in hosts:
            self.queues.setdefault(host, deque()).append(task)
            self.counts[host] = self.counts.get(host, 0) + 1

    def remove(self, task: Task, hosts: tuple[str, ...]) -> None:
        task.group = None
        self.size -= 1
        for host in hosts:
            left = self.counts[host] - 1
            if left:
                self.counts[host] = left
            else:
                del self.counts[host], self.queues[host]

    def first(self, queue: deque[Task] | None) -> Task | None:
        """The first task of the queue that still waits here. It stays where it is."""
        while queue:
            if queue[0].group is self:
                return queue[0]
            queue.popleft()
        return None

    def longest(self) -> deque[Task] | None:
        if not self.counts:
            return None
        return self.queues[max(self.counts, key=self.counts.__getitem__)]


class Waiting:
    """All groups of a phase. `where` gives the nodes that have a task's input; see `Group` for the rest.

    When the answers of `where` change, `drain` first and add again.
    """

    def __init__(self, where: Where, *, may_move: bool) -> None:
        self._where = where
        self._may_move = may_move  # whether a task may run away from its input
        self.groups: dict[tuple[str, ...], Group] = {}
        self.size = 0

    def add(self, task: Task, shun: tuple[str, ...]) -> None:
        group = self.groups.get(shun)
        if group is None:
            group = self.groups[shun] = Group(shun)
        group.add(task, self._where(task))
        self.size += 1

    def take(self, nodes: Sequence[str]) -> tuple[Task, str] | None:
        """The best pair of a waiting task and one of `nodes` (best first); the task waits no more.

        A task next to its input on any of the nodes; else one that has no input nearby; else one from the
        longest queue of another node.
        """
        for find in (self._local, self._unbound, self._foreign) if self._may_move else (self._local,):
            for node in nodes:
                for group in reversed(self.groups.values()):
                    task = None if node in group.shun else find(group, node)
                    if task is not None:
                        self._remove(group, task)
                        return task, node
        return None

    def drain(self) -> list[Task]:
        """Every waiting task, in the order of their ids; none waits afterwards."""
        tasks: dict[int, Task] = {}
        for group in self.groups.values():
            for queue in (group.rest, *group.queues.values()):
                tasks.update((task.id, task) for task in queue if task.group is group)
        for task in tasks.values():
            task.group = None
        self.groups, self.size = {}, 0
        return [tasks[id] for id in sorted(tasks)]

    def _remove(self, group: Group, task: Task) -> None:
        group.remove(task, self._where(task))
        self.size -= 1
        if not group.size:
            del self.groups[group.shun]

    @staticmethod
    def _local(group: Group, node: str) -> Task | None:
        return group.first(group.queues.get(node))

    @staticmethod
    def _unbound(group: Group, node: str) -> Task | None:
        return group.first(group.rest)

    @staticmethod
    def _foreign(group: Group, node: str) -> Task | None:
        return group.first(group.longest())
