"""How a job gets from its submission to its end.

    submitted -> [map tasks -> shuffle] -> [reduce tasks -> shuffle] -> ready
                  any of it -> dead (fatal, too many failures, deterministic failure, kill)
                  a holder of outputs is lost -> back to the tasks that made them

`advance` is called after anything that may let a job go on; it looks at the phases in order and does what
is next. It can be called at any time, any number of times. What it decides follows from durable events
alone, but for the orders it gives; so in a replay it arrives at the same phase, without the orders.

It leaves to others: what becomes of attempts (`attempts`), and lost nodes (`failure.losses`).
"""

from __future__ import annotations

from ..actions import EndJob, Shuffle
from ..events import JobEnded, ShuffleEnded
from ..model import JobStatus
from . import texts
from .board import Board
from .failure import policy
from .job import Job
from .phase import Merge, Phase, Stage
from .task import TaskState
from .timers import MergePause


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
        sources = job.sources()
        holders = sources.holders if sources else ()
        job.is_held = any(not self.board.nodes.is_connected(node) for node in holders)
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
        board.job_is_over(job)

    def check_possible(self, job: Job) -> None:
        """End a job whose tasks have no place in the cluster as the table describes it."""
        if job.phases:
            first = job.phases[0]
            cluster = self.board.cluster() if self.board.nodes.rows else {}
            unfinished = (task for task in first.tasks if task.state is not TaskState.DONE)
            failure = first.placement.impossible(unfinished, cluster)
            if failure:
                self.end(job, JobStatus.DEAD, failure)

    def _run(self, job: Job, phase: Phase) -> None:
        board = self.board
        if phase.stage is Stage.NEW:
            phase.stage, phase.started_s = Stage.TASKS, board.now
            board.log(job, f"Starting {phase.mode} phase")
        if board.live and not phase.is_open:
            phase.placement.cluster = board.cluster()
            job.prefer(phase)
            phase.open(board.nodes.usable)
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
            number = board.epoch << texts.EPOCH_BITS | next(board.merge_numbers)
            phase.merging[name] = Merge(number)
            generation = board.nodes.get(name).generation
            board.order(Shuffle(job.name, phase.mode, name, generation, outputs, number))

    def shuffle_ended(self, event: ShuffleEnded) -> bool:
        """Whether it is the answer to the holder's latest order, and counts."""
        board = self.board
        job = board.jobs.get(event.job)
        phase = job.phase(event.mode) if job and job.is_active else None
        if job is None or phase is None or event.node not in phase.holders:
            return False
        if board.live:
            merge = phase.merging.get(event.node)
            if merge is None or merge.number != event.number:
                return False
            del phase.merging[event.node]
            if merge.is_void:
                self.advance(job)
                return False
        board.record(event)
        if not event.error:
            phase.merge_ended(event.node, event.index)
        else:
            self._merge_failed(job, phase, event)
        board.touch(job)
        self.advance(job)
        return True

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
