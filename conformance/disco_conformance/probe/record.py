"""A tee between a real Disco and a real worker, which writes down what they said as a session to edit by
hand.

It is started by Disco in the place of the worker: its standard input and error are the protocol. Bytes are
passed on as they come; only the copy is understood.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from disco_conformance.session.values import quote
from disco_conformance.wire.frames import Frame, FrameFault, FrameReader, encode

CHUNK = 1 << 16
KEPT_OF_TASK = ("jobname", "mode", "taskid")


class Copy:
    """Both directions, frame by frame, in the order in which they were complete."""

    def __init__(self) -> None:
        self._readers = {"W": FrameReader(), "M": FrameReader()}
        self._broken: set[str] = set()
        self.lines: list[str] = []

    def add(self, side: str, data: bytes) -> None:
        if side in self._broken:
            return
        reader = self._readers[side]
        reader.feed(data)
        try:
            while (frame := reader.next_frame()) is not None:
                self.lines.append(_line(side, frame))
        except FrameFault as fault:
            self._broken.add(side)
            self.lines += [f"# no frame: {fault.reason}", f"{side} raw {quote(reader.pending[:CHUNK])}"]

    def session(self, name: str, status: int) -> str:
        head = [
            "+++",
            f'id = "recorded/{name}"',
            'title = "recorded: say what it shows"',
            'proves = ["hs.order"]',
            'level = "should"',
            "+++",
        ]
        ending = f"exit {status} within 10s" if status >= 0 else "exit any within 10s"
        return "\n".join([*head, *self.lines, ending]) + "\n"


def _line(side: str, frame: Frame) -> str:
    text = frame.payload.decode("utf-8", "backslashreplace")
    try:
        value: Any = json.loads(text)
    except ValueError:
        return f"# not JSON\n{side} raw {quote(encode(frame.name, frame.payload))}"
    if side == "W" and frame.name == "WORKER" and isinstance(value, dict) and "pid" in value:
        text = json.dumps({**value, "pid": "$pid"})
    elif side == "M" and frame.name == "TASK" and isinstance(value, dict):
        kept = {key: value[key] for key in KEPT_OF_TASK if key in value}
        text = json.dumps({"$base": "task", **kept}, ensure_ascii=False)
    elif side == "W" and frame.name == "OUTPUT" and isinstance(value, list) and value:
        text = json.dumps(["$str", *value[1:]], ensure_ascii=False)
    else:
        text = json.dumps(_escaped(value), ensure_ascii=False)
    return f"{side} {frame.name} {text}"


def _escaped(value: Any) -> Any:
    """A dollar that was really said is no matcher."""
    if isinstance(value, str):
        return "$" + value if value.startswith("$") else value
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value


def record(command: Sequence[str], path: Path) -> int:
    """Returns the status of the worker, after the session was written."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )
    copy = Copy()
    try:
        _pass_on(process, copy)
    finally:
        if process.poll() is None and process.stdin and process.stdin.closed is False:
            process.stdin.close()
        status = process.wait()
        path.write_text(copy.session(path.stem.lower().replace("_", "-"), status), encoding="utf-8")
    return status if status >= 0 else 128 - status


def _pass_on(process: subprocess.Popen[bytes], copy: Copy) -> None:
    assert process.stdin is not None and process.stdout is not None
    ours, theirs = sys.stdin.fileno(), process.stdout.fileno()
    open_ends = {ours, theirs}
    while theirs in open_ends:
        for end in select.select(list(open_ends), [], [])[0]:
            data = os.read(end, CHUNK)
            if not data:
                open_ends.discard(end)
                if end == ours:
                    process.stdin.close()
            elif end == theirs:
                copy.add("W", data)
                os.write(sys.stderr.fileno(), data)
            else:
                copy.add("M", data)
                try:
                    process.stdin.write(data)
                except BrokenPipeError:
                    open_ends.discard(ours)
