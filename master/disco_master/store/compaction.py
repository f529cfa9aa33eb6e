"""Dropping from the journal what no restart needs any more.

The last record of a job that is over says all that is still needed of it. So the records before that one are
dropped, a bounded number with each commit, and at last it takes the place of the submission, so that the
history keeps its order. What is left over when the master ends is dropped at its next start.

Invariant: at every moment the records that are there give the same jobs, in the same order, as all that there
ever were.
"""

from __future__ import annotations

import sqlite3

from ..events import JobCleaned, JobEnded, JobSubmitted, MasterStarted

ROWS_A_COMMIT = 2000  # that are dropped at most: about 10 ms
PAGES_A_COMMIT = 500  # of the file that are given back at most
FINAL = (JobCleaned.__name__, JobEnded.__name__)


class Compaction:
    """Every method is called within a transaction of the journal."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._over: dict[str, int] = {}  # job -> the record of it that is kept

    def note(self, job: str, kept: int) -> None:
        """The job is over; this record says so."""
        self._over[job] = kept

    def forget(self, job: str) -> None:
        self._over.pop(job, None)

    def find(self) -> None:
        """Look for jobs of which there is more than needed, at the start."""
        for kind in reversed(FINAL):
            rows = self._db.execute("SELECT job, MAX(id) FROM records WHERE kind = ? GROUP BY job", (kind,))
            self._over.update(rows.fetchall())
        self._drop_old_starts()

    def step(self, limit: int | None = ROWS_A_COMMIT) -> None:
        """Drop some records; all that can go if there is no limit."""
        left = limit
        while self._over and left != 0:
            job, kept = next(iter(self._over.items()))
            submitted = self._submission(job)
            dropped = self._db.execute(
                "DELETE FROM records WHERE id IN "
                "(SELECT id FROM records WHERE job = ? AND id <> ? AND id <> ? LIMIT ?)",
                (job, kept, submitted, -1 if left is None else left),
            ).rowcount
            left = None if left is None else left - dropped
            if left != 0:
                self._take_place(submitted, kept)
                del self._over[job]

    def _take_place(self, submitted: int, kept: int) -> None:
        """Nothing but these two is left of a job: let the last one stand where the first one was."""
        if submitted != kept:
            self._db.execute("DELETE FROM records WHERE id = ?", (submitted,))
            self._db.execute("UPDATE records SET id = ? WHERE id = ?", (submitted, kept))

    def _submission(self, job: str) -> int:
        """Where the job stands in the history: at its submission, or at the record that took its place."""
        (first,) = self._db.execute(
            "SELECT MIN(id) FROM records WHERE job = ? AND kind IN (?, ?, ?)",
            (job, JobSubmitted.__name__, *FINAL),
        ).fetchone()
        return int(first)

    def _drop_old_starts(self) -> None:
        """Only the newest one counts."""
        start = MasterStarted.__name__
        self._db.execute(
            "DELETE FROM records WHERE kind = ? AND id < (SELECT MAX(id) FROM records WHERE kind = ?)",
            (start, start),
        )
