"""The job pack: the one file that holds all that is needed to run a job.

    0      2        4        8        12       16        20          128
    magic  version  jobdict  jobenvs  jobhome  jobdata   (reserved)  the four sections, in this order
                    `------ four offsets, u32 -----'

All numbers are big-endian. A section ends where the next one starts, and jobdata with the file.
jobdict is a JSON object for the master, jobenvs a JSON object of strings (the worker's environment),
jobhome a ZIP archive (the worker's working directory), jobdata free bytes for the worker.

This module decides whether bytes are a job pack and what its parts say. Invariant: a pack is taken
whole or refused with a `PackError` that names the field; whatever `JobPack.dumps` writes,
`JobPack.loads` takes. It does no input or output of its own: callers hand it bytes or an open file.
What lies inside the archive is left to `jobpack.unpack`, and making one to `jobpack.build`.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Self

MAGIC = 0xD5C0
VERSION = 1
HEADER_BYTES = 128
SECTIONS = ("jobdict", "jobenvs", "jobhome", "jobdata")
RESERVED_NAMES = (".disco", ".jobhome")  # at the top of the job home, these are Disco's own

MAX_PACK_BYTES = 1 << 30
MAX_JOBDICT_BYTES = 32 << 20  # parsed JSON takes several times its size
MAX_JOBENVS_BYTES = 1 << 20  # Linux takes about 2 MiB of arguments and environment in one exec
MAX_ENV_BYTES = (128 << 10) - 1  # ... and 128 KiB in one NAME=VALUE with its NUL
MAX_PREFIX_CHARS = 128  # the job name made of it is the name of a directory
MAX_REDUCES = 1_000_000  # each is a task that the master holds in memory
MAX_NAME_BYTES = 255  # of one part of a path in the job home, as file systems have it
MAX_PATH_BYTES = 1024  # of a whole path, which comes below the node's own
MAX_TASK_TIMEOUT_S = 10**9
MAX_CORES_DEFAULT = 2**31

_HEADER = struct.Struct(">HH4I")
_JOBDICT_KEYS = ("prefix", "input", "worker", "owner", "nr_reduces", "scheduler")
_BAD_PREFIX_CHAR = re.compile(r"[^a-zA-Z0-9_]")
_DRIVE = re.compile(r"[a-zA-Z]:")
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    bool: "true or false",
    int: "a number",
    float: "a fraction",
    type(None): "null",
}


class PackError(ValueError):
    """Bytes are no job pack, or a job pack asks for something impossible.

    `field` is the place (`magic`, `jobenvs`, `jobdict.scheduler.max_cores`, ...), `reason` says what
    is wrong there and what would be right.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(field, reason)

    def __str__(self) -> str:
        return f"bad job pack: {self.field}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Header:
    """Where the sections lie: `offsets` in the order of SECTIONS, `size_bytes` of the whole pack."""

    offsets: tuple[int, int, int, int]
    size_bytes: int

    def span(self, section: str) -> tuple[int, int]:
        """Offset and length of a section, in bytes."""
        index = SECTIONS.index(section)
        ends = (*self.offsets[1:], self.size_bytes)
        return self.offsets[index], ends[index] - self.offsets[index]


