"""What things in DDFS are called, and what a name tells.

A *name* is what users give: a tag's or a blob's. An *object name* is one version of it on disk:
`NAME$M-S-U`, where the stamp M-S-U is a clock's megaseconds, seconds and microseconds in hex. Of two
versions of a name the one with the higher stamp is newer; stamps are compared as numbers, because
their text has no padding (`9-…` is older than `10-…`).

Invariant: `parse_object(object_name(name, stamp))` gives both back, for every legal name and stamp.
The clock and the uniqueness of stamps are the caller's business.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

MAX_NAME_CHARACTERS = 511
# A file name takes 255 bytes: the name, `$`, the stamp, and the mark of an unfinished file.
MAX_STORED_CHARACTERS = 200
DELETED_TAG = "+deleted"
TAG_SCHEME = "tag://"

_NAME = re.compile(r"[A-Za-z0-9_\-@:]{1,511}", re.ASCII)
_HEX = "[0-9a-f]{1,16}"
_OBJECT = re.compile(
    rf"(?P<name>\+deleted|{_NAME.pattern})\$(?P<m>{_HEX})-(?P<s>{_HEX})-(?P<u>{_HEX})", re.ASCII
)
_STORED_PART = re.compile(r"/[0-9a-f]{2}/(?P<name>[^$/]+)\$")
_HOST = re.compile(r"[A-Za-z0-9+.\-]+://(?:[^/@]*@)?(?P<host>\[[^\]]*\]|[^/:]*)")


class BadNameError(ValueError):
    """A name or object name that breaks the rules; the text says which rule."""


class LongNameError(BadNameError):
    """A legal name, too long for the file that a version of it would be."""


class Stamp(NamedTuple):
    """The time of a version. Ordered as numbers."""

    mega: int
    second: int
    micro: int

    @classmethod
    def at(cls, epoch_us: int) -> Stamp:
        """From microseconds since the epoch (a whole number: a float has too few digits)."""
        seconds, micro = divmod(epoch_us, 1_000_000)
        mega, second = divmod(seconds, 1_000_000)
        return cls(mega, second, micro)

    @property
    def epoch_us(self) -> int:
        return (self.mega * 1_000_000 + self.second) * 1_000_000 + self.micro

    def __str__(self) -> str:
        # A zero part is written `00`, as the original does (F19).
        return "-".join("00" if part == 0 else f"{part:x}" for part in self)


class ObjectName(NamedTuple):
    name: str
    stamp: Stamp

    def __str__(self) -> str:
        return f"{self.name}${self.stamp}"


def is_name(text: str) -> bool:
    """Whether users may name a tag or blob so."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """`text`, if users may name a tag or blob so. Raises BadNameError."""
    if not is_name(text):
        raise BadNameError(
            f"{text[:80]!r} is no name: it needs 1 to {MAX_NAME_CHARACTERS} of A-Z a-z 0-9 : @ - _"
        )
    return text


def check_new_name(text: str) -> str:
    """`text`, if a version of it can be stored too. Raises BadNameError."""
    if len(check_name(text)) > MAX_STORED_CHARACTERS:
        raise LongNameError(
            f"the name {text[:40]}… has {len(text)} characters, "
            f"and a new one can have {MAX_STORED_CHARACTERS}: its file's name holds a stamp too"
        )
    return text


def parse_object(text: str) -> ObjectName:
    """Raises BadNameError."""
    match = _OBJECT.fullmatch(text)
    if match is None:
        raise BadNameError(f"{text[:80]!r} is no object name: it needs NAME$hex-hex-hex")
    stamp = Stamp(*(int(match[part], 16) for part in "msu"))
    return ObjectName(match["name"], stamp)


def hash_dir(name: str) -> str:
    """HH: first byte of the MD5 of an object name or job name (F18)."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:2]


def set_identity(urls: tuple[str, ...]) -> str | None:
    """What `update=1` compares (F7): the blob's or tag's name in the first URL; None: never a duplicate."""
    first = urls[0] if urls else ""
    if first.startswith(TAG_SCHEME):
        return first.removeprefix(TAG_SCHEME)
    match = _STORED_PART.search(first)
    return match["name"] if match else None


def host_of(url: str) -> str:
    """The host in a URL, "" if it has none."""
    match = _HOST.match(url)
    return match["host"] if match else ""
