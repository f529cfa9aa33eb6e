"""One session against a master: a job handed to its adapter, every attempt played, the outcome compared."""

from __future__ import annotations

import json
import queue
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from disco_conformance.master import greeting
from disco_conformance.master.adapter import Adapter, Started
from disco_conformance.master.crew import REMAKE, Crew
from disco_conformance.master.link import Attempt, Switchboard
from disco_conformance.master.pack import PREFIX, build
from disco_conformance.master.player import WorkerPlayer, gives_task, good_steps, prefix_of
from disco_conformance.master.results import Done, check, latest
from disco_conformance.play.channel import Deadline
from disco_conformance.play.launch import LaunchError
from disco_conformance.play.result import LEAK, PASS, TIMEOUT, UNLAUNCHABLE, Failed, Result
from disco_conformance.session.matching import load
from disco_conformance.session.model import WORKER, Head, Message, Session, Step, walk
from disco_conformance.wire.referee import DEAD, LOST, Referee
from disco_conformance.wire.transcript import Transcript

TURN_S = 0.05
LEAVE_S = 20.0
JOIN_S = 10.0
LEAST_S = 60.0
SHOWN = 400


class HarnessFault(Exception):
    """The session was played otherwise than it reads: nothing is known about the master."""


class MasterCase:
    """Every attempt is played in a thread of its own: one by the session, the others by a worker without a
    fault. The session's is the first, or in a job with map and reduce the first that is told to reduce."""

    def __init__(self, session: Session, axis: str, patience: float, folder: Path) -> None:
        self.session, self._axis, self._patience = session, axis, patience
        self.key = uuid.uuid4().hex
        self.board = Switchboard(self.key)
        self.transcript = Transcript()
        self._limit = Deadline(_least(session.head) * patience)
        self._crew = Crew(session, self._limit, patience)
        self._retried = 0
        self._fate: Referee | None = None
        self.pack = folder / "job.pack"
        self.pack.write_bytes(build(session.head, self.board.port, self.key, _prefix(session)))
        self._players: list[threading.Thread] = []
        self._failures: queue.SimpleQueue[tuple[Failed, Transcript]] = queue.SimpleQueue()

    def play(self, adapter: Adapter) -> None:
        """Raises Failed at the first thing that is wrong."""
        try:
            while not adapter.over():
                self._raise_failure()
                self._admit(self.board.next_attempt(self._limit.at_most(TURN_S), adapter.fd))
                if self._limit.passed:
                    raise self._failed("the master did not come to an end", TIMEOUT)
            for player in self._players:
                player.join(JOIN_S)
            self._raise_failure()
            if not self._crew.claimed:
                raise self._failed(
                    "the master never started the worker", TIMEOUT, adapter.last_line()[:SHOWN]
                )
            self._check_outcome(adapter)
            self._check_gone()
            self._check_harness()
        finally:
            self._crew.session_is_over()
            self.board.hang_up()
            for player in self._players:
                player.join(JOIN_S)

    def _admit(self, attempt: Attempt | None) -> None:
        if attempt is None:
            return
        number, want = len(self.board.attempts), self.session.head.outcome.attempts
        if number > want:
            raise self._failed(f"the task was tried {number} times, not {want}")
        player = threading.Thread(target=self._play_attempt, args=(attempt, number), daemon=True)
        self._players.append(player)
        player.start()

    def _play_attempt(self, attempt: Attempt, number: int) -> None:
        transcript = Transcript()
        try:
            greeting.check(attempt.hello, dict(self.session.head.env))
            if self._crew.two_phases:
                self._play_either(attempt, number, transcript)
            elif number == 1 and self._crew.claim():
                self._play_session(self._player(attempt, transcript), self.session.steps, transcript)
            else:
                self._crew.other_may_begin()
                player = self._player(attempt, transcript, outputs=self._outputs())
                self._play_other(player, good_steps(self._outputs()), number, transcript)
        except Failed as failed:
            self._failures.put((failed, transcript))

    def _player(
        self, attempt: Attempt, transcript: Transcript, outputs: dict[str, str] | None = None
    ) -> WorkerPlayer:
        axis = self._axis if outputs is None else "plain"
        return WorkerPlayer(self.session.head, attempt, axis, transcript, outputs=outputs, crew=self._crew)

    def _play_either(self, attempt: Attempt, number: int, transcript: Transcript) -> None:
        """What an attempt is for is known from its TASK."""
        player = self._player(attempt, transcript)
        at = player.until_task(self.session.steps)
        mode = player.mode_given()
        if mode == "reduce" and self._crew.claim():
            self._play_session(player, self.session.steps[at:], transcript)
            return
        outputs = self._outputs() if mode == "map" else {}
        player.outputs, player.is_session = outputs, False
        steps = good_steps(outputs)
        self._play_other(player, steps[_task_at(steps) :], number, transcript)

    def _outputs(self) -> dict[str, str]:
        """What the map tasks beside the session report."""
        job = self.session.head.job
        return {} if job.has_reduce and not job.has_map else dict(job.map_outputs)

    def _play_session(self, player: WorkerPlayer, steps: Sequence[Step], transcript: Transcript) -> None:
        self.transcript = transcript
        try:
            self._fate = player.referee
            self._crew.finished(player.play(steps))
            self._retried += max(player.tasks_given - 1, 0)
        finally:
            self._crew.session_is_over()

    def _play_other(
        self, player: WorkerPlayer, steps: Sequence[Step], number: int, transcript: Transcript
    ) -> None:
        transcript.add("·", f"attempt {number}")
        try:
            self._crew.finished(player.play(steps))
        except Failed as failed:
            failed.line = self.session.steps[-1].line
            failed.reason = f"attempt {number}: {failed.reason}"
            raise

    def _raise_failure(self) -> None:
        if not self._failures.empty():
            failed, transcript = self._failures.get()
            self.transcript = transcript
            raise failed

    def _failed(self, reason: str, verdict: str = "fail", got: str = "") -> Failed:
        return Failed(reason, verdict=verdict, line=self.session.steps[-1].line, got=got)

    def _check_outcome(self, adapter: Adapter) -> None:
        want, got = self.session.head.outcome, adapter.outcome()
        if got is None:
            shown = adapter.last_line()[:SHOWN]
            raise self._failed(f"the adapter printed no outcome ({adapter.ended()})", got=shown)
        if got.get("status") != want.status:
            raise self._failed(f"the job is {got.get('status')}, not {want.status}", got=json.dumps(got))
        if want.reason and not re.search(want.reason, str(got.get("reason", ""))):
            raise self._failed(f"the reason does not say /{want.reason}/", got=json.dumps(got))
        attempts = len(self.board.attempts) + self._retried
        if attempts != want.attempts:
            raise self._failed(f"the task was tried {attempts} times, not {want.attempts}")
        if want.status == "ready":
            self._check_results(got.get("results"))

    def _check_results(self, results: object) -> None:
        done: Sequence[Done] = self._crew.done
        try:
            check(results, latest(done) if REMAKE in self.session.head.needs else done)
        except Failed as failed:
            failed.line = self.session.steps[-1].line
            raise

    def _check_harness(self) -> None:
        """What was said for the worker must lead to what the session expects. Raises HarnessFault."""
        want, referee = self.session.head.outcome, self._fate
        assert referee is not None  # a session was played, or nothing would have passed
        given_up = self.session.head.job.max_failures == 0 and referee.fate == LOST
        dead = referee.fate == DEAD or given_up
        if dead != (want.status == "dead"):
            why = referee.of_worker.reason if referee.of_worker else "what it said"
            raise HarnessFault(f"{self.session.id}: after {why} the job is {want.status} for the session")
        tasks = self._tasks_of_job()
        if want.status == "ready" and (want.attempts > tasks) != (referee.fate == LOST):
            reason = f"{want.attempts} attempts of {tasks} tasks do not fit an attempt that is {referee.fate}"
            raise HarnessFault(f"{self.session.id}: {reason}")

    def _tasks_of_job(self) -> int:
        head, job = self.session.head, self.session.head.job
        maps = len(head.inputs) + job.crowd if job.has_map else 0
        return maps * (2 if REMAKE in head.needs and job.has_reduce else 1) + (
            job.nr_reduces if job.has_reduce else 0
        )

    def _check_gone(self) -> None:
        limit = LEAVE_S * self._patience
        if not all(attempt.ended(Deadline(limit)) for attempt in self.board.attempts):
            raise self._failed("the job has ended, and its worker still runs", LEAK)
        if not all(child.ended(Deadline(limit)) for child in self.board.children):
            raise self._failed("the worker has ended, and a process that it started still runs", LEAK)


def _task_at(steps: Sequence[Step]) -> int:
    return next(at for at, step in enumerate(steps) if gives_task(step))


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
    command: Sequence[str],
    axis: str = "plain",
    patience: float = 1.0,
    scratch: Path | None = None,
    adapter: Adapter | None = None,
) -> Result:
    """Without an `adapter` that is lent, `command` is started for this case alone."""
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
    adapter = adapter or Started(command)
    with tempfile.TemporaryDirectory(
        prefix="conformance-master-", dir=scratch, ignore_cleanup_errors=True
    ) as name:
        case = MasterCase(session, axis, patience, Path(name))
        failed: Failed | None = None
        try:
            adapter.begin(case.pack, case.key)
            case.play(adapter)
        except LaunchError as error:
            return replace(base, verdict=UNLAUNCHABLE, reason=str(error))
        except Failed as error:
            failed = error
        finally:
            adapter.leave(good=failed is None)
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
