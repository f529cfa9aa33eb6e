"""The command `disco-conformance`.

Exit status: 0 as expected, 1 unexpected failure, 2 stale list of known failures, 3 nothing matched or not
everything ran, 4 the harness itself failed (a wrong command line or session file too), 5 the worker could
not be launched.
"""

from __future__ import annotations

import sys
import traceback

import click

from disco_conformance import __version__
from disco_conformance.session.model import SessionError
from disco_conformance.suite import exits
from disco_conformance.verbs import keep, probe, read, run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Find out whether a program speaks the Disco worker protocol."""


for _verb in (
    run.smoke, run.worker, run.master, read.list_, read.show, read.explain, read.fmt, read.lint, read.json,
    keep.baseline, keep.matrix_, keep.spoken, keep.self_test,
    probe.watch, probe.record, probe.repl, probe.fuzz,
):  # fmt: skip
    cli.add_command(_verb)


def main(arguments: list[str] | None = None) -> None:
    try:
        cli.main(arguments, prog_name="disco-conformance", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(exits.HARNESS)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: not everything ran", err=True)
        sys.exit(exits.INCOMPLETE)
    except SessionError as error:
        click.echo(str(error), err=True)
        sys.exit(exits.HARNESS)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(exits.HARNESS)
    except Exception:
        traceback.print_exc()
        click.echo("the harness itself failed; this says nothing about the worker", err=True)
        sys.exit(exits.HARNESS)
