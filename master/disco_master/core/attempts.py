"""What becomes of attempts: how they start, and what their ends mean for task, job and node.

An end counts once: only that of an attempt that the board knows and has not doomed. Whatever else comes,
late, twice or from before, changes nothing. A task has one attempt that counts, or two (a backup of a
straggler, or one that a node kept while the master was away and one that was started meanwhile); the first
that is DONE wins, and the other is doomed.

The same `settle` takes in the ends from the journal, so that what is remembered of a task's failures is
the same after a restart. What only the present knows (pauses, limits that end the job) is left out there:
a job that died has a record that says so.
"""

from __future__ import annotations

from dataclasses import replace

from ..actions import Kill, Launch
from ..events import AttemptEnded
from ..model import AttemptEnd, FoundAttempt, JobStatus, Outcome, TaskSpec
from . import texts
from .board import MASTER, Attempt, Board
from .failure import policy
from .flow import Flow
from .inputs import host_of
from .job import Job
from .nodes import Node
from .phase import Phase
from .task import Cause, Task, TaskState, Trouble
from .timers import Look, NodePause, Overdue, TaskPause

TEXTS_KEPT = 1000  # different failure messages of a job that are kept once each
ATTEMPTS_MAX = 2  # of one task that count at the same time

_LINE_KIND = {Outcome.FAILED: "ERROR", Outcome.CRASHED: "WARNING"}


