"""The journal keeps what it was given, whatever ends the process, and never has two owners (W1, W2, M11)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scenarios.script import Script

from disco_master.actions import Record
from disco_master.core.master import Core
from disco_master.events import AttemptEnded, JobCleaned, JobKilled, JobSubmitted, MasterStarted, Tick
from disco_master.model import AttemptEnd, JobSpec, JobView, MasterView, Mode, Outcome, Output, OutputKind
from disco_master.store.journal import Journal, JournalDamaged, JournalError, JournalLocked


def assert_same_jobs(live: MasterView, restored: MasterView) -> None:
    """What a restart must keep of the jobs: everything but what was running."""

    def kept(job: JobView) -> tuple[object, ...]:
        counts = [(one.waiting + one.running, one.done, one.failed) for one in (job.map, job.reduce)]
        how = (job.status, job.results, job.failure, job.started_s, job.ended_s, job.map_results)
        return (*counts, *how)

    assert [(name, kept(job)) for name, job in live.jobs.items()] == [
        (name, kept(job)) for name, job in restored.jobs.items()
    ]
    assert live.node_table == restored.node_table
    assert live.blacklist == restored.blacklist
    assert live.max_failure_rate == restored.max_failure_rate


HOLDER = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from disco_master.actions import Record
from disco_master.events import JobKilled
from disco_master.store.journal import Journal
journal = Journal(Path({journal!r}))
journal.append([Record(JobKilled("by the child"), 1.0)])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "root" / "journal.db"


def hold(path: Path) -> subprocess.Popen[str]:
    """Another process that has the journal open, and has committed a record."""
    code = HOLDER.format(path=[entry for entry in sys.path if entry], journal=str(path))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_records_come_back_in_order(path: Path) -> None:
    records = [Record(MasterStarted(1), 1.25), Record(JobKilled("b"), 2.0), Record(JobKilled("a"), 1e9)]
    with Journal(path) as journal:
        journal.append(records[:2])
        journal.append([])
        journal.append(records[2:])
        assert [Record(event, now) for event, now in journal.replay()] == records
    with Journal(path) as journal:
        assert [Record(event, now) for event, now in journal.replay()] == records


def test_a_batch_is_kept_whole_or_not_at_all(path: Path) -> None:
    with Journal(path) as journal:
        with pytest.raises(TypeError, match="Tick"):
            journal.append([Record(JobKilled("a"), 1.0), Record(Tick(), 1.0)])
        assert list(journal.replay()) == []


def test_a_killed_owner_leaves_its_records_and_no_lock(path: Path) -> None:
    """kill -9 at any instant: what was committed is there."""
    end(hold(path))
    with Journal(path) as journal:
        assert list(journal.replay()) == [(JobKilled("by the child"), 1.0)]


def test_two_masters_never_share_a_journal(path: Path) -> None:
    child = hold(path)
    try:
        with pytest.raises(JournalLocked, match=f"in use by another master .process {child.pid}.") as error:
            Journal(path)
        assert str(path) in str(error.value)
        assert "DISCO_ROOT" in str(error.value)
    finally:
        end(child)
    Journal(path).close()


def test_two_owners_in_one_process_are_refused_as_well(path: Path) -> None:
    with Journal(path), pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
        Journal(path)


def test_a_file_that_is_no_journal_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, " * 100)
    with pytest.raises(JournalDamaged, match=r"journal\.db is damaged .*: put a copy in its place"):
        Journal(path)
    assert path.read_bytes().startswith(b"this is not"), "it is left for whoever wants to save it"


def test_damage_in_the_middle_is_told(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(Record(JobKilled("x" * 500), float(i)) for i in range(500))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3 : len(raw) // 3 + 20_000] = b"\xff" * 20_000
    path.write_bytes(raw)
    with pytest.raises(JournalDamaged, match="damaged"), Journal(path) as journal:
        list(journal.replay())


def test_a_record_of_another_release_is_told_by_number(path: Path) -> None:
    with Journal(path) as journal:
        journal.append([Record(JobKilled("a"), 1.0), Record(JobKilled("b"), 1.0)])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE records SET version = 9 WHERE id = 2")
    db.close()
    with Journal(path) as journal, pytest.raises(JournalDamaged, match=r"record 2 .*'JobKilled', version 9"):
        list(journal.replay())


def test_a_newer_schema_is_refused(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalDamaged, match="newer release"):
        Journal(path)


def test_a_path_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="can't open the journal"):
        Journal(tmp_path / "file" / "journal.db")


def test_a_forgotten_job_is_gone_and_the_others_are_not(path: Path) -> None:
    with Journal(path) as journal:
        journal.append([Record(JobKilled("a"), 1.0), Record(JobCleaned("a", True), 2.0)])
        journal.append([Record(JobKilled("b"), 3.0), Record(MasterStarted(1), 4.0)])
        journal.forget("a")
        assert [event for event, _ in journal.replay()] == [JobKilled("b"), MasterStarted(1)]


def test_of_an_ended_job_only_its_end_is_kept_and_its_place(path: Path) -> None:
    """M577: the history stays complete, and in the order of submission."""
    script = Script()
    for step in (
        "up a 3",
        "submit one map=raw://1",
        "submit two map=raw://1",
        "done map:0 job=two tag:x",
        "submit three map=raw://1",
        "done map:0 job=one tag:y",
        "submit gone map=raw://1",
        "clean gone",
    ):
        script.step(step)
    before = script.core.snapshot()
    with Journal(path) as journal:
        journal.append(script.journal)
    with Journal(path) as journal:
        events = list(journal.replay())
    assert [type(event).__name__ for event, _ in events] == [
        "JobEnded",
        "JobEnded",
        "JobSubmitted",
        "JobCleaned",
    ]
    core = Core()
    for event, now in events:
        core.restore(event, now)
    core.resume(script.now)
    assert_same_jobs(before, core.snapshot())


def test_twenty_thousand_attempts_replay_in_seconds(path: Path) -> None:
    count = 20_000
    spec = JobSpec("job", "job", "me", "w", tuple((f"raw://{i}",) for i in range(count + 1)), True, False, 0)
    outputs = (Output("disco://a/disco/a/aa/job/.disco/out/part-0", OutputKind.PART, 0),)
    with Journal(path) as journal:
        journal.append([Record(JobSubmitted(spec), 1.0)])
        journal.append(
            Record(AttemptEnded(i, "job", Mode.MAP, i, "a", AttemptEnd(Outcome.DONE, outputs=outputs)), 2.0)
            for i in range(count)
        )
    started = time.process_time()
    with Journal(path) as journal:
        core = Core()
        for event, now in journal.replay():
            core.restore(event, now)
    core.resume(3.0)
    assert core.snapshot().jobs["job"].map.done == count
    assert time.process_time() - started < 5
