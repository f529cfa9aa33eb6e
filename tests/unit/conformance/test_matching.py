"""Matchers: what fits, what is bound, what is sent in their place."""

from __future__ import annotations

from typing import Any

import pytest

from disco_conformance.session.matching import Scope, compile_payload, mismatch, realise
from disco_conformance.session.model import SessionError


def fits(want: Any, got: Any, scope: Scope | None = None) -> bool:
    return mismatch(compile_payload(want), got, scope or Scope()) is None


@pytest.mark.parametrize(
    ("want", "good", "bad"),
    [
        ("$any", [1, "a", None, {}], []),
        ("$str", ["", "a"], [1, None, [], {}]),
        ("$int", [0, -1, 5], ["0", 1.0, True, None]),
        ("$int>0", [1, 7], [0, -1, "1"]),
        ("$int>=0", [0, 1], [-1]),
        ("$int<5", [4], [5]),
        ("$int<=5", [5], [6]),
        ("$list", [[], [1]], ["[]", {}]),
        ("$object", [{}], [[]]),
        ("$re:^a.c$", ["abc"], ["abcd", 1]),
        ("$$any", ["$any"], ["any", 1]),
        ("ok", ["ok"], ["OK", ["ok"]]),
        (1, [1], [1.0, True, "1"]),
        (True, [True], [1]),
        (None, [None], [0, ""]),
        ([1, "$int"], [[1, 2]], [[1], [1, 2, 3], [2, 2], "x"]),
        ([1, "..."], [[1], [1, 2]], [[], [2]]),
        ({"a": 1}, [{"a": 1}], [{}, {"a": 2}, {"a": 1, "b": 2}, []]),
        ({"a": 1, "...": True}, [{"a": 1, "b": 2}], [{"b": 2}]),
        ({"a?": 1}, [{}, {"a": 1}], [{"a": 2}]),
    ],
)
def test_what_fits(want: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(want, value)] == []
    assert [value for value in bad if fits(want, value)] == []


def test_names_are_bound_and_recalled() -> None:
    scope = Scope()
    assert fits({"id": "$int as input"}, {"id": 7}, scope)
    assert fits("$=input", 7, scope)
    assert not fits("$=input", 8, scope)
    assert realise(compile_payload(["$=input"]), scope) == [7]


def test_the_pid_is_the_workers() -> None:
    scope = Scope(is_worker_pid=lambda pid: pid == 42)
    assert fits("$pid", 42, scope)
    assert not fits("$pid", 43, scope)
    assert not fits("$pid", "42", scope)


def test_samples_are_sent() -> None:
    want = compile_payload({"a": "$int>0 ~ 5", "b?": "$str as s ~ x y", "c": "{http}/{unknown}", "...": True})
    scope = Scope(words={"http": "h:1"})
    assert realise(want, scope) == {"a": 5, "b": "x y", "c": "h:1/{unknown}"}
    assert scope.bound == {"s": "x y"}


@pytest.mark.parametrize("bad", ["$number", "$int>", "$re:(", "$int ~ x", "$int>0 ~ 0", "$pad:many"])
def test_nonsense_is_refused(bad: str) -> None:
    with pytest.raises(SessionError):
        compile_payload([bad])


def test_the_reason_says_where() -> None:
    reason = mismatch(compile_payload(["a", {"k": "$int"}]), ["a", {"k": "x"}], Scope())
    assert reason == "'k' is \"x\", which is not an integer"
