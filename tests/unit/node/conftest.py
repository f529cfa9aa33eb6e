"""One real node per test, started when first used, stopped and checked for leftovers afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.node.rooms import SHORT, Listener, Packs, config, process_is_gone, spec

from disco_master.model import AttemptEnd, Mode, Outcome
from disco_master.node.config import Limits
from disco_master.node.node import Node


class Bench:
    """A node, its packs, and what it told."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.packs = Packs(tmp_path / "packs")
        self.told = Listener()
        self._node: Node | None = None
        self._attempts = 0

    def start(self, limits: Limits = SHORT, slots: int = 2) -> Node:
        self._node = Node(config(self.tmp_path, self.packs, limits, slots), self.told)
        self._node.start()
        return self._node

    @property
    def node(self) -> Node:
        return self._node or self.start()

    def launch(self, job: str, mode: Mode = Mode.MAP) -> int:
        self._attempts += 1
        self.node.launch(spec(job, self._attempts, mode))
        return self._attempts

    def run(self, body: str, *, limits: Limits | None = None, mode: Mode = Mode.MAP) -> AttemptEnd:
        """One attempt of a new job whose worker is the test preamble and `body`."""
        if limits is not None:
            self.start(limits)
        job = self.packs.script(f"test@{self._attempts:x}:1:1", body)
        return self.told.end(self.launch(job, mode))

    def home(self, job: str = "test@0:1:1") -> Path:
        return self.node.homes.path(job)

    def stop(self) -> None:
        if self._node is not None:
            self._node.stop(0.0, Outcome.NODE_LOST, "the test is over")
            assert all(process_is_gone(pid) for pid in self.told.pids.values())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.stop()


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "packs")
