"""What survives a crash of the master: the journal, as rows of the real codec or in the real file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from disco_master.actions import Record
from disco_master.events import Event
from disco_master.store.codec import decode, encode
from disco_master.store.journal import Journal


class Rows:
    """In memory: what the real journal would hold, in its encoding. A commit is all or nothing."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, str, int, str]] = []

    def append(self, records: list[Record]) -> None:
        self.rows += [(record.now, *encode(record.event)) for record in records]

    def replay(self) -> Iterator[tuple[Event, float]]:
        for now, kind, version, body in self.rows:
            yield decode(kind, version, body), now

    def forget(self, job: str) -> None:
        pass

    def crash(self) -> None:
        pass

    def close(self) -> None:
        pass


class File:
    """The real journal. `crash` lets go of the file without a word, as the end of the process does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal = Journal(path)

    def append(self, records: list[Record]) -> None:
        self._journal.append(records)

    def replay(self) -> Iterator[tuple[Event, float]]:
        return self._journal.replay()

    def forget(self, job: str) -> None:
        self._journal.forget(job)

    def crash(self) -> None:
        self._journal.close()
        self._journal = Journal(self._path)

    def close(self) -> None:
        self._journal.close()


Ledger = Rows | File
