"""The waiting tasks of a phase, so arranged that the best pair of a task and a free node is found at once.

Tasks that shun the same nodes form a *group*; nearly always there is one group, shunning none. Within a group
a task stands in the queue of every node that has its input, or in `rest` if no node has. A task is taken from
one queue and left in the others, where it is skipped when it comes up: it counts only while `task.group` is
the group. `counts` are exact, so an exhausted queue is dropped with its leftovers.

Two heaps answer the questions that would otherwise need a look at all nodes: which free node has a queue
here (`_ready`), and which queue is the longest (`_longest`). Both are lazy: an entry that is no longer
true is corrected when it comes up.

Invariant: a task is in at most one group, and only while its state is WAITING and no pause holds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush, heapreplace

from ..task import Task
from .free import FreeNodes

Where = Callable[[Task], tuple[str, ...]]
Pair = tuple[Task, str]

NEVER = -1


class Group:
    """Waiting tasks that must not run on the nodes in `shun`."""

    __slots__ = (
        "_loads", "_longest", "_mark", "_new", "_ready", "counts", "queues", "rest", "shun", "size",
    )  # fmt: skip

    def __init__(self, shun: tuple[str, ...]) -> None:
        self.shun = shun
        self.size = 0
        self.queues: dict[str, deque[Task]] = {}
        self.counts: dict[str, int] = {}
        self.rest: deque[Task] = deque()
        self._ready: list[tuple[float, str]] = []
        self._loads: dict[str, float] = {}  # node -> the load of its one true entry in `_ready`
        self._mark = NEVER  # how far the log of the free nodes has been read
        self._new: list[str] = []  # queues that have come since
        self._longest: list[tuple[int, str]] | None = None  # made when it is first asked for

    def add(self, task: Task, hosts: tuple[str, ...]) -> None:
        task.group = self
        self.size += 1
        if not hosts:
            self.rest.append(task)
        for host in hosts:
            count = self.counts.get(host, 0) + 1
            self.counts[host] = count
            if count == 1:
                self.queues[host] = deque()
                self._new.append(host)
            self.queues[host].append(task)
            if self._longest is not None:
                heappush(self._longest, (-count, host))

    def remove(self, task: Task, hosts: tuple[str, ...]) -> None:
        task.group = None
        self.size -= 1
        for host in hosts:
            left = self.counts[host] - 1
            if left:
                self.counts[host] = left
            else:
                del self.counts[host], self.queues[host]

    def tasks(self) -> list[Task]:
        """All that wait here, each once, in the order of their ids."""
        found: dict[int, Task] = {}
        for queue in (self.rest, *self.queues.values()):
            found.update((task.id, task) for task in queue if task.group is self)
        return [found[id] for id in sorted(found)]

    # -- what a free node could do

    def local(self, free: FreeNodes) -> Pair | None:
        """A task next to its input, on the least loaded node that has one."""
        self._catch_up(free)
        while self._ready:
            load, name = self._ready[0]
            if self._loads.get(name) != load:
                heappop(self._ready)
                continue
            now = free.load(name)
            task = _first(self.queues.get(name), self) if now is not None else None
            if now is None or task is None:
                heappop(self._ready)
                del self._loads[name]
            elif now != load:
                heapreplace(self._ready, (now, name))
                self._loads[name] = now
            else:
                return task, name
        return None

    def unbound(self, free: FreeNodes) -> Pair | None:
        """A task that has no input nearby."""
        task = _first(self.rest, self)
        node = free.best(self.shun) if task else None
        return (task, node) if task and node else None

    def foreign(self, free: FreeNodes) -> Pair | None:
        """A task from the longest queue of another node."""
        node = free.best(self.shun) if self.counts else None
        task = _first(self.queues[self._longest_queue()], self) if node else None
        return (task, node) if task and node else None

    def _catch_up(self, free: FreeNodes) -> None:
        """Take in the nodes that got room, and the queues that are new."""
        names: Iterable[str] | None = free.since(self._mark) if self._mark != NEVER else None
        if names is None:
            names = free if len(free) < len(self.counts) else list(self.counts)
        self._mark = free.mark
        self._take_in(names, free)
        if self._new:
            new, self._new = self._new, []
            self._take_in(new, free)

    def _take_in(self, names: Iterable[str], free: FreeNodes) -> None:
        for name in names:
            load = free.load(name)
            if load is None or name not in self.counts or name in self.shun:
                continue
            if self._loads.get(name) != load:
                self._loads[name] = load
                heappush(self._ready, (load, name))

    def _longest_queue(self) -> str:
        if self._longest is None:
            self._longest = [(-count, host) for host, count in self.counts.items()]
            heapify(self._longest)
        while True:
            count, host = self._longest[0]
            now = self.counts.get(host)
            if now is None:
                heappop(self._longest)
            elif now != -count:
                heapreplace(self._longest, (-now, host))
            else:
                return host


class Waiting:
    """All groups of a phase. `where` gives the nodes that have a task's input.

    When the answer of `where` for a task changes, the task must be taken out before and added after.
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

    def take(self, free: FreeNodes) -> Pair | None:
        """The best pair of a waiting task and a free node; the task waits no more.

        A task next to its input on any of the nodes; else one that has no input nearby; else one from the
        longest queue of another node. The youngest group first: its tasks have failed already.
        """
        for find in (Group.local, Group.unbound, Group.foreign) if self._may_move else (Group.local,):
            for group in reversed(self.groups.values()):
                pair = find(group, free)
                if pair is not None:
                    self.discard(pair[0])
                    return pair
        return None

    def discard(self, task: Task) -> None:
        """The task waits no more. Nothing happens if it does not."""
        group = task.group
        if group is None:
            return
        group.remove(task, self._where(task))
        self.size -= 1
        if not group.size:
            del self.groups[group.shun]

    def drain(self) -> list[Task]:
        """Every waiting task, in the order of their ids; none waits afterwards."""
        tasks = [task for group in self.groups.values() for task in group.tasks()]
        for task in tasks:
            task.group = None
        self.groups, self.size = {}, 0
        return sorted(tasks, key=lambda task: task.id)


def _first(queue: deque[Task] | None, group: Group) -> Task | None:
    """The first task of the queue that still waits in the group. It stays where it is."""
    while queue:
        if queue[0].group is group:
            return queue[0]
        queue.popleft()
    return None
