"""DDFS on this node's disks: volumes, blobs and tag files, as plain files that standard tools can read.

    DDFS_DATA/volN/blob/HH/NAME$stamp        mode 0400, written once
    DDFS_DATA/volN/tag/HH/NAME$stamp         one file for each version of a tag
    …/!partial-N.NAME$stamp, …/!partial.NAME$stamp   a blob, a tag not yet complete

A file appears under its own name by a rename after fsync, so what has its name is whole. A blob's CRC-32 lies
in an extended attribute of the file, where no listing or rename can part the two; on a file system without
them the check says UNKNOWN.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from ...files import BLOCK_BYTES
from ..config import hash_prefix
from ..durable import sync_directory
from .blobcopy import CRC_ATTRIBUTE, copy_with_crc

# The longest file name that ext4 and xfs take, less the mark of an unfinished file.
MAX_OBJECT_BYTES = 255 - len("!partial-0123456789.")
MAX_TAG_BYTES = 512 * 1024 * 1024
OBJECT_MODE = 0o400
_OBJECT = re.compile(r"[A-Za-z0-9:@_-]{1,511}\$[0-9a-f]{1,16}(?:-[0-9a-f]{1,16}){2}", re.ASCII)
_serial = itertools.count(1)


class Kind(StrEnum):
    BLOB = "blob"
    TAG = "tag"


class Check(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"  # no sum was kept


class NameRefusedError(ValueError):
    """A name that no blob or tag can have."""


class NoVolumeError(OSError):
    """No volume can be written."""


@dataclass(frozen=True, slots=True)
class Disk:
    free_bytes: int
    used_bytes: int


def check_name(name: str, kind: Kind = Kind.BLOB) -> str:
    """`name` if it is an object name (`NAME$m-s-u`) of that kind. Raises NameRefusedError."""
    if not _is_object(name, kind):
        raise NameRefusedError(
            f"{name[:200]!r} is no object name: it needs 1 to 511 of A-Z a-z 0-9 : @ - _, then $ and a stamp"
        )
    if len(name) > MAX_OBJECT_BYTES:
        raise NameRefusedError(f"{name[:40]!r}… has {len(name)} characters; files take {MAX_OBJECT_BYTES}")
    return name


def _is_object(name: str, kind: Kind) -> bool:
    if kind is Kind.TAG:  # the list of deleted tags is a tag that no user can name
        name = name.removeprefix("+")
    return _OBJECT.fullmatch(name) is not None


def check_blob(path: Path) -> Check:
    """Read the whole blob and compare it with the sum taken when it was received."""
    try:
        kept = int(os.getxattr(path, CRC_ATTRIBUTE), 16)
    except (OSError, ValueError):
        return Check.UNKNOWN
    crc = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            crc = zlib.crc32(block, crc)
    return Check.GOOD if crc == kept else Check.BAD


class Volumes:
    """All volumes below one DDFS_DATA. Safe for any thread and process: each step is one rename or unlink."""

    def __init__(self, root: Path, host: str, *, max_tag_bytes: int = MAX_TAG_BYTES) -> None:
        self.root, self.host, self._max_tag_bytes = root, host, max_tag_bytes

    def list(self) -> list[Path]:
        """Every directory named `vol…`; `vol0` is made if there is none."""
        self.root.mkdir(parents=True, exist_ok=True)
        found = sorted(path for path in self.root.glob("vol*") if path.is_dir())
        if not found:
            (self.root / "vol0").mkdir(exist_ok=True)
            found = [self.root / "vol0"]
        return found

    def emptiest(self) -> Path:
        """The writable volume with most free space. Raises NoVolumeError."""
        free = {}
        for volume in self.list():
            with contextlib.suppress(OSError):
                if os.access(volume, os.W_OK):
                    free[volume] = shutil.disk_usage(volume).free
        if not free:
            raise NoVolumeError(errno.ENOSPC, "No volumes", str(self.root))
        return max(free, key=lambda volume: free[volume])

    def disk(self) -> Disk:
        """Space of all volumes; those on one file system count once."""
        seen: dict[int, Disk] = {}
        for volume in self.list():
            with contextlib.suppress(OSError):
                usage = shutil.disk_usage(volume)
                seen[volume.stat().st_dev] = Disk(usage.free, usage.used)
        return Disk(sum(d.free_bytes for d in seen.values()), sum(d.used_bytes for d in seen.values()))

    def path(self, volume: Path, kind: Kind, name: str) -> Path:
        return volume / kind / hash_prefix(check_name(name, kind)) / name

    def url(self, path: Path) -> str:
        return f"disco://{self.host}/ddfs/{path.relative_to(self.root)}"

    def find(self, kind: Kind, name: str) -> Path | None:
        return next((p for v in self.list() if (p := self.path(v, kind, name)).is_file()), None)

    def names(self, kind: Kind) -> Iterator[str]:
        """Object names, in no order; what is unfinished or foreign is left out."""
        for volume in self.list():
            for directory in (volume / kind).glob("??"):
                with contextlib.suppress(OSError):
                    yield from (path.name for path in directory.iterdir() if _is_object(path.name, kind))

    def put_blob(self, name: str, data: BinaryIO) -> Path:
        """Keep a blob; returns its path. Raises FileExistsError if it is here, OSError if a disk fails."""
        target = self.path(self.emptiest(), Kind.BLOB, name)
        if (existing := self.find(Kind.BLOB, name)) is not None:
            raise FileExistsError(errno.EEXIST, "File exists", str(existing))
        target.parent.mkdir(parents=True, exist_ok=True)
        stamp = f"{os.getpid():x}{next(_serial) & 0xFFFF:04x}"
        partial = target.with_name(f"!partial-{stamp}.{name}")
        try:
            with partial.open("xb") as file:
                copy_with_crc(data, file)
                _seal(file)
            os.link(partial, target)  # unlike a rename, it refuses to replace
        finally:
            partial.unlink(missing_ok=True)
        sync_directory(target.parent)
        return target

    def write_tag(self, name: str, text: str) -> Path:
        """Keep a tag's new version unfinished, until `commit_tag`. A repeated write replaces the first."""
        data = text.encode()
        if len(data) > self._max_tag_bytes:
            raise ValueError(f"tag {name} has {len(data)} bytes; at most {self._max_tag_bytes}: split it up")
        self.remove_partial_tag(name)
        target = self.path(self.emptiest(), Kind.TAG, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"!partial.{name}")
        try:
            with partial.open("xb") as file:
                file.write(data)
                _seal(file)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        return partial

    def commit_tag(self, name: str) -> Path:
        """Give a written tag its name. A second commit finds it done. Raises FileNotFoundError."""
        for volume in self.list():
            target = self.path(volume, Kind.TAG, name)
            with contextlib.suppress(FileNotFoundError):
                target.with_name(f"!partial.{name}").rename(target)
                sync_directory(target.parent)
                return target
        if (done := self.find(Kind.TAG, name)) is not None:
            return done
        raise FileNotFoundError(errno.ENOENT, "no such tag was written", name)

    def delete(self, kind: Kind, name: str) -> bool:
        """Whether it was there. An unfinished tag of that name goes too."""
        if kind is Kind.TAG:
            self.remove_partial_tag(name)
        path = self.find(kind, name)
        if path is not None:
            path.unlink(missing_ok=True)
        return path is not None

    def remove_partial_tag(self, name: str) -> None:
        for volume in self.list():
            self.path(volume, Kind.TAG, name).with_name(f"!partial.{name}").unlink(missing_ok=True)


def _seal(file: BinaryIO) -> None:
    file.flush()
    os.fchmod(file.fileno(), OBJECT_MODE)
    os.fsync(file.fileno())
