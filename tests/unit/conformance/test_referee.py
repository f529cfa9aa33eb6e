"""The reference model of a conversation, and both players of the harness held to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from disco_conformance.master.case import HarnessFault, run_master_case
from disco_conformance.play.case import run_case
from disco_conformance.session.model import Exit, Session, walk
from disco_conformance.session.parse import parse
from disco_conformance.suite import capabilities, selftest
from disco_conformance.suite.collection import load_sessions, matching
from disco_conformance.wire.frames import encode
from disco_conformance.wire.referee import DEAD, DONE, LOST, Referee

TASK = {
    "host": "localhost", "master": "http://localhost:8989", "jobname": "j@1", "taskid": 0, "mode": "map",
    "disco_port": 1, "put_port": 2, "disco_data": "/d", "ddfs_data": "/e", "jobfile": "/f",
}  # fmt: skip
BEGIN = f'W WORKER {{"version": "1.0", "pid": 7}}\nM OK "ok"\nW TASK ""\nM TASK {json.dumps(TASK)}\n'
LIST = 'W INPUT ""\nM INPUT ["done", [[0, "ok", [[3, "raw://a"], [4, "raw://b"]]]]]\n'
TAP = Path(__file__).with_name("tap.py")


def watched(talk: str, clock: list[float] | None = None) -> Referee:
    """`W` and `M` lines are frames, `w` and `m` lines are bytes, a dot is the end, `+n` lets time pass."""
    now = clock or [100.0]
    referee = Referee(lambda: now[0])
    for line in talk.strip().split("\n"):
        side, _, rest = line.partition(" ")
        name, _, payload = rest.partition(" ")
        if side == ".":
            referee.worker_ended()
        elif side.startswith("+"):
            now[0] += float(side)
        elif side in "Ww":
            referee.worker_bytes(encode(name, payload.encode()) if side == "W" else rest.encode())
        else:
            referee.disco_bytes(encode(name, payload.encode()) if side == "M" else rest.encode())
    return referee


@pytest.mark.parametrize(
    ("talk", "fate"),
    [
        (LIST + 'W DONE ""\nM OK "ok"\n.', DONE),
        ('W DONE ""\n.', LOST),
        ('W ERROR "no"\nM OK "ok"\n.', LOST),
        ('W FATAL "no"\nM OK "ok"\n.', DEAD),
        (".", LOST),
        ("w Traceback", LOST),
        ('w PING 02 ""', LOST),
        ("W MSG 5", DEAD),
        ('W HELLO ""', DEAD),
        ("W MSG {", DEAD),
        ("W MSG NaN", DEAD),
        ('W PING "x"', DEAD),
        ('W WORKER {"version": "1.0", "pid": 7}', DEAD),
        ('W OUTPUT ["/etc/passwd", "disco"]', DEAD),
        ('W OUTPUT ["a/../b", "disco"]', DEAD),
        ('W OUTPUT ["a", "disco", 1]', DEAD),
        ('W OUTPUT ["a", "part", "x"]', DEAD),
        (
            'W OUTPUT ["a", "part", "3"]\nM OK "ok"\nW OUTPUT ["t", "tag"]\nM OK "ok"\nW DONE ""\nM OK "ok"',
            DONE,
        ),
        ('W INPUT ["all", []]', DEAD),
        ("W INPUT_ERR [0, 0]", DEAD),
        ('W PING ""\nW MSG "a"\nM OK "ok"\nM OK "ok"', None),
    ],
)
def test_the_fate_of_an_attempt(talk: str, fate: str | None) -> None:
    """frame.fault.disco, message.bad.disco, output.refused, error.retry, fatal.job."""
    referee = watched(BEGIN + talk)
    assert referee.of_disco is None and referee.fate == fate


@pytest.mark.parametrize(
    ("talk", "fate"),
    [
        ('W TASK ""', DEAD),
        ('W WORKER {"version": "1.1", "pid": 7}', DEAD),
        ('W WORKER {"version": "1.0"}', DEAD),
    ],
)
def test_how_a_conversation_begins(talk: str, fate: str) -> None:
    assert watched(talk).fate == fate


WAITED = "W INPUT_ERR [0, [3, 4]]\nM WAIT 2\n"
MORE = 'W INPUT ""\nM INPUT ["more", []]\n'


@pytest.mark.parametrize(
    ("talk", "requirement"),
    [
        ('M OK "ok"', "talk.start"),
        ('W PING ""\nM OK "pong"', "talk.reply"),
        ('W PING ""\nM OK "ok"\nM OK "ok"', "talk.start"),
        ('W PING ""\nM TASK {}', "talk.reply"),
        ('W DONE ""\nM TASK ' + json.dumps(TASK), "talk.reply"),
        ('W TASK ""\nM TASK {"host": "h"}', "task.fields"),
        ('W PING ""\nm 220 welcome', "frame.grammar"),
        ('W PING ""\nM OK ok', "frame.payload.json"),
        ('W INPUT ""\nM INPUT ["done", [[0, "ok", []]]]', "input.reply"),
        ('W INPUT ""\nM INPUT [true, []]', "input.reply"),
        ('W INPUT ""\nM INPUT ["done", [[0, "busy", []], [0, "busy", []]]]', "input.reply"),
        ('W INPUT ["include", [1]]\nM INPUT ["done", [[0, "ok", [[0, "raw://"]]]]]', "input.unknown"),
        ('W INPUT ["exclude", [0]]\nM INPUT ["done", [[0, "ok", [[0, "raw://"]]]]]', "input.reply"),
        (LIST + 'W INPUT ""\nM INPUT ["done", [[0, "busy", []], [1, "busy", []]]]', "input.reply"),
        (LIST + 'W INPUT_ERR [0, [3]]\nM RETRY [[3, "raw://a"]]', "replica.answer"),
        (LIST + "W INPUT_ERR [0, [3]]\nM RETRY []", "replica.answer"),
        (LIST + "W INPUT_ERR [0, [3]]\nM WAIT 0", "replica.answer"),
        (LIST + "W INPUT_ERR [0, [3]]\nM WAIT 61", "replica.answer"),
        (LIST + "W INPUT_ERR [0, [3]]\nM WAIT 1.5", "replica.answer"),
        (LIST + 'W INPUT_ERR [0, [3]]\nM FAIL "none"', "replica.answer"),
    ],
)
def test_what_no_disco_may_say(talk: str, requirement: str) -> None:
    referee = watched(BEGIN + talk)
    assert referee.of_disco is not None and referee.of_disco.requirement == requirement
    assert referee.of_worker is None


@pytest.mark.parametrize("seconds", [1, 60])
def test_every_wait_is_kept(seconds: int) -> None:
    """replica.wait, and both ends of what WAIT may say."""
    told = BEGIN + LIST + f"W INPUT_ERR [0, [3, 4]]\nM WAIT {seconds}\n"
    early, late = watched(f'{told}+{seconds / 2}\nW INPUT ""'), watched(f'{told}+{seconds}\nW INPUT ""')
    assert early.of_worker is not None and early.of_worker.requirement == "replica.wait"
    assert late.of_worker is None and late.of_disco is None


@pytest.mark.parametrize(("pause", "rude"), [(0.04, True), (0.06, False)])
def test_the_pace_of_asking_again(pause: float, rude: bool) -> None:
    """input.backoff."""
    referee = watched(BEGIN + f"{MORE}+{pause}\n" * 7)
    assert (referee.of_worker is not None) is rude and referee.fate is None


def test_a_worker_that_is_used_again() -> None:
    """reuse.task, reuse.only."""
    begin = BEGIN.replace('"pid": 7}', '"pid": 7, "reuse": true}')
    again = watched(begin + LIST + 'W INPUT_ERR [0, [3]]\nM RETRY [[4, "raw://b"]]\nW DONE ""\nM TASK '
                    + json.dumps(TASK) + '\n' + LIST.replace("[0,", "[1,")
                    + 'W INPUT_ERR [1, [4]]\nM RETRY [[3, "raw://a"]]\nW DONE ""\nM OK "ok"')  # fmt: skip
    assert (again.of_worker, again.of_disco, again.fate) == (None, None, DONE)
    after = watched(BEGIN + 'W DONE ""\nM OK "ok"\nW PING ""')
    assert after.of_worker is not None and after.of_worker.requirement == "error.last"


def test_pieces_are_put_together() -> None:
    """frame.split, frame.several."""
    referee = Referee()
    data = b"".join(encode(*pair) for pair in (("WORKER", b'{"version": "1.0", "pid": 7}'), ("PING", b'""')))
    for byte in data:
        referee.worker_bytes(bytes([byte]))
    referee.disco_bytes(b'OK 4 "ok"\nOK 4 "ok"\n')
    assert (referee.of_worker, referee.of_disco) == (None, None)


# The harness held to it


WRONG = """\
+++
id = "try/wrong"
title = "a session that expects of ERROR what DONE brings"
proves = ["error.retry"]
level = "should"
roles = ["master"]
timeout = "60s"
[[inputs]]
id = 0
replicas = ["raw://a"]
+++
W WORKER {"version": "1.0", "pid": "$pid"}
M OK "ok"
W ERROR "no"
M OK "ok"
exit 1
"""


def test_a_session_that_is_played_wrongly_is_caught(home: Path) -> None:
    """The master is as wrong as the session, so that nothing else would notice."""
    (session,) = parse(WRONG)
    agrees = (
        f"import sys; sys.path.insert(0, {str(home / 'players')!r}); import reference_master as m\n"
        "m.Attempt.on_error = lambda self, text: (setattr(self, 'over', True), ('OK', 'ok'))[1]\n"
        "m.main(sys.argv[1:])"
    )
    with pytest.raises(HarnessFault, match="do not fit an attempt that is lost"):
        run_master_case(session, (sys.executable, "-E", "-S", "-c", agrees))


def log_of(path: Path) -> Iterator[tuple[str, bytes, float]]:
    data, at = path.read_bytes(), 0
    while at < len(data):
        line, _, _ = data[at : at + 60].partition(b"\n")
        side, length, seconds = line.split()
        at += len(line) + 1 + int(length)
        yield side.decode(), data[at - int(length) : at], float(seconds)


def faults_of(session: Session, command: tuple[str, ...], folder: Path) -> str:
    """What is wrong with how a session was played for Disco, against a worker that keeps every rule."""
    log = folder / "log"
    tapped = (sys.executable, "-E", "-S", str(TAP), str(log), *command)
    result = run_case(session, tapped)
    if not result.passed or not log.exists():
        return f"{session.id}: not played through: {result.reason}"
    now = [0.0]
    referee = Referee(lambda: now[0])
    for side, data, now[0] in log_of(log):
        if side == ".":
            referee.worker_ended()
        else:
            (referee.worker_bytes if side == "W" else referee.disco_bytes)(data)
    refused = any(isinstance(step, Exit) and step.low != 0 for step in walk(session.steps))
    refused = refused or "input.once" in session.head.proves  # lists again what was excluded
    if referee.of_disco is not None and not refused:
        return f"{session.id}: Disco breaks {referee.of_disco}, and the worker goes on"
    return f"{session.id}: {referee.of_worker}" if referee.of_worker and not referee.of_disco else ""


def tapped_sessions(home: Path) -> list[Session]:
    """Without signals, limits and full disks, which hit the tap as well."""
    sessions = matching(
        load_sessions(home / "sessions"), ["golden", "inputs", "replicas", "delivery", "messages"]
    )
    return [s for s in sessions if "worker" in s.head.roles and not s.head.limits]


@pytest.mark.slow
def test_what_the_harness_says_for_disco_is_legal(home: Path, tmp_path: Path) -> None:
    command = selftest.reference(home / "players").command
    some = [s for s in tapped_sessions(home) if "patience" not in s.head.needs][::20]
    assert len(some) > 5
    assert [text for session in some if (text := faults_of(session, command, tmp_path))] == []


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_all_that_the_harness_says_for_disco_is_legal(home: Path, tmp_path: Path) -> None:
    player = selftest.reference(home / "players")
    able = [s for s in tapped_sessions(home) if set(s.head.needs) <= set(capabilities.CAPABILITIES)]
    assert [text for session in able if (text := faults_of(session, player.command, tmp_path))] == []
