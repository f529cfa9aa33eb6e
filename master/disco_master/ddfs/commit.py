"""The commit of a tag's new version: K temporary replicas, then renames (M262).

    writing    write temporaries on the next candidates until K are written; a node that fails is
               replaced by the next candidate
    aborted    no candidate is left and fewer than `needed` are written: nothing was renamed
    renaming   rename all that were written
    done       at least one rename worked: the version exists. The client is told on which nodes,
               fewer than K or not
    unsure     no rename is known to have worked; one may have, its answer lost

Invariant: nothing is renamed before every write has been answered, so an aborted commit leaves only
temporaries, which no reader sees. A `Commit` is a value; the shell carries out what `to_write` and
`to_rename` order and reports with `wrote` and `renamed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Phase(StrEnum):
    WRITING = "writing"
    ABORTED = "aborted"
    RENAMING = "renaming"
    DONE = "done"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Commit:
    """`candidates`: node names, best first. `wanted` >= `needed` >= 1."""

    candidates: tuple[str, ...]
    wanted: int
    needed: int
    tried: int = 0
    written: tuple[str, ...] = ()
    urls: Mapping[str, str] | None = None  # by node, once the renames have been answered

    @property
    def phase(self) -> Phase:
        if self.urls is not None:
            return Phase.DONE if self.urls else Phase.UNSURE
        if len(self.written) < self.wanted and self.tried < len(self.candidates):
            return Phase.WRITING
        return Phase.RENAMING if len(self.written) >= self.needed else Phase.ABORTED

    def to_write(self) -> tuple[str, ...]:
        """Nodes to write temporaries on now; () when there is nothing more to write."""
        if self.phase is not Phase.WRITING:
            return ()
        missing = self.wanted - len(self.written)
        return self.candidates[self.tried : self.tried + missing]

    def wrote(self, succeeded: Mapping[str, bool]) -> Commit:
        """The answers to all of `to_write`."""
        asked = self.to_write()
        written = tuple(node for node in asked if succeeded[node])
        return replace(self, tried=self.tried + len(asked), written=self.written + written)

    def to_rename(self) -> tuple[str, ...]:
        return self.written if self.phase is Phase.RENAMING else ()

    def renamed(self, urls: Mapping[str, str | None]) -> Commit:
        """The answers to all of `to_rename`: the replica's URL, or None for a failure."""
        good = {node: url for node in self.to_rename() if (url := urls[node]) is not None}
        return replace(self, urls=good)

    def doubtful(self) -> tuple[str, ...]:
        """Nodes of which nobody knows whether they hold the version now."""
        return tuple(node for node in self.written if node not in (self.urls or {}))


def begin(candidates: tuple[str, ...], wanted: int, minimum: int) -> Commit:
    """A commit that wants `wanted` replicas, and fails below `minimum` or below what the cluster can give."""
    wanted = max(1, wanted)
    return Commit(candidates, wanted=wanted, needed=max(1, min(minimum, wanted)))
