"""Exit statuses, which CI relies on. Doing nothing is never success, and neither is breaking down."""

from __future__ import annotations

from disco_conformance.play.result import NOT_APPLICABLE, UNLAUNCHABLE
from disco_conformance.suite.baseline import Judgement
from disco_conformance.suite.run import Run

EXPECTED, UNEXPECTED, STALE, INCOMPLETE, HARNESS, NO_LAUNCH = range(6)


def exit_status(run: Run, judgement: Judgement) -> int:
    if run.count(UNLAUNCHABLE):
        return NO_LAUNCH
    if run.interrupted or not run.results or run.count(NOT_APPLICABLE) == len(run.results):
        return INCOMPLETE
    if judgement.unexpected:
        return UNEXPECTED
    if not run.complete:
        return INCOMPLETE
    return STALE if judgement.stale else EXPECTED
