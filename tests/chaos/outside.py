"""A master whose nodes are programs of their own, `disco node`, as on machines of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chaos.cluster import eventually

from disco.core import Disco
from disco.local import LocalMaster, free_port

BIN = Path(sys.executable).parent


class OutsideCluster:
    """`settings` are the master's and the nodes'. Nodes share nothing with the master but its secret file."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root, self._settings = root, settings
        self.master = LocalMaster(
            root / "master", DISCO_ENGINE="dask", DISCO_CLUSTER_PORT=free_port(), **settings
        )
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> OutsideCluster:
        self.master.start()
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            node.terminate()
        for node in self.nodes.values():
            node.wait(30)
        self.master.stop()

    def add(self, name: str, slots: int = 2) -> None:
        """Start a node; see `await_nodes`."""
        home = self.root / "nodes" / name
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            **self.master.environment,
            "DISCO_ROOT": str(home),
            "DISCO_SECRET_FILE": str(self.master.settings["DISCO_SECRET_FILE"]),
        }
        with (home / "log").open("ab") as log:
            self.nodes[name] = subprocess.Popen(
                [BIN / "disco", "node", "--name", name, "--slots", str(slots)], env=environment, stderr=log
            )

    def log(self, name: str) -> str:
        return (self.root / "nodes" / name / "log").read_text()

    @property
    def disco(self) -> Disco:
        return Disco(settings=self.master.settings)

    def await_nodes(self, *names: str) -> None:
        def connected() -> set[str]:
            return {name for name, about in self.disco.nodeinfo().items() if about["connected"]}

        eventually(lambda: connected() == set(names), f"{names} are connected")
