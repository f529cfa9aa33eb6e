"""Disco's end of the protocol for one task that runs here, in a process of any language or in this one.

`Desk` answers requests and keeps what was reported. `converse` drives a worker process: it waits without
limits, since somebody may sit in a debugger, and judges the end as a node does.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...protocol.errors import FrameError, MessageError, ProtocolError
from ...protocol.messages import (
    Done,
    Error,
    Fail,
    Fatal,
    InputEntry,
    InputErr,
    InputReply,
    InputRequest,
    Msg,
    Ok,
    OutputMsg,
    Replica,
    Reply,
    Retry,
    Role,
    TaskInfo,
    TaskRequest,
)
from ...protocol.session import END_OF_INPUT, NEED_DATA, Session
from .home import TERMINAL_VARIABLE, LocalHome

READ_BYTES = 64 * 1024
EXIT_S = 10.0  # for a worker to exit after its last word was answered
LAST_WORDS_BYTES = 4096
LAST_WORDS_S = 2.0

Say = Callable[[str], None]


class Desk:
    """Answers for one task: `inputs` are lists of replicas; `say` is told of each message."""

    def __init__(self, task: TaskInfo, inputs: Sequence[Sequence[str]], say: Say) -> None:
        self.task = task
        self.outputs: list[OutputMsg] = []
        self._inputs, self._say = inputs, say
        self._failed: set[tuple[int, int]] = set()

    def answer(self, request: Any) -> Reply:
        match request:
            case TaskRequest():
                return self.task
            case InputRequest():
                return self._reply(request)
            case InputErr():
                self._failed.update((request.input_id, number) for number in request.replica_ids)
                left = self._left(request.input_id)
                return Retry(left) if left else Fail()
            case Msg():
                self._say(request.text)
            case OutputMsg() if request not in self.outputs:
                self.outputs.append(request)
        return Ok()

    def _reply(self, request: InputRequest) -> InputReply:
        chosen = set(request.ids) if request.select != "all" else set(range(len(self._inputs)))
        listed = request.select != "exclude"
        numbers = [number for number in range(len(self._inputs)) if (number in chosen) is listed]
        return InputReply(False, tuple(self._entry(number) for number in numbers))

    def _entry(self, number: int) -> InputEntry:
        left = self._left(number)
        return InputEntry(number, "ok" if left else "failed", left)

    def _left(self, number: int) -> tuple[Replica, ...]:
        if not 0 <= number < len(self._inputs):
            return ()
        urls = enumerate(self._inputs[number])
        return tuple(Replica(place, url) for place, url in urls if (number, place) not in self._failed)


@dataclass(frozen=True)
class Verdict:
    """How a task ended: `outcome` is done, error, fatal or crashed; the outputs count only when done."""

    outcome: str
    text: str = ""
    outputs: list[OutputMsg] = field(default_factory=list)


def converse(
    home: LocalHome, desk: Desk, paused: Callable[[int], None] | None = None, *, exit_s: float = EXIT_S
) -> Verdict:
    """Start the worker of `home` and have it carry out the task of `desk`.

    `paused` is called with the worker's process id before it is told its task; `exit_s` is how long it may
    take to exit. Raises CommandError.
    """
    command, environment = home.command(), home.environment()
    replies, stdin = os.pipe()
    stderr, requests = os.pipe()
    terminal = (os.dup(0), os.dup(1))
    environment[TERMINAL_VARIABLE] = f"{terminal[0]},{terminal[1]}"
    try:
        process = subprocess.Popen(
            command, cwd=home.path, env=environment, stdin=replies, stdout=requests, stderr=requests,
            pass_fds=terminal,
        )  # fmt: skip
    except OSError as error:
        os.close(stdin)
        os.close(stderr)
        return Verdict("fatal", f"{home.job.worker} can't be started: {error.strerror}")
    finally:
        for descriptor in (replies, requests, *terminal):
            os.close(descriptor)
    talk = _Talk(process, (stdin, stderr), desk, paused, exit_s)
    try:
        return talk.verdict()
    finally:
        talk.close()


class _Talk:
    """The conversation with one process."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pipes: tuple[int, int],
        desk: Desk,
        paused: Callable[[int], None] | None,
        exit_s: float,
    ) -> None:
        self._process, self._desk, self._paused, self._exit_s = process, desk, paused, exit_s
        self._stdin, self._stderr = pipes
        self._session = Session(Role.DISCO)

    def close(self) -> None:
        """End it: a worker that was answered exits by itself, any other when its pipes close."""
        for descriptor in (self._stdin, self._stderr):
            os.close(descriptor)
        self._exit()

    def _exit(self) -> int:
        """The exit code; whatever is left after `exit_s` is killed, with its children."""
        try:
            return self._process.wait(self._exit_s)
        except subprocess.TimeoutExpired:
            for pid in [*_descendants(self._process.pid), self._process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return self._process.wait()

    def verdict(self) -> Verdict:
        try:
            return self._run()
        except FrameError as error:
            words = self._last_words()
            return Verdict(
                "crashed", f"it wrote what is no message ({error.fault}: {error.reason}):\n{words}"
            )
        except (MessageError, ProtocolError) as error:
            return Verdict("fatal", str(error))

    def _run(self) -> Verdict:
        while True:
            event = self._session.next_event()
            if event is NEED_DATA:
                self._session.receive_data(os.read(self._stderr, READ_BYTES))
                continue
            if event is END_OF_INPUT:
                return Verdict("crashed", f"Worker crashed! ({_exit_text(self._exit())})")
            if isinstance(event, TaskRequest) and self._paused is not None:
                self._paused(self._process.pid)
            self._send(self._desk.answer(event))
            match event:
                case Done():
                    return Verdict("done", outputs=self._desk.outputs)
                case Error(text):
                    return Verdict("error", text)
                case Fatal(text):
                    return Verdict("fatal", text)

    def _send(self, reply: Reply) -> None:
        data = memoryview(self._session.send(reply))
        try:
            while data:
                data = data[os.write(self._stdin, data) :]
        except BrokenPipeError:
            pass  # it has ended, which its pipe will say too

    def _last_words(self) -> str:
        """What else it says within LAST_WORDS_S: it may as well wait for an answer for ever."""
        until_s = time.monotonic() + LAST_WORDS_S
        while len(self._session.last_words) < LAST_WORDS_BYTES:
            ready, _, _ = select.select([self._stderr], [], [], max(0.0, until_s - time.monotonic()))
            data = os.read(self._stderr, READ_BYTES) if ready else b""
            if not data:
                break
            self._session.receive_data(data)
        return self._session.last_words[:LAST_WORDS_BYTES].decode("utf-8", "replace")


def _descendants(pid: int) -> list[int]:
    """The children of a process and theirs, deepest first."""
    found: list[int] = []
    with suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [*_descendants(child), child]
    return found


def _exit_text(code: int) -> str:
    if code >= 0:
        return f"exit code: {code}"
    try:
        return f"signal: {-code} {signal.Signals(-code).name}"
    except ValueError:
        return f"signal: {-code}"
