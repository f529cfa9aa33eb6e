"""What the worker reported with OUTPUT, read at that moment, and compared at the end with what the case
expects."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from disco_conformance.play.ddfs import BlobService, Refused
from disco_conformance.play.result import Failed

TYPES = ("disco", "part", "tag")
MAX_OUTPUT_BYTES = 256 << 20
SHOWN = 80


class Outputs:
    def __init__(self, home: Path, ddfs: BlobService | None = None) -> None:
        self._home, self._ddfs = home, ddfs
        self.found: dict[str, bytes] = {}
        self._reported: dict[str, int] = {}
        self._earlier: set[str] = set()

    def report(self, payload: Any, line: int) -> None:
        """Raises Failed when the worker may not say so."""
        location, kind, label = self._checked(payload, line)
        if kind == "tag":
            self.found["tag"] = self._saved(location.removeprefix("tag://"), line)
            return
        self._check_location(location, line)
        if location in self._earlier:
            raise _refused("output.unique", f"{location!r} was written by the attempt before, too", line)
        key = "disco" if kind == "disco" else str(label)
        data = self._read(location, line)
        self.found[key] = self.found.get(key, b"") + data
        self._reported[location] = len(data)

    def _saved(self, tag: str, line: int) -> bytes:
        """What the tag holds now. A case without DDFS takes the name alone."""
        if self._ddfs is None:
            return self.found.get("tag", b"") + tag.encode() + b"\n"
        try:
            return self._ddfs.content(tag)
        except Refused as refused:
            raise _refused(refused.requirement, refused.reason, line) from None

    def task_done(self) -> None:
        """What comes now belongs to another task, or to another attempt of the same."""
        self._earlier.update(self._reported)

    def _checked(self, payload: Any, line: int) -> tuple[str, str, int]:
        if not isinstance(payload, list) or len(payload) not in (2, 3) or not isinstance(payload[0], str):
            raise _refused(
                "output.shape", f"OUTPUT carries {payload!r}; it must be [location, type, label]", line
            )
        location, kind = payload[:2]
        label = payload[2] if len(payload) == 3 else 0
        if kind not in TYPES:
            raise _refused(
                "output.type", f"the type of an output is {kind!r}; it must be disco, part or tag", line
            )
        if kind != "part" and len(payload) == 3:
            raise _refused("output.label", f"a {kind} output has a label; only part outputs have", line)
        text_of_label = isinstance(label, str) and label.isdigit()
        if not text_of_label and (type(label) is not int or label < 0):
            raise _refused("output.label", f"the label {label!r} is no integer of at least 0", line)
        return location, kind, int(label)

    def _check_location(self, location: str, line: int) -> None:
        path = PurePosixPath(location)
        if not location or path.is_absolute() or ".." in path.parts:
            reason = f"the location {location!r} is not a relative path inside the job home"
            raise _refused("output.location", reason, line)

    def _read(self, location: str, line: int) -> bytes:
        path = self._home / location
        if not path.is_file():
            raise _refused(
                "output.complete", f"OUTPUT names {location!r}, which is no file in the job home", line
            )
        if path.stat().st_size > MAX_OUTPUT_BYTES:
            raise _refused("output.complete", f"{location!r} is larger than {MAX_OUTPUT_BYTES} bytes", line)
        return path.read_bytes()

    def compare(self, expected: tuple[tuple[str, str], ...], line: int) -> None:
        """At the end of a task that ended well. An empty `expected` accepts any content."""
        for location, size in self._reported.items():
            if len(self._read(location, line)) != size:
                raise _refused("output.complete", f"{location!r} changed after it was reported", line)
        for label, text in expected:
            got, want = self.found.get(label, b""), text.encode()
            if got != want:
                raise Failed(
                    f"output {label} differs from byte {_first_difference(got, want)} on",
                    line=line, want=_short(want, got), got=_short(got, want),
                )  # fmt: skip
        names = {label for label, _ in expected}
        extra = sorted(name for name, data in self.found.items() if name not in names and data)
        if expected and extra:
            raise Failed(f"there is an output {extra[0]} that the case does not expect", line=line)


def _refused(requirement: str, reason: str, line: int) -> Failed:
    return Failed(reason, line=line, requirement=requirement)


def _first_difference(a: bytes, b: bytes) -> int:
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _short(data: bytes, other: bytes) -> str:
    start = max(0, _first_difference(data, other) - SHOWN // 2)
    part = data[start : start + SHOWN]
    more = f" ({len(data)} bytes, from byte {start})" if len(data) > SHOWN else ""
    return repr(part) + more
