"""A cluster in a box: nodes as processes of this machine, on 127.0.0.2, 127.0.0.3, … and the same two ports.

Each has its own data and DDFS folders and its own blob server, exactly as on machines of their own. They end
with the master.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ..config import MasterConfig
from .child import Child

FIRST = 2


def box_names(nodes: int) -> list[str]:
    return [f"127.0.0.{number}" for number in range(FIRST, FIRST + nodes)]


def slots_each(config: MasterConfig) -> int:
    """The nodes share this machine's cores."""
    return max(1, config.slots // max(1, config.box_nodes))


class Box:
    """`master` is the address that the nodes join. `stop` leaves nothing running."""

    def __init__(self, config: MasterConfig, environment: Mapping[str, str]) -> None:
        self._config, self._environment = config, environment
        self._children: dict[str, Child] = {}

    def start(self, master: str) -> None:
        for name in box_names(self._config.box_nodes):
            self._children[name] = child = self._child(name, master)
            child.start()

    def stop(self) -> None:
        for child in self._children.values():
            child.let_go()
        for child in self._children.values():
            child.stop()

    def pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self._children.items()}

    def _child(self, name: str, master: str) -> Child:
        config = self._config
        command = [
            sys.executable, "-m", "disco_master.shell.cluster.node", "--name", name, "--bind", name,
            "--join", master, "--slots", str(slots_each(config)), "--with-parent",
        ]  # fmt: skip
        environment = {
            **os.environ,
            **self._environment,
            "DISCO_DATA": str(config.data / name),
            "DDFS_DATA": str(config.ddfs_data / name),
            "DISCO_MASTER": config.url,
        }
        log_file = config.log_dir / f"node-{name}.log"
        return Child(f"node {name}", command, environment=environment, log_file=log_file)
