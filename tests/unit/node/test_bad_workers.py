"""Workers that die, lie, or break the protocol (M120 M121 M150-M158, F4, W4)."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from unit.node.rooms import SHORT, pack, process_is_gone

from disco_master.model import Outcome


@pytest.mark.parametrize("status", [0, 1, 77])
def test_exit_without_a_last_word_is_a_crash(bench, status):
    """M157 F4: tried again, whatever the exit code."""
    end = bench.run(f"begin(); sys.exit({status})")
    assert end.outcome is Outcome.CRASHED and not end.fatal
    assert end.message.startswith(f"Worker crashed! (exit code: {status}")
    assert (end.exit_status, end.signal, end.outputs) == (status, None, ())


def test_a_signal_is_named(bench):
    """W4."""
    end = bench.run("begin(); os.kill(os.getpid(), signal.SIGSEGV)")
    assert end.outcome is Outcome.CRASHED and (end.exit_status, end.signal) == (None, signal.SIGSEGV)
    assert "signal: 11 SIGSEGV" in end.message


def test_error_is_tried_again_and_fatal_is_not(bench):
    """M150 M151: the worker's own text, and a reply to each."""
    error = bench.run("begin(); sys.exit(ask('ERROR', 'no such host') != ('OK', 'ok'))")
    fatal = bench.run("begin(); sys.exit(ask('FATAL', 'bad map function') != ('OK', 'ok'))")
    assert (error.outcome, error.message, error.fatal) == (Outcome.FAILED, "no such host", False)
    assert (fatal.outcome, fatal.message, fatal.fatal) == (Outcome.FAILED, "bad map function", True)
    assert error.exit_status == fatal.exit_status == 0


def test_stray_prints_crash_the_attempt_and_are_kept(bench):
    """M116 M157 M158: also what comes after the first line, and what is no UTF-8."""
    end = bench.run("""
begin()
os.write(2, b"Traceback (most recent call last):\\n")
os.write(2, b"  File \\xff\\n")
os.write(2, b"ValueError: the cause\\n")
sys.exit(1)
""")
    assert end.outcome is Outcome.CRASHED and not end.fatal
    assert end.message.startswith("Could not parse worker event: name")
    assert "exit code: 1" in end.message
    assert end.last_words.startswith("Traceback") and end.last_words.endswith("ValueError: the cause\n")
    log = (bench.home() / ".disco/logs/map-0-1.log").read_text()
    assert "crashed: Could not parse" in log and "ValueError: the cause" in log


def test_stdout_is_merged_into_stderr(bench):
    """M116."""
    end = bench.run("begin(); print('oops', flush=True); sys.exit(1)")
    assert end.outcome is Outcome.CRASHED and end.last_words == "oops\n"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("say('WORKER', {'version': '1.1', 'pid': 1})", "'1.1'"),
        ("say('WORKER', {'version': '1.0'})", "WORKER"),
        ("say('TASK')", "TASK"),
        ("begin(); say('HELLO')", "HELLO"),
        ("begin(); os.write(2, b'MSG 3 {,}\\n')", "MSG"),
        ("begin(); say('MSG', 5)", "MSG"),
        ("begin(); say('WORKER', {'version': '1.0', 'pid': 1})", "WORKER"),
        ("begin(); say('OUTPUT', ['/etc/passwd', 'disco'])", "OUTPUT"),
        ("begin(); say('OUTPUT', ['a/../../b', 'part', 0])", "OUTPUT"),
        ("begin(); say('OUTPUT', ['a b', 'disco'])", "rename the file"),
        ("begin(); say('OUTPUT', ['a%2e', 'disco'])", "rename the file"),
        ("begin(); say('OUTPUT', ['tag://', 'tag'])", "OUTPUT"),
        ("begin(); say('OUTPUT', ['a', 'result'])", "OUTPUT"),
        ("begin(); say('OUTPUT', ['a', 'part', -1])", "OUTPUT"),
    ],
)
def test_bad_messages_end_the_job(bench, body, named):
    """M120: well framed, but unknown, malformed or out of order. M121: both versions are named."""
    end = bench.run(body + "\nsys.stdin.read()")
    assert end.outcome is Outcome.FAILED and end.fatal and named in end.message


def test_a_missing_output_is_no_success(bench):
    """M149 M177: DONE counts once the outputs are there."""
    end = bench.run("begin(); ask('OUTPUT', ['nowhere', 'disco']); say('DONE'); sys.stdin.read()")
    assert end.outcome is Outcome.FAILED and not end.fatal
    assert "'nowhere' is not in the job home" in end.message and end.outputs == ()


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../.."])
def test_an_output_cannot_lead_out_of_the_job_home(bench, target):
    end = bench.run(
        f"begin(); os.symlink({target!r}, 'x'); ask('OUTPUT', ['x', 'disco']); say('DONE'); hear()"
    )
    assert end.outcome is Outcome.FAILED and end.fatal and "outside" in end.message


def test_an_output_that_is_no_file_is_refused(bench):
    end = bench.run("begin(); os.mkdir('d'); ask('OUTPUT', ['d', 'disco']); say('DONE'); hear()")
    assert end.outcome is Outcome.FAILED and end.fatal and "no regular file" in end.message


def test_one_output_reported_twice_counts_once(bench):
    end = bench.run("begin(); output('a', 'b', 'part', 1); ask('OUTPUT', ['a', 'part', '1']); ask('DONE')")
    assert end.outcome is Outcome.DONE and len(end.outputs) == 1


