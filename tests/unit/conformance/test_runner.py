"""Verdicts: on sessions that must fail, and on workers that misbehave in every way a process can."""

from __future__ import annotations

import os
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest

from disco_conformance.play.case import run_case
from disco_conformance.play.launch import Process
from disco_conformance.play.result import CRASH, FAIL, LEAK, PASS, TIMEOUT, UNLAUNCHABLE, Result
from disco_conformance.session.model import Session
from disco_conformance.session.parse import parse, parse_file

FAILING = Path(__file__).resolve().parents[3] / "conformance" / "self-test" / "failing"
EXPECTED = tomllib.loads((FAILING / "expected.toml").read_text())
SOON_S = 30  # much less than what is waited for in vain, on a slow machine too
ECHO = """\
+++
id = "try/echo"
title = "an echo"
proves = ["hs.order"]
timeout = "1.5s"
[[inputs]]
id = 0
replicas = ["raw://a%20b"]
[outputs]
disco = "a b"
+++
W WORKER {"version": "1.0", "pid": "$pid", "...": true} within 2s
M OK "ok"
W TASK ""
M TASK {"$base": "task", "jobname": "echo"}
W serve inputs
W OUTPUT ["$str", "disco"]
M OK "ok"
W DONE ""
M OK "ok"
exit 0 within 2s
"""
HELLO = """
import os, sys, time, json, signal, subprocess
def say(name, payload):
    data = json.dumps(payload).encode()
    os.write(2, b"%s %d %s\\n" % (name.encode(), len(data), data))
def ask(name, payload=""):
    say(name, payload)
    return sys.stdin.buffer.readline()
ask("WORKER", {"version": "1.0", "pid": os.getpid()})
"""
FINISH = """
task = json.loads(ask("TASK").split(b" ", 2)[2])
ask("INPUT")
open("out", "w").write("a b")
ask("OUTPUT", ["out", "disco"])
ask("DONE")
"""


def echo() -> Session:
    (session,) = parse(ECHO)
    return session


def play(code: str, axis: str = "plain") -> Result:
    return run_case(echo(), (sys.executable, "-E", "-S", "-c", code), axis)


