"""Nodes that join: each gets a row in the node table, and is asked whether its files can be reached.

A row is what the administrator sees and edits, and what tells a restarted master whom to wait for before it
says that a tag does not exist.
"""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ...address import unbracketed
from ...events import NodeTableSaved
from ...model import MasterView
from ...node_table import expand_rows
from ...web.door import Unavailable

REACH_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class Roster:
    """`tell` hands an event to the core and waits; `saved` is then given the view."""

    def __init__(
        self,
        view: Callable[[], MasterView],
        tell: Callable[[NodeTableSaved], MasterView],
        saved: Callable[[MasterView], None],
        port: int,
    ) -> None:
        self._view, self._tell, self._saved, self._port = view, tell, saved, port
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="roster")  # one: rows are added in turn
        self._reach = ThreadPoolExecutor(1, thread_name_prefix="reach")

    def admit(self, node: str, slots: int) -> None:
        """Returns at once."""
        try:
            self._thread.submit(self._add_row, node, slots)
            self._reach.submit(self._check_way, node)
        except RuntimeError:
            log.debug("the master is stopping")

    def stop(self) -> None:
        for pool in (self._thread, self._reach):
            pool.shutdown(wait=True, cancel_futures=True)

    def _add_row(self, node: str, slots: int) -> None:
        try:
            rows = self._view().node_table
            if node not in expand_rows(rows):
                log.info("node %s is new: it gets a row in the node table, with %d slots", node, slots)
                self._saved(self._tell(NodeTableSaved((*rows, (node, str(slots))))))
        except (ValueError, OSError, Unavailable) as error:
            log.error("node %s has joined, but gets no row in the node table: %s", node, error)

    def _check_way(self, node: str) -> None:
        reason = why_unreachable(node, self._port)
        if reason:
            log.warning(
                "node %s has joined, but its files can't be reached at port %d: %s. Open the port, or start "
                "the node with a --name that means an address of it here too",
                node, self._port, reason,
            )  # fmt: skip


def why_unreachable(host: str, port: int, timeout_s: float = REACH_TIMEOUT_S) -> str:
    """Empty when something answers HTTP there."""
    connection = http.client.HTTPConnection(unbracketed(host), port, timeout=timeout_s)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return ""
