"""Known failures: cases that a worker is allowed to fail, each with a reason and the text of the failure.

The list must stay true. An entry whose case passes is stale, one that fits no case is unmatched, and one
whose failure reads otherwise has changed: each of these makes a run fail, so that a list cannot hide
anything new.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from disco_conformance.play.result import NOT_APPLICABLE, PASS, Result
from disco_conformance.session.model import SessionError
from disco_conformance.session.text import toml_string
from disco_conformance.suite.collection import fits

UNREASONED = "say why"
_KEYS = {"id", "axis", "reason", "text"}


@dataclass(frozen=True)
class Known:
    id: str
    reason: str
    text: str = ""
    axis: str = "plain"


@dataclass(frozen=True)
class Judgement:
    unexpected: list[Result]
    known: list[Result]
    stale: list[str]


def read_baseline(path: Path) -> list[Known]:
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("known", [])
    except (OSError, ValueError) as error:
        raise SessionError(f"cannot be read: {error}", path=str(path)) from None
    known = []
    for entry in entries:
        if set(entry) - _KEYS or not isinstance(entry.get("id"), str):
            raise SessionError(
                f"an entry has the keys id, reason, text and axis, not {sorted(entry)}", path=str(path)
            )
        if not str(entry.get("reason", "")).strip() or entry["reason"] == UNREASONED:
            raise SessionError(f"{entry['id']}: a known failure needs a reason in words", path=str(path))
        known.append(Known(**entry))
    return known


def judge(results: Sequence[Result], baseline: Sequence[Known]) -> Judgement:
    unexpected: list[Result] = []
    known: list[Result] = []
    stale: list[str] = []
    for result in results:
        if result.verdict in (PASS, NOT_APPLICABLE):
            continue
        entry = next((k for k in baseline if _covers(k, result)), None)
        (known if entry else unexpected).append(result)
    for entry in baseline:
        fitting = [r for r in results if fits(r.id, entry.id) and _same_axis(entry, r)]
        passed = [r for r in fitting if r.verdict == PASS]
        if not fitting:
            stale.append(f"{entry.id}: no case of this run has such an id")
        elif passed and len(fitting) > len(passed):
            stale.append(f"{entry.id}: too broad, {passed[0].name} passes; name the cases that fail")
        elif passed:
            stale.append(f"{entry.id}: it passes now; take it out")
        elif entry.text and not any(_covers(entry, r) for r in fitting):
            stale.append(f"{entry.id}: it fails otherwise now: {fitting[0].reason}")
    return Judgement(unexpected, known, stale)


def _same_axis(entry: Known, result: Result) -> bool:
    return entry.axis == "*" or entry.axis == result.axis


def _covers(entry: Known, result: Result) -> bool:
    return fits(result.id, entry.id) and _same_axis(entry, result) and entry.text in result.reason


def spell_baseline(results: Sequence[Result]) -> str:
    rows = ["# Known failures. Give each a reason in words: a run refuses entries without one.", ""]
    for result in results:
        if result.passed:
            continue
        rows += ["[[known]]", f"id = {toml_string(result.id)}"]
        if result.axis != "plain":
            rows.append(f"axis = {toml_string(result.axis)}")
        rows += [f"reason = {toml_string(UNREASONED)}", f"text = {toml_string(result.reason)}", ""]
    return "\n".join(rows)