def living(mark: str) -> list[int]:
    """Processes whose command line holds `mark`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in words:
                found.append(int(entry.name))
    return found


def test_the_failing_sessions_are_all_listed() -> None:
    assert {p.stem for p in FAILING.glob("*.session")} == set(EXPECTED)
    assert len(EXPECTED) >= 20


@pytest.mark.parametrize("name", EXPECTED)
def test_a_session_that_must_fail(name: str, reference: tuple[str, ...]) -> None:
    (session,) = parse_file(FAILING / f"{name}.session")
    result = run_case(session, reference)
    verdict, reason = EXPECTED[name]
    assert (result.verdict, reason in result.reason) == (verdict, True), result.reason
    assert result.line is not None and result.line > 6


@pytest.mark.parametrize("axis", ["plain", "bytewise", "joined", "split@1", "split@60", "split@400"])
def test_a_good_worker_passes_in_every_delivery(axis: str, reference: tuple[str, ...]) -> None:
    result = run_case(echo(), reference, axis)
    assert (result.verdict, result.ended) == (PASS, "exit status 0"), result.reason
    assert [entry.side for entry in result.transcript][:4] == ["W", "M", "W", "M"]


def test_a_scripted_worker_passes_too() -> None:
    assert play(HELLO + FINISH).verdict == PASS


def test_it_does_not_exist() -> None:
    result = run_case(echo(), ("/no/such/worker",))
    assert (result.verdict, "No such file" in result.reason) == (UNLAUNCHABLE, True)


def test_it_is_not_executable(tmp_path: Path) -> None:
    script = tmp_path / "worker"
    script.write_text("#!/bin/sh\n")
    result = run_case(echo(), (str(script),))
    assert (result.verdict, "chmod" in result.reason) == (UNLAUNCHABLE, True)


def test_its_interpreter_does_not_exist(tmp_path: Path) -> None:
    script = tmp_path / "worker"
    script.write_text("#!/no/such/python\n")
    script.chmod(0o755)
    result = run_case(echo(), (str(script),))
    assert (result.verdict, "#! line" in result.reason) == (UNLAUNCHABLE, True)


def test_it_exits_at_once() -> None:
    result = run_case(echo(), ("/bin/false",))
    assert (result.verdict, result.ended) == (FAIL, "exit status 1")


def test_it_never_speaks() -> None:
    start = time.monotonic()
    (session,) = parse(ECHO.replace("1.5s", "0.3s"))
    result = run_case(session, ("/bin/sleep", "1234.5"))
    assert result.verdict == TIMEOUT
    assert time.monotonic() - start < SOON_S
    assert living("1234.5") == []


def test_it_speaks_another_protocol() -> None:
    result = run_case(echo(), ("/bin/echo", "HTTP/1.1 200 OK"))
    assert (result.verdict, "no frame" in result.reason) == (FAIL, True)
    assert "HTTP/1.1 200 OK" in result.stderr_tail


def test_standard_output_is_standard_error() -> None:
    result = play(HELLO + "print('hello from user code', flush=True)\n" + FINISH)
    assert (result.verdict, result.requirement) == (FAIL, "frame.grammar")


def test_it_dies_by_a_signal() -> None:
    result = play(HELLO + "os.kill(os.getpid(), signal.SIGSEGV)")
    assert (result.verdict, result.ended) == (CRASH, "signal SIGSEGV")


def test_it_forks_and_keeps_the_pipe() -> None:
    result = play(HELLO + "subprocess.Popen(['sleep', '2345.6'])\nsys.exit(0)")
    assert (result.verdict, "keeps the pipe open" in result.reason) == (LEAK, True)
    assert living("2345.6") == []


@pytest.mark.parametrize("session", [False, True], ids=["in-the-group", "in-its-own-session"])
def test_it_leaves_a_child(session: bool) -> None:
    quiet = "stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    result = play(
        HELLO + f"subprocess.Popen(['sleep', '3456.7'], {quiet}, start_new_session={session})" + FINISH
    )
    assert (result.verdict, result.requirement) == (LEAK, "launch.children")
    assert living("3456.7") == []


def test_it_writes_gigabytes_of_nonsense() -> None:
    start = time.monotonic()
    result = play("import os\nwhile True: os.write(2, b'x' * 65536)")
    assert result.verdict == FAIL
    assert time.monotonic() - start < SOON_S


def test_it_announces_gigabytes() -> None:
    result = play(HELLO + "os.write(2, b'MSG 9999999999 ')\ntime.sleep(30)")
    assert (result.verdict, "above the limit" in result.reason) == (FAIL, True)


def test_it_writes_messages_for_ever() -> None:
    """A flood of good frames costs the time limit and no more."""
    start = time.monotonic()
    result = play(HELLO + "while True: say('MSG', 'x' * 1000)")
    assert result.verdict in (FAIL, TIMEOUT)
    assert time.monotonic() - start < SOON_S


def test_it_stops_in_the_middle_of_a_frame() -> None:
    result = play(HELLO + "os.write(2, b'TASK 2 \"')\ntime.sleep(30)")
    assert (result.verdict, "in the middle of a frame" in result.reason) == (TIMEOUT, True)


def test_it_ends_in_the_middle_of_a_frame() -> None:
    result = play(HELLO + "os.write(2, b'TASK 2 \"')")
    assert (result.verdict, "in the middle of a frame" in result.reason) == (FAIL, True)


def test_it_ignores_every_signal_that_can_be_ignored() -> None:
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    result = play(HELLO + code + FINISH + "time.sleep(4567)")
    assert (result.verdict, "has not ended" in result.reason) == (TIMEOUT, True)
    assert living("4567") == []


def test_it_does_not_read() -> None:
    """A reply larger than the pipe must not hold the player up."""
    source = ECHO.replace('"jobname": "echo"', '"jobname": "echo", "padding": "$pad:3000000"').replace(
        '"4s"', '"1s"'
    )
    (session,) = parse(source)
    code = HELLO + "say('TASK', '')\ntime.sleep(30)"
    result = run_case(session, (sys.executable, "-E", "-S", "-c", code))
    assert (result.verdict, "does not read" in result.reason) == (TIMEOUT, True)


def test_it_spins_while_it_waits() -> None:
    source = ECHO.replace('W TASK ""\n', 'W TASK ""\nnothing for 0.7s\n')
    (session,) = parse(source)
    result = run_case(
        session, (sys.executable, "-E", "-S", "-c", HELLO + "say('TASK', '')\nwhile True: pass")
    )
    assert (result.verdict, result.requirement) == (LEAK, "talk.patience")


def test_its_output_changes_after_it_was_reported() -> None:
    late = FINISH.replace('ask("DONE")', 'open("out", "a").write("more")\nask("DONE")')
    result = play(HELLO + late)
    assert (result.verdict, result.requirement) == (FAIL, "output.complete")


@pytest.mark.parametrize(
    ("output", "requirement"),
    [
        ('["/tmp/out", "disco"]', "output.location"),
        ('["../out", "disco"]', "output.location"),
        ('["lost", "disco"]', "output.complete"),
    ],
)
def test_its_output_lies_elsewhere(output: str, requirement: str) -> None:
    result = play(HELLO + FINISH.replace('["out", "disco"]', output))
    assert (result.verdict, result.requirement) == (FAIL, requirement)


def test_a_pipe_that_is_closed_has_no_other_holder(tmp_path: Path) -> None:
    """While processes are started beside it: a child between fork and exec holds copies of every descriptor,
    and the worker would have written to nobody, and wait for an answer."""
    stop = threading.Event()

    def start_others() -> None:
        while not stop.is_set():
            other = Process(("/bin/true",), tmp_path, "other", {})
            other.wait(SOON_S)
            other.destroy()

    beside = [threading.Thread(target=start_others) for _ in range(3)]
    for thread in beside:
        thread.start()
    try:
        for _ in range(25):
            script = "trap '' PIPE; read -r line; echo said >&2 || exit 7; exit 3"
            worker = Process(("/bin/sh", "-c", script), tmp_path, "worker", {})
            worker.close_stdout()
            os.write(worker.stdin, b"\n")
            ended = worker.wait(SOON_S)
            worker.destroy()
            assert ended is not None and ended.status == 7
    finally:
        stop.set()
        for thread in beside:
            thread.join()


def test_the_memory_of_a_worker_is_bounded() -> None:
    (session,) = parse(ECHO.replace('timeout = "1.5s"', 'timeout = "30s"\nmemory_bytes = 67108864'))
    hungry = (sys.executable, "-E", "-S", "-c", HELLO + "x = b'x' * (100 << 20)\n" + FINISH)
    modest = (sys.executable, "-E", "-S", "-c", HELLO + FINISH)
    result = run_case(session, hungry)
    assert (result.verdict, "this case allows 64 MiB" in result.reason) == (LEAK, True)
    assert run_case(session, modest).verdict == PASS


def test_a_case_says_where_the_job_home_is() -> None:
    (session,) = parse(ECHO.replace('timeout = "1.5s"', 'timeout = "30s"\nhome = "a b;c"'))
    check = "assert os.getcwd().split('/')[-2:] == ['a b;c', 'home']\n"
    assert run_case(session, (sys.executable, "-E", "-S", "-c", HELLO + check + FINISH)).verdict == PASS


def test_scratch_directories_are_gone(tmp_path: Path) -> None:
    run_case(echo(), ("/bin/false",), scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []
