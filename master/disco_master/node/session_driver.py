"""Drives one worker process through one attempt, or through several when it can be used again.

A worker that announced reuse and says DONE gets no answer yet: it is *parked*. The next attempt of its job
answers with TASK; `release` answers with OK, and it exits. How an attempt ends (protocol 1.0):

    DONE, outputs safe            DONE
    ERROR                         FAILED, tried elsewhere
    FATAL, or a bad message       FAILED, ends the job
    bytes that are no frame       CRASHED, with the worker's last words
    exit before any of these      CRASHED, with exit code or signal, peak memory, last words
    a time limit                  CRASHED
    a stop from outside           as the stop says
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from disco.protocol.errors import FrameError, MessageError, ProtocolError
from disco.protocol.messages import (
    Done,
    Error,
    Fatal,
    InputErr,
    InputRequest,
    Message,
    Msg,
    Ok,
    OutputMsg,
    Reply,
    TaskInfo,
    TaskRequest,
)

from ..model import AttemptEnd, Outcome, Output, TaskSpec
from .attempt import Answers, Attempt, OutputError
from .config import MIB, NodeConfig
from .homes import JobHome
from .link import NEVER, Happening, Link
from .process import Exit, WorkerProcess
from .warden import Warden

Said = Callable[[int, int, str], None]  # attempt, number of the message within it, text
LAST_WORDS_S = 2.0  # for a worker that lost its framing to print what it has to say
LAST_LINES = 5  # messages of a worker that crashed without other last words
LAST_LINE_CHARACTERS = 1000
_MORE_MEMORY = "have a task hold less, or raise DISCO_WORKER_MAX_MEM where the node runs, and restart it"
# What allocators and interpreters print when they get no memory.
_NO_MEMORY = ("MemoryError", "bad_alloc", "Cannot allocate memory", "out of memory", "Out of memory")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the conversation about one attempt ended; what the process adds comes later."""

    outcome: Outcome
    message: str = ""
    fatal: bool = False
    outputs: tuple[Output, ...] = ()


class Throttle:
    """Lets `per_s` messages a second through; a burst of as many is free after a quiet second."""

    def __init__(self, per_s: int) -> None:
        self._step_s = 1.0 / per_s
        self._booked = 0.0  # up to which moment messages have used their share

    def due(self, now: float) -> float:
        """When the message that has just come may be answered."""
        self._booked = max(now, self._booked) + self._step_s
        return max(now, self._booked - 1.0)


