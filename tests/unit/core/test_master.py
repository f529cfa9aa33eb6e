"""The core as its caller sees it: views, deadlines, epochs, counters, stale events."""

from __future__ import annotations

import pytest
from scenarios.script import START_S, Script

from disco_master.actions import DeleteJob, Launch, Record
from disco_master.core.board import EPOCH_BITS
from disco_master.core.failure.policy import MAX_FAILURES_DEFAULT, OUTPUT_GRACE_S
from disco_master.core.job import INPUTS_SHOWN
from disco_master.core.master import Core
from disco_master.events import (
    AttemptStarted,
    BlacklistChanged,
    JobEnded,
    JobSubmitted,
    MasterStarted,
    NodeDown,
    NodeStats,
    NodeUp,
    OutputsLost,
    SettingChanged,
    Tick,
)
from disco_master.model import JobSpec, JobStatus


def play(*steps: str) -> Script:
    script = Script()
    for step in steps:
        script.step(step)
    return script


def test_nothing_changes_nothing() -> None:
    """The view is the same object until something happens; then its version grows."""
    script = play("up a 1", "submit job map=raw://1")
    view = script.core.snapshot()
    for event in (Tick(), AttemptStarted(1, 77), NodeDown("a", 7, "stale"), NodeUp("a", 1, 9)):
        assert script.core.handle(event, START_S) == []
    assert script.core.snapshot() is view
    script.step("done map:0 disco")
    assert script.core.snapshot().version > view.version
    assert view.jobs["job"].map.done == 0


def test_the_view_of_a_job_is_kept_until_that_job_changes() -> None:
    script = play("up a 1", "submit one map=raw://1", "submit two map=raw://1")
    before = script.core.snapshot()
    script.step("done map:0 job=one disco")
    after = script.core.snapshot()
    assert list(after.jobs) == ["one", "two"]
    assert after.jobs["one"] is not before.jobs["one"]
    script.step("kill one")
    assert script.core.snapshot().jobs["two"] is after.jobs["two"]


def test_a_killed_job_is_dead_in_the_very_next_view() -> None:
    """M195, F14"""
    script = play("up a 1", "submit job map=raw://1", "kill job")
    job = script.core.snapshot().jobs["job"]
    assert (job.status, job.hosts, job.map.running) == (JobStatus.DEAD, (), 0)
    assert script.core.snapshot().nodes["a"].running == ("job",), "its slot is not free before it has ended"


@pytest.mark.parametrize("count", [INPUTS_SHOWN, INPUTS_SHOWN + 1])
def test_the_view_shows_the_first_inputs(count: int) -> None:
    """M477"""
    script = play("submit job map=" + ",".join(f"raw://{i}" for i in range(count)))
    assert len(script.core.snapshot().jobs["job"].inputs) == INPUTS_SHOWN
    assert script.core.snapshot().jobs["job"].map.waiting == count


def test_nodes_count_what_went_well_and_what_did_not() -> None:
    """M481: ERROR is a data error, FATAL and crash are errors; a lost node is neither."""
    script = play("up a 1", "submit job map=raw://1,raw://2")
    for step in ("fail map:0 x", "crash map:1 y", "+2 lost map:0", "+2 done map:1", "+2 fatal map:0 z"):
        script.step("+2 tick")
        script.step(step)
    node = script.core.snapshot().nodes["a"]
    assert (node.job_ok, node.data_error, node.error) == (1, 1, 2)


def test_disk_space_is_that_of_the_current_generation() -> None:
    script = play("up a 1", "up a 1")
    script.core.handle(NodeStats("a", 1, 5, 5), START_S)
    assert script.core.snapshot().nodes["a"].disk_free_bytes == 0
    script.core.handle(NodeStats("a", 2, 7, 8), START_S)
    node = script.core.snapshot().nodes["a"]
    assert (node.disk_free_bytes, node.disk_used_bytes) == (7, 8)


def test_attempt_numbers_never_come_again() -> None:
    """They begin with the epoch, which grows with every start."""
    script = play("up a 1", "submit job map=raw://1")
    numbers = []
    for _ in range(3):
        script.step("restart")
        script.step("up a 1")
        numbers.append(script.attempts["job/map:0"].spec.attempt)
    assert numbers == [1 << EPOCH_BITS | 1, 2 << EPOCH_BITS | 1, 3 << EPOCH_BITS | 1]


def test_an_epoch_may_be_given() -> None:
    core = Core(1, epoch=9)
    actions = core.resume(START_S)
    assert actions == [Record(MasterStarted(9), START_S)]
    assert core.handle(MasterStarted(9), START_S) == []
    core.restore(MasterStarted(12), START_S)
    assert core.resume(START_S)[0] == Record(MasterStarted(13), START_S)


def test_two_masters_of_one_seed_say_the_same() -> None:
    steps = ("up a 2", "submit job map=raw://1,raw://2", "fail map:0 x", "+2 tick", "fail map:1 y")
    one, other = Script(5), Script(5)
    assert [one.step(step) for step in steps] == [other.step(step) for step in steps]


