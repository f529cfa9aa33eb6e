"""The nodes: who is in the table, who is there, who has a free slot, who is closed.

A node is known because a row of the administrator's table names it, or because it came up by itself. A
row decides the number of slots; a node without one has as many as it says. A node whose row was taken
away gets no more tasks, though it may still be connected. A node is *closed* while it is blacklisted, set
aside because everything fails there, or its disk is full: it gets no new task; what it holds stays in use.

Invariant: a node runs at most one attempt a slot (attempts being killed count until they have ended);
only a smaller number of slots in a new table can leave more running than there are slots, and then
nothing is started. Invariant: `usable` and `free` follow every change at once; whoever changes a node's
fields calls `changed`.
"""

from __future__ import annotations

from ..model import NodeView
from ..node_table import expand_rows
from .scheduling.free import FreeNodes

MIB = 1024 * 1024
DISK_FULL_BYTES = 16 * MIB  # with less than this free, nothing can be counted on to be written
DISK_USABLE_BYTES = 32 * MIB  # from here on it may be tried again

UNREACHABLE_LOAD = 1e9


class Node:
    """One node. `running` maps the attempts that hold a slot here to their jobs."""

    __slots__ = (
        "configured", "connected", "data_error", "disk_free_bytes", "disk_used_bytes", "down_s", "error",
        "generation", "is_aside", "is_full", "job_ok", "name", "removed", "reported", "running",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.connected = False
        self.generation = 0
        self.down_s = 0.0  # since when it is not connected
        self.reported = 0  # slots, as the node says
        self.configured: int | None = None  # slots, as the table says
        self.removed = False  # was in the table and is no more
        self.is_aside = False
        self.is_full = False
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

    @property
    def closed(self) -> str:
        """Why it gets no tasks though it is there; "" if it does. The blacklist is another matter."""
        if self.is_full:
            return f"less than {DISK_FULL_BYTES // MIB} MiB of its disk are free"
        return "everything has failed there" if self.is_aside else ""


class Nodes:
    """All known nodes, the table and the two blacklists."""

    def __init__(self) -> None:
        self.all: dict[str, Node] = {}
        self.rows: tuple[tuple[str, str], ...] = ()
        self.blacklist: dict[str, None] = {}
        self.gc_blacklist: dict[str, None] = {}
        self.usable: dict[str, Node] = {}
        self.free = FreeNodes()
        self._views: dict[str, NodeView] = {}
        self._stale: dict[str, None] = {}  # nodes whose view is old

    def get(self, name: str) -> Node:
        """The node of that name, made known if it was not."""
        node = self.all.get(name)
        if node is None:
            node = self.all[name] = Node(name)
            self._stale[name] = None
        return node

    def changed(self, node: Node) -> None:
        """Something about the node is new: see whether tasks may run there, and whether a slot is free."""
        self._stale[node.name] = None
        if not self.is_usable(node):
            self.usable.pop(node.name, None)
            self.free.drop(node.name)
            return
        self.usable.setdefault(node.name, node)
        if len(node.running) < node.slots:
            self.free.put(node.name, node.load)
        else:
            self.free.drop(node.name)

    def save_table(self, rows: tuple[tuple[str, str], ...]) -> None:
        """Raises ValueError, as `expand_rows` does, and then changes nothing."""
        table = expand_rows(rows)
        self.rows = rows
        for name in table:
            self.get(name)
        for listed in (self.blacklist, self.gc_blacklist):
            for name in [name for name in listed if name not in table]:
                del listed[name]
        for node in self.all.values():
            was_listed = node.removed or node.configured is not None
            node.configured = table.get(node.name)
            node.removed = was_listed and node.configured is None
            self.changed(node)

    def set_listed(self, kind: str, name: str, listed: bool) -> None:
        """Put a node on the blacklist for "tasks" or "gc", or take it off."""
        names = self.listed(kind)
        if listed:
            names[name] = None
        else:
            names.pop(name, None)
        if name in self.all:
            self.changed(self.all[name])

    def listed(self, kind: str) -> dict[str, None]:
        return self.gc_blacklist if kind == "gc" else self.blacklist

    def set_disk(self, node: Node, free_bytes: int, used_bytes: int) -> None:
        node.disk_free_bytes, node.disk_used_bytes = free_bytes, used_bytes
        limit = DISK_USABLE_BYTES if node.is_full else DISK_FULL_BYTES
        node.is_full = free_bytes < limit and free_bytes + used_bytes > 0
        self.changed(node)

    def is_usable(self, node: Node) -> bool:
        """Whether tasks may run there now, given a free slot."""
        is_open = node.connected and node.slots > 0 and not node.is_full and not node.is_aside
        return is_open and node.name not in self.blacklist

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
        return node.load if node.connected else UNREACHABLE_LOAD

    # -- the outside

    @property
    def is_stale(self) -> bool:
        """Whether `view` would be a new one."""
        return bool(self._stale)

    def view(self) -> dict[str, NodeView]:
        """All nodes but those that are out of the table and gone. The same object while nothing changes."""
        if self._stale:
            self._views = dict(self._views)
            for name in self._stale:
                node = self.all[name]
                if node.connected or not node.removed:
                    self._views[name] = self._view(node)
                else:
                    self._views.pop(name, None)
            self._stale = {}
        return self._views

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
            closed=node.closed,
        )
