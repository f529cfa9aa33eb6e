"""A node of the Dask engine as a process of its own: `python node_process.py '{"name": …}'` (see farm.py)."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from disco_master.engine.dask.agent import Agent, Membership
from disco_master.engine.dask.wire import Tls
from disco_master.node.config import Limits, NodeConfig
from disco_master.node.packs import Packs


def main() -> None:
    given = json.loads(sys.argv[1])
    root, name = Path(given["root"]), given["name"]
    config = NodeConfig(
        name=name,
        disco_data=root / "data",
        ddfs_data=root / "ddfs",
        fetch=Packs(given["packs"], root / "packs").fetch,
        slots=given["slots"],
        limits=Limits(**given["limits"]),
    )
    membership = Membership(
        given["master"],
        "test",
        secret=given["secret"],
        tls=Tls(*given["tls"]) if given["tls"] else None,
        stats_s=0.05,
        rejoin_s=0.05,
    )
    agent = Agent(config, membership)
    threading.Thread(target=end_with_stdin, args=(agent,), daemon=True).start()
    agent.run()


def end_with_stdin(agent: Agent) -> None:
    sys.stdin.read()
    agent.end()


if __name__ == "__main__":
    main()
