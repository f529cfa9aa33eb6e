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
from .worker import current
from .worker.outputs import OUTPUT_ROOT

MAX_OOB_KEY_CHARS = 256
MAX_OOB_RESULTS = 1000  # a task may put
_OOB_KEY = re.compile(r"[a-zA-Z_\-:0-9@]+")


class Task:
    """One task assigned by the master; the fields are those of the protocol's TASK message.

    `host`: the node; `master`: its master's URL; `jobname`; `mode`: "map" or "reduce"; `taskid`: its number
    in that phase; `uid`: of this attempt alone; `jobfile`: path of the job pack; `disco_data`, `ddfs_data`:
    where the node keeps files; `disco_port`, `put_port`: where it serves and takes them.
    """

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
        (current.home / path).parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    @property
    def oob_tag(self) -> str:
        return oob_tag(self.jobname)

    def put(self, key: str, value: bytes | str) -> None:
        """Keep an out-of-band result: bytes (text is stored as UTF-8) under a key that is unique in the job.

        A key has 1 to 256 characters of a-z, A-Z, 0-9, _, -, : and @; a task may put 1000 results. Raises
        DiscoError beyond these limits, CommError when DDFS can't take it. If the task is run again, its later
        value wins.
        """
        check_oob_key(key)
        if not isinstance(value, bytes | bytearray | memoryview | str):
            raise DiscoError(f"the OOB value of {key} must be bytes, not {type(value).__name__}: pickle it")
        if self._puts >= MAX_OOB_RESULTS:
            raise DiscoError(
                f"this task has put {MAX_OOB_RESULTS} out-of-band results, the most that are allowed; "
                "use the normal output for this many"
            )
        from .client.oob import stored
        from .worker.saving import push_bytes

        content = value.encode() if isinstance(value, str) else bytes(value)
        push_bytes(self, self.oob_tag, *stored(key, content))
        self._puts += 1

    def get(self, key: str) -> bytes | None:
        """The out-of-band result (bytes) under `key`, or None: in a reduce, what the maps have put.

        Raises DiscoError when no task of the job has put any.
        """
        from .client.ddfs import DDFS
        from .client.oob import get_oob

        return get_oob(DDFS(master=self.master), self.jobname, key)


def oob_tag(jobname: str) -> str:
    """The tag that holds a job's out-of-band results."""
    return f"disco:job:oob:{jobname}"


def check_oob_key(key: str) -> None:
    """Raise DiscoError unless `key` may name an out-of-band result."""
    if not _OOB_KEY.fullmatch(key):
        raise DiscoError(f"OOB key contains invalid characters ({key!r}); use a-z, A-Z, 0-9, _, -, : and @")
    if len(key) > MAX_OOB_KEY_CHARS:
        raise DiscoError(f"OOB key has {len(key)} characters; at most {MAX_OOB_KEY_CHARS} are allowed")


def jobdata(*objs: Any) -> bytes:
    """The bytes that rebuild objects on a node, `disco.worker.jobdata.load_objects` being the other way.

    Functions and classes of the main program go by value, all else by name. Raises DiscoError, which names
    what can't be sent.
    """
    from .client.packing.shipping import dump_objects

    return dump_objects(objs)
