"""Plays Disco's side of a session against a worker.

The player walks through the steps with two promises: it never waits longer than a step allows, and what it
reports is the first thing that went wrong. MSG and PING are answered wherever they come, unless a step asks
for them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from disco_conformance.play.channel import Channel, Deadline
from disco_conformance.play.delivery import JOIN_WAIT_S, Sender
from disco_conformance.play.launch import Ended, Process, is_busy
from disco_conformance.play.outputs import Outputs
from disco_conformance.play.result import CRASH, LEAK, TIMEOUT, Failed
from disco_conformance.play.world import World
from disco_conformance.session.matching import Scope, compile_payload, load, mismatch, realise
from disco_conformance.session.model import (
    TOLERATED,
    WORKER,
    Block,
    Close,
    Deaf,
    Delivery,
    Eof,
    Exit,
    Message,
    Nothing,
    Raw,
    ServeInputs,
    Session,
    Signal,
    Step,
)
from disco_conformance.session.text import spell_step
from disco_conformance.wire.frames import Frame, FrameFault, encode, shown
from disco_conformance.wire.inputs import InputModel, Violation
from disco_conformance.wire.transcript import Transcript

OK = encode("OK", b'"ok"')
EXIT_WAIT_S = 10.0
AFTER_EOF_S = 2.0
AFTER_EXIT_S = 0.5  # for what a child has still to say, or to close
IDLE_CPU_SHARE = 0.1
IDLE_CPU_FLOOR_S = 0.1
# On a busy machine a worker that spins gets little of the processor; but whenever one looks, it wants it.
LOOK_S = 0.02
BUSY_SHARE, LEAST_BUSY = 0.9, 4


class Player:
    """`patience` stretches every limit, for slow machines and workers under a checker; not how long nothing
    may come."""

    def __init__(
        self, session: Session, world: World, process: Process, axis: str, patience: float = 1.0
    ) -> None:
        self.session, self.world, self.process, self.patience = session, world, process, patience
        self.transcript = Transcript()
        self.channel = Channel(process)
        self.outputs = Outputs(world.home, world.ddfs)
        self.scope = Scope(is_worker_pid=process.owns, words=world.words)
        self.inputs = InputModel(session.head.inputs, session.head.inputs_grow, world.fill)
        self._sender = Sender(self._write, self.channel.drained, axis)
        self._deadline = Deadline(session.head.timeout_s * patience)
        self._peeked: Frame | None = None
        self._owed = 0
        self._late: list[Frame] = []
        self._done = False
        self._line = 0
        self._can_write = True
        self._last_at = time.monotonic()

    def play(self) -> None:
        """Raises Failed at the first thing that is wrong."""
        self._run(self.session.steps)
        if self._done:
            self.outputs.compare(self.session.head.outputs, self.session.steps[-1].line)

    def _run(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._line = step.line
            _DO[type(step)](self, step)

    # What the worker does

    def _limit(self, within_s: float | None) -> Deadline:
        return self._deadline.at_most(None if within_s is None else within_s * self.patience)

    def _upcoming(self, within_s: float | None, subjects: Iterable[str]) -> Frame | None:
        """The next frame that is not tolerated, still to be taken; None at the end. Raises Failed when time
        is up."""
        limit = self._limit(within_s)
        passing = set(TOLERATED) - set(subjects)
        while True:
            frame = self._peeked or self._next_frame(limit)
            if frame is None and not self.channel.at_eof:
                raise self._silent(limit)
            if frame is None or frame.name not in passing:
                self._peeked = frame
                return frame
            self._peeked = None
            self._tolerate(frame)

    def _next_frame(self, limit: Deadline, *, or_exit: bool = False) -> Frame | None:
        try:
            if self._sender.may_flush:
                frame = self.channel.frame(limit.at_most(JOIN_WAIT_S))
                if frame is not None:
                    return frame
                self._sender.flush()
            frame = self.channel.frame(limit, or_exit=True)
            if frame is None and not or_exit and self.process.poll() is not None:
                frame = self.channel.frame(limit.at_most(AFTER_EXIT_S))
            return frame
        except FrameFault as fault:
            self.transcript.add("W", f"no frame: {shown(fault.bytes_kept)}")
            raise self._fail(fault.reason, got=shown(fault.bytes_kept), requirement="frame.grammar") from None

    def _tolerate(self, frame: Frame) -> None:
        self._take(frame)
        if not isinstance(self._payload(frame), str):
            raise self._fail(f"{frame.name} carries no string", got=str(frame), requirement="msg.string")
        if self._owed > 1:
            self._late.append(frame)
        else:
            self._reply(OK)

    def _take(self, frame: Frame) -> None:
        self._peeked = None
        self._owed += 1
        self._last_at = time.monotonic()
        self.transcript.add("W", str(frame))

    def _payload(self, frame: Frame) -> Any:
        try:
            return json.loads(frame.payload.decode("utf-8"))
        except ValueError as error:
            reason = f"the payload of {frame.name} is no JSON in UTF-8: {error}"
            raise self._fail(reason, got=str(frame), requirement="frame.payload.json") from None

    def _silent(self, limit: Deadline) -> Failed:
        if self.channel.pending:
            reason = f"the worker stopped in the middle of a frame: {shown(self.channel.pending)}"
        elif self.process.poll() is not None:
            return self._fail("the worker has exited, but a child of it keeps the pipe open", verdict=LEAK)
        else:
            reason = f"nothing came from the worker for {limit.seconds:.3g} s"
        return self._fail(reason, verdict=TIMEOUT)

    def _fail(self, reason: str, **details: str) -> Failed:
        return Failed(reason, line=self._line, **details)

    def _gone(self, want: str) -> Failed:
        """The worker ended where it should have spoken."""
        if self.channel.pending:
            return self._fail(
                f"the worker ended in the middle of a frame: {shown(self.channel.pending)}", want=want
            )
        ended = self.process.wait(AFTER_EOF_S)
        if ended is None:
            return self._fail("the worker closed its side of the pipe but goes on running", want=want)
        verdict = CRASH if ended.signal is not None else "fail"
        return self._fail(
            f"the worker ended with {ended}, and had not said what it should", verdict=verdict, want=want
        )

    def message(self, step: Message) -> None:
        if step.side != WORKER:
            self._send_message(step)
            return
        frame = self._upcoming(step.within_s, {step.name})
        want = spell_step(step)
        if frame is None:
            raise self._gone(want)
        self._take(frame)
        reason = self._mismatch(step, frame)
        if reason:
            raise self._fail(reason, want=want, got=str(frame))
        if frame.name == "OUTPUT":
            self.outputs.report(self._payload(frame), step.line)
        if frame.name == "DONE":
            self._check_memory()
            self._done = True
            self.outputs.task_done()

    def _check_memory(self) -> None:
        most = self.session.head.memory_bytes
        used = self.process.peak_bytes() if most is not None else 0
        if most is not None and used > most:
            reason = f"the worker used {used >> 20} MiB of memory; this case allows {most >> 20} MiB"
            raise self._fail(reason, verdict=LEAK, requirement="reuse.clean")

    def _mismatch(self, step: Message, frame: Frame) -> str | None:
        if frame.name != step.name:
            return f"the worker said {frame.name}, not {step.name}"
        want = compile_payload(load(step.text, step.line), step.line)
        return mismatch(want, self._payload(frame), self.scope, f"the payload of {frame.name}")

    def serve_inputs(self, step: ServeInputs) -> None:
        while True:
            frame = self._upcoming(step.within_s, ())
            if frame is None:
                raise self._gone("INPUT, INPUT_ERR, or what follows")
            if frame.name not in ("INPUT", "INPUT_ERR"):
                return
            self._take(frame)
            try:
                name, payload = self.inputs.answer(frame.name, self._payload(frame))
            except Violation as violation:
                raise self._fail(
                    violation.reason, got=str(frame), requirement=violation.requirement
                ) from None
            self._reply(encode(name, _json(payload)))

    def nothing(self, step: Nothing) -> None:
        """Silence, and hardly any work done meanwhile. It begins with what was last said, not when we come to
        look; what we find too late to know when it came counts as in time."""
        self._sender.flush()
        cpu, start, family = self.process.cpu_seconds(), time.monotonic(), self.process.family()
        limit = self._deadline.at_most(self._last_at + step.for_s - start)
        frame, looks, busy = self._peeked, 0, 0
        while frame is None and not limit.passed and not self.channel.at_eof:
            frame = self._next_frame(limit.at_most(LOOK_S))
            looks, busy = looks + 1, busy + any(is_busy(pid) for pid in family)
        if frame is not None and not limit.passed:
            raise self._fail(f"the worker said {frame.name} where it should wait", got=str(frame))
        self._peeked = frame
        if frame is None and self.channel.at_eof:
            raise self._gone("a worker that waits")
        used, passed = self.process.cpu_seconds() - cpu, time.monotonic() - start
        wants_more = busy > max(LEAST_BUSY, looks * BUSY_SHARE)
        if wants_more or used > max(IDLE_CPU_FLOOR_S, passed * IDLE_CPU_SHARE):
            reason = f"the worker used {used:.2f} s of processor time in {passed:.2f} s of waiting"
            raise self._fail(reason, verdict=LEAK, requirement="talk.patience")

    def eof(self, step: Eof) -> None:
        frame = self._upcoming(step.within_s or EXIT_WAIT_S, ())
        if frame is not None:
            raise self._fail(
                f"the worker said {frame.name} where it should end", want="the end", got=str(frame)
            )
        if self.channel.pending:
            raise self._gone("the end")

    def exit(self, step: Exit) -> None:
        self._sender.flush()
        limit = self._limit(step.within_s or EXIT_WAIT_S)
        if not self.channel.at_eof:
            frame = self._peeked or self._next_frame(limit, or_exit=True)
            if frame is not None:
                raise self._fail(
                    f"{frame.name} came after the last message", got=str(frame), requirement="error.last"
                )
        ended = self.process.wait(limit.left)
        if ended is None:
            raise self._fail(f"the worker has not ended within {limit.seconds:.3g} s", verdict=TIMEOUT)
        self.transcript.add("·", str(ended))
        if not _allowed(step, ended):
            verdict = CRASH if ended.signal is not None else "fail"
            raise self._fail(
                f"the worker ended with {ended}", verdict=verdict, want=spell_step(step), got=str(ended)
            )

    # What Disco does

    def _send_message(self, step: Message) -> None:
        if "$" in step.text or "{" in step.text:
            payload = _payload_bytes(step, self.scope, self.world.task())
        else:
            payload = step.text.encode()
        self._reply(encode(step.name, payload))

    def _reply(self, data: bytes) -> None:
        self.transcript.add("M", shown(data))
        self._sender.send(data)
        self._owed = max(0, self._owed - 1)
        while self._late and self._owed <= len(self._late):
            self._late.pop()
            self._owed = max(0, self._owed - 1)
            self.transcript.add("M", shown(OK))
            self._sender.send(OK)

    def raw(self, step: Raw) -> None:
        if step.side == WORKER:
            raise self._fail("raw bytes of a worker are sent, not expected, by this role")
        self.transcript.add(
            "M", f"{step.spelt} {shown(step.data)}" + (f" * {step.times}" if step.times > 1 else "")
        )
        self._sender.send(step.data * step.times)
        self._owed = max(0, self._owed - 1)

    def _write(self, data: bytes) -> None:
        self._last_at = time.monotonic()
        if not self._can_write or self.channel.write(data, self._deadline):
            return
        self._can_write = False
        if self._deadline.passed and self.process.poll() is None:
            raise self._fail("the worker does not read what Disco says", verdict=TIMEOUT)
        self.transcript.add("·", "the worker no longer reads")

    def delivery(self, step: Delivery) -> None:
        self._sender.next_delivery(step.kind, step.amount)

    def close(self, _: Close) -> None:
        self._sender.flush()
        self.transcript.add("·", "Disco closes the worker's standard input")
        self.channel.close()
        self._can_write = False

    def deaf(self, _: Deaf) -> None:
        self._sender.flush()
        self.transcript.add("·", "Disco stops reading")
        self.channel.deafen()

    def signal(self, step: Signal) -> None:
        self._sender.flush()
        self.transcript.add("·", f"SIG{step.name}")
        self.process.send_signal(step.name)

    # Blocks

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
            count = 0
            while count < block.high and self._comes(block.branches):
                self._run(block.branches[0])
                count += 1
            if count < block.low:
                self._line = block.line
                raise self._fail(f"this came {count} times, not {block.low}..{block.high}")

    def _comes(self, branches: tuple[tuple[Step, ...], ...]) -> bool:
        """Whether what may come does come. Silence is an answer too, where the step says how long to wait."""
        try:
            return self._fitting(branches) is not None
        except Failed as failed:
            timed = getattr(branches[0][0], "within_s", None) is not None
            if failed.verdict != TIMEOUT or not timed or self.channel.pending or self._deadline.passed:
                raise
            return False

    def _choose(self, block: Block, branches: tuple[tuple[Step, ...], ...]) -> tuple[Step, ...]:
        branch = self._fitting(branches)
        if branch is not None:
            return branch
        self._line = block.line
        wanted = " or ".join(spell_step(b[0]) for b in branches)
        if self._peeked is None:
            raise self._gone(wanted)
        frame = self._peeked
        raise self._fail(f"the worker said {frame.name}, which fits no branch", want=wanted, got=str(frame))

    def _fitting(self, branches: tuple[tuple[Step, ...], ...]) -> tuple[Step, ...] | None:
        firsts = [branch[0] for branch in branches]
        subjects = {step.name for first in firsts for step in _openings(first) if isinstance(step, Message)}
        limits = [getattr(step, "within_s", None) for step in firsts]
        within = max((limit for limit in limits if limit is not None), default=None)
        frame = self._upcoming(within, subjects)
        return next((branch for branch in branches if self._fits(branch[0], frame)), None)

    def _fits(self, step: Step, frame: Frame | None) -> bool:
        if isinstance(step, Block):
            return any(self._fits(branch[0], frame) for branch in step.branches)
        if frame is None:
            return isinstance(step, Eof | Exit)
        if isinstance(step, ServeInputs):
            return frame.name in ("INPUT", "INPUT_ERR")
        return isinstance(step, Message) and self._mismatch(step, frame) is None


def _openings(step: Step) -> list[Step]:
    """What a step can begin with: itself, or the first steps of its branches."""
    if not isinstance(step, Block):
        return [step]
    return [opening for branch in step.branches for opening in _openings(branch[0])]


def _allowed(step: Exit, ended: Ended) -> bool:
    if step.low is None or step.high is None:
        return True
    return ended.status is not None and step.low <= ended.status <= step.high


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _payload_bytes(step: Message, scope: Scope, task: dict[str, Any]) -> bytes:
    """The payload of a message of ours that has samples, variables, a base or padding in it."""
    value = load(step.text, step.line)
    if isinstance(value, dict) and value.get("$base") == "task":
        dropped = value.pop("$drop", [])
        del value["$base"]
        value = {key: item for key, item in {**task, **value}.items() if key not in dropped}
    pad = _PAD.search(step.text)
    data = _json(realise(compile_payload(value, step.line), scope))
    if pad is None:
        return data
    unit = (pad["unit"] or "x").encode()
    room = max(0, int(pad["bytes"]) - len(data) + len(PAD_MARK))
    return data.replace(PAD_MARK, unit * (room // len(unit)), 1)


PAD_MARK = b"\\u0000pad"
_PAD = re.compile(r'"\$pad:(?P<bytes>\d+)(?::(?P<unit>.))?"')


_DO: dict[type[Step], Callable[[Player, Any], None]] = {
    Message: Player.message,
    Raw: Player.raw,
    ServeInputs: Player.serve_inputs,
    Delivery: Player.delivery,
    Close: Player.close,
    Deaf: Player.deaf,
    Nothing: Player.nothing,
    Eof: Player.eof,
    Exit: Player.exit,
    Signal: Player.signal,
    Block: Player.block,
}
