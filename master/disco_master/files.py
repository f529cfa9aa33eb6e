"""Which file a request may read, and which bytes of it: shared by the master's web and the blob server.

A request names a path below a root (`/disco/…` below DISCO_DATA, `/ddfs/…` below DDFS_DATA). `resolve_under`
turns it into a real path that is certain to lie below that root, whatever `..`, absolute parts, NUL bytes
or symbolic links the request or the disk hold; percent-encoding is the server's business and is undone
exactly once, before the call. `plan_reply` then decides status and byte range, and `open_part` opens what
was planned. HTTP wording stays with the caller. Standard library only.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 256 * 1024
MAX_PATH_BYTES = 4096
_TAG_HEAD_BYTES = 4096
_OPEN_TAG = re.compile(rb'"read-token":\s*null,\s*"write-token":\s*null,')
_RANGE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII)


class UnsafePathError(ValueError):
    """A path that would leave its root, or that no file can have. Answer 404, like a missing file."""

    def __init__(self, relative: str, reason: str) -> None:
        self.relative, self.reason = relative, reason
        super().__init__(f"path {relative[:200]!r}: {reason}")


class RangeError(ValueError):
    """A well-formed range with no byte inside the file. Answer 416 with `Content-Range: bytes */SIZE`."""

    def __init__(self, header: str, size: int) -> None:
        self.header, self.size = header, size
        super().__init__(f"range {header[:200]!r} lies outside the file of {size} bytes")


def resolve_under(root: str | os.PathLike[str], relative: str, *, mounts: int = 0) -> Path:
    """The real path of `relative` below `root`; the file need not exist.

    The first `mounts` elements may be symbolic links that lead elsewhere: DDFS volumes are often links to
    disks. Nothing after them may leave what they lead to. Raises UnsafePathError.
    """
    check_relative(relative)
    parts = relative.split("/")
    base = Path(root, *parts[:mounts]).resolve()
    real = Path(base, *parts[mounts:]).resolve()
    if not real.is_relative_to(base):
        raise UnsafePathError(relative, "it leads outside its root")
    return real


def check_relative(relative: str) -> None:
    """Raise UnsafePathError unless `relative` stays below any root by its text alone."""
    if not relative:
        raise UnsafePathError(relative, "it is empty")
    if "\0" in relative:
        raise UnsafePathError(relative, "it holds a NUL byte")
    if relative.startswith("/"):
        raise UnsafePathError(relative, "it is absolute")
    try:
        size = len(os.fsencode(relative))
    except UnicodeEncodeError:
        raise UnsafePathError(relative, "it is not valid text") from None
    if size > MAX_PATH_BYTES:
        raise UnsafePathError(relative, f"it is longer than {MAX_PATH_BYTES} bytes")
    if any(part in ("", ".", "..") for part in relative.split("/")):
        raise UnsafePathError(relative, "it holds an empty, '.' or '..' element")


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first byte, byte after the last) of a single-range header, or None: send the whole file.

    As RFC 9110 14.2 asks, a header that is malformed or holds several ranges is ignored. Raises RangeError.
    """
    match = _RANGE.fullmatch(header) if header else None
    if header is None or match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.group(1), match.group(2)
    if first == "":  # the last N bytes
        if int(last) == 0 or size == 0:
            raise RangeError(header, size)
        return max(0, size - int(last)), size
    start, stop = int(first), size if last == "" else min(size, int(last) + 1)
    if last != "" and int(last) < start:
        return None
    if start >= size:
        raise RangeError(header, size)
    return start, stop


@dataclass(frozen=True, slots=True)
class FilePart:
    """What to send: 200 or 206, and the bytes [start, stop) of a file of `size` bytes."""

    path: Path
    status: int
    start: int
    stop: int
    size: int

    @property
    def headers(self) -> list[tuple[str, str]]:
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(self.stop - self.start)),
            ("Accept-Ranges", "bytes"),
        ]
        if self.status == 206:
            headers.append(("Content-Range", f"bytes {self.start}-{self.stop - 1}/{self.size}"))
        return headers


def plan_reply(path: Path, range_header: str | None) -> FilePart:
    """Raises FileNotFoundError, IsADirectoryError (anything that is no regular file) or RangeError."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise IsADirectoryError(f"{path} is no regular file")
    wanted = parse_range(range_header, found.st_size)
    if wanted is None:
        return FilePart(path, 200, 0, found.st_size, found.st_size)
    return FilePart(path, 206, wanted[0], wanted[1], found.st_size)


def open_part(part: FilePart) -> BinaryIO:
    """The file, positioned at the first byte to send."""
    file = part.path.open("rb")
    file.seek(part.start)
    return file


def names_no_token(tag_file: Path) -> bool:
    """Whether anybody may read a tag's file: it begins with its tokens, and who knows them may write it."""
    with tag_file.open("rb") as file:
        return _OPEN_TAG.search(file.read(_TAG_HEAD_BYTES)) is not None
