"""Plays the worker's side of a session against a master: sends the W lines, expects the M lines.

`exit`, `signal`, `close` and `deaf` are what the worker does here, and `eof` that Disco closes the pipe. In a
block whatever is the worker's to choose is done: the first branch, a `maybe`, the least number of rounds but
one at least; what is Disco's to choose is looked for among the first lines.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from disco_conformance.master.body import Body
from disco_conformance.master.crew import Crew
from disco_conformance.master.link import Attempt
from disco_conformance.master.results import Done
from disco_conformance.play.delivery import Sender
from disco_conformance.play.result import TIMEOUT, Failed
from disco_conformance.session.lines import read_steps
from disco_conformance.session.matching import Matcher, Scope, compile_payload, fill, load, mismatch, realise
from disco_conformance.session.model import (
    WORKER,
    Block,
    Child,
    Close,
    Deaf,
    Delivery,
    Eof,
    Exit,
    Grow,
    Head,
    Message,
    Nothing,
    Others,
    Raw,
    ServeInputs,
    Signal,
    Step,
)
from disco_conformance.session.text import spell_step
from disco_conformance.wire.frames import Frame, FrameFault, encode, shown
from disco_conformance.wire.transcript import Transcript

REPLY_WAIT_S = 15.0
OTHERS_WAIT_S = 60.0
POLL_S = 0.2
ANY_TASK: dict[str, Any] = {
    "host": "$str",
    "master": "$re:^http://.+:[0-9]+$",
    "jobname": "$re:^[A-Za-z0-9_-]+@",
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
%sW DONE ""
M OK "ok"
exit 0
"""


def good_steps(outputs: Iterable[str] = ()) -> tuple[Step, ...]:
    """A task without a fault, which reports these: `disco`, `tag` or labels."""
    rows = []
    for key in outputs:
        shape = ["$str", key] if key in ("disco", "tag") else ["$str", "part", int(key)]
        rows.append(f'W OUTPUT {json.dumps(shape)}\nM OK "ok"\n')
    return read_steps(GOOD % "".join(rows))


