"""The sessions on disk, and which of them a run takes: by role, pattern and profile."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from disco_conformance.session.model import WORKER, Message, Session, SessionError, walk
from disco_conformance.session.parse import parse_file

PROFILE_FILE = "profiles.toml"


@dataclass(frozen=True)
class Play:
    """A case in one delivery."""

    session: Session
    axis: str


def load_sessions(folder: Path) -> list[Session]:
    """All sessions below a folder, or of a file, by id. Raises SessionError for the first that cannot be
    used."""
    paths = sorted(folder.rglob("*.session")) if folder.is_dir() else [folder]
    sessions = [session for path in paths for session in parse_file(path)]
    seen: dict[str, Session] = {}
    for session in sessions:
        if session.id in seen:
            reason = f"the id {session.id} is also used in {seen[session.id].path}"
            raise SessionError(reason, path=session.path)
        seen[session.id] = session
    return sessions


@dataclass(frozen=True)
class Profiles:
    smoke: tuple[str, ...]
    first: tuple[str, ...]
    left_out_of_fast: tuple[str, ...]


def load_profiles(folder: Path) -> Profiles:
    table = tomllib.loads((folder / PROFILE_FILE).read_text(encoding="utf-8"))
    return Profiles(tuple(table["smoke"]), tuple(table["first"]), tuple(table["left_out_of_fast"]))


def matching(sessions: Iterable[Session], patterns: Sequence[str]) -> list[Session]:
    """Those whose id fits a pattern; a pattern without a wildcard also fits as a prefix up to a slash."""
    return [s for s in sessions if any(fits(s.id, pattern) for pattern in patterns)]


def fits(id_: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(id_, pattern) or id_.startswith(pattern.rstrip("/") + "/")


def choose(sessions: Sequence[Session], profile: str, profiles: Profiles) -> list[Session]:
    """Smoke and first keep the order of their lists: that of teaching."""
    if profile in ("smoke", "first"):
        order = profiles.smoke if profile == "smoke" else profiles.first
        chosen: dict[str, Session] = {}
        for pattern in order:
            for session in matching(sessions, [pattern]):
                chosen.setdefault(session.id, session)
        return list(chosen.values())
    if profile == "fast":
        return [s for s in sessions if not any(fits(s.id, p) for p in profiles.left_out_of_fast)]
    return list(sessions)


def plays(sessions: Iterable[Session], profile: str, role: str = "worker") -> list[Play]:
    found: list[Play] = []
    for session in sessions:
        axes = ("plain",) if profile in ("smoke", "first") else session.head.axes
        for axis in axes:
            if axis == "split":
                found.extend(
                    Play(session, f"split@{k}") for k in _offsets(session, role) if profile == "full"
                )
            else:
                found.append(Play(session, axis))
    return found


LONGEST_TASK_REPLY = 420


def _offsets(session: Session, role: str) -> range:
    """Every offset inside the longest frame of ours; TASK, whose paths have no fixed length, is taken as
    long."""
    ours = [
        s for s in walk(session.steps) if isinstance(s, Message) and (s.side == WORKER) == (role == "master")
    ]
    longest = max((len(f"{s.name} 999 {s.text}") for s in ours), default=0)
    return range(1, max(longest, 0 if role == "master" else LONGEST_TASK_REPLY))
