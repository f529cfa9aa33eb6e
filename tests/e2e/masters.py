"""A real master on free loopback ports, and real programs against it."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from disco.local import LocalMaster

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent

Run = Callable[..., subprocess.CompletedProcess[str]]


def chekhov_text() -> bytes:
    return gzip.decompress((EXAMPLES / "data" / "chekhov.txt.gz").read_bytes())


def runner(master: LocalMaster, folder: Path) -> Run:
    def run(*command: object, status: int | None = 0, **options: object) -> subprocess.CompletedProcess[str]:
        program, *args = map(str, command)
        found = BIN / program if (BIN / program).exists() else program
        done = subprocess.run(
            [found, *args], cwd=folder, env=master.environment, capture_output=True, text=True,
            timeout=100, check=False, **options,  # type: ignore[call-overload]
        )  # fmt: skip
        if status is not None:
            assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stderr}"
        return done

    return run


def processes_of(root: Path) -> list[str]:
    """Command lines of living processes that name `root` or work below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(root) in words or folder.startswith(str(root)):
            found.append(words)
    return found
