"""The model of Disco's part about inputs (M133 to M146), and its judgement of the worker."""

from __future__ import annotations

import pytest

from disco_conformance.session.model import Input
from disco_conformance.wire.inputs import FAST_POLLS, MIN_PAUSE_S, InputModel, Violation


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def model(*inputs: Input, grow: bool = False) -> tuple[InputModel, Clock]:
    clock = Clock()
    return InputModel(tuple(inputs), grow, clock=clock), clock


A = Input(0, ((0, "raw://a"),))
B = Input(5, ((3, "raw://b"), (1, "raw://c")))


def test_the_whole_list_is_done_at_once() -> None:
    served, _ = model(A, B)
    assert served.input("") == (
        "INPUT", ["done", [[0, "ok", [[0, "raw://a"]]], [5, "ok", [[3, "raw://b"], [1, "raw://c"]]]]]
    )  # fmt: skip


def test_include_and_exclude() -> None:
    """M137, M138: unknown ids are left out."""
    served, clock = model(A, B)
    assert served.input(["exclude", [0]])[1][1] == [[5, "ok", [[3, "raw://b"], [1, "raw://c"]]]]
    clock.now += 1
    assert served.input(["include", [0, 99]])[1] == ["done", [[0, "ok", [[0, "raw://a"]]]]]


def test_more_until_everything_is_listed() -> None:
    """M133."""
    served, clock = model(A, Input(1, ((0, "raw://late"),), from_poll=3))
    flags = []
    for _ in range(3):
        flags.append(served.input("")[1][0])
        clock.now += 1
    assert flags == ["more", "more", "done"]


def test_busy_has_no_replicas_yet() -> None:
    """M135."""
    served, clock = model(Input(0, ((0, "raw://a"),), status=("busy", "ok")))
    assert served.input("") == ("INPUT", ["more", [[0, "busy", []]]])
    clock.now += 1
    assert served.input("") == ("INPUT", ["done", [[0, "ok", [[0, "raw://a"]]]]])


def test_retry_names_only_what_was_not_reported() -> None:
    """M144, M145."""
    served, _ = model(Input(4, ((0, "raw://a"), (1, "raw://b")), spare=((9, "raw://c"),)))
    served.input("")
    assert served.input_err([4, [0]]) == ("RETRY", [[1, "raw://b"], [9, "raw://c"]])
    assert served.input_err([4, [1, 9]]) == ("FAIL", "")
    assert served.input_err([77, [0]]) == ("FAIL", "")


def test_wait_then_the_new_replica() -> None:
    """M146."""
    served, clock = model(Input(0, ((0, "raw://a"),), made=((7, "raw://new"),), wait_s=2))
    served.input("")
    assert served.input_err([0, [0]]) == ("WAIT", 2)
    clock.now = 1.9
    assert served.input("") == ("INPUT", ["done", [[0, "busy", []]]])
    clock.now = 2.0
    assert served.input("") == ("INPUT", ["done", [[0, "ok", [[7, "raw://new"]]]]])
    assert served.input_err([0, [7]]) == ("FAIL", "")


def test_polls_must_be_paced() -> None:
    served, clock = model(A)
    for _ in range(FAST_POLLS):
        served.input("")
    with pytest.raises(Violation) as caught:
        served.input("")
    assert caught.value.requirement == "input.backoff"
    served, clock = model(A)
    for _ in range(FAST_POLLS * 3):
        served.input("")
        clock.now += MIN_PAUSE_S * 1.01


@pytest.mark.parametrize(
    "payload", [None, [], ["exclude"], ["exclude", ["0"]], ["all", []], {"include": [0]}]
)
def test_other_requests_are_violations(payload: object) -> None:
    served, _ = model(A)
    with pytest.raises(Violation, match="must be"):
        served.input(payload)


@pytest.mark.parametrize("payload", ["", [0], [0, 0], [0, []], [0, ["0"]], ["0", [0]], [0, [55]]])
def test_other_reports_are_violations(payload: object) -> None:
    served, _ = model(A)
    served.input("")
    with pytest.raises(Violation):
        served.input_err(payload)
