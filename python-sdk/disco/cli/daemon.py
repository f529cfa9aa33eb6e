"""The master as a process of its own: started in the background, found again by its pid file, stopped.

The master is run as a program and never imported: it prints `READY {...}` when it serves, or says why it
can't and exits. Its output goes to a log file, which is where it is watched while it starts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..settings import DiscoSettings
from .failing import CommandError

START_S = 60.0
STOP_S = 30.0
POLL_S = 0.02
MAX_REASON_LINES = 5
_MODULE = "disco_master.shell.main"
_NEEDED = ("disco_master", "flask", "waitress")


class MasterProcess:
    """The master that these settings describe. `command` is how it is run."""

    def __init__(self, settings: DiscoSettings, command: Sequence[str] | None = None) -> None:
        self.settings = settings
        self.command = list(command or master_command(settings))
        host, port = settings["DISCO_MASTER_HOST"], settings.port
        self.name = f"Master {host}:{port}"
        stem = f"Master-{host}_{port}"
        self.pid_file = settings.path("DISCO_PID_DIR") / f"{stem}.pid"
        self.log_file = settings.path("DISCO_LOG_DIR") / f"{stem}.log"

    def pid(self) -> int | None:
        """The process id of the running master."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if _is_running(pid, self.command) else None

    def start(self, timeout_s: float = START_S) -> dict[str, Any]:
        """Start it in the background; returns what it said when it was ready."""
        if pid := self.pid():
            raise CommandError(f"{self.name} already started (pid {pid}); stop it first: disco stop")
        for folder in (self.pid_file.parent, self.log_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if self.settings["DISCO_ROTATE_LOG"] and self.log_file.exists():
            self.log_file.rename(self.log_file.with_suffix(f".{time.strftime('%Y%m%d-%H%M%S')}.log"))
        with self.log_file.open("ab") as log:
            begin = log.tell()
            pid = self._spawn(log.fileno())
        self.pid_file.write_text(f"{pid}\n")
        try:
            return self._await_ready(pid, begin, timeout_s)
        except BaseException:
            self.pid_file.unlink(missing_ok=True)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            raise

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Ask it to end and wait until it has. Nothing happens if it is not running."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            give_up_s = time.monotonic() + timeout_s
            while _is_running(pid, self.command):
                if time.monotonic() > give_up_s:
                    raise CommandError(
                        f"{self.name} did not stop within {timeout_s:g} s; end it: kill -9 {pid}"
                    )
                time.sleep(POLL_S)
        self.pid_file.unlink(missing_ok=True)

    def _spawn(self, log: int) -> int:
        """Start the command, detached from this terminal and its session."""
        streams = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ]
        environ = {**os.environ, **self.settings.env}
        return os.posix_spawn(self.command[0], self.command, environ, file_actions=streams, setsid=True)

    def _await_ready(self, pid: int, begin: int, timeout_s: float) -> dict[str, Any]:
        give_up_s = time.monotonic() + timeout_s
        while True:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid  # before reading: what it said last must be seen
            lines = self._log_from(begin)
            for line in lines:
                if line.startswith("READY "):
                    return dict(json.loads(line.removeprefix("READY ")))
            if ended:
                raise CommandError(f"{self.name} did not start: {self._reason(lines)}")
            if time.monotonic() > give_up_s:
                raise CommandError(f"{self.name} was not ready within {timeout_s:g} s; see {self.log_file}")
            time.sleep(POLL_S)

    def _log_from(self, begin: int) -> list[str]:
        """The whole lines that were logged since."""
        with self.log_file.open("rb") as log:
            log.seek(begin)
            text = log.read().decode("utf-8", "replace")
        return [line.rstrip("\n") for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def _reason(self, lines: list[str]) -> str:
        said = [line for line in lines if line.strip()]
        return "\n".join(said[-MAX_REASON_LINES:]) if said else f"it said nothing; see {self.log_file}"


def master_command(settings: DiscoSettings) -> list[str]:
    """The command that runs the master in the foreground."""
    for package in _NEEDED:
        if find_spec(package) is None:
            raise CommandError(
                f"The master needs {package}, which is not installed: pip install disco-mapreduce[master]"
            )
    file = ["--settings", str(Path(settings.file).resolve())] if settings.file else []
    return [sys.executable, "-u", "-m", _MODULE, *file]


def _is_running(pid: int, command: Sequence[str]) -> bool:
    """Whether `pid` is alive and is that command: a number may have been given to another process since."""
    with suppress(ChildProcessError):  # it is a child of this process only where it was started
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        given = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:  # no /proc here, or the process has just ended
        return not Path("/proc").is_dir()
    return set(command[1:]) <= set(given)
