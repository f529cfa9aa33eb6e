"""A cluster in a box for tests that hurt it, and what can be done to its processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from disco.core import Disco
from disco.local import LocalMaster

PATIENCE_S = 120.0


def eventually(true: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; fail naming it when it does not in time."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, f"it never came true that {what}"
        time.sleep(0.02)


class BoxCluster:
    """A master with `nodes` nodes, each a process with a blob server and workers of its own."""

    def __init__(self, root: Path, nodes: int = 3, **settings: object) -> None:
        self.names = [f"127.0.0.{number}" for number in range(2, 2 + nodes)]
        self.master = LocalMaster(root, DISCO_NODES=nodes, **settings)

    def __enter__(self) -> BoxCluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.master.stop()

    def start(self) -> None:
        self.master.start()
        self.await_nodes()

    @property
    def disco(self) -> Disco:
        return Disco(settings=self.master.settings)

    def connected(self) -> list[str]:
        return [name for name, about in self.disco.nodeinfo().items() if about["connected"]]

    def await_nodes(self) -> None:
        eventually(lambda: sorted(self.connected()) == self.names, "all nodes are connected")

    def process(self, name: str) -> psutil.Process | None:
        """The process of a node, if it runs just now."""
        assert self.master.process is not None
        for child in _children(self.master.process.pid):
            try:
                words = child.cmdline()
            except psutil.Error:
                continue
            if "disco_master.shell.cluster.node" in words and name in words:
                return child
        return None

    def workers(self, name: str) -> list[psutil.Process]:
        """The worker processes of a node, templates and their children, but no blob server or warden."""
        node = self.process(name)
        if node is None:
            return []
        home = self.master.settings.path("DISCO_DATA") / name
        return [child for child in _children(node.pid, deep=True) if _cwd(child).startswith(str(home))]

    def kill(self, name: str) -> bool:
        """As a machine that loses its power. Its disk stays, and the master starts its node again."""
        return _signal(self.process(name), signal.SIGKILL)

    def signal(self, name: str, number: signal.Signals) -> bool:
        return _signal(self.process(name), number)

    def crash(self) -> None:
        """kill -9 the master, and start it again on what it left."""
        self.master.kill()
        self.start()


def _children(pid: int, *, deep: bool = False) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=deep)
    except psutil.Error:
        return []
    return found


def _cwd(process: psutil.Process) -> str:
    try:
        return str(process.cwd())
    except psutil.Error:
        return ""


def _signal(process: psutil.Process | None, number: signal.Signals) -> bool:
    """Whether there was somebody to get it."""
    try:
        if process is not None:
            os.kill(process.pid, number)
            return True
    except ProcessLookupError:
        pass
    return False
