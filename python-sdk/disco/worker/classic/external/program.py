"""A running external program, and the talk with it.

Neither side waits for the other: one loop writes pairs while the program takes them, and reads results and
messages while it gives any, so full pipes on both sides can't stop it. Pairs are written ahead of the
answers.

How a program may end:

    exit status 0, all input read         done; of a map, there must be a list for each pair
    **<ERR> text on standard error        the job ends with that text (ProgramFault)
    any other exit status, a signal       the task is tried elsewhere (ProgramError)
    breaks the interface                  would do so anywhere: the job ends (ProgramFault)

A map is complete with its last list. It may take EXIT_GRACE_S to exit, and is killed then.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from ....error import DiscoError
from .packaging import OP, home_of
from .pairs import Pair, ResultLists, entry_parts

CHUNK_BYTES = 64 * 1024  # written or read at once
MAX_LINE_BYTES = 16_000  # of standard error; a longer line becomes several messages
TICK_S = 0.1  # how long nothing may come before the program is looked at: it may have left its pipes open
EXIT_GRACE_S = 10.0
BUSY_TIMEOUT_S = 2.0  # a file just unpacked may still be open in a process that is being forked
BUSY_PAUSE_S = 0.02
MESSAGE, ERROR = b"**<MSG>", b"**<ERR>"


class ProgramError(ChildProcessError):
    """A program could not be started, or died: another node may do better."""

    speaks_for_itself = True


class ProgramFault(DiscoError):
    """A program gave up, or broke the interface, as it would on any node."""

    speaks_for_itself = True


class Program:
    """The program of a mode, started in its directory of the job home. Killed at the end of `with`.

    `params` is what it reads before the first pair.
    """

    def __init__(self, mode: str, params: bytes, exit_grace_s: float = EXIT_GRACE_S) -> None:
        self.mode = mode
        self.name = f"external {mode} ({home_of(mode)}/{OP})"
        self._params = params
        self._exit_grace_s = exit_grace_s
        self._given = 0  # pairs
        self._chunks: Iterator[bytes] = iter(())
        self._unsent = memoryview(b"")
        self._input_ended = False
        self._line = b""  # of standard error, not complete yet
        self._last_words = ""
        self._lists = ResultLists()
        # its end to read from is kept open here: what is left there tells what was not read
        self._stdin_read, self._stdin = os.pipe()
        self._process = self._start()
        assert self._process.stdout is not None and self._process.stderr is not None
        self._stdout, self._stderr = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._open = {self._stdin: select.POLLOUT, self._stdout: select.POLLIN, self._stderr: select.POLLIN}
        for fd in self._open:
            os.set_blocking(fd, False)

    # ---- its life

    def _start(self) -> subprocess.Popen[bytes]:
        home = Path.cwd()
        folder = home / home_of(self.mode)
        libraries = [str(folder), str(home / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                return subprocess.Popen(
                    [str(folder / OP), self.mode],
                    cwd=folder,
                    env={**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))},
                    stdin=self._stdin_read,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                )
            except OSError as error:
                if error.errno == errno.ETXTBSY and time.monotonic() < deadline:
                    time.sleep(BUSY_PAUSE_S)
                    continue
                os.close(self._stdin)
                os.close(self._stdin_read)
                raise ProgramError(f"the {self.name} can't be started: {_why_not(error)}") from None

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()
        self._close_stdin()
        os.close(self._stdin_read)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    # ---- its work

    def map(self, entries: Iterable[Any]) -> Iterator[Pair]:
        """The pairs that it answers to the entries."""
        self._chunks = self._encoded(entries)
        while (data := self._exchange()) is not None:
            yield from self._pairs(data)
            if self._lists.begun > self._given:
                raise self._wrote_too_much()
            if self._input_ended and self._lists.is_between and self._lists.begun == self._given:
                if not self._exits():
                    return
                break
        self._check_end()
        if self._lists.begun != self._given:
            raise self._broke(f"answered {self._lists.begun} of {self._given} pairs, and exited")

    def reduce(self, pairs: Iterable[Any]) -> Iterator[Pair]:
        """The pairs that it makes of all these pairs."""
        self._chunks = self._encoded(pairs)
        while (data := self._exchange()) is not None:
            yield from self._pairs(data)
        self._check_end()

    def _encoded(self, entries: Iterable[Any]) -> Iterator[bytes]:
        parts, size = [self._params], len(self._params)
        for entry in entries:
            made = entry_parts(entry)
            self._given += 1
            parts += made
            size += sum(map(len, made))
            if size >= CHUNK_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
        if size:
            yield b"".join(parts)

    def _pairs(self, data: bytes) -> list[Pair]:
        try:
            return self._lists.take(data)
        except DiscoError as error:
            raise self._broke(f"wrote what is no result list ({error}); prints belong on stderr") from None

    def _exits(self) -> bool:
        """Whether a map that has written its last list exits in time. If not, it is killed."""
        deadline = time.monotonic() + self._exit_grace_s
        while (data := self._exchange()) is not None:
            if data:
                raise self._wrote_too_much()
            if time.monotonic() > deadline:
                self._kill()
                print(
                    f"The {self.name} had not exited {self._exit_grace_s:g} s after its last answer: killed"
                )
                return False
        return True

    def _check_end(self) -> None:
        status = self._process.returncode
        if status:
            how = f"exited with status {status}" if status > 0 else _killed_by(-status)
            words = f"; the last line on its stderr: {self._last_words}" if self._last_words else ""
            raise ProgramError(f"the {self.name} {how}{words}")
        if not self._lists.is_between:
            raise self._broke(f"exited inside result list {self._lists.begun}")
        if self._unsent or _bytes_in(self._stdin_read) or next(self._chunks, None) is not None:
            raise self._broke("exited before it had read all of its input; it must read to the end")

    def _wrote_too_much(self) -> ProgramFault:
        return self._broke(f"wrote more than one result list for each of {self._given} pairs")

    def _broke(self, how: str) -> ProgramFault:
        """The error for a program that breaks the interface. What it says about it itself counts more."""
        if self._stderr in self._open:
            self._read_messages()
        return ProgramFault(f"the {self.name} {how}")

    # ---- its pipes

    def _exchange(self) -> bytes | None:
        """Write what it takes and read what it gives, once. None when it has exited and all is read.

        Raises ProgramFault when it said `**<ERR>`.
        """
        has_exited = self._process.poll() is not None  # asked first: what it wrote before that is there now
        if has_exited:
            self._close_stdin()
        else:
            self._refill()
        ready = self._wait(0 if has_exited else TICK_S)
        if self._stdin in ready:
            with suppress(BlockingIOError):
                self._unsent = self._unsent[os.write(self._stdin, self._unsent[:CHUNK_BYTES]) :]
        if self._stderr in ready:
            self._read_messages()
        if self._stdout in ready:
            return self._read(self._stdout)
        return None if has_exited and not ready else b""

    def _wait(self, timeout_s: float) -> set[int]:
        """The pipes that are ready; without any, the program is closing down."""
        if not self._open:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
            return set()
        poll = select.poll()
        for fd, what in self._open.items():
            poll.register(fd, what)
        return {fd for fd, _ in poll.poll(timeout_s * 1000)}

    def _refill(self) -> None:
        if self._unsent or self._input_ended:
            return
        chunk = next(self._chunks, None)
        if chunk is None:
            self._input_ended = True
            self._close_stdin()
        else:
            self._unsent = memoryview(chunk)

    def _close_stdin(self) -> None:
        if self._open.pop(self._stdin, None):
            os.close(self._stdin)

    def _read(self, fd: int) -> bytes:
        try:
            data = os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            del self._open[fd]
        return data

    def _read_messages(self) -> None:
        data = self._read(self._stderr)
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > MAX_LINE_BYTES or self._stderr not in self._open:
            lines.append(self._line)
            self._line = b""
        for line in lines:
            self._message(line)

    def _message(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace")
        if line.startswith((MESSAGE, ERROR)):
            text = text[len(MESSAGE) :].removeprefix(" ")
        if line.startswith(ERROR):
            raise ProgramFault(text)
        if text.strip():
            print(text)
            self._last_words = text


def _why_not(error: OSError) -> str:
    reasons = {
        errno.ENOENT: "it, or the program that its first line names, is not on this node",
        errno.EACCES: "it is not executable",
        errno.ENOEXEC: "it is neither a program for this machine nor a script that begins with #!",
    }
    return reasons.get(error.errno or 0, str(error.strerror))


def _killed_by(number: int) -> str:
    return f"was killed by signal {number} ({signal.strsignal(number)})"


def _bytes_in(pipe: int) -> int:
    """How many bytes wait in a pipe."""
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(size)
