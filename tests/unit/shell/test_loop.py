"""The loop's invariant: commit, carry out, answer, in this order; and what happens when one can't be done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from disco_master.actions import Action, Launch, Record
from disco_master.core.master import Core
from disco_master.events import JobKilled, JobSubmitted, NodeTableSaved, NodeUp
from disco_master.model import JobSpec, JobStatus
from disco_master.shell.loop import COMMIT_RETRY_S, Loop
from disco_master.store.journal import Journal, JournalError
from disco_master.web.door import Unavailable

WAIT_S = 10.0


class Trace:
    """What was committed and carried out, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def perform(self, actions: list[Action]) -> None:
        self.steps += [type(action).__name__ for action in actions]


class TracedJournal(Journal):
    """A real journal that notes its commits and can be told to fail, as on a full disk."""

    def __init__(self, path: Path, trace: Trace) -> None:
        super().__init__(path)
        self.trace = trace
        self.failures = 0
        self.failed = threading.Event()

    def append(self, records: list[Record]) -> None:  # type: ignore[override]
        if self.failures:
            self.failures -= 1
            self.failed.set()
            raise JournalError("no space left on device")
        super().append(records)
        self.trace.steps.append("commit")


@contextmanager
def running(
    tmp_path: Path, core: Core | None = None, failed: Callable[[BaseException], None] = print
) -> Iterator[tuple[Loop, TracedJournal, Trace]]:
    trace = Trace()
    with TracedJournal(tmp_path / "journal.db", trace) as journal:
        core = core or Core(seed=1)
        loop = Loop(core, journal, trace.perform, failed)
        loop.start(core.resume(0.0))
        yield loop, journal, trace
        loop.stop()


def job(name: str = "job@1:2:3") -> JobSubmitted:
    return JobSubmitted(JobSpec(name, "job", "me", "w", (("raw://x",),), True, False, 0))


def bring_up_a_node(loop: Loop) -> None:
    loop.tell(NodeTableSaved((("n1", "1"),)))
    loop.tell(NodeUp("n1", 1, 1))


def test_a_batch_is_committed_before_it_is_carried_out(tmp_path: Path) -> None:
    with running(tmp_path) as (loop, _, trace):
        bring_up_a_node(loop)
        trace.steps.clear()
        view = loop.tell(job())
        assert view.jobs["job@1:2:3"].status is JobStatus.ACTIVE
        assert trace.steps[0] == "commit" and "Launch" in trace.steps


def test_nothing_is_carried_out_or_answered_while_the_journal_fails(tmp_path: Path) -> None:
    """The master stands still rather than forget, and goes on by itself when the disk has room again."""
    with running(tmp_path) as (loop, journal, trace):
        bring_up_a_node(loop)
        trace.steps.clear()
        journal.failures = 1
        answered = threading.Event()
        asking = threading.Thread(target=lambda: (loop.tell(job()), answered.set()))
        asking.start()
        assert journal.failed.wait(WAIT_S)
        assert not answered.is_set() and trace.steps == []
        assert answered.wait(WAIT_S + COMMIT_RETRY_S)
        asking.join()
        assert trace.steps[0] == "commit" and "Launch" in trace.steps


def test_a_broken_core_ends_the_loop_and_says_so(tmp_path: Path) -> None:
    class Broken(Core):
        def handle(self, event: object, now: float) -> list[Action]:
            raise RuntimeError("a bug")

    told: list[BaseException] = []
    over = threading.Event()

    def failed(error: BaseException) -> None:
        told.append(error)
        over.set()

    with running(tmp_path, Broken(seed=1), failed) as (loop, _, _):
        loop.put(JobKilled("any"))
        assert over.wait(WAIT_S)
        with pytest.raises(Unavailable, match="stopping"):
            loop.tell(JobKilled("any"))
    assert [str(error) for error in told] == ["a bug"]


def test_waiting_for_a_change(tmp_path: Path) -> None:
    with running(tmp_path) as (loop, _, _):
        before = loop.view()
        assert loop.wait_for_change(before.version, 0.01) is loop.view()
        found: list[int] = []
        waiter = threading.Thread(
            target=lambda: found.append(loop.wait_for_change(before.version, WAIT_S).version)
        )
        waiter.start()
        loop.tell(NodeTableSaved((("n1", "1"),)))
        waiter.join(WAIT_S)
        assert found and found[0] > before.version


def test_what_is_queued_is_handled_before_the_end(tmp_path: Path) -> None:
    with running(tmp_path) as (loop, _, _):
        loop.put(NodeTableSaved((("n1", "1"),)))
        loop.stop()
        assert loop.view().node_table == (("n1", "1"),)
    with Journal(tmp_path / "journal.db") as journal:
        assert NodeTableSaved((("n1", "1"),)) in [event for event, _ in journal.replay()]


def test_records_never_reach_the_orders(tmp_path: Path) -> None:
    with running(tmp_path) as (loop, _, trace):
        bring_up_a_node(loop)
        loop.tell(job())
        assert Record.__name__ not in trace.steps and Launch.__name__ in trace.steps


def test_a_question_is_answered_on_the_loops_own_thread(tmp_path: Path) -> None:
    """After all that came before it (W22)."""
    with running(tmp_path) as (loop, _, _):
        for number in range(3):
            loop.put(job(f"job@1:2:{number}"))
        names, thread = loop.ask(lambda core: (list(core.snapshot().jobs), threading.current_thread().name))
        assert (names, thread) == (["job@1:2:0", "job@1:2:1", "job@1:2:2"], "core")
        assert loop.ask(lambda core: core.why("job@1:2:0")) == ["1 map task: there are no nodes"]


def test_a_question_that_fails_is_the_askers_affair(tmp_path: Path) -> None:
    broken: list[BaseException] = []
    with running(tmp_path, failed=broken.append) as (loop, _, _):
        with pytest.raises(ZeroDivisionError):
            loop.ask(lambda _core: 1 // 0)
        assert loop.tell(job()).jobs
    assert not broken


def test_a_stopping_loop_answers_no_questions(tmp_path: Path) -> None:
    with running(tmp_path) as (loop, _, _):
        pass
    with pytest.raises(Unavailable):
        loop.ask(lambda core: core.epoch)
