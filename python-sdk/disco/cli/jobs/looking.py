"""Commands that tell what the master knows of jobs, and those that end them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from ..failing import CommandError
from ..frame import Command, binary_out, rows, session
from .names import JOB, job_argument, jobs_argument


@click.command(cls=Command)
@click.option("-S", "--status", is_flag=True, help="Print the status before each name.")
def jobs(status: bool) -> None:
    """List the jobs, newest first.

    Output: a name a line; with -S, STATUS tab NAME, the status being active, ready or dead.
    JSON: [[START_SECONDS, STATUS, NAME], ...].

    \b
    Example:
      $ disco jobs -S
      active  WordCount@5f3:ab1:22c
    """
    listed = session().disco.joblist()
    session().emit(listed, rows([row[1:] if status else row[2] for row in listed]))


@click.command(cls=Command)
@job_argument
def jobinfo(job: str) -> None:
    """Print what the master knows of a job.

    mapi and redi are the numbers of waiting, running, done and failed tasks. A dead job has its failure.

    Output: NAME tab VALUE (as JSON) a line. JSON: one object.

    \b
    Example:
      $ disco jobinfo @ | grep mapi
      mapi    [0, 2, 14, 1]
    """
    info = session().disco.jobinfo(job)
    session().emit(info, (f"{name}\t{json.dumps(value)}" for name, value in info.items()))


@click.command(cls=Command)
@job_argument
def jobdict(job: str) -> None:
    """Print the job dict that was submitted.

    Output: the job's name, then tab NAME tab VALUE (as JSON) a line. JSON: the job dict.

    \b
    Example:
      $ disco jobdict @?WordCount
      WordCount@5f3:ab1:22c
              prefix  "WordCount"
              input   ["http://host/a.txt"]
    """
    submitted = session().disco.jobpack(job).jobdict
    lines = (f"\t{name}\t{json.dumps(value)}" for name, value in submitted.items())
    session().emit(submitted, [job, *lines])


@click.command(cls=Command)
@jobs_argument
def kill(jobs: Sequence[str]) -> None:
    """Stop jobs. Their events and results stay.

    JOB may be a pattern, or - for names on standard input.

    Output: none. JSON: the names.

    \b
    Examples:
      disco kill @
      disco kill 'WordCount@*'
    """
    for job in jobs:
        session().disco.kill(job)
    session().confirm(jobs)


@click.command(cls=Command)
@jobs_argument
def purge(jobs: Sequence[str]) -> None:
    """Delete jobs with all their data. Saved results stay.

    JOB may be a pattern, or - for names on standard input.

    Output: none. JSON: the names.

    \b
    Example:
      disco jobs | grep ^test | disco purge -
    """
    for job in jobs:
        session().disco.purge(job)
    session().confirm(jobs)


@click.command(cls=Command)
@click.option("-o", "--offset", type=click.IntRange(min=0), default=0, help="Skip this many bytes.")
@job_argument
def events(offset: int, job: str) -> None:
    """Print a job's events as they are stored.

    Output: a JSON array [TIME, HOST, TEXT] a line. JSON: the same.

    \b
    Example:
      $ disco events @ | tail -1
      ["2013/12/16 10:00:02", "master", "READY: Job finished in 0:00:01.204"]
    """
    from ...client.events import as_json

    for _offset, event in session().disco.events(job, offset):
        click.echo(as_json(event))


@click.command(cls=Command)
@click.option("-k", "--sort-stats", "keys", multiple=True, default=["cumulative"], help="A key of pstats.")
@job_argument
def pstats(keys: Sequence[str], job: str) -> None:
    """Print the merged profile of a job that ran with profile=True.

    Output: the table of Python's pstats.
    JSON: [{"function", "calls", "primitive_calls", "total_s", "cumulative_s"}, ...] in the order asked for.

    \b
    Example:
      disco run count.WordCount --profile ./text && disco wait @ && disco pstats -k time @
    """
    stats = session().disco.profile_stats(job).sort_stats(*keys)
    if not session().json:
        stats.print_stats()
        return
    known: Any = stats
    session().emit([_profile_row(name, known.stats[name]) for name in known.fcn_list])


def _profile_row(name: tuple[str, int, str], measured: Sequence[Any]) -> dict[str, Any]:
    file, line, function = name
    primitive, calls, total_s, cumulative_s = measured[:4]
    return {
        "function": f"{file}:{line}({function})",
        "calls": calls,
        "primitive_calls": primitive,
        "total_s": total_s,
        "cumulative_s": cumulative_s,
    }


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="JOB | list JOB | get KEY JOB")
def oob(words: Sequence[str]) -> None:
    """List a job's out-of-band keys, or print the value of one.

    Output: a key a line; a value as it is. JSON: the keys; a value as text, or in base64 if it is none.

    \b
    Examples:
      disco oob @                 keys
      disco oob list @            the same
      disco oob get counts @      the value
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
    if found.json:
        found.emit(_as_text(value))
    else:
        binary_out().write(value)


def _as_text(value: bytes) -> dict[str, str]:
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        import base64

        return {"base64": base64.b64encode(value).decode()}


COMMANDS = [jobs, jobinfo, jobdict, kill, purge, events, pstats, oob]
