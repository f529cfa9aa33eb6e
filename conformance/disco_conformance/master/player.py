"""Plays the worker's side of a session against a master: sends the W lines, expects the M lines.

`exit` is what the worker does here, and `eof` that Disco closes the pipe. Attempts after the first are
played by a worker without a fault, so that a job can end well after a failure that may be tried again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from disco_conformance.master.link import Attempt
from disco_conformance.play.channel import Deadline
from disco_conformance.play.delivery import Sender
from disco_conformance.play.result import TIMEOUT, Failed
from disco_conformance.session.matching import Matcher, Scope, compile_payload, load, mismatch, realise
from disco_conformance.session.model import (
    WORKER,
    Delivery,
    Eof,
    Exit,
    Message,
    Nothing,
    Raw,
    ServeInputs,
    Session,
    Step,
)
from disco_conformance.session.text import spell_step
from disco_conformance.wire.frames import Frame, FrameFault, encode, shown
from disco_conformance.wire.transcript import Transcript

REPLY_WAIT_S = 5.0
ANY_TASK: dict[str, Any] = {
    "host": "$str",
    "master": "$re:^http://.+:[0-9]+$",
    "jobname": "$re:^conformance@",
    "taskid": "$int>=0",
    "mode": "$re:^(map|reduce)$",
    "disco_port": "$int>0",
    "put_port": "$int>0",
    "disco_data": "$re:^/",
    "ddfs_data": "$re:^/",
    "jobfile": "$re:^/",
    "...": True,
}
GOOD = """\
W WORKER {"version": "1.0", "pid": "$pid"}
M OK "ok"
W TASK ""
M TASK {"$base": "task"}
W serve inputs
W DONE ""
M OK "ok"
exit 0
"""


class WorkerPlayer:
    def __init__(
        self, session: Session, attempt: Attempt, axis: str, limit: Deadline, transcript: Transcript
    ) -> None:
        self._session, self._attempt, self._limit, self._transcript = session, attempt, limit, transcript
        self._sender = Sender(self._write, lambda: None, axis)
        self._scope = Scope(words={"home": attempt.hello["cwd"]})
        self._line = 0

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._line = step.line
            _DO[type(step)](self, step)

    def _write(self, data: bytes) -> None:
        self._attempt.order("err", data)

    def _fail(self, reason: str, verdict: str = "fail", want: str = "", got: str = "") -> Failed:
        return Failed(reason, line=self._line, verdict=verdict, want=want, got=got)

    def _heard(self, within_s: float | None) -> Frame | None:
        limit = self._limit.at_most(REPLY_WAIT_S if within_s is None else within_s)
        self._sender.flush()
        try:
            frame = self._attempt.frame(limit)
        except FrameFault as fault:
            raise self._fail(f"Disco: {fault.reason}", got=shown(fault.bytes_kept)) from None
        if frame is None and not self._attempt.at_eof and not self._attempt.gone:
            raise self._fail(f"nothing came from Disco for {limit.seconds:.3g} s", TIMEOUT)
        if frame is not None:
            self._transcript.add("M", str(frame))
        return frame

    def message(self, step: Message) -> None:
        value = load(step.text, step.line)
        if step.side == WORKER:
            self._say(step, value)
            return
        if isinstance(value, dict) and "$base" in value:
            value = {**ANY_TASK, **{k: v for k, v in value.items() if k in ("mode", "taskid")}}
        frame = self._heard(step.within_s)
        if frame is None:
            raise self._fail("Disco ended the worker where it should have answered", want=spell_step(step))
        reason = None if frame.name == step.name else f"Disco said {frame.name}, not {step.name}"
        reason = reason or mismatch(
            compile_payload(value, step.line), _payload(frame), self._scope, f"the payload of {frame.name}"
        )
        if reason:
            raise self._fail(reason, want=spell_step(step), got=str(frame))

    def _say(self, step: Message, value: Any) -> None:
        compiled = compile_payload(value, step.line)
        data = step.text.encode()
        if "$" in step.text or "{" in step.text:
            filled = realise(_with_pid(compiled, self._attempt.hello["pid"]), self._scope)
            if step.name == "OUTPUT":
                filled = self._with_file(filled)
            data = json.dumps(filled, ensure_ascii=False).encode()
        self._transcript.add("W", f"{step.name} {len(data)} {shown(data)}")
        self._sender.send(encode(step.name, data))

    def _with_file(self, output: Any) -> Any:
        """The file that an OUTPUT without a location names: made in the job home, with what the case
        expects in it."""
        if not isinstance(output, list) or output[:1] != [""]:
            return output
        location = f"out-{uuid.uuid4().hex}"
        key = "disco" if output[1] == "disco" else str(output[2] if len(output) > 2 else 0)
        Path(self._attempt.hello["cwd"], location).write_text(dict(self._session.head.outputs).get(key, ""))
        return [location, *output[1:]]

    def raw(self, step: Raw) -> None:
        self._transcript.add("W", f"{step.spelt} {shown(step.data)}")
        self._sender.send(step.data * step.times)

    def serve_inputs(self, step: ServeInputs) -> None:
        self._say(Message(step.line, "W", "INPUT", '""'), "")
        frame = self._heard(step.within_s)
        urls = [[list(pair) for pair in item.replicas] for item in self._session.head.inputs]
        if frame is None or frame.name != "INPUT":
            raise self._fail("Disco did not answer INPUT", got=str(frame))
        payload = _payload(frame)
        want = compile_payload(["$re:^(more|done)$", "$list"])
        reason = mismatch(want, payload, self._scope, "the payload of INPUT")
        if reason is None:
            reason = next(filter(None, (_entry_fault(entry) for entry in payload[1])), None)
        listed = sorted(url for entry in payload[1] for _, url in entry[2]) if reason is None else []
        known = {url for replicas in urls for _, url in replicas}
        if reason is None and urls and not set(listed) <= known:
            reason = f"Disco lists {listed}, which are not inputs of the job"
        if reason:
            raise self._fail(reason, got=str(frame))

    def delivery(self, step: Delivery) -> None:
        self._sender.next_delivery(step.kind, step.amount)

    def nothing(self, step: Nothing) -> None:
        self._sender.flush()
        frame = self._attempt.frame(self._limit.at_most(step.for_s))
        if frame is not None:
            raise self._fail(f"Disco said {frame.name} where it should wait", got=str(frame))

    def eof(self, step: Eof) -> None:
        frame = self._heard(step.within_s)
        if frame is not None:
            raise self._fail(f"Disco said {frame.name} where it should end", got=str(frame))

    def exit(self, step: Exit) -> None:
        self._sender.flush()
        status = step.low or 0
        self._transcript.add("·", f"the worker exits with {status}")
        self._attempt.order("exit", str(status).encode())


def _payload(frame: Frame) -> Any:
    try:
        return json.loads(frame.payload.decode("utf-8"))
    except ValueError:
        return None


def _with_pid(value: Any, pid: int) -> Any:
    if isinstance(value, Matcher):
        return pid if value.kind == "pid" else value
    if isinstance(value, dict):
        return {key: _with_pid(item, pid) for key, item in value.items()}
    return value


def _entry_fault(entry: Any) -> str | None:
    want = compile_payload(["$int>=0", "$re:^(ok|busy|failed)$", "$list"])
    reason = mismatch(want, entry, Scope(), "an input")
    if reason:
        return reason
    pair = compile_payload(["$int>=0", "$str"])
    return next(filter(None, (mismatch(pair, replica, Scope(), "a replica") for replica in entry[2])), None)


_DO: dict[type[Step], Callable[[WorkerPlayer, Any], None]] = {
    Message: WorkerPlayer.message,
    Raw: WorkerPlayer.raw,
    ServeInputs: WorkerPlayer.serve_inputs,
    Delivery: WorkerPlayer.delivery,
    Nothing: WorkerPlayer.nothing,
    Eof: WorkerPlayer.eof,
    Exit: WorkerPlayer.exit,
}
