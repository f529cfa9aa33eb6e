"""Job events as people and programs see them while they wait.

An event is (time, host, message), all text. DISCO_EVENTS says how it is shown: empty, not at all; `json`,
one JSON array a line on standard output; `nocolor`, plain text; anything else, text, coloured when it goes
to a terminal. Text goes to standard error, so that it never mixes with results.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TextIO

Event = tuple[str, str, str]

_GREEN, _BLUE, _MAGENTA, _RED, _CYAN, _ON_GREEN = (
    "\x1b[32m",
    "\x1b[34m",
    "\x1b[35m",
    "\x1b[31m",
    "\x1b[36m",
    "\x1b[42m",
)
_PLAIN = "\x1b[0m"
_MESSAGE_COLOURS = (("WARN", _MAGENTA), ("ERROR", _RED), ("FATAL", _RED), ("READY", _ON_GREEN))


def as_json(event: Sequence[str]) -> str:
    return json.dumps(list(event), ensure_ascii=False)


def as_text(event: Sequence[str]) -> str:
    return " ".join(event)


def as_colour(event: Sequence[str]) -> str:
    """For a terminal: the time green, the host blue, the message by its first word."""
    time, host, message = event
    colour = next((colour for word, colour in _MESSAGE_COLOURS if message.startswith(word)), "")
    shown = f"{colour}{message}{_PLAIN}" if colour else message
    return f"{_GREEN}{time}{_PLAIN} {_BLUE}{host}{_PLAIN} {shown}"


def status_text(mode: str, counts: Sequence[int]) -> str:
    """`counts` are waiting, running, done, failed, as in job info."""
    waiting, running, done, failed = counts
    return f"Status: [{mode}] {waiting} waiting, {running} running, {done} done, {failed} failed"


class EventPrinter:
    """Writes events and status lines in the format that DISCO_EVENTS asks for."""

    def __init__(self, style: str, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.style = style
        self.colour = style not in ("", "json", "nocolor") and self.err.isatty()
        self.shows_status = style not in ("", "json")
        self._last_status = ""

    def heading(self, jobname: str) -> None:
        if self.colour:
            print(f"{_CYAN}{jobname}{_PLAIN}", file=self.err, flush=True)

    def event(self, event: Sequence[str]) -> None:
        if self.style == "json":
            print(as_json(event), file=self.out, flush=True)
        elif self.style:
            print(as_colour(event) if self.colour else as_text(event), file=self.err, flush=True)

    def status(self, mode: str, counts: Sequence[int]) -> None:
        """Written only when it differs from the last one; programs (`json`) don't get it."""
        text = status_text(mode, counts)
        if not self.shows_status or text == self._last_status:
            return
        self._last_status = text
        print(f"{_CYAN}{text}{_PLAIN}" if self.colour else text, file=self.err, flush=True)
