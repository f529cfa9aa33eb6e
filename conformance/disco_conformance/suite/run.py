"""Runs plays side by side. A worker that hangs costs its own time limit, and nobody else's."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from disco_conformance.master.adapter import Adapters
from disco_conformance.master.case import run_master_case
from disco_conformance.play.case import run_case
from disco_conformance.play.launch import destroy_all
from disco_conformance.play.result import NOT_APPLICABLE, UNLAUNCHABLE, Result
from disco_conformance.suite.collection import Play

JOBS_PER_CPU = 2
MASTER_JOBS_PER_CPU = 6  # a master's cases mostly wait: for its pauses, and for silence
MASTER_SLOTS = 64


@dataclass(frozen=True)
class Player:
    """A worker or master under test: its command and what it declares. `kept`: the adapter of a master is
    handed one job after the other, rather than started for each."""

    name: str
    command: tuple[str, ...]
    capabilities: frozenset[str]
    role: str = "worker"
    kept: bool = False


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


def default_jobs(role: str = "worker") -> int:
    return (os.cpu_count() or 1) * (JOBS_PER_CPU if role == "worker" else MASTER_JOBS_PER_CPU)


class Slots:
    """The slots of the master under test, shared by cases that need several of them at one time."""

    def __init__(self, count: int) -> None:
        self._count, self._used, self._turn = count, 0, threading.Condition()

    @contextlib.contextmanager
    def taken(self, number: int) -> Iterator[None]:
        """Waits until so many are free, or all, when there are not so many."""
        with self._turn:
            self._turn.wait_for(lambda: self._used + number <= self._count or not self._used)
            self._used += number
        try:
            yield
        finally:
            with self._turn:
                self._used -= number
                self._turn.notify_all()


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
    jobs = 1 if options.stop_at_first else options.jobs or default_jobs(player.role)
    pool, stage = ThreadPoolExecutor(jobs), Stage(player, options)
    waiting: set[Future[Result]] = set()
    left = iter(plays)
    try:
        while True:
            while len(waiting) < jobs and (play := next(left, None)) is not None:
                waiting.add(pool.submit(stage.play, play))
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
        stage.close()


class Stage:
    """What the plays of one player share."""

    def __init__(self, player: Player, options: Options) -> None:
        self._player, self._options = player, options
        self._adapters = Adapters(player.command, player.kept)
        self._slots = Slots(MASTER_SLOTS)

    def play(self, play: Play) -> Result:
        head, player, options = play.session.head, self._player, self._options
        lacking = sorted(frozenset(head.needs) - player.capabilities)
        if lacking:
            reason = f"the {player.role} does not declare {', '.join(lacking)}"
            return Result(head.id, play.axis, NOT_APPLICABLE, 0.0, head.level, reason, proves=head.proves)
        if player.role == "worker":
            return run_case(play.session, player.command, play.axis, options.patience, options.scratch)
        # A worker is used again when nobody else wants its slot: such cases have the master for themselves.
        number = MASTER_SLOTS if "reuse" in head.needs else 1 + head.job.crowd
        with self._slots.taken(number), self._adapters.lent() as adapter:
            return run_master_case(
                play.session, player.command, play.axis, options.patience, options.scratch, adapter
            )

    def close(self) -> None:
        self._adapters.close()


def run_play(player: Player, play: Play, options: Options) -> Result:
    stage = Stage(player, options)
    try:
        return stage.play(play)
    finally:
        stage.close()
