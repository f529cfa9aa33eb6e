"""A small Disco for tests: starts real worker processes and speaks the other end of their pipes.

It runs tasks one after another on this machine and joins what the maps made, by label, as a node does.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disco.protocol import messages as m
from disco.protocol.session import END_OF_INPUT, NEED_DATA, Session
from jobpack.format import JobPack

HOST = "localhost"
JOB = "Test@5f2:aa:1"
HH = "ab"
TIMEOUT_S = 60

Answer = Callable[[m.Message], "m.Reply | None"]


@dataclass
class TaskEnd:
    """How a task ended: what the worker said, in order."""

    outcome: str = ""  # done, error, fatal, or what the process did
    text: str = ""
    messages: list[str] = field(default_factory=list)
    outputs: list[m.OutputMsg] = field(default_factory=list)
    asked: list[m.Message] = field(default_factory=list)
    exit_status: int | None = None


class ScriptedDisco:
    """A node with one job. `answer` may reply to a request in place of this Disco."""

    def __init__(
        self,
        root: Path,
        pack: bytes,
        *,
        answer: Answer | None = None,
        port: int = 1,
        master: str = "http://127.0.0.1:1",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.pack = JobPack.loads(pack)
        self.answer = answer or (lambda request: None)
        self.data, self.ddfs = root / "data", root / "ddfs"
        self.home = self.data / HOST / HH / JOB
        self.port, self.master = port, master
        self.timeout_s = timeout_s
        self.home.mkdir(parents=True)
        self.ddfs.mkdir()
        self.jobfile = self.home / "jobfile"
        self.jobfile.write_bytes(pack)
        with zipfile.ZipFile(io.BytesIO(self.pack.jobhome)) as archive:
            archive.extractall(self.home)
            for entry in archive.infolist():
                (self.home / entry.filename).chmod(entry.external_attr >> 16 & 0o777)

    def start(self) -> WorkerProcess:
        return WorkerProcess(self)

    def run_task(self, mode: str, taskid: int, inputs: list[list[str]]) -> TaskEnd:
        with self.start() as process:
            return process.run_task(mode, taskid, inputs)

    def run_job(self) -> list[str]:
        """Run all tasks; returns result URLs. Fails unless every task is done."""
        job = self.pack.job()
        inputs = [list(urls) for urls in job.inputs]
        with self.start() as process:
            if job.has_map:
                outputs = [self._done(process.run_task("map", i, [urls])) for i, urls in enumerate(inputs)]
                index = self.index("map", outputs)
                if not job.has_reduce:
                    return [index]
                inputs = [[index]]
            outputs = [self._done(process.run_task("reduce", i, inputs)) for i in range(job.nr_reduces)]
            return [self.index("reduce", outputs)]

    def index(self, mode: str, tasks: list[list[m.OutputMsg]]) -> str:
        """Join the parts of each label, and list everything."""
        lines, parts = [], {}
        for output in (output for outputs in tasks for output in outputs):
            if output.type == "part":
                parts.setdefault(output.label, []).append(self.home / output.location)
            elif output.type == "disco":
                lines.append(f"0 {self.url(output.location)}")
        for label, paths in sorted(parts.items()):
            joined = self.home / ".disco" / f"{mode}-part-{label}"
            joined.write_bytes(b"".join(path.read_bytes() for path in paths))
            lines.append(f"{label} {self.url(str(joined.relative_to(self.home)))}")
        name = f".disco/{mode}-index.txt.gz"
        (self.home / ".disco").mkdir(exist_ok=True)
        (self.home / name).write_bytes(
            gzip.compress("".join(f"{line}\n" for line in sorted(set(lines))).encode())
        )
        return self.url(name).replace("disco://", "dir://")

    def url(self, location: str) -> str:
        return f"disco://{HOST}/disco/{HOST}/{HH}/{JOB}/{location}"

    def records(self, results: list[str]) -> list[Any]:
        """The records of results, read as a task on this node reads them."""
        from disco.client.results import result_iterator
        from disco.task import Task
        from disco.worker import current

        current.task = Task(
            host=HOST, disco_data=str(self.data), ddfs_data=str(self.ddfs), disco_port=self.port
        )
        try:
            return list(result_iterator(results))
        finally:
            current.task = None

    def task_info(self, mode: str, taskid: int) -> m.TaskInfo:
        return m.TaskInfo(
            host=HOST, master=self.master, jobname=JOB, taskid=taskid, mode=mode, disco_port=self.port,
            put_port=1, disco_data=str(self.data), ddfs_data=str(self.ddfs), jobfile=str(self.jobfile),
        )  # fmt: skip

    @staticmethod
    def _done(end: TaskEnd) -> list[m.OutputMsg]:
        assert end.outcome == "done", f"{end.outcome}: {end.text} {end.messages}"
        return end.outputs


class WorkerProcess:
    """One worker process, which may run several tasks (reuse)."""

    def __init__(self, disco: ScriptedDisco, environment: dict[str, str] | None = None) -> None:
        self.disco = disco
        worker = disco.home / disco.pack.jobdict["worker"]
        clean = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-E", "-s", str(worker)],
            cwd=disco.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**clean, **disco.pack.jobenvs, **(environment or {})},
            bufsize=0,
        )
        self.session = Session(m.Role.DISCO)
        self.announcement: m.Worker | None = None
        self._waits_for_task = False
        self._watchdog = threading.Timer(disco.timeout_s, self.process.kill)
        self._watchdog.start()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *error: object) -> None:
        if self._waits_for_task:
            self._reply(m.Ok())
        self._watchdog.cancel()
        assert self.process.stdin and self.process.stderr
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stderr.close()

    def run_task(self, mode: str, taskid: int, inputs: list[list[str]]) -> TaskEnd:
        """Give the process a task and talk with it until the task has ended."""
        end = TaskEnd()
        entries = [
            m.InputEntry(i, "ok", tuple(m.Replica(j, url) for j, url in enumerate(urls)))
            for i, urls in enumerate(inputs)
        ]
        if self._waits_for_task:
            self._waits_for_task = False
            self._reply(self.disco.task_info(mode, taskid))
        while not end.outcome:
            request = self._next()
            if request is None:
                end.exit_status = self.process.wait(10)
                end.outcome = "exited"
                break
            end.asked.append(request)
            self._answer(request, end, entries, self.disco.task_info(mode, taskid))
        return end

    def _answer(
        self, request: m.Message, end: TaskEnd, entries: list[m.InputEntry], info: m.TaskInfo
    ) -> None:
        reply: m.Message = self.disco.answer(request) or m.Ok()
        if isinstance(request, m.Worker):
            self.announcement = request
        elif isinstance(request, m.TaskRequest):
            reply = info
        elif isinstance(request, m.Msg):
            end.messages.append(request.text)
        elif isinstance(request, m.OutputMsg):
            end.outputs.append(request)
        elif isinstance(request, m.InputRequest) and isinstance(reply, m.Ok):
            ids = set(request.ids)
            wanted = {
                "all": lambda e: True,
                "include": lambda e: e.id in ids,
                "exclude": lambda e: e.id not in ids,
            }
            reply = m.InputReply(False, tuple(filter(wanted[request.select], entries)))
        elif isinstance(request, m.InputErr) and isinstance(reply, m.Ok):
            left = tuple(r for r in entries[request.input_id].replicas if r.id not in request.replica_ids)
            reply = m.Retry(left) if left else m.Fail()
            entries[request.input_id] = entries[request.input_id]._replace(replicas=left)
        elif isinstance(request, m.Done):
            end.outcome, self._waits_for_task = "done", True
            return
        elif isinstance(request, m.Error | m.Fatal):
            end.outcome, end.text = request.name.lower(), request.text
        self._reply(reply)

    def _reply(self, message: m.Message) -> None:
        assert self.process.stdin
        data = self.session.send(message)
        self.process.stdin.write(data)

    def _next(self) -> m.Message | None:
        assert self.process.stderr
        while True:
            event = self.session.next_event()
            if event is END_OF_INPUT:
                return None
            if event is not NEED_DATA:
                assert isinstance(event, m.Message)
                return event
            self.session.receive_data(os.read(self.process.stderr.fileno(), 65536))
