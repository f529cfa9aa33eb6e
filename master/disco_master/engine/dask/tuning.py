"""How Dask is set up, on both sides: patience, encryption, and what of it is switched off.

Of Dask we use its connections, heartbeats, membership and TLS. It runs no task of ours, loads no pickle,
serves no page and opens no port but its own.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import dask
from distributed.security import Security

from .wire import Tls

SILENT_S = 15.0  # a node without a heartbeat for so long is lost: measured 15 to 30 s after it stopped
TCP_S = 12.0  # a connection whose other end does not answer is dead: a cut link shows after about 11 s
CONNECT_S = 10.0
OP = "disco"  # the one operation that we add to both sides' streams


def security(tls: Tls | None) -> Security | None:
    if tls is None:
        return None
    sides = {
        f"tls_{side}_{what}": path
        for side in ("scheduler", "worker", "client")
        for what, path in (("cert", tls.certificate), ("key", tls.key))
    }
    return Security(require_encryption=True, tls_ca_file=tls.ca, **sides)


def configure(silent_s: float = SILENT_S) -> None:
    """For the whole process; before anything of Dask is made."""
    dask.config.set(
        {
            "distributed.scheduler.worker-ttl": f"{silent_s}s",
            "distributed.scheduler.work-stealing": False,
            "distributed.scheduler.active-memory-manager.start": False,
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "distributed.worker.profile.enabled": False,
            "distributed.comm.timeouts.tcp": f"{TCP_S}s",
            "distributed.comm.timeouts.connect": f"{CONNECT_S}s",
            "distributed.admin.low-level-log-length": 10,  # else each side keeps what it sent last
        }
    )
    for name in (
        "distributed",
        *(n for n in logging.root.manager.loggerDict if n.startswith("distributed.")),
    ):
        logger = logging.getLogger(name)  # they report to our log, and only what matters
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("distributed").setLevel(logging.WARNING)


def keep_only(handlers: MutableMapping[str, Any], *names: str) -> None:
    """Whoever reaches the port can ask for these and nothing else, least of all to run code."""
    for name in set(handlers) - set(names):
        del handlers[name]
