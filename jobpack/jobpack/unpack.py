"""Unpacking a job home: the archive came over the network, so nothing that it says is trusted.

First the whole list of entries is judged (names, kinds, count, claimed sizes), then the content is
inflated while the real bytes are counted against one budget. Invariant: the destination appears
complete or not at all; everything is written into a temporary directory beside it, which is renamed
at the end or removed.

A `PackError` of the field `jobhome` means that the archive is at fault. An OSError means that this
machine is (disk full, no permission, destination taken).
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from jobpack.format import JobPack, PackError, path_fault, read_header, shown

MAX_ENTRIES = 100_000
MAX_HOME_BYTES = 4 << 30
MAX_RATIO = 200  # inflated to archive; deflate can reach 1032, programs and texts stay below 20
RATIO_FREE_BYTES = 16 << 20  # ... small homes may be as regular as they like

FILE_MODE = 0o644
EXECUTABLE_MODE = 0o755
_CHUNK_BYTES = 1 << 18
_CENTRAL_RECORD = b"PK\x01\x02"
_ENCRYPTED = 0x1 | 0x40
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
)

Source = bytes | memoryview | Path | BinaryIO


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job home may take. The defaults are what every node uses."""

    max_entries: int = MAX_ENTRIES
    max_home_bytes: int = MAX_HOME_BYTES
    max_ratio: int = MAX_RATIO
    ratio_free_bytes: int = RATIO_FREE_BYTES

    def budget(self, archive_bytes: int) -> int:
        """The most that an archive of this size may inflate to, in bytes."""
        return min(self.max_home_bytes, max(self.ratio_free_bytes, self.max_ratio * archive_bytes))


@dataclass(frozen=True, slots=True)
class Entry:
    """One judged entry of the archive; `size_bytes` is what the archive claims."""

    path: str
    is_dir: bool
    is_executable: bool
    size_bytes: int
    info: zipfile.ZipInfo


