"""Lost nodes: their attempts run elsewhere, and what they held is made again if it does not come back.

A node that is away may come back with all that it holds (a cut link, a restart), so it gets some time
(OUTPUT_GRACE_S). While it is away no task that would read from it is started. After that its outputs are
lost: the tasks that made them are undone, and run again. The same happens to a node that is there but
can't give what it holds (its disk was replaced, its blob server is broken), once several attempts have
reported that they could not read it, or it has several times failed to merge it.
"""

from __future__ import annotations

from ...events import AttemptEnded, OutputsLost, ShuffleEnded
from ..attempts import Attempts
from ..board import Attempt, Board
from ..flow import Flow
from ..inputs import host_of
from ..job import Job
from ..nodes import Node
from ..phase import Stage
from ..task import TaskState
from ..timers import NodeGrace
from . import policy


class Losing:
    def __init__(self, board: Board, flow: Flow, attempts: Attempts) -> None:
        self.board, self.flow, self.attempts = board, flow, attempts

    def node_gone(self, node: Node) -> None:
        """A generation of the node is over: its attempts are, and what it holds is out of reach."""
        board = self.board
        board.losses.note(node.name, board.now)
        for job in board.active_jobs():
            for phase in job.phases:
                phase.merging.pop(node.name, None)
            if job.reads_from(node.name):
                job.shaken_s = board.now
        for number in list(node.running):
            self.attempts.lost(board.attempts[number])
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
        if not board.nodes.usable:
            self.watch(node)  # nobody could make it again, and the node may yet come back
            return
        for job in board.active_jobs():
            if job.holds_on(name):
                self._lose(job, name)

    def could_not_read(self, attempt: Attempt, event: AttemptEnded) -> None:
        """An attempt of a later phase failed, and named inputs that it could not read."""
        job = attempt.job
        source = job.sources()
        if source is None:
            return
        hosts = dict.fromkeys(host_of(url) for url in event.end.unreadable)
        for host in [host for host in hosts if host in source.holders]:
            source.unreadable[host] = source.unreadable.get(host, 0) + 1
            if source.unreadable[host] >= policy.UNREADABLE_LIMIT:
                self._give_up(job, host)

    def could_not_merge(self, event: ShuffleEnded) -> None:
        """A holder could not merge what it holds: it is gone, or (after several times) may well be."""
        job = self.board.jobs.get(event.job)
        phase = job.phase(event.mode) if job else None
        if job is None or phase is None or job.remakes >= policy.REMAKES_MAX:
            return
        if event.gone or phase.merge_failures.get(event.node, 0) >= policy.UNREADABLE_LIMIT:
            self._give_up(job, event.node)

    def outputs_lost(self, job: Job, name: str) -> None:
        for mode, tasks in job.lose(name).items():
            phase = job.phase(mode)
            assert phase is not None
            phase.stage = Stage.TASKS
            what = f"the outputs of {len(tasks)} {mode} tasks"
            self.board.log(job, f"WARNING: Node {name} is lost with {what}: they run again")
            for task in tasks:
                self.attempts.requeue(job, phase, phase.tasks[task])
        self.board.touch(job)
        self.flow.advance(job)

    def _give_up(self, job: Job, name: str) -> None:
        """The node is there, its outputs are not: they are made again, elsewhere if there is an elsewhere."""
        job.remakes += 1
        for phase in job.phases if job.is_active else ():
            for task in phase.tasks:
                if task.state is TaskState.DONE and task.node == name and task.local:
                    self.attempts.avoid(job, phase, task, name)
        self._lose(job, name)

    def _lose(self, job: Job, name: str) -> None:
        self.board.record(OutputsLost(job.name, name))
        self.outputs_lost(job, name)
