"""The lines at which mutants die, written down and compared."""

from __future__ import annotations

from pathlib import Path

from disco_conformance.play.result import FAIL, Result
from disco_conformance.session.model import Session
from disco_conformance.suite.kills import FILE, NOWHERE, elsewhere, merged, place_of, read_kills, write_kills


def result(path: Path, line: int | None) -> Result:
    return Result("a/b", "plain", FAIL, 0.1, line=line, path=str(path))


def test_lines_are_kept_as_text(tmp_path: Path) -> None:
    session = tmp_path / "b.session"
    session.write_text("+++\n+++\n  exit 0 within 5s\neof\n")
    assert [place_of(result(session, at)) for at in (3, 4, None, 99)] == [
        "exit 0 within 5s", "eof", NOWHERE, NOWHERE,
    ]  # fmt: skip
    first, other = [("mutant", result(session, 3))], [("mutant", result(session, 4))]
    kills = merged({}, first)
    assert elsewhere(kills, first) == []
    assert elsewhere(kills, other) == [("mutant", "a/b", "eof")]
    both = merged(kills, other)
    assert elsewhere(both, [*first, *other]) == [] and kills != both
    write_kills(tmp_path / "kills.json", both)
    assert read_kills(tmp_path / "kills.json") == both


def test_every_kill_of_the_suite_has_its_line(home: Path, sessions: list[Session]) -> None:
    kills = read_kills(home / FILE)
    pairs = {(s.id, name) for s in sessions for name in s.head.kills}
    assert {(id_, name) for id_, row in kills.items() for name in row} == pairs
    assert all(places for row in kills.values() for places in row.values())
