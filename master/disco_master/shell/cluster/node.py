"""`python -m disco_master.shell.cluster.node`: one node of a cluster, until SIGTERM or SIGINT.

It serves its files, joins the master, and joins again whenever the connection is lost. What it needs to know
it reads from the settings, which may be the same on all machines of the cluster.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from disco.error import DiscoError
from disco.settings import DiscoSettings, SettingsError, memory_limit_bytes

from ...address import bracketed, unbracketed
from ...engine.dask.wire import Tls
from ...node.config import Limits, NodeConfig
from ...node.packs import Packs
from ..config import LOG_FORMAT, LOG_LEVELS, resolve, tls_files
from .blobs import BlobServer
from .secret import read_secret

PORTS_S = 20.0  # for an earlier process of this node to let go of its ports
PORTS_PAUSE_S = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeSetup:
    """What a node was told, by its settings and its command line."""

    name: str  # under which others reach it
    bind: str
    slots: int
    join: str  # the master's cluster port, tcp:// or tls://
    master_url: str
    disco_port: int
    put_port: int
    disco_data: Path
    ddfs_data: Path
    memory_bytes: int
    secret: str
    tls: Tls | None

    @classmethod
    def from_settings(cls, settings: DiscoSettings, options: argparse.Namespace) -> NodeSetup:
        """Raises SettingsError or OSError."""
        tls = tls_files(settings)
        name = bracketed(options.name or socket.gethostname())
        master = urlsplit(str(settings["DISCO_MASTER"]))
        scheme = "tls" if tls else "tcp"
        join = f"{scheme}://{bracketed(master.hostname or '')}:{settings['DISCO_CLUSTER_PORT']}"
        return cls(
            name=name,
            bind=options.bind or resolve(name, "the node's name")[0],
            slots=options.slots or os.cpu_count() or 1,
            join=options.join or join,
            master_url=str(settings["DISCO_MASTER"]),
            disco_port=settings.port,
            put_port=settings.put_port,
            disco_data=Path(settings["DISCO_DATA"]),
            ddfs_data=Path(settings["DDFS_DATA"]),
            memory_bytes=memory_limit_bytes(settings),
            secret=read_secret(Path(settings["DISCO_SECRET_FILE"])),
            tls=tls,
        )

    @property
    def ports(self) -> list[int]:
        """Of the blob server. On the master's own host the master serves the files."""
        if unbracketed(self.name).lower() == (urlsplit(self.master_url).hostname or ""):
            return [self.put_port]
        return [self.disco_port, self.put_port]

    def config(self) -> NodeConfig:
        packs = Packs(self.master_url, self.disco_data / self.name / ".packs")
        return NodeConfig(
            name=self.name,
            disco_data=self.disco_data,
            ddfs_data=self.ddfs_data,
            fetch=packs.fetch,
            disco_port=self.disco_port,
            put_port=self.put_port,
            master_url=self.master_url,
            slots=self.slots,
            limits=Limits(memory_bytes=self.memory_bytes),
        )


def start_blobs(setup: NodeSetup) -> BlobServer:
    """Raises OSError when the ports stay taken."""
    deadline = time.monotonic() + PORTS_S
    while True:
        server = BlobServer(
            setup.name, setup.bind, setup.ports, ddfs_data=setup.ddfs_data, disco_data=setup.disco_data
        )
        try:
            server.start()
            return server
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PORTS_PAUSE_S)


def serve(setup: NodeSetup, *, with_parent: bool) -> None:
    """Until a signal comes. Raises OSError when the node's files can't be served."""
    from ...engine.dask.agent import Agent, Membership
    from ...web.config import own_version

    if with_parent:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    blobs = start_blobs(setup)
    membership = Membership(setup.join, own_version(), setup.bind, setup.secret, setup.tls)
    agent = Agent(setup.config(), membership)

    def end(_signal: int, _frame: FrameType | None) -> None:
        agent.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        log.info("node %s, data in %s, joins %s", setup.name, setup.disco_data, setup.join)
        agent.run()
    finally:
        blobs.stop()


def _end_with_stdin() -> None:
    """The parent is gone: end at once. The warden ends the workers, and the blob server itself."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m disco_master.shell.cluster.node", description=__doc__)
    parser.add_argument("--settings", help="a settings file")
    parser.add_argument("--name", help="the name or address under which others reach this node")
    parser.add_argument("--bind", help="the address to listen on; default: what the name means here")
    parser.add_argument("--slots", type=int, help="tasks at a time; default: one a core")
    parser.add_argument("--join", help="the master's cluster port; default: from DISCO_MASTER")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    options = parser.parse_args(arguments)
    try:
        settings = DiscoSettings(options.settings)
        os.environ["DISCO_SECRET_FILE"] = str(settings["DISCO_SECRET_FILE"])  # for workers
        logging.basicConfig(level=LOG_LEVELS[settings["DISCO_DEBUG"]], format=LOG_FORMAT, stream=sys.stderr)
        serve(NodeSetup.from_settings(settings, options), with_parent=options.with_parent)
    except (DiscoError, SettingsError, OSError) as error:
        print(f"disco: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
