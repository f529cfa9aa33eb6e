"""A master and nodes in memory: real objects that keep the promises of the doors, without processes."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from disco_master.ddfs.placement import StorageNode
from disco_master.engine.base import NodeError
from disco_master.events import (
    BlacklistChanged,
    Event,
    JobCleaned,
    JobKilled,
    NodeTableSaved,
    SettingChanged,
)
from disco_master.model import Counts, JobStatus, JobView, MasterView, NodeView
from disco_master.web.config import WebConfig
from disco_master.web.door import AttemptLogEntry, TaskName, Unavailable
from disco_master.web.server import Server
from jobpack.format import JobPack

FREE = 5 * 1024**3


def job_view(name: str, status: JobStatus = JobStatus.ACTIVE, **changes: Any) -> JobView:
    view = JobView(
        name=name,
        owner="me@here",
        worker="worker.py",
        started_s=1_700_000_000.7,
        status=status,
        has_map=True,
        has_reduce=False,
        map=Counts(1, 2, 3, 4),
        reduce=Counts(),
        inputs=(("http://a/1",), ("http://a/2", "http://b/2")),
        hosts=("n1",) if status is JobStatus.ACTIVE else (),
        results=("dir://n1/disco/n1/aa/x/.disco/map-index.txt.gz",) if status is JobStatus.READY else (),
    )
    return dataclasses.replace(view, **changes)


def node_view(name: str, **changes: Any) -> NodeView:
    view = NodeView(name, True, False, 4, ("a@1:2:3",), 5, 6, 7, 2048 * 1024, 1024 * 1024)
    return dataclasses.replace(view, **changes)


class MemoryMaster:
    """A `MasterDoor` whose jobs change when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.stopping = False
        self.somebody_waits = threading.Event()
        self.reasons: dict[str, list[str]] = {}
        self.logs: dict[tuple[str, str, TaskName, int], str] = {}  # by job, node, task, attempt
        self._changed = threading.Condition()
        self._view = MasterView(1, {}, {"n1": node_view("n1")}, (("n1", "4"),), (), (), 10)

    def view(self) -> MasterView:
        return self._view

    def change(self, **fields: Any) -> MasterView:
        with self._changed:
            self._view = dataclasses.replace(self._view, version=self._view.version + 1, **fields)
            self._changed.notify_all()
            return self._view

    def set_job(self, job: JobView) -> None:
        self.change(jobs={**self._view.jobs, job.name: job})

    def wait_for_change(self, version: int, timeout_s: float) -> MasterView:
        self.somebody_waits.set()
        with self._changed:
            self._changed.wait_for(lambda: self._view.version > version, timeout_s)
            return self._view

    def tell(self, event: Event) -> MasterView:
        if self.stopping:
            raise Unavailable("the master is stopping")
        self.events.append(event)
        match event:
            case JobKilled(name) if name in self._view.jobs:
                self.set_job(dataclasses.replace(self._view.jobs[name], status=JobStatus.DEAD, hosts=()))
            case JobCleaned(name):
                self.change(jobs={job: view for job, view in self._view.jobs.items() if job != name})
            case NodeTableSaved(rows):
                self.change(node_table=rows)
            case SettingChanged(_, value):
                self.change(max_failure_rate=value)
            case BlacklistChanged(kind, node, listed):
                field = "blacklist" if kind == "tasks" else "gc_blacklist"
                nodes = set(getattr(self._view, field)) - {node} | ({node} if listed else set())
                self.change(**{field: tuple(sorted(nodes))})
        return self._view

    def submit(self, pack: bytes) -> str:
        name = f"{JobPack.loads(pack).job().prefix}@1:2:3"
        (self.folder / f"{name}.pack").write_bytes(pack)
        self.set_job(job_view(name))
        return name

    def job_file(self, job: str) -> Path | None:
        return self._existing(f"{job}.pack")

    def events_file(self, job: str) -> Path | None:
        return self._existing(f"{job}.events")

    def why(self, job: str) -> list[str]:
        if self.stopping:
            raise Unavailable("the master is stopping")
        return self.reasons.get(job, [])

    def attempt_logs(self, job: str, task: TaskName | None) -> list[AttemptLogEntry]:
        found = [key for key in self.logs if key[0] == job and task in (None, key[2])]
        return [
            AttemptLogEntry(node, task.mode, task.task, attempt, len(self.logs[job, node, task, attempt]))
            for job, node, task, attempt in sorted(found, key=lambda key: key[2:])
        ]

    def attempt_log(self, job: str, task: TaskName, attempt: int, node: str) -> str | None:
        return self.logs.get((job, node, task, attempt))

    def state(self) -> dict[str, object]:
        return {"pid": 1}

    def _existing(self, name: str) -> Path | None:
        path = self.folder / name
        return path if "/" not in name and path.exists() else None

    def write_events(self, job: str, text: str) -> None:
        (self.folder / f"{job}.events").write_text(text)


class MemoryNodes:
    """Nodes that carry out the tag operations in memory, and fail when told to."""

    def __init__(self, *names: str) -> None:
        self.nodes = {name: StorageNode(name, 1, FREE, True) for name in names}
        self.tags: dict[str, dict[str, str]] = {name: {} for name in names}
        self.partial: dict[str, dict[str, str]] = {name: {} for name in names}
        self.down: set[str] = set()
        self.failing: set[tuple[str, str]] = set()  # (node, operation)
        self.lost_answers: set[tuple[str, str]] = set()  # carried out, but the answer never comes
        self.calls: list[tuple[str, str]] = []
        self.hold: dict[str, threading.Event] = {}  # an operation waits for its event
        self._lock = threading.Lock()

    def list(self) -> list[StorageNode]:
        return list(self.nodes.values())

    def restart(self, name: str) -> None:
        node = self.nodes[name]
        self.nodes[name] = node._replace(generation=node.generation + 1)

    def call(self, node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        if op in self.hold:
            assert self.hold[op].wait(10)
        with self._lock:
            self.calls.append((node, op))
            if node in self.down or (node, op) in self.failing or self.nodes[node].generation != generation:
                raise NodeError(node, op, "it does not answer")
            answer = getattr(self, f"_{op}")(node, **args)
            if (node, op) in self.lost_answers:
                raise NodeError(node, op, "no answer in time")
            return answer

    def versions(self, name: str) -> set[str]:
        return {text for tags in self.tags.values() for text in tags if text.split("$")[0] == name}

    def _tag_names(self, node: str) -> list[str]:
        return list(self.tags[node])

    def _tag_read(self, node: str, name: str) -> str | None:
        return self.tags[node].get(name)

    def _tag_write(self, node: str, name: str, text: str) -> None:
        self.partial[node][name] = text

    def _tag_commit(self, node: str, name: str) -> str:
        if name in self.partial[node]:
            self.tags[node][name] = self.partial[node].pop(name)
        if name not in self.tags[node]:
            raise NodeError(node, "tag_commit", "no such tag was written")
        return f"disco://{node}/ddfs/vol0/tag/00/{name}"

    def _tag_delete(self, node: str, name: str) -> bool:
        return (self.partial[node].pop(name, None), self.tags[node].pop(name, None)) != (None, None)


@dataclass
class Site:
    master: MemoryMaster
    nodes: MemoryNodes
    config: WebConfig
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        # Not every client follows a redirect, so no call of the interface may answer with one.
        options.setdefault("timeout", 60)
        return requests.request(method, self.url + path, allow_redirects=False, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.ask("POST", path, **options)
