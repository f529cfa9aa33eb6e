"""The requirement ledger: for each requirement the cases that prove it and the mutants that these kill."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from disco_conformance.ledger.requirements import Requirement
from disco_conformance.session.model import Session, SessionError

EXCLUSIONS = "exclusions.toml"


@dataclass
class Entry:
    requirement: Requirement
    cases: list[Session] = field(default_factory=list)
    excluded: str = ""

    @property
    def mutants(self) -> list[str]:
        return sorted({name for case in self.cases for name in case.head.kills})


@dataclass(frozen=True)
class Exclusion:
    pattern: str
    reason: str


def read_exclusions(path: Path) -> list[Exclusion]:
    if not path.exists():
        return []
    found: list[Exclusion] = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("exclude", []):
        reason = entry.get("reason", "")
        if not isinstance(reason, str) or not reason.strip():
            raise SessionError("an exclusion needs a reason", path=str(path))
        found.extend(Exclusion(pattern, reason) for pattern in entry["ids"])
    return found


def build(
    requirements: dict[str, Requirement], sessions: Iterable[Session], exclusions: Sequence[Exclusion]
) -> dict[str, Entry]:
    ledger = {id_: Entry(requirement) for id_, requirement in requirements.items()}
    for session in sessions:
        for id_ in session.head.proves:
            if id_ in ledger:
                ledger[id_].cases.append(session)
    for entry in ledger.values():
        for exclusion in exclusions:
            if fnmatch.fnmatchcase(entry.requirement.id, exclusion.pattern):
                entry.excluded = exclusion.reason
    return ledger


def gaps(ledger: dict[str, Entry], exclusions: Sequence[Exclusion]) -> list[str]:
    """Sentences: requirements without a case, must-requirements without a mutant, exclusions nobody needs."""
    found = []
    for id_, entry in ledger.items():
        if not entry.cases and not entry.excluded:
            found.append(f"{id_}: no case proves it, and spec/{EXCLUSIONS} gives no reason why")
        elif entry.requirement.level == "must" and entry.cases and not entry.mutants:
            found.append(f"{id_}: its cases kill no mutant")
    for exclusion in exclusions:
        fitting = [e for id_, e in ledger.items() if fnmatch.fnmatchcase(id_, exclusion.pattern)]
        if not fitting:
            found.append(f"exclusion {exclusion.pattern}: no requirement has such an id")
        elif all(entry.cases for entry in fitting):
            found.append(
                f"exclusion {exclusion.pattern}: every such requirement has a case by now; take it out"
            )
    return found
