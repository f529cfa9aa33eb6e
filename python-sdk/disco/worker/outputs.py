"""Outputs of a task: files that appear under their names only when they are complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from . import current

OUTPUT_ROOT = ".disco/out"  # in the job home
BUFFER_BYTES = 256 * 1024


class OutputFile:
    """A binary file that takes its name when it is closed. A task that fails leaves nothing under it.

    The node makes it durable before it confirms the task, so nothing is synced here.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._place = current.home / path
        self._unfinished = current.home / f"{path}.partial"
        file = self._unfinished.open("wb", buffering=BUFFER_BYTES)
        self._file: IO[bytes] | None = file
        self.write = file.write

    def fileno(self) -> int:
        if self._file is None:
            raise ValueError(f"{self.path} is closed")
        return self._file.fileno()

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Complete the file: it is there under its name now. A second time nothing happens."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
            self._unfinished.replace(self._place)


def discard_outputs(taskpath: str) -> None:
    """Remove what a failed attempt has written to its directory: its next one may need the room."""
    import shutil

    shutil.rmtree(current.home / taskpath, ignore_errors=True)


class Output:
    """One output of a worker: `path`, `type` ("disco", "part" or "tag"), `partition` label, open `file`.

    `open` takes the path and returns the file to write to.
    """

    def __init__(
        self, path_type_partition: tuple[str, str, str | None], open: Callable[[str], Any] | None = None
    ) -> None:
        self.path, self.type, self.partition = path_type_partition
        self.open = open or OutputFile
        self.file = self.open(self.path)

    def close(self) -> None:
        """Complete the output; nothing can be written to it any more."""
        self.file.close()
