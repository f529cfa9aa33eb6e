"""What the worker's process does beside speaking: it ends, dies, closes its pipes, grows, has children."""

from __future__ import annotations

import signal

from disco_conformance.master.link import Attempt
from disco_conformance.play.delivery import Sender
from disco_conformance.session.model import Child, Close, Deaf, Exit, Grow, Signal
from disco_conformance.wire.referee import Referee
from disco_conformance.wire.transcript import Transcript


class Body:
    """Orders to the relay. What was said is on its way before anything is done."""

    def __init__(self, attempt: Attempt, sender: Sender, transcript: Transcript) -> None:
        self._attempt, self._sender, self._transcript = attempt, sender, transcript
        self.referee = Referee()

    def exit(self, step: Exit) -> None:
        self._sender.flush()
        status = step.low or 0
        self._transcript.add("·", f"the worker exits with {status}")
        self.referee.worker_ended()
        self._attempt.order("exit", str(status).encode())

    def signal(self, step: Signal) -> None:
        self._sender.flush()
        self._transcript.add("·", f"the worker dies of SIG{step.name}")
        self.referee.worker_ended()
        self._attempt.order("kill", str(int(getattr(signal, f"SIG{step.name}"))).encode())

    def close(self, _: Close) -> None:
        self._sender.flush()
        self._transcript.add("·", "the worker closes its outputs, and stays")
        self.referee.worker_ended()
        self._attempt.order("hold")

    def deaf(self, _: Deaf) -> None:
        self._sender.flush()
        self._transcript.add("·", "the worker closes its standard input")
        self._attempt.order("deaf")

    def grow(self, step: Grow) -> None:
        self._sender.flush()
        self._transcript.add("·", f"the worker takes {step.mib} MiB of memory")
        self._attempt.order("grow", str(step.mib << 20).encode())

    def child(self, _: Child) -> None:
        self._sender.flush()
        self._transcript.add("·", "the worker starts a process that stays")
        self._attempt.order("child")
