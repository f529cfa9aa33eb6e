"""What a node is told when it starts: who it is, where its data lie, how patient it is with workers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a worker. Each has a test on both sides; a test passes shorter ones than these."""

    start_s: float = 30.0  # from the launch to WORKER
    frame_s: float = 30.0  # to finish a frame once its first byte is here
    exit_s: float = 10.0  # to exit after the reply to DONE, ERROR or FATAL
    unread_reply_s: float = 600.0  # for a worker to read any of the replies that wait for it
    messages_per_s: int = 10  # MSG above this are answered late, never punished
    message_characters: int = 8192  # of a MSG that reach the master; the log keeps all of it
    last_words_bytes: int = 100 * KIB
    log_bytes: int = 4 * MIB  # an attempt's log file
    memory_bytes: int | None = None  # RLIMIT_AS of a worker; None: no limit
    outputs: int = 100_000  # OUTPUT messages of one attempt
    park_s: float = 2.0  # how long an idle worker that may be used again is kept


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """One node. `fetch` gives the path of a job's pack, which the node links or copies and never changes."""

    name: str  # also the host in its URLs
    disco_data: Path
    ddfs_data: Path
    fetch: Callable[[str], Path]
    disco_port: int = 8989
    put_port: int = 8990
    master_url: str = "http://localhost:8989"
    slots: int = field(default_factory=lambda: os.cpu_count() or 1)
    limits: Limits = field(default_factory=Limits)


def hash_prefix(name: str) -> str:
    """HH: the directory that keeps `name`, so that no directory holds every job or blob."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:2]
