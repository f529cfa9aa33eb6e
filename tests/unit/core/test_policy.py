"""Numbers of the retry policy, on both sides of each limit (M185 to M188, W11)."""

from __future__ import annotations

from random import Random

import pytest

from disco_master.core.failure import policy
from disco_master.core.task import Cause, Trouble
from disco_master.core.texts import duration, how_it_ended, worker_line
from disco_master.model import AttemptEnd, Mode, Outcome, SchedulerOptions

CAUSE = Cause(Mode.MAP, 0, "a", 1, "boom", None, None, 0, "")


def trouble(*seen: tuple[str, str]) -> Trouble:
    """Failures as (message, node)."""
    marks = [(policy.fingerprint(AttemptEnd(Outcome.FAILED, text)), node) for text, node in seen]
    return Trouble(CAUSE, failures=len(marks), seen=marks)


@pytest.mark.parametrize(("failures", "pause"), [(1, 1), (7, 7), (59, 59), (60, 60), (61, 60), (9999, 60)])
def test_the_pause_grows_to_a_minute_give_or_take_a_quarter(failures: int, pause: int) -> None:
    """M186"""
    rng = Random(1)
    pauses = [policy.retry_pause_s(failures, rng) for _ in range(200)]
    assert min(pauses) >= pause * 0.75
    assert max(pauses) <= pause * 1.25
    assert max(pauses) - min(pauses) > pause * 0.3


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_failures_are_counted(outcome: Outcome) -> None:
    """M187: a lost node and a kill are nobody's fault."""
    counted = {Outcome.FAILED, Outcome.CRASHED, Outcome.ENGINE_ERROR}
    assert policy.is_counted(AttemptEnd(outcome)) == (outcome in counted)


def test_a_jobs_own_limit_goes_before_the_masters() -> None:
    """C8"""
    assert policy.failure_limit(SchedulerOptions(), 10) == 10
    assert policy.failure_limit(SchedulerOptions(max_failures=3), 10) == 3
    assert policy.failure_limit(SchedulerOptions(max_failures=0), 10) == 0


def test_the_same_message_from_three_nodes_is_deterministic() -> None:
    """W11"""
    assert policy.is_deterministic(trouble(("x", "a"), ("x", "b"), ("x", "c")), usable_nodes=5)
    assert not policy.is_deterministic(trouble(("x", "a"), ("x", "b")), usable_nodes=5)
    assert not policy.is_deterministic(trouble(("x", "a"), ("x", "b"), ("x", "b")), usable_nodes=2)
    assert not policy.is_deterministic(trouble(("x", "a"), ("x", "b"), ("y", "c")), usable_nodes=5)


def test_on_one_node_three_times_will_do() -> None:
    assert policy.is_deterministic(trouble(("x", "a"), ("y", "a"), ("x", "a"), ("x", "a")), usable_nodes=1)
    assert not policy.is_deterministic(trouble(("x", "a"), ("x", "a")), usable_nodes=1)
    assert not policy.is_deterministic(trouble(("x", "a"), ("x", "a"), ("x", "a")), usable_nodes=2)


def test_addresses_pids_and_stamps_do_not_make_messages_different() -> None:
    def mark(text: str) -> bytes:
        return policy.fingerprint(AttemptEnd(Outcome.FAILED, text))

    assert mark("<A at 0x7f12ab> of pid 12345") == mark("<A at 0x7f99> of pid 54321")
    assert mark("line 12") != mark("line 13")
    assert mark("\udcff") != mark("\udcfe")
    assert policy.fingerprint(AttemptEnd(Outcome.CRASHED, "x", signal=9)) != policy.fingerprint(
        AttemptEnd(Outcome.CRASHED, "x", signal=11)
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00.000"), (61.2345, "0:01:01.234"), (3599.9996, "1:00:00.000"), (360000, "100:00:00.000")],
)
def test_durations(seconds: float, text: str) -> None:
    """M572"""
    assert duration(seconds) == text


def test_a_message_is_cut_for_its_line() -> None:
    """C5: 255 characters are shown, the 256th is not."""
    assert worker_line(Mode.MAP, 3, "x" * 255) == "MSG: [map:3] " + "x" * 255
    assert worker_line(Mode.MAP, 3, "x" * 256) == "MSG: [map:3] " + "x" * 255


def test_how_an_attempt_ended_says_what_is_known() -> None:
    """W4"""
    assert how_it_ended(CAUSE) == ""
    crash = Cause(Mode.MAP, 0, "a", 1, "boom", 3, None, 2 * 1024 * 1024, "so long")
    assert how_it_ended(crash) == "exit status 3, peak memory 2.0 MiB\nlast words: so long"
