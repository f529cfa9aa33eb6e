"""Faults at random moments, drawn from a seed: what is done to whom, and when, while jobs run."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import psutil
from chaos.cluster import BoxCluster

PAUSE_S = (0.1, 1.2)  # between two faults
STOP_S = (0.1, 2.0)  # how long a process is stopped
FAULTS = 10  # of one storm; then it is calm, so that the jobs can end


class Storm:
    """Raises what went wrong in it when it is over. `faults` counts what was done, by kind."""

    def __init__(self, cluster: BoxCluster, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self._cluster, self._chance = cluster, random.Random(seed)
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._rage, daemon=True)

    def __enter__(self) -> Storm:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _rage(self) -> None:
        kinds: list[tuple[int, Callable[[], bool]]] = [
            (6, self.kill_worker),
            (3, self.stop_worker),
            (3, self.kill_node),
            (2, self.stop_node),
            (2, self.kill_blob_server),
            (1, self.kill_master),
            (1, self.stop_master),
        ]
        weights, faults = zip(*kinds, strict=True)
        try:
            for _ in range(FAULTS):
                if self._over.wait(self._chance.uniform(*PAUSE_S)):
                    return
                (fault,) = self._chance.choices(faults, weights)
                if fault():
                    self.faults[fault.__name__] += 1
        except BaseException as error:
            self._error = error

    def kill_worker(self) -> bool:
        return _send(self._worker(), signal.SIGKILL)

    def stop_worker(self) -> bool:
        return self._stop(self._worker())

    def kill_node(self) -> bool:
        return _send(self._node(), signal.SIGKILL)

    def stop_node(self) -> bool:
        return self._stop(self._node())

    def kill_blob_server(self) -> bool:
        node = self._node()
        return _send(_pick(self._chance, _blob_servers(node)) if node else None, signal.SIGKILL)

    def kill_master(self) -> bool:
        self._cluster.crash()
        return True

    def stop_master(self) -> bool:
        assert self._cluster.master.process is not None
        return self._stop(psutil.Process(self._cluster.master.process.pid))

    def _node(self) -> psutil.Process | None:
        return self._cluster.process(self._chance.choice(self._cluster.names))

    def _worker(self) -> psutil.Process | None:
        return _pick(self._chance, self._cluster.workers(self._chance.choice(self._cluster.names)))

    def _stop(self, process: psutil.Process | None) -> bool:
        if not _send(process, signal.SIGSTOP):
            return False
        time.sleep(self._chance.uniform(*STOP_S))
        _send(process, signal.SIGCONT)
        return True


def _pick(chance: random.Random, processes: list[psutil.Process]) -> psutil.Process | None:
    return chance.choice(processes) if processes else None


def _blob_servers(node: psutil.Process) -> list[psutil.Process]:
    try:
        return [
            child for child in node.children() if "disco_master.node.storage.blobserver" in child.cmdline()
        ]
    except psutil.Error:
        return []


def _send(process: psutil.Process | None, number: signal.Signals) -> bool:
    """Whether there was somebody to get it."""
    try:
        if process is not None:
            process.send_signal(number)
            return True
    except psutil.NoSuchProcess:
        pass
    return False
