"""Chance conversations with a worker, until a budget is used up or one goes wrong; that one is shrunk, played
again as a session, and written as one, to become a case.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from disco_conformance.play.case import run_case
from disco_conformance.play.launch import LaunchError
from disco_conformance.play.result import UNLAUNCHABLE, Failed, Result
from disco_conformance.probe.plan import Plan
from disco_conformance.session.model import Session
from disco_conformance.session.text import spell
from disco_conformance.suite.run import Player

STEPS = 20
SHRINK_S, BETTER_WITHIN_S = 20.0, 5.0  # for making a finding smaller: in all, and since the last step
_FOREVER = 1_000_000


class OutOfTime(BaseException):
    """Nothing that hypothesis takes for a failure."""


@dataclass
class Found:
    """`lines` is the live conversation that went wrong; `session` is its plan, and `result` how that went."""

    plays: int = 0
    session: Session | None = None
    result: Result | None = None
    lines: list[str] = field(default_factory=list)


@dataclass
class _Smallest:
    plan: Plan
    axis: str
    failed: Failed
    lines: list[str]


def fuzz(player: Player, seed: int, budget_s: float, say: Callable[[str], None]) -> Found:
    from hypothesis import HealthCheck, Phase, Verbosity, settings
    from hypothesis import seed as seeded
    from hypothesis.errors import Flaky, FlakyStrategyDefinition
    from hypothesis.stateful import run_state_machine_as_test

    from disco_conformance.probe.machine import machine

    found, end = Found(), time.monotonic() + budget_s
    smallest: list[_Smallest] = []
    deadlines = [end]

    def over() -> None:
        found.plays += 1
        if time.monotonic() > min(deadlines):
            raise OutOfTime

    def report(plan: Plan, axis: str, failed: Failed, lines: list[str]) -> None:
        if not smallest:
            deadlines[:] = [time.monotonic() + SHRINK_S, 0.0]
        if not smallest or plan.size < smallest[0].plan.size:
            deadlines[1] = time.monotonic() + BETTER_WITHIN_S
            smallest[:] = [_Smallest(plan, axis, failed, list(lines))]

    quiet = settings(
        max_examples=_FOREVER, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False, print_blob=False, verbosity=Verbosity.quiet,
    )  # fmt: skip
    try:
        run_state_machine_as_test(seeded(seed)(machine(player, report, over)), settings=quiet)
    except (OutOfTime, AssertionError):
        pass
    except (Flaky, FlakyStrategyDefinition):
        if not smallest and time.monotonic() < end:  # a worker that fails now and then is found, too
            raise
    except LaunchError as error:
        found.result = Result("fuzz/found", "plain", UNLAUNCHABLE, 0.0, reason=str(error))
        return found
    if not smallest:
        say(f"{found.plays} conversations, all good")
        return found
    say(f"failed after {found.plays} conversations")
    _replay(player, smallest[0], found)
    return found


def _replay(player: Player, smallest: _Smallest, found: Found) -> None:
    """The plan as a session. Where the worker passes that, what it did live is still the finding."""
    session = smallest.plan.session(smallest.axis)
    result = run_case(session, player.command, smallest.axis)
    if result.passed:
        failed = smallest.failed
        result = replace(
            result, verdict=failed.verdict, reason=f"once, live: {failed.reason}", got=failed.got,
            requirement=failed.requirement or result.requirement,
        )  # fmt: skip
    found.session, found.result, found.lines = session, result, smallest.lines


def write(found: Found, path: Path) -> None:
    assert found.session is not None and found.result is not None
    notes = [f"delivered {found.result.axis}: {found.result.reason}", "the conversation was", *found.lines]
    path.write_text(spell(found.session) + "".join(f"# {note}\n" for note in notes), encoding="utf-8")
