"""`file://PATH`, or a bare path: a file of the node that runs the task."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from ..error import DataError

BUFFER_BYTES = 1024 * 1024


def path_of(url: str) -> str:
    """The path in a file:// URL, or the bare path itself."""
    path = url.removeprefix("file://")
    return path.removeprefix("localhost") if path.startswith("localhost/") else path


def open_path(path: str, url: str) -> tuple[IO[bytes], int]:
    """The open file and its size. Raises DataError, so that another replica is tried."""
    try:
        file = Path(path).open("rb", buffering=BUFFER_BYTES)  # noqa: SIM115 - handed to the reader
    except OSError as error:
        raise DataError(f"{error.strerror}: {path}", url) from error
    return file, os.fstat(file.fileno()).st_size


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int, str]:
    """Opens the url locally on the node."""
    file, size = open_path(path_of(url), url)
    return file, size, url
