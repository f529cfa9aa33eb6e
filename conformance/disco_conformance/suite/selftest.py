"""The suite, tested: the references pass everything, and every must-case is seen to fail.

A case names the mutants it kills. Each pair is played; a mutant that passes the case survives, and the case
proves nothing about it. The mutation score is the share of pairs in which the mutant was caught.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from disco_conformance.play.result import Result
from disco_conformance.session.model import ROLES, Session
from disco_conformance.suite import capabilities
from disco_conformance.suite.collection import Play
from disco_conformance.suite.kills import FILE, elsewhere, read_kills
from disco_conformance.suite.run import Options, Player, default_jobs, execute, run_play

REFERENCE = "reference"
PYTHON = (sys.executable, "-E", "-S")


@dataclass
class Outcome:
    reference: list[Result] = field(default_factory=list)
    killed: list[tuple[str, Result]] = field(default_factory=list)
    survived: list[tuple[str, str]] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    elsewhere: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        return len(self.killed) + len(self.survived)

    @property
    def score(self) -> float:
        return 100.0 * len(self.killed) / self.pairs if self.pairs else 0.0

    @property
    def good(self) -> bool:
        failed = any(not result.passed for result in self.reference)
        wrong = failed or self.survived or self.unproven or self.unused or self.elsewhere
        return bool(self.pairs) and not wrong


def reference(players: Path, role: str = "worker") -> Player:
    command = (*PYTHON, str(players / f"reference_{role}.py"))
    return Player(f"reference {role}", command, frozenset(capabilities.CAPABILITIES), role)


def mutant(players: Path, fault: str, role: str = "worker") -> Player:
    words = ("--fault", fault) if role == "worker" else (fault,)
    command = (*PYTHON, str(players / f"mutant_{role}.py"), *words)
    return Player(fault, command, frozenset(capabilities.CAPABILITIES), role)


def faults(players: Path, role: str = "worker") -> dict[str, str]:
    """Name and sentence of each mutant."""
    command = [*PYTHON, str(players / f"mutant_{role}.py"), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def role_of(mutant: str) -> str:
    """Whether a mutant is a worker or a master, by its name."""
    return "master" if mutant.startswith("master-") else "worker"


def self_test(
    sessions: Sequence[Session], players: Path, options: Options, report: Callable[[str, Result], None], *,
    all_mutants: bool = True,
) -> Outcome:  # fmt: skip
    """`all_mutants`: whether every mutant of the table must be named by a case of these."""
    outcome = Outcome()
    known = {**faults(players), **faults(players, "master")}

    def reference_done(result: Result) -> None:
        outcome.reference.append(result)
        report(REFERENCE, result)

    for role in ROLES:
        fitting = [Play(session, "plain") for session in sessions if role in session.head.roles]
        execute(reference(players, role), fitting, options, reference_done)
    by_mutant: dict[str, list[Session]] = {}
    for session in sessions:
        sides = {role_of(name) for name in session.head.kills}
        if session.head.level == "must" and sides != set(session.head.roles):
            outcome.unproven.append(session.id)
        for name in session.head.kills:
            by_mutant.setdefault(name, []).append(session)
    if all_mutants:
        outcome.unused = sorted(set(known) - set(by_mutant))
    _try_mutants(by_mutant, players, options, outcome, report)
    outcome.elsewhere = elsewhere(read_kills(players.parent / FILE), outcome.killed)
    return outcome


def _try_mutants(
    by_mutant: dict[str, list[Session]], players: Path, options: Options, outcome: Outcome,
    report: Callable[[str, Result], None],
) -> None:  # fmt: skip
    plays, names = [], {}
    for name, sessions in sorted(by_mutant.items()):
        for session in sessions:
            play = Play(session, "plain")
            plays.append((name, play))
            names[name] = mutant(players, name, role_of(name))
    for name, result in _side_by_side(plays, names, options):
        report(name, result)
        if result.passed:
            outcome.survived.append((name, result.id))
        else:
            outcome.killed.append((name, result))


def _side_by_side(
    plays: Sequence[tuple[str, Play]], players: dict[str, Player], options: Options
) -> list[tuple[str, Result]]:
    """The workers first: a mutant of a master mostly waits, so more of these are tried at a time."""
    results = []
    for role in ROLES:
        with ThreadPoolExecutor(options.jobs or default_jobs(role)) as pool:
            done = [
                (name, pool.submit(run_play, players[name], play, options))
                for name, play in plays
                if role_of(name) == role
            ]
            results += [(name, future.result()) for name, future in done]
    return results
