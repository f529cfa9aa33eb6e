"""players.toml: the workers that a matrix compares."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from disco_conformance.session.model import SessionError
from disco_conformance.suite import capabilities
from disco_conformance.suite.run import Player

_KEYS = {"title", "command", "lacks", "extras", "requires"}


def read_players(path: Path) -> tuple[list[Player], list[str]]:
    """The players that are there, and the names of those whose `requires` file is missing."""
    root = path.resolve().parent.parent
    found, missing = [], []
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if set(entry) - _KEYS:
            raise SessionError(f"{name}: unknown keys {sorted(set(entry) - _KEYS)}", path=str(path))
        if "requires" in entry and not (root / entry["requires"]).exists():
            missing.append(name)
            continue
        found.append(Player(name, _command(entry["command"], root), _declared(entry, name, path)))
    return found, missing


def _command(words: list[str], root: Path) -> tuple[str, ...]:
    """Relative paths lead from the root of the repository, because a case runs in a directory of its own."""
    resolved = (sys.executable if word == "{python}" else word for word in words)
    return tuple(str(root / word) if "/" in word and (root / word).exists() else word for word in resolved)


def _declared(entry: dict[str, list[str]], name: str, path: Path) -> frozenset[str]:
    lacks, extras = frozenset(entry.get("lacks", [])), frozenset(entry.get("extras", []))
    try:
        capabilities.check(lacks | extras)
    except KeyError as error:
        raise SessionError(f"{name}: {error.args[0]} is no capability", path=str(path)) from None
    return (capabilities.DEFAULT | extras) - lacks
