"""The tag versions on the nodes: find the newest, read it, commit the next (`ddfs.index`, `ddfs.commit`)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, Protocol, TypeVar

from ..ddfs.commit import Phase, begin
from ..ddfs.index import TagIndex, too_many_unlisted
from ..ddfs.names import ObjectName
from ..ddfs.placement import StorageNode, ranked
from ..engine.base import NodeError

CALL_TIMEOUT_S = 10.0
LIST_TIMEOUT_S = 60.0
LIST_RETRY_S = 1.0
MAX_PARALLEL_CALLS = 16

log = logging.getLogger(__name__)
T = TypeVar("T")


class TryAgainError(Exception):
    """Too few nodes answer right now. The text is for the master's log."""


class NodeCall(Protocol):
    """`Engine.call`. Raises NodeError."""

    def __call__(
        self, node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float, /
    ) -> Any: ...


class TagNodes:
    """Safe for any thread. `nodes` gives every configured node, connected or not."""

    def __init__(
        self,
        nodes: Callable[[], Sequence[StorageNode]],
        call: NodeCall,
        *,
        replicas: int,
        min_replicas: int,
        rng: Random,
    ) -> None:
        self._nodes, self._call = nodes, call
        self._replicas, self._min_replicas, self._rng = replicas, min_replicas, rng
        self._index = TagIndex()
        self._lock = threading.Lock()  # of the index and of _failed_at; never held during a call
        self._listing = threading.Lock()
        self._failed_at: dict[tuple[str, int], float] = {}
        self._pool = ThreadPoolExecutor(MAX_PARALLEL_CALLS, thread_name_prefix="tag-nodes")

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def newest(self, name: str) -> ObjectName | None:
        """The newest version, if any. Raises TryAgainError when a newer one could be out of sight."""
        self._list_new_nodes()
        with self._lock:
            found = self._index.newest(name)
        return found[0] if found else None

    def names(self, prefix: str) -> list[str]:
        self._list_new_nodes()
        with self._lock:
            return self._index.names(prefix)

    def read(self, version: ObjectName) -> str:
        """The text of this version from any node that holds it. Raises TryAgainError."""
        with self._lock:
            found = self._index.newest(version.name)
        holders = set(found[1]) if found and found[0] == version else set()
        reasons = [f"{version} is not in the index"] if not holders else []
        candidates = [node for node in self._nodes() if node.name in holders]
        self._rng.shuffle(candidates)
        for node in candidates:
            try:
                text = self._call(
                    node.name, node.generation, "tag_read", {"name": str(version)}, CALL_TIMEOUT_S
                )
            except NodeError as error:
                reasons.append(str(error))
                continue
            if text is not None:
                return str(text)
            reasons.append(f"node {node.name} no longer has {version}")
            self._distrust([node.name])
        raise TryAgainError(f"no replica of {version} can be read: {'; '.join(reasons)}")

    def urls(self, version: ObjectName) -> list[str]:
        """Where the replicas of a committed version lie, as far as its nodes answer."""
        with self._lock:
            found = self._index.newest(version.name)
        holders = set(found[1]) if found and found[0] == version else set()
        nodes = [node for node in self._nodes() if node.name in holders]
        # Committing again is harmless, and is how a node tells the place of a finished version.
        answers = self._on_each(nodes, "tag_commit", {"name": str(version)})
        return [url for url in answers.values() if url is not None]

    def commit(
        self, version: ObjectName, text: str, before_rename: Callable[[], None] | None = None
    ) -> list[str]:
        """Write a new version; the URLs of its replicas. Raises TryAgainError.

        `before_rename` runs when all temporaries are written; if it raises, nothing becomes visible.
        """
        nodes = self._candidates()
        wanted = min(self._replicas, len(nodes))
        commit = begin(tuple(nodes), wanted, self._min_replicas)
        arguments = {"name": str(version), "text": text}
        while asked := commit.to_write():
            failed = object()
            answers = self._on_each([nodes[name] for name in asked], "tag_write", arguments, failure=failed)
            commit = commit.wrote({name: answer is not failed for name, answer in answers.items()})
        if commit.phase is Phase.ABORTED:
            self._drop(version, [nodes[name] for name in commit.written])
            raise TryAgainError(
                f"{version}: {len(commit.written)} of {commit.needed} needed replicas could be written"
            )
        chosen = [nodes[name] for name in commit.to_rename()]
        if before_rename is not None:
            try:
                before_rename()
            except TryAgainError:
                self._drop(version, chosen)
                raise
        commit = commit.renamed(self._on_each(chosen, "tag_commit", {"name": str(version)}))
        self._distrust(commit.doubtful())
        if not commit.urls:
            raise TryAgainError(f"{version}: no node answered the rename")
        with self._lock:
            for node in chosen:
                if node.name in commit.urls and self._index.is_listed(node.name, node.generation):
                    self._index.add(node.name, version)
        return [commit.urls[name] for name in commit.written if name in commit.urls]

    def _candidates(self) -> dict[str, StorageNode]:
        # Only a listed node: what it gets is then known, whatever it is doing.
        with self._lock:
            listed = [n for n in self._nodes() if self._index.is_listed(n.name, n.generation)]
        return {node.name: node for node in ranked(listed, self._rng)}

    def _drop(self, version: ObjectName, nodes: Sequence[StorageNode]) -> None:
        self._on_each(nodes, "tag_delete", {"name": str(version)})

    def _on_each(
        self, nodes: Sequence[StorageNode], op: str, args: Mapping[str, Any], failure: Any = None
    ) -> dict[str, Any]:
        """The answer of each node, `failure` from those that could not."""

        def ask(node: StorageNode) -> Any:
            try:
                return self._call(node.name, node.generation, op, args, CALL_TIMEOUT_S)
            except NodeError as error:
                log.warning("tag operation: %s", error)
                return failure

        return dict(zip((node.name for node in nodes), self._map(ask, nodes), strict=True))

    def _map(self, function: Callable[[StorageNode], T], nodes: Sequence[StorageNode]) -> Iterable[T]:
        if len(nodes) == 1:
            return [function(nodes[0])]
        return list(self._pool.map(function, nodes))

    def _distrust(self, nodes: Iterable[str]) -> None:
        """Have these nodes listed anew before the next operation."""
        with self._lock:
            for node in nodes:
                self._index.forget(node)

    def _list_new_nodes(self) -> None:
        """Ask every node that is not listed in its generation. Raises TryAgainError by the K−1 rule."""
        if self._unlisted():
            with self._listing:
                due = [node for node in self._unlisted() if self._due(node)]
                list(self._map(self._list, due))
        nodes = self._nodes()
        with self._lock:
            for name in set(self._index.nodes()) - {node.name for node in nodes}:
                self._index.forget(name)
            unsafe = too_many_unlisted(self._index, [node[:2] for node in nodes], self._replicas)
        if unsafe:
            raise TryAgainError(f"too many of {len(nodes)} nodes have not told their tags")

    def _unlisted(self) -> list[StorageNode]:
        nodes = self._nodes()
        with self._lock:
            return [node for node in nodes if not self._index.is_listed(node.name, node.generation)]

    def _due(self, node: StorageNode) -> bool:
        with self._lock:
            failed_at = self._failed_at.get((node.name, node.generation))
        return failed_at is None or time.monotonic() - failed_at >= LIST_RETRY_S

    def _list(self, node: StorageNode) -> None:
        key = (node.name, node.generation)
        try:
            objects = self._call(node.name, node.generation, "tag_names", {}, LIST_TIMEOUT_S)
        except NodeError as error:
            log.warning("tags of a node are not known: %s", error)
            with self._lock:
                self._failed_at[key] = time.monotonic()
            return
        with self._lock:
            self._failed_at.pop(key, None)
            self._index.list_node(node.name, node.generation, objects)
