"""A job home on this machine, laid out as on a node: DISCO_DATA/HOST/HH/JOB.

HOST is a name that no machine has, so that a worker takes exactly what lies here for local.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jobpack.format import JobDict, JobPack, PackError
from jobpack.unpack import unpack_home

from ...protocol.messages import TaskInfo
from ...settings import DiscoSettings
from ..failing import CommandError

HOST = "disco-local"
KEPT = ".disco"  # in the job home: what is not the job's own
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "TZ", "TERM")
TERMINAL_VARIABLE = "DISCO_TERMINAL"
_PYTHON_LINE = re.compile(rb"#!\s*(?:\S*/)?(?:env\s+)?python(?:3(?:\.\d+)?)?\s*")


class LocalHome:
    """A job home below `root`, unpacked from `pack`. Raises CommandError for a pack that is no good."""

    def __init__(self, root: Path, name: str, pack: bytes, settings: DiscoSettings) -> None:
        prefix = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:2]
        self.name, self.settings = name, settings
        self.data = root / "data"
        self.path = self.data / HOST / prefix / name
        self.base_url = f"disco://{HOST}/disco/{HOST}/{prefix}/{name}/"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            parts = JobPack.loads(pack)
            self.job: JobDict = parts.job()
            self.envs: Mapping[str, str] = parts.jobenvs
            unpack_home(parts.jobhome, self.path)
        except PackError as error:
            raise CommandError(f"the job pack of {name}: {error}") from error
        (self.path / KEPT).mkdir(exist_ok=True)
        (self.path / "jobfile").write_bytes(pack)

    def url(self, path: str) -> str:
        return self.base_url + path

    def file(self, url: str) -> Path:
        """The file behind one of this home's URLs."""
        return self.path / url.removeprefix(self.base_url)

    def task(self, mode: str, number: int) -> TaskInfo:
        """What a worker is told of a task."""
        return TaskInfo(
            host=HOST,
            master=self.settings.master,
            jobname=self.name,
            taskid=number,
            mode=mode,
            disco_port=self.settings.port,
            put_port=self.settings.put_port,
            disco_data=str(self.data),
            ddfs_data=str(self.data.parent / "ddfs"),
            jobfile=str(self.path / "jobfile"),
        )

    def command(self) -> list[str]:
        """How the worker is started. Raises CommandError when there is none that could be."""
        program = self.path / self.job.worker
        if not program.is_file():
            raise CommandError(f"worker {self.job.worker!r} is not in the job home of {self.name}")
        with program.open("rb") as file:
            first_line = file.readline(256)
        if _PYTHON_LINE.fullmatch(first_line):
            return [sys.executable, "-s", str(Path(__file__).with_name("terminal.py")), str(program)]
        program.chmod(0o755)
        return [str(program)]

    def environment(self) -> dict[str, str]:
        """A clean one, as on a node."""
        clean = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
        return {**clean, **self.envs}


@contextmanager
def job_home(
    name: str, pack: bytes, settings: DiscoSettings, folder: Path | None = None
) -> Iterator[LocalHome]:
    """A job home that is gone afterwards, unless it is kept in `folder`, which must be new or empty."""
    if folder is not None:
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        yield LocalHome(folder.absolute(), name, pack, settings)
        return
    with tempfile.TemporaryDirectory(prefix="disco-local-") as temporary:
        yield LocalHome(Path(temporary), name, pack, settings)
