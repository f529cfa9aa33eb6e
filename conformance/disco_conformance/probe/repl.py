"""Disco, played by hand: the worker's frames are shown, what is typed is sent with its length filled in.

An empty line sends what Disco would say. `NAME JSON` sends that, `raw "…"` sends bytes, `close` closes the
pipe, `term` sends SIGTERM, `quit` leaves. The worker is killed on the way out.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence

from disco_conformance.play.channel import Channel, Deadline
from disco_conformance.play.launch import Process
from disco_conformance.play.world import World
from disco_conformance.session.model import Head, SessionError
from disco_conformance.session.values import quoted
from disco_conformance.wire.frames import Frame, FrameFault, encode, shown

WAIT_S = 0.5
WRITE_S = 10.0
HEAD = Head("repl/by-hand", "played by hand", ("hs.order",))


class Repl:
    def __init__(
        self, command: Sequence[str], jobname: str, urls: Sequence[str], say: Callable[[str], None]
    ) -> None:
        self._world = World(HEAD, "repl", None)
        self._process = Process(command, self._world.home, uuid.uuid4().hex, {})
        self._channel = Channel(self._process)
        self._say, self._jobname, self._urls = say, jobname, urls
        self._last: Frame | None = None

    def __enter__(self) -> Repl:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.destroy()
        self._world.close()

    def listen(self) -> bool:
        """Shows what the worker says until it is silent. False when it has ended."""
        try:
            while (frame := self._channel.frame(Deadline(WAIT_S))) is not None:
                self._last = frame
                self._say(f"W {frame}")
        except FrameFault as fault:
            self._say(f"no frame: {fault.reason}")
            return False
        ended = self._process.poll() if self._channel.at_eof else None
        if self._channel.at_eof:
            self._say(f"the worker has ended: {ended or 'its pipe is closed'}")
        return not self._channel.at_eof

    def enter(self, line: str) -> bool:
        """One line of the person. False to leave."""
        word, _, rest = line.strip().partition(" ")
        if word == "quit":
            return False
        if word == "close":
            self._channel.close()
        elif word == "term":
            self._process.send_signal("TERM")
        elif word == "raw":
            try:
                self._send(quoted(rest))
            except SessionError as error:
                self._say(error.reason)
        elif word:
            self._send(encode(word, rest.encode() or b'""'))
        else:
            self._send(self.suggestion())
        return True

    def suggestion(self) -> bytes:
        """What Disco would say to the last request."""
        asked = self._last.name if self._last else ""
        if asked == "TASK":
            return encode("TASK", json.dumps({**self._world.task(), "jobname": self._jobname}).encode())
        if asked == "INPUT":
            listed = [[at, "ok", [[0, self._world.fill(url)]]] for at, url in enumerate(self._urls)]
            return encode("INPUT", json.dumps(["done", listed]).encode())
        return encode("FAIL", b'""') if asked == "INPUT_ERR" else encode("OK", b'"ok"')

    def _send(self, data: bytes) -> None:
        self._say(f"M {shown(data.rstrip(chr(10).encode()))}")
        if not self._channel.write(data, Deadline(WRITE_S)):
            self._say("the worker no longer reads")
