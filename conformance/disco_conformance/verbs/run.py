"""smoke and worker: play sessions against a worker."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from disco_conformance.report import badge, html, junit, matrix, ndjson
from disco_conformance.report.terminal import Terminal, summary
from disco_conformance.session.model import LEVELS
from disco_conformance.suite import exits
from disco_conformance.suite.baseline import judge, read_baseline
from disco_conformance.suite.collection import Play, choose, matching, plays
from disco_conformance.suite.run import Options, Player, Run, execute
from disco_conformance.verbs.material import Material, master_player, material, player

REPORTS = ("ndjson", "junit", "markdown", "html", "badge")
COMMAND = click.argument("command", nargs=-1, type=click.UNPROCESSED)
CONTEXT = {"ignore_unknown_options": False, "allow_interspersed_args": False}


def worker_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say who the worker is and how patiently it is treated."""
    for option in (
        click.option("--lacks", multiple=True, metavar="CAPABILITY", help="What the worker cannot do."),
        click.option(
            "--has", multiple=True, metavar="CAPABILITY", help="An extension that it can do: reuse."
        ),
        click.option("--jobs", default=0, help="Cases at a time. Default: two a processor."),
        click.option(
            "--patience",
            default=1.0,
            envvar="DISCO_CONFORMANCE_PATIENCE",
            help="Stretches every time limit by this factor.",
        ),
        click.option(
            "--sessions", "folder", type=click.Path(path_type=Path, exists=True), help="Other session files."
        ),
        click.option("--run", "patterns", multiple=True, metavar="PATTERN", help="Only cases with such ids."),
        click.option("--level", default="may", type=click.Choice(LEVELS), help="Leave out weaker levels."),
    ):
        verb = option(verb)
    return verb


def chosen_plays(
    found: Material, profile: str, patterns: tuple[str, ...], level: str, role: str = "worker"
) -> list[Play]:
    weakest = LEVELS.index(level)
    sessions = [s for s in found.sessions if LEVELS.index(s.head.level) <= weakest and role in s.head.roles]
    sessions = matching(sessions, patterns) if patterns else choose(sessions, profile, found.profiles)
    return plays(sessions, profile, role)


@click.command(context_settings=CONTEXT)
@worker_options
@COMMAND
def smoke(command: tuple[str, ...], lacks: tuple[str, ...], has: tuple[str, ...], **options: Any) -> None:
    """Eight cases that say "adapter broken" or "go on"."""
    found = material(options["folder"])
    under_test = player(command, lacks, has)
    chosen = chosen_plays(found, "smoke", options["patterns"], options["level"])
    status = _run(found, under_test, chosen, _options(options), {}, None)
    click.echo("go on" if status == exits.EXPECTED else "adapter broken")
    raise SystemExit(status)


@click.command(context_settings=CONTEXT)
@click.option("--profile", default="fast", type=click.Choice(("first", "fast", "full")), show_default=True)
@click.option(
    "--known-failing", type=click.Path(path_type=Path, dir_okay=False), help="A list made by baseline."
)
@worker_options
@COMMAND
def worker(
    command: tuple[str, ...], profile: str, known_failing: Path | None, lacks: tuple[str, ...],
    has: tuple[str, ...], **options: Any,
) -> None:  # fmt: skip
    """Play the sessions against a worker.

    first: in teaching order, up to the first failure. fast: everything that is quick. full: every delivery
    too.
    """
    found = material(options["folder"])
    under_test = player(command, lacks, has)
    chosen = chosen_plays(found, profile, options["patterns"], options["level"])
    files = {name: options[name] for name in REPORTS if options.get(name)}
    raise SystemExit(
        _run(found, under_test, chosen, _options(options, profile == "first"), files, known_failing)
    )


@click.command()
@click.option(
    "--adapter", required=True, metavar="COMMAND", help="Is handed a job pack and prints the outcome."
)
@click.option("--kept", is_flag=True, help="It is started once, and reads packs from its standard input.")
@click.option("--profile", default="fast", type=click.Choice(("fast", "full")), show_default=True)
@click.option(
    "--known-failing", type=click.Path(path_type=Path, dir_okay=False), help="A list made by baseline."
)
@click.option("--has", multiple=True, metavar="CAPABILITY", help="An extension that the master has: reuse.")
@click.option("--lacks", multiple=True, metavar="CAPABILITY", help="What the master cannot do.")
@click.option("--jobs", default=0, help="Cases at a time. Default: six a processor.")
@click.option("--patience", default=1.0, help="Stretches every time limit by this factor.")
@click.option("--run", "patterns", multiple=True, metavar="PATTERN", help="Only cases with such ids.")
@click.option("--level", default="may", type=click.Choice(LEVELS), help="Leave out weaker levels.")
def master(
    adapter: str, kept: bool, profile: str, known_failing: Path | None, patterns: tuple[str, ...],
    level: str, **options: Any,
) -> None:  # fmt: skip
    """Play the worker's side of the sessions against a master."""
    found = material()
    under_test = master_player(tuple(shlex.split(adapter)), options["lacks"], options["has"], kept)
    chosen = chosen_plays(found, profile, patterns, level, "master")
    files = {name: options[name] for name in REPORTS if options.get(name)}
    raise SystemExit(_run(found, under_test, chosen, _options(options), files, known_failing))


for _name in REPORTS:
    _report = click.option(
        f"--{_name}", type=click.Path(path_type=Path, dir_okay=False), help=f"Write {_name} there."
    )
    worker, master = _report(worker), _report(master)


def _options(options: dict[str, Any], stop_at_first: bool = False) -> Options:
    return Options(options["jobs"], options["patience"], stop_at_first)


def _run(
    found: Material, under_test: Player, chosen: list[Play], options: Options, files: dict[str, Path],
    known_failing: Path | None,
) -> int:  # fmt: skip
    baseline = read_baseline(known_failing) if known_failing else []
    if not chosen:
        click.echo("no case matches: nothing was tested", err=True)
    start = time.monotonic()
    with Terminal(under_test, len(chosen), found.requirements) as terminal:
        run = execute(under_test, chosen, options, terminal.result)
    seconds = time.monotonic() - start
    judgement = judge(run.results, baseline)
    status = exits.exit_status(run, judgement)
    for name, path in files.items():
        path.write_text(_document(name, found, run, judgement, status, seconds), encoding="utf-8")
    click.echo(summary(run, judgement, seconds))
    return status


def _document(name: str, found: Material, run: Run, judgement: Any, status: int, seconds: float) -> str:
    if name == "ndjson":
        return "\n".join(ndjson.lines(run, judgement, status, seconds)) + "\n"
    if name == "junit":
        return junit.document(run, judgement)
    if name == "badge":
        return badge.document(run)
    ledger = found.ledger
    return matrix.markdown(ledger, [run]) if name == "markdown" else html.document(ledger, [run])
