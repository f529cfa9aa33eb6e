"""What the world itself knows of the master's doings, and the invariants that it holds the master to.

The books are kept from the orders that the master gave, from what it was told, and from what it committed;
its own state is looked at only to learn which tasks wait. They are checked at every order and after every
event:

- a node has no more attempts than slots, a job no more than max_cores;
- no attempt starts on a node that is away, closed or blacklisted, or where its task has failed while there is
  a node where it has not;
- each task's outputs are counted once, and only the end of an attempt that counts is recorded;
- a reduce that counts has read the output of every map task once, and so does whoever reads the results;
- no slot is idle while a task that may use it waits; slots go to the job with the smallest share; a task runs
  away from its input only where no task next to its own input waits;
- what was committed and acknowledged is there after every crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulation.data import Data, tasks_in
from simulation.jobs import SimJob

from disco_master.actions import Action, Kill, Launch, Record
from disco_master.core.master import Core
from disco_master.events import (
    AttemptEnded,
    BlacklistChanged,
    Event,
    JobCleaned,
    JobEnded,
    JobSubmitted,
    NodeDown,
    NodeStats,
    NodeTableSaved,
    NodeUp,
    OutputsLost,
)
from disco_master.model import JobStatus, JobView, Mode, Outcome, OutputKind
from disco_master.node_table import expand_rows

Key = tuple[str, Mode, int]


class Violation(AssertionError):
    """The master has broken an invariant."""


def demand(truth: object, text: str) -> None:
    if not truth:
        raise Violation(text)


@dataclass(slots=True)
class Entry:
    """An attempt that holds a slot, as far as the master can know."""

    key: Key
    node: str
    is_doomed: bool = False


class Books:
    def __init__(self, jobs: dict[str, SimJob], data: Data, scheduler: str) -> None:
        self.jobs, self.data, self.scheduler = jobs, data, scheduler
        self.committed: dict[str, None] = {}  # jobs
        self.ended: dict[str, JobView] = {}
        self.done: dict[Key, tuple[int, str]] = {}  # -> attempt, node
        self.table: dict[str, int] = {}
        self.blacklist: dict[str, None] = {}
        self.read: dict[int, list[int]] = {}  # what the reduce attempts that finished have read
        self.launches = self.local = self.completions = self.adopted = self.backups = self.lost = 0
        self.counted: dict[str, int] = {}  # job -> tasks that were done when the master last answered
        self._may_be_redone: dict[Key, None] = {}
        self._failed_on: dict[Key, dict[str, None]] = {}
        self._not_had_from: dict[Key, dict[str, None]] = {}  # nodes that the task may avoid, or may not
        self._cornered: dict[Key, None] = {}  # tasks that once had no node left where they had not failed
        self.forget_cluster()

    def forget_cluster(self) -> None:
        """The master is gone, and with it what it knew of nodes and attempts."""
        self.generations: dict[str, int] = {}
        self.reported: dict[str, int] = {}
        self.closed: dict[str, None] = {}  # disk full, as the master was told
        self.aside: list[str] = []  # set aside by the master itself, when it was last looked
        self.running: dict[int, Entry] = {}
        self.on_node: dict[str, dict[int, None]] = {}
        self.of_job: dict[str, int] = {}
        self._ending: dict[int, Entry] = {}
        self._launched: list[tuple[Launch, dict[str, int]]] = []
        self._running_tasks: dict[Key, int] = {}

    # -- what the master is told

    def told(self, event: Event, actions: Sequence[Action]) -> None:
        """Before the orders that follow from it."""
        self._ending, self._launched = {}, []
        match event:
            case NodeUp(node, generation, slots, attempts) if generation > self.generations.get(node, 0):
                self._node_is_gone(node)
                self.generations[node], self.reported[node] = generation, slots
                killed = {action.attempt for action in actions if isinstance(action, Kill)}
                for found in attempts:
                    if found.attempt not in killed and found.attempt not in self.running:
                        self._begin(found.attempt, Entry((found.job, found.mode, found.task), node))
                        self.adopted += 1
                self._see_who_is_cornered()
            case NodeDown(node, generation) if generation == self.generations.get(node):
                self._node_is_gone(node)
                del self.generations[node]
                self._see_who_is_cornered()
            case NodeStats(node, generation, free) if generation == self.generations.get(node):
                self.closed.pop(node, None)
                if not free:
                    self.closed[node] = None
                self._see_who_is_cornered()
            case AttemptEnded(attempt) if attempt in self.running:
                self._ending[attempt] = self._over(attempt)

    def _begin(self, attempt: int, entry: Entry) -> None:
        self.running[attempt] = entry
        self.on_node.setdefault(entry.node, {})[attempt] = None
        self.of_job[entry.key[0]] = self.of_job.get(entry.key[0], 0) + 1
        self._running_tasks[entry.key] = self._running_tasks.get(entry.key, 0) + 1

    def _over(self, attempt: int) -> Entry:
        entry = self.running.pop(attempt)
        del self.on_node[entry.node][attempt]
        self.of_job[entry.key[0]] -= 1
        if not entry.is_doomed:
            self._running_tasks[entry.key] -= 1
        return entry

    def _node_is_gone(self, node: str) -> None:
        for attempt in list(self.on_node.get(node, ())):
            self._ending[attempt] = self._over(attempt)
        self.closed.pop(node, None)

    # -- what the master orders

    def take(self, action: Action) -> None:
        match action:
            case Record(event):
                self._recorded(event)
            case Launch():
                self._check_launch(action)
            case Kill(attempt):
                entry = self.running.get(attempt)
                if entry and not entry.is_doomed:
                    entry.is_doomed = True
                    self._running_tasks[entry.key] -= 1

    def slots(self, node: str) -> int:
        if self.table:
            return self.table.get(node, 0)
        return self.reported.get(node, 0)

    def usable(self) -> list[str]:
        return [
            node
            for node in self.generations
            if self.slots(node) > 0
            and node not in self.blacklist
            and node not in self.closed
            and node not in self.aside
        ]

    def _check_launch(self, action: Launch) -> None:
        node, spec = action.node, action.spec
        key = (spec.job, spec.mode, spec.task)
        options = self.jobs[spec.job].spec.scheduler
        demand(self.generations.get(node) == action.generation, f"{key} starts on {node}, which is away")
        demand(node not in self.blacklist, f"{key} starts on {node}, which is blacklisted")
        demand(node not in self.closed, f"{key} starts on {node}, whose disk is full")
        demand(len(self.on_node.get(node, ())) < self.slots(node), f"{node} has more attempts than slots")
        demand(self.of_job.get(spec.job, 0) < options.max_cores, f"{spec.job} has more than max_cores")
        demand(spec.job not in self.ended, f"{spec.job} is over, and starts {key}")
        demand(key not in self.done or key in self._may_be_redone, f"{key} is done, and starts again")
        has_failed = node in self._failed_on.get(key, ()) and key not in self._cornered
        demand(not has_failed, f"{key} starts on {node}, where it has failed")
        demand(self._running_tasks.get(key, 0) < 2, f"{key} gets a third attempt")
        if self._running_tasks.get(key, 0):
            demand(options.backup_tasks, f"{key} runs already, and nobody asked for a backup")
            self.backups += 1
        else:
            self._launched.append((action, dict(self.of_job)))
        self.launches += 1
        self._begin(spec.attempt, Entry(key, node))

    def _recorded(self, event: Event) -> None:
        match event:
            case JobSubmitted(spec):
                self.committed[spec.name] = None
            case JobCleaned(job):
                self.committed.pop(job, None)
                self.ended.pop(job, None)
                self._forget_job(job)
            case JobEnded(view):
                self.ended[view.name] = view
                if view.status is JobStatus.READY:
                    self._check_results(view)
                self._forget_job(view.name)
            case NodeTableSaved(rows):
                self.table = expand_rows(rows)
                self.blacklist = {node: None for node in self.blacklist if node in self.table}
                self._see_who_is_cornered()
            case BlacklistChanged("tasks", node, listed):
                self.blacklist.pop(node, None)
                if listed:
                    self.blacklist[node] = None
                self._see_who_is_cornered()
            case OutputsLost(job, node):
                self.lost += 1
                lost = [key for key, (_, held_by) in self.done.items() if key[0] == job and held_by == node]
                self._may_be_redone.update(dict.fromkeys(lost))
                for key in lost if node in self.generations else ():  # it is there, what it held is not
                    self._not_had_from.setdefault(key, {})[node] = None
                self._see_who_is_cornered()
            case AttemptEnded():
                self._check_end(event)

    def _forget_job(self, job: str) -> None:
        for book in (self.done, self._may_be_redone, self._failed_on, self._not_had_from, self._cornered):
            for key in [key for key in book if key[0] == job]:
                del book[key]

    def _check_end(self, event: AttemptEnded) -> None:
        key = (event.job, event.mode, event.task)
        entry = self._ending.pop(event.attempt, None) or self.running.get(event.attempt)
        demand(entry is not None, f"the end of an attempt that is over is recorded: {event}")
        demand(entry and not entry.is_doomed, f"the end of a doomed attempt is recorded: {event}")
        if event.end.outcome is Outcome.DONE:
            demand(key not in self.done or key in self._may_be_redone, f"{key} is counted twice")
            self._may_be_redone.pop(key, None)
            self.done[key] = (event.attempt, event.node)
            if event.mode is Mode.REDUCE and self.jobs[event.job].spec.has_map:
                self._check_read(event)
        elif not event.excused and event.end.outcome is not Outcome.KILLED:
            self._failed_on.setdefault(key, {})[event.node] = None
            self._see_who_is_cornered()

    def _see_who_is_cornered(self) -> None:
        """A task that has failed on every node that there is may go where it has failed."""
        usable = self.usable()
        for key in self._failed_on:
            nodes = {**self._failed_on[key], **self._not_had_from.get(key, {})}
            options = self.jobs[key[0]].spec.scheduler
            is_tied = options.force_local or options.force_remote
            if is_tied or all(node in nodes for node in usable):
                self._cornered[key] = None

    # -- contents

    def _check_read(self, event: AttemptEnded) -> None:
        tasks = self.read.get(event.attempt, [])
        wanted = list(range(len(self.jobs[event.job].spec.inputs)))
        demand(sorted(tasks) == wanted, f"{event.job} reduce:{event.task} has read the maps {sorted(tasks)}")
        self.completions += 1

    def _check_results(self, view: JobView) -> None:
        spec = self.jobs[view.name].spec
        mode = Mode.REDUCE if spec.has_reduce else Mode.MAP
        count = 0 if not spec.inputs else spec.nr_reduces if spec.has_reduce else len(spec.inputs)
        found = [int(url.split("-")[-2]) for url in view.results if url.startswith(OutputKind.TAG)]
        for url in view.results:
            if url.startswith("dir://"):
                found += tasks_in(self.data.listed(url))
        demand(sorted(found) == list(range(count)), f"{view.name}: the results hold {mode} {sorted(found)}")

    # -- after every event

    def check(self, core: Core, *, thorough: bool) -> None:
        aside = [name for name, node in core._board.nodes.all.items() if node.is_aside]
        if aside != self.aside:
            self.aside = aside
            self._see_who_is_cornered()
        for launch, shares in self._launched if thorough or len(self.jobs) < 10 else ():
            self._check_choice(core, launch, shares)
        if thorough:
            for launch, _ in self._launched:
                self._check_place(core, launch)
            self._check_views(core)
            check_no_idle_slot(core)
        views = core.snapshot().jobs.items()
        self.counted = {name: view.map.done + view.reduce.done for name, view in views}

    def _check_choice(self, core: Core, launch: Launch, shares: dict[str, int]) -> None:
        """Judged by what waits after the event: it waited at the decision too."""
        board = core._board
        job, node = launch.spec.job, launch.node
        if self.scheduler == "fair":
            for other in board.active.values():
                if (
                    other.name != job
                    and other.is_runnable()
                    and shares.get(other.name, 0) < shares.get(job, 0)
                ):
                    demand(not _could_take(other, node), f"{job} gets a slot of {node}, not {other.name}")

    def _check_place(self, core: Core, launch: Launch) -> None:
        """A map task that runs away from its input, while one that has it there waits."""
        spec, node = launch.spec, launch.node
        if spec.mode is not Mode.MAP:
            return
        urls = self.jobs[spec.job].spec.inputs
        options = self.jobs[spec.job].spec.scheduler
        is_local = _is_at(urls[spec.task], node)
        self.local += is_local
        demand(is_local or not options.force_local, f"{spec.job}: map:{spec.task} is forced to be local")
        demand(
            not is_local or not options.force_remote, f"{spec.job}: map:{spec.task} is forced to be remote"
        )
        job = core._board.jobs.get(spec.job)
        phase = job.phase(Mode.MAP) if job and not is_local and not options.force_remote else None
        for task in phase.tasks if phase else ():
            waits_here = task.group is not None and node not in task.avoid and _is_at(urls[task.id], node)
            demand(not waits_here, f"{spec.job}: map:{spec.task} runs on {node} before one of its own")

    def _check_views(self, core: Core) -> None:
        for name, view in core.snapshot().jobs.items():
            spec = self.jobs[name].spec
            if view.status is JobStatus.ACTIVE:
                maps = len(spec.inputs) if spec.has_map else 0
                demand(sum(view.map[:3]) == maps, f"{name}: the maps don't add up: {view.map}")
                demand(min(*view.map, *view.reduce) >= 0, f"{name}: negative counts")

    def check_restart(self, core: Core) -> None:
        """What a restarted master must still know."""
        jobs = core.snapshot().jobs
        for name, job in self.jobs.items():
            if job.is_acknowledged and not job.is_cleaned:
                demand(name in self.committed, f"{name} was acknowledged, and is not in the journal")
        demand(list(self.committed) == list(jobs), f"jobs {list(jobs)} instead of {list(self.committed)}")
        for name, view in self.ended.items():
            now = jobs[name]
            demand((now.status, now.results, now.failure) == (view.status, view.results, view.failure), name)
        redone = {key[0] for key in self._may_be_redone}
        for name, view in jobs.items():
            if view.status is JobStatus.ACTIVE and name not in redone:
                now_done, before = view.map.done + view.reduce.done, self.counted.get(name, 0)
                demand(now_done >= before, f"{name}: of {before} tasks that were done {now_done} are left")


def _is_at(urls: Sequence[str], node: str) -> bool:
    return any(url.startswith(f"disco://{node}/") for url in urls)


def _could_take(job: object, node: str) -> bool:
    phase = job.open_phase()  # type: ignore[attr-defined]
    return phase is not None and any(_takers(phase, group, [node]) for group in phase.waiting.groups.values())


def _takers(phase: object, group: object, nodes: Iterable[str]) -> list[str]:
    takers = [node for node in nodes if node not in group.shun]  # type: ignore[attr-defined]
    if not phase.placement.may_move:  # type: ignore[attr-defined]
        takers = [node for node in takers if node in group.counts]  # type: ignore[attr-defined]
    return takers


def check_no_idle_slot(core: Core) -> None:
    board = core._board
    free = [node.name for node in board.nodes.usable.values() if len(node.running) < node.slots]
    for job in board.active_jobs() if free else ():
        phase = job.open_phase()
        for group in phase.waiting.groups.values() if phase and job.is_runnable() else ():
            takers = _takers(phase, group, free)
            demand(not takers, f"{takers} idle while tasks of {job.name} wait")
