"""What a master was told: one frozen value, made from the settings, handed to every room.

Paths follow the documents' layout (M48-M65): the master's own files lie in `DISCO_DATA/_NAME`, the
embedded node's in `DISCO_DATA/HOST`, DDFS in `DDFS_DATA`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from disco.settings import DiscoSettings, SettingsError, memory_limit_bytes


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

    @classmethod
    def from_settings(cls, settings: DiscoSettings) -> MasterConfig:
        host = str(settings["DISCO_MASTER_HOST"])
        return cls(
            name=str(settings["DISCO_NAME"]),
            host=host,
            bind=loopback_address(host),
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
        )

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def make_folders(self) -> None:
        for folder in (self.root, self.master_root, self.ddfs_data, self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)


def loopback_address(host: str) -> str:
    """The loopback address that `host` means here.

    Raises SettingsError for any other host: this release serves one machine, and what it serves lets whoever
    reaches it run programs.
    """
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, family=socket.AF_INET)}
    except OSError as error:
        raise SettingsError(f"DISCO_MASTER_HOST = {host!r} can't be resolved ({error.strerror})") from error
    if not found or not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise SettingsError(
            f"DISCO_MASTER_HOST = {host!r} is {', '.join(sorted(found))}: the master listens on loopback "
            "only; give localhost, and reach it from elsewhere through a tunnel (ssh -L) and DISCO_PROXY"
        )
    return min(found)
