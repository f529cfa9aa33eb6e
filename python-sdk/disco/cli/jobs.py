"""Commands about jobs that the master knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from .frame import EXIT_INTERRUPTED, Command, CommandError, Session, binary_out, read_arguments, rows, session


class JobName(click.ParamType[str]):
    """A job's name; `@` and `@?TEXT` are looked up in the master's list."""

    name = "job"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != "@" and not value.startswith("@?"):
            return value
        assert ctx is not None
        return newest_job(ctx.ensure_object(Session), value[2:])


def newest_job(found: Session, text: str) -> str:
    """The newest job whose name contains `text`."""
    names: list[str] = [name for _time, _status, name in found.disco.joblist()]
    match = next((name for name in names if text in name), None)
    if match is None:
        what = f"No job's name contains {text!r}" if text else "The master knows no jobs"
        raise CommandError(f"{what}; `disco jobs` lists them")
    return match


JOB = JobName()


@click.command(cls=Command)
@click.option("-S", "--status", is_flag=True, help="Print the status before each name.")
def jobs(status: bool) -> None:
    """List the jobs, newest first.

    \b
    Example:
      $ disco jobs -S
      active  WordCount@5f3:ab1:22c
    """
    listed = session().disco.joblist()
    session().emit(listed, rows([row[1:] if status else row[2] for row in listed]))


@click.command(cls=Command)
@click.argument("job", type=JOB)
def jobinfo(job: str) -> None:
    """Print what the master knows of a job: NAME tab VALUE. JOB may be @ or @?TEXT."""
    info = session().disco.jobinfo(job)
    session().emit(info, (f"{name}\t{json.dumps(value)}" for name, value in info.items()))


@click.command(cls=Command)
@click.argument("job", type=JOB)
def jobdict(job: str) -> None:
    """Print the job dict that was submitted: the job's name, then NAME tab VALUE. JOB may be @ or @?TEXT."""
    submitted = session().disco.jobpack(job).jobdict
    lines = (f"\t{name}\t{json.dumps(value)}" for name, value in submitted.items())
    session().emit(submitted, [job, *lines])


@click.command(cls=Command)
@click.argument("jobs", nargs=-1, required=True, type=JOB)
def kill(jobs: Sequence[str]) -> None:
    """Stop jobs. Their events and results stay. JOB may be @ or @?TEXT."""
    for job in jobs:
        session().disco.kill(job)


@click.command(cls=Command)
@click.argument("jobs", nargs=-1, required=True, type=JOB)
def purge(jobs: Sequence[str]) -> None:
    """Delete jobs with all their data. Saved results stay. JOB may be @ or @?TEXT."""
    for job in jobs:
        session().disco.purge(job)


@click.command(cls=Command)
@click.option("-o", "--offset", type=click.IntRange(min=0), default=0, help="Skip this many bytes.")
@click.argument("job", type=JOB)
def events(offset: int, job: str) -> None:
    """Print a job's events as they are stored: one JSON array a line. JOB may be @ or @?TEXT."""
    from ..client.events import as_json

    for _offset, event in session().disco.events(job, offset):
        click.echo(as_json(event))


@click.command(cls=Command)
@click.argument("job", type=JOB)
def results(job: str) -> None:
    """Print the URLs of a finished job's results. JOB may be @ or @?TEXT."""
    state, urls = session().disco.results(job, timeout=0)
    if state != "ready":
        raise CommandError(f"Job {job} has no results: its status is {state}")
    session().emit(urls)


@click.command(cls=Command)
@click.argument("job", type=JOB)
def mapresults(job: str) -> None:
    """Print the URLs of the map phase's results, to go on with a new job after a failed reduce."""
    session().emit(session().disco.mapresults(job))


@click.command(cls=Command)
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up waiting after this time.")
@click.argument("job", type=JOB)
def wait(timeout: float | None, job: str) -> None:
    """Wait for a job and print the URLs of its results. JOB may be @ or @?TEXT.

    On a terminal a bar shows each phase. With DISCO_EVENTS set, events are shown instead: as text on standard
    error, or, if it is `json`, one JSON array a line on standard output.
    """
    session().emit(wait_for(session(), job, timeout))


def wait_for(found: Session, job: str, timeout_s: float | None = None) -> list[Any]:
    """Wait with a display that suits; Ctrl-C leaves the job alone and says so."""
    from .progress import PhaseProgress

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
    """Print the data URLs behind tags (tag://), index files (dir://) and URLs; replicas with tabs between.

    Without arguments, one input a line is read from standard input.
    """
    from ..client.http import web_url
    from .naming import expand, inputs_of

    found = session()
    data = list(expand(found.ddfs, inputs_of(found, read_arguments(urls), job_mode)))
    if resolve:
        data = [[web_url(url, found.settings) for url in blob] for blob in data]
    found.emit(data)


@click.command(cls=Command)
@click.option("-k", "--sort-stats", "keys", multiple=True, default=["cumulative"], help="A key of pstats.")
@click.argument("job", type=JOB)
def pstats(keys: Sequence[str], job: str) -> None:
    """Print the merged profile of a job that ran with profile=True. JOB may be @ or @?TEXT."""
    session().disco.profile_stats(job).sort_stats(*keys).print_stats()


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="JOB | list JOB | get KEY JOB")
def oob(words: Sequence[str]) -> None:
    """List a job's out-of-band keys, or print the value of one.

    \b
    Examples:
      disco oob @                 keys, one a line
      disco oob list @            the same
      disco oob get counts @      the value, as it is
    """
    found, words = session(), list(words)
    verb = words.pop(0) if words[0] in ("list", "get") and len(words) > 1 else "list"
    if len(words) != (2 if verb == "get" else 1):
        raise click.UsageError("give JOB, list JOB, or get KEY JOB")
    job = JOB.convert(words.pop(), None, click.get_current_context())
    if verb == "list":
        found.emit(found.disco.oob_list(job))
        return
    value = found.disco.oob_get(job, words[0])
    if value is None:
        raise CommandError(
            f"Job {job} has no out-of-band value {words[0]!r}; `disco oob {job}` lists the keys"
        )
    binary_out().write(value)


COMMANDS = [jobs, jobinfo, jobdict, kill, purge, events, results, mapresults, wait, deref, pstats, oob]
