"""One session against a master: its adapter started, every attempt played, the outcome compared."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from disco_conformance.master.link import Attempt, Switchboard
from disco_conformance.master.pack import build
from disco_conformance.master.player import GOOD, WorkerPlayer
from disco_conformance.play.channel import Deadline
from disco_conformance.play.launch import LaunchError, Process
from disco_conformance.play.result import LEAK, PASS, TIMEOUT, UNLAUNCHABLE, Failed, Result
from disco_conformance.session.lines import read_steps
from disco_conformance.session.model import Session
from disco_conformance.wire.transcript import Transcript

TURN_S = 0.05
LEAVE_S = 12.0
MAX_OUTCOME_BYTES = 1 << 20


class MasterCase:
    def __init__(self, session: Session, axis: str, patience: float, folder: Path) -> None:
        self.session, self._axis = session, axis
        self.key = uuid.uuid4().hex
        self.board = Switchboard(self.key)
        self.transcript = Transcript()
        self._limit = Deadline(session.head.timeout_s * patience)
        self.pack = folder / "job.pack"
        self.pack.write_bytes(build(session.head, self.board.port, self.key))
        self._text = b""

    def play(self, adapter: Process) -> None:
        """Raises Failed at the first thing that is wrong."""
        outcome = self.session.head.outcome
        first = self._await_attempt(adapter)
        if first is None:
            raise self._failed("the master never started the worker", TIMEOUT)
        self._check_launch(first)
        WorkerPlayer(self.session, first, self._axis, self._limit, self.transcript).play(self.session.steps)
        while (attempt := self._await_attempt(adapter)) is not None:
            number = len(self.board.attempts)
            self.transcript.add("·", f"attempt {number}")
            if number > outcome.attempts:
                raise self._failed(f"the task was tried {number} times, not {outcome.attempts}")
            WorkerPlayer(self.session, attempt, "plain", self._limit, self.transcript).play(read_steps(GOOD))
        self._check_outcome(adapter)
        self._check_gone()

    def _failed(self, reason: str, verdict: str = "fail", got: str = "") -> Failed:
        return Failed(reason, verdict=verdict, line=self.session.steps[-1].line, got=got)

    def _await_attempt(self, adapter: Process) -> Attempt | None:
        """None when the adapter has ended."""
        while not self._limit.passed:
            attempt = self.board.next_attempt(self._limit.at_most(TURN_S))
            if attempt is not None:
                return attempt
            self._read(adapter)
            if adapter.poll() is not None:
                self._read(adapter)
                return None
        raise self._failed("the master did not come to an end", TIMEOUT)

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

    def _outcome(self, adapter: Process) -> dict[str, Any]:
        line = self._text.decode("utf-8", "replace").strip().rpartition("\n")[2]
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
