"""The worker process: a template that forks a child for each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs
from unit.worker.scripted_disco import TaskEnd

from disco.protocol import messages as m


def test_a_process_runs_task_after_task(make_disco: Callable[..., Any]) -> None:
    """The reuse extension: the pid is the template's, and each task is a child of its own."""
    disco = make_disco(input=["raw://a%20b"], map=jobs.words, reduce=jobs.count_sorted)
    with disco.start() as process:
        ends = [process.run_task("map", number, [["raw://a%20b"]]) for number in range(3)]
        assert process.announcement == m.Worker(process.process.pid, reuse=True)
        index = disco.index("map", [end.outputs for end in ends])
        reduced = process.run_task("reduce", 0, [[index]])
    assert process.process.returncode == 0
    assert [end.outcome for end in ends] == ["done"] * 3
    assert [len([r for r in end.asked if isinstance(r, m.TaskRequest)]) for end in ends] == [1, 0, 0]
    paths = {output.location for end in ends for output in end.outputs}
    assert len(paths) == 3  # an output of each
    assert disco.records([disco.index("reduce", [reduced.outputs])]) == [(b"a", 3), (b"b", 3)]


def test_a_task_leaves_nothing_behind_for_the_next(make_disco: Callable[..., Any]) -> None:
    """Its captured output, its globals and its params were its own."""
    disco = make_disco(input=["raw://x"], map=jobs.remembers, partitions=None, status_interval=0)
    with disco.start() as process:
        first = process.run_task("map", 0, [["raw://x"]])
        second = process.run_task("map", 1, [["raw://x"]])
    assert first.messages == second.messages == ["raw output"]
    found = disco.records([disco.index("map", [first.outputs, second.outputs])])
    assert found == [("remembered", 1), ("remembered", 1)]


def test_a_task_leaves_the_reply_after_its_last_one_to_its_template(make_disco: Callable[..., Any]) -> None:
    """M119: replies may arrive joined; the child reads its own alone."""
    disco = make_disco(input=["raw://x"], map=jobs.words, partitions=None)
    with disco.start() as process:
        assert process.process.stdin
        while not isinstance(request := process._next(), m.OutputMsg):
            assert request is not None
            process._answer(request, TaskEnd(), [], disco.task_info("map", 0))
        process.process.stdin.write(m.Ok().to_frame() + m.Ok().to_frame())
        assert process._next() == m.Done()
        assert process.process.wait(10) == 0


def test_a_failed_task_ends_the_process(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=["raw://value"], map=jobs.fails, partitions=None)
    with disco.start() as process:
        assert process.run_task("map", 0, [["raw://value"]]).outcome == "fatal"
        assert process.process.wait(10) != 0


def test_outputs_are_whole_or_not_there(make_disco: Callable[..., Any]) -> None:
    """M210, M177, M413: what a failed task has written is removed, so the next attempt has the room."""
    disco = make_disco(input=["raw://x"], map=jobs.fails_at_the_end, partitions=None)
    end = disco.run_task("map", 0, [["raw://x"]])
    assert (end.outcome, end.outputs) == ("fatal", [])
    assert list((disco.home / ".disco" / "out").iterdir()) == []


def test_a_killed_task_leaves_no_output_either(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=["raw://x"], map=jobs.killed_at_the_end, partitions=None)
    end = disco.run_task("map", 0, [["raw://x"]])
    assert (end.outcome, end.exit_status) == ("exited", -9)
    assert list((disco.home / ".disco" / "out").iterdir()) == []


@pytest.mark.parametrize(("how", "outcome"), [("value", "fatal"), ("abort", "exited")])
def test_a_failed_task_takes_nothing_of_an_earlier_one_with_it(
    make_disco: Callable[..., Any], how: str, outcome: str
) -> None:
    """M177: not even when the same task had been done before by the same process."""

    def fails(entry: bytes, params: Any) -> Any:  # by value, so that a child may run several tasks
        import os

        if entry == b"value":
            raise ValueError
        if entry == b"abort":
            os.abort()
        yield entry, 1

    disco = make_disco(input=["raw://x"], map=fails, partitions=None)
    with disco.start() as process:
        done = process.run_task("map", 0, [["raw://fine"]])
        failed = process.run_task("map", 0, [[f"raw://{how}"]])
    assert (done.outcome, failed.outcome) == ("done", outcome)
    assert disco.records([disco.index("map", [done.outputs])]) == [(b"fine", 1)]
    assert len(list((disco.home / ".disco" / "out").iterdir())) == 1


