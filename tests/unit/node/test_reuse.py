"""Workers that are used again: parked at DONE, given the next task or let go (reuse extension)."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

from unit.node.rooms import SHORT, process_is_gone

from disco_master.model import Outcome
from disco_master.node.config import Limits

TEMPLATE = """
ask("WORKER", {"version": "1.0", "pid": os.getpid(), "reuse": True})
said = ask("TASK")
while said[0] == "TASK":
    ask("MSG", json.dumps([os.getpid(), said[1]["taskid"]]))
    output(".disco/out/%d" % said[1]["taskid"], "x", "part", 0)
    said = ask("DONE")
assert said == ("OK", "ok")
open("released", "w").close()
"""


def test_the_next_task_of_the_job_goes_to_the_same_process(bench):
    """Each task is an attempt of its own: messages, outputs and log begin anew."""
    job = bench.packs.script("warm@1", TEMPLATE)
    ends = [bench.told.end(bench.launch(job)) for _ in range(3)]
    assert all(end.outcome is Outcome.DONE and len(end.outputs) == 1 for end in ends)
    assert [end.outputs[0].url[-2:] for end in ends] == ["/0", "/1", "/2"]
    assert len(set(bench.told.pids.values())) == 1
    pid = bench.told.pids[1]
    assert [bench.told.messages[n] for n in (1, 2, 3)] == [[(1, json.dumps([pid, n]))] for n in (0, 1, 2)]
    logs = sorted(path.name for path in (bench.home(job) / ".disco/logs").iterdir())
    assert logs == ["map-0-1.log", "map-1-2.log", "map-2-3.log"]


def test_a_parked_worker_is_let_go_when_the_job_ends(bench):
    bench.start(replace(SHORT, park_s=60))
    job = bench.packs.script("warm@1", TEMPLATE)
    bench.told.end(bench.launch(job))
    pid = bench.told.pids[1]
    _release_until_gone(bench, job, pid)
    assert (bench.home(job) / "released").exists()


def _release_until_gone(bench, job, pid):
    """The end of an attempt is told just before its slot is idle, so the first call may come too early."""
    for _ in range(100):
        bench.node.release_job(job)
        if process_is_gone(pid, 0.1):
            return
    raise AssertionError(f"process {pid} was not released")


def test_a_parked_worker_is_let_go_after_a_while(bench):
    bench.start(replace(SHORT, park_s=0.1))
    job = bench.packs.script("warm@1", TEMPLATE)
    bench.told.end(bench.launch(job))
    assert process_is_gone(bench.told.pids[1], 5.0) and (bench.home(job) / "released").exists()


def test_a_parked_worker_makes_room_for_another_job(bench):
    bench.start(replace(SHORT, park_s=60), slots=1)
    first, second = bench.packs.script("warm@1", TEMPLATE), bench.packs.script("warm@2", TEMPLATE)
    for job in (first, second, first):
        assert bench.told.end(bench.launch(job)).outcome is Outcome.DONE
    assert len(set(bench.told.pids.values())) == 3 and process_is_gone(bench.told.pids[1])


def test_an_idle_slot_is_preferred_to_one_with_a_parked_worker_of_another_job(bench):
    bench.start(replace(SHORT, park_s=60), slots=2)
    first, second = bench.packs.script("warm@1", TEMPLATE), bench.packs.script("warm@2", TEMPLATE)
    for job in (first, second, first, second):
        assert bench.told.end(bench.launch(job)).outcome is Outcome.DONE
    assert len(set(bench.told.pids.values())) == 2


def test_a_worker_that_stays_after_its_release_is_killed(bench):
    bench.start(replace(SHORT, park_s=0.1, exit_s=0.2))
    job = bench.packs.script("stay@1", TEMPLATE + "time.sleep(60)")
    bench.told.end(bench.launch(job))
    assert process_is_gone(bench.told.pids[1], 5.0)


def test_a_parked_worker_that_dies_costs_nobody_anything(bench):
    bench.start(replace(SHORT, park_s=60), slots=1)
    body = "begin(reuse=True); say('DONE'); time.sleep(0.05); os._exit(1)"
    job = bench.packs.script("dies@1", body)
    bench.told.end(bench.launch(job))
    assert process_is_gone(bench.told.pids[1], 5.0)
    assert bench.told.end(bench.launch(job)).outcome is Outcome.DONE
    assert bench.told.pids[1] != bench.told.pids[2]


def test_a_failed_task_of_a_template_ends_the_process(bench):
    job = bench.packs.script("fails@1", """
