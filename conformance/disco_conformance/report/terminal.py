"""The terminal: progress while it runs, failures as they come, a summary at the end. Plain lines where it
is no terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, TextIO

from disco_conformance.ledger.requirements import Requirement
from disco_conformance.play.result import NOT_APPLICABLE, PASS, VERDICTS, Result
from disco_conformance.report.failure import explain
from disco_conformance.suite.baseline import Judgement
from disco_conformance.suite.run import Player, Run

MAX_TOLD = 10


class Terminal:
    def __init__(
        self, player: Player, planned: int, requirements: Mapping[str, Requirement], out: TextIO | None = None
    ) -> None:
        self._player, self._planned, self._requirements = player, planned, requirements
        self._out = out or sys.stdout
        self._counts: Counter[str] = Counter()
        self._told = 0
        self._progress: Any = None

    def __enter__(self) -> Terminal:
        if self._out.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                transient=True,
            )
            self._progress.start()
            self._bar = self._progress.add_task(self._player.name, total=self._planned)
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def result(self, result: Result) -> None:
        self._counts[result.verdict] += 1
        if self._progress:
            bad = sum(self._counts[v] for v in VERDICTS if v not in (PASS, NOT_APPLICABLE))
            self._progress.update(self._bar, advance=1, description=f"{self._counts[PASS]} passed, {bad} not")
        if not result.passed and self._told < MAX_TOLD:
            self._told += 1
            self._say("\n".join(explain(result, self._player, self._requirements)) + "\n")
        elif not result.passed:
            self._say(f"{result.verdict.upper()}  {result.name}: {result.reason}")

    def _say(self, text: str) -> None:
        if self._progress:
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self._out, flush=True)


def summary(run: Run, judgement: Judgement, seconds: float) -> str:
    parts = [f"{run.count(verdict)} {verdict}" for verdict in VERDICTS if run.count(verdict)]
    lines = [f"{len(run.results)} of {run.planned} cases in {seconds:.1f} s: {', '.join(parts) or 'none'}"]
    if judgement.known:
        lines.append(f"{len(judgement.known)} of the failures are known")
    lines.extend(f"stale: {sentence}" for sentence in judgement.stale)
    if run.interrupted:
        lines.append("interrupted: this report is partial")
    elif not run.complete:
        lines.append("not everything ran: this report is partial")
    return "\n".join(lines)
