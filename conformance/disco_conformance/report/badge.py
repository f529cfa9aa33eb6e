"""The JSON that a badge service turns into a picture."""

from __future__ import annotations

import json

from disco_conformance.play.result import NOT_APPLICABLE, PASS
from disco_conformance.suite.run import Run


def document(run: Run) -> str:
    counted = [r for r in run.results if r.verdict != NOT_APPLICABLE and r.level == "must"]
    passed = sum(r.verdict == PASS for r in counted)
    if not run.complete or not counted:
        message, colour = "incomplete", "lightgrey"
    else:
        message = f"{passed}/{len(counted)}"
        colour = (
            "brightgreen" if passed == len(counted) else "orange" if passed > 0.9 * len(counted) else "red"
        )
    return (
        json.dumps(
            {"schemaVersion": 1, "label": "disco worker protocol", "message": message, "color": colour}
        )
        + "\n"
    )
