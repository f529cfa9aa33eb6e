"""What came out of a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from disco_conformance.wire.transcript import Entry

PASS, FAIL, CRASH, TIMEOUT, LEAK = "pass", "fail", "crash", "timeout", "leak"
NOT_APPLICABLE, UNLAUNCHABLE = "not-applicable", "unlaunchable"
VERDICTS = (PASS, FAIL, CRASH, TIMEOUT, LEAK, NOT_APPLICABLE, UNLAUNCHABLE)


class Failed(Exception):
    """The conversation went wrong: how, at which line, what was wanted and what came."""

    def __init__(
        self, reason: str, *, verdict: str = FAIL, line: int | None = None, want: str = "", got: str = "",
        requirement: str = "",
    ) -> None:  # fmt: skip
        super().__init__(reason)
        self.reason, self.verdict, self.line = reason, verdict, line
        self.want, self.got, self.requirement = want, got, requirement


@dataclass(frozen=True)
class Result:
    id: str
    axis: str
    verdict: str
    seconds: float
    level: str = "must"
    reason: str = ""
    line: int | None = None
    want: str = ""
    got: str = ""
    requirement: str = ""
    proves: tuple[str, ...] = ()
    ended: str = ""
    cpu_s: float = 0.0
    stderr_tail: str = ""
    path: str = ""
    transcript: tuple[Entry, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        return self.id if self.axis == "plain" else f"{self.id} [{self.axis}]"

    @property
    def passed(self) -> bool:
        return self.verdict in (PASS, NOT_APPLICABLE)

    def to_json(self) -> dict[str, Any]:
        row = {key: value for key, value in vars(self).items() if key != "transcript"}
        return {**row, "transcript": [[e.at_s, e.side, e.text] for e in self.transcript]}
