"""watch, record, repl, fuzz."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from disco_conformance import cli
from disco_conformance.play.case import run_case
from disco_conformance.probe.fuzz import fuzz
from disco_conformance.probe.plan import Item, Plan
from disco_conformance.probe.record import Copy
from disco_conformance.probe.repl import Repl
from disco_conformance.session.lint import Known, lint
from disco_conformance.session.parse import parse, parse_file
from disco_conformance.suite import selftest
from disco_conformance.suite.run import Player
from disco_conformance.wire.frames import encode


def leave(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(words))
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("job", "ending"), [("wordcount", "DONE"), ("fail-error", "ERROR"), ("fail-fatal", "FATAL")]
)
def test_watch_accepts_every_good_ending(
    job: str, ending: str, reference: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("watch", "--jobname", job, "--input", "raw://a", "--", *reference) == 0
    assert f" W {ending} " in capsys.readouterr().out


def test_watch_sees_a_broken_invariant(home: Path) -> None:
    mutant = selftest.mutant(home / "players", "exit-1-after-done").command
    assert leave("watch", "--jobname", "echo", "--input", "raw://a", "--", *mutant) == 1


def test_a_recorded_conversation_can_be_played_again(
    home: Path, reference: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "talk.session"
    tee = (sys.executable, "-m", "disco_conformance", "record", "-o", str(path), "--", *reference)
    (echo,) = parse_file(home / "sessions" / "golden" / "echo.session")
    script = f"PYTHONPATH={home} exec {' '.join(tee)}"
    result = run_case(echo, ("/bin/sh", "-c", script), patience=3)
    assert result.verdict == "pass", result.reason
    (recorded,) = parse(path.read_text())
    assert recorded.id == "recorded/talk"
    assert run_case(recorded, reference).verdict == "pass"


def test_a_copy_understands_pieces_and_keeps_nonsense() -> None:
    copy = Copy()
    data = encode("WORKER", b'{"version": "1.0", "pid": 7}') + encode("MSG", b'"$5"')
    for byte in data:
        copy.add("W", bytes([byte]))
    copy.add("W", b"oops\n")
    assert copy.lines[:2] == ['W WORKER {"version": "1.0", "pid": "$pid"}', 'W MSG "$$5"']
    assert copy.lines[-1] == 'W raw "oops\\n"'


def test_repl_suggests_what_disco_would_say(reference: tuple[str, ...]) -> None:
    told: list[str] = []
    with Repl(reference, "echo", ["raw://hello"], told.append) as repl:
        while repl.listen():
            assert repl.enter("")
    assert [line.split()[1] for line in told if line.startswith("W ")] == [
        "WORKER",
        "TASK",
        "INPUT",
        "OUTPUT",
        "DONE",
    ]
    assert "exit status 0" in told[-1] or "closed" in told[-1]


def test_repl_sends_what_is_typed(reference: tuple[str, ...]) -> None:
    told: list[str] = []
    with Repl(reference, "echo", [], told.append) as repl:
        repl.listen()
        assert repl.enter('OK "ok"')
        repl.listen()
        assert repl.enter('raw "what?"') and repl.enter("raw oops")
        repl.listen()
        assert not repl.enter("quit")
    assert any(line.startswith("W ERROR") for line in told)
    assert "must be one string" in " ".join(told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("ignores-retry", "ERROR"),
        pytest.param("reads-first-input-only", "output 0 differs", marks=pytest.mark.soak),
        pytest.param("more-is-done", "", marks=pytest.mark.soak),
    ],
)
def test_fuzz_finds_shrinks_and_writes(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, reason: str
) -> None:
    """What is found is small, a session file that lint accepts, and fails when it is played again."""
    path = tmp_path / "found.session"
    mutant = selftest.mutant(home / "players", fault).command
    assert leave("fuzz", "--seed", "1", "--budget", "40s", "-o", str(path), "--", *mutant) == 1
    (session,) = parse_file(path)
    assert lint(session, Known({})) == []
    result = run_case(session, mutant)
    assert (result.verdict, reason in result.reason) == ("fail", True), result.reason
    assert run_case(session, selftest.reference(home / "players").command).verdict == "pass"
    assert len(session.head.inputs) <= 3, "a small plan that shows it"


def test_a_plan_is_a_session_with_its_outcome(reference: tuple[str, ...]) -> None:
    """What is drawn is what is played: each way to come by an input, and a task that cannot be done."""
    good = Plan([
        Item(0, ("a b",), 1, 0, "listed", ["busy", "ok"]), Item(3, ("a",), 2, 1, "retry", ["ok"]),
        Item(6, ("c", "a"), 1, 2, "listed", ["ok", "ok"]),
    ])  # fmt: skip
    assert good.counts == "a 3\nb 1\nc 1\n" and not good.lost
    assert run_case(good.session("plain"), reference).verdict == "pass"
    lost = Plan([Item(0, ("a",), 1, 1, "nowhere", ["ok"])])
    assert lost.lost and run_case(lost.session("bytewise"), reference, "bytewise").verdict == "pass"
    assert run_case(Plan().session("plain"), reference).verdict == "pass"


@pytest.mark.slow
def test_fuzz_passes_the_reference_worker(home: Path) -> None:
    told: list[str] = []
    found = fuzz(selftest.reference(home / "players"), 1, 8.0, told.append)
    assert (found.result, found.session) == (None, None) and found.plays > 3
    assert told == [f"{found.plays} conversations, all good"]


def test_fuzz_of_a_worker_that_cannot_be_launched(home: Path) -> None:
    nobody = Player("nobody", ("/no/such",), selftest.reference(home / "players").capabilities)
    assert fuzz(nobody, 1, 5.0, lambda text: None).result is not None
    assert leave("fuzz", "--budget", "5s", "--", "/no/such") == 5


def test_verbs_that_read(capsys: pytest.CaptureFixture[str]) -> None:
    def say(*words: str) -> str:
        with contextlib.suppress(SystemExit):
            cli.main(list(words))
        return capsys.readouterr().out

    assert "frame.length.bytes (must, both)" in say("explain", "frame.length.bytes")
    assert say("show", "golden/echo").startswith("+++\nid = ")
    assert "golden/echo" in say("list", "golden/echo")
    assert '"format": 1' in say("json", "golden/echo")
