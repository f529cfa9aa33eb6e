"""One session against a master: its adapter started, every attempt played, the outcome compared."""

from __future__ import annotations

import json
import os
import queue
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from disco_conformance.master.link import Attempt, Switchboard
from disco_conformance.master.pack import PREFIX, build
from disco_conformance.master.player import WorkerPlayer, good_steps, prefix_of
from disco_conformance.master.results import Done, check
from disco_conformance.play.channel import Deadline
from disco_conformance.play.launch import LaunchError, Process
from disco_conformance.play.result import LEAK, PASS, TIMEOUT, UNLAUNCHABLE, Failed, Result
from disco_conformance.session.matching import load
from disco_conformance.session.model import WORKER, Head, Message, Session, walk
from disco_conformance.wire.transcript import Transcript

TURN_S = 0.05
LEAVE_S = 12.0
JOIN_S = 10.0
LEAST_S = 30.0
MAX_OUTCOME_BYTES = 1 << 20


class MasterCase:
    """Every attempt is played in a thread of its own: those of the map when the session is a reduce task's,
    then the session's, and the rest by a worker without a fault."""

    def __init__(self, session: Session, axis: str, patience: float, folder: Path) -> None:
        self.session, self._axis = session, axis
        self.key = uuid.uuid4().hex
        self.board = Switchboard(self.key)
        self.transcript = Transcript()
        self._limit = Deadline(_least(session.head) * patience)
        job = session.head.job
        self._before = len(session.head.inputs) if job.has_map and job.has_reduce else 0
        self.pack = folder / "job.pack"
        self.pack.write_bytes(build(session.head, self.board.port, self.key, _prefix(session)))
        self._text = b""
        self._players: list[threading.Thread] = []
        self._failures: queue.SimpleQueue[tuple[Failed, Transcript]] = queue.SimpleQueue()
        self._done: list[Done] = []

    def play(self, adapter: Process) -> None:
        """Raises Failed at the first thing that is wrong."""
        try:
            while adapter.poll() is None:
                self._raise_failure()
                self._admit(self.board.next_attempt(self._limit.at_most(TURN_S)))
                self._read(adapter)
                if self._limit.passed:
                    raise self._failed("the master did not come to an end", TIMEOUT)
            self._read(adapter)
            for player in self._players:
                player.join(JOIN_S)
            self._raise_failure()
            if len(self._players) <= self._before:
                raise self._failed("the master never started the worker", TIMEOUT, self._last_line()[:400])
            self._check_outcome(adapter)
            self._check_gone()
        finally:
            self.board.hang_up()
            for player in self._players:
                player.join(JOIN_S)

    def _admit(self, attempt: Attempt | None) -> None:
        if attempt is None:
            return
        number, head = len(self.board.attempts), self.session.head
        if number > head.outcome.attempts:
            raise self._failed(f"the task was tried {number} times, not {head.outcome.attempts}")
        play = self._play_session if number == self._before + 1 else self._play_other
        player = threading.Thread(target=play, args=(attempt, number), daemon=True)
        self._players.append(player)
        player.start()

    def _play_session(self, attempt: Attempt, _: int) -> None:
        try:
            self._check_launch(attempt)
            player = WorkerPlayer(
                self.session.head, attempt, self._axis, self._limit, self.transcript,
                others_ended=self._others_ended,
            )  # fmt: skip
            self._finish(player.play(self.session.steps))
        except Failed as failed:
            self._failures.put((failed, self.transcript))

    def _play_other(self, attempt: Attempt, number: int) -> None:
        job = self.session.head.job
        maps = number <= self._before or not job.has_reduce
        outputs = dict(job.map_outputs) if maps else {}
        transcript = Transcript()
        transcript.add("·", f"attempt {number}")
        try:
            player = WorkerPlayer(
                self.session.head, attempt, "plain", self._limit, transcript, outputs=outputs
            )
            self._finish(player.play(good_steps(outputs)))
        except Failed as failed:
            failed.line = self.session.steps[-1].line
            failed.reason = f"attempt {number}: {failed.reason}"
            self._failures.put((failed, transcript))

    def _finish(self, done: Done | None) -> None:
        if done is not None:
            self._done.append(done)

    def _others_ended(self, limit: Deadline) -> bool:
        """`crowd` tasks are done: what may be asked while the session's worker is still there."""
        while len(self._done) < self.session.head.job.crowd:
            if limit.passed:
                return False
            time.sleep(TURN_S)
        return True

    def _raise_failure(self) -> None:
        if not self._failures.empty():
            failed, transcript = self._failures.get()
            self.transcript = transcript
            raise failed

    def _failed(self, reason: str, verdict: str = "fail", got: str = "") -> Failed:
        return Failed(reason, verdict=verdict, line=self.session.steps[-1].line, got=got)

    def _read(self, adapter: Process) -> None:
        try:
            while len(self._text) < MAX_OUTCOME_BYTES and (data := os.read(adapter.stdout, 1 << 16)):
                self._text += data
        except BlockingIOError:
            return

    def _check_launch(self, attempt: Attempt) -> None:
        hello = attempt.hello
        leaked = [name for name in hello["env"] if name.startswith(("DISCO_", "DDFS_"))]
        if leaked:
            raise Failed(f"the setting {leaked[0]} leaks into the worker", requirement="launch.env", line=1)
        if hello["pgid"] != hello["pid"]:
            raise Failed("the worker has no process group of its own", requirement="launch.group", line=1)
        if "relay.py" not in hello["files"]:
            raise Failed(
                f"the worker was not started in its job home: {hello['cwd']}",
                requirement="launch.cwd",
                line=1,
            )
        if not hello["stdout"]:
            raise Failed(
                "standard output does not lead to standard error", requirement="launch.streams", line=1
            )
        missing = [name for name, value in self.session.head.env if hello["env"].get(name) != value]
        if missing:
            raise Failed(f"the job's variable {missing[0]} is missing", requirement="launch.env", line=1)

    def _check_outcome(self, adapter: Process) -> None:
        want = self.session.head.outcome
        got = self._outcome(adapter)
        if got.get("status") != want.status:
            raise self._failed(f"the job is {got.get('status')}, not {want.status}", got=json.dumps(got))
        if want.reason and not re.search(want.reason, str(got.get("reason", ""))):
            raise self._failed(f"the reason does not say /{want.reason}/", got=json.dumps(got))
        if len(self.board.attempts) != want.attempts:
            raise self._failed(f"the task was tried {len(self.board.attempts)} times, not {want.attempts}")
        if want.status == "ready":
            try:
                check(got.get("results"), self._done)
            except Failed as failed:
                failed.line = self.session.steps[-1].line
                raise

    def _last_line(self) -> str:
        return self._text.decode("utf-8", "replace").strip().rpartition("\n")[2]

    def _outcome(self, adapter: Process) -> dict[str, Any]:
        line = self._last_line()
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._failed(f"the adapter printed no outcome ({adapter.poll()})", got=line[:400])
        return value

    def _check_gone(self) -> None:
        for attempt in self.board.attempts:
            if not attempt.ended(Deadline(LEAVE_S)):
                raise self._failed("the job has ended, and its worker still runs", LEAK)


