"""Processes under test: started in a group of their own, always killed, always reaped.

The worker's standard output is its standard error, as the specification says. Every process of a case
carries a mark in its environment, by which children that left the group are found again.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "CONFORMANCE_CASE"
KILL_WAIT_S = 5.0
TICKS = os.sysconf("SC_CLK_TCK")
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "TZ")


_living: set[Process] = set()
_living_lock = threading.Lock()
# A child of ours holds copies of all our descriptors from fork to exec. Starting and closing take turns, so
# that a pipe that we close has no other holder: a worker must not be able to write to nobody.
_spawning = threading.Lock()


def destroy_all() -> None:
    """For an interrupted run: ends every process that is still under test."""
    with _living_lock:
        living = list(_living)
    for process in living:
        process.kill_family()


class LaunchError(Exception):
    """The command could not be started. The text says which and why."""


@dataclass(frozen=True)
class Ended:
    """How the process ended: an exit status, or a signal."""

    status: int | None
    signal: int | None
    cpu_s: float

    def __str__(self) -> str:
        if self.signal is None:
            return f"exit status {self.status}"
        try:
            return f"signal {signal.Signals(self.signal).name}"
        except ValueError:
            return f"signal {self.signal}"


class Process:
    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        mark: str,
        env: Mapping[str, str],
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.mark = mark
        clean = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}
        wrapped = [*_limited(limits or {}), *command]
        try:
            with _spawning:
                self._popen = subprocess.Popen(
                    wrapped,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env={**clean, **env, MARK: mark},
                    start_new_session=True,
                    bufsize=0,
                )
        except OSError as error:
            raise LaunchError(_why(command[0], error)) from None
        self.pid = self._popen.pid
        self.end = os.pidfd_open(self.pid)  # readable when the process has ended
        self._born = _born(self.pid)
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self.stdin, self.stdout = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        os.set_blocking(self.stdin, False)
        os.set_blocking(self.stdout, False)
        self._ended: Ended | None = None
        with _living_lock:
            _living.add(self)

    def wait(self, seconds: float) -> Ended | None:
        """How the process ended, if it does so in time."""
        if self._ended is None:
            _readable([self.end], seconds)
        return self.poll()

    def poll(self) -> Ended | None:
        """Reaps the process when it has ended."""
        if self._ended is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._popen.returncode = code
                cpu = usage.ru_utime + usage.ru_stime
                self._ended = Ended(code if code >= 0 else None, -code if code < 0 else None, cpu)
        return self._ended

    def send_signal(self, name: str) -> None:
        """To the whole group, as Disco does it."""
        if self.poll() is None:
            os.killpg(self.pid, getattr(signal, f"SIG{name}"))

    def close_stdin(self) -> None:
        with _spawning:
            if self._popen.stdin and not self._popen.stdin.closed:
                self._popen.stdin.close()

    def close_stdout(self) -> None:
        with _spawning:
            if self._popen.stdout and not self._popen.stdout.closed:
                self._popen.stdout.close()

    def cpu_seconds(self) -> float:
        """Processor time of the whole family so far."""
        return sum(_cpu_of(pid) for pid in self.family())

    def peak_bytes(self) -> int:
        """The most memory that a process of the family has had at a time."""
        return max((_peak_of(pid) for pid in self.family()), default=0)

    def family(self) -> list[int]:
        """Live processes of the group, and marked ones that left it."""
        return [pid for pid in _pids() if pid != os.getpid() and self._is_ours(pid)]

    def family_ends(self, seconds: float) -> list[int]:
        """Who of the family is left at that time; returns early when nobody is."""
        deadline = time.monotonic() + seconds
        while (left := self.family()) and time.monotonic() < deadline:
            _await_end(left, deadline - time.monotonic())
        return left

    def _is_ours(self, pid: int) -> bool:
        stat = _stat(pid)
        if stat is None or stat[0] == "Z" or int(stat[19]) < self._born:
            return False
        return int(stat[2]) == self.pid or _marked(pid, self.mark)

    def owns(self, pid: int) -> bool:
        return pid == self.pid or pid in self.family()

    def destroy(self) -> None:
        """Kills the family and reaps the process. Safe to call twice, and after any failure."""
        self.close_stdin()
        self.close_stdout()
        deadline = time.monotonic() + KILL_WAIT_S
        while (left := self.kill_family()) and time.monotonic() < deadline:
            _await_end(left, deadline - time.monotonic())
        self.wait(deadline - time.monotonic())
        with _living_lock:
            if self in _living:
                _living.discard(self)
                os.close(self.end)

    def kill_family(self) -> list[int]:
        """Who was still there."""
        living = self.family()
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return living


def _await_end(pids: Sequence[int], seconds: float) -> None:
    """Waits until the first of these processes has ended; no longer than asked."""
    ends: list[int] = []
    try:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            for pid in pids:
                ends.append(os.pidfd_open(pid))
            _readable(ends, seconds)
    finally:
        for end in ends:
            os.close(end)


def _readable(descriptors: Sequence[int], seconds: float) -> None:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll(max(0.0, seconds) * 1000)


def _why(program: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and Path(program).exists():
        return f"{program} cannot be started: the program that its #! line names does not exist"
    if isinstance(error, PermissionError):
        return f"{program} cannot be started: it is not executable (chmod +x)"
    return f"{program} cannot be started: {error.strerror}"


def _limited(limits: Mapping[str, int]) -> list[str]:
    """A shell sets the limits, since code between fork and exec is not safe beside threads."""
    if not limits:
        return []
    words = []
    if "file_bytes" in limits:
        words.append(f"ulimit -f {max(limits['file_bytes'] // 512, 0)}; trap '' XFSZ")
    if "data_bytes" in limits:
        words.append(f"ulimit -d {limits['data_bytes'] // 1024}")
    if "open_files" in limits:
        words.append(f"ulimit -n {limits['open_files']}")
    return ["/bin/sh", "-c", "; ".join([*words, 'exec "$@"']), "sh"]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on: the name before it may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _born(pid: int) -> int:
    """When the process started, in clock ticks; whatever is older is not of its family."""
    stat = _stat(pid)
    return int(stat[19]) if stat else 0


def _marked(pid: int, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _cpu_of(pid: int) -> float:
    stat = _stat(pid)
    return (int(stat[11]) + int(stat[12])) / TICKS if stat else 0.0


def is_busy(pid: int) -> bool:
    """Whether a thread of it runs now, or would if there were a processor for it."""
    try:
        tasks = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return False
    stats = (_stat(task) for task in tasks)
    return any(stat is not None and stat[0] == "R" for stat in stats)


def _peak_of(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:"))