@dataclass(frozen=True, slots=True)
class JobDict:
    """A checked job dict. Each of `inputs` is one input: the URLs of its replicas."""

    prefix: str
    inputs: tuple[tuple[str, ...], ...]
    worker: str  # relative to the job home, without `.` segments
    owner: str
    nr_reduces: int
    has_map: bool = False
    has_reduce: bool = False
    max_cores: int = MAX_CORES_DEFAULT
    force_local: bool = False
    force_remote: bool = False
    max_failures: int | None = None
    max_job_failures: int | None = None
    backup_tasks: bool = False
    task_timeout: int | None = None  # seconds
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobPack:
    """The four parts of a job pack. Use `job` for the checked content of the job dict."""

    jobdict: dict[str, Any]
    jobenvs: dict[str, str]
    jobhome: bytes
    jobdata: bytes

    def dumps(self, *, max_bytes: int = MAX_PACK_BYTES) -> bytes:
        """The bytes of the pack; the same parts give the same bytes. Raises PackError."""
        check_envs(self.jobenvs)
        jobdict = _dump_json("jobdict", self.jobdict, MAX_JOBDICT_BYTES)
        jobenvs = _dump_json("jobenvs", self.jobenvs, MAX_JOBENVS_BYTES)
        sections = (jobdict, jobenvs, self.jobhome, self.jobdata)
        size = HEADER_BYTES + sum(map(len, sections))
        _check_size(size, max_bytes)
        offsets = [HEADER_BYTES]
        for section in sections[:-1]:
            offsets.append(offsets[-1] + len(section))
        header = _HEADER.pack(MAGIC, VERSION, *offsets).ljust(HEADER_BYTES, b"\0")
        return b"".join((header, *sections))

    @classmethod
    def loads(cls, data: bytes | memoryview, *, max_bytes: int = MAX_PACK_BYTES) -> Self:
        """The pack in `data`, with its layout, JSON and environment checked. Raises PackError."""
        view = memoryview(data).cast("B")
        header = parse_header(bytes(view[:HEADER_BYTES]), len(view), max_bytes=max_bytes)
        parts = []
        for name in SECTIONS:
            start, length = header.span(name)
            parts.append(bytes(view[start : start + length]))
        return cls(parse_jobdict(parts[0]), parse_jobenvs(parts[1]), parts[2], parts[3])

    @classmethod
    def load(cls, file: BinaryIO, *, max_bytes: int = MAX_PACK_BYTES) -> Self:
        """The pack in an open file, read from its start. Raises PackError."""
        file.seek(0)
        return cls.loads(file.read(max_bytes + 1), max_bytes=max_bytes)

    def job(self) -> JobDict:
        """What the job dict asks for, every value of it checked. Raises PackError."""
        check_envs(self.jobenvs)
        return check_jobdict(self.jobdict)


# ---- the layout


def parse_header(head: bytes, size_bytes: int, *, max_bytes: int = MAX_PACK_BYTES) -> Header:
    """The header in the first HEADER_BYTES of a pack of `size_bytes`. Raises PackError."""
    _check_size(size_bytes, max_bytes)
    if len(head) >= 2 and int.from_bytes(head[:2], "big") != MAGIC:
        raise PackError("magic", f"the file starts with {head[:2].hex()} instead of d5c0: it is no job pack")
    if len(head) < HEADER_BYTES:
        raise PackError(
            "header", f"the file ends after {len(head)} of the {HEADER_BYTES} bytes of the header"
        )
    _, version, *found = _HEADER.unpack_from(head)
    if version != VERSION:
        raise PackError("version", f"version {version} is not supported; write version {VERSION}")
    before, lowest = "the header", HEADER_BYTES
    for name, offset in zip(SECTIONS, found, strict=True):
        if offset < lowest:
            raise PackError(f"{name}_offset", f"{offset} lies before the end of {before} at {lowest}")
        if offset > size_bytes:
            raise PackError(f"{name}_offset", f"{offset} lies behind the end of the file at {size_bytes}")
        before, lowest = f"the start of the section before it ({name})", offset
    return Header((found[0], found[1], found[2], found[3]), size_bytes)


def read_header(file: BinaryIO, *, max_bytes: int = MAX_PACK_BYTES) -> Header:
    """The header of the pack in an open, seekable file; nothing else is read. Raises PackError."""
    size_bytes = file.seek(0, 2)
    file.seek(0)
    return parse_header(file.read(HEADER_BYTES), size_bytes, max_bytes=max_bytes)


def read_section(file: BinaryIO, name: str, *, max_bytes: int = MAX_PACK_BYTES) -> bytes:
    """The bytes of one section, without loading the others. Raises PackError, or KeyError for a name
    that is no section."""
    if name not in SECTIONS:
        raise KeyError(name)
    start, length = read_header(file, max_bytes=max_bytes).span(name)
    file.seek(start)
    content = file.read(length)
    if len(content) != length:
        raise PackError(name, f"the file ended after {len(content)} of the {length} bytes of this section")
    return content


