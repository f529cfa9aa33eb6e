"""Node processes of the Dask engine, kept through many tests: each test has its own engine, data and packs.

A process takes a second or two to import Dask; to join the next test's engine takes it a moment.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from unit.node.rooms import SHORT, Packs

from disco.local import free_port
from disco_master.engine.dask.engine import DaskEngine
from disco_master.engine.dask.hub import Hub

PROGRAM = Path(__file__).with_name("node_process.py")
SECRET = "said to nobody"
SILENT_S = 2.0


class PackServer(ThreadingHTTPServer):
    """The master's web as far as nodes ask it: `/disco/ctrl/parameters?name=JOB`."""

    packs: Packs | None = None
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _PackRequest)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _PackRequest(BaseHTTPRequestHandler):
    server: PackServer

    def do_GET(self) -> None:
        (job,) = parse_qs(urlsplit(self.path).query)["name"]
        assert self.server.packs is not None
        data = self.server.packs.fetch(job).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


class Farm:
    """Nodes `n1` and `n2`, each a process. `engine` makes the engine that they join."""

    def __init__(self, root: Path, slots: int = 2) -> None:
        self.root, self._slots = root, slots
        self.port = free_port()
        self._server = PackServer()
        self.tls: list[str] = []  # of the nodes that are started from now on
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def engine(self, packs: Packs) -> tuple[DaskEngine, Hub]:
        """A new engine, which nodes will join. With other packs, an earlier test's data are gone."""
        if self._server.packs is not packs:
            self._server.packs = packs
            for name in ("n1", "n2"):
                shutil.rmtree(self.root / name, ignore_errors=True)
        hub = Hub(port=self.port, silent_s=SILENT_S)
        return DaskEngine(hub, secret=SECRET), hub

    def populate(self) -> None:
        """Have both nodes running. The engine's hub must be listening."""
        for name in ("n1", "n2"):
            self.restore(name)

    def restore(self, name: str, *, key: str = "", secret: str = SECRET) -> None:
        """Start the node unless it runs. `key` tells two processes of one name apart."""
        key = key or name
        process = self.processes.get(key)
        if process is not None and process.poll() is None:
            return
        given = {
            "name": name,
            "root": str(self.root / key),
            "packs": self._server.url,
            "master": f"{'tls' if self.tls else 'tcp'}://127.0.0.1:{self.port}",
            "secret": secret,
            "tls": self.tls,
            "slots": self._slots,
            "limits": asdict(SHORT),
        }
        self.root.mkdir(exist_ok=True)
        with self.log(key).open("ab") as log:
            self.processes[key] = subprocess.Popen(
                [sys.executable, PROGRAM, json.dumps(given)],
                stdin=subprocess.PIPE,
                stderr=log,
            )

    def log(self, key: str) -> Path:
        return self.root / f"{key}.log"

    def lose(self, key: str) -> None:
        """As a machine is lost: no goodbye."""
        process = self.processes[key]
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    def signal(self, key: str, number: signal.Signals) -> None:
        self.processes[key].send_signal(number)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
        self._server.shutdown()
        self._server.server_close()
