"""Hosts, replicas, outputs and where reduces go (M6, M100, C7, C14)."""

from __future__ import annotations

import pytest

from disco_master.core import inputs
from disco_master.model import Output, OutputKind


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("disco://nx01/disco/nx01/aa/job/x", "nx01"),
        ("http://web:8080/a", "web"),
        ("hdfs://h/x", "h"),
        ("tag://user:secret@nx02/name", "nx02"),
        ("http://[::1]:80/x", "::1"),
        ("raw://localhost", ""),
        ("file:///etc", ""),
        ("no url", ""),
        ("", ""),
    ],
)
def test_the_host_of_any_scheme(url: str, host: str) -> None:
    """M6"""
    assert inputs.host_of(url) == host


def test_hosts_come_once_and_in_order() -> None:
    assert inputs.hosts_of(("x://b/1", "x://a/1", "x://b/2", "raw://c")) == ("b", "a")
    assert inputs.hosts_of(("raw://c",)) == ()


def test_replicas_local_first_then_by_load() -> None:
    """C7"""
    loads = {"a": 0.9, "b": 0.1}
    urls = ("http://far/1", "x://a/1", "x://b/1", "x://here/1")
    ordered = inputs.best_first(urls, "here", lambda host: loads.get(host, 9.0))
    assert ordered == ("x://here/1", "x://b/1", "x://a/1", "http://far/1")


@pytest.mark.parametrize("count", [0, 1, inputs.PACK_ABOVE, inputs.PACK_ABOVE + 1, 500])
def test_outputs_are_kept_exactly(count: int) -> None:
    """M176: packed or not, what comes out is what went in; tags go their own way."""
    local = tuple(Output(f"disco://a/é{i}\n", OutputKind.PART, i) for i in range(count))
    kept, tags = inputs.split_outputs((Output("tag://t", OutputKind.TAG), *local))
    assert inputs.local_outputs(kept) == local
    assert tags == ("tag://t",)
    assert isinstance(kept, bytes) == (count > inputs.PACK_ABOVE)
    assert bool(kept) == bool(local)


def test_many_outputs_are_kept_small() -> None:
    local = tuple(Output(f"disco://a/job/out/map-7-part-{i}", OutputKind.PART, i) for i in range(1000))
    kept, _ = inputs.split_outputs(local)
    assert len(kept) < 10_000


def test_reduces_go_where_most_of_their_label_lies() -> None:
    """C14, M165"""
    held = {"a": {0: 10, 1: 1}, "b": {0: 1, 1: 10}, "c": {}}
    assert inputs.spread_reduces(2, held) == ["a", "b"]


def test_near_ties_are_shared_out() -> None:
    held = {
        "a": dict.fromkeys(range(6), 10),
        "b": dict.fromkeys(range(6), 9),
        "c": dict.fromkeys(range(6), 7),
    }
    assert inputs.spread_reduces(6, held) == ["a", "b"] * 3
    assert inputs.spread_reduces(3, {"a": {}, "b": {}}) == ["a", "b", "a"]
    assert inputs.spread_reduces(3, {}) == []
