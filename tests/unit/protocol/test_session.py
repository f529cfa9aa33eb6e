"""Sessions: both ends over the same bytes. M117, M121, M149-M154, F2, F4."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.protocol.deliver import pieces

from disco.protocol import messages as m
from disco.protocol.errors import FrameError, MessageError, OutOfTurn, VersionMismatch
from disco.protocol.messages import Message, Role
from disco.protocol.session import END_OF_INPUT, NEED_DATA, TABLES, Session, State

TASK = m.TaskInfo("h", "http://h:8989", "job@1", 0, "map", 8989, 8990, "/data", "/ddfs", "/jobfile")
INPUTS = m.InputReply(False, (m.InputEntry(0, "ok", (m.Replica(0, "raw://a"),)),))
REQUESTS: dict[str, Message] = {
    "WORKER": m.Worker(7),
    "TASK": m.TaskRequest(),
    "INPUT": m.InputRequest(),
    "INPUT_ERR": m.InputErr(0, (0,)),
    "MSG": m.Msg("hello"),
    "OUTPUT": m.OutputMsg("out/0", "part", 3),
    "PING": m.Ping(),
    "DONE": m.Done(),
    "ERROR": m.Error("no"),
    "FATAL": m.Fatal("never"),
}
REPLIES: dict[str, Message] = {
    "OK": m.Ok(),
    "TASK": TASK,
    "INPUT": INPUTS,
    "RETRY": m.Retry((m.Replica(1, "raw://b"),)),
    "WAIT": m.Wait(1),
    "FAIL": m.Fail(),
}
PATHS: dict[State, tuple[str, ...]] = {
    State.FRESH: (),
    State.ANNOUNCED: ("WORKER",),
    State.RUNNING: ("WORKER", "TASK"),
    State.DONE: ("WORKER", "TASK", "DONE"),
    State.ERRORED: ("WORKER", "ERROR"),
    State.FATAL: ("WORKER", "FATAL"),
}
ANSWERS = {"WORKER": "OK", "TASK": "TASK", "DONE": "OK", "ERROR": "OK", "FATAL": "OK"}


class Pair:
    """A worker's end and Disco's, joined by a wire that hands on pieces of `size` bytes."""

    def __init__(self, size: int = 10**9) -> None:
        self.size = size
        self.worker = Session(Role.WORKER)
        self.disco = Session(Role.DISCO)

    def ask(self, message: Message) -> Message:
        (heard,) = self._carry(self.worker.send(message), self.disco)
        return heard

    def answer(self, message: Message) -> Message:
        (heard,) = self._carry(self.disco.send(message), self.worker)
        return heard

    def go_to(self, state: State) -> None:
        for name in PATHS[state]:
            self.ask(REQUESTS[name])
            self.answer(REPLIES[ANSWERS[name]])
        assert self.worker.state is self.disco.state is state

    def _carry(self, data: bytes, to: Session) -> Iterator[Message]:
        for piece in pieces(data, self.size):
            to.receive_data(piece)
            while (event := to.next_event()) is not NEED_DATA:
                assert isinstance(event, Message)
                yield event


@pytest.mark.parametrize("size", [1, 3, 10**9])
def test_a_whole_task(size: int) -> None:
    """M154, F2: handshake, inputs, a failed replica, outputs, the end."""
    pair = Pair(size)
    talk: list[tuple[Message, Message]] = [
        (m.Worker(7), m.Ok()),
        (m.TaskRequest(), TASK),
        (m.InputRequest(), INPUTS),
        (m.InputErr(0, (0,)), m.Wait(1)),
        (m.InputRequest("include", (0,)), INPUTS),
        (m.InputErr(0, (0,)), m.Retry((m.Replica(1, "raw://b"),))),
        (m.InputErr(0, (0, 1)), m.Fail()),
        (m.Msg("é"), m.Ok()),
        (m.OutputMsg("out/0", "disco"), m.Ok()),
        (m.Ping(), m.Ok()),
        (m.Done(), m.Ok()),
    ]
    for request, reply in talk:
        assert pair.ask(request) == request
        assert pair.disco.owed == pair.worker.owed == 1
        assert not pair.disco.ended
        assert pair.answer(reply) == reply
    assert pair.disco.ended and pair.worker.ended and pair.disco.state is State.DONE


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_in_every_state_at_both_ends(state: State, name: str) -> None:
    """WORKER first and once, TASK before inputs and outputs, nothing after the last word. F4."""
    pair = Pair()
    pair.go_to(state)
    request = REQUESTS[name]
    if name in TABLES["1.0"][Role.WORKER][state]:
        assert pair.ask(request) == request
        assert pair.worker.state is pair.disco.state
        return
    with pytest.raises(OutOfTurn, match=name):
        pair.worker.send(request)
    assert pair.worker.owed == 0 and pair.worker.state is state
    pair.disco.receive_data(request.to_frame())
    with pytest.raises(MessageError, match=f"{name}: out of order: the worker is {state}"):
        pair.disco.next_event()


@pytest.mark.parametrize("asked", REQUESTS)
@pytest.mark.parametrize("said", REPLIES)
def test_every_reply_to_every_request_at_both_ends(asked: str, said: str) -> None:
    """M117: each request has its replies."""
    pair = Pair()
    if asked != "WORKER":
        pair.go_to(State.RUNNING)
    pair.ask(REQUESTS[asked])
    reply = REPLIES[said]
    legal = said in TABLES["1.0"][Role.DISCO][asked] and (asked, said) != ("DONE", "TASK")
    if legal:
        assert pair.answer(reply) == reply
        assert pair.worker.owed == pair.disco.owed == 0
        return
    with pytest.raises(OutOfTurn, match=said):
        pair.disco.send(reply)
    pair.worker.receive_data(reply.to_frame())
    with pytest.raises(MessageError, match=f"{said}: out of order"):
        pair.worker.next_event()


def test_each_end_can_only_say_its_own_words() -> None:
    pair = Pair()
    pair.go_to(State.RUNNING)
    with pytest.raises(OutOfTurn):
        pair.worker.send(TASK)  # the name TASK is legal, the reply is not
    pair.ask(m.TaskRequest())
    with pytest.raises(OutOfTurn):
        pair.disco.send(m.TaskRequest())


def test_pipelined_requests_are_answered_in_order() -> None:
    """M117."""
    pair = Pair()
    requests: list[Message] = [m.Worker(7), m.TaskRequest(), m.InputRequest(), m.Ping(), m.Done()]
    replies: list[Message] = [m.Ok(), TASK, INPUTS, m.Ok(), m.Ok()]
    pair.disco.receive_data(b"".join(pair.worker.send(request) for request in requests))
    assert [pair.disco.next_event() for _ in requests] == requests
    assert pair.disco.next_event() is NEED_DATA and pair.disco.owed == 5
    with pytest.raises(OutOfTurn, match="answer to WORKER is OK"):
        pair.disco.send(TASK)
    pair.worker.receive_data(b"".join(pair.disco.send(reply) for reply in replies))
    assert [pair.worker.next_event() for _ in replies] == replies
    assert pair.worker.next_event() is NEED_DATA and pair.worker.ended


@given(st.lists(st.sampled_from(["INPUT", "MSG", "OUTPUT", "PING", "INPUT_ERR"]), max_size=12), st.data())
def test_both_ends_agree_however_requests_and_replies_interleave(
    names: list[str], data: st.DataObject
) -> None:
    pair = Pair()
    pair.go_to(State.RUNNING)
    waiting: list[str] = []
    for name in names:
        pair.ask(REQUESTS[name])
        waiting.append(name)
        while waiting and data.draw(st.booleans()):
            said = data.draw(st.sampled_from(sorted(TABLES["1.0"][Role.DISCO][waiting.pop(0)])))
            assert pair.answer(REPLIES[said]) == REPLIES[said]
        assert pair.worker.owed == pair.disco.owed == len(waiting)


def test_reuse_goes_on_with_a_task_as_the_answer_to_done() -> None:
    pair = Pair()
    pair.ask(m.Worker(7, reuse=True))
    pair.answer(m.Ok())
    assert pair.disco.reuse and pair.worker.reuse
    pair.ask(m.TaskRequest())
    for _ in range(3):
        pair.answer(TASK)
        assert pair.worker.state is pair.disco.state is State.RUNNING
        pair.ask(m.InputRequest())
        pair.answer(INPUTS)
        pair.ask(m.Done())
        assert pair.disco.state is State.DONE and not pair.disco.ended
    pair.answer(m.Ok())
    assert pair.worker.ended and pair.disco.ended


@pytest.mark.parametrize("reuse", [True, False])
def test_a_bad_task_after_done_can_be_called_fatal_only_with_reuse(reuse: bool) -> None:
    """It has begun a task for a worker that announced reuse; for any other nothing follows DONE."""
    worker = Session(Role.WORKER)
    for request, reply in ((m.Worker(7, reuse=reuse), m.Ok()), (m.TaskRequest(), TASK)):
        worker.send(request)
        worker.receive_data(reply.to_frame())
        assert worker.next_event() == reply
    worker.send(m.Done())
    worker.receive_data(b"TASK 2 []\n")
    with pytest.raises(MessageError, match="TASK"):
        worker.next_event()
    if reuse:
        assert worker.send(m.Fatal("what a task")).startswith(b"FATAL ")
    else:
        with pytest.raises(OutOfTurn):
            worker.send(m.Fatal("what a task"))


def test_a_reply_that_nobody_asked_for_is_a_bad_message() -> None:
    session = Session(Role.WORKER)
    session.receive_data(m.Ok().to_frame())
    with pytest.raises(MessageError, match="no request is waiting"):
        session.next_event()


def test_version_mismatch_at_disco_names_both() -> None:
    """M121."""
    session = Session(Role.DISCO)
    session.receive_data(m.Worker(7, version="1.1").to_frame())
    with pytest.raises(VersionMismatch, match=r"version '1\.1', this Disco speaks '1\.0'"):
        session.next_event()


@pytest.mark.parametrize("bad", [b"Traceback\n", b"HELLO 1 1\n", b"PING 2 {}\n"])
def test_the_first_error_is_final_and_a_worker_can_still_say_so(bad: bytes) -> None:
    """F4: what is no frame is told from what is a bad message."""
    pair = Pair()
    pair.go_to(State.RUNNING)
    pair.ask(m.Ping())
    pair.worker.receive_data(bad + m.Ok().to_frame())
    with pytest.raises((FrameError, MessageError)) as first:
        pair.worker.next_event()
    with pytest.raises((FrameError, MessageError)) as second:
        pair.worker.next_event()
    assert second.value is first.value
    assert isinstance(first.value, FrameError) == bad.startswith(b"Traceback")
    assert pair.ask(m.Fatal("bad reply")) == m.Fatal("bad reply")


def test_last_words_are_kept_from_the_first_stray_byte_on() -> None:
    """M157."""
    session = Session(Role.DISCO)
    session.receive_data(m.Worker(7).to_frame() + b"Traceback")
    assert session.next_event() == m.Worker(7)
    with pytest.raises(FrameError):
        session.next_event()
    session.receive_data(b" (most recent call last)")
    assert session.last_words == b"Traceback (most recent call last)"


def test_end_of_input_between_frames_and_within_one() -> None:
    quiet, cut = Session(Role.DISCO), Session(Role.DISCO)
    quiet.receive_data(m.Worker(7).to_frame())
    quiet.receive_data(b"")
    assert quiet.next_event() == m.Worker(7)
    assert quiet.next_event() is END_OF_INPUT
    cut.receive_data(m.Worker(7).to_frame()[:-1])
    assert cut.next_event() is NEED_DATA and cut.unfinished
    cut.receive_data(b"")
    with pytest.raises(FrameError, match="ended in the middle"):
        cut.next_event()


def test_tables_are_complete_and_closed() -> None:
    """Every state can be reached, every target is a state, every request has its replies."""
    for table in TABLES.values():
        worker, disco = table[Role.WORKER], table[Role.DISCO]
        reached = {State.FRESH} | {to for moves in worker.values() for to in moves.values() if to is not None}
        assert reached == set(worker) == set(State)
        assert {name for moves in worker.values() for name in moves} == set(disco) == set(REQUESTS)
        assert {name for moves in disco.values() for name in moves} == set(REPLIES)
