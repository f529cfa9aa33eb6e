"""The master's side: a worker of ours inside a job pack, played against masters good and hostile."""

from __future__ import annotations

import json
import struct
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from disco_conformance import cli
from disco_conformance.master.case import run_master_case
from disco_conformance.master.pack import build
from disco_conformance.play.result import FAIL, LEAK, PASS, TIMEOUT, UNLAUNCHABLE, Result
from disco_conformance.session.model import Head, Input, Session
from disco_conformance.session.parse import parse
from disco_conformance.suite import selftest

GOOD = """\
+++
id = "try/master"
title = "a good task"
proves = ["talk.reply"]
roles = ["master"]
timeout = "%s"
[[inputs]]
id = 0
replicas = ["raw://a"]
[outputs]
disco = "a"
[outcome]
status = "%s"
attempts = %d
+++
W WORKER {"version": "1.0", "pid": "$pid"}
M OK "ok"
W TASK ""
M TASK {"$base": "task"}
W serve inputs
W OUTPUT ["$str", "disco"]
M OK "ok"
W DONE ""
M OK "ok"
exit 0
"""


def session(timeout: str = "60s", status: str = "ready", attempts: int = 1) -> Session:
    (found,) = parse(GOOD % (timeout, status, attempts))
    return found


@pytest.fixture(scope="module")
def master(home: Path) -> tuple[str, ...]:
    return selftest.reference(home / "players", "master").command


def play(code: str, timeout: str = "60s") -> Result:
    return run_master_case(session(timeout), (sys.executable, "-E", "-S", "-c", code))


def test_the_reference_master_passes(master: tuple[str, ...], tmp_path: Path) -> None:
    result = run_master_case(session(), master, scratch=tmp_path)
    assert result.verdict == PASS, result.reason
    assert [entry.side for entry in result.transcript][:4] == ["W", "M", "W", "M"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "attempts", "reason"), [("dead", 1, "is ready, not dead"), ("ready", 2, "1 times, not 2")]
)
def test_the_outcome_is_compared(master: tuple[str, ...], status: str, attempts: int, reason: str) -> None:
    result = run_master_case(session(status=status, attempts=attempts), master)
    assert (result.verdict, reason in result.reason) == (FAIL, True), result.reason


def test_the_adapter_does_not_exist() -> None:
    assert run_master_case(session(), ("/no/such/master",)).verdict == UNLAUNCHABLE


def test_the_adapter_never_starts_the_worker() -> None:
    result = play('print(\'{"status": "ready"}\')')
    assert (result.verdict, "never started the worker" in result.reason) == (TIMEOUT, True)


def test_the_adapter_hangs() -> None:
    result = play("import time; time.sleep(60)", "1s")
    assert (result.verdict, "did not come to an end" in result.reason) == (TIMEOUT, True)


RUN = """
import sys, subprocess, zipfile, io, struct, json, os
data = open(sys.argv[1], "rb").read()
offsets = struct.unpack_from(">4I", data, 4)
envs = json.loads(data[offsets[1]:offsets[2]])
zipfile.ZipFile(io.BytesIO(data[offsets[2]:offsets[3]])).extractall(".")
os.chmod("relay.py", 0o755)
pipe = subprocess.PIPE
worker = subprocess.Popen(["./relay.py"], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT,
                          env={**os.environ, **envs}, start_new_session=True, bufsize=0)
"""


def test_the_master_answers_nothing() -> None:
    source = (GOOD % ("60s", "ready", 1)).replace('M OK "ok"\nW TASK', 'M OK "ok" within 1s\nW TASK')
    (impatient,) = parse(source)
    result = run_master_case(impatient, (sys.executable, "-E", "-S", "-c", RUN + "worker.wait()"))
    assert (result.verdict, "nothing came from Disco" in result.reason) == (TIMEOUT, True)


def test_the_master_speaks_nonsense() -> None:
    result = play(RUN + "worker.stdin.write(b'220 welcome\\n'); worker.wait()")
    assert (result.verdict, "no frame" in result.reason) == (FAIL, True)


def test_the_adapter_prints_no_outcome(master: tuple[str, ...]) -> None:
    code = f"import subprocess, sys; subprocess.run([*{master!r}, sys.argv[1]], capture_output=True)"
    result = play(code)
    assert (result.verdict, "printed no outcome" in result.reason) == (FAIL, True)


@pytest.mark.slow
def test_a_worker_that_outlives_its_job_is_a_leak(home: Path) -> None:
    text = GOOD.replace("exit 0\n", "nothing for 0.1s\n") % ("30s", "ready", 1)
    (stays,) = parse(text)
    code = (
        f"import sys; sys.path.insert(0, {str(home / 'players')!r}); import reference_master as m\n"
        "m.end = lambda process, limit_s: None\nm.main(sys.argv[1:])"
    )
    result = run_master_case(stays, (sys.executable, "-E", "-S", "-c", code), patience=0.2)
    assert result.verdict == LEAK, result.reason


def test_the_pack_is_what_the_specification_says() -> None:
    """pack.magic, pack.offsets, pack.header, pack.order, pack.home."""
    head = Head("a/b", "t", ("x",), inputs=(Input(0, ((0, "raw://a"), (1, "raw://b"))),), env=(("A", "b"),))
    data = build(head, 4242, "key")
    magic, version, *offsets = struct.unpack_from(">HH4I", data)
    assert (magic, version, offsets[0], data[20:128]) == (0xD5C0, 1, 128, bytes(108))
    jobdict, envs = json.loads(data[128 : offsets[1]]), json.loads(data[offsets[1] : offsets[2]])
    assert jobdict["input"] == [["raw://a", "raw://b"]] and jobdict["map?"] is True
    assert envs == {"CONFORMANCE_PORT": "4242", "CONFORMANCE_KEY": "key", "A": "b"}
    assert zipfile.ZipFile(BytesIO(data[offsets[2] : offsets[3]])).namelist() == [jobdict["worker"]]
    assert build(head, 4242, "key") == data, "the same bytes every time"


def test_the_verb(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter = f"{sys.executable} {home / 'players' / 'reference_master.py'}"
    with pytest.raises(SystemExit) as caught:
        cli.main(["master", "--run", "masters/ping", "--adapter", adapter])
    assert caught.value.code == 0
    mutant = f"{sys.executable} {home / 'players' / 'mutant_master.py'} master-ping-pong"
    with pytest.raises(SystemExit) as caught:
        cli.main(["master", "--run", "masters/ping", "--adapter", mutant])
    assert caught.value.code == 1
    assert "again: disco-conformance master --run masters/ping" in capsys.readouterr().out
