"""Commands that are no workers, and a run that is interrupted: each has its verdict and exit status, leaves
nothing behind, and a report that is not whole says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from disco_conformance import cli
from disco_conformance.play.result import FAIL, LEAK, PASS, TIMEOUT, UNLAUNCHABLE

REPORTS = ("ndjson", "junit", "markdown", "html", "badge")
PATIENCE_S = 60
SESSION = """\
+++
id = "try/echo"
title = "an echo"
proves = ["hs.order"]
timeout = "30s"
+++
W WORKER {"version": "1.0", "pid": "$pid", "...": true}
M OK "ok"
W TASK ""
close
eof
exit any within 1s
"""
HELLO = """#!/bin/sh
hello="{\\"version\\":\\"1.0\\",\\"pid\\":$$}"
printf 'WORKER %d %s\\n' ${#hello} "$hello" >&2
read -r reply
"""
TASK = "printf 'TASK 2 \"\"\\n' >&2\n"
# The command: its text (None: no such file), whether it can be executed, verdict, exit status, reason.
COMMANDS = {
    "does-not-exist": (None, True, UNLAUNCHABLE, 5, "No such file"),
    "is-not-executable": (HELLO, False, UNLAUNCHABLE, 5, "chmod"),
    "has-no-interpreter": ("#!/no/such/interpreter\n", True, UNLAUNCHABLE, 5, "#! line"),
    "exits-at-once": ("#!/bin/sh\nexit 3\n", True, FAIL, 1, "exit status 3"),
    "never-speaks": ("#!/bin/sh\nexec sleep 600\n", True, TIMEOUT, 1, "nothing came"),
    "speaks-another-protocol": ("#!/bin/sh\necho HTTP/1.1 200 OK\n", True, FAIL, 1, "no frame"),
    "keeps-the-pipe": (HELLO + "sleep 600 &\nexit 0\n", True, LEAK, 1, "keeps the pipe open"),
    "writes-gigabytes": ("#!/bin/sh\nexec cat /dev/zero\n", True, FAIL, 1, "no frame"),
    "ignores-sigterm": (
        HELLO + "trap '' TERM INT HUP\n" + TASK + "exec 1>&- 2>&-\nsleep 600\n",
        True, TIMEOUT, 1, "not ended",
    ),
}  # fmt: skip


def leave(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(words))
    return int(caught.value.code or 0)


def living_below(folder: Path) -> list[str]:
    """Processes that run in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture
def one(tmp_path: Path) -> tuple[str, str]:
    """The option for the one session of these tests."""
    path = tmp_path / "echo.session"
    path.write_text(SESSION)
    return "--sessions", str(path)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_no_worker(name: str, one: tuple[str, str], tmp_path: Path) -> None:
    """B27: a distinct verdict and exit status for each, and no process left."""
    text, can_run, verdict, status, reason = COMMANDS[name]
    worker, report = tmp_path / "worker", tmp_path / "report"
    if name == "never-speaks":
        Path(one[1]).write_text(SESSION.replace("30s", "0.5s"))
    if text is not None:
        worker.write_text(text)
        worker.chmod(0o755 if can_run else 0o644)
    assert leave("worker", *one, "--ndjson", str(report), "--", str(worker)) == status
    _, result, footer = [json.loads(line) for line in report.read_text().splitlines()]
    assert (result["verdict"], footer["exit"]) == (verdict, status), result["reason"]
    assert reason in result["reason"]
    assert living_below(Path(tmp_path)) == []


@pytest.fixture
def interrupted(tmp_path: Path) -> tuple[int, str, dict[str, str]]:
    """A run of a worker that is silent, after Ctrl-C: exit status, output, and the reports."""
    scratch, ready = tmp_path / "scratch", tmp_path / "ready"
    scratch.mkdir()
    os.mkfifo(ready)
    silent = tmp_path / "silent"
    silent.write_text(f"#!/bin/sh\necho > {ready}\nexec sleep 600\n")
    silent.chmod(0o755)
    session = tmp_path / "case.session"
    session.write_text(SESSION.replace("30s", "60s"))
    home = Path(cli.__file__).resolve().parent.parent
    options = [word for name in REPORTS for word in (f"--{name}", str(tmp_path / name))]
    run = subprocess.Popen(
        [sys.executable, "-m", "disco_conformance", "worker", "--sessions", session, *options, "--", silent],
        env={**os.environ, "PYTHONPATH": str(home), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with ready.open() as begun:
        begun.read()  # until the worker runs
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=PATIENCE_S)
    assert living_below(scratch) == [] and list(scratch.iterdir()) == []
    return run.returncode, out, {name: (tmp_path / name).read_text() for name in REPORTS}


def test_an_interrupted_run_says_that_it_is_partial(interrupted: tuple[int, str, dict[str, str]]) -> None:
    """B27: every report of it too; and its processes and files are gone."""
    status, out, reports = interrupted
    assert (status, "partial" in out) == (3, True), out
    footer = json.loads(reports["ndjson"].splitlines()[-1])
    assert (footer["type"], footer["complete"], footer["interrupted"], footer["exit"]) == (
        "footer",
        False,
        True,
        3,
    )
    assert "the report is partial" in reports["junit"]
    assert len(ElementTree.fromstring(reports["junit"]).findall(".//error")) == 1
    assert "(partial report)" in reports["markdown"]
    assert "This report is partial." in reports["html"]
    assert json.loads(reports["badge"])["message"] == "incomplete"


@pytest.mark.slow
def test_a_hanging_worker_costs_its_own_limit_only(tmp_path: Path, reference: tuple[str, ...]) -> None:
    rows = "".join(f'[[each]]\nname = "c{at}"\n' for at in range(6))
    source = SESSION.replace("try/echo", "try/{{name}}").replace(
        'timeout = "30s"\n', f'timeout = "10s"\n{rows}'
    )
    session, first, worker, report = (tmp_path / name for name in ("c.session", "first", "worker", "report"))
    session.write_text(source)
    hang = f"mkdir {first} 2>/dev/null && exec sleep 600"
    worker.write_text(f"#!/bin/sh\n{hang}\nexec {' '.join(reference)}\n")
    worker.chmod(0o755)
    options = ("--sessions", str(session), "--jobs", "2", "--ndjson", str(report))
    assert leave("worker", *options, "--", str(worker)) == 1
    results = [json.loads(line) for line in report.read_text().splitlines()][1:-1]
    assert sorted(row["verdict"] for row in results) == [PASS] * 5 + [TIMEOUT]
