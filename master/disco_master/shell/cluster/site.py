"""Where a master's jobs run, as its settings say: engine, blob servers, and the first node table.

local          one node, embedded in the master
dask, a box    nodes that the master starts on this machine (DISCO_NODES)
dask           nodes that join from elsewhere (`disco node`)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ...engine.base import Engine, EngineEvents
from ...engine.local import LocalEngine
from ...node.config import Limits, NodeConfig
from ..config import MasterConfig
from .blobs import BlobServer
from .box import Box, box_names, slots_each

Rows = tuple[tuple[str, str], ...]


class Site(Protocol):
    """`rows` are those that the node table begins with; `start` raises OSError."""

    engine: Engine
    rows: Rows

    def start(self, events: EngineEvents) -> None: ...
    def stop(self, grace_s: float) -> None: ...


class LocalSite:
    def __init__(self, config: MasterConfig, fetch: Callable[[str], Path]) -> None:
        node = NodeConfig(
            name=config.host,
            disco_data=config.data,
            ddfs_data=config.ddfs_data,
            fetch=fetch,
            disco_port=config.port,
            put_port=config.put_port,
            master_url=config.url,
            slots=config.slots,
            limits=Limits(memory_bytes=config.worker_memory_bytes),
        )
        self.engine: Engine = LocalEngine([node])
        self.rows: Rows = ((config.host, str(config.slots)),)
        self._blobs = BlobServer(
            config.host,
            config.bind,
            [config.put_port],
            ddfs_data=config.ddfs_data,
            disco_data=config.data,
        )

    def start(self, events: EngineEvents) -> None:
        self._blobs.start()
        self.engine.start(events)

    def stop(self, grace_s: float) -> None:
        self.engine.stop(grace_s)
        self._blobs.stop()


class ClusterSite:
    def __init__(self, config: MasterConfig, secret: str, environment: Mapping[str, str]) -> None:
        from ...engine.dask.engine import DaskEngine
        from ...engine.dask.hub import Hub

        self._hub = Hub(config.bind, config.cluster_port, tls=config.tls)
        self.engine: Engine = DaskEngine(self._hub, secret=secret)
        self.rows: Rows = tuple((name, str(slots_each(config))) for name in box_names(config.box_nodes))
        self._box = Box(config, {**environment, "DISCO_SECRET_FILE": str(config.secret_file)})

    def start(self, events: EngineEvents) -> None:
        self.engine.start(events)
        self._box.start(self._hub.address)

    def stop(self, grace_s: float) -> None:
        self.engine.stop(grace_s)
        self._box.stop()


def make_site(
    config: MasterConfig, fetch: Callable[[str], Path], secret: str, environment: Mapping[str, str]
) -> Site:
    """`fetch` gives a job's pack; `environment` is for programs that the site starts.

    Raises OSError when what the engine needs is not installed.
    """
    if config.engine == "local":
        return LocalSite(config, fetch)
    try:
        return ClusterSite(config, secret, environment)
    except ModuleNotFoundError as error:
        raise OSError(
            f"a cluster needs {error.name}, which is not installed: pip install disco-mapreduce[cluster]"
        ) from error
