"""The nodes as they come and go, and what that means for the jobs that wait.

A node that comes up may be new to the cluster: the tasks next to it move to its queue. It may be one that
was away: what reads from it goes on. A node that goes, or is closed, takes with it the last place of some
tasks, which may then go back to where they failed. Only a new table can take nodes out of the cluster; then
everything that waits is sorted anew.

After a restart of the master the unfinished jobs start nothing until all nodes that are known are there
again, or REJOIN_S have passed: nodes bring with them what they have gone on with, which need not run twice.
"""

from __future__ import annotations

from .. import events as ev
from .attempts import Attempts
from .board import Board
from .failure.losses import Losing
from .flow import Flow
from .job import Job
from .nodes import Node
from .timers import Rejoined

REJOIN_S = 5.0


class Members:
    def __init__(self, board: Board, flow: Flow, attempts: Attempts, losing: Losing) -> None:
        self.board, self.flow, self.attempts, self.losing = board, flow, attempts, losing

    def up(self, event: ev.NodeUp) -> None:
        board = self.board
        node = board.nodes.get(event.node)
        if event.generation <= node.generation:
            return
        if node.connected:
            self._lose(node)
        node.connected, node.generation, node.reported = True, event.generation, event.slots
        node.is_aside = node.is_full = False
        board.health.forget(node.name)
        board.nodes.changed(node)
        for found in event.attempts:
            self.attempts.adopt(found, node)
        self._rejoined(node.name)
        for job in board.active_jobs():
            phase = job.open_phase()
            if phase and node.slots > 0:
                phase.waiting.join(node.name, board.nodes.usable)
                phase.waiting.unstick(board.nodes.usable)
            self._see_to(job, node.name)

    def expect(self) -> None:
        """After a restart: the nodes that are known may still run what the master knows nothing of."""
        board = self.board
        names = [name for name, node in board.nodes.all.items() if not node.removed]
        jobs = board.active_jobs() if names else []
        for job in jobs:
            job.is_resumed = True
        if jobs:
            board.awaited = dict.fromkeys(names)
            board.timers.add(board.now + REJOIN_S, Rejoined())

    def go_on(self) -> None:
        """Whatever nodes are there, the jobs go on."""
        self.board.awaited = {}
        for job in self.board.active_jobs():
            if job.is_resumed:
                job.is_resumed = False
                self.board.touch(job)

    def _rejoined(self, name: str) -> None:
        if name in self.board.awaited:
            del self.board.awaited[name]
            if not self.board.awaited:
                self.go_on()

    def down(self, event: ev.NodeDown) -> None:
        node = self.board.nodes.all.get(event.node)
        if node and node.connected and node.generation == event.generation:
            self._lose(node)
            self.closed()
            for job in self.board.active_jobs():
                self._see_to(job, node.name)

    def stats(self, event: ev.NodeStats) -> None:
        node = self.board.nodes.all.get(event.node)
        if node and node.generation == event.generation:
            was_full = node.is_full
            self.board.nodes.set_disk(node, event.disk_free_bytes, event.disk_used_bytes)
            if node.is_full != was_full:
                self.closed()

    def table_saved(self, event: ev.NodeTableSaved) -> None:
        board = self.board
        try:
            board.nodes.save_table(event.rows)
        except ValueError:
            return  # whoever sends one has checked it with `expand_rows`
        board.record(event)
        board.is_touched = True
        if not board.live:
            return
        cluster = board.cluster()
        for job in board.active_jobs():
            self.flow.check_possible(job)
            phase = job.open_phase()
            if phase:
                phase.waiting.sort_anew(dict(cluster), board.nodes.usable)
            self.flow.hold(job)
            self.flow.advance(job)

    def blacklist_changed(self, event: ev.BlacklistChanged) -> None:
        board = self.board
        if event.listed == (event.node in board.nodes.listed(event.kind)):
            return
        if board.live and event.listed and event.node not in board.nodes.all:
            return
        board.record(event)
        board.nodes.set_listed(event.kind, event.node, event.listed)
        board.is_touched = True
        if board.live and event.kind != "gc":
            self.closed()

    def pause_over(self, name: str) -> None:
        """A node that was set aside gets one more chance."""
        node = self.board.nodes.get(name)
        node.is_aside = False
        self.board.nodes.changed(node)

    def closed(self) -> None:
        """Fewer nodes take tasks, or other ones. A node that was set aside beats none."""
        board = self.board
        if not board.nodes.usable:
            for node in board.nodes.all.values():
                if node.is_aside:
                    self.pause_over(node.name)
        for job in board.active_jobs():
            phase = job.open_phase()
            if phase:
                phase.waiting.unstick(board.nodes.usable)
                board.touch(job)

    def _lose(self, node: Node) -> None:
        node.connected, node.down_s = False, self.board.now
        self.board.nodes.changed(node)
        self.losing.node_gone(node)

    def _see_to(self, job: Job, name: str) -> None:
        """The node has come or gone: a job that reads from it waits or goes on, as does its shuffle there."""
        if job.reads_from(name):
            self.flow.hold(job)
        if job.holds_on(name):
            self.flow.advance(job)
        self.board.touch(job)