ask("WORKER", {"version": "1.0", "pid": os.getpid(), "reuse": True})
task = ask("TASK")[1]
if task["taskid"] == 1:
    ask("ERROR", "second task fails")
    sys.exit(1)
assert ask("DONE")[1]["taskid"] == 1
ask("ERROR", "in the same process")
sys.exit(0)
""")  # fmt: skip
    first, second = bench.told.end(bench.launch(job)), bench.told.end(bench.launch(job))
    assert first.outcome is Outcome.DONE
    assert (second.outcome, second.message) == (Outcome.FAILED, "in the same process")
    assert process_is_gone(bench.told.pids[1])


def test_a_crash_in_a_later_task_belongs_to_that_task(bench):
    body = "begin(reuse=True); ask('DONE'); os.write(2, b'boom'); sys.exit(7)"
    job = bench.packs.script("crash@1", body)
    assert bench.told.end(bench.launch(job)).outcome is Outcome.DONE
    end = bench.told.end(bench.launch(job))
    assert end.outcome is Outcome.CRASHED and end.exit_status == 7 and end.last_words == "boom"


def test_cpu_time_is_counted_per_task(bench):
    job = bench.packs.script("busy@1", """
ask("WORKER", {"version": "1.0", "pid": os.getpid(), "reuse": True})
said = ask("TASK")
while said[0] == "TASK":
    if said[1]["taskid"] == 1:
        until = time.process_time() + 0.3
        while time.process_time() < until: pass
    said = ask("DONE")
""")  # fmt: skip
    bench.start(replace(SHORT, park_s=60), slots=1)
    costs = [bench.told.end(bench.launch(job)).cpu_s for _ in range(3)]
    assert 0.25 < costs[1] < 2 and costs[2] < 0.25


def test_a_killed_task_of_a_template_takes_the_process_with_it(bench):
    job = bench.packs.script("kill@1", "begin(reuse=True); ask('DONE'); ask('MSG', 'again'); time.sleep(60)")
    bench.told.end(bench.launch(job))
    attempt = bench.launch(job)
    bench.told.wait(lambda: bench.told.texts(attempt))
    bench.node.kill(attempt, "by hand")
    assert bench.told.end(attempt, 1.0).outcome is Outcome.KILLED
    assert process_is_gone(bench.told.pids[attempt])


def test_workers_without_reuse_are_never_parked(bench):
    bench.start(Limits(), slots=1)
    job = bench.packs.script("cold@1", "begin(); ask('DONE')")
    for _ in range(2):
        assert bench.told.end(bench.launch(job)).exit_status == 0
    assert bench.told.pids[1] != bench.told.pids[2]


FORKING = """
ask("WORKER", {"version": "1.0", "pid": os.getpid(), "reuse": True})
said = ask("TASK")
while said[0] == "TASK":
    child = os.fork()
    if child == 0:
        ask("MSG", json.dumps([os.getpid(), ask("INPUT")[1][0]]))
        output(".disco/out/%d" % said[1]["taskid"], "x", "disco")
        if said[1]["taskid"] == 2:
            os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    said = ask("DONE")
"""


def test_a_template_may_fork_a_child_for_each_task(bench):
    """The child speaks on the same pipes; a child's death by a signal is the template's."""
    bench.start(replace(SHORT, park_s=60), slots=1)
    job = bench.packs.script("fork@1", FORKING)
    ends = [bench.told.end(bench.launch(job)) for _ in range(3)]
    assert [end.outcome for end in ends] == [Outcome.DONE, Outcome.DONE, Outcome.CRASHED]
    assert ends[2].signal == signal.SIGSEGV and "SIGSEGV" in ends[2].message
    children = {json.loads(bench.told.texts(n)[0])[0] for n in (1, 2, 3)}
    assert len(children) == 3 and len(set(bench.told.pids.values())) == 1
    assert all(process_is_gone(pid) for pid in {*children, bench.told.pids[1]})


def test_a_node_can_be_widened_while_it_works(bench):
    """M8: the node table may give it more slots than it began with; then no attempt waits for another."""
    bench.start(SHORT, slots=1)
    meet = """
begin()
open("here-%d" % os.getpid(), "w").close()
while len([name for name in os.listdir() if name.startswith("here-")]) < 3:
    time.sleep(0.01)
ask("DONE")
"""
    job = bench.packs.script("meet@1", meet)
    attempts = [bench.launch(job) for _ in range(3)]
    bench.node.widen(3)
    assert [bench.told.end(attempt).outcome for attempt in attempts] == [Outcome.DONE] * 3
