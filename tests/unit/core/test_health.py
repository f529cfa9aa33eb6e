"""Nodes where everything fails, and losses that have a cause of their own (W11, W15, W21, M193)."""

from __future__ import annotations

import pytest

from disco_master.core.failure import policy
from disco_master.core.failure.health import FIRST_PAUSE_S, PAUSE_MAX_S, STREAK, TASKS_MIN, Health
from disco_master.core.failure.policy import Losses
from disco_master.core.task import Cause, Trouble
from disco_master.model import Mode

CAUSE = Cause(Mode.MAP, 0, "a", 1, "boom", None, None, 0, "")


def fail(health: Health, count: int, tasks: int = TASKS_MIN, node: str = "bad") -> None:
    for i in range(count):
        health.failed(node, ("job", "map", i % tasks))


@pytest.mark.parametrize(("failures", "bad"), [(STREAK - 1, False), (STREAK, True)])
def test_a_streak_of_failures(failures: int, bad: bool) -> None:
    health = Health()
    fail(health, 1)
    health.succeeded("good")
    fail(health, failures - 1)
    assert health.is_bad("bad") == bad
    assert not health.is_bad("good")


@pytest.mark.parametrize(("tasks", "bad"), [(TASKS_MIN - 1, False), (TASKS_MIN, True)])
def test_of_one_bad_task_the_node_is_not_guilty(tasks: int, bad: bool) -> None:
    health = Health()
    fail(health, STREAK, tasks)
    health.succeeded("good")
    assert health.is_bad("bad") == bad


def test_when_nothing_succeeds_anywhere_the_nodes_are_not_guilty() -> None:
    health = Health()
    health.succeeded("good")  # before the streak
    fail(health, STREAK)
    assert not health.is_bad("bad")
    health.succeeded("good")
    assert health.is_bad("bad")


def test_a_success_begins_anew() -> None:
    health = Health()
    fail(health, STREAK)
    health.succeeded("good")
    health.succeeded("bad")
    fail(health, STREAK - 1)
    health.succeeded("good")
    assert not health.is_bad("bad")


def test_each_pause_is_longer_and_then_one_failure_is_enough() -> None:
    health = Health()
    fail(health, STREAK)
    health.succeeded("good")
    pauses = []
    for _ in range(6):
        pauses.append(health.pause_s("bad"))
        assert not health.is_bad("bad")
        fail(health, 1)
        assert health.is_bad("bad")
    assert pauses == [FIRST_PAUSE_S, 120.0, 240.0, 480.0, PAUSE_MAX_S, PAUSE_MAX_S]
    health.forget("bad")
    assert not health.is_bad("bad")


@pytest.mark.parametrize(
    ("apart", "excused"), [(policy.SAME_TIME_S, True), (policy.SAME_TIME_S + 0.1, False)]
)
def test_nodes_lost_at_about_the_same_time(apart: float, excused: bool) -> None:
    losses = Losses()
    losses.note("a", 100.0)
    assert not losses.is_excused("a", 100.0, None), "the first one has no excuse"
    losses.note("a", 100.0)
    losses.note("b", 100.0 + apart)
    assert losses.is_excused("b", 100.0 + apart, None) == excused


@pytest.mark.parametrize(("used", "excused"), [(policy.EXCUSES_MAX - 1, True), (policy.EXCUSES_MAX, False)])
def test_excuses_are_used_up(used: int, excused: bool) -> None:
    losses = Losses()
    losses.note("a", 100.0)
    losses.note("b", 100.0)
    assert losses.is_excused("b", 100.0, Trouble(CAUSE, excuses=used)) == excused
