"""Which versions of which tags lie on which nodes, as far as the nodes have said.

A node is *listed* once it has told all its tag objects; it stays listed for one generation. What is
committed later is added, so the index of a listed node stays exact: nobody but the master makes tags.
A node that is down keeps its listing, because its disk can't change meanwhile.

How safe is an answer? A node that was never listed may hold the newest version of anything. With K
replicas of each version, fewer than K unlisted nodes can't hold all of them (the K−1 rule, M234).

Not safe for threads: the owner locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .names import BadNameError, ObjectName, Stamp, parse_object


@dataclass(slots=True)
class _Listing:
    generation: int
    newest: dict[str, Stamp] = field(default_factory=dict)

    def add(self, found: ObjectName) -> None:
        known = self.newest.get(found.name)
        if known is None or found.stamp > known:
            self.newest[found.name] = found.stamp


class TagIndex:
    def __init__(self) -> None:
        self._nodes: dict[str, _Listing] = {}

    def list_node(self, node: str, generation: int, objects: Iterable[str]) -> None:
        """A node has told its tag objects. Names that are none are passed over."""
        listing = _Listing(generation)
        for text in objects:
            try:
                listing.add(parse_object(text))
            except BadNameError:
                continue
        self._nodes[node] = listing

    def is_listed(self, node: str, generation: int) -> bool:
        listing = self._nodes.get(node)
        return listing is not None and listing.generation == generation

    def forget(self, node: str) -> None:
        """The node is gone, or may hold what we do not know of."""
        self._nodes.pop(node, None)

    def nodes(self) -> list[str]:
        return list(self._nodes)

    def add(self, node: str, version: ObjectName) -> None:
        """A version was committed on a listed node."""
        self._nodes[node].add(version)

    def newest(self, name: str) -> tuple[ObjectName, tuple[str, ...]] | None:
        """The newest version of a tag and the nodes that hold it."""
        stamps = {
            node: listing.newest[name] for node, listing in self._nodes.items() if name in listing.newest
        }
        if not stamps:
            return None
        newest = max(stamps.values())
        holders = tuple(node for node, stamp in stamps.items() if stamp == newest)
        return ObjectName(name, newest), holders

    def names(self, prefix: str = "") -> list[str]:
        """All tag names with that prefix, sorted; deleted ones and the metatag too."""
        return sorted({name for name in self._all() if name.startswith(prefix)})

    def _all(self) -> Iterator[str]:
        for listing in self._nodes.values():
            yield from listing.newest


def too_many_unlisted(index: TagIndex, nodes: Iterable[tuple[str, int]], replicas: int) -> bool:
    """The K−1 rule over all configured nodes (name, generation); K is their number if that is less."""
    known = list(nodes)
    unlisted = sum(not index.is_listed(node, generation) for node, generation in known)
    return unlisted >= min(replicas, len(known))
