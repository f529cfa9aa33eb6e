"""Packages that a job brings along: its `requirements`, resolved here and unpacked on the nodes.

They are installed once, when the job is packed, by the pip (or uv) of the Python that packs it, into a folder
of the job home; so all tasks see the same versions, and nodes need no network. Packages of pure Python run on
any node with the same Python version; once there is compiled code among them, on nodes of the same platform.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...error import DiscoError
from ...worker.jobdata import ANY_PLATFORM, PLATFORM_FILE, REQUIREMENTS, this_platform

SHOWN_LINES = 12  # of what the installer said, its last ones
_COMPILED = (".so", ".pyd", ".dylib")
_NOT_SENT = frozenset({"__pycache__", "bin", ".lock"})

Requirements = str | os.PathLike[str] | Iterable[str]


def requirement_files(given: Requirements) -> Iterator[tuple[str, Path]]:
    """(name in the job home, path) of the files that make `given` importable.

    `given` is a list of requirements as pip takes them, or the path of a requirements file. The files are
    gone when the iterator ends. Raises DiscoError when they can't be installed.
    """
    arguments = _arguments(given)
    if not arguments:
        return
    with _installed(arguments) as folder:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _left_out(path, folder)]
        is_compiled = any(suffix in _COMPILED for path in files for suffix in path.suffixes)
        (folder / PLATFORM_FILE).write_text(this_platform() if is_compiled else ANY_PLATFORM)
        for path in (folder / PLATFORM_FILE, *files):
            yield f"{REQUIREMENTS}/{path.relative_to(folder).as_posix()}", path


def _arguments(given: Requirements) -> list[str]:
    if isinstance(given, str | os.PathLike):
        if not Path(given).is_file():
            raise DiscoError(
                f"requirements: there is no file {os.fspath(given)!r}; give a list for requirements "
                f"themselves, [{os.fspath(given)!r}]"
            )
        return ["--requirement", os.fspath(given)]
    wanted = list(given)
    wrong = [one for one in wanted if not isinstance(one, str) or not one.strip() or one.startswith("-")]
    if wrong:
        raise DiscoError(f"requirements: {wrong[0]!r} is none, such as 'numpy>=2'; options go into a file")
    return wanted


@contextmanager
def _installed(arguments: list[str]) -> Iterator[Path]:
    """A folder with the packages, as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="disco-requirements-") as name:
        command = [*_installer(), "--quiet", "--target", name, *arguments]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "PIP_USER": "0"},  # which excludes --target
        )
        if done.returncode:
            said = "\n".join(done.stdout.strip().splitlines()[-SHOWN_LINES:])
            raise DiscoError(f"requirements can't be installed ({' '.join(arguments)}):\n{said}")
        yield Path(name)


def _installer() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "install"]
        return [*pip, "--no-compile", "--no-input", "--disable-pip-version-check"]
    uv = shutil.which("uv")
    if uv is None:
        raise DiscoError(
            f"requirements are installed with pip or uv, and {sys.executable} has neither: "
            f"run `{sys.executable} -m ensurepip`"
        )
    return [uv, "pip", "install", "--python", sys.executable]


def _left_out(path: Path, folder: Path) -> bool:
    return bool(set(path.relative_to(folder).parts) & _NOT_SENT)


def add_requirements(archive: Any, given: Requirements | None) -> None:
    """Put the requirements of a job into the archive of its home (a DiscoZipFile)."""
    for arcname, path in requirement_files(given or ()):
        archive.writesource(path, arcname)
