"""One worker process: found, started, ended, accounted for.

The worker gets a session and process group of its own, a clean environment, its job home as working
directory, a pipe on stdin and one pipe on both stdout and stderr. Nothing runs between fork and exec, so
that the C library may use vfork: starting a worker costs well under a millisecond however large the node is.
A pidfd tells of the exit, because the pipe does not: a grandchild may keep it open.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The last one is what a task needs to keep results in DDFS where the master asks for the cluster's secret.
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "TZ", "DISCO_SECRET_FILE")
_PYTHON_LINE = re.compile(rb"#!\s*(?:\S*/)?(?:env\s+)?python(?:3(?:\.\d+)?)?\s*")
_FIRST_LINE_BYTES = 256
_PROC_BYTES = 8192
PEAK_SLACK = 1.25
TEXT_BUSY_S, TEXT_BUSY_PAUSE_S = 2.0, 0.005


class ProgramError(Exception):
    """A worker that can't be started, wherever it is tried."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to start the worker of one job: read once from its home, used for each of its processes."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str
    shown: str  # the worker as the job names it


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended. `peak_memory_bytes` is 0 when it is not known."""

    status: int | None
    signal: int | None
    cpu_s: float
    peak_memory_bytes: int

    def __str__(self) -> str:
        if self.signal is not None:
            return f"signal: {self.signal} {signal_name(self.signal)}"
        return f"exit code: {self.status}"


def find_program(path: Path, shown: str, cwd: Path, envs: Mapping[str, str]) -> Program:
    """Raises ProgramError when there is no such worker or nobody could execute it."""
    if not path.is_file():
        raise ProgramError(f"worker {shown!r} is not in the job home; add it to the pack or correct `worker`")
    with path.open("rb") as file:
        first_line = file.readline(_FIRST_LINE_BYTES)
    argv = [str(path)]
    if _PYTHON_LINE.fullmatch(first_line):
        # The node's own interpreter, whatever PATH says, without the user's site packages.
        isolated = [] if any(name.startswith("PYTHON") for name in envs) else ["-E"]
        argv = [sys.executable, "-s", *isolated, str(path)]
    elif not os.access(path, os.X_OK):
        raise ProgramError(f"worker {shown!r} is not executable; set its x bit before packing it")
    clean = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    return Program(tuple(argv), {**clean, **envs}, str(cwd), shown)


class WorkerProcess:
    """A started worker, used by one thread. Its pipes do not block."""

    def __init__(self, program: Program, memory_bytes: int | None = None) -> None:
        """Raises ProgramError, or OSError when the machine has no room for a process."""
        with contextlib.ExitStack() as always, contextlib.ExitStack() as on_failure:
            child_stdin, self.stdin = os.pipe()
            always.callback(os.close, child_stdin)
            on_failure.callback(os.close, self.stdin)
            self.stderr, child_stderr = os.pipe()
            always.callback(os.close, child_stderr)
            on_failure.callback(os.close, self.stderr)
            self._process = _spawn(program, child_stdin, child_stderr)
            on_failure.callback(_abandon, self._process)
            self.pid = self._process.pid
            self.pidfd = os.pidfd_open(self.pid)
            on_failure.pop_all()
        os.set_blocking(self.stdin, False)
        os.set_blocking(self.stderr, False)
        self._known_peak_bytes = 0
        self._cpu_before_s = 0.0
        if memory_bytes is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                resource.prlimit(self.pid, resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    def close_stdin(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def note_memory(self) -> None:
        """Look at the peak while the process still has its memory; see `reap`."""
        self._known_peak_bytes = _high_water_mark(self.pid)

    def cpu_since_last(self) -> float:
        """CPU seconds of the process and its waited-for children since the last call, while it lives."""
        total_s = _cpu_so_far(self.pid)
        used_s, self._cpu_before_s = total_s - self._cpu_before_s, total_s
        return max(0.0, used_s)

    def reap(self) -> Exit:
        """Kill whatever is left of the group, wait for the leader, close the pipes. Only once."""
        # Until the leader is waited for, its number and the group's belong to nobody else.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code  # Popen must not wait for it again
        self.close_stdin()
        os.close(self.stderr)
        os.close(self.pidfd)
        return Exit(
            status=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            cpu_s=max(0.0, usage.ru_utime + usage.ru_stime - self._cpu_before_s),
            peak_memory_bytes=self._peak_bytes(usage.ru_maxrss * 1024),
        )

    def _peak_bytes(self, reported: int) -> int:
        # The kernel counts this process's own memory at the time of the vfork into the child's peak, so a
        # figure near our own peak, or below, says nothing about the child; near, as the kernel's counts are
        # not exact. (Our own ru_maxrss would be too much: it holds the memory of whoever started us, in the
        # same way.)
        ours = _high_water_mark(os.getpid())
        return reported if reported > PEAK_SLACK * ours else self._known_peak_bytes


def _spawn(program: Program, stdin: int, stderr: int) -> subprocess.Popen[bytes]:
    """A program that was just unpacked may still be open for writing in another slot's child, which holds
    this process's files for the moment between its fork and its exec: "text file busy". That passes."""
    deadline = time.monotonic() + TEXT_BUSY_S
    while True:
        try:
            return subprocess.Popen(
                program.argv,
                stdin=stdin,
                stdout=stderr,
                stderr=stderr,
                cwd=program.cwd,
                env=program.environment,
                start_new_session=True,  # its leader can't leave its group, so a kill always finds it
            )
        except OSError as error:
            if error.errno != errno.ETXTBSY or time.monotonic() > deadline:
                raise _explain(error, program) from error
            time.sleep(TEXT_BUSY_PAUSE_S)


def _abandon(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _explain(error: OSError, program: Program) -> Exception:
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY):
        return error  # the machine is full or busy, the program may be fine
    if error.filename == program.cwd:
        return error  # the job home has been deleted
    if error.errno == errno.ENOEXEC:
        return ProgramError(f"worker {program.shown!r} is no program: it needs a first line like #!/bin/sh")
    if error.errno == errno.ENOENT and Path(program.argv[0]).exists():
        return ProgramError(
            f"worker {program.shown!r} can't start: the interpreter in its first line, or the loader of the "
            "program, is not on this node"
        )
    return ProgramError(f"worker {program.shown!r} can't start: {error.strerror}")


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "real-time signal"


def _read_small(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, _PROC_BYTES)
    finally:
        os.close(descriptor)


def _high_water_mark(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = _read_small(f"/proc/{pid}/status")
        return int(text.split(b"VmHWM:", 1)[1].split(None, 1)[0]) * 1024
    return 0


def _cpu_so_far(pid: int) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = _read_small(f"/proc/{pid}/stat").rsplit(b")", 1)[1].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0
