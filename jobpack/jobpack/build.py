"""Making job packs: the same content gives the same bytes, whoever packs it, wherever and whenever.

So the archive forgets what does not matter to the worker: entries are sorted by name, carry one fixed
time stamp, and one of two modes. (Deflated bytes depend on the zlib library too; all releases of zlib
itself agree.) What is built here is held to the same rules as what nodes unpack.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict, Unpack

from jobpack.format import JobPack, PackError, path_fault, shown
from jobpack.unpack import EXECUTABLE_MODE, FILE_MODE, LIMITS, Limits

TIME_STAMP = (1980, 1, 1, 0, 0, 0)  # the first that ZIP can express
DEFLATE_LEVEL = 6
_UNIX = 3
_SKIPPED_DIRECTORIES = frozenset({"__pycache__"})  # never the same bytes twice, and made again anyway

Content = bytes | Path
Files = Mapping[str, Content] | Iterable[Path]


class PackOptions(TypedDict, total=False):
    """What a job may say beside its worker; all of it optional.

    `inputs`: URLs, or lists of replica URLs. `envs`: the worker's environment. `files`: paths, each of
    which goes to the top of the job home under its own name (directories with all below them); or a
    mapping from paths in the job home to content or local paths. `map`, `reduce`: the phases.
    `partitions`: how many reduces. `prefix`: of the job name, made from the worker's name if absent.
    `scheduler`: max_cores, force_local, force_remote, max_failures, max_job_failures, backup_tasks,
    task_timeout. `data`: bytes for the worker.
    """

    inputs: Sequence[str | Sequence[str]]
    envs: Mapping[str, str]
    files: Files
    map: bool
    reduce: bool
    partitions: int
    owner: str
    prefix: str
    scheduler: Mapping[str, Any]
    data: bytes


def build_pack(worker: Path, **options: Unpack[PackOptions]) -> JobPack:
    """A checked job pack for the executable `worker`, which becomes the top of its job home.

    Raises PackError naming what can't be packed, and OSError for files that can't be read.
    """
    scheduler = dict(options.get("scheduler", {}))
    urls = options.get("inputs", ())
    inputs = urls if isinstance(urls, str) else [u if isinstance(u, str) else list(u) for u in urls]
    jobdict: dict[str, Any] = {
        "prefix": options.get("prefix") or default_prefix(worker.name),
        "input": inputs,
        "worker": worker.name,
        "owner": options.get("owner", ""),
        "nr_reduces": options.get("partitions", 1),
        "scheduler": scheduler,
        "map?": options.get("map", False),
        "reduce?": options.get("reduce", False),
    }
    files = collect_files(options.get("files", ()))
    if worker.name in files and not _is_same(files[worker.name], worker):
        raise PackError("jobhome", f"a file and the worker are both called {shown(worker.name)}; rename one")
    files[worker.name] = worker
    pack = JobPack(jobdict, dict(options.get("envs", {})), b"", options.get("data", b""))
    pack.job()  # before any file is read
    return JobPack(jobdict, pack.jobenvs, build_home(files, {worker.name}), pack.jobdata)


def default_prefix(worker_name: str) -> str:
    """The worker's name up to its first dot, with `_` for what a prefix may not hold."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", worker_name.split(".")[0]) or "job"


def build_home(
    files: Mapping[str, Content], executables: Collection[str] = (), *, limits: Limits = LIMITS
) -> bytes:
    """The ZIP archive of `files`: paths in the job home to their bytes or to local files.

    Those named in `executables`, and local files that are executable, get mode 0755, others 0644.
    Raises PackError, and OSError for files that can't be read.
    """
    files = _normal(files, limits)
    size_bytes = sum(len(c) if isinstance(c, bytes) else c.stat().st_size for c in files.values())
    if size_bytes > limits.max_home_bytes:
        raise PackError("jobhome", f"holds {size_bytes} bytes; at most {limits.max_home_bytes} are allowed")
    archive = _zip(files, executables, zipfile.ZIP_DEFLATED)
    if size_bytes > limits.budget(len(archive)):
        # So regular that a node would take it for a bomb.
        archive = _zip(files, executables, zipfile.ZIP_STORED)
    return archive


def collect_files(files: Files) -> dict[str, Content]:
    """Paths in the job home to content, with directories walked. Raises PackError, OSError."""
    named = files.items() if isinstance(files, Mapping) else [(path.absolute().name, path) for path in files]
    found: dict[str, Content] = {}
    for name, content in named:
        below = [(name, content)] if isinstance(content, bytes) else _walk(name, content)
        for path, source in below:
            if path in found and not _is_same(found[path], source):
                raise PackError(
                    "jobhome", f"two files would be {shown(path)} in the job home; rename one of them"
                )
            found[path] = source
    return found


def _walk(name: str, path: Path) -> list[tuple[str, Content]]:
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return [(name, path)]
    if not stat.S_ISDIR(mode):
        raise PackError("jobhome", f"{str(path)!a} is neither a file nor a directory")
    found: list[tuple[str, Content]] = []
    for child in sorted(path.iterdir()):
        if child.is_symlink() and child.is_dir():
            raise PackError("jobhome", f"{str(child)!a} is a link to a directory; pack that directory itself")
        if child.name not in _SKIPPED_DIRECTORIES:
            found += _walk(f"{name}/{child.name}", child)
    return found


def _normal(files: Mapping[str, Content], limits: Limits) -> dict[str, Content]:
    """The same files under names without `.` segments, sorted. Raises PackError."""
    if len(files) > limits.max_entries:
        raise PackError("jobhome", f"holds {len(files)} files; at most {limits.max_entries} are allowed")
    normal: dict[str, Content] = {}
    for name in sorted(files):
        if reason := path_fault(name):
            raise PackError("jobhome", f"the file {shown(name)} {reason}")
        path = str(PurePosixPath(name))
        if path in normal:
            raise PackError(
                "jobhome", f"two files would be {shown(path)} in the job home; rename one of them"
            )
        normal[path] = files[name]
    for path in normal:
        for parent in PurePosixPath(path).parents:
            if str(parent) in normal:
                raise PackError("jobhome", f"{shown(str(parent))} would be both a file and a directory")
    return {path: normal[path] for path in sorted(normal)}


def _zip(files: Mapping[str, Content], executables: Collection[str], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", allowZip64=True) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, TIME_STAMP)
            info.create_system = _UNIX
            is_executable = name in executables or _has_x(content)
            info.external_attr = (stat.S_IFREG | (EXECUTABLE_MODE if is_executable else FILE_MODE)) << 16
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(info, data, method, DEFLATE_LEVEL)
    return buffer.getvalue()


def _has_x(content: Content) -> bool:
    return isinstance(content, Path) and bool(content.stat().st_mode & 0o111)


def _is_same(one: Content, other: Content) -> bool:
    if isinstance(one, Path) and isinstance(other, Path):
        return one.resolve() == other.resolve()
    return one == other
