"""The engine of one machine: its nodes run in this process, a thread a slot.

Usually there is one node, `localhost`. Several make a cluster in a box: each has its own name, directories
and ports, as on machines of their own, and can be taken down and brought up again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from typing import Any

from ..model import AttemptEnd, Outcome, TaskSpec
from ..node.config import NodeConfig
from ..node.node import Node
from ..node.operations import OperationError, run_operation
from .base import EngineEvents, NodeError

STATS_S = 10.0  # between two looks at the disks
CALL_THREADS = 8


class LocalEngine:
    """See `engine.base.Engine`."""

    def __init__(self, configs: Sequence[NodeConfig], *, stats_s: float = STATS_S) -> None:
        self._configs = {config.name: config for config in configs}
        if len(self._configs) != len(configs):
            raise ValueError(f"two nodes have the same name: {[config.name for config in configs]}")
        self._stats_s = stats_s
        self._lock = threading.Lock()
        self._up: dict[str, tuple[int, Node]] = {}
        self._leaving: set[str] = set()  # up, but being taken down
        self._last_generation = 0
        self._stopped = threading.Event()
        self._calls: ThreadPoolExecutor | None = None
        self._watch: threading.Thread | None = None
        self._events: EngineEvents | None = None

    def start(self, events: EngineEvents) -> None:
        """Raises OSError when a node's directories can't be used."""
        self._events = events
        self._stopped.clear()
        self._calls = ThreadPoolExecutor(CALL_THREADS, thread_name_prefix="node-call")
        try:
            for name in self._configs:
                self.bring_up(name)
        except OSError:
            self.stop(0.0)
            raise
        self._watch = threading.Thread(target=self._watch_disks, name="node-stats", daemon=True)
        self._watch.start()

    def stop(self, grace_s: float) -> None:
        self._stopped.set()
        takers = [
            threading.Thread(target=self.take_down, args=(name, "the engine stops", grace_s))
            for name in list(self._up)
        ]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()
        if self._watch is not None:
            self._watch.join()
        if self._calls is not None:
            self._calls.shutdown(wait=False, cancel_futures=True)

    def bring_up(self, name: str) -> None:
        """Start a node of this engine as a new generation. Nothing happens if it is up."""
        events = self._told()
        with self._lock:
            if name in self._up:
                return
            # Milliseconds since the epoch: higher than in any earlier run of this machine's master.
            generation = max(time.time_ns() // 1_000_000, self._last_generation + 1)
            node = Node(self._configs[name], events)
            node.start()
            self._last_generation = generation
            self._up[name] = (generation, node)
        events.node_up(name, generation, node.config.slots)
        self._tell_disk(name, generation, node)

    def take_down(self, name: str, why: str, grace_s: float = 0.0) -> None:
        """Lose a node: its attempts end NODE_LOST, its processes are killed, its files stay."""
        with self._lock:
            generation, node = self._up.get(name, (0, None))
            if node is None or name in self._leaving:
                return
            self._leaving.add(name)
        node.stop(grace_s, Outcome.NODE_LOST, f"node {name} is down: {why}")
        self._told().node_down(name, generation, why)
        with self._lock:
            self._leaving.remove(name)
            del self._up[name]

    def launch(self, node: str, generation: int, spec: TaskSpec) -> None:
        found = self._find(node, generation)
        if found is None:
            end = AttemptEnd(Outcome.NODE_LOST, f"node {node} (generation {generation}) is not up")
            self._told().attempt_ended(node, spec, end)
        else:
            found.launch(spec)

    def kill(self, attempt: int, reason: str) -> None:
        for _, node in self._nodes():
            node.kill(attempt, reason)

    def widen(self, node: str, slots: int) -> None:
        config = self._configs.get(node)
        if config is None or slots <= config.slots:
            return
        with self._lock:
            self._configs[node] = replace(config, slots=slots)
            _, up = self._up.get(node, (0, None))
        if up is not None:
            up.widen(slots)

    def end_job(self, job: str) -> None:
        for _, node in self._nodes():
            node.release_job(job)

    def call(self, node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        found = self._find(node, generation)
        if found is None or self._calls is None:
            raise NodeError(node, op, f"generation {generation} is not up")
        try:
            future = self._calls.submit(run_operation, found, op, args)
            return future.result(timeout_s)
        except FutureTimeoutError:
            raise NodeError(node, op, f"no answer within {timeout_s:g} s") from None
        except OperationError as error:
            raise NodeError(node, op, str(error)) from error
        except RuntimeError as error:  # the pool is shut
            raise NodeError(node, op, "the engine stops") from error

    def _find(self, name: str, generation: int) -> Node | None:
        with self._lock:
            current, node = self._up.get(name, (0, None))
        return node if current == generation else None

    def _nodes(self) -> list[tuple[int, Node]]:
        with self._lock:
            return list(self._up.values())

    def _told(self) -> EngineEvents:
        if self._events is None:
            raise RuntimeError("the engine was not started")
        return self._events

    def _watch_disks(self) -> None:
        while not self._stopped.wait(self._stats_s):
            for generation, node in self._nodes():
                self._tell_disk(node.config.name, generation, node)

    def _tell_disk(self, name: str, generation: int, node: Node) -> None:
        disk = node.volumes.disk()
        self._told().node_stats(name, generation, disk.free_bytes, disk.used_bytes)
