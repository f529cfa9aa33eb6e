"""The job pack as the documents' `disco.job.JobPack`: the four parts, made and read on the client."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

from jobpack import format as pack_format


class JobPack:
    """All that a job needs.

    `jobdict` and `jobenvs` are dictionaries; `jobhome`, a ZIP archive, and `jobdata`, the Python SDK's own,
    are bytes.
    """

    def __init__(
        self, jobdict: dict[str, Any], jobenvs: dict[str, str], jobhome: bytes, jobdata: bytes
    ) -> None:
        self.jobdict = jobdict
        self.jobenvs = jobenvs
        self.jobhome = jobhome
        self.jobdata = jobdata

    def dumps(self) -> bytes:
        """The bytes of the pack. Raises PackError, which names the field that is wrong."""
        pack = pack_format.JobPack(self.jobdict, self.jobenvs, self.jobhome, self.jobdata)
        pack.job()
        return pack.dumps()

    @classmethod
    def load(cls, jobfile: BinaryIO | str | Path) -> JobPack:
        """Load a JobPack from an open file, or from the file at a path."""
        if isinstance(jobfile, str | Path):
            with Path(jobfile).open("rb") as file:
                return cls.load(file)
        found = pack_format.JobPack.load(jobfile)
        return cls(found.jobdict, found.jobenvs, found.jobhome, found.jobdata)

    @classmethod
    def loads(cls, data: bytes) -> JobPack:
        return cls.load(io.BytesIO(data))
