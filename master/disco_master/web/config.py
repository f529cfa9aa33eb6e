"""What the web room is handed at start: its settings and its two doors."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Semaphore
from typing import cast

from flask import current_app

from .door import MasterDoor, TagDoor

MAX_PACK_BYTES = 1024**3
MAX_CONTROL_BYTES = 32 * 1024**2
MAX_TAG_BODY_BYTES = 512 * 1024**2
THREADS = 128
EXTENSION = "disco_master"


def own_version() -> str:
    try:
        return version("disco-mapreduce")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class WebConfig:
    """`host` is this machine's name in the URLs of its files (`disco://HOST/…`).

    Requests may name the master by that name, a loopback name, an IP address or one of `allowed_hosts`.
    With a `secret`, every call that changes something needs it.
    """

    host: str
    disco_data: Path
    ddfs_data: Path
    allowed_hosts: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)
    version: str = field(default_factory=own_version)
    max_pack_bytes: int = MAX_PACK_BYTES
    max_control_bytes: int = MAX_CONTROL_BYTES
    max_tag_body_bytes: int = MAX_TAG_BODY_BYTES
    # A long poll holds a thread; the rest is kept free for short requests.
    max_long_polls: int = THREADS - 32


@dataclass(frozen=True, slots=True)
class Doors:
    master: MasterDoor
    tags: TagDoor
    config: WebConfig
    long_polls: Semaphore


def doors() -> Doors:
    """The doors of the application that handles the current request."""
    return cast(Doors, current_app.extensions[EXTENSION])