class Attempts:
    def __init__(self, board: Board, flow: Flow) -> None:
        self.board, self.flow = board, flow

    # -- starting

    def launch(self, job: Job, phase: Phase, task: Task, node: Node) -> None:
        board = self.board
        attempt = board.start_attempt(job, phase, task, node)
        inputs = job.inputs_of(phase, task.id, node.name, board.nodes.load_of)
        board.log(job, f"{phase.mode}:{task.id} assigned to {node.name}")
        spec = TaskSpec(job.name, phase.mode, task.id, attempt.number, inputs)
        board.order(Launch(node.name, node.generation, spec))
        self._set_deadline(attempt)

    def launch_backups(self, job: Job) -> None:
        """Give free slots to the stragglers of a job that wants backup attempts."""
        board = self.board
        phase = job.open_phase()
        if phase is None or phase.stragglers is None or phase.waiting.size or job.is_held:
            return
        late, next_s = phase.stragglers.overdue(board.now, phase.done)
        for id in late:
            task = phase.tasks[id]
            if job.in_flight >= job.spec.scheduler.max_cores:
                return
            node = next((n for n in board.nodes.free if self._may_back_up(phase, task, n)), None)
            if node is not None:
                board.log(job, f"{phase.mode}:{id} takes long on {task.node}: it gets a second attempt")
                self.launch(job, phase, task, board.nodes.get(node))
        if next_s is not None and (job.look_s is None or job.look_s <= board.now or next_s < job.look_s):
            job.look_s = next_s
            board.timers.add(next_s, Look(job.name))

    @staticmethod
    def _may_back_up(phase: Phase, task: Task, node: str) -> bool:
        return node != task.node and node not in task.avoid and phase.placement.may_run(task, node)

    def adopt(self, found: FoundAttempt, node: Node) -> None:
        """A node has kept an attempt while the master was away: it counts again, or is of no use any more."""
        board = self.board
        if found.attempt in board.attempts:
            return
        job = board.jobs.get(found.job)
        phase = job.phase(found.mode) if job else None
        if job is None or phase is None or not self._is_wanted(job, phase, found, node):
            board.order(Kill(found.attempt, node.name, "the master does not wait for it any more"))
            return
        task = phase.tasks[found.task]
        phase.waiting.discard(task)
        self._set_deadline(board.take_on(found.attempt, job, phase, task, node))
        board.log(job, f"{phase.mode}:{task.id} goes on on {node.name}")

    def _set_deadline(self, attempt: Attempt) -> None:
        timeout_s = attempt.job.spec.scheduler.task_timeout_s
        if timeout_s is not None:
            self.board.timers.add(self.board.now + timeout_s, Overdue(attempt.number))

    @staticmethod
    def _is_wanted(job: Job, phase: Phase, found: FoundAttempt, node: Node) -> bool:
        """A reduce that has read what was made again since then may have read it twice, or not at all."""
        if not phase.is_open or not 0 <= found.task < len(phase.tasks):
            return False
        if job.in_flight >= job.spec.scheduler.max_cores or len(node.running) >= node.slots:
            return False
        is_valid = phase is job.phases[0] or not job.was_remade
        is_waiting = phase.tasks[found.task].state is not TaskState.DONE
        return is_valid and is_waiting and len(phase.attempts.get(found.task, ())) < ATTEMPTS_MAX

    # -- ends

    def ended(self, attempt: Attempt, event: AttemptEnded) -> None:
        """Live: the attempt is over, and its slot free."""
        board, job = self.board, attempt.job
        board.release(attempt)
        if event.end.outcome is Outcome.NODE_LOST:
            board.losses.note(attempt.node.name, board.now)
        if attempt.doomed or not job.is_active:
            return
        self._take_in(attempt, event)

    def lost(self, attempt: Attempt) -> None:
        """Live: its node is gone, and the attempt with it."""
        end = AttemptEnd(Outcome.NODE_LOST, f"Connection to {attempt.node.name} is lost")
        self.ended(attempt, _event(attempt, end))

    def overdue(self, number: int) -> None:
        """The attempt has had its time: it is killed, and has failed."""
        attempt = self.board.attempts.get(number)
        if attempt is None or attempt.doomed:
            return
        limit = attempt.job.spec.scheduler.task_timeout_s
        text = f"No end within {limit} seconds, the task_timeout of the job"
        self.board.doom(attempt, text)
        self._take_in(attempt, _event(attempt, AttemptEnd(Outcome.CRASHED, text)))

    def _take_in(self, attempt: Attempt, event: AttemptEnded) -> None:
        board, job, phase, task = self.board, attempt.job, attempt.phase, attempt.task
        event = replace(event, end=_cut(event.end), excused=self._is_excused(attempt, event.end))
        board.record(event)
        if event.end.outcome is Outcome.DONE:
            for number in phase.attempts.get(task.id, ()):
                board.doom(board.attempts[number], "another attempt of its task was first")
            seconds = board.now - attempt.started_s
            if phase.stragglers:
                phase.stragglers.finished(seconds)
            text = texts.task_line(
                "DONE", event.mode, event.task, f"Task finished in {texts.duration(seconds)}"
            )
            board.log(job, text, attempt.node.name)
        self.settle(job, phase, task, event)
        if job.is_active and policy.is_counted(event.end) and not event.excused:
            self._judge_node(job, event)

    def _is_excused(self, attempt: Attempt, end: AttemptEnd) -> bool:
        """Whether it failed for a reason that is known, and is not the task."""
        board, job = self.board, attempt.job
        if end.outcome is Outcome.NODE_LOST:
            return board.losses.is_excused(attempt.node.name, board.now, attempt.task.trouble)
        if attempt.phase is job.phases[0] or end.fatal or not policy.is_counted(end):
            return False
        source = job.sources()
        holders = source.holders if source and job.remakes < policy.REMAKES_MAX else ()
        is_unreadable = any(host_of(url) in holders for url in end.unreadable)
        return is_unreadable or attempt.started_s <= job.shaken_s

    def _judge_node(self, job: Job, event: AttemptEnded) -> None:
        """Set the node aside if everything fails there."""
        board = self.board
        node = board.nodes.get(event.node)
        if node.is_aside or not board.health.is_bad(node.name):
            return
        aside = 1 + sum(other.is_aside for other in board.nodes.all.values() if other.connected)
        if aside > len(board.nodes.usable) - (node.name in board.nodes.usable):
            return
        pause = board.health.pause_s(node.name)
        node.is_aside = True
        board.nodes.changed(node)
        board.timers.add(board.now + pause, NodePause(node.name))
        board.log(job, f"WARNING: Everything fails on {node.name}: it gets no tasks for {pause:.0f} seconds")

    # -- what ends mean, live and from the journal

    def settle(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> None:
        board, end = self.board, event.end
        node = board.nodes.get(event.node)
        if end.outcome is Outcome.DONE:
            node.job_ok += 1
            board.health.succeeded(node.name)
            phase.complete(task, event.node, end.outputs)
            line = texts.task_line("SYS", phase.mode, task.id, f"Received results from {event.node}")
            board.log(job, line)
            self.flow.advance(job)
        elif end.fatal:
            node.error += 1
            self._log_failure(job, phase, task, event, "FATAL")
            self.flow.end(job, JobStatus.DEAD, texts.failure_text(_cause(job, event)))
        else:
            self._log_failure(job, phase, task, event, _LINE_KIND.get(end.outcome, "WARNING"))
            self._not_done(job, phase, task, event)
        board.touch(job)
        board.nodes.changed(node)

    def requeue(self, job: Job, phase: Phase, task: Task) -> None:
        """The task may be tried now, if its phase is open."""
        if phase.is_open and task.state is TaskState.WAITING and task.group is None:
            phase.waiting.enqueue(task, self.board.nodes.usable)
        self.board.touch(job)

    def avoid(self, job: Job, phase: Phase, task: Task, node: str) -> None:
        """The task should not run there again: what it made there could not be had."""
        end = AttemptEnd(Outcome.FAILED, f"Its outputs on {node} can't be read")
        event = AttemptEnded(0, job.name, phase.mode, task.id, node, end)
        self._avoid(self._trouble(job, task, event), node)

    def _not_done(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> None:
        if event.end.outcome is Outcome.NODE_LOST:
            self._node_lost(job, phase, task, event)
        elif event.excused or event.end.outcome is Outcome.KILLED:
            self._again(job, phase, task, 1)
        else:
            self._failed(job, phase, task, event)

    def _node_lost(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> None:
        trouble = self._trouble(job, task, event)
        if event.excused:
            trouble.excuses += 1
        else:
            trouble.losses += 1
            self._avoid(trouble, event.node)
        if not self.board.live:
            return
        if trouble.losses >= policy.LOSSES_MAX:
            self.flow.end(job, JobStatus.DEAD, texts.killer_text(_cause(job, event), trouble.losses))
        elif trouble.losses + trouble.excuses == 1 and not self.board.nodes.is_connected(event.node):
            self.requeue(job, phase, task)
        else:
            self._again(job, phase, task, trouble.losses + trouble.excuses)

    def _failed(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> None:
        board = self.board
        node = board.nodes.get(event.node)
        if event.end.outcome is Outcome.FAILED:
            node.data_error += 1
        else:
            node.error += 1
        board.health.failed(node.name, (job.name, phase.mode.value, task.id))
        phase.failed += 1
        trouble = self._trouble(job, task, event)
        trouble.failures += 1
        trouble.seen = [*trouble.seen, (policy.fingerprint(event.end), event.node)][-policy.SEEN_KEPT :]
        self._avoid(trouble, event.node)
        if board.live:
            failure = self._is_final(job, phase, task, event)
            if failure:
                self.flow.end(job, JobStatus.DEAD, failure)
            else:
                pause = self._again(job, phase, task, trouble.failures)
                board.log(job, texts.retry_line(phase.mode, task.id, trouble.failures, pause))

    def _is_final(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> str:
        """Why this failure ends the job; "" if it does not."""
        board, options, trouble = self.board, job.spec.scheduler, task.trouble
        assert trouble is not None
        if trouble.failures >= policy.failure_limit(options, board.max_failure_rate):
            return texts.gave_up_text(trouble.first, trouble.failures)
        failures = sum(one.failed for one in job.phases)
        if options.max_job_failures is not None and failures >= options.max_job_failures:
            return texts.job_gave_up_text(_cause(job, event), failures)
        allowed = phase.placement.count_allowed(task, board.nodes.usable)
        if options.max_failures is None and policy.is_deterministic(trouble, allowed):
            return texts.deterministic_text(_cause(job, event))
        return ""

    def _again(self, job: Job, phase: Phase, task: Task, tries: int) -> float:
        """The task is tried again, a little later: its node may be about to go, or the cause may pass."""
        if not self.board.live:
            return 0.0
        pause = policy.retry_pause_s(tries, self.board.rng)
        if task.state is TaskState.WAITING:
            self.board.timers.add(self.board.now + pause, TaskPause(job.name, phase.mode, task.id))
        return pause

    @staticmethod
    def _trouble(job: Job, task: Task, event: AttemptEnded) -> Trouble:
        if task.trouble is None:
            task.trouble = Trouble(_cause(job, event))
        return task.trouble

    @staticmethod
    def _avoid(trouble: Trouble, node: str) -> None:
        if node not in trouble.avoid:
            trouble.avoid = tuple(sorted((*trouble.avoid, node)))

    def _log_failure(self, job: Job, phase: Phase, task: Task, event: AttemptEnded, kind: str) -> None:
        text = event.end.message or f"Attempt ended as {event.end.outcome}"
        host = MASTER if event.end.outcome is Outcome.NODE_LOST else event.node
        self.board.log(job, texts.task_line(kind, phase.mode, task.id, text), host)


def _event(attempt: Attempt, end: AttemptEnd) -> AttemptEnded:
    job, mode, task = attempt.job.name, attempt.phase.mode, attempt.task.id
    return AttemptEnded(attempt.number, job, mode, task, attempt.node.name, end)


def _cut(end: AttemptEnd) -> AttemptEnd:
    """With texts of the length that is kept."""
    limit = policy.MESSAGE_KEPT
    if len(end.message) <= limit and len(end.last_words) <= limit:
        return end
    return replace(end, message=end.message[:limit], last_words=end.last_words[:limit])


def _cause(job: Job, event: AttemptEnded) -> Cause:
    end = event.end
    return Cause(
        event.mode,
        event.task,
        event.node,
        event.attempt,
        _keep(job, end.message or f"attempt ended as {end.outcome}"),
        end.exit_status,
        end.signal,
        end.peak_memory_bytes,
        _keep(job, end.last_words),
    )


def _keep(job: Job, text: str) -> str:
    """The text, cut; equal ones of a job are one object."""
    text = text[: policy.MESSAGE_KEPT]
    if len(job.texts) >= TEXTS_KEPT:
        return job.texts.get(text, text)
    return job.texts.setdefault(text, text)