class WorkerPlayer(Body):
    """`outputs` are the contents of the files it makes; `crew` are the workers of the job, this one too."""

    def __init__(
        self, head: Head, attempt: Attempt, axis: str, transcript: Transcript, *,
        crew: Crew, outputs: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(attempt, Sender(self._write, lambda: None, axis), transcript)
        self._head, self._limit = head, crew.limit
        self.outputs = dict(head.outputs) if outputs is None else outputs
        self.is_session = outputs is None
        self._crew, self._patience = crew, crew.patience
        self._scope = Scope(words={"home": attempt.hello["cwd"]})
        self._peeked: Frame | None = None
        self._line, self._wait_until = 0, 0.0
        self.tasks_given = 0
        self.done = Done({})
        self._finished: list[Done] = []

    def play(self, steps: Iterable[Step]) -> list[Done]:
        """What the tasks left behind that came to DONE. Raises Failed."""
        self._run(steps)
        return self._finished

    def until_task(self, steps: Sequence[Step]) -> int:
        """Plays up to the line that expects TASK, and hears it; the number of steps that were played."""
        at = next((at for at, step in enumerate(steps) if gives_task(step)), len(steps))
        self._run(steps[:at])
        self._line = steps[min(at, len(steps) - 1)].line
        self._peeked = self._heard(None)
        return at

    def mode_given(self) -> str:
        """What the TASK says that was just heard."""
        payload = _payload(self._peeked) if self._peeked is not None else None
        return str(payload.get("mode")) if isinstance(payload, dict) else ""

    def _run(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._line = step.line
            _DO[type(step)](self, step)

    def _write(self, data: bytes) -> None:
        self.referee.worker_bytes(data)
        self._attempt.order("err", data)

    def _fail(self, reason: str, verdict: str = "fail", want: str = "", got: str = "") -> Failed:
        return Failed(reason, line=self._line, verdict=verdict, want=want, got=got)

    def _heard(self, within_s: float | None) -> Frame | None:
        if self._peeked is not None:
            peeked, self._peeked = self._peeked, None
            return peeked
        wait_s = REPLY_WAIT_S if within_s is None else within_s
        limit = self._limit.at_most(wait_s * self._patience)
        self._sender.flush()
        try:
            frame = self._attempt.frame(limit)
        except FrameFault as fault:
            raise self._fail(f"Disco: {fault.reason}", got=shown(fault.bytes_kept)) from None
        if frame is None and not self._attempt.at_eof and not self._attempt.gone:
            raise self._fail(f"nothing came from Disco for {limit.seconds:.3g} s", TIMEOUT)
        if frame is None:
            self.referee.worker_ended()
        else:
            self._transcript.add("M", str(frame))
            self.referee.disco(frame)
        return frame

    def message(self, step: Message) -> None:
        value = load(step.text, step.line)
        if step.side == WORKER:
            self._say(step, value)
            return
        frame = self._heard(step.within_s)
        if frame is None:
            raise self._fail("Disco ended the worker where it should have answered", want=spell_step(step))
        reason = self._mismatch(step, frame)
        if reason:
            raise self._fail(reason, want=spell_step(step), got=str(frame))
        self._judge(frame)
        if frame.name == "WAIT":
            self._wait_until = time.monotonic() + _payload(frame)
        if frame.name == "TASK":
            self._begin(_payload(frame))

    def _judge(self, frame: Frame) -> None:
        """What no line asks for, and every Disco must keep."""
        breach = self.referee.of_disco
        if breach is not None:
            failed = self._fail(breach.reason, got=str(frame))
            failed.requirement = breach.requirement
            raise failed

    def _begin(self, info: Mapping[str, Any]) -> None:
        """A task is given: the first, or the next one of a worker that is used again."""
        self.tasks_given += 1
        if self.tasks_given > 1:
            self.done = Done(info)
            return
        self.done.info = info
        if self.is_session:
            self._crew.session_has_task()
        else:
            self._crew.other_has_task()

    def _mismatch(self, step: Message, frame: Frame) -> str | None:
        if frame.name != step.name:
            return f"Disco said {frame.name}, not {step.name}"
        value = load(step.text, step.line)
        if isinstance(value, dict) and "$base" in value:
            value = _task(value)
        want = compile_payload(value, step.line)
        return mismatch(want, _payload(frame), self._scope, f"the payload of {frame.name}")

    def _say(self, step: Message, value: Any) -> None:
        if step.name == "INPUT":
            time.sleep(max(0.0, self._wait_until - time.monotonic()))
        compiled = compile_payload(value, step.line)
        data = step.text.encode()
        if "$" in step.text or "{" in step.text:
            filled = realise(_with_pid(compiled, self._attempt.hello["pid"]), self._scope)
            if step.name == "OUTPUT":
                filled = self._with_file(filled)
            data = json.dumps(filled, ensure_ascii=False).encode()
        if step.name == "DONE" and self.done not in self._finished:
            self._finished.append(self.done)
        self._transcript.add("W", f"{step.name} {len(data)} {shown(data)}")
        self._sender.send(encode(step.name, data))

    def _with_file(self, output: Any) -> Any:
        """The file that an OUTPUT without a location names: made in the job home, with what the case
        expects in it. A tag is only named."""
        if not isinstance(output, list) or len(output) < 2 or output[0] != "":
            return output
        kind, label = output[1], int(output[2]) if len(output) > 2 else 0
        if kind == "tag":
            location = f"tag://conformance:{uuid.uuid4().hex}"
            self.done.reported.append((kind, 0, location))
            return [location, kind]
        location = f"out-{uuid.uuid4().hex}"
        text = self.outputs.get("disco" if kind == "disco" else str(label), "")
        text = fill(text, {"task": str(self.done.info.get("taskid"))})
        Path(self._attempt.hello["cwd"], location).write_text(text)
        self.done.reported.append((kind, label, text))
        return [location, *output[1:]]

    def raw(self, step: Raw) -> None:
        self._transcript.add("W", f"{step.spelt} {shown(step.data)}")
        self._sender.send(step.data * step.times)

    def serve_inputs(self, step: ServeInputs) -> None:
        """Asks until the list is complete, and compares it with what the job has."""
        seen: dict[int, list[str]] = {}
        while True:
            text = json.dumps(["exclude", sorted(seen)]) if seen else '""'
            self._say(Message(step.line, "W", "INPUT", text), "")
            frame = self._heard(step.within_s)
            if frame is None or frame.name != "INPUT":
                raise self._fail("Disco did not answer INPUT", got=str(frame))
            payload = _payload(frame)
            reason = _list_fault(payload)
            if reason:
                raise self._fail(reason, got=str(frame))
            self._judge(frame)
            ready = [entry for entry in payload[1] if entry[1] != "busy"]
            seen.update({id_: [url for _, url in replicas] for id_, _, replicas in ready})
            if payload[0] == "done" and len(ready) == len(payload[1]):
                break
            if self._limit.passed:
                raise self._fail("the list of inputs is never complete", TIMEOUT, got=str(frame))
            time.sleep(POLL_S)
        self.done.inputs = [url for urls in seen.values() for url in urls[:1]]
        reason = self._inputs_fault(list(seen.values()))
        if reason:
            raise self._fail(reason, got=str(frame))

    def _inputs_fault(self, listed: list[list[str]]) -> str | None:
        if self.done.info.get("mode") == "reduce" and self._head.job.has_map:
            strange = [urls for urls in listed if not urls or not urls[0].startswith("dir://")]
            return f"a reduce task is given {strange[0]}, not the indexes of the map" if strange else None
        jobs = [sorted(url for _, url in item.replicas) for item in self._head.inputs]
        jobs += [[f"raw://crowd-{at}"] for at in range(self._head.job.crowd)]
        strange = [urls for urls in listed if sorted(urls) not in jobs]
        if strange:
            return f"Disco lists {strange[0]}, which is no input of the job"
        count = min(1, len(jobs)) if self._head.job.has_map else len(jobs)
        return None if len(listed) == count else f"Disco lists {len(listed)} inputs, not {count}"

    def delivery(self, step: Delivery) -> None:
        self._sender.next_delivery(step.kind, step.amount)

    def nothing(self, step: Nothing) -> None:
        self._sender.flush()
        frame = self._peeked or self._attempt.frame(self._limit.at_most(step.for_s))
        if frame is not None:
            raise self._fail(f"Disco said {frame.name} where it should wait", got=str(frame))

    def eof(self, step: Eof) -> None:
        frame = self._heard(step.within_s)
        if frame is not None:
            raise self._fail(f"Disco said {frame.name} where it should end", got=str(frame))

    def others(self, step: Others) -> None:
        self._sender.flush()
        limit = self._limit.at_most((step.within_s or OTHERS_WAIT_S) * self._patience)
        if not self._crew.others_end(limit):
            raise self._fail("the other workers of the job are held up", TIMEOUT)

    def block(self, block: Block) -> None:
        if block.kind == "any-of":
            self._run(self._choose(block, block.branches))
        elif block.kind == "unordered":
            left = list(block.branches)
            while left:
                branch = self._choose(block, tuple(left))
                left.remove(branch)
                self._run(branch)
        else:
            for _ in range(max(block.low, 1)):
                self._run(self._choose(block, block.branches))

    def _choose(self, block: Block, branches: tuple[tuple[Step, ...], ...]) -> tuple[Step, ...]:
        ours = next((b for b in branches if not _is_discos(b[0])), None)
        if ours is not None:
            return ours
        frame = self._heard(getattr(branches[0][0], "within_s", None))
        self._peeked = frame
        fitting = next((b for b in branches if self._fits(b[0], frame)), None)
        if fitting is None:
            self._line = block.line
            wanted = " or ".join(spell_step(branch[0]) for branch in branches)
            raise self._fail("what Disco said fits no branch", want=wanted, got=str(frame))
        return fitting

    def _fits(self, step: Step, frame: Frame | None) -> bool:
        if isinstance(step, Message) and frame is not None:
            return self._mismatch(step, frame) is None
        return isinstance(step, Eof) and frame is None


def gives_task(step: Step) -> bool:
    return isinstance(step, Message) and step.side != WORKER and step.name == "TASK"


def _is_discos(step: Step) -> bool:
    return isinstance(step, Eof) or (isinstance(step, Message) and step.side != WORKER)


def _task(value: dict[str, Any]) -> dict[str, Any]:
    """What TASK must be: any master's, with the mode, the number and the job that the session says."""
    named = {key: item for key, item in value.items() if key in ("mode", "taskid")}
    if "jobname" in value:
        named["jobname"] = f"$re:^{re.escape(prefix_of(value['jobname']))}@"
    return {**ANY_TASK, **named}


def prefix_of(jobname: str) -> str:
    """A job's prefix has no dashes, the names of behaviours may."""
    return jobname.partition("@")[0].replace("-", "_")


def _list_fault(payload: Any) -> str | None:
    want = compile_payload(["$re:^(more|done)$", "$list"])
    reason = mismatch(want, payload, Scope(), "the payload of INPUT")
    return reason or next(filter(None, (_entry_fault(entry) for entry in payload[1])), None)


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
    Signal: WorkerPlayer.signal,
    Close: WorkerPlayer.close,
    Deaf: WorkerPlayer.deaf,
    Others: WorkerPlayer.others,
    Grow: WorkerPlayer.grow,
    Child: WorkerPlayer.child,
    Block: WorkerPlayer.block,
}
