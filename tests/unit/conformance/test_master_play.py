"""The worker's side of richer sessions: blocks, other workers of the job, reduce tasks, signals."""

from __future__ import annotations

from pathlib import Path

import pytest

from disco_conformance.master.case import run_master_case
from disco_conformance.play.result import PASS, Result
from disco_conformance.session.lint import Known, lint
from disco_conformance.session.parse import parse
from disco_conformance.suite import selftest

HEAD = """\
+++
id = "try/play"
title = "t"
proves = ["talk.reply"]
level = "should"
roles = ["master"]
timeout = "15s"
[[inputs]]
id = 0
replicas = ["raw://a"]
%s
+++
"""
START = """\
W WORKER {"version": "1.0", "pid": "$pid"}
M OK "ok"
W TASK ""
M TASK {"$base": "task"}
"""
END = 'W DONE ""\nM OK "ok"\nexit 0\n'


def play(home: Path, steps: str, head: str = "", fault: str = "") -> Result:
    (session,) = parse(HEAD % head + START + steps)
    assert lint(session, Known({})) == []
    players = home / "players"
    master = selftest.mutant(players, fault, "master") if fault else selftest.reference(players, "master")
    return run_master_case(session, master.command)


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


@pytest.mark.parametrize("end", ["signal KILL\neof within 5s\n", "close\neof within 5s\n", "exit 3\n"])
def test_ends_without_a_word(home: Path, end: str) -> None:
    result = play(home, end, "[outcome]\nattempts = 2")
    assert result.verdict == PASS, result.reason


def test_a_crowd_is_served_beside_the_session(home: Path) -> None:
    head, steps = "[job]\ncrowd = 3\n[outcome]\nattempts = 4", "others end within 8s\n" + END
    assert play(home, steps, head).verdict == PASS
    result = play(home, steps, head, "master-one-conversation")
    assert result.verdict != PASS


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
