"""Conversations for the specification: sessions played with the reference worker, and written down.

Paths, ports, process ids and time stamps are set to fixed values and lengths follow, so that the page is
the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from disco_conformance.play.case import run_case
from disco_conformance.play.result import Result
from disco_conformance.session.model import Session
from disco_conformance.suite.run import Player

PAGE_HEAD = """\
# Conversations

Whole conversations, made from the session files by `disco-conformance spoken --write`: do not edit.
Lines of the worker begin with W, those of Disco with M; each is a frame as it stands on the pipe,
without its LF.
"""
CHOSEN = (
    "golden/echo",
    "inputs/not-twice",
    "replicas/retry-twice",
    "replicas/wait-is-kept",
    "schemes/dir-label-1",
    "endings/fatal",
    "endings/reuse-second-task",
    "outputs/saved",
)
PID, PORT, STAMP, ROOT = "4242", "8989", "1700000000", "/srv/disco"
_FRAME = re.compile(r"(?P<name>[A-Z_]{1,10}) \d+ (?P<payload>.*?)(?:\\n)?")
_RULES = (
    (re.compile(r"/[^\"]*?/conformance-[a-z0-9_-]+?-[a-z0-9_]{8}(?=/)"), ROOT),
    (re.compile(r'"pid": \d+'), f'"pid": {PID}'),
    (re.compile(r"(?<=\.out/)((?:map|reduce)-\d+)-\d+-\d+"), rf"\1-{PID}-{STAMP}"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), PORT),
    (re.compile(r'(?<="disco_port":)\d+'), PORT),
    (re.compile(r'(?<="put_port":)\d+'), "8990"),
    (re.compile(r" at 0x[0-9a-f]+"), ""),
)


def page(sessions: Iterable[Session], player: Player) -> str:
    """Raises ValueError when a chosen session does not pass: then there is nothing to write down."""
    known = {session.id: session for session in sessions}
    parts = [PAGE_HEAD]
    for id_ in CHOSEN:
        result = run_case(known[id_], player.command)
        if not result.passed:
            raise ValueError(f"{id_} does not pass: {result.reason}")
        parts.append("\n".join(section(known[id_], result)) + "\n")
    return "\n".join(parts)


def section(session: Session, result: Result) -> Iterator[str]:
    rows = [(entry.side, fixed(entry.text)) for entry in result.transcript]
    yield f"## {session.head.title}"
    yield ""
    yield f"Session `{session.id}`; proves {', '.join(session.head.proves)}."
    yield ""
    yield "```mermaid"
    yield "sequenceDiagram"
    yield "  participant W as worker"
    yield "  participant M as Disco"
    for side, text in rows:
        if side in ("W", "M"):
            yield f"  {'W->>M' if side == 'W' else 'M-->>W'}: {text.partition(' ')[0]}"
        else:
            yield f"  Note over W: {text}"
    yield "```"
    yield ""
    yield "```"
    yield from (f"{side} {text}" for side, text in rows)
    yield "```"


def fixed(text: str) -> str:
    """A frame with fixed values for what differs from run to run, and its length counted again."""
    match = _FRAME.fullmatch(text)
    if match is None:
        return text
    payload = match["payload"]
    for pattern, value in _RULES:
        payload = pattern.sub(value, payload)
    return f"{match['name']} {len(payload.encode())} {payload}"
