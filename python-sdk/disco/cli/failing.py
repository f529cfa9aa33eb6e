"""How a command fails: one sentence (the thing, the reason, the way out) and an exit status.

1 is an error, 2 wrong usage, 130 the end by Ctrl-C. Tracebacks are for --debug, and for errors that nobody
foresaw. What the master does not know is looked up among what it knows, so that a slip of the pen is answered
with the name that was meant.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import click

if TYPE_CHECKING:
    from .frame import Session

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
NEAR_NAMES = 3
_TAG_PATH = re.compile(r"/ddfs/tag/([^/]+)")


class CommandError(Exception):
    """A command that can't go on; the text says why and what to do."""


def report(error: Exception, found: Session) -> int:
    """Say in one sentence what went wrong; give the exit status."""
    if isinstance(error, click.exceptions.Abort):
        return EXIT_INTERRUPTED
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    if found.debug or found.verbose or not _is_expected(error):
        import traceback

        traceback.print_exception(error)
    click.echo(f"error: {_sentence(error)}{_meant(error, found)}", err=True)
    return EXIT_ERROR


def _is_expected(error: Exception) -> bool:
    from ..error import DiscoError

    return isinstance(error, DiscoError | CommandError | OSError)


def _sentence(error: Exception) -> str:
    from ..error import DataError, JobError

    if isinstance(error, JobError) and error.job is None:
        return error.message
    if unknown := _unknown(error):
        kind, name, _ = unknown
        return f"There is no {kind} {name}."
    if isinstance(error, DataError):
        return f"{error.url}: {_with_way_out(error)}" if error.url else error.msg
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _with_way_out(error: Any) -> str:
    text = f"{error.msg} ({error.code})" if error.code else str(error.msg)
    if error.code == 401:
        return f"{text} Give the tag's token with -t TOKEN."
    if "a hunk begins with" in error.msg:
        return f"{text}; if it holds no records, `ddfs cat` shows it as it is, and -R names a reader for it"
    if "Invalid tag" in error.msg:
        return f"{text}: tag names are made of A-Z a-z 0-9 : @ - _; a local file is written ./NAME"
    return text


def _meant(error: Exception, found: Session) -> str:
    """What the user may have meant by the name of a tag or job that is not there."""
    if unknown := _unknown(error):
        kind, name, lister = unknown
        return meant(name, found.tag_names() if kind == "tag" else found.job_names(), lister)
    return ""


def _unknown(error: Exception) -> tuple[str, str, str] | None:
    """The kind and name of what the master does not know, and the command that lists what it knows."""
    from ..error import CommError, JobError

    if isinstance(error, JobError) and error.message == "status unknown job":
        return "job", str(getattr(error.job, "name", error.job)), "disco jobs"
    if not isinstance(error, CommError) or error.code != 404:
        return None
    parts = urlsplit(error.url)
    tag = _TAG_PATH.match(parts.path)
    if tag is not None and "attribute" not in error.msg:
        return "tag", unquote(tag[1]), "ddfs ls"
    name = parse_qs(parts.query).get("name", [""])[0]
    return ("job", name, "disco jobs") if name and parts.path.startswith("/disco/ctrl/") else None


def meant(name: str, names: list[str], lister: str) -> str:
    """The end of a sentence that says that there is no `name`: the nearest ones, and the command for all.

    Empty when there is one, so that something else is missing.
    """
    near = difflib.get_close_matches(name, names, n=NEAR_NAMES)
    near = near or [one for one in names if name in one or one.partition("@")[0] == name][:NEAR_NAMES]
    question = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"{question} `{lister}` lists all."
