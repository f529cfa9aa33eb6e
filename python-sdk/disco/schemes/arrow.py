"""Files of other storages, `s3://`, `gs://`, `hdfs://`: through pyarrow, which only jobs that use it import.

Who may read is settled by the environment of the task, never by the URL: a job's inputs are shown to whoever
can see the job. A node's own configuration counts (`~/.aws/credentials`, an instance's role, Google's default
credentials); what else is needed is given as the job's `jobenvs`, such as AWS_ENDPOINT_URL or AWS_REGION.
"""

from __future__ import annotations

import importlib
import io
import os
from fnmatch import fnmatchcase
from typing import IO, Any
from urllib.parse import quote, urlsplit

from ..error import DataError, DiscoError
from ..worker import current

STORES = frozenset({"s3", "gs", "gcs", "hdfs"})
BLOCK_BYTES = 8 << 20  # read at a time: each read is a request to a server far away
ENDPOINT = "AWS_ENDPOINT_URL"
DEFAULT_REGION = "us-east-1"


def import_arrow(name: str, url: str) -> Any:
    """pyarrow, or a module of it. Raises DiscoError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        where = f"on node {current.task.host}" if current.task is not None else "here"
        raise DiscoError(
            f"{url} is read with pyarrow, which can't be imported {where} ({error}): install it there "
            "(pip install pyarrow), or send it with the job (requirements=['pyarrow'])"
        ) from error


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int, str]:
    """Opens a file of another storage. Raises DataError when it is not there or may not be read."""
    storage, path = _storage(url)
    try:
        file = storage.open_input_file(path)
        size = int(file.size())
    except OSError as error:
        raise DataError(_reason(error), url) from error
    return io.BufferedReader(file, BLOCK_BYTES), size, url


def stored_files(url: str) -> list[str]:
    """The files that a URL names: itself, or all that match when there is `*` in it. Raises DiscoError."""
    check_url(url)
    return matching(url) if "*" in url else [url]


def matching(url: str) -> list[str]:
    """The URLs of the files that match a URL with `*` in its path, sorted; `*` matches within one name.

    Raises DiscoError when none does.
    """
    storage, path = _storage(url)
    fs = import_arrow("pyarrow.fs", url)
    folder = path.partition("*")[0].rpartition("/")[0]
    is_deep = "*" in path.rpartition("/")[0]
    try:
        found = storage.get_file_info(fs.FileSelector(folder, recursive=is_deep))
    except OSError as error:
        raise DiscoError(f"{url} can't be listed: {_reason(error)}") from error
    files = (info.path for info in found if info.is_file and _matches(info.path, path))
    parts = urlsplit(url)
    root = f"{parts.scheme}://" + (parts.netloc if parts.scheme == "hdfs" else "")
    query = f"?{parts.query}" if parts.query else ""
    urls = sorted(f"{root}{quote(file)}{query}" for file in files)
    if not urls:
        raise DiscoError(f"no file matches {url}")
    return urls


def check_url(url: str) -> None:
    """Raise DiscoError for a URL with a password in it."""
    if "@" in urlsplit(url).netloc:
        raise DiscoError(
            f"a {urlsplit(url).scheme}:// URL must hold no credentials, since everyone who sees the job sees "
            "its inputs: give them to the nodes, or as the job's jobenvs"
        )


def _storage(url: str) -> tuple[Any, str]:
    """The storage that a URL names, and the path in it."""
    check_url(url)
    fs = import_arrow("pyarrow.fs", url)
    parts = urlsplit(url)
    endpoint = os.environ.get(ENDPOINT)
    try:
        if parts.scheme == "s3" and endpoint and "endpoint_override" not in parts.query:
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
            storage = fs.S3FileSystem(endpoint_override=endpoint, region=region)
            return storage, fs.FileSystem.from_uri(f"{url}?region={region}")[1]
        storage, path = fs.FileSystem.from_uri(url)
    except (ValueError, OSError) as error:  # pyarrow's own exceptions are some of these
        raise DataError(_reason(error), url) from error
    return storage, str(path)


def _matches(path: str, pattern: str) -> bool:
    names, patterns = path.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(_name_matches, names, patterns))


def _name_matches(name: str, pattern: str) -> bool:
    # nothing but the star is special: names hold ? and [ too
    return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