def _least(head: Head) -> float:
    """A session that also fits workers has their limit, which is short for a whole job."""
    return max(head.timeout_s, LEAST_S) if "worker" in head.roles else head.timeout_s


def _prefix(session: Session) -> str:
    """The job is called as the session's TASK says."""
    for step in walk(session.steps):
        if isinstance(step, Message) and step.side != WORKER and step.name == "TASK":
            value = load(step.text, step.line)
            name = value.get("jobname", "$") if isinstance(value, dict) else "$"
            if not name.startswith("$"):
                return prefix_of(name)
    return PREFIX


def run_master_case(
    session: Session,
    adapter: Sequence[str],
    axis: str = "plain",
    patience: float = 1.0,
    scratch: Path | None = None,
) -> Result:
    start, head = time.monotonic(), session.head
    base = Result(
        head.id,
        axis,
        PASS,
        0.0,
        head.level,
        proves=head.proves,
        path=session.path,
        requirement=head.proves[0],
    )
    with tempfile.TemporaryDirectory(
        prefix="conformance-master-", dir=scratch, ignore_cleanup_errors=True
    ) as name:
        case = MasterCase(session, axis, patience, Path(name))
        try:
            process = Process((*adapter, str(case.pack)), Path(name), case.key, {})
        except LaunchError as error:
            case.board.close()
            return replace(base, verdict=UNLAUNCHABLE, reason=str(error))
        try:
            case.play(process)
            failed = None
        except Failed as error:
            failed = error
        finally:
            process.destroy()
            case.board.close()
    result = replace(
        base, transcript=tuple(case.transcript.entries), seconds=round(time.monotonic() - start, 4)
    )
    if failed is None:
        return result
    return replace(
        result, verdict=failed.verdict, reason=failed.reason, line=failed.line, want=failed.want,
        got=failed.got, requirement=failed.requirement or base.requirement,
    )  # fmt: skip
