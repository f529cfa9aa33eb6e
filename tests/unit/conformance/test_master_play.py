"""The worker's side of richer sessions: blocks, other workers of the job, reduce tasks, signals."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from disco_conformance.master.adapter import Kept
from disco_conformance.master.case import run_master_case
from disco_conformance.master.crew import Crew
from disco_conformance.play.channel import Deadline
from disco_conformance.play.result import PASS, TIMEOUT, Failed, Result
from disco_conformance.session.lint import Known, lint
from disco_conformance.session.model import SessionError
from disco_conformance.session.parse import parse
from disco_conformance.suite import selftest
from disco_conformance.suite.run import Slots

HEAD = """\
+++
id = "try/play"
title = "t"
proves = ["talk.reply"]
level = "should"
roles = ["master"]
timeout = "60s"
[[inputs]]
id = 0
replicas = ["raw://a"]
%s
+++
"""
MUTANT_PATIENCE = 0.1  # what never comes need not be awaited for long
START = """\
W WORKER {"version": "1.0", "pid": "$pid"}
M OK "ok"
W TASK ""
M TASK {"$base": "task"}
"""
END = 'W DONE ""\nM OK "ok"\nexit 0\n'


def play(home: Path, steps: str, head: str = "", fault: str = "", patience: float = 1.0) -> Result:
    (session,) = parse(HEAD % head + START + steps)
    assert lint(session, Known({})) == []
    players = home / "players"
    master = selftest.mutant(players, fault, "master") if fault else selftest.reference(players, "master")
    return run_master_case(session, master.command, patience=patience)


@pytest.mark.parametrize(
    "block",
    [
        'W PING ""\nany-of\n  M FAIL ""\nor\n  M OK "ok"\nend\n',
        'any-of\n  W PING ""\n  M OK "ok"\nor\n  W MSG "m"\n  M FAIL ""\nend\n',
        'maybe\n  W PING ""\n  M OK "ok"\nend\n',
        'repeat 0..9\n  W PING ""\n  M OK "ok"\nend\n',
        'join 2\nW PING ""\nW INPUT ""\nunordered\n  M INPUT "$list"\nand\n  M OK "ok"\nend\n',
    ],
)
def test_blocks(home: Path, block: str) -> None:
    result = play(home, block + END)
    assert result.verdict == PASS, result.reason


def test_a_block_that_nothing_fits(home: Path) -> None:
    result = play(home, 'W PING ""\nany-of\n  M FAIL ""\nor\n  M OK "pong"\nend\n' + END)
    assert "fits no branch" in result.reason and result.want == 'M FAIL "" or M OK "pong"'


@pytest.mark.parametrize("end", ["signal KILL\neof\n", "close\neof\n", "exit 3\n"])
def test_ends_without_a_word(home: Path, end: str) -> None:
    result = play(home, end, "[outcome]\nattempts = 2")
    assert result.verdict == PASS, result.reason


@pytest.mark.slow
@pytest.mark.parametrize("hostile", ["", 'W raw "MSG 100 "\n'])
def test_a_crowd_is_served_beside_the_session(home: Path, hostile: str) -> None:
    """Both verdicts are certain: the others are in mid-conversation when the session holds its own."""
    head = f"[job]\ncrowd = 3\n[outcome]\nattempts = {5 if hostile else 4}"
    steps = hostile + "others end\n" + ("exit 1\n" if hostile else END)
    assert play(home, steps, head).verdict == PASS
    result = play(home, steps, head, "master-one-conversation", MUTANT_PATIENCE)
    assert (result.verdict, result.passed) == (TIMEOUT, False), result.reason


def test_a_crowd_that_is_not_started_is_named() -> None:
    """With no time for it to be started in."""
    (session,) = parse(HEAD % "[job]\ncrowd = 3" + START + "others end\n" + END)
    crew = Crew(session, Deadline(60), patience=0)
    with pytest.raises(Failed, match="0 of 3 other workers were started: each needs a slot"):
        crew.session_has_task()


def test_a_reduce_task_comes_after_the_maps(home: Path) -> None:
    head = (
        '[job]\nhas_reduce = true\nmap_outputs = {0 = "of {task}", disco = "d"}\n'
        '[outcome]\nattempts = 2\n[outputs]\n4 = "sum"'
    )
    steps = 'W serve inputs\nW OUTPUT ["$str", "part", 4]\nM OK "ok"\n' + END
    result = play(home, steps, head)
    assert result.verdict == PASS, result.reason
    assert play(home, steps, head, "master-all-labels-0").requirement == "index.part"


@pytest.mark.parametrize(
    ("head", "steps", "reason"),
    [
        ("", "others end within 1s\n" + END, "no crowd"),
        ("", 'M raw "x"\n' + END, "raw bytes of a master"),
        ('roles = ["worker", "master"]', "W serve inputs\ngrow 64 MiB\n" + END, "is its own"),
        ('roles = ["worker", "master"]', "W serve inputs\nchild\n" + END, "is its own"),
        (
            'roles = ["worker", "master"]',
            "W serve inputs\nnothing for 1s\n" + END,
            "another thing at each end",
        ),
        ('roles = ["worker"]', "W serve inputs\nothers end\n" + END, "has no others"),
        (
            'roles = ["worker", "master"]\ninputs = [{id = 0, replicas = ["http://{http}/absent"]}]',
            "W serve inputs\n" + END,
            "has raw:// inputs",
        ),
        ('roles = ["worker", "master"]\ninputs = []', END, "starts no worker"),
    ],
)
def test_what_a_role_cannot_play(head: str, steps: str, reason: str) -> None:
    source = HEAD % ""
    if head:
        source = source.replace('roles = ["master"]', head)
        if "inputs =" in head:
            source = source.replace('[[inputs]]\nid = 0\nreplicas = ["raw://a"]\n', "")
    (session,) = parse(source + START + steps)
    assert any(reason in sentence for _, sentence in lint(session, Known({}))), lint(session, Known({}))


@pytest.mark.parametrize(
    ("head", "start", "steps", "reason"),
    [
        ("", START, "others end\n" + END, "only early-reduce or remake bring them here"),
        ("", 'W WORKER {"version": "1.0", "pid": "$pid"}\n', "eof\n", "is known by its TASK"),
        ("", START.replace('"$pid"}', '"$pid", "reuse": true}'), END, "would be used again for the reduce"),
    ],
)
def test_what_a_reduce_task_cannot_play(head: str, start: str, steps: str, reason: str) -> None:
    (session,) = parse(HEAD % "[job]\nhas_reduce = true" + start + steps)
    assert any(reason in sentence for _, sentence in lint(session, Known({})))


@pytest.mark.parametrize(
    "row", ["grow", "grow 64", "grow 0 MiB", "grow 64 GiB", "grow -1 MiB", "grow 9999999 MiB"]
)
def test_amounts_of_memory(row: str) -> None:
    with pytest.raises(SessionError, match="grow takes an amount of memory: grow 64 MiB"):
        parse(HEAD % "" + START + row + "\n" + END)


def test_a_kept_adapter_is_handed_one_job_after_the_other(home: Path) -> None:
    """One process for good jobs; one that failed is ended, and started anew."""
    master = selftest.reference(home / "players", "master")
    good, bad = (
        parse(HEAD % "" + START + steps)[0] for steps in (END, 'W PING ""\nM OK "pong" within 5s\n' + END)
    )
    kept = Kept(master.command)
    try:
        processes = []
        for session in (good, good, bad, good):
            result = run_master_case(session, master.command, adapter=kept)
            assert result.passed == (session is good), result.reason
            processes.append(kept.pid)
        assert processes[0] == processes[1] != processes[3] and processes[2] is None
    finally:
        kept.close()


def test_slots_are_shared() -> None:
    """Cases with crowds take their turns; one that wants more than there are has them all."""
    slots, running, most = Slots(8), [0], [0]
    turn = threading.Lock()

    def take(number: int) -> None:
        with slots.taken(number):
            with turn:
                running[0] += number
                most[0] = max(most[0], running[0])
            with turn:
                running[0] -= number

    threads = [threading.Thread(target=take, args=(number,)) for number in (3, 5, 8, 1, 64, 4, 4) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert running == [0] and 8 <= most[0] <= 64
    with slots.taken(8):
        pass
