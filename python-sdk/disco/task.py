"""A task as its worker knows it: who it is, where it may write, and its out-of-band results.

Source: documents 4.1.7 and 3.8.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from .error import DiscoError
from .worker.outputs import OUTPUT_ROOT

MAX_OOB_KEY_CHARS = 256
MAX_OOB_RESULTS = 1000  # a task may put
_OOB_KEY = re.compile(r"[a-zA-Z_\-:0-9@]+")


class Task:
    """One task assigned by the master: the fields are those of the protocol's TASK message."""

    def __init__(
        self,
        host: str = "",
        jobfile: str = "",
        jobname: str = "",
        master: str | None = None,
        disco_port: int | None = None,
        put_port: int | None = None,
        ddfs_data: str = "",
        disco_data: str = "",
        mode: str | None = None,
        taskid: int = -1,
    ) -> None:
        self.host = host
        self.jobfile = jobfile
        self.jobname = jobname
        self.master = master
        self.disco_port = disco_port
        self.put_port = put_port
        self.ddfs_data = ddfs_data
        self.disco_data = disco_data
        self.mode = mode
        self.taskid = taskid
        self.uid = f"{mode}-{taskid}-{os.getpid()}-{time.time_ns():x}"
        self._puts = 0

    def __repr__(self) -> str:
        return f"<{self.mode}:{self.taskid} of {self.jobname} on {self.host}>"

    @property
    def taskpath(self) -> str:
        """The task's own directory, relative to the job home; `path` makes it."""
        return f"{OUTPUT_ROOT}/{self.uid}"

    def path(self, name: str) -> str:
        """`name` in the task's own directory, relative to the working directory. The directory exists."""
        path = Path(self.taskpath) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    @property
    def oob_tag(self) -> str:
        return oob_tag(self.jobname)

    def put(self, key: str, value: bytes) -> None:
        """Keep an out-of-band result (bytes) under `key`, which must be unique in the job."""
        check_oob_key(key)
        if isinstance(value, str):
            value = value.encode()
        if self._puts >= MAX_OOB_RESULTS:
            raise DiscoError(
                f"this task has put {MAX_OOB_RESULTS} out-of-band results, the most that are allowed; "
                "use the normal output for this many"
            )
        from .worker.saving import push_bytes

        push_bytes(self, self.oob_tag, key, bytes(value))
        self._puts += 1

    def get(self, key: str) -> bytes | None:
        """The out-of-band result under `key`: put by the map phase, when this is a reduce."""
        from .client.ddfs import DDFS
        from .client.oob import get_oob

        return get_oob(DDFS(master=self.master), self.jobname, key)


def oob_tag(jobname: str) -> str:
    return f"disco:job:oob:{jobname}"


def check_oob_key(key: str) -> None:
    """Raise DiscoError unless `key` may name an out-of-band result."""
    if not _OOB_KEY.fullmatch(key):
        raise DiscoError(f"OOB key contains invalid characters ({key!r}); use a-z, A-Z, 0-9, _, -, : and @")
    if len(key) > MAX_OOB_KEY_CHARS:
        raise DiscoError(f"OOB key has {len(key)} characters; at most {MAX_OOB_KEY_CHARS} are allowed")


def jobdata(*objs: Any) -> bytes:
    """The bytes that rebuild the job on a node; `load_jobdata` is the other way."""
    from .client.packing.shipping import dump_objects

    return dump_objects(objs)
