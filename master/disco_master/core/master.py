"""The master's behaviour: events in, orders out, and nothing else.

    actions = core.handle(event, now)     the orders that follow from what happened, records first
    when = core.next_deadline()           when to send a Tick, if nothing happens before
    view = core.snapshot()                what outsiders may know, immutable

After a restart the shell gives every journalled event to `restore`, in order, and then calls `resume` once.
The journal holds what happened, never what was decided about slots: attempts that ran at the time of the
crash are simply forgotten, and their tasks wait again; finished tasks keep their outputs. Attempt numbers
begin with the epoch, which grows with each start, so an answer to an attempt from before the crash is
recognised as stale, like any other event about an attempt that is not the current one of its task.

Invariants, after every event: a node runs no more attempts than it has slots; a task has at most one
attempt that counts, and its outputs count once; a job has at most max_cores attempts in flight; every
waiting task of an active job waits for something that `why` can name.

Time is `now`; chance is a Random seeded by the caller; no set is ever iterated. So the same calls give
the same orders, in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import events as ev
from ..actions import Action, DeleteJob
from ..events import Event
from ..model import JobStatus, JobView, MasterView
from . import texts
from .attempts import Attempts
from .board import Board
from .failure.losses import Losing
from .failure.policy import MAX_FAILURES_DEFAULT
from .flow import Flow
from .job import Job
from .members import Members
from .scheduling.scheduler import Kind
from .task import Task, TaskState
from .timers import Due, Look, MergePause, NodeGrace, NodePause, Overdue, Rejoined, TaskPause
from .why import explain


class Core:
    """Not thread-safe: one thread owns it. Snapshots may be handed to others."""

    def __init__(
        self,
        seed: int = 0,
        epoch: int | None = None,
        *,
        scheduler: Kind = "fair",
        max_failure_rate: int = MAX_FAILURES_DEFAULT,
    ) -> None:
        """`epoch` is that of this start; None: the one after the latest in the journal."""
        self._board = Board(seed, scheduler, max_failure_rate)
        self._flow = Flow(self._board)
        self._attempts = Attempts(self._board, self._flow)
        self._losing = Losing(self._board, self._flow, self._attempts)
        self._members = Members(self._board, self._flow, self._attempts, self._losing)
        self._board.epoch = epoch or 0
        self._recorded_epoch = 0
        self._cleaned: dict[str, bool] = {}  # jobs cleaned in the journal -> with their data
        self._version = 0
        self._job_views: dict[str, JobView] = {}
        self._stale: dict[str, None] = {}  # jobs whose view in `_job_views` is old
        self._view: MasterView | None = None
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            ev.MasterStarted: self._master_started,
            ev.JobSubmitted: self._job_submitted,
            ev.JobKilled: self._job_killed,
            ev.JobCleaned: self._job_cleaned,
            ev.JobEnded: self._job_ended,
            ev.NodeUp: self._members.up,
            ev.NodeDown: self._members.down,
            ev.NodeStats: self._members.stats,
            ev.AttemptStarted: lambda _: None,
            ev.AttemptMessage: self._attempt_message,
            ev.AttemptEnded: self._attempt_ended,
            ev.ShuffleEnded: self._shuffle_ended,
            ev.OutputsLost: self._outputs_lost,
            ev.NodeTableSaved: self._members.table_saved,
            ev.BlacklistChanged: self._members.blacklist_changed,
            ev.SettingChanged: self._setting_changed,
            ev.Tick: lambda _: None,
        }

    # -- the interface

    @property
    def epoch(self) -> int:
        return self._board.epoch

    def handle(self, event: Event, now: float) -> list[Action]:
        """What must be done now that this has happened."""
        self._board.now = now
        self._pass_time()
        self._handlers[type(event)](event)
        return self._conclude()

    def restore(self, event: Event, now: float) -> None:
        """Take in an event from the journal: the state follows, nothing is done."""
        self._board.live = False
        self._board.now = now
        self._handlers[type(event)](event)
        self._board.live = True

    def resume(self, now: float) -> list[Action]:
        """After the last `restore`: begin a new epoch, and go on with all that is unfinished."""
        board = self._board
        board.now = now
        self._master_started(ev.MasterStarted(max(board.epoch, self._recorded_epoch + 1)))
        for name, purge in self._cleaned.items():
            board.order(DeleteJob(name, purge))
        self._cleaned = {}
        self._members.expect()
        holders: dict[str, None] = {}
        for job in board.active_jobs():
            board.log(job, "WARNING: The master has restarted: tasks that were running start again")
            self._flow.advance(job)
            for phase in job.phases:
                holders.update(dict.fromkeys(phase.holders))
        for name in holders:
            node = board.nodes.get(name)
            node.down_s = now
            self._losing.watch(node)
        return self._conclude()

    def next_deadline(self) -> float | None:
        return self._board.timers.next()

    def snapshot(self) -> MasterView:
        """The state now. The same object as before if nothing has changed."""
        board = self._board
        if self._view is None:
            if self._stale:
                views = dict(self._job_views)
                for name in self._stale:
                    job = board.jobs.get(name)
                    if job is None:
                        views.pop(name, None)
                    else:
                        views[name] = job.view()
                self._job_views, self._stale = views, {}
            self._view = MasterView(
                version=self._version,
                jobs=self._job_views,
                nodes=board.nodes.view(),
                node_table=board.nodes.rows,
                blacklist=tuple(board.nodes.blacklist),
                gc_blacklist=tuple(board.nodes.gc_blacklist),
                max_failure_rate=board.max_failure_rate,
            )
        return self._view

    def why(self, job: str) -> list[str]:
        """Why the job's tasks wait: a line for each reason."""
        return explain(self._board, job)

    # -- around every event

    def _pass_time(self) -> None:
        board = self._board
        while due := board.timers.pop(board.now):
            self._due(due)

    def _due(self, due: Due) -> None:
        match due:
            case TaskPause():
                self._retry_task(due)
            case MergePause():
                self._retry_merge(due)
            case NodeGrace(node):
                self._losing.grace_over(node)
            case NodePause(node):
                self._members.pause_over(node)
            case Overdue(attempt):
                self._attempts.overdue(attempt)
            case Rejoined():
                self._members.go_on()
            case Look():
                pass  # what `_conclude` does after every event

    def _retry_task(self, due: TaskPause) -> None:
        job = self._board.jobs.get(due.job)
        phase = job.phase(due.mode) if job else None
        if job and phase:
            self._attempts.requeue(job, phase, phase.tasks[due.task])

    def _retry_merge(self, due: MergePause) -> None:
        job = self._board.jobs.get(due.job)
        phase = job.phase(due.mode) if job else None
        if job and phase:
            phase.merge_pauses.pop(due.node, None)
            self._flow.advance(job)

    def _conclude(self) -> list[Action]:
        """Give the free slots away, note what has changed, hand the orders out."""
        board = self._board
        self._place_touched()
        while choice := board.scheduler.choose(board.nodes.free):
            self._launch(*choice)
        for job in [job for job in board.wants_backups.values() if board.nodes.free]:
            self._attempts.launch_backups(job)
        self._place_touched()
        if self._stale or board.is_touched or board.nodes.is_stale:
            self._version += 1
            self._view = None
            board.is_touched = False
        return board.take_orders()

    def _launch(self, job: Job, task: Task, node: str) -> None:
        phase = job.open_phase()
        assert phase is not None
        self._attempts.launch(job, phase, task, self._board.nodes.get(node))
        self._place_touched()

    def _place_touched(self) -> None:
        board = self._board
        for name, job in board.touched.items():
            board.scheduler.place(job)
            self._stale[name] = None
        board.touched = {}

    # -- the master and its settings

    def _master_started(self, event: ev.MasterStarted) -> None:
        if event.epoch > self._recorded_epoch:
            self._board.record(event)
            self._recorded_epoch = event.epoch
            self._board.epoch = max(event.epoch, self._board.epoch)

    def _setting_changed(self, event: ev.SettingChanged) -> None:
        if event.name == "max_failure_rate" and event.value > 0:
            self._board.record(event)
            self._board.max_failure_rate = event.value
            self._board.is_touched = True

    # -- jobs

    def _job_submitted(self, event: ev.JobSubmitted) -> None:
        board = self._board
        if event.spec.name in board.jobs:
            return
        board.record(event)
        job = Job(event.spec, next(board.job_numbers), board.now)
        board.add_job(job)
        self._cleaned.pop(job.name, None)
        board.log(job, "New job initialized!")
        board.log(job, "Starting job")
        self._flow.check_possible(job)
        self._flow.advance(job)

    def _job_killed(self, event: ev.JobKilled) -> None:
        job = self._board.jobs.get(event.job)
        if job and job.is_active:
            self._board.record(event)
            self._flow.end(job, JobStatus.DEAD, "Job killed", text="WARN: Job killed")

    def _job_cleaned(self, event: ev.JobCleaned) -> None:
        board = self._board
        job = board.jobs.get(event.job)
        if not board.live:
            self._cleaned[event.job] = event.purge
        if job is None:
            if event.purge:  # cleaned before, so that only the nodes know of it
                board.order(DeleteJob(event.job, data=True))
            return
        if job.is_active:
            self._flow.end(job, JobStatus.DEAD, "Job killed", text="WARN: Job killed")
        board.record(event)
        job.end(job.view())
        board.job_is_over(job)
        del board.jobs[event.job]
        board.order(DeleteJob(event.job, event.purge))

    def _job_ended(self, event: ev.JobEnded) -> None:
        """Only from the journal, where it may be all that is left of the job."""
        board = self._board
        if board.live:
            return
        job = board.jobs.get(event.view.name)
        if job is None:
            board.add_job(Job.ended(event.view, next(board.job_numbers)))
        else:
            job.end(event.view)
            board.job_is_over(job)

    # -- attempts

    def _attempt_message(self, event: ev.AttemptMessage) -> None:
        attempt = self._board.attempts.get(event.attempt)
        if attempt and not attempt.doomed:
            line = texts.worker_line(attempt.phase.mode, attempt.task.id, event.text)
            self._board.log(attempt.job, line, attempt.node.name)

    def _attempt_ended(self, event: ev.AttemptEnded) -> None:
        board = self._board
        if board.live:
            attempt = board.attempts.get(event.attempt)
            if attempt:
                is_news = not attempt.doomed
                self._attempts.ended(attempt, event)
                if is_news and event.end.unreadable:
                    self._losing.could_not_read(attempt, event)
            return
        job = board.jobs.get(event.job)
        phase = job.phase(event.mode) if job else None
        if job and phase and phase.tasks[event.task].state is not TaskState.DONE:
            self._attempts.settle(job, phase, phase.tasks[event.task], event)

    def _shuffle_ended(self, event: ev.ShuffleEnded) -> None:
        if self._flow.shuffle_ended(event) and event.error and self._board.live:
            self._losing.could_not_merge(event)

    def _outputs_lost(self, event: ev.OutputsLost) -> None:
        job = self._board.jobs.get(event.job)
        if job and not self._board.live:
            self._losing.outputs_lost(job, event.node)