def test_closed_stdin_is_the_workers_own_affair(bench):
    end = bench.run("begin(); os.close(0); say('PING'); say('DONE'); time.sleep(0.01)")
    assert end.outcome is Outcome.DONE


def test_closed_stderr_without_exit_is_a_crash(bench):
    bench.start(replace(SHORT, exit_s=0.3))
    end = bench.run("begin(); os.close(1); os.close(2); time.sleep(60)")
    assert end.outcome is Outcome.CRASHED and "closed its stderr" in end.message
    assert end.signal == signal.SIGKILL


def test_an_unfinished_frame_at_the_exit_is_a_crash(bench):
    end = bench.run("begin(); os.write(2, b'MSG 100 \"abc')")
    assert end.outcome is Outcome.CRASHED and end.last_words == 'MSG 100 "abc'


FORKS = """
begin()
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
with open("child", "w") as f:
    f.write(str(child))
"""


@pytest.mark.parametrize(
    ("last", "outcome"), [("ask('DONE')", Outcome.DONE), ("sys.exit(1)", Outcome.CRASHED)]
)
def test_children_go_with_the_worker_and_their_pipe_holds_nothing_up(bench, last, outcome):
    """M159: after DONE as well as after a crash; they ignore SIGTERM and keep the pipe open."""
    end = bench.run(FORKS + last)
    assert end.outcome is outcome
    assert process_is_gone(int((bench.home() / "child").read_text()))


def test_a_missing_worker_is_named_and_not_tried_again(bench):
    bench.packs.add("gone@1", pack({"other": "x"}))
    end = bench.told.end(bench.launch("gone@1"))
    assert end.outcome is Outcome.ENGINE_ERROR and end.fatal
    assert "'worker' is not in the job home" in end.message
    assert ("started", 1) not in bench.told.log


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("#!/no/such/interpreter\n", "the interpreter in its first line"),
        ("no first line\n", "is no program"),
        (b"\x7fELF nonsense", "is no program"),
    ],
)
def test_a_worker_that_cannot_start_is_explained(bench, content, said):
    """M695: the program and the reason are named."""
    bench.packs.add("bad@1", pack({"worker": content}))
    end = bench.told.end(bench.launch("bad@1"))
    assert end.outcome is Outcome.ENGINE_ERROR and end.fatal and said in end.message


def test_a_broken_pack_ends_the_job_and_a_lost_one_does_not(bench):
    bench.packs.add("broken@1", b"no pack at all" * 20)
    broken = bench.told.end(bench.launch("broken@1"))
    lost = bench.told.end(bench.launch("lost@1"))
    assert broken.outcome is lost.outcome is Outcome.ENGINE_ERROR
    assert broken.fatal and "magic" in broken.message
    assert not lost.fatal and "No such file" in lost.message


def test_a_slot_survives_all_of_it(bench):
    """One slot, one bad worker after the other, then a good one; no descriptor is left open."""
    bench.start(slots=1)
    bench.run("begin(); ask('DONE')")
    before = len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))
    for body in ("sys.exit(1)", "os.write(2, b'x')", "say('TASK')", "begin(); os.kill(os.getpid(), 9)"):
        assert bench.run(body).outcome is not Outcome.DONE
    assert bench.run("begin(); ask('DONE')").outcome is Outcome.DONE
    assert len(list(Path(f"/proc/{os.getpid()}/fd").iterdir())) == before


@pytest.mark.parametrize("seed", range(12))
def test_random_conversations_end_once_and_cost_no_slot(bench, seed):
    """Good and bad frames, garbage, closed pipes and exits in random order, without a look at the replies."""
    bench.start(replace(SHORT, exit_s=0.5, messages_per_s=1000), slots=1)
    end = bench.run(f"""
import random
chance = random.Random({seed})
names = "WORKER TASK TASK INPUT INPUT_ERR MSG MSG OUTPUT PING DONE ERROR NONSENSE".split()
loads = ["", "text", 5, None, [], {{}}, [0, [0]], ["a", "disco"], ["exclude", [0]]]
loads += [{{"version": "1.0", "pid": 1}}, {{"version": "1.0", "pid": 1, "reuse": True}}]
if chance.random() < 0.8:
    begin(reuse=chance.random() < 0.5)
for _ in range(chance.randrange(30)):
    what = chance.random()
    if what < 0.9:
        say(chance.choice(names[:-1] if what < 0.85 else names), chance.choice(loads[:1] * 9 + loads))
    elif what < 0.92:
        os.write(2, bytes(chance.randrange(256) for _ in range(chance.randrange(50))))
    elif what < 0.94:
        os.close(chance.choice([0, 1]))
    else:
        time.sleep(chance.random() / 20)
""")
    assert end.outcome in (Outcome.DONE, Outcome.FAILED, Outcome.CRASHED)
    assert bench.run("begin(); ask('DONE')").outcome is Outcome.DONE
    assert len(bench.told.ends[1]) == 1


def test_what_a_failed_attempt_wrote_is_removed(bench):
    """A worker that fills the disk must not leave it full: the master needs room to note that it failed."""
    script = """
info = begin()
for task in (info["taskid"], 77):
    os.makedirs(f".disco/out/map-{task}-{os.getpid()}")
    open(f".disco/out/map-{task}-{os.getpid()}/part-0.partial", "w").write("half")
ask("ERROR", "No space left on device")
"""
    job = bench.packs.script("full@1", script)
    assert bench.told.end(bench.launch(job)).outcome is Outcome.FAILED
    left = [path.name for path in (bench.home(job) / ".disco/out").iterdir()]
    assert len(left) == 1 and left[0].startswith("map-77-"), "another task's files are not ours to remove"