def _check_size(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise PackError(
            "pack", f"{size_bytes} bytes are more than the {max_bytes} allowed; put data into inputs or DDFS"
        )


# ---- the two JSON sections


def parse_jobdict(content: bytes) -> dict[str, Any]:
    """The job dict as sent; `check_jobdict` checks its values. Raises PackError."""
    return _parse_json("jobdict", content, MAX_JOBDICT_BYTES)


def parse_jobenvs(content: bytes) -> dict[str, str]:
    """The environment, checked. Raises PackError."""
    envs = _parse_json("jobenvs", content, MAX_JOBENVS_BYTES)
    check_envs(envs)
    return envs


def _parse_json(section: str, content: bytes, max_bytes: int) -> dict[str, Any]:
    if len(content) > max_bytes:
        raise PackError(section, f"{len(content)} bytes are more than the {max_bytes} allowed")

    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            raise PackError(section, f"the key {shown(twice)} is there twice")
        return found

    def refuse_constant(name: str) -> None:
        raise PackError(section, f"{name} is no JSON")

    try:
        text = content.decode("utf-8")
        value = json.loads(text, object_pairs_hook=refuse_duplicates, parse_constant=refuse_constant)
    except PackError:
        raise
    except UnicodeDecodeError as error:
        raise PackError(section, f"byte {error.start} is no UTF-8") from error
    except RecursionError as error:
        raise PackError(section, "the JSON is nested too deeply") from error
    except ValueError as error:
        raise PackError(section, f"not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise PackError(section, f"must be a JSON object, not {_kind(value)}")
    return value


def _dump_json(section: str, value: Mapping[str, Any], max_bytes: int) -> bytes:
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PackError(section, f"cannot be written as JSON ({error})") from error
    content = text.encode("ascii")
    if len(content) > max_bytes:
        raise PackError(section, f"{len(content)} bytes are more than the {max_bytes} allowed")
    return content


def check_envs(envs: Mapping[Any, Any]) -> None:
    """Raise PackError unless `envs` can be put into a process's environment as it is."""
    for name, value in envs.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise PackError("jobenvs", f"{shown(name)} must be text with a text value, not {_kind(value)}")
        for text in (name, value):
            _check_text("jobenvs", text, f"the name or value of {shown(name)}")
        if not name or "=" in name:
            raise PackError("jobenvs", f"{shown(name)} is no name of a variable: empty, or with '=' in it")
        size = len(name.encode()) + len(value.encode()) + 1
        if size > MAX_ENV_BYTES:
            raise PackError(
                "jobenvs", f"{shown(name)} takes {size} bytes; at most {MAX_ENV_BYTES} can be set"
            )


# ---- the values of the job dict


def check_jobdict(raw: Mapping[str, Any]) -> JobDict:
    """The job dict's values, each checked. Unknown keys are left alone. Raises PackError."""
    for key in _JOBDICT_KEYS:
        if key not in raw:
            raise PackError(f"jobdict.{key}", f"missing key '{key}'")
    has_map = _flag("jobdict.map?", raw.get("map?", False))
    scheduler = raw["scheduler"]
    if not isinstance(scheduler, dict):
        raise PackError("jobdict.scheduler", f"must be an object, not {_kind(scheduler)}; {{}} sets nothing")
    where = "jobdict.scheduler."
    force_local = _flag(where + "force_local", scheduler.get("force_local", False))
    force_remote = _flag(where + "force_remote", scheduler.get("force_remote", False))
    if force_local and force_remote:
        raise PackError(
            where + "force_remote", "excludes force_local: no node would be left; set one of them"
        )

    def limit(name: str, least: int, most: int | None = None) -> int | None:
        value = scheduler.get(name)
        return None if value is None else _whole(where + name, value, least, most)

    return JobDict(
        prefix=_prefix(raw["prefix"]),
        inputs=_inputs(raw["input"], has_map),
        worker=_worker(raw["worker"]),
        owner=_text("jobdict.owner", raw["owner"]),
        nr_reduces=_whole("jobdict.nr_reduces", raw["nr_reduces"], 0, MAX_REDUCES),
        has_map=has_map,
        has_reduce=_flag("jobdict.reduce?", raw.get("reduce?", False)),
        max_cores=_whole(where + "max_cores", scheduler.get("max_cores", MAX_CORES_DEFAULT), 1),
        force_local=force_local,
        force_remote=force_remote,
        max_failures=limit("max_failures", 0),
        max_job_failures=limit("max_job_failures", 0),
        backup_tasks=_flag(where + "backup_tasks", scheduler.get("backup_tasks", False)),
        task_timeout=limit("task_timeout", 1, MAX_TASK_TIMEOUT_S),
        raw=dict(raw),
    )


def _prefix(value: Any) -> str:
    name = "jobdict.prefix"
    prefix = _text(name, value)
    if not prefix:
        raise PackError(name, "is empty; job names start with it")
    if bad := _BAD_PREFIX_CHAR.search(prefix):
        raise PackError(name, f"invalid prefix: the character {bad.group()!r} is not one of a-z, A-Z, 0-9, _")
    if len(prefix) > MAX_PREFIX_CHARS:
        raise PackError(name, f"has {len(prefix)} characters; at most {MAX_PREFIX_CHARS} are allowed")
    return prefix


def _worker(value: Any) -> str:
    name = "jobdict.worker"
    worker = _text(name, value)
    if reason := path_fault(worker):
        raise PackError(name, f"{shown(worker)} {reason}; give its path below the job home")
    return str(PurePosixPath(worker))


def path_fault(path: str) -> str:
    """Why `path` is no path of a file inside a job home; empty if it is one."""
    parts = PurePosixPath(path).parts
    raw = path.encode("utf-8", "surrogatepass")
    faults = (
        (raw != path.encode("utf-8", "replace"), "is not valid Unicode"),
        ("\0" in path, "holds a NUL"),
        ("\\" in path, "holds a backslash"),
        (path.startswith("/"), "is absolute"),
        (_DRIVE.match(path), "starts with a drive letter"),
        (".." in parts, "leads out of the job home by '..'"),
        (not parts or path.endswith("/"), "names no file"),
        (parts and parts[0] in RESERVED_NAMES, "is a name that Disco reserves for itself"),
        (len(raw) > MAX_PATH_BYTES, f"is longer than {MAX_PATH_BYTES} bytes"),
        (max(map(len, raw.split(b"/"))) > MAX_NAME_BYTES, f"has a part longer than {MAX_NAME_BYTES} bytes"),
    )
    return next((reason for at_fault, reason in faults if at_fault), "")


def _inputs(value: Any, has_map: bool) -> tuple[tuple[str, ...], ...]:
    name = "jobdict.input"
    if not isinstance(value, list):
        raise PackError(name, f"must be a list of URLs or of lists of URLs, not {_kind(value)}")
    inputs = []
    for index, item in enumerate(value):
        replicas = item if isinstance(item, list) else [item]
        if not replicas:
            raise PackError(name, f"input {index} is an empty list; give it at least one URL")
        if len(replicas) > 1 and not has_map:
            raise PackError(name, f"redundant inputs in reduce: input {index} has replicas, so set map?")
        for url in replicas:
            if not _text(name, url, f"each URL of input {index}"):
                raise PackError(name, f"input {index} has an empty URL")
        inputs.append(tuple(replicas))
    return tuple(inputs)


def _text(field_name: str, value: Any, what: str = "") -> str:
    if not isinstance(value, str):
        raise PackError(field_name, f"{what} must be text, not {_kind(value)}".lstrip())
    _check_text(field_name, value, what or "it")
    return value


def _check_text(field_name: str, text: str, what: str) -> None:
    if "\0" in text:
        raise PackError(field_name, f"{what} holds a NUL")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PackError(
            field_name, f"{what} holds half of a surrogate pair, which is no character"
        ) from error


def _flag(field_name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise PackError(field_name, f"must be true or false, not {_kind(value)}")
    return value


def _whole(field_name: str, value: Any, lowest: int, highest: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PackError(field_name, f"must be a whole number, not {_kind(value)}")
    if value < lowest or (highest is not None and value > highest):
        bound = f"at least {lowest}" if value < lowest else f"at most {highest}"
        raise PackError(field_name, f"must be {bound}, not {shown(value)}")
    return value


def _kind(value: Any) -> str:
    """A value's type in JSON's words."""
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return _KINDS.get(type(value), type(value).__name__)


def shown(value: object) -> str:
    """A value for a message, cut so that a hostile pack can't flood a log."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = ascii(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 80 else text[:77] + "..."
