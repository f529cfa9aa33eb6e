"""The conformance sessions, played with the SDK's own worker: M119-M160."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAYER = ROOT / "python-sdk" / "conformance_worker.py"
JOBS = 2
PATIENCE = 10  # for busy machines
PLAY_TIMEOUT_S = 600
FEWEST_CASES = 300


def play(report: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `disco-conformance worker` with the SDK's player."""
    return subprocess.run(
        [sys.executable, "-m", "disco_conformance", "worker", *options, "--has", "reuse",
         "--has", "task:save", "--patience", str(PATIENCE), "--jobs", str(JOBS),
         "--ndjson", str(report), "--", sys.executable, "-s", str(PLAYER)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "conformance")}, capture_output=True, text=True,
        timeout=PLAY_TIMEOUT_S, check=False,
    )  # fmt: skip


def verdicts(report: Path) -> list[str]:
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    return [line["verdict"] for line in lines if "verdict" in line]


def test_the_first_cases_pass(tmp_path: Path) -> None:
    """Those that are quick, for every run of the tests."""
    report = tmp_path / "report.ndjson"
    done = play(report, "--run", "launch/*")
    assert done.returncode == 0, done.stdout
    assert set(verdicts(report)) == {"pass"}


@pytest.mark.slow
@pytest.mark.timeout(PLAY_TIMEOUT_S)
def test_all_quick_cases_pass(tmp_path: Path) -> None:
    report = tmp_path / "report.ndjson"
    done = play(report, "--profile", "fast")
    assert done.returncode == 0, done.stdout
    found = verdicts(report)
    assert set(found) <= {"pass", "not-applicable"} and found.count("pass") > FEWEST_CASES
