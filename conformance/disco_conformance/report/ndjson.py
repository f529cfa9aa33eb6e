"""One JSON object a line: a header, a result a line, and a footer. A report without its footer is partial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from disco_conformance import __version__
from disco_conformance.play.result import VERDICTS
from disco_conformance.suite.baseline import Judgement
from disco_conformance.suite.run import Run

FORMAT = 1


def lines(run: Run, judgement: Judgement, exit_code: int, seconds: float) -> Iterator[str]:
    head: dict[str, Any] = {
        "type": "header",
        "format": FORMAT,
        "version": __version__,
        "player": run.player.name,
        "command": list(run.player.command),
        "capabilities": sorted(run.player.capabilities),
        "planned": run.planned,
    }
    yield json.dumps(head)
    known = {(r.id, r.axis) for r in judgement.known}
    for result in run.results:
        yield json.dumps(
            {"type": "result", **result.to_json(), "known": (result.id, result.axis) in known},
            ensure_ascii=False,
        )
    yield json.dumps(
        {
            "type": "footer",
            "complete": run.complete,
            "interrupted": run.interrupted,
            "exit": exit_code,
            "seconds": round(seconds, 3),
            "verdicts": {verdict: run.count(verdict) for verdict in VERDICTS},
            "stale": judgement.stale,
        },
        ensure_ascii=False,
    )
