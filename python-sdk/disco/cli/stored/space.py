"""Commands that look at stored data as a whole: how much there is, and what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ...error import CommError
from ..failing import EXIT_ERROR
from ..frame import Command, Session, binary_out, session
from ..jobs.names import jobs_of
from ..naming import TAG, expand, inputs_of, tags_of
from .tags import prefix_option

if TYPE_CHECKING:
    from ...ddfs import DDFS

KIB = 1024
_UNITS = ("B", "K", "M", "G", "T", "P")
human_option = click.option("-H", "--human", is_flag=True, help="Sizes with K, M, G, T.")


@click.command(cls=Command)
@human_option
@prefix_option
@click.option("-j", "--job-mode", is_flag=True, help="The arguments are jobs: measure their results.")
@click.argument("tags", nargs=-1, type=TAG)
def du(human: bool, prefix: bool, job_mode: bool, tags: Sequence[str]) -> None:
    """Print how much tags hold, or the results of jobs.

    What several tags hold counts for each. Without tags, all of them.

    Output: a line for each: bytes of data, bytes of all replicas, number of blobs, name, with tabs between.
    JSON: a list of such lists.

    \b
    Examples:
      $ ddfs du -H data:log
      1.2G  3.6G  19  data:log
      $ ddfs du -j @
    """
    found = session()
    ddfs = found.ddfs
    if job_mode:
        names = jobs_of(found, tags) if tags else _finished(found)
        used = [(*_usage(ddfs, expand(ddfs, inputs_of(found, [job], True))), job) for job in names]
    else:
        used = list(_of_tags(ddfs, tags_of(ddfs, tags, prefix)) if tags else _of_all(ddfs))
    found.emit(used, _lines(used, 2, human))


def _of_tags(ddfs: DDFS, names: Iterable[str]) -> Iterator[tuple[int, int, int, str]]:
    for name in names:
        yield (*_usage(ddfs, ddfs.blobs(name, ignore_missing=False)), name)


def _of_all(ddfs: DDFS) -> Iterator[tuple[int, int, int, str]]:
    """Tags that want another token, or go meanwhile, are named and left out."""
    for name in ddfs.list():
        try:
            yield (*_usage(ddfs, ddfs.blobs(name)), name)
        except CommError as error:
            if error.code not in (401, 404):
                raise
            click.echo(f"{name} is left out: {error.msg}", err=True)


def _finished(found: Session) -> list[str]:
    return [name for _started, status, name in found.disco.joblist() if status == "ready"]


def _usage(ddfs: DDFS, blobs: Iterable[Sequence[str]]) -> tuple[int, int, int]:
    from ...client.push import concurrently

    blobs = {tuple(blob): None for blob in blobs}
    sizes = list(concurrently(lambda blob: (ddfs.blob_size(blob), len(blob)), blobs))
    return sum(size for size, _ in sizes), sum(size * count for size, count in sizes), len(sizes)


@click.command(cls=Command)
@human_option
def df(human: bool) -> None:
    """Print the disk space of each node.

    Output: a line for each: bytes in all, used and free, percentage used, node, with tabs between.
    JSON: a list of such lists.

    \b
    Example:
      $ ddfs df -H
      98.2G  41.0G  57.2G  42%  localhost
    """
    found = []
    for node, about in session().disco.nodeinfo().items():
        used, free = about.get("diskused", 0) * KIB, about.get("diskfree", 0) * KIB
        share = f"{100 * used / (used + free):.0f}%" if used + free else "-"
        found.append((used + free, used, free, share, node))
    session().emit(found, _lines(found, 3, human))


@click.command(cls=Command)
@click.option("-i", "--ignore-case", is_flag=True, help="Upper and lower case are the same.")
@click.option("-F", "--fixed", is_flag=True, help="PATTERN is plain text.")
@click.option("-c", "--count", is_flag=True, help="Print only how many lines match.")
@prefix_option
@click.argument("pattern")
@click.argument("tags", nargs=-1, required=True, type=TAG)
def grep(
    ignore_case: bool, fixed: bool, count: bool, prefix: bool, pattern: str, tags: Sequence[str]
) -> None:
    """Print the lines (of chunks: the records) in tags that match a regular expression.

    All data pass through this machine: for much data, run a job.

    Output: the lines; with -c their number. JSON: a list of them. The exit status is 1 if none matches.

    \b
    Example:
      ddfs grep -i ' 404 ' data:log
    """
    raw = (re.escape(pattern) if fixed else pattern).encode()
    try:
        wanted = re.compile(raw, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise click.BadParameter(
            f"{pattern!r} is no regular expression: {error}; -F takes it as text"
        ) from None
    found = _matches(wanted, tags_of(session().ddfs, tags, prefix))
    if count:
        number = sum(1 for _ in found)
        session().emit(number)
    elif session().json:
        texts = [line.decode("utf-8", "backslashreplace") for line in found]
        number = len(texts)
        session().emit(texts)
    else:
        number = 0
        out = binary_out()
        for number, line in enumerate(found, 1):  # noqa: B007 - the number of the last
            out.write(line + b"\n")
    if not number:
        click.get_current_context().exit(EXIT_ERROR)


def _matches(wanted: re.Pattern[bytes], tags: Iterable[str]) -> Iterable[bytes]:
    from . import reading

    ddfs = session().ddfs
    for tag in tags:
        for blob in ddfs.blobs(tag, ignore_missing=False):
            yield from filter(wanted.search, reading.lines(ddfs, blob))


def _lines(table: Sequence[tuple[Any, ...]], sizes: int, human: bool) -> Iterable[str]:
    for row in table:
        shown = [readable(value) if human else str(value) for value in row[:sizes]]
        yield "\t".join([*shown, *map(str, row[sizes:])])


def readable(size_bytes: float) -> str:
    """`1536` as `1.5K`."""
    for unit in _UNITS:
        if size_bytes < KIB or unit == _UNITS[-1]:
            break
        size_bytes /= KIB
    return f"{size_bytes:.0f}{unit}" if unit == "B" else f"{size_bytes:.1f}{unit}"


COMMANDS = [du, df, grep]
