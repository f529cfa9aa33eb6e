"""Bounds on a worker, each on both sides (M118 M147 M156 M157 M664, W5 W6 W23)."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from unit.node.rooms import SHORT, process_is_gone

from disco_master.model import Outcome
from disco_master.node.config import KIB, MIB, Limits
from disco_master.node.session_driver import Throttle

FLOOD = replace(SHORT, messages_per_s=50)


def test_the_defaults_are_the_documented_ones():
    limits = Limits()
    assert (limits.start_s, limits.frame_s, limits.exit_s, limits.unread_reply_s) == (30, 30, 10, 600)
    assert (limits.messages_per_s, limits.last_words_bytes) == (10, 100 * KIB)


def test_a_worker_has_to_speak_in_time(bench):
    """M121 M156 M157."""
    end = bench.run("time.sleep(60)", limits=replace(SHORT, start_s=0.3))
    assert end.outcome is Outcome.CRASHED and not end.fatal and end.signal == signal.SIGKILL
    assert end.message.startswith("Worker did not send its PID in 0.3 seconds")


def test_a_slow_start_within_the_limit_is_fine_and_silence_afterwards_too(bench):
    """5.12: between whole messages there is no limit."""
    end = bench.run(
        "time.sleep(0.2); begin(); time.sleep(0.3); ask('DONE')", limits=replace(SHORT, start_s=3)
    )
    assert end.outcome is Outcome.DONE


def test_a_frame_has_to_be_finished_in_time(bench):
    """M156."""
    end = bench.run("begin(); os.write(2, b'MSG 5 \"a'); time.sleep(60)", limits=replace(SHORT, frame_s=0.3))
    assert end.outcome is Outcome.CRASHED and not end.fatal
    assert end.message.startswith("Worker stuck in the middle of a message for 0.3 seconds")


def test_a_slow_frame_within_the_limit_is_fine_and_each_frame_has_its_own_time(bench):
    end = bench.run("""
begin()
for _ in range(4):
    os.write(2, b'PING 2 ""\\nPING 2 '); time.sleep(0.4); os.write(2, b'""\\n'); hear(); hear()
ask("DONE")
""", limits=replace(SHORT, frame_s=1.0))  # fmt: skip
    assert end.outcome is Outcome.DONE


@pytest.mark.parametrize("word", ["DONE", "ERROR", "FATAL"])
def test_a_worker_that_lingers_after_its_last_word_is_killed(bench, word):
    """M156: what it said stands."""
    started = time.monotonic()
    end = bench.run(f"begin(); ask('{word}', ''); time.sleep(60)", limits=replace(SHORT, exit_s=0.3))
    assert end.outcome is (Outcome.DONE if word == "DONE" else Outcome.FAILED)
    assert end.signal == signal.SIGKILL and 0.3 <= time.monotonic() - started < 10


def test_a_worker_that_exits_in_time_is_not_killed(bench):
    end = bench.run("begin(); ask('DONE'); time.sleep(0.1)", limits=replace(SHORT, exit_s=5))
    assert (end.outcome, end.exit_status) == (Outcome.DONE, 0)


def test_a_worker_that_talks_much_is_answered_late_and_never_punished(bench):
    """M201, M147 F3: with awaited replies every message is delivered."""
    started = time.monotonic()
    end = bench.run("begin()\nfor i in range(80): ask('MSG', str(i))\nask('DONE')", limits=FLOOD)
    assert end.outcome is Outcome.DONE and bench.told.texts(1) == [str(i) for i in range(80)]
    assert 0.5 < time.monotonic() - started < 5  # 50 at once, 30 at 50 a second


def test_messages_below_the_rate_are_answered_at_once():
    throttle = Throttle(10)
    assert [throttle.due(5.0) for _ in range(10)] == [5.0] * 10
    assert throttle.due(5.0) == pytest.approx(5.1)
    assert throttle.due(7.0) == 7.0
    for n in range(100):
        assert throttle.due(8.0 + n / 10) == pytest.approx(8.0 + n / 10)


def test_a_flood_that_awaits_no_reply_costs_no_memory_and_ends_with_its_process(bench):
    """F3: what it said before its exit is still heard, without waiting for the rate."""
    started = time.monotonic()
    end = bench.run("begin()\nfor i in range(300): say('MSG', str(i))\nsys.exit(4)", limits=FLOOD)
    assert end.outcome is Outcome.CRASHED and end.exit_status == 4
    assert len(bench.told.texts(1)) == 300 and time.monotonic() - started < 15


def test_a_worker_that_reads_no_reply_ends(bench):
    """W23: it is stopped by backlog, then named; its slot is free again."""
    bench.start(replace(SHORT, unread_reply_s=0.4), slots=1)
    end = bench.run("begin()\nwhile True: say('INPUT')")
    assert end.outcome is Outcome.CRASHED
    assert end.message.startswith("Worker read none of its replies for 0.4 seconds")
    assert bench.run("begin(); ask('DONE')").outcome is Outcome.DONE


def test_a_worker_that_reads_its_replies_late_is_fine(bench):
    """More replies than the pipe holds, read in the end."""
    end = bench.run("""
