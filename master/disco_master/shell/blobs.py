"""The node's blob server, a process of its own: a busy one in this process would slow every task start."""

from __future__ import annotations

import json
import logging
import select
import subprocess
import sys
import threading

from .config import MasterConfig

START_TIMEOUT_S = 10.0
RESTART_PAUSE_S = 1.0
STOP_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class BlobServer:
    """Started again when it dies. `start` raises OSError with the reason when it can't serve."""

    def __init__(self, config: MasterConfig) -> None:
        self._command = [
            sys.executable, "-m", "disco_master.node.storage.blobserver",
            "--host", config.bind, "--name", config.host, "--port", str(config.put_port),
            "--ddfs-data", str(config.ddfs_data), "--disco-data", str(config.data),
        ]  # fmt: skip
        self._port = config.put_port
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._watch = threading.Thread(target=self._keep_alive, name="blob-server", daemon=True)

    def start(self) -> None:
        self._spawn()
        self._watch.start()

    def stop(self) -> None:
        """It ends when its standard input does."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._watch.is_alive():
            self._watch.join()
        process.stdout.close()

    def _spawn(self) -> None:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the master's terminal is the master's to handle
        )
        assert process.stdout is not None
        line = ""
        if select.select([process.stdout], [], [], START_TIMEOUT_S)[0]:
            line = process.stdout.readline()
        if not line or self._port not in json.loads(line)["ports"]:
            process.kill()
            process.wait()
            raise OSError(
                f"the blob server can't serve on port {self._port}: is it taken? "
                "Set DDFS_PUT_PORT to a free one"
            )
        self._process = process

    def _keep_alive(self) -> None:
        while self._process is not None:
            status = self._process.wait()
            if self._stopping.is_set():
                return
            log.error("the blob server ended with %s; starting it again", status)
            while not self._stopping.wait(RESTART_PAUSE_S):
                try:
                    self._spawn()
                    break
                except OSError as error:
                    log.error("%s", error)
