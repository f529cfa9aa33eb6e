"""Messages of the cluster: what a node or a worker says comes over as it was; what is no message does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_master.engine.dask import wire
from disco_master.model import AttemptEnd, FoundAttempt, Input, Mode, Outcome, Output, OutputKind, TaskSpec

TEXTS = st.text(st.characters(), max_size=50)  # lone surrogates too: a worker's JSON may hold them
NUMBERS = st.integers(0, 2**62)
OUTPUTS = st.builds(Output, TEXTS, st.sampled_from(OutputKind), st.integers(0, 2**31), NUMBERS)
ENDS = st.builds(
    AttemptEnd,
    outcome=st.sampled_from(Outcome),
    message=TEXTS,
    fatal=st.booleans(),
    outputs=st.lists(OUTPUTS, max_size=3).map(tuple),
    exit_status=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    last_words=TEXTS,
    cpu_s=st.floats(0, 1e6),
    peak_memory_bytes=NUMBERS,
    unreadable=st.lists(TEXTS, max_size=3).map(tuple),
)
INPUTS = st.builds(Input, NUMBERS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple))
SPECS = st.builds(
    TaskSpec, TEXTS, st.sampled_from(Mode), NUMBERS, NUMBERS, st.lists(INPUTS, max_size=3).map(tuple)
)
FOUND = st.builds(FoundAttempt, NUMBERS, TEXTS, st.sampled_from(Mode), NUMBERS)
HELLOS = st.builds(
    wire.Hello, TEXTS, NUMBERS, NUMBERS, TEXTS, NUMBERS, TEXTS, st.lists(FOUND, max_size=3).map(tuple)
)


@given(ENDS | SPECS | HELLOS)
def test_a_value_comes_over_as_it_was(value):
    message = wire.load(wire.dump("op", value=wire.plain(value)))
    assert message["op"] == "op"
    assert wire.typed(type(value), message["value"]) == value


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"op"', b"{}", b'{"op": 1}', None, "{}", 7, b"\xff"])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.load(data)


@pytest.mark.parametrize(
    "value", [None, [], {}, {"outcome": "unheard of"}, {"outcome": "done", "outputs": [{"url": "x"}]}]
)
def test_what_is_no_end_is_refused(value):
    with pytest.raises(wire.WireError, match="AttemptEnd"):
        wire.typed(AttemptEnd, value)


def test_a_field_of_a_later_release_is_passed_over_and_a_missing_one_has_its_default():
    end = {**wire.plain(AttemptEnd(Outcome.DONE)), "new": 1}
    del end["unreadable"]
    assert wire.typed(AttemptEnd, json.loads(json.dumps(end))) == AttemptEnd(Outcome.DONE)


def test_a_secret_is_not_shown_in_logs():
    assert "hush" not in repr(wire.Hello("n", 1, 1, "1.0", secret="hush"))
