"""Commands that look at stored data as a whole: how much there is, and what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from .frame import EXIT_ERROR, Command, binary_out, session
from .naming import tags_of
from .tags import prefix_option

if TYPE_CHECKING:
    from ..ddfs import DDFS

KIB = 1024
_UNITS = ("B", "K", "M", "G", "T", "P")
human_option = click.option("-H", "--human", is_flag=True, help="Sizes with K, M, G, T.")


@click.command(cls=Command)
@human_option
@prefix_option
@click.argument("tags", nargs=-1)
def du(human: bool, prefix: bool, tags: Sequence[str]) -> None:
    """Print how much tags hold: bytes of data, bytes of all replicas, number of blobs, tag.

    What several tags hold counts for each. Without tags, all of them.

    \b
    Example:
      $ ddfs du -H data:log
      1.2G  3.6G  19  data:log
    """
    ddfs = session().ddfs
    names = tags_of(ddfs, tags, prefix) if tags else ddfs.list()
    found = [(*_usage(ddfs, name), name) for name in names]
    session().emit(found, _lines(found, 2, human))


def _usage(ddfs: DDFS, tag: str) -> tuple[int, int, int]:
    from ..client.push import concurrently

    blobs = {tuple(blob): None for blob in ddfs.blobs(tag)}
    sizes = list(concurrently(lambda blob: (ddfs.blob_size(blob), len(blob)), blobs))
    return sum(size for size, _ in sizes), sum(size * count for size, count in sizes), len(sizes)


@click.command(cls=Command)
@human_option
def df(human: bool) -> None:
    """Print the disk space of each node: total, used, free, percentage used, node."""
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
@click.argument("tags", nargs=-1, required=True)
def grep(
    ignore_case: bool, fixed: bool, count: bool, prefix: bool, pattern: str, tags: Sequence[str]
) -> None:
    """Print the lines (of chunks: the records) in tags that match a regular expression.

    The exit status is 1 if none does. All data pass through this machine: for much data, run a job.
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
