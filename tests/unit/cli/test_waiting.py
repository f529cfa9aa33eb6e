"""Waiting for jobs: progress on a terminal, events, Ctrl-C (M544, M575, M576, C18)."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from disco.cli.progress import PhaseProgress, bar_of, wait_with_progress
from disco.client.events import EventPrinter
from disco.error import CommError

JOB = "wc@5f3:1:1"
EVENTS = [
    ["2013/12/16 10:00:00", "master", "Starting job"],
    ["2013/12/16 10:00:01", "localhost", "WARN: slow"],
    ["2013/12/16 10:00:02", "master", "READY: Job finished"],
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def job(master, status="ready"):
    master.jobs[JOB] = {
        "status": status,
        "results": ["tag://out"] if status == "ready" else [],
        "events": EVENTS,
        "mapi": [0, 0, 4, 1],
        "redi": [1, 1, 0, 0],
    }


def test_wait_prints_the_results_m544(disco, master):
    job(master)
    done = disco("wait", "@")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "tag://out\n", "")


def test_a_dead_job_is_an_error_m544(disco, master):
    job(master, "dead")
    failed = disco("wait", JOB)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert f"Job {JOB} failed: status dead" in failed.stderr


def test_wait_has_a_limit_m544(disco, master):
    job(master, "active")
    failed = disco("wait", "--timeout", "0.2", JOB)
    assert failed.exit_code == 1
    assert "Timeout" in failed.stderr


def test_events_in_text_go_to_standard_error_c18(disco, master):
    job(master)
    done = disco("wait", JOB, DISCO_EVENTS="1")
    assert done.stdout == "tag://out\n"
    assert done.stderr.splitlines()[0] == "2013/12/16 10:00:00 master Starting job"


def test_events_in_json_go_to_standard_output_c18(disco, master):
    job(master)
    done = disco("wait", JOB, DISCO_EVENTS="json")
    assert [json.loads(line) for line in done.stdout.splitlines()[:3]] == EVENTS
    assert done.stderr == ""


def test_colours_m576():
    err = Terminal()
    printer = EventPrinter("1", err=err)
    printer.heading(JOB)
    for event in [*EVENTS, ["t", "h", "ERROR: x"]]:
        printer.event(event)
    printer.status("map", [1, 2, 3, 4])
    assert err.getvalue().splitlines() == [
        f"\x1b[36m{JOB}\x1b[0m",
        "\x1b[32m2013/12/16 10:00:00\x1b[0m \x1b[34mmaster\x1b[0m Starting job",
        "\x1b[32m2013/12/16 10:00:01\x1b[0m \x1b[34mlocalhost\x1b[0m \x1b[35mWARN: slow\x1b[0m",
        "\x1b[32m2013/12/16 10:00:02\x1b[0m \x1b[34mmaster\x1b[0m \x1b[42mREADY: Job finished\x1b[0m",
        "\x1b[32mt\x1b[0m \x1b[34mh\x1b[0m \x1b[31mERROR: x\x1b[0m",
        "\x1b[36mStatus: [map] 1 waiting, 2 running, 3 done, 4 failed\x1b[0m",
    ]


@pytest.mark.parametrize("style", ["nocolor", "json", ""])
def test_styles_without_colour_m52_m576(style):
    out, err = io.StringIO(), Terminal()
    printer = EventPrinter(style, out, err)
    printer.heading(JOB)
    printer.event(EVENTS[0])
    printer.status("map", [0, 0, 1, 0])
    text = "2013/12/16 10:00:00 master Starting job\nStatus: [map] 0 waiting, 0 running, 1 done, 0 failed\n"
    assert out.getvalue() == (json.dumps(EVENTS[0]) + "\n" if style == "json" else "")
    assert err.getvalue() == (text if style == "nocolor" else "")


def test_a_status_line_is_printed_when_it_changes_m575():
    err = io.StringIO()
    printer = EventPrinter("1", err=err)
    for counts in ([1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]):
        printer.status("map", counts)
    assert len(err.getvalue().splitlines()) == 2


class Source:
    """Job info that moves on with every question."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_twice = threading.Event()

    def jobinfo(self, jobname: str) -> dict[str, object]:
        self.asked += 1
        if self.asked == 2:
            self.asked_twice.set()
        if self.asked == 1:
            raise CommError("away", "http://master")
        return {"mapi": [0, 1, 3, 2], "redi": [0, 0, 0, 0]}


def test_the_progress_shows_a_bar_for_each_phase_that_has_tasks():
    """B9."""
    err = Terminal()
    source = Source()
    with PhaseProgress(source, JOB, err):
        source.asked_twice.wait()
    assert "map" in err.getvalue()
    assert "3/4 tasks" in err.getvalue()
    assert "2 failed and tried again" in err.getvalue()
    assert "reduce" not in err.getvalue()


def test_no_terminal_no_progress():
    source, err = Source(), io.StringIO()
    with PhaseProgress(source, JOB, err):
        pass
    assert (source.asked, err.getvalue()) == (0, "")


def test_waiting_under_progress_returns_the_results():
    class Job:
        name, disco = JOB, Source()

        def wait(self, **options):
            return options

    assert wait_with_progress(Job(), timeout=3) == {"show": False, "timeout": 3}


def test_bars():
    assert bar_of([1, 2, 3, 0]) == (6, 3, "2 running")
    assert bar_of([0, 0, 3, 4]) == (3, 3, "4 failed and tried again")


def test_a_terminal_gets_bars_and_ctrl_c_leaves_the_job_alone(master, environ):
    job(master, "active")
    ours, theirs = pty.openpty()
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "disco.cli.disco", "wait", JOB],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**clean, **environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    while b"reduce" not in shown:  # the test's own time limit ends a loop that never sees it
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    out, _ = process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert f"The job goes on. Come back to it: disco wait {JOB}".encode() in shown
    assert b"4/4 tasks" in shown
    assert master.orders == []
