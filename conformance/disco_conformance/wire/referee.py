"""The reference model of a conversation: what both sides said, and what must become of the attempt.

It is told all that crosses the pipes, in that order, and plays no part. Of the worker it keeps the *fate*
that Disco must give it: `done`, `lost` (tried again) or `dead` (the job ends), by the first of these. Of
Disco it keeps the first thing that no Disco may say. So whoever plays a side can be held to it: where the
harness speaks for the worker, the fate must be what its session expects; where it speaks for Disco, a breach
must be what its session is about.

    worker                                 fate
    bytes that are no frame                lost
    a bad message, a message out of order  dead
    ERROR, an end without a last word      lost
    FATAL                                  dead
    DONE, answered with OK                 done
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from disco_conformance.session.model import TERMINAL
from disco_conformance.wire.frames import Frame, FrameFault, FrameReader
from disco_conformance.wire.shapes import OF_DISCO, OF_WORKER, REQUIREMENTS, decode

DONE, LOST, DEAD = "done", "lost", "dead"
ANSWERS = {"TASK": ("TASK",), "INPUT": ("INPUT",), "INPUT_ERR": ("RETRY", "WAIT", "FAIL")}
MIN_PAUSE_S = 0.05
FAST_POLLS = 5
WAIT_SLACK_S = 0.05  # two clocks, and a reply that took its time


@dataclass(frozen=True)
class Breach:
    requirement: str
    reason: str


class Referee:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._readers = {"W": FrameReader(), "M": FrameReader()}
        self._asked: deque[tuple[str, Any]] = deque()
        self.fate: str | None = None
        self.of_worker: Breach | None = None
        self.of_disco: Breach | None = None
        self._greeted = self._reuse = self._tasked = self._said_last = False
        self._begin_task()

    def _begin_task(self) -> None:
        self._reported: dict[int, set[int]] = {}
        self._complete: set[int] | None = None
        self._may_ask_at = 0.0
        self._more, self._fast, self._asked_at = False, 0, -1e9

    # What crosses the pipes

    def worker_bytes(self, data: bytes) -> None:
        self._bytes("W", data, self.worker)

    def disco_bytes(self, data: bytes) -> None:
        self._bytes("M", data, self.disco)

    def _bytes(self, side: str, data: bytes, told: Callable[[Frame], None]) -> None:
        if (self.of_worker if side == "W" else self.of_disco) is not None:
            return
        self._readers[side].feed(data)
        try:
            while (frame := self._readers[side].next_frame()) is not None:
                told(frame)
        except FrameFault as fault:
            breach = Breach("frame.grammar", fault.reason)
            if side == "W":
                self._worker_breach(breach, LOST)
            else:
                self.of_disco = self.of_disco or breach

    def worker_ended(self) -> None:
        """It exited, died, or closed its outputs."""
        self.fate = self.fate or LOST

    # The worker

    def worker(self, frame: Frame) -> None:
        if self.of_worker is not None or self._said_last:
            if self._said_last and self.of_worker is None:
                self.of_worker = Breach("error.last", f"{frame.name} came after the last message")
            return
        try:
            payload = decode(frame.payload)
        except ValueError:
            self._worker_breach(Breach("frame.payload.json", f"the payload of {frame.name} is no JSON"), DEAD)
            return
        breach = self._bad_message(frame.name, payload) or self._bad_order(frame.name)
        if breach is not None:
            self._worker_breach(breach, DEAD)
            return
        self._note(frame.name, payload)
        self._asked.append((frame.name, payload))

    def _worker_breach(self, breach: Breach, fate: str) -> None:
        self.of_worker = self.of_worker or breach
        self.fate = self.fate or fate

    def _bad_message(self, name: str, payload: Any) -> Breach | None:
        check = OF_WORKER.get(name)
        if check is None:
            return Breach("message.bad.disco", f"{name} is no message of a worker")
        wrong = check(payload)
        return Breach("message.bad.disco", f"{name} carries {payload!r:.80}: {wrong}") if wrong else None

    def _bad_order(self, name: str) -> Breach | None:
        if (name == "WORKER") == self._greeted:
            return Breach("hs.order", f"{name}: WORKER comes first, and once")
        if name in ("INPUT", "INPUT_ERR") and not self._tasked:
            return Breach("hs.order", f"{name} before TASK")
        return None

    def _note(self, name: str, payload: Any) -> None:
        if name == "WORKER":
            self._greeted, self._reuse = True, payload.get("reuse") is True
        elif name == "TASK":
            self._tasked = True
        elif name == "INPUT":
            self._pace()
        elif name == "INPUT_ERR":
            self._reported.setdefault(payload[0], set()).update(payload[1])
        elif name in TERMINAL:
            self._said_last = name != "DONE" or not self._reuse
            self.fate = self.fate or {"ERROR": LOST, "FATAL": DEAD}.get(name)

    def _pace(self) -> None:
        """Asking too soon is rude and costs the worker nothing, so it has no fate."""
        now = self._clock()
        if now < self._may_ask_at - WAIT_SLACK_S:
            self.of_worker = Breach("replica.wait", "INPUT was asked before the time of WAIT was over")
        self._fast = self._fast + 1 if self._more and now - self._asked_at < MIN_PAUSE_S else 0
        self._asked_at = now
        if self._fast >= FAST_POLLS:
            self.of_worker = Breach("input.backoff", f"{FAST_POLLS} INPUT requests came in a tight loop")

    # Disco

    def disco(self, frame: Frame) -> None:
        if self.of_disco is None:
            self.of_disco = self._bad_reply(frame)

    def _bad_reply(self, frame: Frame) -> Breach | None:
        if not self._asked:
            return None if self.of_worker else Breach("talk.start", f"{frame.name} answers no request")
        request, asked = self._asked.popleft()
        allowed = ANSWERS.get(request, ("OK",))
        if request == "DONE" and self._reuse:
            allowed = ("OK", "TASK")
        if frame.name not in allowed:
            return Breach("talk.reply", f"{frame.name} is no answer to {request}")
        try:
            payload = decode(frame.payload)
        except ValueError:
            return Breach("frame.payload.json", f"the payload of {frame.name} is no JSON")
        wrong = OF_DISCO[frame.name](payload)
        if wrong:
            reason = f"{frame.name} carries {payload!r:.80}: {wrong}"
            return Breach(REQUIREMENTS[frame.name], reason)
        return self._consequence(request, asked, frame.name, payload)

    def _consequence(self, request: str, asked: Any, name: str, payload: Any) -> Breach | None:
        if request == "DONE":
            self._after_done(name)
        if name == "INPUT":
            return self._listed(asked, payload)
        if name == "RETRY":
            again = [rep for rep, _ in payload if rep in self._reported.get(asked[0], ())]
            if again:
                return Breach("replica.answer", f"RETRY names replica {again[0]}, which was reported")
        if name == "WAIT":
            self._may_ask_at = self._clock() + payload
        return None

    def _after_done(self, name: str) -> None:
        if name == "TASK":
            self._begin_task()
        else:
            self._said_last = True
            self.fate = self.fate or DONE

    def _listed(self, asked: Any, payload: Any) -> Breach | None:
        flag, entries = payload
        ids = {entry[0] for entry in entries}
        self._more = flag == "more"
        if asked != "" and asked[0] == "include" and ids - set(asked[1]):
            return Breach("input.unknown", "INPUT lists what include did not ask for")
        if asked != "" and asked[0] == "exclude" and ids & set(asked[1]):
            return Breach("input.reply", "INPUT lists what was excluded")
        if self._complete is not None and ids - self._complete:
            return Breach("input.reply", "INPUT lists a further input after the list was complete")
        if flag == "done" and asked == "":
            self._complete = ids
        return None
