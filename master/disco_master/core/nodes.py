"""The nodes: who is in the table, who is there, who has a free slot, who is closed.

A node is known because a row of the administrator's table names it, or because it came up by itself. A
row decides the number of slots; a node without one has as many as it says. A node whose row was taken
away gets no more tasks, though it may still be connected. A blacklisted node gets no new task; what it
holds stays in use.

Invariant: a node runs at most one attempt a slot (attempts being killed count until they have ended);
only a smaller number of slots in a new table can leave more running than there are slots, and then
nothing is started.
"""

from __future__ import annotations

from ..model import NodeView
from ..node_table import expand_rows


class Node:
    """One node. `running` maps the attempts that hold a slot here to their jobs."""

    __slots__ = (
        "configured", "connected", "data_error", "disk_free_bytes", "disk_used_bytes", "down_s", "error",
        "generation", "job_ok", "name", "removed", "reported", "running",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.connected = False
        self.generation = 0
        self.down_s = 0.0  # since when it is not connected
        self.reported = 0  # slots, as the node says
        self.configured: int | None = None  # slots, as the table says
        self.removed = False  # was in the table and is no more
        self.running: dict[int, str] = {}
        self.job_ok = self.data_error = self.error = 0
        self.disk_free_bytes = self.disk_used_bytes = 0

    @property
    def slots(self) -> int:
        if self.configured is not None:
            return self.configured
        return 0 if self.removed else self.reported

    @property
    def load(self) -> float:
        return len(self.running) / max(1, self.slots)


class Nodes:
    """All known nodes, the table and the two blacklists."""

    def __init__(self) -> None:
        self.all: dict[str, Node] = {}
        self.rows: tuple[tuple[str, str], ...] = ()
        self.blacklist: dict[str, None] = {}
        self.gc_blacklist: dict[str, None] = {}

    def get(self, name: str) -> Node:
        """The node of that name, made known if it was not."""
        node = self.all.get(name)
        if node is None:
            node = self.all[name] = Node(name)
        return node

    def save_table(self, rows: tuple[tuple[str, str], ...]) -> None:
        """Raises ValueError, as `expand_rows` does, and then changes nothing."""
        table = expand_rows(rows)
        self.rows = rows
        for name in table:
            self.get(name)
        for node in self.all.values():
            was_listed = node.removed or node.configured is not None
            node.configured = table.get(node.name)
            node.removed = was_listed and node.configured is None
        for listed in (self.blacklist, self.gc_blacklist):
            for name in [name for name in listed if name not in table]:
                del listed[name]

    def is_usable(self, node: Node) -> bool:
        """Whether tasks may run there now, given a free slot."""
        return node.connected and node.slots > 0 and node.name not in self.blacklist

    def usable(self) -> list[Node]:
        return [node for node in self.all.values() if self.is_usable(node)]

    def free(self) -> list[str]:
        """Usable nodes with a free slot, the least loaded first."""
        free = [node for node in self.usable() if len(node.running) < node.slots]
        free.sort(key=lambda node: (node.load, node.name))
        return [node.name for node in free]

    def could_run(self) -> list[str]:
        """The nodes that belong to the cluster, be they there now or not."""
        return [node.name for node in self.all.values() if node.slots > 0]

    def is_connected(self, name: str) -> bool:
        node = self.all.get(name)
        return node is not None and node.connected

    def load_of(self, name: str) -> float:
        """For choosing a replica: the load of its node; worse than any for no or an unreachable node."""
        node = self.all.get(name)
        if node is None:
            return float("inf")
        return node.load if node.connected else 1e9

    def view(self) -> dict[str, NodeView]:
        """All nodes but those that are out of the table and gone."""
        return {
            node.name: self._view(node) for node in self.all.values() if node.connected or not node.removed
        }

    def _view(self, node: Node) -> NodeView:
        return NodeView(
            name=node.name,
            connected=node.connected,
            blacklisted=node.name in self.blacklist,
            slots=node.slots,
            running=tuple(node.running.values()),
            job_ok=node.job_ok,
            data_error=node.data_error,
            error=node.error,
            disk_free_bytes=node.disk_free_bytes,
            disk_used_bytes=node.disk_used_bytes,
        )