def test_the_job_home_is_on_the_path_first_and_stays_clean(make_disco: Callable[..., Any]) -> None:
    """The job home carries the SDK: nothing of this machine's is used."""
    disco = make_disco(input=["raw://x"], map=jobs.where_from, partitions=None)
    before = set(disco.home.rglob("*"))
    [output] = disco.run_task("map", 0, [["raw://x"]]).outputs
    [(sdk, pickler)] = disco.records([disco.index("map", [[output]])])
    assert sdk.startswith(str(disco.home)) and pickler.startswith(str(disco.home))
    new = {path for path in disco.home.rglob("*") if path.is_file()} - before
    assert all(path.relative_to(disco.home).parts[0] == ".disco" for path in new)


def pids_of(disco: Any, process: Any, count: int) -> list[int]:
    """Which process ran each of `count` tasks; a map of these tests gives its process's number."""
    ends = [process.run_task("map", number, [[f"raw://{number}"]]) for number in range(count)]
    assert [end.outcome for end in ends] == ["done"] * count
    found = disco.records([disco.index("map", [end.outputs for end in ends])])
    return [pid for _, pid in sorted(found)]


def test_small_tasks_share_a_child_and_nothing_else(make_disco: Callable[..., Any]) -> None:
    """A fork costs more than they do. Globals and params are fresh for each all the same."""
    seen: list[bytes] = []

    def numbers(entry: bytes, params: list[int]) -> Any:
        import os

        seen.append(entry)
        params.append(len(seen))
        yield (entry, params), os.getpid()

    disco = make_disco(input=["raw://x"], map=numbers, partitions=None, params=[])
    with disco.start() as process:
        ends = [process.run_task("map", number, [[f"raw://{number}"]]) for number in range(5)]
    found = disco.records([disco.index("map", [end.outputs for end in ends])])
    assert [key for key, _ in sorted(found)] == [(b"%d" % number, [1]) for number in range(5)]
    assert len({pid for _, pid in found}) == 1


def test_what_a_task_leaves_open_or_running_ends_its_child(make_disco: Callable[..., Any]) -> None:
    def leaves(entry: bytes, params: Any) -> Any:
        import os
        import threading
        import time

        started = time.process_time()
        if entry == b"1":
            os.open("/dev/null", os.O_RDONLY)
        if entry == b"3":
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        if entry == b"5":
            while time.process_time() < started + 0.1:
                pass
        if entry == b"7":
            os.environ["LEFT"] = "behind"
        yield entry, os.getpid()

    disco = make_disco(input=["raw://x"], map=leaves, partitions=None)
    with disco.start() as process:
        pids = pids_of(disco, process, 9)
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] == pids[5] != pids[6] == pids[7] != pids[8]


def test_modules_of_the_job_get_a_child_for_each_task(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=["raw://x"], map=jobs.process_number, partitions=None)
    with disco.start() as process:
        assert len(set(pids_of(disco, process, 3))) == 3


def test_a_killed_task_takes_no_output_of_an_earlier_one_with_it(make_disco: Callable[..., Any]) -> None:
    def killed(entry: bytes, params: Any) -> Any:
        import os
        import signal

        yield entry, 1
        if entry == b"2":
            os.kill(os.getpid(), signal.SIGKILL)

    disco = make_disco(input=["raw://x"], map=killed, partitions=None)
    with disco.start() as process:
        ends = [process.run_task("map", number, [[f"raw://{number}"]]) for number in range(3)]
    assert [end.outcome for end in ends][:2] == ["done", "done"] and ends[2].outcome != "done"
    kept = disco.records([disco.index("map", [end.outputs for end in ends[:2]])])
    assert sorted(kept) == [(b"0", 1), (b"1", 1)]
    assert not list(disco.home.glob(".disco/out/map-2-*"))
