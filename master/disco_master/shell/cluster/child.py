"""A program that this process keeps running: started again when it dies, ended with this process.

It ends when its standard input does, so it can't outlive us however we end.
"""

from __future__ import annotations

import logging
import select
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

START_TIMEOUT_S = 10.0
RESTART_PAUSE_S = 1.0
STOP_TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


class Child:
    """`is_ready` is given the first line of its output; without it nothing is awaited."""

    def __init__(
        self,
        shown: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log_file: Path | None = None,
        is_ready: Callable[[str], bool] | None = None,
    ) -> None:
        self._shown, self._command = shown, list(command)
        self._environment, self._log_file, self._is_ready = environment, log_file, is_ready
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # of `_process`: it may be replaced while we are told to stop
        self._process: subprocess.Popen[str] | None = None
        self._watch = threading.Thread(target=self._keep_alive, name=shown, daemon=True)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Raises OSError with the reason when it is not ready in time."""
        self._spawn()
        self._watch.start()

    def let_go(self) -> None:
        """Have it end; `stop` waits for it."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                _close_stdin(self._process)

    def stop(self) -> None:
        self.let_go()
        if self._watch.is_alive():
            self._watch.join(STOP_TIMEOUT_S)
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._watch.is_alive():
            self._watch.join()
        _close(self._process)

    def why_not_ready(self) -> str:
        return f"{self._shown} did not start"

    def _spawn(self) -> None:
        errors = self._log_file.open("ab") if self._log_file else None
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self._is_ready else errors,
                stderr=errors,
                env=self._environment,
                text=True,
                start_new_session=True,  # a Ctrl-C in our terminal is ours to handle
            )
        finally:
            if errors is not None:
                errors.close()
        if self._is_ready is not None:
            assert process.stdout is not None
            line = ""
            if select.select([process.stdout], [], [], START_TIMEOUT_S)[0]:
                line = process.stdout.readline()
            if not line or not self._is_ready(line):
                process.kill()
                process.wait()
                _close(process)
                raise OSError(self.why_not_ready())
        with self._lock:
            self._process = process
            if self._stopping.is_set():
                _close_stdin(process)

    def _keep_alive(self) -> None:
        while self._process is not None:
            status = self._process.wait()
            if self._stopping.is_set():
                return
            log.error("%s ended with %s; starting it again", self._shown, status)
            _close(self._process)
            while not self._stopping.wait(RESTART_PAUSE_S):
                try:
                    self._spawn()
                    break
                except OSError as error:
                    log.error("%s", error)


def _close_stdin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
