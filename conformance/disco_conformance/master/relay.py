#!/usr/bin/env python3
"""The worker inside the job pack: it does nothing of its own, and hands its pipes to whoever plays it.

One connection to the player for each attempt. Both directions carry blocks `KIND LENGTH LF bytes`. To the
player: `hello` (JSON), `in` (what Disco said), `eof`. From it: `err` and `out` (to be written), `exit` (a
status), `kill` (end by this signal), `hold` (close both outputs and stay), `deaf` (close standard input),
`grow` (take so many bytes of memory), `child` (start a process that stays, and says so on a connection of its
own).
"""

import json
import mmap
import os
import select
import socket
import time
from pathlib import Path


def block(kind: str, data: bytes = b"") -> bytes:
    return b"%s %d\n" % (kind.encode(), len(data)) + data


def hello() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "pgid": os.getpgid(0),
        "cwd": str(Path.cwd()),
        "env": dict(os.environ),
        "stdout": _same(1, 2),
        "files": sorted(path.name for path in Path().iterdir()),
    }


def _same(first: int, second: int) -> bool:
    return os.fstat(first).st_ino == os.fstat(second).st_ino


def write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def obey(kind: str, data: bytes) -> None:
    if kind == "err":
        write(2, data)
    elif kind == "out":
        write(1, data)
    elif kind == "exit":
        os._exit(int(data))
    elif kind == "kill":
        os.kill(os.getpid(), int(data))
    elif kind == "hold":
        os.close(1)
        os.close(2)
        time.sleep(600)
    elif kind == "deaf":
        os.close(0)
    elif kind == "grow":
        grow(int(data))
    elif kind == "child" and os.fork() == 0:
        stay()


KEPT: list[mmap.mmap] = []
RESERVED_ONLY = 0x4000  # MAP_NORESERVE: address space is taken, no page is


def grow(size: int) -> None:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | RESERVED_ONLY
    try:
        KEPT.append(mmap.mmap(-1, size, flags=flags, prot=mmap.PROT_READ))
    except (OSError, MemoryError):
        write(2, b"MemoryError\n")
        os._exit(1)


def stay() -> None:
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    wire = call(child=True)
    while wire.recv(1):
        continue
    os._exit(0)


def call(**more: object) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", int(os.environ["CONFORMANCE_PORT"])))
    greeting = {**more, "key": os.environ["CONFORMANCE_KEY"]}
    wire.sendall(block("hello", json.dumps(greeting).encode()))
    return wire


def main() -> None:
    wire = call(**hello())
    reader = wire.makefile("rb", buffering=0)
    watched: list[socket.socket | int] = [wire, 0]
    while True:
        for ready in select.select(watched, [], [])[0]:
            if ready == 0:
                data = os.read(0, 1 << 16)
                if not data:
                    watched = [wire]
                wire.sendall(block("in" if data else "eof", data))
                continue
            head = reader.readline()
            if not head:
                os._exit(99)
            kind, length = head.split()
            data = b""
            while len(data) < int(length):
                data += reader.read(int(length) - len(data))
            if kind == b"deaf":
                watched = [wire]
            try:
                obey(kind.decode(), data)
            except BrokenPipeError:
                wire.sendall(block("deaf"))


if __name__ == "__main__":
    main()
