"""The conformance suite against the worker of every SDK, and against two of them behind one dispatcher."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.masters import EXAMPLES, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run builds the SDKs

WORKERS = {
    "c": ROOT / "sdk-c" / "build" / "conformance_worker",
    "go": ROOT / "sdk-go" / "build" / "conformance_worker",
    "ocaml": ROOT / "sdk-ocaml" / "_build" / "default" / "bin" / "conformance_worker.exe",
}
JOBS = 2
FEWEST_CASES = 300
FEWEST_OF_A_DISPATCHER = 60
PASSED = re.compile(r"^(\d+) of (\d+) cases in .* s: (\d+) pass(, (\d+) not-applicable)?$", re.M)


def built(language: str) -> Path:
    """The conformance worker of a language. Skips the test where it cannot be built."""
    done = subprocess.run(
        [ROOT / "tools" / "sdk.sh", language, "build"],
        env={**os.environ, "VENV": sys.prefix},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    if "left out" in done.stdout:
        pytest.skip(done.stdout.strip())
    return WORKERS[language]


def play(*options: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "disco_conformance", "worker", "--jobs", str(JOBS), *map(str, options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "conformance"), "DISCO_CONFORMANCE_PATIENCE": "10"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("language", WORKERS)
def test_the_worker_passes_every_quick_case(language: str) -> None:
    said = play("--profile", "fast", "--has", "reuse", "--has", "task:save", "--", built(language))
    found = PASSED.search(said)
    assert found, said
    assert found[1] == found[2] == found[3]
    assert int(found[3]) > FEWEST_CASES


def test_a_dispatcher_hides_nothing(tmp_path: Path) -> None:
    """Endings, crashes and a Disco that goes away, seen through examples/mixed/dispatch.py."""
    shutil.copy(EXAMPLES / "mixed" / "dispatch.py", tmp_path)
    shutil.copy(built("c"), tmp_path / "map")
    shutil.copy(built("go"), tmp_path / "reduce")
    kinds = [word for kind in ("launch", "endings", "faults") for word in ("--run", f"{kind}/*")]
    found = PASSED.search(play(*kinds, "--", sys.executable, tmp_path / "dispatch.py"))
    assert found, "a case failed, or was not run"
    assert found[1] == found[2] and int(found[3]) > FEWEST_OF_A_DISPATCHER  # the others are about reuse
