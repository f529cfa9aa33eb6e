"""One failure, told in full: the requirement, the line, want and got, what was said, and how to run it
again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from disco_conformance.ledger.requirements import Requirement
from disco_conformance.play.result import Result
from disco_conformance.suite.run import Player

MAX_TRANSCRIPT = 40


def explain(result: Result, player: Player, requirements: Mapping[str, Requirement]) -> Iterator[str]:
    yield f"{result.verdict.upper()}  {result.name}"
    yield f"  {result.reason}"
    requirement = requirements.get(result.requirement)
    if requirement:
        yield f"  {requirement.number} {requirement.id} ({requirement.level}): {requirement.text}"
    if result.line is not None:
        yield f"  at {session_line(result)}"
    if result.want:
        yield f"  want  {result.want}"
    if result.got:
        yield f"  got   {result.got}"
    entries = result.transcript
    if len(entries) > MAX_TRANSCRIPT:
        yield f"  … {len(entries) - MAX_TRANSCRIPT} entries before"
    for entry in entries[-MAX_TRANSCRIPT:]:
        yield f"  {entry.at_s:8.3f} {entry.side} {entry.text}"
    if result.ended:
        yield f"  the worker: {result.ended}, {result.cpu_s:.2f} s of processor time"
    if result.stderr_tail and result.stderr_tail not in result.reason:
        yield f"  end of its standard error: {result.stderr_tail[-400:]}"
    yield f"  again: {again(result, player)}"


def session_line(result: Result) -> str:
    try:
        text = Path(result.path).read_text(encoding="utf-8").split("\n")[(result.line or 1) - 1].strip()
    except (OSError, IndexError):
        text = ""
    return f"{result.path}:{result.line}: {text}"


def again(result: Result, player: Player) -> str:
    if player.role == "master":
        return (
            f"disco-conformance master --run {result.id} --adapter {shlex.quote(shlex.join(player.command))}"
        )
    return f"disco-conformance worker --run {result.id} -- {shlex.join(player.command)}"
