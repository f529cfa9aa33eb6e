"""A master of one's own on this machine: for tests of jobs, demos and benchmarks.

    with LocalMaster() as master:
        job = Job(settings=master.settings).run(...)
        results = list(result_iterator(job.wait()))

It has a folder and loopback ports of its own, so it gets in nobody's way, and it leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from .error import DiscoError
from .settings import DiscoSettings

LOWEST_PORT, LOWEST_EPHEMERAL_PORT = 20_000, 32_768  # the second is that of Linux
PORT_TRIES = 100
START_TRIES = 4  # for ports that somebody else took in between
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A loopback port that nobody has now.

    It lies below those that outgoing connections get, so that none of these takes it before it is used.
    """
    for _ in range(PORT_TRIES):
        port = random.randrange(LOWEST_PORT, LOWEST_EPHEMERAL_PORT)
        if port_is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _ports() -> dict[str, int]:
    return {"DISCO_PORT": free_port(), "DDFS_PUT_PORT": free_port()}


class LocalMaster:
    """A master process with its embedded node.

    `root` keeps its data there, and keeps the folder; without it a temporary folder is used and removed.
    Other settings by name, as in `DiscoSettings`. `start` raises DiscoError with the master's own words.
    """

    def __init__(self, root: Path | None = None, **settings: Any) -> None:
        self._temporary = root is None
        self.root = root or Path(tempfile.mkdtemp(prefix="disco-"))
        self._may_choose = not {"DISCO_PORT", "DDFS_PUT_PORT"} & set(settings)
        chosen = {
            "DISCO_ROOT": str(self.root),
            **_ports(),
            "DISCO_MASTER_HOST": "localhost",
            **settings,
        }
        self.settings = DiscoSettings(environ={}, **chosen)
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return str(self.settings["DISCO_MASTER"])

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, with every program that it starts pointed at this master."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DISCO_", "DDFS_"))}
        return {**inherited, **self.settings.env}

    def start(self) -> LocalMaster:
        """Raises DiscoError. A first start whose ports were taken meanwhile is tried with others."""
        for _ in range(START_TRIES - 1 if self._may_choose else 0):
            try:
                return self._start()
            except DiscoError as error:
                if "taken" not in str(error) and "in use" not in str(error):
                    raise
                self.settings = self.settings.with_values(**_ports())
        return self._start()

    def _start(self) -> LocalMaster:
        self.root.mkdir(parents=True, exist_ok=True)
        log = (self.root / "master.log").open("a")
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "disco_master.shell.main"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        if not self._ready():
            self.kill()
            words = (self.root / "master.log").read_text()[-2000:]
            raise DiscoError(f"the local master in {self.root} did not start: {words}")
        self._may_choose = False  # clients know them now
        return self

    def _ready(self) -> bool:
        assert self.process is not None and self.process.stdout is not None
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                line = self.process.stdout.readline()
                if line.startswith("READY "):
                    return bool(json.loads(line.removeprefix("READY ")))
        return False

    def stop(self) -> None:
        """End it as `disco stop` does, and wait until everything of it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close()

    def kill(self) -> None:
        """End it as a crash does: SIGKILL, no goodbye. `start` brings it back on the same data."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    def __enter__(self) -> LocalMaster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)
