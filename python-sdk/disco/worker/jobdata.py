"""The job data section of a pack as the Python SDK writes it: two pickles, one after the other.

The first holds plain values that any Python can read and compare; the second is the job itself and is
loaded only by a Python that can.
"""

from __future__ import annotations

import io
import linecache
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobpack.format import read_section

from .. import __version__
from ..error import DiscoError

MARK = "disco-python"
REQUIREMENTS = ".requirements"  # the folder in the job home with the packages that the job brings
PLATFORM_FILE = "PLATFORM"  # in it: what they were built for
ANY_PLATFORM = "any"


def header(sources: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Who wrote the job data; and the source files of functions that are sent by value, for tracebacks."""
    return {
        "format": MARK,
        "python": tuple(sys.version_info[:2]),
        "sdk": __version__,
        "sources": dict(sources or {}),
    }


def read_job(jobfile: str) -> bytes:
    """The job data of the job pack at `jobfile`."""
    with Path(jobfile).open("rb") as file:
        return read_section(file, "jobdata")


def load_job(data: bytes) -> tuple[Any, Any, dict[str, Any]]:
    """The worker, the job and its arguments, ready to run tasks in the working directory, a job home."""
    use_requirements(Path(REQUIREMENTS).absolute())
    worker, job, jobargs = load_objects(data)
    worker.prepare(job, jobargs)
    return worker, job, jobargs


def load_objects(data: bytes) -> Any:
    """What `disco.task.jobdata` wrote. Raises DiscoError for data of something else or of another Python."""
    file = io.BytesIO(data)
    try:
        found = pickle.load(file)
        written_by = found["python"] if found["format"] == MARK else None
    except Exception as error:
        raise DiscoError(f"the job data was not written by Disco's Python SDK ({error})") from error
    here = tuple(sys.version_info[:2])
    if written_by != here:
        raise DiscoError(
            f"Python version mismatch: the job was submitted by Python {_dotted(written_by)}, and this node "
            f"runs Python {_dotted(here)}; submit with the nodes' version"
        )
    for name, text in found.get("sources", {}).items():  # the files themselves are on the client
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return pickle.load(file)


def this_platform() -> str:
    """The operating system and machine that compiled code runs on."""
    import sysconfig

    return sysconfig.get_platform()


def use_requirements(folder: Path) -> None:
    """Have imports find the packages in `folder`, after Python's own modules and before installed ones.

    Raises DiscoError if they hold compiled code for another platform than this one.
    """
    if str(folder) in sys.path or not folder.is_dir():
        return
    built_for = (folder / PLATFORM_FILE).read_text().strip()
    if built_for not in (ANY_PLATFORM, this_platform()):
        raise DiscoError(
            f"the job's requirements hold code that was compiled for {built_for}, and this node is "
            f"{this_platform()}: submit from a machine like the nodes, or install them on the nodes"
        )
    ends = ("site-packages", "dist-packages")
    place = next((i for i, entry in enumerate(sys.path) if entry.endswith(ends)), len(sys.path))
    sys.path.insert(place, str(folder))


def _dotted(version: tuple[int, ...] | None) -> str:
    return ".".join(map(str, version or ("?",)))
