#!/usr/bin/env python3
"""A worker of two programs, in whatever languages: `map` does the maps of the job, `reduce` the reduces.

Disco starts the same worker for every task, and says the mode only in the reply to TASK. So this program
asks for the task, starts the program beside it that bears the mode's name, and answers that program's own
WORKER and TASK with what Disco has answered. Everything else passes through unread. In the end it ends as
the program did: same status, same signal.

Disco is not told that the program could be used again, so each process has one task, and the reply to its
DONE is OK.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from disco.protocol.errors import FrameError, ProtocolError
from disco.protocol.frames import FrameReader, encode_bytes
from disco.protocol.messages import Fatal, Ok, Role, TaskRequest, Worker
from disco.protocol.parse import parse
from disco.worker.channel import Channel, Disconnected

READ_BYTES = 1 << 16
REQUESTS, REPLIES = 2, 0  # our own ends of the pipes to Disco


class Requests:
    """What the program says: frame by frame at first, unread from then on."""

    def __init__(self, fd):
        self.fd, self.frames, self.read = fd, FrameReader(), b""

    def frame(self):
        """The next frame, or None at the end."""
        while (frame := self.frames.next_frame()) is None:
            data = os.read(self.fd, READ_BYTES)
            if not data:
                return None
            self.read += data
            self.frames.feed(data)
        self.read = self.read[len(encode_bytes(*frame)) :]
        return frame

    def pass_on(self, target):
        """All that is left, to the descriptor `target`."""
        try:
            write(target, self.read)
            while data := os.read(self.fd, READ_BYTES):
                write(target, data)
        except BrokenPipeError:
            pass  # nobody listens any more
        finally:
            os.close(self.fd)


def write(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def start(program):
    """The program as Disco would start it: requests on its standard error, prints there too."""
    head = program.read_bytes()[:80].split(b"\n")[0]
    is_python = head.startswith(b"#!") and b"python" in head
    command = [sys.executable, "-s", str(program)] if is_python else [str(program)]
    read_end, write_end = os.pipe()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=write_end, stderr=write_end, bufsize=0)
    os.close(write_end)
    return process, Requests(read_end)


def introduce(requests, program, channel, task):
    """Answer the program's WORKER and TASK; what it says in between is for Disco."""
    while frame := requests.frame():
        if frame.name == "WORKER":
            write(program, Ok().to_frame())
        elif frame.name == "TASK":
            write(program, task.to_frame())
            return
        else:
            write(program, channel.ask(parse(frame, Role.WORKER)).to_frame())


def pass_replies(program):
    with suppress(BrokenPipeError, ValueError):  # closed at either end
        while data := os.read(REPLIES, READ_BYTES):
            write(program.fileno(), data)
    program.close()  # Disco is gone, and the program is to notice


def run(channel, task):
    """The task, by the program for its mode. The result is the status that the program ended with."""
    program = Path(__file__).resolve().with_name(task.mode)
    if not program.exists():
        channel.ask(
            Fatal(f"the job home has no program for {task.mode}: pack it with --file {task.mode}=PATH")
        )
        return 1
    process, requests = start(program)
    with suppress(FrameError, BrokenPipeError):  # what follows tells Disco the same
        introduce(requests, process.stdin.fileno(), channel, task)
    threading.Thread(target=pass_replies, args=(process.stdin,), daemon=True).start()
    requests.pass_on(REQUESTS)
    process.stdin.close()  # it has ended, or asks a Disco that no longer reads
    return process.wait()


def main():
    channel = Channel(REQUESTS, REPLIES)
    try:
        channel.ask(Worker(os.getpid()))
        status = run(channel, channel.ask(TaskRequest()))
    except (Disconnected, ProtocolError):
        status = 1  # Disco is gone, or was told
    if status < 0:
        with suppress(OSError):  # KILL can't be set, and needs no setting
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main()
