"""What a worker may ask and what it is answered (M116-M155)."""

from __future__ import annotations

import json
import os
import sys

import pytest
from unit.node.rooms import SHORT, pack, spec

from disco_master.model import Input, Mode, Outcome, Output, OutputKind


def test_a_good_task_is_done_with_its_outputs_and_its_cost(bench):
    """M4, M116 M117 M148 M149 M178."""
    end = bench.run("""
begin()
output(".disco/out/part-3", "three", "part", 3)
output("./result", "all", "disco")
ask("OUTPUT", ["tag://some:tag", "tag"])
sum(i * i for i in range(300000))
assert ask("DONE") == ("OK", "ok")
""")
    base = bench.node.homes.base_url("test@0:1:1")
    assert end.outcome is Outcome.DONE and end.message == "" and not end.fatal
    assert end.outputs == (
        Output(base + ".disco/out/part-3", OutputKind.PART, 3, 5),
        Output(base + "result", OutputKind.DISCO, 0, 3),
        Output("tag://some:tag", OutputKind.TAG),
    )
    assert base == "disco://localhost/disco/localhost/" + base.split("/")[5] + "/test@0:1:1/"
    assert (end.exit_status, end.signal) == (0, None)
    assert 0 < end.cpu_s < 20 and end.peak_memory_bytes > 1 << 20
    assert bench.told.log == [("started", 1), ("ended", 1)]


def test_the_task_names_the_place(bench):
    """M121-M132: every key, with its type."""
    bench.run("""
task = begin()
ask("MSG", json.dumps([task, os.getcwd()]))
ask("DONE")
""", mode=Mode.REDUCE)  # fmt: skip
    task, cwd = json.loads(bench.told.texts(1)[0])
    home = bench.home()
    assert task == {
        "host": "localhost",
        "master": "http://localhost:8989",
        "jobname": "test@0:1:1",
        "taskid": 0,
        "mode": "reduce",
        "disco_port": 8989,
        "put_port": 8990,
        "disco_data": str(bench.node.config.disco_data),
        "ddfs_data": str(bench.node.config.ddfs_data),
        "jobfile": str(home / "jobfile"),
    }
    assert cwd == str(home)
    assert (home / "jobfile").read_bytes() == (bench.packs.root / "test@0:1:1").read_bytes()


def test_inputs_and_replicas(bench):
    """M133-M138 M143-M145: lists, choices, unknown ids, replicas that failed."""
    job = bench.packs.script("in@1:1:1", """
begin()
def show(*what):
    ask("MSG", json.dumps(ask(*what)))
show("INPUT")
show("INPUT", ["exclude", [0]])
show("INPUT", ["include", [1, 7]])
show("INPUT_ERR", [0, [1]])
show("INPUT_ERR", [0, [0]])
show("INPUT_ERR", [7, [0]])
show("INPUT", ["include", [0]])
ask("DONE")
""")  # fmt: skip
    inputs = (Input(0, ("http://a", "http://b", "http://c")), Input(1, ("raw://x",)))
    bench.node.launch(spec(job, 1, inputs=inputs))
    bench.told.end(1)
    first = [0, "ok", [[0, "http://a"], [1, "http://b"], [2, "http://c"]]]
    second = [1, "ok", [[0, "raw://x"]]]
    assert [json.loads(text) for text in bench.told.texts(1)] == [
        ["INPUT", ["done", [first, second]]],
        ["INPUT", ["done", [second]]],
        ["INPUT", ["done", [second]]],
        ["RETRY", [[0, "http://a"], [2, "http://c"]]],
        ["RETRY", [[2, "http://c"]]],
        ["FAIL", ""],
        ["INPUT", ["done", [first]]],
    ]


def test_an_input_without_readable_replicas_fails_but_is_still_listed(bench):
    """M135 M145."""
    bench.run("""
begin()
ask("MSG", json.dumps(ask("INPUT_ERR", [0, [0, 1]])))
ask("MSG", json.dumps(ask("INPUT")))
ask("DONE")
""")
    failed, listed = (json.loads(text) for text in bench.told.texts(1))
    assert failed == ["FAIL", ""]
    assert listed == ["INPUT", ["done", [[0, "failed", [[0, "raw://a"], [1, "raw://b"]]]]]]


def test_the_replicas_that_a_failed_attempt_gave_up_on_are_told(bench):
    """W3: the core finds out that a map output is gone though its node is there."""
    inputs = (Input(0, ("http://a", "http://b")), Input(1, ("http://c",)))
    job = bench.packs.script("gone@1:1:1", """
begin()
for failed in ([1, [0, 7]], [0, [1]], [5, [0]]):
    ask("INPUT_ERR", failed)
ask("ERROR", "no replica of 1")
""")  # fmt: skip
    bench.node.launch(spec(job, 1, inputs=inputs))
    end = bench.told.end(1)
    assert end.outcome is Outcome.FAILED and end.unreadable == ("http://b", "http://c")


