"""The worker process: a template that forks a child for each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unit.worker import sample_jobs as jobs

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


def test_a_failed_task_ends_the_process(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=["raw://value"], map=jobs.fails, partitions=None)
    with disco.start() as process:
        assert process.run_task("map", 0, [["raw://value"]]).outcome == "fatal"
        assert process.process.wait(10) != 0


def test_outputs_are_whole_or_not_there(make_disco: Callable[..., Any]) -> None:
    """M177, M413: what a failed task has written is removed, so the next attempt has the room."""
    disco = make_disco(input=["raw://x"], map=jobs.fails_at_the_end, partitions=None)
    end = disco.run_task("map", 0, [["raw://x"]])
    assert (end.outcome, end.outputs) == ("fatal", [])
    assert list((disco.home / ".disco" / "out").iterdir()) == []


def test_a_killed_task_leaves_no_output_either(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=["raw://x"], map=jobs.killed_at_the_end, partitions=None)
    end = disco.run_task("map", 0, [["raw://x"]])
    assert (end.outcome, end.exit_status) == ("exited", -9)
    assert list((disco.home / ".disco" / "out").iterdir()) == []


def test_the_job_home_is_on_the_path_first_and_stays_clean(make_disco: Callable[..., Any]) -> None:
    """The job home carries the SDK: nothing of this machine's is used."""
    disco = make_disco(input=["raw://x"], map=jobs.where_from, partitions=None)
    before = set(disco.home.rglob("*"))
    [output] = disco.run_task("map", 0, [["raw://x"]]).outputs
    [(sdk, pickler)] = disco.records([disco.index("map", [[output]])])
    assert sdk.startswith(str(disco.home)) and pickler.startswith(str(disco.home))
    new = {path for path in disco.home.rglob("*") if path.is_file()} - before
    assert all(path.relative_to(disco.home).parts[0] == ".disco" for path in new)
