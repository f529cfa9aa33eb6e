"""list, show, explain, fmt, lint, json: verbs that only read, or set files in order."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path

import click

from disco_conformance.ledger.ledger import Entry, gaps
from disco_conformance.session import jsonform
from disco_conformance.session.lint import lint as lint_session
from disco_conformance.session.model import Session, SessionError
from disco_conformance.session.parse import parse_file
from disco_conformance.session.text import spell, tidy
from disco_conformance.suite import exits
from disco_conformance.suite.collection import matching
from disco_conformance.verbs.material import Material, material

FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))


@click.command("list")
@click.argument("patterns", nargs=-1)
def list_(patterns: tuple[str, ...]) -> None:
    """The cases, one a line, and how many there are of each category."""
    found = material()
    sessions = matching(found.sessions, patterns) if patterns else found.sessions
    counts: dict[str, int] = {}
    for session in sorted(sessions, key=lambda s: s.id):
        click.echo(f"{session.id:44} {session.head.level:6} {session.head.title}")
        counts[session.category] = counts.get(session.category, 0) + 1
    click.echo("\n" + "\n".join(f"{name:12} {count:4}" for name, count in sorted(counts.items())))
    click.echo(f"{'all':12} {len(sessions):4}")
    raise SystemExit(exits.EXPECTED if sessions else exits.INCOMPLETE)


@click.command()
@click.argument("id_", metavar="ID")
def show(id_: str) -> None:
    """One case, filled in as it is played."""
    click.echo(spell(_one(material(), id_)), nl=False)


def _one(found: Material, id_: str) -> Session:
    session = next((s for s in found.sessions if s.id == id_), None)
    if session is None:
        close = [s.id for s in found.sessions if id_.rpartition("/")[2] in s.id][:5]
        raise click.UsageError(f"no case is called {id_}" + (f"; near: {', '.join(close)}" if close else ""))
    return session


@click.command()
@click.argument("requirement")
def explain(requirement: str) -> None:
    """A requirement: its sentence, the cases that prove it, the mutants that these kill."""
    ledger = material().ledger
    entries = [e for id_, e in ledger.items() if id_ == requirement or id_.startswith(requirement + ".")]
    if not entries:
        raise click.UsageError(f"no requirement is called {requirement}")
    for entry in entries:
        click.echo("\n".join(_told(entry)))


def _told(entry: Entry) -> list[str]:
    requirement = entry.requirement
    place = f"{requirement.page} {requirement.number}"
    rows = [f"{requirement.id} ({requirement.level}, {requirement.party}), {place}", f"  {requirement.text}"]
    if entry.excluded and not entry.cases:
        rows.append(f"  no case: {entry.excluded}")
    rows += [f"  case    {case.id}: {case.head.title}" for case in entry.cases]
    rows += [f"  kills   {name}" for name in entry.mutants]
    return [*rows, ""]


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail where something would change.")
@FILES
def fmt(files: tuple[Path, ...], check: bool) -> None:
    """Set session files in order: indentation and white space, never the meaning."""
    changed = []
    for path in _paths(files):
        parse_file(path)
        text = path.read_text(encoding="utf-8")
        if tidy(text) != text:
            changed.append(path)
            if not check:
                path.write_text(tidy(text), encoding="utf-8")
    for path in changed:
        click.echo(f"{'would change' if check else 'changed'} {path}")
    raise SystemExit(exits.UNEXPECTED if check and changed else exits.EXPECTED)


@click.command()
@click.option("--ledger", is_flag=True, help="Check the requirement ledger too.")
@FILES
def lint(files: tuple[Path, ...], ledger: bool) -> None:
    """Say what is wrong with session files."""
    found = material()
    findings = [sentence for path in _paths(files) for sentence in file_findings(path, found)]
    if ledger:
        findings += gaps(found.ledger, found.exclusions)
    for sentence in findings:
        click.echo(sentence)
    raise SystemExit(exits.UNEXPECTED if findings else exits.EXPECTED)


def file_findings(path: Path, found: Material) -> list[str]:
    try:
        sessions = parse_file(path)
    except SessionError as error:
        return [str(error)]
    rows: dict[str, None] = {}
    for session in sessions:
        for line, sentence in lint_session(session, found.known):
            where = f"{path}:{line}" if line else f"{path}"
            rows[f"{where}: {session.id}: {sentence}"] = None
    return list(rows)


def _paths(files: tuple[Path, ...]) -> list[Path]:
    places = files or (material().folder,)
    paths = [p for place in places for p in (sorted(place.rglob("*.session")) if place.is_dir() else [place])]
    if not paths:
        click.echo("no session file: nothing was looked at", err=True)
        raise SystemExit(exits.INCOMPLETE)
    return paths


@click.command()
@click.option("--schema", is_flag=True, help="The JSON Schema instead.")
@click.argument("patterns", nargs=-1)
def json(patterns: tuple[str, ...], schema: bool) -> None:
    """Cases in their canonical JSON form, one a line."""
    if schema:
        click.echo(jsonlib.dumps(jsonform.schema(), indent=1, sort_keys=True))
        return
    found = material()
    for session in matching(found.sessions, patterns) if patterns else found.sessions:
        click.echo(jsonform.dumps(session))
