"""A worker spoken to live, one request and one reply at a time, for as long as it keeps the rules."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from disco_conformance.play.channel import Channel, Deadline
from disco_conformance.play.delivery import Sender
from disco_conformance.play.launch import Process
from disco_conformance.play.outputs import Outputs
from disco_conformance.play.result import Failed
from disco_conformance.play.world import World
from disco_conformance.session.model import Head, Session
from disco_conformance.wire.frames import Frame, FrameFault, encode
from disco_conformance.wire.referee import Referee
from disco_conformance.wire.shapes import decode

HEAR_S = 20.0
EXIT_S = 10.0


class Talk:
    """`asked` is the request that is not answered yet. Raises Failed for what no worker may do."""

    def __init__(self, session: Session, command: Sequence[str], scratch: Path | None = None) -> None:
        self._world = World(session.head, "fuzz", scratch)
        try:
            self._process = Process(command, self._world.home, uuid.uuid4().hex, {})
        except BaseException:
            self._world.close()
            raise
        self._channel = Channel(self._process)
        self._referee = Referee()
        self.outputs = Outputs(self._world.home)
        self.lines: list[str] = []
        self.asked: Frame | None = None

    def __enter__(self) -> Talk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.destroy()
        self._world.close()

    @property
    def payload(self) -> Any:
        assert self.asked is not None
        return decode(self.asked.payload)

    def task(self) -> dict[str, Any]:
        return self._world.task()

    def fill(self, url: str) -> str:
        return self._world.fill(url)

    def hear(self, wait_s: float = HEAR_S) -> Frame | None:
        """The next request; None when the worker has closed its side."""
        try:
            frame = self._channel.frame(Deadline(wait_s))
        except FrameFault as fault:
            raise Failed(fault.reason, requirement="frame.grammar") from None
        if frame is None:
            if not self._channel.at_eof:
                raise Failed(f"nothing came from the worker for {wait_s:g} s", verdict="timeout")
            return None
        self.lines.append(f"W {frame}")
        self._referee.worker(frame)
        breach = self._referee.of_worker
        if breach is not None:
            raise Failed(breach.reason, requirement=breach.requirement, got=str(frame))
        if frame.name == "OUTPUT":
            self.outputs.report(decode(frame.payload), 0)
        self.asked = frame
        return frame

    def say(self, name: str, payload: bytes, axis: str) -> None:
        """The reply to what was asked."""
        data = encode(name, payload)
        self.lines.append(f"M {Frame(name, payload)}")
        self._referee.disco_bytes(data)
        assert self._referee.of_disco is None, self._referee.of_disco
        self.asked = None
        Sender(self._write, self._channel.drained, axis).send(data) if axis != "joined" else self._write(data)

    def _write(self, data: bytes) -> None:
        self._channel.write(data, Deadline(HEAR_S))

    def status(self) -> int | None:
        """How the worker ended: its exit status, or less than 0 for a signal. None: it goes on."""
        limit = Deadline(EXIT_S)
        while (ended := self._process.poll()) is None and not limit.passed:
            self._channel.frame(limit.at_most(0.01))
        if ended is None:
            return None
        return ended.status if ended.status is not None else -1


def empty_session() -> Session:
    return Session(Head("fuzz/live", "a chance conversation", ("input.done",)), ())
