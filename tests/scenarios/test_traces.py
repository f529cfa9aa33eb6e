"""Each trace in `traces/` is played, and every order must be the one that the trace says."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios.script import Script

TRACES = sorted((Path(__file__).parent / "traces").glob("*.txt"))


def play(text: str) -> str:
    """The trace as it should read: its prose and steps, with the orders that really come."""
    script, lines = Script(), []
    for line in text.splitlines():
        if line.startswith("< "):
            continue
        lines.append(line)
        if line.startswith("> "):
            lines += [f"< {order}" for order in script.step(line[2:])]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_the_trace_plays_as_written(trace: Path) -> None:
    text = trace.read_text()
    assert play(text) == text


def test_there_are_traces() -> None:
    assert len(TRACES) >= 10
