"""Runs plays side by side. A worker that hangs costs its own time limit, and nobody else's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from disco_conformance.master.case import run_master_case
from disco_conformance.play.case import run_case
from disco_conformance.play.launch import destroy_all
from disco_conformance.play.result import NOT_APPLICABLE, UNLAUNCHABLE, Result
from disco_conformance.suite.collection import Play

JOBS_PER_CPU = 2


@dataclass(frozen=True)
class Player:
    """A worker or master under test: its command and what it declares."""

    name: str
    command: tuple[str, ...]
    capabilities: frozenset[str]
    role: str = "worker"


@dataclass
class Run:
    """Everything a report needs. `complete` is False when a play was not carried out."""

    player: Player
    planned: int
    results: list[Result] = field(default_factory=list)
    complete: bool = False
    interrupted: bool = False

    def count(self, verdict: str) -> int:
        return sum(result.verdict == verdict for result in self.results)

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if not result.passed]


def default_jobs() -> int:
    return (os.cpu_count() or 1) * JOBS_PER_CPU


@dataclass(frozen=True)
class Options:
    jobs: int = 0
    patience: float = 1.0
    stop_at_first: bool = False
    scratch: Path | None = None


def execute(
    player: Player,
    plays: Sequence[Play],
    options: Options,
    report: Callable[[Result], None] = lambda result: None,
) -> Run:
    run = Run(player, len(plays))
    try:
        for result in _results(player, plays, options):
            run.results.append(result)
            report(result)
            if result.verdict == UNLAUNCHABLE or (options.stop_at_first and not result.passed):
                break
    except KeyboardInterrupt:
        run.interrupted = True
    run.complete = len(run.results) == len(plays)
    return run


def _results(player: Player, plays: Sequence[Play], options: Options) -> Iterator[Result]:
    jobs = 1 if options.stop_at_first else options.jobs or default_jobs()
    pool = ThreadPoolExecutor(jobs)
    waiting: set[Future[Result]] = set()
    left = iter(plays)
    try:
        while True:
            while len(waiting) < jobs and (play := next(left, None)) is not None:
                waiting.add(pool.submit(run_play, player, play, options))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while any(not future.done() for future in waiting):
            destroy_all()
            wait(waiting, timeout=0.1)


def run_play(player: Player, play: Play, options: Options) -> Result:
    head = play.session.head
    lacking = sorted(frozenset(head.needs) - player.capabilities)
    if lacking:
        reason = f"the worker does not declare {', '.join(lacking)}"
        return Result(head.id, play.axis, NOT_APPLICABLE, 0.0, head.level, reason, proves=head.proves)
    run = run_case if player.role == "worker" else run_master_case
    return run(play.session, player.command, play.axis, options.patience, options.scratch)
