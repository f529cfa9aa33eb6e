"""The engine's book of nodes and attempts, on a wire whose other end is the test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from unit.node.rooms import WAIT_S, Listener, spec

from disco_master.engine.base import NodeError
from disco_master.engine.dask import wire
from disco_master.engine.dask.engine import DaskEngine
from disco_master.model import AttemptEnd, FoundAttempt, Mode, Outcome

DONE = wire.plain(AttemptEnd(Outcome.DONE))


class TestWire:
    """Keeps what is sent; `say` is a node speaking, `cut` its connection breaking."""

    __test__ = False

    def __init__(self) -> None:
        self.sent: list[tuple[str, wire.Message]] = []
        self.dropped: list[str] = []
        self._changed = threading.Condition()

    def start(self, heard: Callable[[str, object], None], left: Callable[[str], None]) -> None:
        self._heard, self.cut = heard, left

    def stop(self) -> None:
        return

    def send(self, peer: str, message: bytes) -> None:
        with self._changed:
            self.sent.append((peer, wire.load(message)))
            self._changed.notify_all()

    def drop(self, peer: str) -> None:
        self.dropped.append(peer)

    def say(self, peer: str, op: str, **values: Any) -> None:
        self._heard(peer, wire.dump(op, **values))

    def hello(self, peer: str, node: str = "n1", **more: Any) -> None:
        hello = {**wire.plain(wire.Hello(node, 2, 77, "1.0", secret="s")), **more}
        self.say(peer, "hello", **hello)

    def ops(self, peer: str) -> list[str]:
        return [message["op"] for to, message in self.sent if to == peer]

    def await_op(self, op: str) -> wire.Message:
        def found() -> list[wire.Message]:
            return [message for _, message in self.sent if message["op"] == op]

        with self._changed:
            assert self._changed.wait_for(found, WAIT_S)
        return found()[0]


@pytest.fixture
def line() -> TestWire:
    return TestWire()


@pytest.fixture
def told() -> Listener:
    return Listener()


@pytest.fixture
def engine(line: TestWire, told: Listener) -> DaskEngine:
    engine = DaskEngine(line, secret="s")
    engine.start(told)
    return engine


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"version": 2, "release": "9.9"}, "runs release 9.9, which speaks another version"),
        ({"secret": "t"}, "secret is not the master's"),
        ({"secret": ""}, "secret is not the master's"),
        ({"slots": 0}, "at least one slot"),
        ({"node": ""}, "needs a name"),
    ],
)
def test_who_may_not_join_is_told_why(engine, line, told, given, said):
    """W10; a version that differs is refused, not warned about."""
    line.hello("p1", **given)
    (_, refusal) = line.sent[0]
    assert refusal["op"] == "refused" and said in refusal["why"]
    assert line.dropped == ["p1"] and told.up == []


@pytest.mark.parametrize(
    ("op", "values"),
    [("hello", {}), ("hello", {"version": 1, "secret": 7}), ("what", {}), ("ended", {"attempt": 1})],
)
def test_who_makes_no_sense_is_cut_off(engine, line, told, op, values):
    line.hello("p1")
    engine.launch("n1", told.up[0][1], spec("j@1", 1))
    line.say("p1", op, **values)
    assert line.dropped == ["p1"]
    line._heard("p1", b"no message")
    line._heard("p1", {"op": "hello"})
    assert line.dropped == ["p1"] * 3


def test_what_strangers_say_is_not_heard(engine, line, told):
    for op in ("started", "said", "ended", "stats", "answer", "bye"):
        line.say("p9", op, attempt=1)
    assert told.log == [] and line.dropped == []


def test_an_end_is_an_end(engine, line, told):
    line.hello("p1")
    generation = told.up[0][1]
    engine.launch("n1", generation, spec("j@1", 1))
    line.say("p1", "started", attempt=1, pid=5)
    line.say("p1", "ended", attempt=1, end=DONE)
    for op in ("started", "said", "ended"):
        line.say("p1", op, attempt=1, pid=5, seq=1, text="late", end=DONE)
    line.cut("p1")
    line.cut("p1")
    assert told.log == [("started", 1), ("ended", 1), ("down", generation)]


def test_a_broken_connection_ends_attempts_and_calls_before_the_node_is_down(engine, line, told):
    line.hello("p1")
    generation = told.up[0][1]
    engine.launch("n1", generation, spec("j@1", 1))
    refused: list[NodeError] = []

    def call() -> None:
        with pytest.raises(NodeError, match="the node is down") as caught:
            engine.call("n1", generation, "disk", {}, WAIT_S)
        refused.append(caught.value)

    caller = threading.Thread(target=call)
    caller.start()
    line.await_op("call")
    line.cut("p1")
    caller.join()
    assert told.log == [("ended", 1), ("down", generation)] and len(refused) == 1
    assert told.ends[1][0].outcome is Outcome.NODE_LOST


def test_attempts_of_another_master_are_told_and_those_of_this_one_are_ended(engine, line, told):
    """W2. Attempt numbers grow with each start of the master."""
    line.hello("p1", node="n1")
    engine.launch("n1", told.up[0][1], spec("j@1", 100))
    line.cut("p1")
    kept = [FoundAttempt(99, "j@1", Mode.MAP, 3), FoundAttempt(100, "j@1", Mode.MAP, 99)]
    line.hello("p2", node="n1", attempts=[wire.plain(found) for found in kept])
    assert told.found == kept[:1]
    assert line.ops("p2") == ["kill", "welcome"] and line.sent[-2][1]["attempt"] == 100
    line.say("p2", "ended", attempt=100, end=DONE)
    line.say("p2", "ended", attempt=99, end=DONE)
    assert {number: len(ends) for number, ends in told.ends.items()} == {100: 1, 99: 1}
    assert told.ends[99][0].outcome is Outcome.DONE


def test_slots_that_the_table_gave_are_given_to_each_generation(engine, line, told):
    engine.widen("n1", 5)
    engine.widen("n1", 3)
    line.hello("p1")
    assert told.up[0][2] == 5 and line.sent[0][1] == {"op": "widen", "slots": 5}
    engine.widen("n1", 6)
    assert line.sent[-1][1] == {"op": "widen", "slots": 6}


def test_an_answer_that_comes_late_is_nobodys(engine, line, told):
    line.hello("p1")
    with pytest.raises(NodeError, match=r"no answer within 0\.01 s"):
        engine.call("n1", told.up[0][1], "disk", {}, 0.01)
    line.say("p1", "answer", call=line.await_op("call")["call"], value=1)
    assert line.dropped == []
