"""When a task counts as a straggler: both sides of each limit (W16, M194)."""

from __future__ import annotations

import pytest

from disco_master.core.scheduling.backups import DONE_MIN, NEAR_END, SLOWNESS, SOONEST_S, Stragglers


def stragglers(count: int, times: list[float], started: dict[int, float]) -> Stragglers:
    found = Stragglers(count)
    for seconds in times:
        found.finished(seconds)
    for task, when in started.items():
        found.started(task, when, 1)
    return found


@pytest.mark.parametrize(("elapsed", "late"), [(SLOWNESS * 10 - 0.1, []), (SLOWNESS * 10, [7])])
def test_a_task_that_takes_twice_the_median(elapsed: float, late: list[int]) -> None:
    found = stragglers(4, [9.0, 10.0, 11.0], {7: 100.0})
    assert found.overdue(100.0 + elapsed, 3) == (late, None if late else 120.0)


@pytest.mark.parametrize(("elapsed", "late"), [(SOONEST_S - 0.1, []), (SOONEST_S, [7])])
def test_a_short_task_is_not_worth_it(elapsed: float, late: list[int]) -> None:
    assert stragglers(4, [0.1] * 3, {7: 100.0}).overdue(100.0 + elapsed, 3)[0] == late


@pytest.mark.parametrize(("done", "late"), [(int(100 * NEAR_END) - 1, []), (int(100 * NEAR_END), [7])])
def test_only_near_the_end_of_the_phase(done: int, late: list[int]) -> None:
    assert stragglers(100, [1.0] * 9, {7: 0.0}).overdue(50.0, done)[0] == late


@pytest.mark.parametrize(("finished", "late"), [(DONE_MIN - 1, []), (DONE_MIN, [7])])
def test_not_before_the_median_says_something(finished: int, late: list[int]) -> None:
    assert stragglers(1, [1.0] * finished, {7: 0.0}).overdue(50.0, 1)[0] == late


def test_the_slowest_first_and_each_once() -> None:
    found = stragglers(10, [10.0] * 8, {3: 0.0, 1: 5.0, 2: 90.0})
    assert found.overdue(30.0, 8) == ([3, 1], 110.0)
    found.started(3, 30.0, 2)
    assert found.overdue(30.0, 8) == ([1], 110.0)
    found.ended(1)
    assert found.overdue(30.0, 8) == ([], 110.0)