class Budget:
    """Counts what an archive really inflates to."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = self._left_bytes = size_bytes

    def take(self, count: int) -> None:
        """Count so many bytes more. Raises PackError if they are too many."""
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise PackError("jobhome", f"inflates to more than the {self._size_bytes} bytes allowed for it")


LIMITS = Limits()


def unpack_home(
    source: Source, dest: Path, *, offset: int = 0, length: int | None = None, limits: Limits = LIMITS
) -> None:
    """Unpack the ZIP archive in `source` (from `offset`, `length` bytes of it) as directory `dest`.

    `dest` must be absent or an empty directory. Raises PackError, and OSError of this machine.
    """
    with _Home(source, offset, length, limits) as home, _whole_directory(dest) as work:
        home.write(work)


def unpack_pack(pack: Path, dest: Path, *, limits: Limits = LIMITS) -> None:
    """Unpack the job home of the job pack in the file `pack`, reading no more of it than needed."""
    with pack.open("rb") as file:
        offset, length = read_header(file).span("jobhome")
        unpack_home(file, dest, offset=offset, length=length, limits=limits)


def unpack_parts(pack: JobPack, dest: Path, *, limits: Limits = LIMITS) -> None:
    """Write all parts of a pack for a person to look at: the home below `jobhome`, the rest as files."""
    with _Home(pack.jobhome, 0, None, limits) as home, _whole_directory(dest) as work:
        for name, value in (("jobdict.json", pack.jobdict), ("jobenvs.json", pack.jobenvs)):
            (work / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="ascii")
        (work / "jobdata").write_bytes(pack.jobdata)
        (work / "jobhome").mkdir()
        home.write(work / "jobhome")


def list_home(source: Source, *, limits: Limits = LIMITS) -> list[Entry]:
    """The entries of a job home, judged but not inflated. Raises PackError."""
    with _Home(source, 0, None, limits) as home:
        return home.entries


def verify_home(source: Source, worker: str, *, limits: Limits = LIMITS) -> list[Entry]:
    """All that unpacking would check, and that `worker` is there; writes nothing. Raises PackError."""
    with _Home(source, 0, None, limits) as home:
        for entry in home.files():
            for _ in home.content(entry):
                pass
        if worker not in {entry.path for entry in home.files()}:
            raise PackError(
                "jobdict.worker", f"{shown(worker)} is no file of the job home; add it, or name another"
            )
        return home.entries


def read_start(source: Source, path: str, size_bytes: int) -> bytes:
    """The first bytes of a file of the job home; empty if it is not there. Raises PackError."""
    with _Home(source, 0, None, LIMITS) as home:
        entry = next((entry for entry in home.files() if entry.path == path), None)
        return b"" if entry is None else next(home.content(entry), b"")[:size_bytes]


class _Home:
    """An open archive with its judged entries."""

    def __init__(self, source: Source, offset: int, length: int | None, limits: Limits) -> None:
        self._section = _Section(source, offset, length, limits.max_entries)
        self._budget_bytes = limits.budget(self._section.length)
        self._budget = Budget(self._budget_bytes)

    def __enter__(self) -> _Home:
        try:
            if not self._section.length:
                raise PackError("jobhome", "is empty, and so no ZIP archive; build it with `jobpack pack`")
            with _refusing():
                self._archive = zipfile.ZipFile(self._section)
                self.entries = _judge(self._archive.infolist(), self._budget_bytes)
        except BaseException:
            self._section.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._section.close()

    def files(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.is_dir]

    def content(self, entry: Entry) -> Iterator[bytes]:
        """The content of one file, in chunks. Raises PackError."""
        with _refusing(entry.path):
            member = self._archive.open(entry.info)
        with member:
            while True:
                with _refusing(entry.path):
                    chunk = member.read(_CHUNK_BYTES)
                if not chunk:
                    return
                self._budget.take(len(chunk))
                yield chunk

    def write(self, root: Path) -> None:
        """Write the home below `root`, an existing directory."""
        for entry in self.entries:
            path = root / entry.path
            (path if entry.is_dir else path.parent).mkdir(parents=True, exist_ok=True)
        for entry in self.files():
            mode = EXECUTABLE_MODE if entry.is_executable else FILE_MODE
            with _create(root / entry.path, mode) as file:
                for chunk in self.content(entry):
                    file.write(chunk)


def _judge(infos: list[zipfile.ZipInfo], budget_bytes: int) -> list[Entry]:
    entries = [_entry(info) for info in infos]
    paths: dict[str, bool] = {}
    for entry in entries:
        if entry.path in paths:
            raise PackError("jobhome", f"{shown(entry.path)} is there twice")
        paths[entry.path] = entry.is_dir
    for entry in entries:
        for parent in PurePosixPath(entry.path).parents:
            if not paths.get(str(parent), True):
                raise PackError("jobhome", f"{shown(str(parent))} is both a file and a directory")
    # Refused before the work begins; whether the claims are true is counted later.
    Budget(budget_bytes).take(sum(entry.size_bytes for entry in entries))
    return entries


def _entry(info: zipfile.ZipInfo) -> Entry:
    # zipfile cuts `filename` at a NUL; the original name tells.
    name = info.orig_filename
    is_dir = name.endswith("/")
    if reason := path_fault(name[:-1] if is_dir else name):
        raise PackError("jobhome", f"the entry {shown(name)} {reason}")
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        raise PackError("jobhome", f"{shown(name)} is a symbolic link; pack the file itself")
    if kind not in (0, stat.S_IFDIR if is_dir else stat.S_IFREG):
        raise PackError("jobhome", f"{shown(name)} is a special file; only files and directories are allowed")
    if info.flag_bits & _ENCRYPTED:
        raise PackError("jobhome", f"{shown(name)} is encrypted; nodes have no password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PackError(
            "jobhome", f"{shown(name)} is neither stored nor deflated (method {info.compress_type})"
        )
    return Entry(str(PurePosixPath(name)), is_dir, bool(mode & 0o111) and not is_dir, info.file_size, info)


@contextmanager
def _refusing(path: str = "") -> Iterator[None]:
    """Turn what zipfile raises on damaged archives into a PackError."""
    try:
        yield
    except PackError:
        raise
    except _BROKEN as error:
        what = f"{shown(path)} is damaged" if path else "is no readable ZIP archive"
        raise PackError("jobhome", f"{what} ({shown(str(error))})") from error


@contextmanager
def _whole_directory(dest: Path) -> Iterator[Path]:
    """A fresh directory that becomes `dest` if the body ends well, and is gone if it doesn't."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    if dest.is_symlink() or (dest.exists() and (not dest.is_dir() or any(dest.iterdir()))):
        raise FileExistsError(17, "exists and is no empty directory", str(dest))
    work = Path(tempfile.mkdtemp(prefix=".unpack-", dir=dest.parent))
    try:
        work.chmod(EXECUTABLE_MODE)
        yield work
        work.rename(dest)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _create(path: Path, mode: int) -> BinaryIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    return os.fdopen(descriptor, "wb")


class _Section(io.RawIOBase):
    """A part of a file or buffer as a file of its own, as zipfile wants an archive to be."""

    def __init__(self, source: Source, offset: int, length: int | None, max_entries: int) -> None:
        super().__init__()
        self._owned = isinstance(source, Path)
        self._file: BinaryIO
        if isinstance(source, Path):
            self._file = source.open("rb")
        elif isinstance(source, bytes | memoryview):
            self._file = io.BytesIO(source)
        else:
            self._file = source
        self._offset = offset
        self._at = 0
        self._max_entries = max_entries
        rest = max(0, self._file.seek(0, os.SEEK_END) - offset)
        self.length = rest if length is None else min(rest, length)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        target = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.length}[whence]
        if target < 0:
            raise ValueError("points before the start of the archive")
        self._at = target
        return target

    def read(self, size: int | None = -1) -> bytes:
        rest = max(0, self.length - self._at)
        size = rest if size is None or size < 0 else min(size, rest)
        self._file.seek(self._offset + self._at)
        content = self._file.read(size)
        self._at += len(content)
        # zipfile reads the list of entries at once and makes an object of each; a hostile archive
        # can hold millions, so they are counted before that.
        if content.startswith(_CENTRAL_RECORD) and content.count(_CENTRAL_RECORD) > self._max_entries:
            raise PackError("jobhome", f"has more than {self._max_entries} entries")
        return content

    def close(self) -> None:
        if self._owned and not self.closed:
            self._file.close()
        super().close()
