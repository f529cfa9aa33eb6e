"""How a job gets from its submission to its end.

    submitted -> [map tasks -> shuffle] -> [reduce tasks -> shuffle] -> ready
                  any of it -> dead (fatal, too many failures, deterministic failure, kill)
                  a holder of outputs is lost -> back to the tasks that made them

`advance` is called after anything that may let a job go on; it looks at the phases in order and does what
is next. It can be called at any time, any number of times. What it decides follows from durable events
alone, but for the orders it gives; so in a replay it arrives at the same phase, without the orders.
"""

from __future__ import annotations

from dataclasses import replace

from ..actions import EndJob, Launch, Shuffle
from ..events import AttemptEnded, JobEnded, OutputsLost, ShuffleEnded
from ..model import AttemptEnd, JobStatus, Outcome, TaskSpec
from . import policy, texts
from .board import Attempt, Board, MergePause, NodeGrace, TaskPause
from .job import Job
from .nodes import Node
from .phase import Phase, Stage
from .task import Cause, Task, TaskState, Trouble

TEXTS_KEPT = 1000  # different failure messages of a job that are kept once each

_LINE_KIND = {Outcome.FAILED: "ERROR", Outcome.CRASHED: "WARNING"}


class Flow:
    def __init__(self, board: Board) -> None:
        self.board = board

    # -- phases

    def advance(self, job: Job) -> None:
        if not job.is_active:
            return
        for index, phase in enumerate(job.phases):
            if not phase.all_done:
                self._halt_after(job, index)
                self._run(job, phase)
                return
            if not self._shuffle(job, phase):
                self._halt_after(job, index)
                return
        self.end(job, JobStatus.READY)

    def hold(self, job: Job) -> None:
        """A phase that reads from a node that is away starts no task until it is back, or is given up."""
        job.is_held = any(not self.board.nodes.is_connected(node) for node in job.read_from())
        self.board.touch(job)

    def end(self, job: Job, status: JobStatus, failure: str = "", text: str = "") -> None:
        """`text` replaces the usual last line of the job's events."""
        board = self.board
        if not board.live:
            return
        board.doom_all(job, f"job {job.name} is over")
        view = job.last_view(status, board.now, failure)
        board.record(JobEnded(view))
        if status is JobStatus.READY:
            text = f"READY: Job finished in {texts.duration(board.now - job.started_s)}"
        board.log(job, text or f"ERROR: Job failed: {failure}")
        board.order(EndJob(job.name))
        job.end(view)
        board.touch(job)

    def check_possible(self, job: Job) -> None:
        """End a job whose tasks have no place in the cluster as the table describes it."""
        if job.phases:
            first = job.phases[0]
            cluster = self.board.cluster() if self.board.nodes.rows else {}
            unfinished = (task for task in first.tasks if task.state is not TaskState.DONE)
            failure = first.placement.impossible(unfinished, cluster)
            if failure:
                self.end(job, JobStatus.DEAD, failure)

    def nodes_changed(self) -> None:
        """Nodes came, went, were closed or opened: what could run where has changed."""
        cluster, usable = self.board.cluster(), self.board.usable()
        for job in self.board.active_jobs():
            phase = job.open_phase()
            if phase and (phase.placement.cluster != cluster or any(phase.waiting.groups)):
                phase.requeue_all(cluster, usable)
            self.hold(job)
            self.advance(job)

    def _run(self, job: Job, phase: Phase) -> None:
        board = self.board
        if phase.stage is Stage.NEW:
            phase.stage, phase.started_s = Stage.TASKS, board.now
            board.log(job, f"Starting {phase.mode} phase")
        if board.live and not phase.is_open:
            phase.placement.cluster = board.cluster()
            job.prefer(phase)
            phase.open(board.usable())
            self.hold(job)

    def _halt_after(self, job: Job, index: int) -> None:
        """What the later phases read is not complete: stop them."""
        for phase in job.phases[index + 1 :]:
            if phase.is_open:
                phase.close()
                for number in list(job.running):
                    if self.board.attempts[number].phase is phase:
                        self.board.doom(self.board.attempts[number], "its input is being made again")

    # -- shuffle

    def _shuffle(self, job: Job, phase: Phase) -> bool:
        """Go on with the shuffle of a phase whose tasks are all done. Whether it is complete."""
        board = self.board
        if phase.final is not None:
            return True
        if phase.stage is not Stage.SHUFFLE:
            phase.close()
            phase.stage, phase.shuffle_started_s = Stage.SHUFFLE, board.now
            if phase.holders:
                board.log(job, "Starting shuffle phase")
        if not phase.is_shuffled:
            self._order_merges(job, phase)
            return False
        phase.finish()
        phase.stage = Stage.FINISHED
        job.changed_inputs()
        if phase.holders:
            board.log(job, f"Finished shuffle phase in {texts.duration(board.now - phase.shuffle_started_s)}")
        board.log(job, f"Finished {phase.mode} phase in {texts.duration(board.now - phase.started_s)}")
        board.touch(job)
        return True

    def _order_merges(self, job: Job, phase: Phase) -> None:
        board = self.board
        if not board.live:
            return
        nodes = [name for name in phase.to_merge() if board.nodes.is_connected(name)]
        for name, outputs in phase.outputs_on(nodes).items() if nodes else ():
            phase.merging[name] = False
            generation = board.nodes.get(name).generation
            board.order(Shuffle(job.name, phase.mode, name, generation, outputs))

    def shuffle_ended(self, event: ShuffleEnded) -> None:
        board = self.board
        job = board.jobs.get(event.job)
        phase = job.phase(event.mode) if job and job.is_active else None
        if job is None or phase is None or event.node not in phase.holders:
            return
        if board.live:
            void = phase.merging.pop(event.node, None)
            if void is None:
                return
            if void:
                self.advance(job)
                return
        board.record(event)
        if not event.error:
            phase.merge_ended(event.node, event.index)
        else:
            self._merge_failed(job, phase, event)
        board.touch(job)
        self.advance(job)

    def _merge_failed(self, job: Job, phase: Phase, event: ShuffleEnded) -> None:
        board = self.board
        phase.merge_ended(event.node, None)
        failures = phase.merge_failures[event.node]
        if not board.live:
            return
        board.log(job, f"WARNING: Shuffle of {phase.mode} on {event.node} failed: {event.error}")
        limit = policy.failure_limit(job.spec.scheduler, board.max_failure_rate)
        if failures >= limit:
            failure = f"Shuffle of {phase.mode} on {event.node} has failed {failures} times: {event.error}"
            self.end(job, JobStatus.DEAD, failure)
            return
        phase.merge_pauses[event.node] = None
        pause = policy.retry_pause_s(failures, board.rng)
        board.timers.add(board.now + pause, MergePause(job.name, phase.mode, event.node))

    # -- attempts

    def launch(self, job: Job, task: Task, node: Node) -> None:
        board = self.board
        phase = job.open_phase()
        assert phase is not None
        attempt = board.start_attempt(job, phase, task, node)
        inputs = job.inputs_of(phase, task.id, node.name, board.nodes.load_of)
        board.log(job, f"{phase.mode}:{task.id} assigned to {node.name}")
        spec = TaskSpec(job.name, phase.mode, task.id, attempt.number, inputs)
        board.order(Launch(node.name, node.generation, spec))

    def attempt_ended(self, attempt: Attempt, event: AttemptEnded) -> None:
        """Live: the attempt is over, and its slot free."""
        board, job = self.board, attempt.job
        board.release(attempt)
        if attempt.doomed or not job.is_active:
            return
        if self._is_excused(attempt, event.end):
            event = replace(event, end=replace(event.end, outcome=Outcome.NODE_LOST))
        board.record(event)
        if event.end.outcome is Outcome.DONE:
            taken = texts.duration(board.now - attempt.started_s)
            text = texts.task_line("DONE", event.mode, event.task, f"Task finished in {taken}")
            board.log(job, text, attempt.node.name)
        self.settle(job, attempt.phase, attempt.task, event)

    @staticmethod
    def _is_excused(attempt: Attempt, end: AttemptEnd) -> bool:
        """Whether it failed because a node from which it was reading went away."""
        is_later = attempt.phase is not attempt.job.phases[0]
        shaken = attempt.started_s <= attempt.job.shaken_s
        return is_later and shaken and policy.is_counted(end) and not end.fatal

    def settle(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> None:
        """What an attempt's end means for its task and job. The task is WAITING, in no queue."""
        end = event.end
        node = self.board.nodes.get(event.node)
        if end.outcome is Outcome.DONE:
            node.job_ok += 1
            phase.complete(task, event.node, end.outputs)
            line = texts.task_line("SYS", phase.mode, task.id, f"Received results from {event.node}")
            self.board.log(job, line)
            self.advance(job)
        elif end.fatal:
            node.error += 1
            self._log_failure(job, phase, task, event, "FATAL")
            self.end(job, JobStatus.DEAD, texts.failure_text(_cause(job, event)))
        elif policy.is_counted(end):
            if end.outcome is Outcome.FAILED:
                node.data_error += 1
            else:
                node.error += 1
            self._log_failure(job, phase, task, event, _LINE_KIND.get(end.outcome, "WARNING"))
            self._failed(job, phase, task, event)
        else:
            self._log_failure(job, phase, task, event, "WARNING")
            self._again(job, phase, task)
        self.board.touch(job)
        self.board.nodes_touched = True

    def requeue(self, job: Job, phase: Phase, task: Task) -> None:
        """The task may be tried now, if its phase is open."""
        if phase.is_open and task.state is TaskState.WAITING and task.group is None:
            phase.enqueue(task, self.board.usable())
        self.board.touch(job)

    def _log_failure(self, job: Job, phase: Phase, task: Task, event: AttemptEnded, kind: str) -> None:
        text = event.end.message or f"Attempt ended as {event.end.outcome}"
        self.board.log(job, texts.task_line(kind, phase.mode, task.id, text), event.node)

    def _failed(self, job: Job, phase: Phase, task: Task, event: AttemptEnded) -> None:
        board = self.board
        phase.failed += 1
        if task.trouble is None:
            task.trouble = Trouble(_cause(job, event))
        trouble = task.trouble
        trouble.failures += 1
        trouble.seen = [*trouble.seen, (policy.fingerprint(event.end), event.node)][-policy.SEEN_KEPT :]
        if event.node not in trouble.avoid:
            trouble.avoid = tuple(sorted((*trouble.avoid, event.node)))
        if not board.live:
            return
        options = job.spec.scheduler
        allowed = phase.placement.count_allowed(task, board.usable())
        if trouble.failures >= policy.failure_limit(options, board.max_failure_rate):
            failure = texts.gave_up_text(trouble.first, trouble.failures)
            self.end(job, JobStatus.DEAD, failure)
        elif options.max_failures is None and policy.is_deterministic(trouble, allowed):
            self.end(job, JobStatus.DEAD, texts.deterministic_text(_cause(job, event)))
        else:
            pause = policy.retry_pause_s(trouble.failures, board.rng)
            board.log(job, texts.retry_line(phase.mode, task.id, trouble.failures, pause))
            board.timers.add(board.now + pause, TaskPause(job.name, phase.mode, task.id))

    def _again(self, job: Job, phase: Phase, task: Task) -> None:
        """Not the task's fault: it is tried again. A little later, as its node may be about to go down."""
        if self.board.live:
            pause = policy.retry_pause_s(1, self.board.rng)
            self.board.timers.add(self.board.now + pause, TaskPause(job.name, phase.mode, task.id))

    # -- lost nodes

    def node_gone(self, node: Node) -> None:
        """A generation of the node is over: its attempts are, and what it holds is out of reach."""
        board = self.board
        for number in list(node.running):
            attempt = board.attempts[number]
            board.release(attempt)
            if not attempt.doomed:
                text = f"Connection to {node.name} is lost"
                line = texts.task_line("WARNING", attempt.phase.mode, attempt.task.id, text)
                board.log(attempt.job, line)
                self.requeue(attempt.job, attempt.phase, attempt.task)
        for job in board.active_jobs():
            for phase in job.phases:
                phase.merging.pop(node.name, None)
            if node.name in job.read_from():
                job.shaken_s = board.now
        self.watch(node)

    def watch(self, node: Node) -> None:
        """Give a node that is away, and holds something, some time to come back."""
        if any(job.holds_on(node.name) for job in self.board.active_jobs()):
            self.board.timers.add(self.board.now + policy.OUTPUT_GRACE_S, NodeGrace(node.name))

    def grace_over(self, name: str) -> None:
        board = self.board
        node = board.nodes.get(name)
        if node.connected or board.now - node.down_s < policy.OUTPUT_GRACE_S:
            return
        if not board.usable():
            self.watch(node)  # nobody could make it again, and the node may yet come back
            return
        for job in board.active_jobs():
            if job.holds_on(name):
                board.record(OutputsLost(job.name, name))
                self.outputs_lost(job, name)

    def outputs_lost(self, job: Job, name: str) -> None:
        for mode, tasks in job.lose(name).items():
            phase = job.phase(mode)
            assert phase is not None
            phase.stage = Stage.TASKS
            what = f"the outputs of {len(tasks)} {mode} tasks"
            self.board.log(job, f"WARNING: Node {name} is lost with {what}: they run again")
            for task in tasks:
                self.requeue(job, phase, phase.tasks[task])
        self.board.touch(job)
        self.advance(job)


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
