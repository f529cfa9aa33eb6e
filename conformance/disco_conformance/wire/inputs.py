"""Disco's part about inputs, as a model: it answers INPUT and INPUT_ERR of any legal worker.

SDKs differ in how they poll, legally; a fixed list of replies would fit one of them. The model keeps which
poll it is, which replicas were reported, and when a WAIT ends. It also judges: what a worker may not do
raises Violation.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from disco_conformance.session.model import Input

MAX_POLLS = 200
MIN_PAUSE_S = 0.05
FAST_POLLS = 5
Reply = tuple[str, Any]


class Violation(Exception):
    """The worker broke a requirement; the text is for its author."""

    def __init__(self, requirement: str, reason: str) -> None:
        super().__init__(reason)
        self.requirement, self.reason = requirement, reason


@dataclass
class InputModel:
    inputs: tuple[Input, ...]
    grow: bool = False
    fill: Callable[[str], str] = lambda url: url
    clock: Callable[[], float] = time.monotonic
    polls: int = 0
    reported: dict[int, set[int]] = field(default_factory=dict)
    offered: dict[int, set[int]] = field(default_factory=dict)
    waits: dict[int, float] = field(default_factory=dict)
    _last_poll: float = -1e9
    _fast: int = 0

    def answer(self, name: str, payload: Any) -> Reply:
        return self.input(payload) if name == "INPUT" else self.input_err(payload)

    def input(self, payload: Any) -> Reply:
        wanted = self._wanted(payload)
        self.polls += 1
        self._pace()
        listed = []
        for item in self.inputs:
            if item.from_poll <= self.polls and wanted(item.id):
                listed.append(self._entry(item))
        return "INPUT", ["more" if self._more() else "done", listed]

    def _entry(self, item: Input) -> list[Any]:
        status = item.status[min(self.polls - item.from_poll, len(item.status) - 1)]
        replicas = [] if status == "busy" else list(item.replicas)
        if item.id in self.waits and self.clock() >= self.waits[item.id]:
            replicas += item.made
        reported = self.reported.get(item.id, set())
        left = [pair for pair in replicas if pair[0] not in reported] or list(replicas)
        self.offered.setdefault(item.id, set()).update(rep_id for rep_id, _ in left)
        if item.id in self.waits and self.clock() < self.waits[item.id]:
            status, left = "busy", []
        return [item.id, status, [[rep_id, self.fill(url)] for rep_id, url in left]]

    def _more(self) -> bool:
        """More is to come while an input is not listed yet, or not ready yet."""
        coming = any(item.from_poll > self.polls for item in self.inputs)
        busy = any(self.polls - item.from_poll < len(item.status) - 1 for item in self.inputs)
        return coming or busy or (self.grow and self.polls == 1)

    def _pace(self) -> None:
        now = self.clock()
        self._fast = self._fast + 1 if now - self._last_poll < MIN_PAUSE_S else 0
        self._last_poll = now
        if self._fast >= FAST_POLLS:
            raise Violation(
                "input.backoff", f"{FAST_POLLS} INPUT requests came less than {MIN_PAUSE_S} s apart"
            )
        if self.polls > MAX_POLLS:
            raise Violation("input.done", f"INPUT was asked more than {MAX_POLLS} times")

    def _wanted(self, payload: Any) -> Callable[[int], bool]:
        if payload == "":
            return lambda _: True
        if isinstance(payload, list) and len(payload) == 2 and payload[0] in ("exclude", "include"):
            ids = payload[1]
            if isinstance(ids, list) and all(type(i) is int for i in ids):
                return (lambda i: i not in ids) if payload[0] == "exclude" else (lambda i: i in ids)
        reason = f'INPUT carries {payload!r}; it must be "", ["exclude", [id]] or ["include", [id]]'
        raise Violation("input.request", reason)

    def input_err(self, payload: Any) -> Reply:
        id_, rep_ids = self._report(payload)
        item = next((i for i in self.inputs if i.id == id_), None)
        if item is None:
            return "FAIL", ""
        unknown = [rep_id for rep_id in rep_ids if rep_id not in self.offered.get(id_, set())]
        if unknown:
            raise Violation("replica.report", f"replica {unknown[0]} of input {id_} was never offered")
        reported = self.reported.setdefault(id_, set())
        reported.update(rep_ids)
        left = [pair for pair in (*item.replicas, *item.spare) if pair[0] not in reported]
        if left:
            self.offered[id_].update(rep_id for rep_id, _ in left)
            return "RETRY", [[rep_id, self.fill(url)] for rep_id, url in left]
        if item.wait_s is not None and id_ not in self.waits:
            self.waits[id_] = self.clock() + item.wait_s
            return "WAIT", item.wait_s
        return "FAIL", ""

    def _report(self, payload: Any) -> tuple[int, list[int]]:
        if isinstance(payload, list) and len(payload) == 2 and type(payload[0]) is int:
            rep_ids = payload[1]
            if isinstance(rep_ids, list) and rep_ids and all(type(i) is int for i in rep_ids):
                return payload[0], rep_ids
        raise Violation("replica.report", f"INPUT_ERR carries {payload!r}; it must be [id, [rep_id, ...]]")
