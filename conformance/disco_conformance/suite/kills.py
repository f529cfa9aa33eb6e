"""Where each mutant dies: the line of the session, written down once and compared from then on.

A mutant that is caught at another line than before is caught for another reason, and the case may prove
nothing any more. A line is kept as its text, so that it survives lines that move; a kill that depends on
timing has several.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from disco_conformance.play.result import Result

Kills = dict[str, dict[str, list[str]]]
FILE = Path("self-test") / "kills.json"
NOWHERE = "no line"


def read_kills(path: Path) -> Kills:
    if not path.exists():
        return {}
    kills: Kills = json.loads(path.read_text(encoding="utf-8"))
    return kills


def write_kills(path: Path, kills: Kills) -> None:
    text = json.dumps(kills, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def place_of(result: Result) -> str:
    """The text of the line at which a play failed."""
    try:
        rows = Path(result.path).read_text(encoding="utf-8").split("\n")
        return rows[(result.line or 0) - 1].strip() if result.line else NOWHERE
    except (OSError, IndexError):
        return NOWHERE


def merged(kills: Kills, killed: Iterable[tuple[str, Result]]) -> Kills:
    """These kills added. Pairs that were not played stay as they are."""
    new = {id_: {name: list(places) for name, places in row.items()} for id_, row in kills.items()}
    for name, result in killed:
        places = new.setdefault(result.id, {}).setdefault(name, [])
        if place_of(result) not in places:
            places.append(place_of(result))
    return new


def elsewhere(kills: Kills, killed: Iterable[tuple[str, Result]]) -> list[tuple[str, str, str]]:
    """Mutant, case and line of each kill at a line that is not written down."""
    return [
        (name, result.id, place_of(result))
        for name, result in killed
        if place_of(result) not in kills.get(result.id, {}).get(name, [])
    ]
