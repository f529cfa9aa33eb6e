"""Starting and ending one process, at its edges."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import threading
from pathlib import Path

import pytest
from unit.node.rooms import process_is_gone

from disco_master.node.process import Program, ProgramError, WorkerProcess, find_program, signal_name


def program(*argv: str, cwd: str = "/") -> Program:
    return Program(argv, {"PATH": "/usr/bin:/bin"}, cwd, argv[0])


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_the_end_tells_status_signal_and_cost():
    worker = WorkerProcess(program("/bin/sh", "-c", "exit 3"))
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    end = worker.reap()
    assert (end.status, end.signal, str(end)) == (3, None, "exit code: 3") and 0 <= end.cpu_s < 5
    end = WorkerProcess(program("/bin/sleep", "60")).reap()
    assert (end.status, end.signal, str(end)) == (None, signal.SIGKILL, "signal: 9 SIGKILL")


def test_the_whole_group_is_killed():
    worker = WorkerProcess(program("/bin/sh", "-c", "sleep 60 & echo $!; wait"))
    os.set_blocking(worker.stderr, True)
    child = int(os.read(worker.stderr, 100))
    worker.reap()
    assert process_is_gone(child)


@pytest.mark.parametrize("spare", range(9))
def test_without_descriptors_nothing_is_started_and_nothing_leaks(spare):
    """The machine's fault, and not the program's: an OSError, tried again."""
    before = descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = next(n for n in range(hard) if str(n) not in before)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, hard))
    try:
        WorkerProcess(program("/bin/sleep", "60")).reap()
        started = True
    except OSError:
        started = False
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert started or spare < 8  # four ends of pipes, two to learn of the exec, one pidfd
    assert not started or spare > 3
    assert descriptors() == before


def test_a_deleted_job_home_is_not_the_programs_fault(tmp_path):
    with pytest.raises(FileNotFoundError):
        WorkerProcess(program("/bin/true", cwd=str(tmp_path / "gone")))


def test_no_descriptor_of_the_node_reaches_a_worker(tmp_path):
    with (tmp_path / "secret").open("w"):
        worker = WorkerProcess(program("/bin/sh", "-c", "ls /proc/self/fd"))
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert os.read(worker.stderr, 100).split() == [b"0", b"1", b"2", b"3"]  # 3 is the directory ls reads
        worker.reap()


@pytest.mark.parametrize(
    ("first_line", "interpreted"),
    [
        ("#!/usr/bin/env python", True),
        ("#!/usr/bin/env python3", True),
        ("#! /usr/bin/python3.12", True),
        ("#!/usr/local/bin/python2", False),
        ("#!/usr/bin/env pypy3", False),
        ("#!/usr/bin/env python3 -u", False),
        ("#!/bin/sh python3", False),
        ("python3", False),
    ],
)
def test_which_workers_get_the_nodes_interpreter(tmp_path, first_line, interpreted):
    worker = tmp_path / "worker"
    worker.write_text(first_line + "\nprint()\n")
    worker.chmod(0o755)
    found = find_program(worker, "worker", tmp_path, {})
    assert (found.argv[0] != str(worker)) is interpreted and found.argv[-1] == str(worker)


def test_a_worker_that_nobody_may_execute_is_refused(tmp_path):
    worker = tmp_path / "worker"
    worker.write_text("#!/bin/sh\n")
    worker.chmod(0o644)
    with pytest.raises(ProgramError, match="not executable"):
        find_program(worker, "bin/worker", tmp_path, {})


def test_signals_have_names():
    assert (signal_name(9), signal_name(40)) == ("SIGKILL", "real-time signal")


def test_a_program_that_is_still_open_for_writing_starts_a_little_later(tmp_path):
    """Another slot's fork may hold the file that was just unpacked: that must not fail a job."""
    tool = tmp_path / "tool"
    shutil.copy("/bin/true", tool)
    writing = tool.open("rb+")
    threading.Timer(0.2, writing.close).start()
    assert WorkerProcess(program(str(tool))).reap().signal in (None, signal.SIGKILL)
    with tool.open("rb+"), pytest.raises(OSError, match="Text file busy"):
        WorkerProcess(program(str(tool)))