begin()
import threading
asker = threading.Thread(target=lambda: [say("INPUT") for _ in range(4000)])
asker.start()
time.sleep(0.3)
for _ in range(4000):
    assert hear()[0] == "INPUT"
asker.join()
ask("DONE")
""", limits=replace(SHORT, unread_reply_s=5))  # fmt: skip
    assert end.outcome is Outcome.DONE


@pytest.mark.parametrize(("size", "kept"), [(100 * KIB, 100 * KIB), (100 * KIB + 1, 100 * KIB)])
def test_last_words_are_bounded(bench, size, kept):
    end = bench.run(f"begin(); os.write(2, b'x' * {size}); sys.exit(1)")
    assert end.outcome is Outcome.CRASHED and len(end.last_words) == kept


def test_endless_last_words_end(bench):
    end = bench.run("begin()\nwhile True: os.write(2, b'x' * 65536)")
    assert end.outcome is Outcome.CRASHED and end.signal == signal.SIGKILL
    assert len(end.last_words) == 100 * KIB


@pytest.mark.parametrize(("size", "whole"), [(999, True), (1000, False), (100_000, False)])
def test_the_log_is_bounded(bench, size, whole):
    """W5: a line of 999 and its line feed just fit."""
    end = bench.run(f"begin(); ask('MSG', 'x' * {size}); ask('MSG', 'y'); ask('FATAL', 'the end')",
                    limits=replace(SHORT, log_bytes=1000))  # fmt: skip
    log = (bench.home() / ".disco/logs/map-0-1.log").read_text()
    assert end.fatal and log.endswith("failed: the end\n") and len(log) < 1200 and "y" not in log
    assert log.startswith("x" * 999) and ("(the log is full" in log) is not whole


def test_a_log_that_cannot_be_written_fails_no_task(bench):
    end = bench.run("begin(); open('.disco', 'w').close(); ask('MSG', 'x'); ask('DONE')")
    assert end.outcome is Outcome.DONE and bench.told.texts(1) == ["x"]


@pytest.mark.parametrize(("count", "outcome"), [(3, Outcome.DONE), (4, Outcome.FAILED)])
def test_outputs_are_bounded_in_number(bench, count, outcome):
    end = bench.run(f"begin()\nfor i in range({count}): output('o%d' % i, '', 'disco')\nask('DONE')",
                    limits=replace(SHORT, outputs=3))  # fmt: skip
    assert end.outcome is outcome and end.fatal is (outcome is Outcome.FAILED)


HOG = """
begin()
try:
    data = bytearray({size})
except MemoryError as error:
    print("MemoryError", flush=True)
    sys.exit(1)
ask("DONE")
"""


def test_memory_is_limited_and_the_limit_named(bench):
    """W6."""
    end = bench.run(HOG.format(size=512 * MIB), limits=replace(SHORT, memory_bytes=256 * MIB))
    assert end.outcome is Outcome.CRASHED and not end.fatal
    assert "memory limit 256 MiB: the limit was hit" in end.message
    assert "raise DISCO_WORKER_MAX_MEM where the node runs" in end.message


def test_a_worker_that_someone_else_killed_is_not_blamed_on_the_limit(bench):
    """W6: the kernel kills so; we did not, and the message says both."""
    end = bench.run(
        "begin()\nos.kill(os.getpid(), signal.SIGKILL)", limits=replace(SHORT, memory_bytes=256 * MIB)
    )
    assert end.outcome is Outcome.CRASHED
    assert "signal: 9 SIGKILL" in end.message and "killed from outside" in end.message
    assert "the limit was hit" not in end.message


def test_a_worker_below_its_memory_limit_is_fine_and_its_peak_is_known(bench):
    end = bench.run(HOG.format(size=100 * MIB), limits=replace(SHORT, memory_bytes=256 * MIB))
    assert end.outcome is Outcome.DONE and 100 * MIB < end.peak_memory_bytes < 200 * MIB


def test_the_peak_of_a_small_worker_is_its_own_and_not_the_nodes(bench):
    ballast = b"x" * (200 * MIB)
    end = bench.run("begin(); ask('DONE')")
    assert len(ballast) > end.peak_memory_bytes > MIB


def test_kill_ends_within_a_second_and_leaves_no_process(bench):
    """M159: a worker with children, deaf to SIGTERM."""
    job = bench.packs.script("kill@1", """
