"""Jobs as they are named on the command line: in full, as `@`, as `@?TEXT`, or by a pattern."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..failing import CommandError, meant
from ..frame import Session, stdin_lines

PATTERN_SIGNS = frozenset("*?[")


class JobName(click.ParamType[str]):
    """A job's name; `@` and `@?TEXT` are looked up in the master's list."""

    name = "job"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        assert ctx is not None
        if ctx.resilient_parsing or not is_shorthand(value):
            return value
        return newest_job(ctx.ensure_object(Session), value[2:])

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = ctx.ensure_object(Session).job_names()
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


JOB = JobName()


def is_shorthand(word: str) -> bool:
    return word == "@" or word.startswith("@?")


def newest_job(found: Session, text: str) -> str:
    """The newest job whose name contains `text`."""
    names: list[str] = [name for _time, _status, name in found.disco.joblist()]
    match = next((name for name in names if text in name), None)
    if match is None:
        what = f"No job's name contains {text!r}." if text else "The master knows no jobs."
        raise CommandError(what + meant(text, names, "disco jobs"))
    return match


def jobs_of(found: Session, words: Sequence[str]) -> list[str]:
    """The jobs that the words name; a pattern may name several, `-` those on standard input. Each once."""
    jobs: dict[str, None] = {}
    for word in (one for given in words for one in (stdin_lines() if given == "-" else [given])):
        if is_shorthand(word):
            jobs[newest_job(found, word[2:])] = None
        elif PATTERN_SIGNS.isdisjoint(word):
            jobs[word] = None
        else:
            names = [row[2] for row in found.disco.joblist()]
            matching = fnmatch.filter(names, word)
            if not matching:
                raise CommandError(f"No job's name matches {word!r}.{meant(word, names, 'disco jobs')}")
            jobs.update(dict.fromkeys(matching))
    return list(jobs)


def _expand(ctx: click.Context, _parameter: click.Parameter, words: Sequence[str]) -> list[str]:
    return list(words) if ctx.resilient_parsing else jobs_of(ctx.ensure_object(Session), words)


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
    return JOB.shell_complete(ctx, param, incomplete)


job_argument = click.argument("job", type=JOB)
jobs_argument = click.argument(
    "jobs", nargs=-1, required=True, metavar="JOB...", callback=_expand, shell_complete=_complete
)
