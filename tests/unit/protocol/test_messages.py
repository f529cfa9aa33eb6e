"""Messages: every one through both ends, and what is wrong with a wrong one. M120-M153, C1, C20, F20."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.protocol.deliver import read_frames, vector_json, vector_names

from disco.protocol import messages as m
from disco.protocol.errors import MAX_QUOTED_CHARS, MessageError, VersionMismatch, quoted
from disco.protocol.frames import Frame
from disco.protocol.messages import Message, Role
from disco.protocol.parse import parse

VALID = vector_names("messages/valid")
INVALID = vector_names("messages/invalid")

IDS = st.integers(0, 2**40)
LINES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
PATHS = LINES.map(lambda text: "out/" + text.replace("..", "_"))
REPLICAS = st.lists(st.builds(m.Replica, IDS, st.text(max_size=20)), max_size=3).map(tuple)
ENTRIES = st.builds(m.InputEntry, IDS, st.sampled_from(["ok", "busy", "failed"]), REPLICAS)
PORTS = st.integers(0, m.MAX_PORT)
REQUESTS: list[st.SearchStrategy[Message]] = [
    st.builds(m.Worker, st.integers(1, 2**31), st.booleans()),
    st.just(m.TaskRequest()),
    st.just(m.InputRequest()),
    st.builds(m.InputRequest, st.sampled_from(["exclude", "include"]), st.lists(IDS).map(tuple)),
    st.builds(m.InputErr, IDS, st.lists(IDS).map(tuple)),
    st.builds(m.Msg, st.text()),
    st.builds(m.OutputMsg, PATHS, st.just("part"), st.integers(0, m.MAX_LABEL)),
    st.builds(m.OutputMsg, PATHS, st.sampled_from(["disco", "tag"])),
    st.just(m.Ping()),
    st.just(m.Done()),
    st.builds(m.Error, st.text()),
    st.builds(m.Fatal, st.text()),
]
REPLIES: list[st.SearchStrategy[Message]] = [
    st.just(m.Ok()),
    st.builds(
        m.TaskInfo,
        LINES,
        LINES.map(lambda text: "http://" + text),
        LINES,
        IDS,
        st.sampled_from(["map", "reduce"]),
        PORTS,
        PORTS,
        *[LINES.map(lambda text: "/" + text)] * 3,
    ),
    st.builds(m.InputReply, st.booleans(), st.lists(ENTRIES, max_size=4).map(tuple)),
    st.builds(m.Retry, REPLICAS.filter(bool)),
    st.builds(m.Wait, st.integers(m.MIN_WAIT_S, m.MAX_WAIT_S)),
    st.just(m.Fail()),
]
SAID = st.one_of(
    st.tuples(st.just(Role.WORKER), st.one_of(REQUESTS)), st.tuples(st.just(Role.DISCO), st.one_of(REPLIES))
)

MESSAGES = {
    kind
    for kind in vars(m).values()
    if isinstance(kind, type) and issubclass(kind, Message) and kind not in (Message, m.Request, m.Reply)
}


def frame_bytes(vector: dict[str, Any]) -> bytes:
    if "frame" in vector:
        return str(vector["frame"]).encode("utf-8")
    return base64.b64decode(vector["frame_base64"])


@given(SAID, st.sampled_from([None, 1, 5]))
def test_every_message_goes_through_both_ends(said: tuple[Role, Message], size: int | None) -> None:
    """M119, F2: whole, byte by byte, in pieces."""
    sender, message = said
    (frame,) = read_frames(message.to_frame(), size)
    assert parse(frame, sender) == message


@pytest.mark.parametrize("name", VALID)
def test_valid_vector_is_read_and_written_in_its_canonical_form(name: str) -> None:
    vector = vector_json("messages/valid", name)
    (frame,) = read_frames(frame_bytes(vector))
    message = parse(frame, Role(vector["from"]))
    assert message.payload() == vector["payload"]
    (again,) = read_frames(message.to_frame())
    assert parse(again, Role(vector["from"])) == message


def test_every_message_of_both_ends_has_a_valid_vector() -> None:
    """M120."""
    seen = set()
    for name in VALID:
        vector = vector_json("messages/valid", name)
        (frame,) = read_frames(frame_bytes(vector))
        seen.add(type(parse(frame, Role(vector["from"]))))
    assert seen == MESSAGES


@pytest.mark.parametrize("name", INVALID)
def test_invalid_vector_is_a_bad_message_that_names_its_frame(name: str) -> None:
    """M120: unknown name, bad JSON or wrong payload shape is fatal."""
    vector = vector_json("messages/invalid", name)
    (frame,) = read_frames(frame_bytes(vector))
    with pytest.raises(MessageError) as caught:
        parse(frame, Role(vector["from"]))
    assert caught.value.name == frame.name and frame.name in str(caught.value)
    assert len(str(caught.value)) < 3 * MAX_QUOTED_CHARS and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "sender", "text"),
    [
        (
            Frame("OUTPUT", b'["/tmp/x","part",0]'),
            Role.WORKER,
            "Bad message OUTPUT: location must be a path relative to the job home, "
            "without '..', not '/tmp/x'",
        ),
        (
            Frame("OUTPUT", b'["x","part",true]'),
            Role.WORKER,
            "Bad message OUTPUT: label must be an integer from 0 to 2147483647, "
            "or its decimal text, not True",
        ),
        (
            Frame("WAIT", b"61"),
            Role.DISCO,
            "Bad message WAIT: the payload must be an integer from 1 to 60, not 61",
        ),
        (
            Frame("PING", b"{}"),
            Role.WORKER,
            'Bad message PING: the payload must be the empty string "", not {}',
        ),
        (
            Frame("INPUT", b'["done",[[0,"ok",[[0,1]]]]]'),
            Role.DISCO,
            "Bad message INPUT: inputs[0].replicas[0].url must be a string, not 1",
        ),
        (
            Frame("WORKER", b'{"version":"1.1"}'),
            Role.WORKER,
            "Bad message WORKER: the worker speaks protocol version '1.1', this Disco speaks '1.0'",
        ),
    ],
)
def test_text_says_what_was_expected_and_what_came(frame: Frame, sender: Role, text: str) -> None:
    with pytest.raises(MessageError) as caught:
        parse(frame, sender)
    assert str(caught.value) == text


def test_version_mismatch_is_an_error_of_its_own_that_holds_both_versions() -> None:
    """M121."""
    with pytest.raises(VersionMismatch) as caught:
        parse(Frame("WORKER", b'{"version":"2.0","stage":"map"}'), Role.WORKER)
    assert (caught.value.theirs, caught.value.ours) == ("2.0", "1.0")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize("length", [10, 10**6])
def test_a_large_payload_is_quoted_cut(length: int) -> None:
    for payload in (["x" * length] * 3, {"a" * length: "b" * length}, "x" * length, [[1] * length], 10**300):
        assert len(quoted(payload)) <= MAX_QUOTED_CHARS
    with pytest.raises(MessageError) as caught:
        parse(Frame("MSG", json.dumps([0] * length).encode()), Role.WORKER)
    assert len(str(caught.value)) < 2 * MAX_QUOTED_CHARS


@pytest.mark.parametrize(
    ("payload", "legal"),
    [
        (["x" * m.MAX_LOCATION_BYTES, "disco"], True),
        (["x" * (m.MAX_LOCATION_BYTES + 1), "disco"], False),
        (["é" * (m.MAX_LOCATION_BYTES // 2), "tag"], True),
        (["é" * (m.MAX_LOCATION_BYTES // 2) + "x", "tag"], False),
        (["x", "part", m.MAX_LABEL], True),
        (["x", "part", m.MAX_LABEL + 1], False),
        (["x", "part", str(m.MAX_LABEL)], True),
        (["x", "part", str(m.MAX_LABEL + 1)], False),
        (["x", "part", "9" * 5000], False),
    ],
)
def test_limits_of_output_on_both_sides(payload: list[Any], legal: bool) -> None:
    """C20: labels as integers and as text."""
    frame = Frame("OUTPUT", json.dumps(payload).encode())
    if legal:
        assert isinstance(parse(frame, Role.WORKER), m.OutputMsg)
    else:
        with pytest.raises(MessageError, match="OUTPUT"):
            parse(frame, Role.WORKER)


@pytest.mark.parametrize(("seconds", "legal"), [(0, False), (1, True), (60, True), (61, False)])
def test_limits_of_wait_on_both_sides(seconds: int, legal: bool) -> None:
    """M146."""
    frame = Frame("WAIT", str(seconds).encode())
    if legal:
        assert parse(frame, Role.DISCO) == m.Wait(seconds)
    else:
        with pytest.raises(MessageError, match="WAIT"):
            parse(frame, Role.DISCO)


def test_unknown_name_is_told_what_there_is() -> None:
    """M120."""
    with pytest.raises(MessageError, match=r"worker end may only send WORKER, TASK, INPUT.*payload was b'1'"):
        parse(Frame("HELLO", b"1"), Role.WORKER)


def test_messages_are_values() -> None:
    assert m.Ok() == m.Ok() and m.Ping() != m.Done() and len({m.Wait(1), m.Wait(1)}) == 1
    with pytest.raises(AttributeError):
        m.Wait(1).seconds = 2


def test_task_reply_has_every_key_of_the_documents() -> None:
    """M123-M132."""
    assert tuple(name for name in m.TaskInfo.__dataclass_fields__) == m.TASK_KEYS
