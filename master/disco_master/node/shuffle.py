"""After a phase: merge what this node's tasks wrote, so that K nodes leave K·N files however many tasks ran.

Part files of one label are laid end to end, in the order given (task order), in `.disco/partitions-STAMP/`; a
label with one part is a hard link. Then the index is written: lines `label SP url LF`, sorted, unique, gzip.
The index gets its name last, so it exists only when everything it names is safe on disk. The parts stay: a
shuffle that is asked for again, after a crash or with more outputs, needs them. At most two data files are
open at a time, whatever the number of labels.

A shuffle may still be at work when the next one is ordered (the master was away in between, or there is more
to merge). Orders are numbered, and an older one never replaces the index of a newer one.
"""

from __future__ import annotations

import errno
import gzip
import itertools
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ..files import UnsafePathError, resolve_under
from ..model import Mode, Output, OutputKind
from .durable import sync_directory, sync_files
from .homes import DISCO_DIR

COPY_BYTES = 64 * 1024 * 1024  # a step: the kernel copies, so this costs no memory
_serial = itertools.count(1)
_naming = threading.Lock()
_newest: dict[tuple[Path, Mode], int] = {}  # job home and mode -> the number of the newest order
_NO_KERNEL_COPY = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM)


class ShuffleError(Exception):
    """The outputs could not be merged; nothing half done is left. The text says what to do.

    `gone`: some of them are not there, so that trying again is of no use.
    """

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        self.gone = gone
        super().__init__(reason)


def shuffle(home: Path, base_url: str, mode: Mode, outputs: Sequence[Output], number: int = 0) -> str:
    """Merge `outputs` of one job and mode; returns the URL of the index, "" if there is nothing to index.

    `base_url` is the job home's. Outputs of kind tag are no files and are left out. `number` grows with each
    order. Raises ShuffleError.
    """
    with _naming:
        _newest[home, mode] = max(number, _newest.get((home, mode), 0))
    plain = [output for output in outputs if output.kind is OutputKind.DISCO]
    parts: dict[int, list[Path]] = {}
    for output in outputs:
        if output.kind is OutputKind.PART:
            parts.setdefault(output.label, []).append(_local(home, base_url, output.url))
    if not plain and not parts:
        return ""
    stamp = f"{time.time_ns():x}-{os.getpid():x}-{next(_serial):x}"
    merged = home / DISCO_DIR / f"partitions-{stamp}"
    try:
        for output in plain:
            _local(home, base_url, output.url).stat()  # an index names nothing that is not there
        lines = {f"0 {output.url}\n" for output in plain}
        if parts:
            merged.mkdir(parents=True)
            for label, paths in parts.items():
                _merge(paths, merged / f"part-{label}")
                lines.add(f"{label} {base_url}{DISCO_DIR}/{merged.name}/part-{label}\n")
            # Linked parts were made safe when their tasks ended.
            sync_files([merged / f"part-{label}" for label in parts if len(parts[label]) > 1], [merged])
        name = f"{mode.value}-index.txt.gz"
        with _naming:
            if number < _newest[home, mode]:
                raise ShuffleError("a newer order has taken its place")
            _write_index(home / DISCO_DIR, name, lines)
    except ShuffleError:
        shutil.rmtree(merged, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(merged, ignore_errors=True)
        raise ShuffleError(_explain(error), gone=error.errno == errno.ENOENT) from error
    return f"dir{base_url.removeprefix('disco')}{DISCO_DIR}/{name}"


def _local(home: Path, base_url: str, url: str) -> Path:
    if not url.startswith(base_url):
        raise ShuffleError(f"{url} is no output of this job on this node ({base_url})")
    try:
        return resolve_under(home, url.removeprefix(base_url))
    except UnsafePathError as error:
        raise ShuffleError(str(error)) from error


def _merge(sources: Sequence[Path], target: Path) -> None:
    if len(sources) == 1:
        os.link(sources[0], target)
        return
    with target.open("xb", buffering=0) as out:
        for source in sources:
            with source.open("rb", buffering=0) as part:
                _append(part.fileno(), out.fileno(), str(source))


def _append(source: int, target: int, shown: str) -> None:
    found = os.fstat(source)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is no regular file", shown)
    left = found.st_size
    copy: Callable[[int, int, int], int] = os.copy_file_range
    while left:
        try:
            moved = copy(source, target, min(left, COPY_BYTES))
        except OSError as error:
            if copy is _send_file or error.errno not in _NO_KERNEL_COPY:
                raise
            moved = 0
        if not moved and copy is _send_file:
            raise OSError(errno.EIO, f"ends {left} bytes early", shown)
        if not moved:
            copy = _send_file
        left -= moved


def _send_file(source: int, target: int, count: int) -> int:
    return os.sendfile(target, source, None, count)


def _write_index(directory: Path, name: str, lines: Iterable[str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f".partial-{name}-{os.getpid():x}-{next(_serial):x}"
    text = "".join(sorted(lines, key=lambda line: (int(line.split(" ", 1)[0]), line)))
    try:
        with partial.open("xb") as file:
            file.write(gzip.compress(text.encode(), compresslevel=1, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(directory / name)
        sync_directory(directory)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def _explain(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk is full{where}; free space or remove the node, the job will run these tasks elsewhere"
        )
    if error.errno == errno.ENOENT:
        return f"a task's output is gone{where}; the task has to run again"
    return f"{error.strerror or error}{where}"