def test_events_that_change_nothing_are_not_recorded() -> None:
    core = Core()
    core.handle(NodeUp("a", 1, 1), START_S)
    assert core.handle(BlacklistChanged("tasks", "nobody", True), START_S) == []
    assert core.handle(BlacklistChanged("tasks", "a", False), START_S) == []
    assert core.handle(SettingChanged("max_failure_rate", 0), START_S) == []
    assert core.handle(SettingChanged("something", 5), START_S) == []
    assert len(core.handle(BlacklistChanged("gc", "a", True), START_S)) == 1
    assert core.handle(BlacklistChanged("gc", "a", True), START_S) == []
    view = core.snapshot()
    assert (view.gc_blacklist, view.blacklist) == (("a",), ())
    assert view.max_failure_rate == MAX_FAILURES_DEFAULT


def test_a_node_that_is_not_there_after_a_restart_can_be_taken_off_the_blacklist() -> None:
    """M484: without a table nothing but the list itself knows its name then."""
    script = play("up a 1", "blacklist a", "restart", "submit job map=raw://1", "whitelist a")
    assert script.core.snapshot().blacklist == ()
    script.step("up a 1")
    assert script.core.snapshot().jobs["job"].hosts == ("a",)


def test_what_the_core_found_itself_is_not_taken_from_outside() -> None:
    script = play("up a 1", "submit job map=raw://1")
    view = script.core.snapshot().jobs["job"]
    assert script.core.handle(JobEnded(view), START_S) == []
    assert script.core.handle(OutputsLost("job", "a"), START_S) == []


def test_settings_survive_a_restart() -> None:
    """M188, C8, W11"""
    script = play("table a/2", "setting 3", "blacklist a", "restart")
    view = script.core.snapshot()
    assert (view.max_failure_rate, view.blacklist, view.node_table) == (3, ("a",), (("a", "2"),))


def test_a_deletion_that_a_crash_cut_off_is_ordered_again() -> None:
    """M493: the record is there, so the order is given once more."""
    script = play("submit job map=raw://1", "purge job", "submit other map=raw://1", "clean other")
    core = Core()
    for record in script.journal:
        core.restore(record.event, record.now)
    orders = core.resume(START_S)
    assert [order for order in orders if isinstance(order, DeleteJob)] == [
        DeleteJob("job", data=True),
        DeleteJob("other", data=False),
    ]
    assert list(core.snapshot().jobs) == []


def test_a_node_that_restarts_unnoticed_has_lost_its_attempts() -> None:
    """M192: a new generation without a word about the old one."""
    script = play("up a 1", "submit job map=raw://1")
    first = script.attempts["job/map:0"]
    orders = script.core.handle(NodeUp("a", 2, 1), START_S)
    launches = [order for order in orders if isinstance(order, Launch)]
    assert [launch.generation for launch in launches] == [2]
    assert launches[0].spec.attempt != first.spec.attempt


def test_the_grace_of_a_node_begins_anew_when_it_comes_back() -> None:
    """W3: away for a while, back, away again: nothing is lost before it is away for long in one piece."""
    script = play("up b 1", "up a 1", "submit job map=disco://a/x,raw://2", "done map:0 disco", "down a")
    script.step(f"+{OUTPUT_GRACE_S - 1} up a 1")
    script.step("+0.5 down a")
    assert "record OutputsLost" not in script.step("+1 tick")
    assert "record OutputsLost" not in script.step(f"+{OUTPUT_GRACE_S - 1.5} tick")
    assert "record OutputsLost" in script.step("+0.5 tick")


def test_outputs_are_kept_while_nobody_could_make_them_again() -> None:
    script = play("up a 1", "submit job map=raw://1,raw://2", "done map:0 disco", "down a")
    for _ in range(3):
        assert script.core.next_deadline() is not None
        assert "record OutputsLost" not in script.step(f"+{OUTPUT_GRACE_S} tick")
    script.step("up a 1")
    assert script.core.snapshot().jobs["job"].map.done == 1


def test_a_reduce_phase_of_no_tasks_gives_no_results() -> None:
    """M104: nr_reduces may be 0. The map runs all the same, and a lost node does not stall it."""
    script = Script()
    for step in ("up a 1", "up b 1"):
        script.step(step)
    inputs = (("disco://a/x",), ("disco://b/y",))
    spec = JobSpec("job", "job", "me", "worker", inputs, has_map=True, has_reduce=True, nr_reduces=0)
    script.job = "job"
    script._orders(script.core.handle(JobSubmitted(spec), START_S))
    script.step("done map:0 disco")
    script.step("down a")
    script.step(f"+{OUTPUT_GRACE_S} tick")
    for step in ("done map:1 disco", "done map:0 disco", "shuffled map b"):
        script.step(step)
    job = script.core.snapshot().jobs["job"]
    assert (job.status, job.results) == (JobStatus.READY, ())


def test_why_knows_every_state() -> None:
    """W15"""
    script = play("up a 1", "submit job map=raw://1")
    assert script.core.why("nobody") == ["unknown job nobody"]
    assert script.core.why("job") == []
    script.step("kill job")
    assert script.core.why("job") == ["the job is dead"]


def test_the_failure_text_is_bounded() -> None:
    """W4: a traceback of any length is kept up to a limit."""
    script = play("up a 1", "submit job map=raw://1")
    script.step("fatal map:0 " + "x" * 100_000)
    assert 16_000 < len(script.core.snapshot().jobs["job"].failure) < 17_000


def test_an_unknown_scheduler_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown scheduler 'lifo'"):
        Core(scheduler="lifo")  # type: ignore[arg-type]
