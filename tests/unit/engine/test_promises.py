"""What every engine promises (engine/base.py). The suite knows an engine only by its protocol."""

from __future__ import annotations

import random
import threading
import time

import pytest
from unit.node.rooms import WAIT_S, process_is_gone, spec

from disco_master.engine.base import NodeError
from disco_master.model import Outcome

GOOD = "begin(); ask('MSG', 'a'); ask('MSG', 'b'); ask('DONE')"
LONG = "begin(); ask('MSG', 'on'); time.sleep(60)"


def test_nodes_come_up_with_their_slots_and_tell_their_disks(rig):
    generations = rig.start()
    assert sorted(rig.told.up) == [("n1", generations["n1"], 2), ("n2", generations["n2"], 2)]
    for name in ("n1", "n2"):  # more than once: not only at the start
        rig.told.wait(lambda name=name: [n for n, *_ in rig.told.stats].count(name) >= 3)
    assert all(free > 0 and used > 0 for *_, free, used in rig.told.stats)


def test_an_attempt_starts_speaks_and_ends_in_this_order(rig):
    rig.start()
    assert rig.run(rig.packs.script("good@1", GOOD), 1).outcome is Outcome.DONE
    assert rig.told.log == [("started", 1), ("message", 1), ("message", 1), ("ended", 1)]
    assert rig.told.messages[1] == [(1, "a"), (2, "b")]


def test_each_launch_ends_once_whatever_the_worker_does(rig):
    """Sixty attempts of good and bad workers on both nodes, some of them killed at random moments."""
    generations = rig.start()
    bodies = {
        "good@1": GOOD,
        "warm@1": "begin(reuse=True)\nwhile ask('DONE')[0] == 'TASK': pass",
        "exit@1": "begin(); sys.exit(1)",
        "noise@1": "os.write(2, b'?'); sys.exit(1)",
        "fatal@1": "begin(); ask('FATAL', 'x')",
        "signal@1": "begin(); os.kill(os.getpid(), 9)",
        "long@1": LONG,
    }
    jobs = [rig.packs.script(name, body) for name, body in bodies.items()]
    chance = random.Random(7)
    killers = []
    for attempt in range(1, 61):
        job, node = jobs[attempt % len(jobs)], chance.choice(["n1", "n2"])
        rig.engine.launch(node, generations[node], spec(job, attempt))
        if job == "long@1" or chance.random() < 0.3:
            killer = threading.Timer(chance.random() / 5, rig.engine.kill, (attempt, "at random"))
            killer.start()
            killers.append(killer)
        enough = attempt - 5
        rig.told.wait(lambda enough=enough: len(rig.told.ends) >= enough)
    rig.told.wait(lambda: len(rig.told.ends) == 60)
    for killer in killers:
        killer.join()
    assert all(len(ends) == 1 for ends in rig.told.ends.values())
    for attempt in rig.told.messages:
        mine = [what for what, number in rig.told.log if number == attempt]
        assert mine[0] == "started" and mine[-1] == "ended"
        assert [seq for seq, _ in rig.told.messages[attempt]] == list(range(1, len(mine) - 1))


def test_kill_ends_the_attempt_and_leaves_no_process(rig):
    generations = rig.start()
    job = rig.packs.script("long@1", LONG)
    rig.engine.launch("n2", generations["n2"], spec(job, 1))
    rig.told.wait(lambda: rig.told.texts(1))
    rig.engine.kill(1, "not wanted")
    end = rig.told.end(1)
    assert (end.outcome, end.message) == (Outcome.KILLED, "not wanted")
    assert process_is_gone(rig.told.pids[1])


def test_a_kill_comes_late_and_changes_nothing(rig):
    rig.start()
    assert rig.run(rig.packs.script("good@1", GOOD), 1).outcome is Outcome.DONE
    rig.engine.kill(1, "late")
    rig.engine.kill(2, "never was")
    assert rig.run("good@1", 3).outcome is Outcome.DONE and len(rig.told.ends[1]) == 1


def test_after_node_down_every_attempt_of_it_has_ended_node_lost(rig):
    generations = rig.start()
    job = rig.packs.script("long@1", LONG)
    for attempt in (1, 2, 3):
        rig.engine.launch("n1", generations["n1"], spec(job, attempt))
    rig.engine.launch("n2", generations["n2"], spec(job, 4))
    rig.told.wait(lambda: sum(bool(rig.told.texts(n)) for n in (1, 2, 3)) == 2 and rig.told.texts(4))
    rig.lose("n1")
    rig.told.wait(lambda: rig.told.down)
    assert rig.told.down[0][:2] == ("n1", generations["n1"])
    assert [rig.told.ends[n][0].outcome for n in (1, 2, 3)] == [Outcome.NODE_LOST] * 3
    lost = rig.told.log.index(("down", generations["n1"]))
    assert not [entry for entry in rig.told.log[lost:] if entry[1] in (1, 2, 3)]
    assert 4 not in rig.told.ends
    assert all(process_is_gone(rig.told.pids[n]) for n in (1, 2, 3) if n in rig.told.pids)


def test_a_launch_on_a_stale_generation_ends_node_lost(rig):
    old = rig.start()["n1"]
    rig.packs.script("good@1", GOOD)
    rig.lose("n1")
    rig.engine.launch("n1", old, spec("good@1", 1))
    assert rig.told.end(1).outcome is Outcome.NODE_LOST
    rig.restore("n1")
    rig.told.wait(lambda: len(rig.told.up) == 3)
    assert rig.generations["n1"] > old
    rig.engine.launch("n1", old, spec("good@1", 2))
    assert rig.told.end(2).outcome is Outcome.NODE_LOST
    assert rig.run("good@1", 3).outcome is Outcome.DONE
    rig.engine.launch("n9", 1, spec("good@1", 4))
    assert rig.told.end(4).outcome is Outcome.NODE_LOST and set(rig.told.pids) == {3}


def test_no_more_attempts_run_than_there_are_slots(rig):
    """M9."""
    generations = rig.start()
    job = rig.packs.script("long@1", LONG)
    for attempt in (1, 2, 3):
        rig.engine.launch("n1", generations["n1"], spec(job, attempt))
    rig.told.wait(lambda: len(rig.told.messages) == 2)
    (waiting,) = {1, 2, 3} - set(rig.told.pids)
    rig.engine.kill(min(rig.told.pids), "make room")
    rig.told.wait(lambda: rig.told.texts(waiting))


def test_launch_and_kill_return_at_once(rig):
    """While the pack can't be had: if one of them waited for it, it would wait for ever."""
    generations = rig.start()
    job = rig.packs.script("long@1", LONG)
    rig.packs.open.clear()
    for attempt in range(1, 6):
        rig.engine.launch("n1", generations["n1"], spec(job, attempt))
    for attempt in range(1, 6):
        rig.engine.kill(attempt, "enough")
    rig.engine.end_job(job)
    rig.told.wait(lambda: len(rig.told.ends) == 5)
    rig.packs.open.set()


def test_end_job_lets_idle_workers_go(rig):
    rig.start()
    job = rig.packs.script("warm@1", "begin(reuse=True); sys.exit(ask('DONE') != ('OK', 'ok'))")
    assert rig.run(job, 1).outcome is Outcome.DONE
    rig.engine.end_job(job)
    assert process_is_gone(rig.told.pids[1], 5.0)


def test_stop_waits_for_what_runs_and_refuses_what_comes(rig):
    generations = rig.start()
    job = rig.packs.script("short@1", "begin(); ask('MSG', 'on'); time.sleep(0.3); ask('DONE')")
    rig.engine.launch("n1", generations["n1"], spec(job, 1))
    rig.told.wait(lambda: rig.told.texts(1))
    rig.engine.stop(10.0)
    assert rig.told.ends[1][0].outcome is Outcome.DONE
    assert {name for name, *_ in rig.told.down} == {"n1", "n2"}
    rig.engine.launch("n1", generations["n1"], spec(job, 2))
    assert rig.told.end(2).outcome is Outcome.NODE_LOST


def test_stop_ends_what_does_not_end_by_itself(rig):
    generations = rig.start()
    job = rig.packs.script("long@1", LONG)
    rig.engine.launch("n1", generations["n1"], spec(job, 1))
    rig.told.wait(lambda: rig.told.texts(1))
    started = time.monotonic()
    rig.engine.stop(0.2)
    assert time.monotonic() - started < 50.0  # of the minute that it would take
    assert rig.told.ends[1][0].outcome is Outcome.NODE_LOST and process_is_gone(rig.told.pids[1])


def test_a_restart_is_a_new_generation(rig):
    first = dict(rig.start())
    rig.engine.stop(0.0)
    rig.told.up.clear()
    second = rig.start()
    assert all(second[name] > first[name] for name in first)
    rig.packs.script("good@1", GOOD)
    assert rig.run("good@1", 1).outcome is Outcome.DONE


def test_operations_are_called_on_the_node_they_name(rig):
    generations = rig.start()
    name = "tag$1-2-3"
    rig.engine.call("n1", generations["n1"], "tag_write", {"name": name, "text": "{}"}, 5.0)
    url = rig.engine.call("n1", generations["n1"], "tag_commit", {"name": name}, 5.0)
    assert url.startswith("disco://n1/")
    assert rig.engine.call("n1", generations["n1"], "tag_names", {}, 5.0) == [name]
    assert rig.engine.call("n2", generations["n2"], "tag_names", {}, 5.0) == []


@pytest.mark.parametrize(
    ("node", "older_by", "op", "said"),
    [
        ("n1", 0, "no_such", "no operation"),
        ("n1", 0, "tag_read", "argument 'name' is missing"),
        ("n1", 1, "disk", "is not up"),
        ("n9", 0, "disk", "is not up"),
    ],
)
def test_refused_calls_name_node_and_operation(rig, node, older_by, op, said):
    generation = rig.start().get(node, 1) - older_by
    with pytest.raises(NodeError, match=said) as caught:
        rig.engine.call(node, generation, op, {}, 5.0)
    assert (caught.value.node, caught.value.op) == (node, op)


def test_a_call_that_takes_too_long_is_a_node_error(rig):
    """A job's data can't be deleted while its home is being made, which here waits for the pack."""
    generations = rig.start()
    job = rig.packs.script("good@1", GOOD)
    rig.packs.open.clear()
    rig.engine.launch("n1", generations["n1"], spec(job, 1))
    assert rig.packs.asked.wait(WAIT_S)
    with pytest.raises(NodeError, match=r"no answer within 0\.05 s"):
        rig.engine.call("n1", generations["n1"], "delete_job", {"job": job}, 0.05)
    rig.packs.open.set()
    rig.told.end(1)
