"""The engine of a cluster: nodes are processes of their own, on this machine or others; Dask is the wire.

It keeps a book of who is connected and which attempts are where. Whatever happens to a node, a message or the
wire, the book decides: an attempt leaves it once, and that is its end. See `engine.base` for the promises.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from ...model import AttemptEnd, Outcome, TaskSpec
from ..base import EngineEvents, NodeError
from . import wire

LEAVE_S = 8.0  # for a node to end its attempts and say goodbye, beyond the grace that it was given
NO_ATTEMPT = 2**63

log = logging.getLogger(__name__)


class Wire(Protocol):
    """What carries messages to nodes: the hub."""

    def start(self, heard: Callable[[str, object], None], left: Callable[[str], None]) -> None: ...
    def stop(self) -> None: ...
    def send(self, peer: str, message: bytes) -> None: ...
    def drop(self, peer: str) -> None: ...


@dataclass(slots=True)
class Member:
    """One generation of a node."""

    name: str
    generation: int
    peer: str
    pid: int
    attempts: dict[int, TaskSpec] = field(default_factory=dict)
    calls: dict[int, Future[Any]] = field(default_factory=dict)
    why: str = ""  # it said so itself before it left


class DaskEngine:
    """See `engine.base.Engine`. `secret` is what a node must show; "" asks for none."""

    def __init__(self, hub: Wire, *, secret: str = "") -> None:
        self._hub, self._secret = hub, secret
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        self._members: dict[str, Member] = {}  # by name
        self._peers: dict[str, Member] = {}
        self._where: dict[int, Member] = {}  # attempts in flight
        self._slots: dict[str, int] = {}  # what the node table gave
        self._last_generation = 0
        self._first_attempt = NO_ATTEMPT  # that this engine launched; higher numbers are its own too
        self._calls = count(1)
        self._stopping = False
        self._events: EngineEvents | None = None

    def start(self, events: EngineEvents) -> None:
        """Raises OSError when nodes can't be listened for."""
        self._events, self._stopping = events, False
        self._hub.start(self._heard, self._left)

    def stop(self, grace_s: float) -> None:
        with self._lock:
            self._stopping = True
            peers = list(self._peers)
        for peer in peers:
            self._hub.send(peer, wire.dump("stop", grace_s=grace_s, why="the master stops"))
        with self._lock:
            self._empty.wait_for(lambda: not self._peers, grace_s + LEAVE_S)
        self._hub.stop()
        for peer in list(self._peers):
            self._left(peer)

    def launch(self, node: str, generation: int, spec: TaskSpec) -> None:
        with self._lock:
            member = self._find(node, generation)
            self._first_attempt = min(self._first_attempt, spec.attempt)
            if member is not None:
                member.attempts[spec.attempt] = spec
                self._where[spec.attempt] = member
        if member is None:
            end = AttemptEnd(Outcome.NODE_LOST, f"node {node} (generation {generation}) is not up")
            self._told().attempt_ended(node, spec, end)
        else:
            self._hub.send(member.peer, wire.dump("launch", spec=wire.plain(spec)))

    def kill(self, attempt: int, reason: str) -> None:
        with self._lock:
            member = self._where.get(attempt)
        if member is not None:
            self._hub.send(member.peer, wire.dump("kill", attempt=attempt, reason=reason))

    def widen(self, node: str, slots: int) -> None:
        with self._lock:
            if slots <= self._slots.get(node, 0):
                return
            self._slots[node] = slots
            member = self._members.get(node)
        if member is not None:
            self._hub.send(member.peer, wire.dump("widen", slots=slots))

    def end_job(self, job: str) -> None:
        with self._lock:
            peers = list(self._peers)
        for peer in peers:
            self._hub.send(peer, wire.dump("end_job", job=job))

    def call(self, node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        answer: Future[Any] = Future()
        with self._lock:
            member = self._find(node, generation)
            number = next(self._calls)
            if member is not None:
                member.calls[number] = answer
        if member is None:
            raise NodeError(node, op, f"generation {generation} is not up")
        self._hub.send(member.peer, wire.dump("call", call=number, name=op, args=dict(args)))
        try:
            return answer.result(timeout_s)
        except FutureTimeoutError:
            raise NodeError(node, op, f"no answer within {timeout_s:g} s") from None
        except _Refused as refusal:
            raise NodeError(node, op, str(refusal)) from None
        finally:
            with self._lock:
                member.calls.pop(number, None)

    def _find(self, name: str, generation: int) -> Member | None:
        member = self._members.get(name)
        alive = member is not None and member.generation == generation and not self._stopping
        return member if alive else None

    def _told(self) -> EngineEvents:
        if self._events is None:
            raise RuntimeError("the engine was not started")
        return self._events

    # -- on the hub's thread

    def _heard(self, peer: str, data: object) -> None:
        try:
            message = wire.load(data)
            member = self._peers.get(peer)
            if message["op"] == "hello":
                self._hello(peer, message)
            elif member is not None:
                self._from_node(member, message)
            else:
                log.debug("%s from %s, which is not a node or no longer", message["op"], peer)
        except (wire.WireError, KeyError, TypeError, ValueError, AttributeError) as error:
            log.error("a message of %s is refused, and the connection ended: %r", peer, error)
            self._hub.drop(peer)

    def _hello(self, peer: str, message: wire.Message) -> None:
        refusal = self._refusal(message)
        if refusal:
            log.warning("node %s at %s is refused: %s", message.get("node"), peer, refusal)
            self._hub.send(peer, wire.dump("refused", why=refusal))
            self._hub.drop(peer)
            return
        hello = wire.typed(wire.Hello, message)
        with self._lock:
            # Milliseconds since the epoch: higher than in any earlier run of this cluster's master.
            self._last_generation = max(time.time_ns() // 1_000_000, self._last_generation + 1)
            member = Member(hello.node, self._last_generation, peer, hello.pid)
            found = [a for a in hello.attempts if a.attempt < self._first_attempt]
            for a in found:
                member.attempts[a.attempt] = TaskSpec(a.job, a.mode, a.task, a.attempt, ())
                self._where[a.attempt] = member
            self._members[member.name] = self._peers[peer] = member
            slots = max(hello.slots, self._slots.get(member.name, 0))
        log.info("node %s has joined from %s with %d slots", member.name, peer, slots)
        for a in hello.attempts:
            if a.attempt >= self._first_attempt:  # launched by this engine, and ended when its connection did
                self._hub.send(peer, wire.dump("kill", attempt=a.attempt, reason="it was given up"))
        if slots > hello.slots:
            self._hub.send(peer, wire.dump("widen", slots=slots))
        self._told().node_up(member.name, member.generation, slots, tuple(found))
        self._hub.send(peer, wire.dump("welcome"))

    def _refusal(self, message: wire.Message) -> str:
        """Why a node may not join; "" if it may."""
        if message["version"] != wire.VERSION:
            return (
                f"it runs release {message['release']}, which speaks another version than this master; "
                "install the same release on both"
            )
        if self._secret and not hmac.compare_digest(self._secret.encode(), message["secret"].encode()):
            return "its cluster secret is not the master's; copy the master's secret file to the node"
        if self._stopping:
            return "the master is stopping"
        other = self._members.get(message["node"])
        if other is not None:
            return (
                f"another process (pid {other.pid}, {other.peer}) is connected under that name; stop it, "
                "or give this node another name"
            )
        return "" if message["node"] and message["slots"] > 0 else "it needs a name and at least one slot"

    def _from_node(self, member: Member, message: wire.Message) -> None:
        events = self._told()
        match message["op"]:
            case "started" if message["attempt"] in member.attempts:
                events.attempt_started(message["attempt"], message["pid"])
            case "said" if message["attempt"] in member.attempts:
                events.attempt_message(message["attempt"], message["seq"], message["text"])
            case "ended" if message["attempt"] in member.attempts:
                self._end(member, message["attempt"], wire.typed(AttemptEnd, message["end"]))
            case "stats":
                events.node_stats(member.name, member.generation, message["free"], message["used"])
            case "answer":
                self._answer(member, message)
            case "bye":
                member.why = message["why"]
                self._hub.drop(member.peer)
            case "started" | "said" | "ended":
                log.debug("late news of attempt %s from %s", message["attempt"], member.name)
            case other:
                raise wire.WireError(f"unknown op {other!r}")

    def _end(self, member: Member, attempt: int, end: AttemptEnd) -> None:
        with self._lock:
            spec = member.attempts.pop(attempt)
            self._where.pop(attempt, None)
        self._told().attempt_ended(member.name, spec, end)

    def _answer(self, member: Member, message: wire.Message) -> None:
        with self._lock:
            answer = member.calls.pop(message["call"], None)
        if answer is None:
            return  # nobody waits for it any more
        if "error" in message:
            answer.set_exception(_Refused(message["error"]))
        else:
            answer.set_result(message["value"])

    def _left(self, peer: str) -> None:
        """The generation is over: all that it still had in hand is lost, and then it is down."""
        with self._lock:
            member = self._peers.pop(peer, None)
            if member is None:
                return
            del self._members[member.name]
            lost, member.attempts = member.attempts, {}
            for attempt in lost:
                self._where.pop(attempt, None)
            calls, member.calls = member.calls, {}
        why = member.why or "the connection is lost"
        log.warning("node %s is down: %s", member.name, why)
        for answer in calls.values():
            answer.set_exception(_Refused(f"the node is down: {why}"))
        for spec in lost.values():
            end = AttemptEnd(Outcome.NODE_LOST, f"node {member.name} is down: {why}")
            self._told().attempt_ended(member.name, spec, end)
        self._told().node_down(member.name, member.generation, why)
        with self._lock:
            self._empty.notify_all()


class _Refused(Exception):
    """A node's answer that says why not."""
