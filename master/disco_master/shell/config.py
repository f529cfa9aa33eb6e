"""What a master was told: one frozen value, made from the settings, handed to every room.

Paths follow the documents' layout (M48-M65): the master's own files lie in `DISCO_DATA/_NAME`, the
embedded node's in `DISCO_DATA/HOST`, DDFS in `DDFS_DATA`.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from disco.settings import DiscoSettings, SettingsError, memory_limit_bytes

from ..address import bracketed, unbracketed
from ..engine.dask.wire import Tls

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOG_LEVELS = {"off": logging.WARNING, "log": logging.INFO, "trace": logging.DEBUG}


@dataclass(frozen=True, slots=True)
class MasterConfig:
    """Sizes in bytes, times in seconds."""

    name: str
    host: str  # the name under which clients and nodes reach this master
    bind: str
    port: int
    put_port: int
    root: Path
    data: Path
    ddfs_data: Path
    master_root: Path  # its own files: journal, job packs, event logs (C16)
    log_dir: Path
    node_table_file: Path
    slots: int
    scheduler: str  # "fair" or "fifo"
    worker_memory_bytes: int | None
    tag_replicas: int
    tag_min_replicas: int
    blob_replicas: int
    engine: str = "local"  # or "dask"
    box_nodes: int = 0  # nodes that the master itself starts, on this machine
    cluster_port: int = 0  # where nodes join; 0: any free one
    secret_file: Path = Path()
    tls: Tls | None = None

    @classmethod
    def from_settings(cls, settings: DiscoSettings) -> MasterConfig:
        host = str(settings["DISCO_MASTER_HOST"])
        return cls(
            name=str(settings["DISCO_NAME"]),
            host=host,
            bind=bind_address(settings),
            port=int(settings["DISCO_PORT"]),
            put_port=int(settings["DDFS_PUT_PORT"]),
            root=Path(settings["DISCO_ROOT"]),
            data=Path(settings["DISCO_DATA"]),
            ddfs_data=Path(settings["DDFS_DATA"]),
            master_root=Path(settings["DISCO_MASTER_ROOT"]),
            log_dir=Path(settings["DISCO_LOG_DIR"]),
            node_table_file=Path(settings["DISCO_MASTER_CONFIG"]),
            slots=os.cpu_count() or 1,
            scheduler=str(settings["DISCO_SCHEDULER"]),
            worker_memory_bytes=memory_limit_bytes(settings),
            tag_replicas=int(settings["DDFS_TAG_REPLICAS"]),
            tag_min_replicas=int(settings["DDFS_TAG_MIN_REPLICAS"]),
            blob_replicas=int(settings["DDFS_BLOB_REPLICAS"]),
            engine=str(settings["DISCO_ENGINE"]),
            box_nodes=int(settings["DISCO_NODES"]),
            # The nodes of a box are told the port, so any will do.
            cluster_port=0 if settings["DISCO_NODES"] else int(settings["DISCO_CLUSTER_PORT"]),
            secret_file=Path(settings["DISCO_SECRET_FILE"]),
            tls=tls_files(settings),
        )

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.host)}:{self.port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines reach this master."""
        return not _is_loopback(self.bind)

    @property
    def needs_secret(self) -> bool:
        """Nodes show it when they join; calls from other machines show it when they change something."""
        return self.is_exposed or self.engine != "local"

    def make_folders(self) -> None:
        for folder in (self.root, self.master_root, self.ddfs_data, self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)


def bind_address(settings: DiscoSettings) -> str:
    """The address to listen on: DISCO_BIND, else what DISCO_MASTER_HOST means here.

    Raises SettingsError for one that other machines reach, unless the nodes' connections are encrypted: what
    the master serves lets whoever gets in run programs.
    """
    name = "DISCO_BIND" if settings["DISCO_BIND"] else "DISCO_MASTER_HOST"
    host = str(settings[name])
    found = resolve(host, name)
    exposed = [address for address in found if not _is_loopback(address)]
    if exposed and tls_files(settings) is None:
        raise SettingsError(
            f"{name} = {host!r} is {', '.join(exposed)}, which other machines reach: that needs "
            "certificates for nodes and master (DISCO_TLS_CA, DISCO_TLS_CERT, DISCO_TLS_KEY). Set them, or "
            "give localhost, and reach the master from elsewhere through a tunnel (ssh -L) and DISCO_PROXY"
        )
    return found[0]


def resolve(host: str, setting: str) -> list[str]:
    """The addresses of a host, IPv4 first. Raises SettingsError."""
    try:
        entries = socket.getaddrinfo(unbracketed(host), None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(f"{setting} = {host!r} can't be resolved ({error.strerror})") from error
    return sorted({str(entry[4][0]) for entry in entries}, key=lambda address: (":" in address, address))


def tls_files(settings: DiscoSettings) -> Tls | None:
    """Raises SettingsError when only some of the three are set, or one can't be read."""
    names = ("DISCO_TLS_CA", "DISCO_TLS_CERT", "DISCO_TLS_KEY")
    paths = [str(settings[name]) for name in names]
    if not any(paths):
        return None
    for name, path in zip(names, paths, strict=True):
        if not path:
            raise SettingsError(f"{name} is not set, but others of {', '.join(names)} are: set all three")
        if not os.access(path, os.R_OK):
            raise SettingsError(f"{name} = {path!r} can't be read")
    return Tls(*paths)


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback
