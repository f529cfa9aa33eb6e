"""Commands that show what is stored: blobs, their bytes, their records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from ..frame import Command, binary_out, read_arguments, session
from ..naming import Blob, check_local, expand, inputs_of, tags_of
from .functions import function_named, reader_option, stream_option
from .tags import missing_option, prefix_option, tags_argument

jobs_option = click.option(
    "-j", "--job-mode", is_flag=True, help="The arguments are jobs: take their results."
)
urls_argument = click.argument("urls", nargs=-1)


def _sources(
    urls: Sequence[str], prefix: bool, job_mode: bool, ignore_missing: bool = False
) -> Iterator[Blob]:
    """The blobs that the arguments mean: URLs first, what tags hold last."""
    found = session()
    given = urls or read_arguments(())
    if prefix:
        given = [f"tag://{tag}" for tag in tags_of(found.ddfs, given, True)]
    inputs = sorted(inputs_of(found, given, job_mode), key=lambda one: str(one).startswith("tag://"))
    for one in inputs:
        check_local(session(), one)
    return expand(found.ddfs, inputs, ignore_missing=ignore_missing)


@click.command(cls=Command)
@missing_option
@prefix_option
@tags_argument
def blobs(ignore_missing: bool, prefix: bool, tags: Sequence[str]) -> None:
    """Print the blobs that can be reached from tags.

    Output: a line for each blob, with tabs between its replicas. JSON: a list of lists.

    \b
    Example:
      $ ddfs blobs data:week
      disco://a/ddfs/vol0/blob/3c/log-0$5b7-2d-1f  disco://b/ddfs/vol0/blob/3c/log-0$5b7-2d-1f
    """
    ddfs = session().ddfs
    names = tags_of(ddfs, tags, prefix)
    session().emit([blob for name in names for blob in ddfs.blobs(name, ignore_missing=ignore_missing)])


@click.command(cls=Command)
@click.option("--raw", is_flag=True, help="Write chunks as they are stored.")
@missing_option
@prefix_option
@jobs_option
@urls_argument
def cat(raw: bool, ignore_missing: bool, prefix: bool, job_mode: bool, urls: Sequence[str]) -> None:
    """Write the bytes of URLs and of tags' blobs to standard output.

    Blobs that `ddfs chunk` made are written as the records in them; --raw writes every blob as it is. A URL
    may be a file, a tag, a pattern of tags, or - for the bytes of standard input. Without any, one URL a line
    is read from standard input.

    Output: the bytes; what tags hold comes last. There is no JSON form.

    \b
    Examples:
      ddfs cat tag://data:log ./local.txt
      ddfs cat 'data:log:*' | gzip > log.gz
    """
    from . import reading

    out = binary_out()
    for blob in _sources(urls, prefix, job_mode, ignore_missing):
        for block in reading.content(session().ddfs, blob, raw):
            out.write(block)


@click.command(cls=Command)
@missing_option
@prefix_option
@jobs_option
@reader_option
@stream_option
@urls_argument
def xcat(
    ignore_missing: bool,
    prefix: bool,
    job_mode: bool,
    reader: str | None,
    stream: str | None,
    urls: Sequence[str],
) -> None:
    """Print the records of chunks and results.

    Output: a record a line, with tabs between the fields of a pair. JSON: a JSON value a line, bytes as text.

    \b
    Examples:
      disco results @ | ddfs xcat
      ddfs xcat -j @
      ddfs xcat -R mymodule.my_reader tag://data:log
    """
    from . import reading

    out = binary_out()
    for blob in _sources(urls, prefix, job_mode, ignore_missing):
        found = reading.records(session().ddfs, blob, function_named(reader), function_named(stream))
        for block in reading.text(found, reading.json_line if session().json else reading.line):
            out.write(block)


COMMANDS = [blobs, cat, xcat]
