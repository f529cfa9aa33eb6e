"""Looking into a running master (W22, W4): what nodes keep, and what happens when one does not answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from disco_master.core.master import Core
from disco_master.engine.base import NodeError
from disco_master.events import JobSubmitted
from disco_master.model import JobSpec, Mode
from disco_master.shell.inspection import Inspection
from disco_master.shell.loop import Loop
from disco_master.store.journal import Journal
from disco_master.web.door import AttemptLogEntry, TaskName, Unavailable

JOB = "job@1:2:3"
MAP7 = TaskName(Mode.MAP, 7)


class Nodes:
    """Two nodes with logs; `down` ones don't answer."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    def call(self, node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        self.calls.append((op, args))
        if node in self.down or generation != 1:
            raise NodeError(node, op, "it does not answer")
        if op == "attempt_log":
            return f"words on {node}"
        return [["reduce", 0, 9, 5], ["map", 7, 8, 4]] if node == "n1" else [["map", 7, 6, 3]]


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def inspection(tmp_path: Path, nodes: Nodes) -> Iterator[Inspection]:
    with Journal(tmp_path / "journal.db") as journal:
        core = Core(seed=1)
        loop = Loop(core, journal, lambda actions: None, print)
        loop.start(core.resume(0.0))
        loop.tell(JobSubmitted(JobSpec(JOB, "job", "me", "w", (("raw://x",),), True, False, 0)))
        yield Inspection(loop, lambda: {"n1": 1, "n2": 1}, nodes.call)
        loop.stop()


def test_logs_of_all_nodes_in_order_of_the_tasks(inspection: Inspection, nodes: Nodes) -> None:
    assert inspection.attempt_logs(JOB, None) == [
        AttemptLogEntry("n2", "map", 7, 6, 3),
        AttemptLogEntry("n1", "map", 7, 8, 4),
        AttemptLogEntry("n1", "reduce", 0, 9, 5),
    ]
    inspection.attempt_logs(JOB, MAP7)
    assert nodes.calls[-1] == ("attempt_logs", {"job": JOB, "mode": "map", "task": 7})


def test_a_node_that_does_not_answer_is_left_out(inspection: Inspection, nodes: Nodes) -> None:
    nodes.down = {"n1"}
    assert [entry.node for entry in inspection.attempt_logs(JOB, None)] == ["n2"]


def test_a_log_is_read_from_its_node(inspection: Inspection, nodes: Nodes) -> None:
    assert inspection.attempt_log(JOB, MAP7, 8, "n1") == "words on n1"
    assert inspection.attempt_log(JOB, MAP7, 8, "n3") is None
    nodes.down = {"n1"}
    with pytest.raises(Unavailable, match="n1"):
        inspection.attempt_log(JOB, MAP7, 8, "n1")


def test_why_is_asked_of_the_core(inspection: Inspection) -> None:
    [reason] = inspection.why(JOB)
    assert reason.startswith("1 map task")


def test_the_state_shows_jobs_nodes_and_threads(inspection: Inspection) -> None:
    state = inspection.state()
    assert state["active_jobs"] == [JOB]
    assert state["nodes"] == {"n1": 1, "n2": 1}
    threads = state["threads"]
    assert isinstance(threads, dict)
    assert any("test_inspection.py" in frame for frame in threads[threading.current_thread().name])
    assert "core" in threads
