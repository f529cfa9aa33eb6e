"""Which waiting task a free node gets (M183, M185)."""

from __future__ import annotations

from disco_master.core.scheduling.free import FreeNodes
from disco_master.core.scheduling.placement import Placement
from disco_master.core.scheduling.waiting import Waiting
from disco_master.core.task import Task
from disco_master.model import SchedulerOptions


def make(
    homes: list[str], *, may_move: bool = True, shun: tuple[str, ...] = ()
) -> tuple[Waiting, list[Task]]:
    """One waiting task for each string of one-letter hosts."""
    tasks = [Task(i) for i in range(len(homes))]
    waiting = Waiting(lambda task: tuple(homes[task.id]), may_move=may_move)
    for task in tasks:
        waiting.add(task, shun)
    return waiting, tasks


def free(nodes: str) -> FreeNodes:
    """One-letter nodes, the best first."""
    found = FreeNodes()
    for i, name in enumerate(nodes):
        found.put(name, i / 100)
    return found


def ids(waiting: Waiting, nodes: str) -> list[tuple[int, str]]:
    taken = []
    while pair := waiting.take(free(nodes)):
        taken.append((pair[0].id, pair[1]))
    return taken


def test_local_then_unbound_then_from_the_longest_queue() -> None:
    waiting, _ = make(["b", "", "a", "c", "b"])
    assert ids(waiting, "a") == [(2, "a"), (1, "a"), (0, "a"), (4, "a"), (3, "a")]
    assert waiting.size == 0
    assert not waiting.groups


def test_a_local_task_on_any_free_node_goes_before_a_better_node() -> None:
    waiting, _ = make(["", "b"])
    assert waiting.take(free("ab")) is not None
    assert ids(waiting, "ab") == [(0, "a")]


def test_a_task_with_replicas_is_taken_once() -> None:
    waiting, _ = make(["ab", "ab", "ab"])
    assert ids(waiting, "ab") == [(0, "a"), (1, "a"), (2, "a")]


def test_tasks_that_may_not_move_wait_for_their_node() -> None:
    """M108"""
    waiting, _ = make(["a", "b"], may_move=False)
    assert ids(waiting, "a") == [(0, "a")]
    assert waiting.size == 1


def test_shunned_nodes_get_nothing() -> None:
    waiting, _ = make(["a", ""], shun=("a",))
    assert ids(waiting, "a") == []
    assert ids(waiting, "ab") == [(1, "b"), (0, "b")]


def test_a_task_comes_back_into_another_group() -> None:
    waiting, tasks = make(["ab", "ab"])
    taken = waiting.take(free("a"))
    assert taken == (tasks[0], "a")
    waiting.add(tasks[0], ("a",))
    assert ids(waiting, "a") == [(1, "a")]
    assert ids(waiting, "b") == [(0, "b")]


def test_drain_gives_each_task_once_in_order() -> None:
    waiting, tasks = make(["ab", "", "b", "a"])
    waiting.take(free("b"))
    assert waiting.drain() == tasks[1:]
    assert all(task.group is None for task in tasks)
    assert waiting.take(free("ab")) is None


def test_only_nodes_of_the_cluster_count_as_places() -> None:
    placement = Placement((("http://far/x",), ("x://a/y", "x://far/y")))
    placement.cluster = {"a": None}
    assert placement.where(Task(0)) == ()
    assert placement.where(Task(1)) == ("a",)


def test_force_remote_shuns_the_hosts_of_the_input() -> None:
    """M109"""
    placement = Placement((("x://a/y", "x://b/y"),), SchedulerOptions(force_remote=True))
    placement.cluster = dict.fromkeys("abc")
    assert placement.shun(Task(0), list("abc")) == ("a", "b")
    assert placement.where(Task(0)) == ()
    assert placement.count_allowed(Task(0), list("abc")) == 1
