"""One case from nothing to a verdict: whatever happens, its processes are gone and its files too."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from disco_conformance.play.launch import LaunchError, Process
from disco_conformance.play.player import Player
from disco_conformance.play.result import LEAK, PASS, UNLAUNCHABLE, Failed, Result
from disco_conformance.play.world import World
from disco_conformance.session.model import Session
from disco_conformance.wire.frames import shown

LEAVE_WAIT_S = 0.5
DEFAULT_CPU_S = 5.0


def run_case(
    session: Session,
    command: Sequence[str],
    axis: str = "plain",
    patience: float = 1.0,
    scratch: Path | None = None,
) -> Result:
    start = time.monotonic()
    head = session.head
    base = Result(
        head.id,
        axis,
        PASS,
        0.0,
        head.level,
        proves=head.proves,
        path=session.path,
        requirement=head.proves[0],
    )
    with World(head, head.id.replace("/", "-"), scratch) as world:
        try:
            process = Process(command, world.home, uuid.uuid4().hex, dict(head.env), dict(head.limits))
        except LaunchError as error:
            return replace(base, verdict=UNLAUNCHABLE, reason=str(error), seconds=time.monotonic() - start)
        player = Player(session, world, process, axis, patience)
        try:
            result = _conclude(base, player, _play(player))
        finally:
            process.destroy()
    return replace(result, seconds=round(time.monotonic() - start, 4))


def _play(player: Player) -> Failed | None:
    try:
        player.play()
        _check_leaks(player)
    except Failed as failed:
        return failed
    return None


def _check_leaks(player: Player) -> None:
    """After a good conversation: no child left, and no more processor time than the case allows."""
    ended = player.process.poll()
    if ended is None:
        return
    left = player.process.family_ends(LEAVE_WAIT_S)
    last = player.session.steps[-1].line
    if left:
        reason = f"the worker exited and left {len(left)} process{'es' if len(left) > 1 else ''} running"
        raise Failed(reason, verdict=LEAK, line=last, requirement="launch.children")
    allowed = (player.session.head.cpu_s or DEFAULT_CPU_S) * player.patience
    if ended.cpu_s > allowed:
        reason = f"the worker used {ended.cpu_s:.2f} s of processor time; this case allows {allowed:g} s"
        raise Failed(reason, verdict=LEAK, line=last, requirement="talk.patience")


def _conclude(base: Result, player: Player, failed: Failed | None) -> Result:
    ended = player.process.poll()
    result = replace(
        base,
        ended=str(ended) if ended else "still running",
        cpu_s=ended.cpu_s if ended else player.process.cpu_seconds(),
        transcript=tuple(player.transcript.entries),
    )
    if failed is None:
        return result
    return replace(
        result,
        verdict=failed.verdict,
        reason=failed.reason,
        line=failed.line,
        want=failed.want,
        got=failed.got,
        requirement=failed.requirement or base.requirement,
        stderr_tail=shown(player.channel.tail, 2000),
    )
