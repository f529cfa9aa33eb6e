"""Every durable event comes back exactly; what is not known is refused (W1)."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_master import events as ev
from disco_master.model import (
    AttemptEnd,
    Counts,
    JobSpec,
    JobStatus,
    JobView,
    Mode,
    Outcome,
    Output,
    OutputKind,
    SchedulerOptions,
)
from disco_master.store.codec import KINDS, VERSIONS, CodecError, decode, encode

TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too
INTEGER = st.integers(0, 2**62)
URLS = st.tuples(TEXT, TEXT) | st.tuples(TEXT)
ENDS = st.builds(
    AttemptEnd,
    st.sampled_from(Outcome),
    TEXT,
    st.booleans(),
    st.lists(st.builds(Output, TEXT, st.sampled_from(OutputKind), INTEGER), max_size=3).map(tuple),
    st.none() | INTEGER,
    st.none() | INTEGER,
    TEXT,
    st.floats(0, 1e9),
    INTEGER,
)
SPECS = st.builds(
    JobSpec,
    name=TEXT,
    prefix=TEXT,
    owner=TEXT,
    worker=TEXT,
    inputs=st.lists(URLS, max_size=3).map(tuple),
    has_map=st.booleans(),
    has_reduce=st.booleans(),
    nr_reduces=INTEGER,
    scheduler=st.builds(SchedulerOptions, INTEGER, st.booleans(), st.booleans(), st.none() | INTEGER),
)
VIEW = JobView(
    name="job@1",
    owner="me",
    worker="w",
    started_s=1.5,
    status=JobStatus.READY,
    has_map=True,
    has_reduce=False,
    map=Counts(0, 0, 2, 1),
    reduce=Counts(),
    inputs=(("raw://1",), ("a", "b")),
    hosts=(),
    results=("dir://a", "tag://b"),
    map_results=("dir://a",),
    ended_s=None,
)


@given(INTEGER, TEXT, st.sampled_from(Mode), INTEGER, TEXT, ENDS)
def test_an_attempts_end_comes_back(
    attempt: int, job: str, mode: Mode, task: int, node: str, end: AttemptEnd
) -> None:
    event = ev.AttemptEnded(attempt, job, mode, task, node, end)
    assert decode(*encode(event)) == event


@given(SPECS)
def test_a_submission_comes_back(spec: JobSpec) -> None:
    assert decode(*encode(ev.JobSubmitted(spec))) == ev.JobSubmitted(spec)


OTHERS = [
    ev.MasterStarted(3),
    ev.JobKilled("j"),
    ev.JobCleaned("j", purge=True),
    ev.JobEnded(VIEW),
    ev.ShuffleEnded("j", Mode.REDUCE, "a", "dir://x", "no space"),
    ev.OutputsLost("j", "a"),
    ev.NodeTableSaved((("nx01:30", "8"), ("b", "1"))),
    ev.NodeTableSaved(()),
    ev.BlacklistChanged("gc", "a", listed=False),
    ev.SettingChanged("max_failure_rate", 7),
]


@pytest.mark.parametrize("event", OTHERS, ids=lambda event: type(event).__name__)
def test_the_other_events_come_back_as_the_same_types(event: Any) -> None:
    back = decode(*encode(event))
    assert back == event
    assert repr(back) == repr(event)


def test_every_event_called_durable_has_a_coder() -> None:
    """The word is in the docstrings of `events`."""
    durable = {
        kind.__name__
        for kind in vars(ev).values()
        if is_dataclass(kind) and (kind.__doc__ or "").startswith("Durable") and fields(kind)
    }
    assert durable == set(KINDS)


def test_what_is_not_durable_is_refused() -> None:
    with pytest.raises(TypeError, match="Tick is not a durable event"):
        encode(ev.Tick())


@pytest.mark.parametrize(("kind", "version"), [("JobKilled", 2), ("JobKilled", 0), ("JobPaused", 1)])
def test_another_releases_events_are_refused(kind: str, version: int) -> None:
    with pytest.raises(CodecError, match=f"event '{kind}', version {version}, is not known"):
        decode(kind, version, '{"job": "j"}')


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", "3", '{"jobs": "j"}'])
def test_a_damaged_body_is_refused(body: str) -> None:
    with pytest.raises(CodecError, match="event 'JobKilled' is damaged"):
        decode("JobKilled", VERSIONS[ev.JobKilled], body)


def test_a_missing_field_takes_its_default() -> None:
    kind, version, body = encode(ev.ShuffleEnded("j", Mode.MAP, "a", "i", "bad"))
    value = json.loads(body)
    del value["error"]
    assert decode(kind, version, json.dumps(value)) == ev.ShuffleEnded("j", Mode.MAP, "a", "i")
