"""Requirements against implementations: one cell says how the cases of a requirement went for a player."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from disco_conformance.ledger.ledger import Entry
from disco_conformance.play.result import NOT_APPLICABLE, PASS, Result
from disco_conformance.suite.run import Run

GOOD, BAD, LACKING, UNTESTED = "pass", "fail", "not-applicable", "untested"


@dataclass(frozen=True)
class Cell:
    state: str
    passed: int
    total: int
    results: tuple[Result, ...]

    @property
    def text(self) -> str:
        return {GOOD: f"{self.passed}", BAD: f"{self.passed}/{self.total}", LACKING: "–", UNTESTED: ""}[
            self.state
        ]


def cell(entry: Entry, run: Run) -> Cell:
    results = tuple(r for r in run.results if entry.requirement.id in r.proves)
    counted = [r for r in results if r.verdict != NOT_APPLICABLE]
    passed = sum(r.verdict == PASS for r in counted)
    if not results:
        state = UNTESTED
    elif not counted:
        state = LACKING
    else:
        state = GOOD if passed == len(counted) else BAD
    return Cell(state, passed, len(counted), results)


def markdown(ledger: dict[str, Entry], runs: Sequence[Run]) -> str:
    names = [run.player.name for run in runs]
    rows = [
        "# Conformance",
        "",
        *(f"- {run.player.name}: {run.count(PASS)} of {len(run.results)} cases pass"
          + ("" if run.complete else " (partial report)") for run in runs),
        "",
        "| requirement | level | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]  # fmt: skip
    for entry in ledger.values():
        cells = [cell(entry, run) for run in runs]
        if all(c.state == UNTESTED for c in cells):
            continue
        marks = [f"{'✗ ' if c.state == BAD else ''}{c.text}" for c in cells]
        rows.append(f"| {entry.requirement.id} | {entry.requirement.level} | " + " | ".join(marks) + " |")
    failures = [(run, result) for run in runs for result in run.failures]
    if failures:
        rows += ["", "## Failures", ""]
        rows += [f"- {run.player.name} `{r.name}` ({r.verdict}): {_inline(r.reason)}" for run, r in failures]
    return "\n".join(rows) + "\n"


def _inline(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
