"""The job home: a ZIP archive with the worker file, the SDK, and what the job's functions need.

Nodes need Python alone: the SDK and cloudpickle travel in the archive, compiled, so that the first worker
starts as fast as the hundredth. That part is the same for all jobs, and is made once a process.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...error import DiscoError

LEVEL = 1  # of compression: the archive is read once by each node
EPOCH = (1980, 1, 1, 0, 0, 0)
LIB = "lib"  # where listed files go, and where shared libraries are looked for
NOT_SENT = ("cli",)  # parts of the SDK that tasks never need
WORKER_SOURCE = '''\
#!/usr/bin/env python3
"""Starts a Disco worker out of this job home."""
import sys

sys.path.insert(0, {lib!r})
sys.dont_write_bytecode = True
from disco.worker.boot import main

main()
'''
_PYC_UNCHECKED = (1).to_bytes(4, "little")  # the archive brings source and code together
_PYC_HASH = bytes(8)


class DiscoZipFile(zipfile.ZipFile):
    """An archive in memory, begun with the content of another one; the first file under a name stays."""

    def __init__(self, begun: bytes = b"") -> None:
        self._buffer = io.BytesIO(begun)
        super().__init__(self._buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self._names = set(self.namelist())

    def writebytes(self, arcname: str, data: bytes, executable: bool = False) -> None:
        """Add a file with this content."""
        if arcname in self._names:
            return
        self._names.add(arcname)
        entry = zipfile.ZipInfo(arcname, EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = (0o100755 if executable else 0o100644) << 16
        self.writestr(entry, data)

    def writepath(self, pathname: str | Path, exclude: Iterable[str] = ()) -> None:
        """Add a file, or a directory with all below it, under its path without the leading slash."""
        root = Path(pathname)
        paths = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for path in paths:
            if not set(path.parts) & set(exclude):
                self.writesource(path, str(path).lstrip("/"))

    def writesource(self, pathname: str | Path, arcname: str | None = None) -> None:
        """Add one file, with its execute permission."""
        path = Path(pathname)
        self.writebytes(arcname or str(path).lstrip("/"), path.read_bytes(), os.access(path, os.X_OK))

    def writemodule(self, module: Any, arcname: str | None = None) -> None:
        """Add the source of a module (or of a module's name), where an import will find it."""
        found = sys.modules.get(module) if isinstance(module, str) else module
        source = getattr(found, "__file__", None)
        if found is None or source is None:
            raise DiscoError(f"module {module} has no source file to send")
        name = found.__name__.replace(".", "/")
        is_package = Path(source).name == "__init__.py"
        self.writesource(source, arcname or (f"{name}/__init__.py" if is_package else f"{name}.py"))

    def dumps(self) -> bytes:
        """The bytes of the archive, once it is closed."""
        return self._buffer.getvalue()

    def dump(self, handle: Any) -> None:
        """Write the closed archive to a file."""
        handle.write(self.dumps())


def new_home(worker: Any, job: Any, jobargs: Mapping[str, Any]) -> DiscoZipFile:
    """The archive for a job, still open: worker file, SDK, the job's modules and files."""
    archive = DiscoZipFile(sdk_archive())
    archive.writebytes(worker.bin, WORKER_SOURCE.format(lib=LIB).encode(), executable=True)
    get: Callable[..., Any] = lambda key: worker.getitem(key, job, jobargs)  # noqa: E731 - a shorthand
    for arcname, path in module_files(worker, job, jobargs, get("required_modules")):
        archive.writesource(path, arcname)
    for arcname, content in required_files(get("required_files") or ()):
        archive.writebytes(arcname, content, executable=content[:2] == b"#!" or content[:4] == b"\x7fELF")
    if get("requirements"):
        from .requirements import add_requirements

        add_requirements(archive, get("requirements"))
    return archive


@lru_cache(maxsize=1)
def sdk_archive() -> bytes:
    """An archive of the SDK's own modules, as source and as compiled code."""
    import cloudpickle

    import disco
    import jobpack

    roots = [(m.__name__, Path(str(m.__file__)).parent) for m in (disco, jobpack, cloudpickle)]
    archive = DiscoZipFile()
    for name, root in roots:
        for arcname, data in _package_files(name, root):
            archive.writebytes(arcname, data)
    archive.close()
    return archive.dumps()


def _package_files(package: str, root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] in NOT_SENT or (
            package == "jobpack" and inside.name not in ("__init__.py", "format.py")
        ):
            continue
        arcname = f"{package}/{inside.as_posix()}"
        yield arcname, path.read_bytes()
        yield _compiled_name(arcname), _compiled(path, package, inside)


def _compiled_name(arcname: str) -> str:
    folder, _, name = arcname.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"


def _compiled(path: Path, package: str, inside: Path) -> bytes:
    """The code of a module, taken from this Python's own cache where there is one."""
    from importlib.machinery import SourceFileLoader

    parts = [package, *inside.with_suffix("").parts]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    code = SourceFileLoader(name, str(path)).get_code(name)
    return importlib.util.MAGIC_NUMBER + _PYC_UNCHECKED + _PYC_HASH + marshal.dumps(code)


def module_files(
    worker: Any, job: Any, jobargs: Mapping[str, Any], required: Any
) -> Iterator[tuple[str, str]]:
    """(name in the archive, path) of the user's own modules that the job needs."""
    from ...worker.classic import modutil

    functions = list(worker.shipped(job, jobargs))
    if required is None:
        found = modutil.local_modules([*functions, type(job), type(worker)])
    else:
        found = [*required, *modutil.modules_of([*functions, type(job), type(worker)])]
    for definition in found:
        if not isinstance(definition, str):
            yield from modutil.archive_files(*definition)


def required_files(files: Any) -> Iterator[tuple[str, bytes]]:
    """(name, content): a list of paths, or a dictionary of them.

    A listed file is found under its plain name in the working directory, and in lib/, where programs and
    shared libraries are looked for.
    """
    if isinstance(files, Mapping):
        for name, content in files.items():
            yield str(name), content.encode() if isinstance(content, str) else bytes(content)
        return
    if isinstance(files, str):
        raise DiscoError(f"required_files must be a list of paths or a dictionary, not {files!r}")
    for path in map(Path, files):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DiscoError(f"required_files: {path} can't be read ({error.strerror})") from error
        yield path.name, content
        yield f"{LIB}/{path.name}", content
