"""The suite against its own workers: slow, because every case is seen to pass and to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from disco_conformance.session.model import Session
from disco_conformance.suite.collection import matching
from disco_conformance.suite.run import Options
from disco_conformance.suite.selftest import self_test


@pytest.mark.slow
def test_a_part_of_the_self_test(home: Path, sessions: list[Session]) -> None:
    part = matching(sessions, ["golden/wordcount-[a-g]*", "schemes/raw-*"])
    outcome = self_test(part, home / "players", Options(), lambda name, result: None, all_mutants=False)
    assert outcome.survived == [] and outcome.pairs > 15
    assert [r.reason for r in outcome.reference if not r.passed] == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_case_kills_its_mutants(home: Path, sessions: list[Session]) -> None:
    outcome = self_test(sessions, home / "players", Options(), lambda name, result: None)
    assert [r.reason for r in outcome.reference if not r.passed] == []
    assert outcome.survived == []
    assert outcome.good and outcome.score == 100.0
