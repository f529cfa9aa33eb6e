"""Interleaved rounds: every contender once a round, ratios taken within the round, medians over the rounds.

A machine's speed drifts; the ratio of two runs side by side drifts much less.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One comparison. `ratio` is the median of ours / theirs; a goal is `at_most` or `at_least`."""

    name: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        value = self.ours if self.ratio is None else self.ratio
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )


def wall_s(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    at_most: float | None,
) -> Row:
    """Wall times in seconds, after one warm-up each. Without `at_most` nothing is asked of the ratio."""
    ours(), theirs()
    pairs = [(wall_s(ours), wall_s(theirs)) for _ in range(rounds)]
    return Row(
        name,
        ours=statistics.median(a for a, _ in pairs),
        theirs=statistics.median(b for _, b in pairs),
        unit="s",
        ratio=statistics.median(a / b for a, b in pairs),
        at_most=at_most,
    )


def run_program(command: Sequence[str | Path], **options: object) -> str:
    """Standard output of a program that must succeed."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return str(done.stdout)


def report(rows: Sequence[Row], target: Path) -> None:
    """A table on the terminal and the same as JSON in `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    facts = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "max_rss_kib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
        "rows": [{**asdict(row), "met": row.met} for row in rows],
    }
    target.write_text(json.dumps(facts, indent=2) + "\n")
    print(f"{'what':<52}{'ours':>12}{'theirs':>12}{'ratio':>8}  goal")
    for row in rows:
        theirs = "" if row.theirs is None else f"{row.theirs:.3g} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"{row.name:<52}{f'{row.ours:.3g} {row.unit}':>12}{theirs:>12}{ratio:>8}  {_goal(row)}")


def _goal(row: Row) -> str:
    """The goal and whether it was met; empty for a row without one."""
    verdict = "met" if row.met else "MISSED"
    if row.at_most is not None:
        return f"≤ {row.at_most:g} {verdict}"
    return "" if row.at_least is None else f"≥ {row.at_least:g} {verdict}"
