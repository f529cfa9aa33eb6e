"""The journal drops what no restart needs, a bounded part with each commit (W1, M11)."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from disco_master.actions import Record
from disco_master.core.master import Core
from disco_master.events import (
    AttemptEnded,
    BlacklistChanged,
    Event,
    JobCleaned,
    JobEnded,
    JobSubmitted,
    MasterStarted,
    NodeTableSaved,
    OutputsLost,
)
from disco_master.model import AttemptEnd, JobSpec, JobStatus, JobView, Mode, Outcome, Output, OutputKind
from disco_master.store.codec import encode
from disco_master.store.compaction import ROWS_A_COMMIT
from disco_master.store.journal import COMPRESS_ABOVE, Journal, JournalDamaged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def submitted(job: str, tasks: int = 3) -> JobSubmitted:
    inputs = tuple((f"raw://{i}",) for i in range(tasks))
    return JobSubmitted(JobSpec(job, job, "me", "w", inputs, True, False, 0))


def done(job: str, task: int, outputs: int = 1) -> AttemptEnded:
    made = tuple(Output(f"disco://a/x/{task}-{i}", OutputKind.PART, i) for i in range(outputs))
    return AttemptEnded(task + 1, job, Mode.MAP, task, "a", AttemptEnd(Outcome.DONE, outputs=made))


def ended(job: str) -> JobEnded:
    core = Core()
    core.restore(submitted(job), 1.0)
    core.resume(1.0)
    view = core.snapshot().jobs[job]
    return JobEnded(_ready(view))


def _ready(view: JobView) -> JobView:
    return replace(view, status=JobStatus.READY, results=("dir://a/index",), ended_s=9.0)


def put(journal: Journal, *events: Event) -> None:
    journal.append([Record(event, 1.0) for event in events])


def kinds(path: Path) -> list[tuple[str, str | None]]:
    """What is in the file, as another program sees it after the master is gone."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT kind, job FROM records ORDER BY id").fetchall()
    db.close()
    return rows


def jobs(path: Path) -> dict[str, JobStatus]:
    core = Core()
    with Journal(path) as journal:
        for event, now in journal.replay():
            core.restore(event, now)
    core.resume(2.0)
    return {name: view.status for name, view in core.snapshot().jobs.items()}


def test_a_job_that_is_over_becomes_one_row_in_its_old_place(path: Path) -> None:
    with Journal(path) as journal:
        put(journal, submitted("one"), submitted("two"), *(done("one", i) for i in range(3)))
        put(journal, ended("one"))
        put(journal, OutputsLost("two", "a"))  # any later commit
    assert kinds(path) == [("JobEnded", "one"), ("JobSubmitted", "two"), ("OutputsLost", "two")]
    assert jobs(path) == {"one": JobStatus.READY, "two": JobStatus.ACTIVE}


def rows(journal: Journal) -> list[tuple[str, str | None]]:
    """While the journal is open nobody else can look into its file."""
    return list(journal._db.execute("SELECT kind, job FROM records ORDER BY id"))


@pytest.mark.parametrize("tasks", [ROWS_A_COMMIT - 1, ROWS_A_COMMIT, 2 * ROWS_A_COMMIT + 1])
def test_each_commit_drops_a_bounded_number_of_rows(path: Path, tasks: int) -> None:
    with Journal(path) as journal:
        put(journal, submitted("big", tasks), submitted("late"), *(done("big", i) for i in range(tasks)))
        put(journal, ended("big"))
        before = len(rows(journal))
        for _ in range(tasks // ROWS_A_COMMIT + 2):
            put(journal, BlacklistChanged("tasks", "a", listed=True))
            now = len(rows(journal))
            assert before - now <= ROWS_A_COMMIT
            before = now
        left = [row for row in rows(journal) if row[1]]
    assert left == [("JobEnded", "big"), ("JobSubmitted", "late")]


def test_a_crash_between_two_steps_loses_nothing(path: Path) -> None:
    tasks = 2 * ROWS_A_COMMIT
    with Journal(path) as journal:
        put(journal, submitted("big", tasks), submitted("late"), *(done("big", i) for i in range(tasks)))
        put(journal, ended("big"))
        put(journal, MasterStarted(2))  # the first step is done, more are to come
        assert ("AttemptEnded", "big") in rows(journal)
    assert list(jobs(path).items()) == [("big", JobStatus.READY), ("late", JobStatus.ACTIVE)]


def test_a_job_that_is_cleaned_while_it_is_dropped(path: Path) -> None:
    with Journal(path) as journal:
        put(journal, submitted("one"), done("one", 0), ended("one"), JobCleaned("one", purge=True))
        put(journal, MasterStarted(2))
        assert rows(journal) == [("JobCleaned", "one"), ("MasterStarted", None)]
        journal.forget("one")
        put(journal, MasterStarted(3))
        assert [kind for kind, _ in rows(journal)] == ["MasterStarted", "MasterStarted"]


def test_the_file_does_not_grow_with_the_jobs_that_are_over(path: Path) -> None:
    """Thirty that are over take less than three that go on; and that without a restart in between."""
    other = path.with_name("other.db")
    for file, count, last in ((path, 30, [ended]), (other, 3, [])):
        with Journal(file) as journal:
            for job in (f"job{i}" for i in range(count)):
                put(
                    journal, submitted(job, 400), *(done(job, i) for i in range(400)), *(e(job) for e in last)
                )
    assert path.stat().st_size < other.stat().st_size


def test_many_small_jobs_in_one_commit_are_dropped_as_fast_as_they_come(path: Path) -> None:
    with Journal(path) as journal:
        for turn in range(5):
            names = [f"job{turn}-{i}" for i in range(50)]
            events = [(submitted(job, 5), *(done(job, i) for i in range(5)), ended(job)) for job in names]
            put(journal, *(event for some in events for event in some))
        put(journal, MasterStarted(2))
        assert len(rows(journal)) == 5 * 50 + 1


@pytest.mark.parametrize("length", [COMPRESS_ABOVE, COMPRESS_ABOVE + 1])
def test_long_records_are_kept_compressed(path: Path, length: int) -> None:
    probe = AttemptEnded(1, "j", Mode.MAP, 0, "a", AttemptEnd(Outcome.FAILED, ""))
    text = "x" * (length - len(encode(probe)[2]))
    event = AttemptEnded(1, "j", Mode.MAP, 0, "a", AttemptEnd(Outcome.FAILED, text))
    with Journal(path) as journal:
        put(journal, event)
        assert [found for found, _ in journal.replay()] == [event]
    with sqlite3.connect(path) as db:
        ((size,),) = db.execute("SELECT length(body) FROM records").fetchall()
    db.close()
    assert (size == length) == (length == COMPRESS_ABOVE)


def test_a_damaged_compressed_record_is_named(path: Path) -> None:
    with Journal(path) as journal:
        put(journal, done("j", 0, outputs=200))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE records SET body = X'00010203'")
    db.close()
    with Journal(path) as journal, pytest.raises(JournalDamaged, match="record 1 of the journal"):
        list(journal.replay())


def test_only_the_newest_start_is_kept(path: Path) -> None:
    with Journal(path) as journal:
        put(journal, MasterStarted(1), MasterStarted(2), NodeTableSaved((("a", "1"),)), MasterStarted(3))
    Journal(path).close()
    assert kinds(path) == [("NodeTableSaved", None), ("MasterStarted", None)]
    with Journal(path) as journal:
        assert [event for event, _ in journal.replay()][-1] == MasterStarted(3)
