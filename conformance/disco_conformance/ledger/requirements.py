"""The requirements of the specification pages, read from their marked lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from disco_conformance.session.model import LEVELS, SessionError

PARTIES = ("worker", "disco", "both")
_MARK = re.compile(
    r"^(?P<number>\d+(?:\.\d+)+) \*\*(?P<id>[a-z]+(?:\.[a-z]+)*)\*\* \((?P<what>[^)]*)\): (?P<text>.+)$"
)


@dataclass(frozen=True)
class Requirement:
    id: str
    number: str
    level: str
    party: str
    text: str
    page: str


def read_page(text: str, page: str) -> list[Requirement]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not re.match(r"^\d+(\.\d+)+ ", line):
            continue
        match = _MARK.match(line)
        if match is None:
            raise SessionError("a numbered line must read: 1.2 **id** (level, who): sentence", number, page)
        level, _, party = match["what"].partition(", ")
        if level not in LEVELS or party not in PARTIES:
            raise SessionError(f"({match['what']}) must be a level and a side", number, page)
        found.append(Requirement(match["id"], match["number"], level, party, match["text"], page))
    return found


def read_spec(folder: Path) -> dict[str, Requirement]:
    """By id, in the order of the pages. Raises SessionError when an id is used twice."""
    known: dict[str, Requirement] = {}
    for path in sorted(folder.glob("*.md"), key=lambda p: (p.name != "worker-protocol.md", p.name)):
        for requirement in read_page(path.read_text(encoding="utf-8"), path.name):
            if requirement.id in known:
                raise SessionError(f"the id {requirement.id} is used twice", path=path.name)
            known[requirement.id] = requirement
    return known
