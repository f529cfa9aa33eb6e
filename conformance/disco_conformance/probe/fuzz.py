"""Chance conversations: a plan of inputs, broken replicas, polls and pieces is drawn, and its outcome is
known beforehand.

A plan is a list of moves, each adding something to the session; hypothesis shrinks the list of a plan that
fails, and what is left is written as a session file, to become a case.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from disco_conformance.play.case import run_case
from disco_conformance.play.result import Result
from disco_conformance.session.lines import read_steps
from disco_conformance.session.model import Head, Input, Session
from disco_conformance.session.text import spell
from disco_conformance.suite.run import Player

MAX_MOVES = 6
AXES = ("plain", "bytewise", "joined", "split@1", "split@7", "split@61")
PROVES = ("input.done", "replica.next", "frame.split")
BODY = """\
W WORKER {"version": "1.0", "pid": "$pid", "reuse?": true} within 30s
M OK "ok"
W TASK ""
M TASK {"$base": "task", "jobname": "wordcount"}
W serve inputs
W OUTPUT ["$str", "part", 0]
M OK "ok"
W DONE ""
M OK "ok"
exit 0 within 10s
"""
DEAD = "http://{dead}/x"


@dataclass(frozen=True)
class Move:
    """One input of the plan: its words, and what goes wrong on the way to them."""

    words: tuple[str, ...]
    dead_before: int
    spare: bool
    busy: int
    from_poll: int


def moves(strategies: Any, capabilities: frozenset[str]) -> Any:
    st = strategies
    words = st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6),
        max_size=4,
    )
    polling, errors = "polling" in capabilities, {"scheme:http", "input-err"} <= capabilities
    return st.builds(
        Move,
        words=words.map(tuple),
        dead_before=st.integers(0, 2 if errors else 0),
        spare=st.booleans() if errors else st.just(False),
        busy=st.integers(0, 1 if polling else 0),
        from_poll=st.integers(1, 3 if polling else 1),
    )


def session_of(plan: list[Move], axis: str) -> Session:
    inputs, counts = [], Counter[bytes]()
    for at, move in enumerate(plan):
        counts.update(word for text in move.words for word in text.encode().split())
        inputs.append(_input(at, move))
    text = b"".join(b"%s %d\n" % pair for pair in sorted(counts.items())).decode()
    head = Head(
        "fuzz/found", f"found by chance, delivered {axis}", PROVES, level="should", timeout_s=60.0,
        needs=("task:wordcount",), inputs=tuple(inputs), outputs=(("0", text),),
    )  # fmt: skip
    return Session(
        head,
        read_steps(BODY if plan else BODY.replace("W serve inputs\n", 'W INPUT ""\nM INPUT ["done", []]\n')),
    )


def _input(at: int, move: Move) -> Input:
    good = "raw://" + quote(" " + " ".join(move.words))
    dead = tuple((rep, DEAD) for rep in range(move.dead_before))
    last = (10, good)
    if move.spare:
        return Input(at, dead or ((0, DEAD),), _status(move), move.from_poll, spare=(last,))
    return Input(at, (*dead, last), _status(move), move.from_poll)


def _status(move: Move) -> tuple[str, ...]:
    return ("busy",) * move.busy + ("ok",)


@dataclass
class Found:
    plays: int = 0
    session: Session | None = None
    result: Result | None = None


def fuzz(player: Player, seed: int, budget_s: float, say: Callable[[str], None]) -> Found:
    """Draws plans until the budget is used up, or one fails; that one is shrunk."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    found, end = Found(), time.monotonic() + budget_s

    @seeded(seed)
    @settings(
        max_examples=1_000_000, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False, print_blob=False,
    )  # fmt: skip
    @given(st.lists(moves(st, player.capabilities), max_size=MAX_MOVES), st.sampled_from(AXES))
    def play(plan: list[Move], axis: str) -> None:
        if time.monotonic() > end:
            if found.result is None:
                raise KeyboardInterrupt
            return
        found.plays += 1
        session = session_of(plan, axis)
        result = run_case(session, player.command, axis)
        if not result.passed:
            found.session, found.result = session, result
            raise AssertionError(result.reason)

    try:
        play()
    except KeyboardInterrupt:
        say(f"{found.plays} conversations, all good")
    except AssertionError:
        say(f"failed after {found.plays} conversations")
    return found


def write(found: Found, path: Path) -> None:
    assert found.session is not None and found.result is not None
    axis = found.result.axis
    session = found.session
    if axis == "bytewise":
        session = replace(session, head=replace(session.head, axes=("plain", "bytewise")))
    path.write_text(f"{spell(session)}# delivered {axis}: {found.result.reason}\n", encoding="utf-8")
