"""What can go wrong, sorted by what the receiver must do.

    DiscoError                 the job ends (FATAL)
    ├── JobError               a job was refused, failed, or did not end in time
    └── DataError              the data could not be read: the task is tried elsewhere (ERROR)
        └── CommError          ... because the network or a server failed

Source: documents 4.1.3; the mapping to protocol messages is made once, in `disco.worker.failures`.
"""

from __future__ import annotations

from typing import Any


class DiscoError(Exception):
    """Base of every error that Disco raises on purpose."""


class JobError(DiscoError):
    """A job was refused or failed. `job` is the Job or its name, `message` says why."""

    def __init__(self, job: Any, message: str) -> None:
        self.job = job
        self.message = message
        super().__init__(job, message)

    def __str__(self) -> str:
        return f"Job {getattr(self.job, 'name', self.job)} failed: {self.message}"


class DataError(DiscoError):
    """A data resource could not be read; another node or replica may succeed."""

    def __init__(self, msg: str, url: str, code: int | None = None) -> None:
        self.msg = msg
        self.url = url
        self.code = code
        super().__init__(msg, url, code)

    def __str__(self) -> str:
        code = "" if self.code is None else f" ({self.code})"
        return f"Unable to access resource ({self.url}): {self.msg}{code}"


class CommError(DataError):
    """A resource could not be reached over the network. `code` is the HTTP status, if there was one."""
