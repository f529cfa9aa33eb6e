"""A real node for tests: packs with real worker programs, and a listener that keeps what the engine tells."""

from __future__ import annotations

import io
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from disco_master.model import AttemptEnd, FoundAttempt, Input, Mode, TaskSpec
from disco_master.node.config import Limits, NodeConfig
from jobpack.format import JobPack

# Ample for a busy machine; a test of one limit shortens that one.
SHORT = Limits(start_s=15.0, frame_s=5.0, exit_s=5.0, unread_reply_s=15.0, park_s=0.5)
WAIT_S = 60.0  # a machine may be many times slower than ours

# The worker's half of the protocol, for workers written in Python: `say` sends, `ask` also awaits the reply.
PREAMBLE = f"""#!{sys.executable} -IS
import json, os, signal, sys, time
def say(name, payload=""):
    text = json.dumps(payload).encode()
    data = b"%s %d %s\\n" % (name.encode(), len(text), text)
    while data:
        data = data[os.write(2, data):]
def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(9)
    name, _, payload = line.split(" ", 2)
    return name, json.loads(payload)
def ask(name, payload=""):
    say(name, payload)
    return hear()
def begin(**more):
    ask("WORKER", {{"version": "1.0", "pid": os.getpid(), **more}})
    return ask("TASK")[1]
def output(path, text, *how):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return ask("OUTPUT", [path, *how])
"""


def pack(
    files: Mapping[str, str | bytes], worker: str = "worker", envs: Mapping[str, str] | None = None
) -> bytes:
    home = io.BytesIO()
    with zipfile.ZipFile(home, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    jobdict = {
        "prefix": "test",
        "input": ["raw://x"],
        "worker": worker,
        "owner": "tests",
        "nr_reduces": 0,
        "map?": True,
        "scheduler": {},
    }
    return JobPack(jobdict, dict(envs or {}), home.getvalue(), b"").dumps()


class Listener:
    """EngineEvents that remember. Waits are on the event itself, with a bound that fails the test."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.log: list[tuple[str, int]] = []
        self.pids: dict[int, int] = {}
        self.messages: dict[int, list[tuple[int, str]]] = {}
        self.ends: dict[int, list[AttemptEnd]] = {}
        self.up: list[tuple[str, int, int]] = []
        self.found: list[FoundAttempt] = []
        self.down: list[tuple[str, int, str]] = []
        self.stats: list[tuple[str, int, int, int]] = []

    def node_up(
        self, node: str, generation: int, slots: int, attempts: tuple[FoundAttempt, ...] = ()
    ) -> None:
        self._keep(lambda: (self.up.append((node, generation, slots)), self.found.extend(attempts)))

    def node_stats(self, node: str, generation: int, disk_free_bytes: int, disk_used_bytes: int) -> None:
        self._keep(lambda: self.stats.append((node, generation, disk_free_bytes, disk_used_bytes)))

    def node_down(self, node: str, generation: int, why: str) -> None:
        self._keep(lambda: (self.down.append((node, generation, why)), self.log.append(("down", generation))))

    def attempt_started(self, attempt: int, pid: int) -> None:
        self._keep(lambda: (self.pids.update({attempt: pid}), self.log.append(("started", attempt))))

    def attempt_message(self, attempt: int, seq: int, text: str) -> None:
        self._keep(
            lambda: (
                self.messages.setdefault(attempt, []).append((seq, text)),
                self.log.append(("message", attempt)),
            )
        )

    def attempt_ended(self, node: str, spec: TaskSpec, end: AttemptEnd) -> None:
        self._keep(
            lambda: (
                self.ends.setdefault(spec.attempt, []).append(end),
                self.log.append(("ended", spec.attempt)),
            )
        )

    def texts(self, attempt: int) -> list[str]:
        return [text for _, text in self.messages.get(attempt, [])]

    def wait(self, condition: Callable[[], object], timeout_s: float = WAIT_S) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), f"not within {timeout_s} s; {self.log[-20:]}"

    def end(self, attempt: int, timeout_s: float = WAIT_S) -> AttemptEnd:
        self.wait(lambda: attempt in self.ends, timeout_s)
        return self.ends[attempt][0]

    def _keep(self, note: Callable[[], object]) -> None:
        with self._changed:
            note()
            self._changed.notify_all()


class Packs:
    """A master's job packs, as files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fetched: list[str] = []
        self.asked = threading.Event()
        self.open = threading.Event()  # cleared: fetches wait
        self.open.set()
        root.mkdir()

    def add(self, job: str, data: bytes) -> str:
        (self.root / job).write_bytes(data)
        return job

    def script(self, job: str, body: str, **more: str | bytes) -> str:
        """A job whose worker is PREAMBLE and `body`."""
        return self.add(job, pack({"worker": PREAMBLE + body, **more}))

    def fetch(self, job: str) -> Path:
        self.fetched.append(job)
        self.asked.set()
        assert self.open.wait(WAIT_S)
        return self.root / job


def config(
    tmp_path: Path, packs: Packs, limits: Limits = SHORT, slots: int = 2, name: str = "localhost"
) -> NodeConfig:
    return NodeConfig(
        name=name,
        disco_data=tmp_path / name / "data",
        ddfs_data=tmp_path / name / "ddfs",
        fetch=packs.fetch,
        slots=slots,
        limits=limits,
    )


def spec(job: str, attempt: int = 1, mode: Mode = Mode.MAP, inputs: tuple[Input, ...] = ()) -> TaskSpec:
    return TaskSpec(job, mode, attempt - 1, attempt, inputs or (Input(0, ("raw://a", "raw://b")),))


def process_is_gone(pid: int, within_s: float = WAIT_S) -> bool:
    """Whether no such process runs, a zombie being none; asked until the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.005)
    return False
