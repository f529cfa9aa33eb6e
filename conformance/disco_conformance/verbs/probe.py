"""watch, record, repl, fuzz: a worker looked at by hand or by chance."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from disco_conformance.play.case import run_case
from disco_conformance.play.launch import LaunchError
from disco_conformance.play.result import UNLAUNCHABLE
from disco_conformance.probe import fuzz as fuzzing
from disco_conformance.probe import record as recording
from disco_conformance.probe import watch as watching
from disco_conformance.probe.repl import Repl
from disco_conformance.report.failure import explain
from disco_conformance.session.values import seconds
from disco_conformance.suite import exits
from disco_conformance.verbs.material import material, player, resolved
from disco_conformance.verbs.run import COMMAND, CONTEXT


@click.command(context_settings=CONTEXT)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="URL",
    help="An input of the task; several are several inputs.",
)
@click.option("--jobname", default="watched@1", show_default=True)
@click.option("--mode", default="map", type=click.Choice(("map", "reduce")), show_default=True)
@click.option("--taskid", default=0, show_default=True)
@click.option("--jobfile", type=click.Path(path_type=Path, exists=True), help="The job pack that TASK names.")
@click.option("--limit", default="60s", show_default=True)
@COMMAND
def watch(
    command: tuple[str, ...], inputs: tuple[str, ...], limit: str, jobfile: Path | None, **task: Any
) -> None:
    """Play Disco for any worker and any job, and check what every worker must keep."""
    fields = {**task, **({"jobfile": str(jobfile.absolute())} if jobfile else {})}
    under_test = player(command)
    result = run_case(watching.session(fields, inputs, seconds(limit)), under_test.command)
    for entry in result.transcript:
        click.echo(f"{entry.at_s:8.3f} {entry.side} {entry.text}")
    if result.passed:
        click.echo(f"well behaved: {result.ended}")
        raise SystemExit(exits.EXPECTED)
    click.echo("\n".join(explain(result, under_test, material().requirements)))
    raise SystemExit(exits.NO_LAUNCH if result.verdict == UNLAUNCHABLE else exits.UNEXPECTED)


@click.command(context_settings=CONTEXT)
@click.option("-o", "--output", "path", required=True, type=click.Path(path_type=Path, dir_okay=False))
@COMMAND
def record(command: tuple[str, ...], path: Path) -> None:
    """Stand between a real Disco and a real worker, and write down what they say as a session file."""
    try:
        status = recording.record(resolved(command), path)
    except OSError as error:
        click.echo(f"{command[0]} cannot be started: {error.strerror}", err=True)
        raise SystemExit(exits.NO_LAUNCH) from None
    sys.stderr.flush()
    os._exit(status)


@click.command(context_settings=CONTEXT)
@click.option("--jobname", default="echo", show_default=True)
@click.option("--input", "inputs", multiple=True, metavar="URL")
@COMMAND
def repl(command: tuple[str, ...], jobname: str, inputs: tuple[str, ...]) -> None:
    """Play Disco by hand. An empty line sends the usual reply."""
    try:
        with Repl(resolved(command), jobname, inputs, click.echo) as session:
            while session.listen():
                line = sys.stdin.readline()
                if not line or not session.enter(line):
                    break
    except LaunchError as error:
        click.echo(str(error), err=True)
        raise SystemExit(exits.NO_LAUNCH) from None


@click.command(context_settings=CONTEXT)
@click.option("--seed", default=0, show_default=True)
@click.option("--budget", default="60s", show_default=True)
@click.option("--lacks", multiple=True, metavar="CAPABILITY")
@click.option("-o", "--output", "path", default="found.session", show_default=True,
              type=click.Path(path_type=Path, dir_okay=False))  # fmt: skip
@COMMAND
def fuzz(command: tuple[str, ...], seed: int, budget: str, lacks: tuple[str, ...], path: Path) -> None:
    """Chance conversations; one that fails is shrunk and written as a session file."""
    under_test = player(command, lacks)
    found = fuzzing.fuzz(under_test, seed, seconds(budget), click.echo)
    if found.result is None:
        raise SystemExit(exits.EXPECTED if found.plays else exits.INCOMPLETE)
    if found.result.verdict == UNLAUNCHABLE:
        click.echo(found.result.reason, err=True)
        raise SystemExit(exits.NO_LAUNCH)
    fuzzing.write(found, path)
    click.echo("\n".join(explain(found.result, under_test, material().requirements)))
    click.echo(f"written to {path}")
    raise SystemExit(exits.UNEXPECTED)