class SessionDriver:
    """One worker process. Used by its slot's thread; a stop comes through `Attempt.stop` and the wake."""

    def __init__(
        self,
        home: JobHome,
        config: NodeConfig,
        wake: int,
        warden: Warden,
        said: Said,
    ) -> None:
        """Start the worker. `said` is told of each MSG. Raises ProgramError or OSError."""
        self.home = home
        self._config, self._limits, self._said, self._warden = config, config.limits, said, warden
        self._process = WorkerProcess(home.program, config.limits.memory_bytes)
        warden.watch(self._process.pid)
        self._link = Link(self._process, wake, config.limits)
        self._announced = False
        self._ended_alone = False  # and was not killed by us
        self._started = time.monotonic()
        self.parked = False
        self.ended = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, attempt: Attempt) -> AttemptEnd:
        """Have the worker carry out `attempt`. Afterwards it is either `parked` or `ended`."""
        answers = Answers(attempt.spec, self.home, self._limits)
        conversation = _Conversation(attempt, answers, Throttle(self._limits.messages_per_s))
        if self.parked:
            self.parked = False
            self._link.send(self._task_info(attempt.spec))
        verdict = self._converse(conversation)
        if verdict.outcome is Outcome.DONE and self._may_park():
            self.parked = True
            answers.log.close()
            return AttemptEnd(Outcome.DONE, outputs=verdict.outputs, cpu_s=self._process.cpu_since_last())
        end = self._account(verdict, self._finish(attempt, verdict), conversation.last_lines)
        if end.outcome is not Outcome.DONE:
            end = replace(end, unreadable=answers.unreadable)
        answers.log.close("" if end.outcome is Outcome.DONE else _log_entry(end))
        return end

    def wait_parked(self, deadline: float) -> bool:
        """False when the parked worker is of no more use: it exited, spoke, or its time is over."""
        try:
            return self._link.wait(deadline) is Happening.WOKEN and not self._link.exited
        except ProtocolError:
            return False

    def release(self, grace_s: float) -> None:
        """End the process: a parked worker is let go and killed only if it stays, any other is killed."""
        if self.ended:
            return
        if self.parked:
            self._link.send(_OK)
            self._await_exit(None, grace_s)
        self._reap()

    def _converse(self, conversation: _Conversation) -> Verdict:
        attempt = conversation.attempt
        while attempt.stopped is None:
            deadline = NEVER if self._announced else self._started + self._limits.start_s
            try:
                heard = self._link.wait(deadline)
                if isinstance(heard, Happening):
                    verdict = self._judge(attempt, heard)
                else:
                    verdict = self._answer(conversation, heard)
            except FrameError as error:
                self._await_exit(attempt, LAST_WORDS_S, keeping=True)
                verdict = Verdict(
                    Outcome.CRASHED, f"Could not parse worker event: {error.fault}: {error.reason}"
                )
            except MessageError as error:
                verdict = Verdict(Outcome.FAILED, str(error), fatal=True)
            if verdict is not None and (attempt.stopped is None or verdict.outcome is not Outcome.CRASHED):
                return verdict
        return Verdict(attempt.stopped.outcome, attempt.stopped.message)

    def _judge(self, attempt: Attempt, happening: Happening) -> Verdict | None:
        """What it means for an attempt that the worker is silent or gone."""
        limits = self._limits
        match happening:
            case Happening.WOKEN:
                return None
            case Happening.TIMEOUT:
                text = f"Worker did not send its PID in {limits.start_s:g} seconds: WORKER must come first"
            case Happening.STUCK:
                text = f"Worker stuck in the middle of a message for {limits.frame_s:g} seconds"
            case Happening.DEAF:
                text = f"Worker read none of its replies for {limits.unread_reply_s:g} seconds"
            case Happening.ENDED if self._link.exited:
                text = "Worker crashed!"
            case Happening.ENDED:
                self._await_exit(attempt, limits.exit_s)
                text = "Worker crashed!" if self._link.exited else "Worker closed its stderr and did not exit"
        return Verdict(Outcome.CRASHED, text)

    def _answer(self, conversation: _Conversation, message: Message) -> Verdict | None:
        """Carry out one request; a verdict when it was the last of its attempt."""
        answers, reply = conversation.answers, _OK
        match message:
            case TaskRequest():
                reply = self._task_info(conversation.attempt.spec)
            case InputRequest():
                reply = answers.inputs(message)
            case InputErr():
                reply = answers.replicas_failed(message)
            case OutputMsg():
                answers.output(message)
            case Msg():
                self._hear(conversation, message.text)
            case Done():
                return self._done(answers)
            case Error():
                self._link.send(_OK)
                return Verdict(Outcome.FAILED, message.text)
            case Fatal():
                self._link.send(_OK)
                return Verdict(Outcome.FAILED, message.text, fatal=True)
            case _:  # WORKER and PING
                self._announced = True
        self._link.send(reply)
        return None

    def _done(self, answers: Answers) -> Verdict:
        try:
            outputs = answers.finish()
        except OutputError as error:
            return Verdict(Outcome.FAILED, str(error), error.fatal)
        if not self._link.session.reuse:
            self._process.note_memory()
            self._link.send(_OK)
        return Verdict(Outcome.DONE, outputs=outputs)

    def _hear(self, conversation: _Conversation, text: str) -> None:
        conversation.answers.log.line(text)
        conversation.last_lines.append(text[:LAST_LINE_CHARACTERS])
        conversation.messages += 1
        spec = conversation.attempt.spec
        self._said(spec.attempt, conversation.messages, text[: self._limits.message_characters])
        now = time.monotonic()
        due = conversation.throttle.due(now)
        if due > now:
            self._link.pause(due)

    def _may_park(self) -> bool:
        return self._link.session.reuse and not self._link.exited

    def _finish(self, attempt: Attempt, verdict: Verdict) -> Exit:
        """Let a worker that was answered exit; kill any other."""
        if self._link.session.ended:
            self._await_exit(attempt, self._limits.exit_s)
        return self._reap()

    def _await_exit(self, attempt: Attempt | None, seconds: float, *, keeping: bool = False) -> None:
        """Give the worker time to exit, unless its attempt is stopped."""
        deadline = time.monotonic() + seconds
        while not self._link.exited and time.monotonic() < deadline:
            if attempt is not None and attempt.stopped is not None:
                return
            self._link.wait_for_exit(deadline, keeping=keeping)

    def _reap(self) -> Exit:
        self.ended, self.parked = True, False
        self._ended_alone = self._link.exited
        exit_ = self._process.reap()
        self._warden.release(self._process.pid)
        return exit_

    def _account(self, verdict: Verdict, exit_: Exit, said: Iterable[str]) -> AttemptEnd:
        """The end of an attempt whose process has ended too."""
        words, message = "", verdict.message
        if verdict.outcome is Outcome.CRASHED:
            no_frame = self._link.session.last_words.decode("utf-8", "replace")
            words = (no_frame or "\n".join(said))[: self._limits.last_words_bytes]
            message = f"{message} ({exit_}{self._memory(exit_, words)})"
        elif verdict.outcome is Outcome.FAILED and any(sign in message for sign in _NO_MEMORY):
            facts = self._memory(exit_, message).removeprefix(", ")
            message += f"\n({facts})" if facts else ""
        return AttemptEnd(
            outcome=verdict.outcome,
            message=message,
            fatal=verdict.fatal,
            outputs=verdict.outputs,
            exit_status=exit_.status,
            signal=exit_.signal,
            last_words=words,
            cpu_s=exit_.cpu_s,
            peak_memory_bytes=exit_.peak_memory_bytes,
        )

    def _memory(self, exit_: Exit, words: str) -> str:
        text = ""
        if exit_.peak_memory_bytes:
            text = f", peak memory {exit_.peak_memory_bytes / MIB:.0f} MiB"
        limit = self._limits.memory_bytes
        if limit is not None:
            text += f", memory limit {limit / MIB:.0f} MiB"
            if any(sign in words for sign in _NO_MEMORY):
                text += f": the limit was hit; {_MORE_MEMORY}"
        if exit_.signal == signal.SIGKILL and self._ended_alone:
            text += ", killed from outside: the kernel does that when the machine runs out of memory"
        return text

    def _task_info(self, spec: TaskSpec) -> TaskInfo:
        config = self._config
        return TaskInfo(
            host=config.name,
            master=config.master_url,
            jobname=spec.job,
            taskid=spec.task,
            mode=spec.mode.value,
            disco_port=config.disco_port,
            put_port=config.put_port,
            disco_data=str(config.disco_data),
            ddfs_data=str(config.ddfs_data),
            jobfile=str(self.home.jobfile),
        )


@dataclass(slots=True)
class _Conversation:
    attempt: Attempt
    answers: Answers
    throttle: Throttle
    messages: int = 0
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


_OK: Reply = Ok()


def _log_entry(end: AttemptEnd) -> str:
    words = f"\nLast words:\n{end.last_words}" if end.last_words else ""
    return f"{end.outcome.value}: {end.message}{words}"
