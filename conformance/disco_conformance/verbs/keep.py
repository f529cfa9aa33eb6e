"""baseline, matrix, self-test: verbs that keep the suite and its lists true."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from disco_conformance.play.result import Result
from disco_conformance.report import html, matrix
from disco_conformance.report.spoken import page
from disco_conformance.suite import exits, kills, selftest
from disco_conformance.suite.baseline import spell_baseline
from disco_conformance.suite.collection import matching
from disco_conformance.suite.players import read_players
from disco_conformance.suite.run import Options, execute
from disco_conformance.verbs.material import material, player
from disco_conformance.verbs.run import COMMAND, CONTEXT, chosen_plays, worker_options


@click.command(context_settings=CONTEXT)
@click.option(
    "--write",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to; otherwise it is shown.",
)
@worker_options
@COMMAND
def baseline(
    command: tuple[str, ...], path: Path | None, lacks: tuple[str, ...], has: tuple[str, ...], **options: Any
) -> None:
    """Run, and list what fails today, to be given reasons by hand."""
    found = material(options["folder"])
    chosen = chosen_plays(found, "fast", options["patterns"], options["level"])
    run = execute(player(command, lacks, has), chosen, Options(options["jobs"], options["patience"]))
    if not run.complete or not run.results:
        click.echo("not everything ran: no list is written", err=True)
        raise SystemExit(exits.INCOMPLETE)
    text = spell_baseline(run.results)
    if path:
        path.write_text(text, encoding="utf-8")
        click.echo(f"{len(run.failures)} known failures in {path}: give each a reason")
    else:
        click.echo(text)


@click.command(name="matrix")
@click.option("--players", "path", type=click.Path(path_type=Path, exists=True), help="Another players.toml.")
@click.option("--html", "html_path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--markdown", "markdown_path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--run", "patterns", multiple=True, metavar="PATTERN")
@click.option("--jobs", default=0)
def matrix_(
    path: Path | None,
    html_path: Path | None,
    markdown_path: Path | None,
    patterns: tuple[str, ...],
    jobs: int,
) -> None:
    """Every player against every requirement."""
    found = material()
    players, missing = read_players(path or found.home / "players.toml")
    for name in missing:
        click.echo(f"{name}: not built here, left out", err=True)
    chosen = chosen_plays(found, "fast", patterns, "may")
    runs = []
    for under_test in players:
        run = execute(under_test, chosen, Options(jobs))
        click.echo(f"{under_test.name}: {run.count('pass')} pass, {len(run.failures)} do not, "
                   f"{run.count('not-applicable')} are not applicable")  # fmt: skip
        runs.append(run)
    if html_path:
        html_path.write_text(html.document(found.ledger, runs), encoding="utf-8")
    if markdown_path:
        markdown_path.write_text(matrix.markdown(found.ledger, runs), encoding="utf-8")
    if not chosen or not runs or not all(run.complete for run in runs):
        raise SystemExit(exits.INCOMPLETE)
    raise SystemExit(exits.UNEXPECTED if any(run.failures for run in runs) else exits.EXPECTED)


@click.command()
@click.option("--write", is_flag=True, help="Write the page into the specification.")
def spoken(write: bool) -> None:
    """Whole conversations for the specification, played with the reference worker."""
    found = material()
    text = page(found.sessions, selftest.reference(found.players))
    if write:
        (found.home / "spec" / "conversations.md").write_text(text, encoding="utf-8")
    else:
        click.echo(text)


@click.command("self-test")
@click.option("--run", "patterns", multiple=True, metavar="PATTERN", help="Only cases with such ids.")
@click.option("--jobs", default=0)
@click.option("--patience", default=1.0)
@click.option("--write", is_flag=True, help="Write down at which line each mutant dies.")
def self_test(patterns: tuple[str, ...], jobs: int, patience: float, write: bool) -> None:
    """Test the suite: the references pass, and every mutant is caught by the cases that name it."""
    found = material()
    sessions = matching(found.sessions, patterns) if patterns else found.sessions
    start, counted = time.monotonic(), 0

    def report(name: str, result: Result) -> None:
        nonlocal counted
        counted += 1
        if name == selftest.REFERENCE and not result.passed:
            click.echo(f"the reference fails {result.name}: {result.reason}")

    outcome = selftest.self_test(
        sessions, found.players, Options(jobs, patience), report, all_mutants=not patterns
    )
    for name, id_ in outcome.survived:
        click.echo(f"{name} survives {id_}")
    if write:
        path = found.home / kills.FILE
        kills.write_kills(path, kills.merged(kills.read_kills(path), outcome.killed))
        outcome.elsewhere.clear()
    for name, id_, place in outcome.elsewhere:
        click.echo(f"{name} dies in {id_} at another line: {place}")
    for id_ in outcome.unproven:
        click.echo(f"{id_} is a must-case and kills no mutant")
    for name in outcome.unused:
        click.echo(f"no case names the mutant {name}")
    passed = sum(result.passed for result in outcome.reference)
    click.echo(
        f"reference: {passed} of {len(outcome.reference)} pass; "
        f"mutants: {len(outcome.killed)} of {outcome.pairs} "
        f"pairs killed, score {outcome.score:.1f} %; {time.monotonic() - start:.0f} s"
    )
    if not outcome.pairs:
        raise SystemExit(exits.INCOMPLETE)
    raise SystemExit(exits.EXPECTED if outcome.good else exits.UNEXPECTED)
