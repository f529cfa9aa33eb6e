"""Commands about the results of jobs: waiting for them, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ...error import CommError
from ..failing import EXIT_INTERRUPTED, CommandError, meant
from ..frame import Command, Session, read_arguments, session
from .names import job_argument


@click.command(cls=Command)
@job_argument
def results(job: str) -> None:
    """Print the URLs of a finished job's results.

    Output: a URL a line. JSON: a list.

    \b
    Examples:
      disco results @ | ddfs xcat
      disco results @?WordCount | xargs ddfs xcat
    """
    state, urls = session().disco.results(job, timeout=0)
    if state != "ready":
        raise no_results(session(), job, state)
    session().emit(urls)


@click.command(cls=Command)
@job_argument
def mapresults(job: str) -> None:
    """Print the URLs of the map phase's results, to go on with a new job after a failed reduce.

    Output: a URL a line. JSON: a list.

    \b
    Example:
      disco mapresults @ | disco run again.ReduceOnly -
    """
    try:
        session().emit(session().disco.mapresults(job))
    except CommError as error:
        if error.code == 404 and job in session().job_names():
            raise CommandError(f"Job {job} has no map results: its map phase has not ended") from error
        raise


@click.command(cls=Command)
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up waiting after this time.")
@job_argument
def wait(timeout: float | None, job: str) -> None:
    """Wait for a job and print the URLs of its results.

    On a terminal a bar shows each phase. With DISCO_EVENTS set, events are shown instead: as text on standard
    error, or, if it is `json`, one JSON array a line on standard output.

    Output: a URL a line. JSON: a list. The exit status is 1 if the job fails.

    \b
    Example:
      disco wait @ | ddfs xcat
    """
    session().emit(wait_for(session(), job, timeout))


def wait_for(found: Session, job: str, timeout_s: float | None = None) -> list[Any]:
    """Wait with a display that suits; Ctrl-C leaves the job alone and says so."""
    from ..progress import PhaseProgress

    disco = found.disco
    try:
        if found.settings["DISCO_EVENTS"]:
            return list(disco.wait(job, timeout=timeout_s))
        with PhaseProgress(disco, job):
            return list(disco.wait(job, timeout=timeout_s, show=False))
    except KeyboardInterrupt:
        click.echo(
            f"\nThe job goes on. Come back to it: disco wait {job}\nStop it: disco kill {job}", err=True
        )
        click.get_current_context().exit(EXIT_INTERRUPTED)


@click.command(cls=Command)
@click.option("-r", "--resolve", is_flag=True, help="Print web addresses instead of disco:// URLs.")
@click.option("-j", "--job-mode", is_flag=True, help="The arguments are jobs: take their results.")
@click.argument("urls", nargs=-1)
def deref(resolve: bool, job_mode: bool, urls: Sequence[str]) -> None:
    """Print the data URLs behind tags (tag://), index files (dir://) and URLs.

    Without arguments, or for -, one input a line is read from standard input.

    Output: a line for each blob or file, with tabs between its replicas. JSON: a list of lists.

    \b
    Example:
      $ disco deref -r tag://data:log
      http://localhost:8989/ddfs/vol0/blob/3c/log-0$5b7-2d-1f
    """
    from ...client.http import web_url
    from ..naming import expand, inputs_of

    found = session()
    data = list(expand(found.ddfs, inputs_of(found, read_arguments(urls), job_mode)))
    if resolve:
        data = [[web_url(url, found.settings) for url in blob] for blob in data]
    found.emit(data)


def no_results(found: Session, job: str, state: str) -> CommandError:
    """The error of a job whose results were asked for."""
    if state == "unknown job":
        return CommandError(f"There is no job {job}.{meant(job, found.job_names(), 'disco jobs')}")
    way_out = ""
    if state == "dead":
        way_out = f"; `disco jobinfo {job}` tells why, `disco logs {job}` shows its tasks' words"
    return CommandError(f"Job {job} has no results: its status is {state}{way_out}")


COMMANDS = [results, mapresults, wait, deref]