def test_messages_keep_their_order_and_the_log_keeps_all_of_them(bench):
    """M147 W5: the master gets a bounded text, the attempt's log the whole of it."""
    end = bench.run("""
begin()
ask("MSG", "first é")
ask("MSG", "x" * 9000)
ask("PING")
ask("DONE")
""")
    assert end.outcome is Outcome.DONE
    assert bench.told.messages[1] == [(1, "first é"), (2, "x" * SHORT.message_characters)]
    log = bench.home() / ".disco/logs/map-0-1.log"
    assert log.read_text() == "first é\n" + "x" * 9000 + "\n"


def test_a_silent_task_leaves_no_directory_behind(bench):
    bench.run("begin(); ask('DONE')")
    assert sorted(path.name for path in bench.home().iterdir()) == [".jobhome", "jobfile", "worker"]


def test_pipelined_requests_are_answered_in_order(bench):
    """M117."""
    end = bench.run("""
say("WORKER", {"version": "1.0", "pid": os.getpid()}); say("TASK"); say("PING"); say("INPUT")
said = [hear()[0] for _ in range(4)]
ask("MSG", " ".join(said))
ask("DONE")
""")
    assert end.outcome is Outcome.DONE and bench.told.texts(1) == ["OK TASK OK INPUT"]


def test_a_worker_that_does_not_wait_for_its_last_reply_is_done(bench):
    end = bench.run("begin(); output('a', 'b', 'disco'); say('DONE'); os._exit(3)")
    assert end.outcome is Outcome.DONE and len(end.outputs) == 1


def test_the_environment_is_clean_but_for_the_jobs_own(bench, monkeypatch):
    """5.12: no setting of the node reaches a worker."""
    monkeypatch.setenv("DISCO_PORT", "1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LANG", "C.UTF-8")
    script = (
        f"#!{sys.executable} -IS\n"
        + """
import json, os, sys
def say(name, payload): text = json.dumps(payload); os.write(2, f"{name} {len(text)} {text}\\n".encode())
say("WORKER", {"version": "1.0", "pid": os.getpid()}); sys.stdin.readline()
say("FATAL", json.dumps(dict(os.environ))); sys.stdin.readline()
"""
    )
    bench.packs.add("env@1", pack({"worker": script}, envs={"COLOUR": "blue", "PATH": "/bin:/usr/bin"}))
    seen = json.loads(bench.told.end(bench.launch("env@1")).message)
    assert seen["COLOUR"] == "blue" and seen["PATH"] == "/bin:/usr/bin" and seen["LANG"] == "C.UTF-8"
    assert not {"DISCO_PORT", "PYTHONPATH"} & set(seen)
    assert seen["HOME"] == os.environ["HOME"]


@pytest.mark.parametrize(
    ("first_line", "envs", "flags"),
    [
        ("#!/usr/bin/env python3", {}, (1, 1)),
        ("#!/usr/bin/env python", {}, (1, 1)),
        ("#!/usr/bin/python3.11", {}, (1, 1)),
        ("#!/usr/bin/env python3", {"PYTHONHASHSEED": "3"}, (1, 0)),
    ],
)
def test_python_workers_get_the_nodes_interpreter(bench, first_line, envs, flags):
    """By absolute path, -s, and -E unless the job sets a variable of Python's; the mode bits don't matter."""
    script = (
        first_line
        + """
import json, os, sys
def say(name, payload): text = json.dumps(payload); os.write(2, f"{name} {len(text)} {text}\\n".encode())
say("WORKER", {"version": "1.0", "pid": os.getpid()}); sys.stdin.readline()
f = sys.flags
say("FATAL", json.dumps([sys.executable, f.no_user_site, f.ignore_environment])); sys.stdin.readline()
"""
    )
    bench.packs.add("py@1", pack({"worker": script}, envs=envs))
    assert json.loads(bench.told.end(bench.launch("py@1")).message) == [sys.executable, *flags]


def test_shell_workers_need_no_x_bit_in_the_pack(bench):
    """5.6: the worker file is made executable when it is unpacked."""
    script = """#!/bin/sh
say() { printf '%s %d %s\\n' "$1" "${#2}" "$2" >&2; read reply; }
say WORKER '{"version":"1.0","pid":'$$'}'; say TASK '""'
echo hello > out; say OUTPUT '["out","disco"]'; say DONE '""'
"""
    bench.packs.add("sh@1", pack({"bin/worker.sh": script}, worker="bin/worker.sh"))
    end = bench.told.end(bench.launch("sh@1"))
    assert end.outcome is Outcome.DONE and (bench.home("sh@1") / "out").read_text() == "hello\n"
