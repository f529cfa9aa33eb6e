"""On which nodes a new blob or a new version of a tag goes.

Nodes with room are alike: K of them are drawn at random, so that load spreads. When fewer than K have
room, the emptiest are taken (M224). `usable` says whether a node may get new data at all: it is
connected and on no blacklist (M278, M282). Chance comes in as a seeded Random.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple

ROOM_BYTES = 1024**3


class StorageNode(NamedTuple):
    """A configured node, connected or not."""

    name: str
    generation: int
    free_bytes: int
    usable: bool


class NotEnoughNodesError(Exception):
    def __init__(self, wanted: int, found: int) -> None:
        self.wanted, self.found = wanted, found
        super().__init__("Not enough nodes for replicas.")


def ranked(
    nodes: Sequence[StorageNode],
    rng: Random,
    *,
    exclude: Collection[str] = (),
    include: Sequence[str] = (),
) -> list[StorageNode]:
    """All nodes that may be chosen: those asked for, those with room shuffled, the rest by free space."""
    able = [node for node in nodes if node.usable and node.name not in exclude]
    asked = [node for node in able if node.name in include]
    others = [node for node in able if node.name not in include]
    roomy = [node for node in others if node.free_bytes > ROOM_BYTES]
    rng.shuffle(roomy)
    full = sorted(
        (node for node in others if node.free_bytes <= ROOM_BYTES), key=lambda node: -node.free_bytes
    )
    return asked + roomy + full


def replicas_by_default(nodes: Sequence[StorageNode], wanted: int) -> int:
    """K when the request names none: the setting, or every usable node if there are fewer (C9)."""
    return min(wanted, sum(node.usable for node in nodes))


def choose_for_blob(
    nodes: Sequence[StorageNode],
    replicas: int,
    rng: Random,
    *,
    exclude: Collection[str] = (),
    include: Sequence[str] = (),
) -> list[str]:
    """Exactly `replicas` node names; unknown ones in `include` are skipped. Raises NotEnoughNodesError."""
    able = ranked(nodes, rng, exclude=exclude, include=include)
    if replicas < 1 or len(able) < replicas:
        raise NotEnoughNodesError(replicas, len(able))
    return [node.name for node in able[:replicas]]