begin()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ask("MSG", str(os.getpid()))
    time.sleep(60)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
""")  # fmt: skip
    attempt = bench.launch(job)
    bench.told.wait(lambda: bench.told.texts(attempt))
    bench.node.kill(attempt, "by hand")
    end = bench.told.end(attempt, 1.0)
    assert (end.outcome, end.message, end.signal) == (Outcome.KILLED, "by hand", signal.SIGKILL)
    assert process_is_gone(int(bench.told.texts(attempt)[0]))


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "while True: ask('MSG', 'x')",
        "while True: say('PING')",
        "os.write(2, b'no frame'); time.sleep(60)",
        "os.close(1); os.close(2); time.sleep(60)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "ask('DONE'); time.sleep(60)",
    ],
)
def test_kill_ends_a_worker_whatever_it_does(bench, body):
    bench.start(replace(Limits(), messages_per_s=1), slots=1)
    attempt = bench.launch(bench.packs.script("kill@1", "begin(); ask('MSG', 'on')\n" + body))
    bench.told.wait(lambda: bench.told.texts(attempt))
    bench.node.kill(attempt, "by hand")
    assert bench.told.end(attempt, 1.0).outcome in (Outcome.KILLED, Outcome.DONE)
    assert process_is_gone(bench.told.pids[attempt])


def test_a_worker_cannot_leave_its_process_group(bench):
    """Nor its terminal's signals: it leads a session of its own."""
    end = bench.run("""
begin()
ask("MSG", json.dumps([os.getsid(0) == os.getpgid(0) == os.getpid()]))
os.setpgid(0, os.getpgid(os.getppid()))
""")
    assert bench.told.texts(1) == ["[true]"]
    assert end.outcome is Outcome.CRASHED and "PermissionError" in end.last_words


def test_an_attempt_that_waits_its_turn_is_killed_at_once(bench):
    bench.start(slots=1)
    job = bench.packs.script("long@1", "begin(); ask('MSG', 'on'); time.sleep(60)")
    first, second = bench.launch(job), bench.launch(job)
    bench.told.wait(lambda: bench.told.texts(first))
    bench.node.kill(second, "not needed")
    assert bench.told.end(second, 1.0).outcome is Outcome.KILLED and second not in bench.told.pids
    bench.node.kill(first, "nor this")
    assert bench.told.end(first, 1.0).outcome is Outcome.KILLED
    assert all(len(ends) == 1 for ends in bench.told.ends.values())


def test_an_attempt_is_killed_while_its_job_home_is_fetched(bench):
    """The fetch hangs; the end does not wait for it, and no worker is started in the end."""
    job = bench.packs.script("slow@1", "begin(); ask('DONE')")
    bench.packs.open.clear()
    attempt = bench.launch(job)
    assert bench.packs.asked.wait(10)
    bench.node.kill(attempt, "too slow")
    assert bench.told.end(attempt, 1.0).outcome is Outcome.KILLED
    bench.packs.open.set()
    assert bench.told.end(bench.launch(job)).outcome is Outcome.DONE
    assert len(bench.told.ends[attempt]) == 1 and attempt not in bench.told.pids


def test_killing_what_is_not_there_is_harmless(bench):
    bench.node.kill(99, "what?")
    assert bench.run("begin(); ask('DONE')").outcome is Outcome.DONE


def test_a_hostile_worker_does_not_slow_its_neighbour(bench):
    """One slot is flooded, the other does its tasks."""
    flood = bench.launch(bench.packs.script("flood@1", "begin()\nwhile True: say('PING')"))
    bench.told.wait(lambda: flood in bench.told.pids)
    job = bench.packs.script("good@1", "begin(); ask('DONE')")
    ends = [bench.told.end(bench.launch(job), 5.0) for _ in range(5)]
    assert all(end.outcome is Outcome.DONE for end in ends)
    bench.node.kill(flood, "enough")


def test_attempt_files_are_in_the_job_home_only(bench):
    bench.run("begin(); ask('MSG', 'x'); ask('DONE')")
    assert not [path for path in Path(bench.node.config.ddfs_data).rglob("*") if path.is_file()]
