"""Carries out the core's actions. What takes long goes to a few threads and comes back as events."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ..actions import Action, DeleteJob, EndJob, Kill, Launch, Log, Shuffle
from ..engine.base import Engine, NodeError
from ..events import Event, ShuffleEnded
from ..store.eventlog import EventLog
from ..web.door import TagDoor, TagError
from .jobs import JobFiles

SHUFFLE_TIMEOUT_S = 3600.0
DELETE_TIMEOUT_S = 60.0
DELETE_RETRY_S = 1.0
SERVICE_UNAVAILABLE = 503
THREADS = 4
OOB_TAG = "disco:job:oob:"

log = logging.getLogger(__name__)


class Orders:
    """`put` takes events back to the core; `nodes` gives the live nodes' generations."""

    def __init__(
        self,
        engine: Engine,
        events: EventLog,
        files: JobFiles,
        tags: TagDoor,
        put: Callable[[Event], None],
        nodes: Callable[[], Mapping[str, int]],
    ) -> None:
        self._engine, self._events, self._files, self._tags = engine, events, files, tags
        self._put, self._nodes = put, nodes
        self._pool = ThreadPoolExecutor(THREADS, "orders")
        self._deleting = ThreadPoolExecutor(1, "deletions")
        self._stopping = threading.Event()
        self._deleted: queue.SimpleQueue[str] = queue.SimpleQueue()

    def stop(self) -> None:
        """What is not deleted yet is ordered again at the next start."""
        self._stopping.set()
        for pool in (self._pool, self._deleting):
            pool.shutdown(wait=True, cancel_futures=True)

    def carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            self._one(action)
        self._flush_events()

    def take_deleted(self) -> list[str]:
        """Jobs whose deletion has been carried out since the last call."""
        return [self._deleted.get() for _ in range(self._deleted.qsize())]

    def _one(self, action: Action) -> None:
        match action:
            case Launch(node, generation, spec):
                self._engine.launch(node, generation, spec)
            case Log(job, host, text):
                self._log_event(job, host, text)
            case Kill(attempt, _, reason):
                self._engine.kill(attempt, reason)
            case Shuffle():
                self._pool.submit(self._shuffle, action)
            case EndJob(job):
                self._engine.end_job(job)
            case DeleteJob(job, data):
                self._events.drop(job)
                self._files.delete(job)
                if data:
                    self._deleting.submit(self._delete_data, job)
                else:
                    self._deleted.put(job)
            case _:
                raise AssertionError(f"the loop commits records itself: {action}")

    def _log_event(self, job: str, host: str, text: str) -> None:
        try:
            self._events.append(job, time.time(), host, text)
        except OSError as error:  # a full disk costs lines of the log, never the master
            log.warning("an event of %s is lost: %s", job, error)

    def _flush_events(self) -> None:
        """After every batch, so that whoever reads the file finds all that was answered for."""
        try:
            self._events.flush_all()
        except OSError as error:
            log.warning("the event logs wait for the disk: %s", error)

    def _shuffle(self, order: Shuffle) -> None:
        outputs = [[output.url, output.kind, output.label] for output in order.outputs]
        args = {"job": order.job, "mode": order.mode, "outputs": outputs, "number": order.number}
        try:
            answer = self._engine.call(order.node, order.generation, "shuffle", args, SHUFFLE_TIMEOUT_S)
            index, error, gone = answer["index"], answer["gone"], bool(answer["gone"])
        except NodeError as failure:
            index, error, gone = "", failure.reason, False
        self._put(ShuffleEnded(order.job, order.mode, order.node, index, error, gone, order.number))

    def _delete_data(self, job: str) -> None:
        """On every node, then the OOB tag; tried again until it is done or the master stops."""
        while not self._stopping.is_set():
            if self._delete_on_nodes(job) and self._delete_oob_tag(job):
                self._deleted.put(job)
                return
            self._stopping.wait(DELETE_RETRY_S)

    def _delete_on_nodes(self, job: str) -> bool:
        nodes = self._nodes()
        try:
            for node, generation in nodes.items():
                self._engine.call(node, generation, "delete_job", {"job": job}, DELETE_TIMEOUT_S)
        except NodeError as failure:
            log.warning("purge of %s: %s; trying again", job, failure)
            return False
        return bool(nodes)

    def _delete_oob_tag(self, job: str) -> bool:
        try:
            self._tags.delete(OOB_TAG + job, None)
        except TagError as refused:
            log.info("purge of %s: its OOB tag can't be deleted yet: %s", job, refused)
            return refused.status != SERVICE_UNAVAILABLE
        return True
