"""The journal: every durable event, in order, in one SQLite file.

A commit is on the disk before `append` returns (WAL, synchronous=FULL). The file is locked for as long as the
journal is open, by SQLite itself, so that two masters can never share one; the lock goes with the process,
however it ends. What no restart needs any more is dropped bit by bit (see `compaction`), so the file is as
large as the jobs that are going on, and a row for each that is over.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..actions import Record
from ..events import Event, JobEnded, JobSubmitted
from .codec import CodecError, decode, encode
from .compaction import FINAL, PAGES_A_COMMIT, Compaction

SCHEMA_VERSION = 2
COMPRESS_ABOVE = 2048  # characters of a record's text; what a task with many outputs leaves is longer
WAL_MAX_BYTES = 64 * 1024 * 1024  # what is kept of the log file once it has been longer
LOCK_WAIT_S = 1.0  # a master that is just stopping may still hold the lock

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, now REAL NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL,
    job TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_of_job ON records (job, kind);
"""


class JournalError(Exception):
    """The journal can't be used: JournalLocked, JournalDamaged, or (this class itself) disk trouble."""


class JournalLocked(JournalError):
    """Another master uses it."""


class JournalDamaged(JournalError):
    """It holds something that can't be read."""


class Journal:
    """Not thread-safe, but any one thread may use it at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal, and lock it. Raises JournalError."""
        self.path = path
        self._owner = path.with_name(path.name + ".pid")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"can't open the journal {path}: {error}") from error
        self._compaction = Compaction(self._db)
        try:
            self._prepare()
            self._owner.write_text(str(os.getpid()))
        except BaseException as error:
            self._db.close()
            if isinstance(error, (OSError, sqlite3.Error)):
                raise self._explain(error) from error
            raise

    def append(self, records: Iterable[Record]) -> None:
        """Commit the records, all or none. Raises JournalError; TypeError if an event is not durable."""
        rows = [(record.now, *_row(record.event)) for record in records]
        if not rows:
            return
        with self._transaction():
            self._compaction.step()
            for row in rows:
                added = self._db.execute(
                    "INSERT INTO records (now, kind, version, body, job) VALUES (?, ?, ?, ?, ?)", row
                )
                if row[1] in FINAL:
                    self._compaction.note(str(row[4]), int(added.lastrowid or 0))
        self._db.execute(f"PRAGMA incremental_vacuum({PAGES_A_COMMIT})").fetchall()

    def replay(self) -> Iterator[tuple[Event, float]]:
        """All events with their times, oldest first. Raises JournalDamaged where it can't go on."""
        try:
            for id, now, kind, version, body in self._db.execute(
                "SELECT id, now, kind, version, body FROM records ORDER BY id"
            ):
                try:
                    yield decode(kind, version, _text(body)), now
                except (CodecError, zlib.error) as error:
                    raise JournalDamaged(f"record {id} of the journal {self.path}: {error}") from error
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def forget(self, job: str) -> None:
        """Drop all records of a job whose deletion has been carried out. Raises JournalError."""
        with self._transaction():
            self._compaction.forget(job)
            self._db.execute("DELETE FROM records WHERE job = ?", (job,))

    def close(self) -> None:
        self._db.close()
        self._owner.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {WAL_MAX_BYTES}")
        with self._transaction():  # takes the lock, and with this locking mode keeps it
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise JournalDamaged(
                    f"the journal {self.path} was written by a newer release (schema {version}, "
                    f"known {SCHEMA_VERSION}): start that release, or choose another DISCO_ROOT"
                )
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._compaction.find()
            self._compaction.step(limit=None)
        db.execute("PRAGMA incremental_vacuum").fetchall()

    def _transaction(self) -> _Transaction:
        return _Transaction(self)

    def _explain(self, error: Exception) -> JournalError:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return JournalLocked(
                f"the journal {self.path} is in use by another master{self._owner_text()}: "
                f"stop that one, or give this one another DISCO_ROOT or DISCO_NAME"
            )
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            return JournalDamaged(
                f"the journal {self.path} is damaged ({error}): put a copy in its place, or move it away "
                f"to start with an empty history"
            )
        return JournalError(f"can't write the journal {self.path}: {error}")

    def _owner_text(self) -> str:
        try:
            return f" (process {int(self._owner.read_text())})"
        except (OSError, ValueError):
            return ""


class _Transaction:
    """BEGIN … COMMIT, or ROLLBACK and a JournalError."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        try:
            self._journal._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._journal._explain(error) from error

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        db = self._journal._db
        try:
            if error is None:
                db.execute("COMMIT")
        except sqlite3.Error as failure:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise self._journal._explain(failure) from failure
        if error is not None:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._journal._explain(error) from error


def _row(event: Event) -> tuple[str, int, str | bytes, str | None]:
    kind, version, body = encode(event)
    job = event.view.name if isinstance(event, JobEnded) else getattr(event, "job", None)
    if isinstance(event, JobSubmitted):
        job = event.spec.name
    return kind, version, zlib.compress(body.encode(), 1) if len(body) > COMPRESS_ABOVE else body, job


def _text(body: str | bytes) -> str:
    return zlib.decompress(body).decode() if isinstance(body, bytes) else body
