"""Sorting on disk, as functions that programs called themselves before `sort=True` did all of it.

`disk_sort` takes any keys; `unix_sort` is the external program over a file of records that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ....error import DataError

PAIRS_A_BATCH = 8192
SEPARATOR = b"\xff"  # between key and value in a file for `unix_sort`; a zero byte ends a record


def disk_sort(
    worker: Any, input: Iterable[tuple[Any, Any]], filename: str, sort_buffer_size: str | int = "10%"
) -> Iterator[tuple[Any, Any]]:
    """The pairs of `input` by ascending key; values of one key keep their order.

    What does not fit into `sort_buffer_size` (a percentage of this machine's memory, "100M", or bytes) is
    kept in unnamed files in the directory of `filename`. `worker` is not looked at. Raises DiscoError for a
    size that is none.
    """
    from .memory import buffer_bytes
    from .runs import Pairs
    from .sorting import Sorter

    sorter = Sorter(buffer_bytes(sort_buffer_size), directory=str(Path(filename).parent))
    pairs = iter(input)
    while batch := list(islice(pairs, PAIRS_A_BATCH)):
        sorter.add(Pairs([key for key, _ in batch], [value for _, value in batch]))
    return iter(sorter.finish())


def unix_sort(filename: str, sort_buffer_size: str = "10%") -> None:
    """Sort a file in place with the program `sort`: records `key 0xFF value`, each ended by a zero byte.

    Keys are compared byte by byte. `sort_buffer_size` is its option -S. Raises DataError when it fails.
    """
    import subprocess

    separator = SEPARATOR.decode("utf-8", "surrogateescape")
    options = ["-z", "-s", "-t", separator, "-k", "1,1", "-T", ".", "-S", sort_buffer_size]
    done = subprocess.run(
        ["sort", *options, "-o", filename, filename],
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise DataError(f"sort ended with exit code {done.returncode}: {said}", filename)
